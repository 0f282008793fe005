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
// The cache is exported while the image is on its way, and counts only once the
// image has its names: a cache that is ahead of the image is of no use.
//
// # Differences
//
// Acceptance tests play analyzer, exporter and rebaser beside those of the reference
// lifecycle 0.21.0, and what they make is the same but for this:
//
//   - The execution environment is in the label io.buildpacks.lifecycle.metadata too,
//     as the specification has it.
//   - Layers that are reused are not added to a cache a second time.
//   - All layers of an OCI manifest have media types of OCI.
//   - /cnb/process is in PATH once, and a base without PATH gets the usual one rather
//     than the working directory.
//   - The label of an image in a layout has the digest of its run image, and
//     additional names are layouts of their own below the same directory.
//   - An exporter that fails does so before it makes anything, and goes on without
//     a previous image that is gone when it needs no layer of it.
//   - Who may not read or write an image gets exit code 32, also in set-up.
//   - A rebase keeps the history, the author and the time of creation of the app,
//     and takes the variant of the new base.
//   - Errors about labels, registries and files say what to do.
//
// Phases run inside the container that a platform made, which is the sandbox:
// buildpacks work where everything is.
package lifecycle
