// Package xz decompresses .xz files (The .xz File Format 1.1.0) made with the
// filter LZMA2 alone, as Debian's packages and lists are.
//
// There are libraries for it, but most of the time of making a root filesystem
// is this. The fastest in Go, therootcompany/xz, takes 1.75 times the time of
// this package, measured with packages of Debian; ulikunitz/xz 2.5 times. Both
// keep the state of the decoder in memory for each bit, and take a branch on
// each, half of which no processor foresees.
//
// What it decided:
//
//   - A chunk of LZMA2, at most 64 KiB, is read as a whole and is followed by
//     zeros, so that its end is looked for once in a symbol.
//   - The range decoder is a value that functions return. Bits that can be
//     foreseen take a branch; those of bytes, lengths and distances do not, and
//     the probabilities of both that may come next are read ahead.
//   - The dictionary is a ring that grows with the content, up to a limit, so
//     that little content takes little memory, and is used again by the next
//     reader, since pages that are new to a process cost time.
//   - Checksums are checked where a file has them, the index always, but only
//     when they come, after the content. A kind of checksum that the
//     specification does not define is an error.
//   - What the specification leaves open for later, and other filters, are
//     ErrUnsupported.
//   - The first byte of a chunk, which is always 0, is not looked at, as XZ
//     Embedded does not either.
package xz
