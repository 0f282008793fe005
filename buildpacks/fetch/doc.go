// Package fetch turns what a person writes after -b into a buildpack on disk:
// a directory for now. The files in it decide the dialect, not a flag.
package fetch
