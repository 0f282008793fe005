// Package lifecycle is the phases of the Cloud Native Buildpacks lifecycle: analyze,
// detect, restore, build, export, rebase, and create, which is the first five (CNB
// Platform API, "Operations"). A phase is a struct with its own inputs and a Run method. What
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
// What the cache is short of costs time and nothing else: where its directory is full
// or cannot be written to, an image is exported without it, with a warning.
//
// Phases run inside the container that a platform made, which is the sandbox:
// buildpacks work where everything is.
//
// Image extensions speak in the detector, when it has found a group (Generator), and
// the restorer gets what is to be known of the images that they chose (Images). The
// extender applies their Dockerfiles to the image whose container it runs in; what
// those can say is in the package extend.
//
// # Differences
//
// Acceptance tests play every phase beside that of the reference lifecycle 0.21.0, for
// every Platform API; what is not the same is in tables of theirs, and on purpose:
//
//   - Blobs are compressed in parts, and the version of the launcher is ours: the
//     digests of manifests differ, diffIDs do not.
//   - The execution environment is in the label io.buildpacks.lifecycle.metadata
//     too, as the specification has it.
//   - What a cache takes over is not added to it a second time.
//   - Errors and warnings about what a buildpack left name the buildpack, the file
//     and what is expected; one warning is not said twice, and its words are no
//     format. Which API cannot be read is said.
//   - A buildpack for another execution environment is in no group, and the detector
//     says nothing of it on debug level.
//   - Layers of a buildpack come in the order of their names, of which one may be the
//     beginning of another, and not in that of their files.
//   - Buildpacks of API 0.7 get the variables of directories of API 0.8.
//   - A version in a build plan is metadata.version, whatever the API.
//   - A process that is to be the default and is none ends the exporter before it
//     makes layers.
//   - What is wrong with a layer of a cache is said, once, by who needs it: the file
//     of a layer whose directory is in the records of the cache is not read. What
//     the buildpack makes in its place replaces it.
//   - A launcher for another machine, and named pipes in the app, end the exporter.
//   - A whole number in a store is one again when it is restored, and restored files
//     always have the mode 0644.
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
//   - The metadata of a layer that the cache has not whole is removed with it, so that
//     no buildpack takes the layer for restored (TestRestoreLikeReference).
//   - Dockerfiles of extensions are applied without kaniko. What is not supported ends
//     the extender before it does anything (package extend); files that COPY brings
//     belong to root, as Docker has it; commands have the proxies of the container. What
//     instructions change is kept for the next build in slugc/v1 of the same volume,
//     and counts only while nobody but root can have written it.
//   - Layers of an extended run image have the time of all layers, so that the same
//     commands make the same layers; those of kaniko are new each time.
//   - What an extension without bin/generate brings along goes to the generated
//     directory for every Platform API (TestReferenceExtensions).
//   - The restorer makes no directory for images that are to be extended where a
//     platform has none.
//   - A run image is extended for an image in a layout too.
//
// # Dependencies
//
//   - go-containerregistry has the types of images, and adds layers to one that is
//     extended.
//   - BurntSushi/toml writes what is restored beside a layer, with the bytes of the
//     reference.
//   - x/sync/errgroup waits for what is exported or restored at once; x/sys/unix has
//     the errors of a file system that takes no more.
//   - klauspost/compress/gzip unpacks layers faster than the standard library.
package lifecycle
