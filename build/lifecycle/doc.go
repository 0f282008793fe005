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
// Phases run inside the container that a platform made, which is the sandbox:
// buildpacks work where everything is.
package lifecycle
