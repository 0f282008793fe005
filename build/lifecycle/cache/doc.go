// Package cache keeps layers of buildpacks from build to build, by their diffIDs,
// in the formats of the reference lifecycle (v0.21.0): what it left is read, and
// it reads what is left here (CNB Platform API, "Cache").
//
// A volume is a directory:
//
//	committed/<diffID>.tar                               a layer, not compressed
//	committed/io.buildpacks.lifecycle.cache.metadata     what they are, in JSON
//	staging/                                             the next state in the making
//	committed-backup/                                    the state before, for an instant
//
// Beside them slugc has records of its own, slugc/v1, with which an unchanged layer is
// neither unpacked nor read (Records); the reference passes them over.
//
// An image has the layers, compressed, and the metadata as a label. It is pushed only
// where it is another one than before.
//
// TestVolumeConforms and TestImageConforms are what both kinds do. In cmd/lifecycle,
// TestCacheBothWays builds with both programs on one cache.
//
// A next state of a volume replaces the one before by two renames. Where a process was killed
// between them, the state before is put back when the volume is opened.
//
// Layers come from somewhere else, so they are unpacked into a directory beside
// their own, which gets its name when their sha256 is right. Nothing of them
// reaches out of it.
//
// go-containerregistry speaks with the registry of a cache image. x/sys/unix has the
// errors of a file system that takes no more.
package cache
