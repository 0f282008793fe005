// Package lifecycle is the phases of the Cloud Native Buildpacks lifecycle: analyze,
// detect, restore, build, export, and create, which is all of them (CNB Platform
// API, "Operations"). A phase is a struct with its own inputs and a Run method. What
// a version of the Platform API means is in a platform.API.
//
// The exporter reads from disk what the builder left (readTree), so that both can be
// of different lifecycles. A restored layer is walked once; while its directory is
// unchanged (pack.Index) its diffID is known, and it is neither packed nor read,
// for the image and for the cache.
//
// What the cache is short of costs time and nothing else: where its directory is full
// or cannot be written to, an image is exported without it, with a warning.
//
// What the restorer does otherwise than the reference (v0.21.0), which
// TestRestoreLikeReference compares it with:
//
//   - The metadata of a layer that the cache has not whole is removed with it. The
//     reference leaves it, so that buildpacks take the layer for restored, and then the
//     export fails.
//
// Phases run inside the container that a platform made, which is the sandbox:
// buildpacks work where everything is.
package lifecycle
