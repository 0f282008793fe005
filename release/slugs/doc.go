// Package slugs keeps the slugs of releases, each under the digest of its bytes:
// DIR/<sha256>.tgz.
//
// A slug is written beside its name, flushed and renamed, and then its directory
// is flushed: a name never holds half a slug, and one that was kept stays kept
// when the power fails. It is a copy, which shares its blocks with the original
// where the file system can do that; never a hard link, since the original is a
// person's, who may write to it. Before a slug is run its digest is looked at
// again.
//
// Whoever keeps a slug for a release holds the store until the ledger has the
// release. Nothing is removed meanwhile.
//
// x/sys/unix has the system call that shares blocks.
package slugs
