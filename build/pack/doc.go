// Package pack turns directories into segments: compressed runs of tar
// entries, made in one streaming pass and never read a second time. It also
// holds the fingerprint index that tells whether a directory changed.
//
// # The stream
//
// A segment is a sequence of gzip members (RFC 1952, section 2.2, allows them
// to be concatenated). The body of a file of at least 16 KiB is cut into
// members of at most 256 KiB that hold nothing else; small files and all tar
// headers are gathered, in order, into mixed members of up to 256 KiB. Where the
// cuts lie depends on the entries alone, so the bytes are the same on any
// number of cores; a mixed member of 64 KiB ends before the next path that
// says so, so that an edit moves few cuts. When several segments hold the same file, in two shapes of
// a layer or in an app that is whole in an image and split in a slug, its body
// is read once, compressed once for each level, and the members go into each
// stream; only the mixed members are made per segment. For the same reason the members of an
// unchanged file are copied from an earlier segment, and only its raw sha256
// is taken again. So are mixed members, when the sha256 of their headers and of the
// sums of their files is that of an earlier one. Of a file that was written again,
// such as a program that was compiled again, the members are copied whose bytes at
// the same offset are the same: what has the same checksum is unpacked and compared.
//
// Pieces of 4 KiB that are compressed already, by the look of them, are stored in
// their member as they are, which takes a tenth of the time of an attempt and no
// more room.
//
// A raw segment has neither members nor gzip, and is made in the same pass as
// those that have.
//
// # The entries
//
// They are what the reference implementation of the Cloud Native Buildpacks
// lifecycle writes for the same directory, so that layers have the same
// diffIDs (Platform API, "export"): lexical order, times, owners and names as
// the Shape says, sockets left out, extended attributes dropped, hard links as
// full copies. Devices and named pipes are errors.
//
// # The index
//
// A regular file is unchanged if its path, mode, size, modification time,
// change time and inode are; a symbolic link if its target is; a directory if
// its mode is, for what it holds is compared entry by entry. Device numbers do
// not count: overlay, btrfs and network file systems hand them out anew at
// every mount, and a change time together with an inode is as hard to forge
// without them. Walk returns only when the clock has passed the newest change
// time, so that a later write cannot hide behind an equal one.
//
// A directory's own times change with each entry that comes to it or goes from it.
// So a Walk that knows an earlier index reads no directory whose times and inode are
// still those (WalkOptions.Known), and looks at each of the files that were there.
//
// Files below 16 KiB also carry a hash of their content, because many
// buildpacks write their environment files anew at every build: if only such
// files differ, they are read again, and equal content is no change.
//
// # The store
//
// What Pack makes rests in a Store, under a key of everything that decides the
// bytes. Trouble with a store never makes a wrong segment: records carry a
// checksum, blobs are flushed to disk before a record names them, and a blob
// whose own fingerprint is not the recorded one is made anew.
//
// A directory that was copied, with tar for one, has other fingerprints and the
// same Contents; Renew gives the records of such a copy its new index. A record
// can also come from another machine: its Key, which is the same wherever a part
// is packed in a shape, says what it is a record of.
//
// # Dependencies
//
//   - archive/tar makes the headers that are out of the ordinary, so that PAX
//     records are the reference's.
//   - klauspost/compress compresses three times as fast as the standard library at
//     the same level and size.
//   - x/sync/errgroup waits for the goroutines of a pass and keeps the first
//     error.
//   - x/sys/unix reads directories and files relative to an open directory,
//     and nanosecond times and inodes with them.
package pack
