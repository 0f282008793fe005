// Package oci makes an OCI image of a packed tree, exports it, and opens,
// describes and rebases images that exist. It implements "Exporter" of the CNB
// Platform API (0.15): the layers and their order, the labels, the environment
// and the entrypoint; and its "Rebaser".
//
// A Recipe says what goes into the image. Its Jobs tell build/pack which layers
// to make; its Assemble joins the segments with the layers of the Base. A
// Destination takes the image to an OCI layout, an archive of one, or a
// registry.
//
// What it decided:
//
//   - Nothing of a layer is in memory: a layer is the file that build/pack
//     made, and a layer of the base is read only if the destination lacks it.
//   - The image depends on the tree, the base and the launcher alone. Times are
//     1980-01-01T00:00:01Z unless SOURCE_DATE_EPOCH says otherwise, modes and
//     owners of directories above the layers are fixed, and a base that was
//     read from a file is recorded by its digest.
//   - The app directory, the layers directory and all between them belong to
//     the user of the app, who has to write there; what lies above belongs to
//     root.
//   - A destination is changed in one step at the end, so that a failure, or
//     a kill, leaves what was there. A blob gets its name when it is whole and
//     its sha256 is right.
//   - A push is tried again blob by blob, and only where the error may pass.
//   - A rebase changes what the specification names and keeps the rest: the
//     history, members of labels that nobody here knows, the time of creation.
//     So a rebase there and back gives the first digest. It says of every rule
//     that forbids a base what the app has and what the base has.
//   - A base from a file has no name that an app could follow. An app that was
//     built on one takes any base for its target; an app that names its base
//     takes one from a file only if it is forced.
//
// # Dependencies
//
//   - go-containerregistry has the registry protocol with its authentication,
//     the types of manifests and configs, and the join of images.
//   - x/sync/errgroup limits how many blobs are copied at a time.
package oci
