// Package version is what an app asks of the version of a tool, and which of
// several places that ask is heard.
package version
