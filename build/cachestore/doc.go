// Package cachestore keeps what one build leaves for the next.
//
// An Entry belongs to one app in one execution environment: dependencies for
// tests have no place in production. It holds the directory in which the app is
// built, with the layers below it, so that restoring a layer costs nothing:
// it is still there. What makes it trustworthy is its index (pack.Index), taken
// when the build that made it had succeeded: a layer whose files are not
// exactly those of its index is dropped before anyone sees it. That covers a
// build that was killed half-way, a person's editing hand and a full disk with
// one rule.
//
// Which index and which metadata belong together is written in one file,
// layers.toml, that is replaced as a whole; a kill leaves the old one, whose
// layers then match or are dropped. Looking at them is begun (Look) while it is
// found out who builds.
//
// What the processes of the sandbox cannot write, because a build of another
// user made it, is no use to them: such an entry is cleared when it is opened.
//
// An entry is locked while it is in use; a second build of the same app waits.
//
// A cache directory that a CI service packs and unpacks has other inodes and
// times. A layer that differs from its index in nothing else is read and its
// content compared with the recorded one, which takes some 0.2 s for 300 MB on
// two cores; then it has a new index, and its packed segments serve again
// (pack.DirStore.Renew).
//
// # The registry
//
// Machines that share nothing share a Registry: a tag that names an OCI image
// manifest (OCI Image Specification, "Image Manifest"). Its config, of a media
// type of its own, is the inventory: layers with their metadata as TOML, stores,
// SBOM. Its layers are the packed segments (gzip tars) and the SBOM files, each
// by the sha256 of its bytes. It holds no time and no name of a machine, so the
// same layers are the same manifest, and a build that changed nothing sends
// nothing.
//
//   - A segment that was packed for an image is the layer of the image: one
//     blob is both, and where image and cache are in one registry it is mounted
//     from the one repository into the other (OCI Distribution Specification,
//     "Mounting a blob from another repository"). Layers that are in no artifact
//     are packed for the cache, at the fastest gzip level.
//   - Pull comes before Restore: it reads the inventory and gets what the
//     buildpacks of the plan may reuse and the entry does not have, several
//     blobs at a time, each unpacked as it comes. Digest, diffID and content are
//     compared before a layer gets its place; then it is a layer of the entry
//     like any other, and its blob a packed segment like any other, so that
//     nothing unchanged is packed again and its digest need not be computed.
//   - The registry is right: what it has replaces another state of the same
//     layer on this machine. What it does not know stays.
//   - Layers for processes alone come too, although their buildpack sees their
//     metadata only: without their contents there is no slug, and no layer for
//     an image in another registry.
//   - Push comes after the artifacts. The tag is written last, when all blobs are
//     there: whoever reads it sees one cache or the other. When two builds push
//     at once the last one stays, whole. A tag is for one app; two apps that
//     share one take each other's cache away.
//   - Trouble is a warning: a registry that is closed, busy, broken or silent,
//     a tag that is something else, an inventory of another schema, a blob that
//     is missing, damaged or cut short. What fails for now is tried three times.
//     A transfer of which nothing is heard for a minute is given up.
//   - Who may write the tag decides what the next build finds: it deserves the
//     same care as the repository of the image.
//
// Credentials come from the keychain that the caller has; nothing of it is in
// the entry.
//
// It also describes and prunes the other caches of slugc, which are directories
// of files that can be fetched again (Files).
//
// # Dependencies
//
// go-containerregistry speaks the distribution protocol: tokens, uploads, mounts
// and comparing digests. klauspost/compress/gzip unpacks faster than the
// standard library.
// BurntSushi/toml keeps layer metadata in the types in which buildpacks wrote
// it, which JSON would not. x/sys/unix tells when a file was last read.
// x/sync/errgroup looks at several layers at a time.
package cachestore
