// Package xz reads the .xz file format, version 1.2.1, as dpkg-deb and xz write
// it: one stream with LZMA2 as the one filter, any of the checks.
//
// It exists for speed and for bounds. Nearly all the time that a root
// filesystem takes is spent in LZMA; this decoder works on a chunk at a time in
// memory and takes a third less time than github.com/ulikunitz/xz, which the tests
// hold it against. A stream that wants a larger dictionary than xz -9 has, or
// whose sizes are lies, is refused before memory is taken.
//
// LZMA2 has no specification of its own. The format of chunks is described in
// the comments of XZ Embedded and LZMA itself in the LZMA specification (draft)
// of the LZMA SDK, whose names of probabilities are kept.
package xz
