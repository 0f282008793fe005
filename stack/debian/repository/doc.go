// Package repository brings indexes and packages from Debian's archives to this
// machine, verified from the signature of the archive down to each .deb
// (DebianRepository/Format in Debian's wiki, apt-secure(8)).
//
// # What is trusted
//
// The keys of a keyring, and nothing else. An InRelease file counts when one of
// its signatures is good: by a key that was valid when it signed, over a hash
// that is not weak. The signed text alone is read, and a file with anything
// around it is refused, as apt does. It has to be the suite that was asked for,
// not from the future (clocks may differ by a day) and not expired; with
// Sources.Snapshot set, at the time of the snapshot. An older one than the last
// from the same address is passed over for that, as apt does it, so that nobody
// can hold back updates that were seen. From there SHA-256 leads to
// the Packages files, compressed and not, and on to the packages; what is
// compressed is verified before it is unpacked. Weaker checksums are not read.
//
// The keyring is debian-archive-keyring.gpg, as it is in Debian's package
// debian-archive-keyring 2023.3+deb12u2
// (/usr/share/keyrings/debian-archive-keyring.gpg), which has the keys of
// Debian 10 to 13. To renew it, copy the file from a newer version of the
// package on a Debian system, where apt has verified it; the acceptance tests
// tell whether it verifies the suites that slugc's stacks are made of.
//
// # The cache
//
//	releases/<suite>_<address>  InRelease files, verified again whenever read
//	lists/<sha256>              Packages files, uncompressed
//	debs/<sha256>.deb           packages
//
// Each file is written beside and renamed, so that two processes can use the
// cache at once; what a killed one left is removed after an hour. Files are
// hashed whenever they are used: at more than 1 GB/s that costs a tenth of a
// second for the packages of a build image, half of it for the largest index,
// and a damaged cache heals itself. Nothing is synced to disk for the same
// reason. Packages files that nobody read for a month are removed; packages
// stay, because a lock may name them when no mirror has them any more.
//
// Updating from a warm cache fetches InRelease files alone. Stanzas are found
// by walking over the bytes once and are parsed when they are asked for. All of
// it takes 0.1 s for Debian 13 on two cores; a table of names in the cache would
// save half of that, and is not worth a second form of the same thing.
//
// What this machine's disk does not take is a CacheError, with the file and what
// is free, and never a fault of the mirror that was read from meanwhile.
//
// Offline, an index that expired is accepted: it was valid when it was fetched,
// and there is no other. Index.Releases tells how old it is.
//
// # Mirrors
//
// Files under their checksum (Acquire-By-Hash) are preferred, since they stay
// while a mirror changes. Of the forms that are listed .gz comes before .xz: it
// takes a fifth of the time for a third more bytes.
// When a file is not what the InRelease file says, that is fetched a second
// time, once. Addresses may be file URLs, for mirrors on disk.
//
// # Dependencies
//
//   - ProtonMail/go-crypto verifies OpenPGP signatures; its v2 looks at all
//     signatures of a text, and at the key as it was when it signed.
//   - klauspost/compress/gzip is twice as fast as the standard library.
//   - x/sync/errgroup waits for what is fetched at the same time.
//   - x/sys/unix tells how much room a disk has.
package repository
