// Package deb reads Debian binary packages, format 2.0 of deb(5), and unpacks
// many of them into one root filesystem.
//
// A .deb is an ar archive (ar(5), the System V and GNU names without
// extensions) with the members debian-binary, control.tar and data.tar, the
// latter two plain or compressed with xz, gzip or zstd. The deprecated bzip2
// and lzma are refused, as is an xz filter other than LZMA2, which dpkg-deb
// does not write either. Signatures and sums are not looked at here: what
// arrives was checked when it was downloaded.
//
// What it decided:
//
//   - Packages are unpacked in parallel, the biggest first, and the tree does
//     not depend on which is done when. Where two have the same file, the later
//     of the list has it: which of them replaces the other is said in control
//     files, and who lists them has read those. A path that is a directory in
//     one package and something else in another is an error, as is a file of
//     two packages that the earlier has hard links to.
//   - Links that are in the root before, such as /bin to /usr/bin, stay. What a
//     package has in ./bin lands in /usr/bin, and its directory ./bin is that
//     of /usr/bin, as when dpkg unpacks. Links that packages bring are not
//     followed: no package has files below one.
//   - Owners are the numbers of the archive, not the names: Debian gives its
//     system users and groups of packages fixed numbers.
//   - Times are not kept. An image has its own, and it costs a system call per
//     file.
//   - A path that is left out is left out by the name that the package has for
//     it, as with dpkg's path-exclude.
//   - On an error what was written stays; the caller throws the root away.
//
// Third-party: klauspost/compress has zstd, which the standard library lacks,
// and a faster gzip. x/sync/errgroup unpacks several packages at once.
package deb
