// Package tool runs the package managers that come with a language, and the
// scripts of an app that they run.
//
// A buildpack already stands in slugc's sandbox, or in the container of another
// CNB platform, so a tool is started as it is: with an environment that was put
// together for it, in a process group that ends with the build.
package tool
