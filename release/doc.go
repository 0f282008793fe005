// Package release holds what a deploy needs to know of a build: the release
// record (release.json). It says what was built, from what, by whom, and which
// process types there are. It says nothing about how it was made and carries no
// time: the same input gives the same bytes.
package release
