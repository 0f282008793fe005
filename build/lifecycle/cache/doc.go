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
// A next state replaces the one before by two renames. Where a process was killed
// between them, the state before is put back when the volume is opened.
//
// Layers come from somewhere else, so they are unpacked into a directory beside
// their own, which gets its name when their sha256 is right. Nothing of them
// reaches out of it.
package cache
