// Package beside writes the files of destinations so that their names never
// hold half of them: an unfinished file lies in the same directory under a name
// with a prefix of its own and takes the final name when it is whole and on
// disk.
//
// A build that is killed leaves the unfinished file. The copy of a source
// passes over such names (detect.UnfinishedPrefix). Sweep removes those that
// are a day old; it is for directories that are slugc's own, such as an OCI
// layout, and not for a person's.
//
// Slugs, images and release records are written this way. Caches have ways of
// their own: they need not survive the loss of power, and what is unfinished
// lies in their scratch space.
//
// x/sys/unix asks whether a directory may be written to.
package beside
