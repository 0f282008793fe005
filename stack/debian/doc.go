// Package debian makes root filesystems of Debian's signed packages, as an
// ordinary user, without dpkg and without running anything of them.
//
// Maker tells the story: the archive's index is fetched and verified
// (repository), dependencies are resolved (resolve), the .debs are fetched and
// verified (repository), unpacked (deb), and what their maintainer scripts
// would have done is done (configure). The result depends on the Lock alone:
// the exact packages with their checksums. With a lock the index is not asked,
// and the same bytes come out years later, as long as the packages are in the
// cache or on a mirror that keeps them.
//
// What it decided:
//
//   - A root filesystem is for one architecture, and no code of it runs, so that
//     one for arm64 is made on amd64.
//   - Owners and special mode bits, which an ordinary user cannot give to files,
//     are not on disk but in stack.Attributes; whoever packs an image adds them.
//   - The highest version of a package in all suites wins, so that security
//     updates are in from the first minute.
//
// Third-party: BurntSushi/toml reads and writes the lock.
package debian
