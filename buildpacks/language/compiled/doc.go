// Package compiled is what buildpacks of compiled languages have in common once
// the programs are there: the app gets links to them, and loses the source that
// they were made of.
package compiled
