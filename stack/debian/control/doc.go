// Package control reads Debian's control data: stanzas of fields (deb822(5),
// Debian Policy 5.1), versions (Policy 5.6.12) and relations between packages
// (Policy 7.1). It is a leaf: it knows no archive, no network and no disk.
//
// Decisions:
//
//   - Stanzas are windows on the bytes of a file. A Packages file has 56 MB in
//     68 000 stanzas, of which a closure needs some hundred: finding the name of
//     each takes some 20 ms, and other fields are read when they are asked for.
//   - Relations have a parser of our own. pault.ag/go/debian/dependency reads
//     the relations of today's archive right, but takes three times as long, ends
//     silently at a NUL byte, takes "[amd64]" and line ends for parts of names,
//     and accepts names and versions of any form. What is read here ends up in
//     file names and messages, so that it has to have the form that Policy
//     gives it.
//   - Build profiles are read over: they have a meaning only in the relations of
//     sources. The operators "<" and ">", which Policy 7.1 took away, mean "<="
//     and ">=", as they do for dpkg.
//
// Third-party: pault.ag/go/debian/version saves the order of versions, which is
// a small page of rules that dpkg alone defines.
package control
