// Package debiantest makes Debian archives for tests: packages that are real
// .deb files (deb(5)), Packages and Release files, InRelease files that are
// signed with a key of the test, and a server for all of it.
//
// Nothing is mocked: what a test gets to see is an archive that apt would take,
// until the test damages it.
//
// Third-party: ProtonMail/go-crypto signs, ulikunitz/xz and klauspost/compress
// compress as Debian does.
package debiantest
