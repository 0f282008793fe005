// Package oci makes an OCI image of a packed tree, exports it, and opens and
// describes images that exist. It implements "Exporter" of the CNB Platform API
// (0.15): the layers and their order, the labels, the environment and the
// entrypoint. Its "Rebaser" is build/oci/rebase.
//
// A Recipe says what goes into the image. Its Jobs tell build/pack which layers
// to make; its Assemble joins the segments with the layers of the Base. A
// Destination takes the image to an OCI layout, an archive of one, a registry or a
// Docker daemon.
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
//   - Images that are built on a machine for each platform come together in one
//     index, in the order of their platforms: the same images are the same index,
//     whichever came last. Joined says what several machines at once can rely on.
//   - A push is tried again blob by blob, and only where the error may pass.
//     Whether it is allowed is asked before a build. What went to one repository
//     of a registry is mounted in the others.
//   - What the previous image has is taken from it, byte for byte, even if
//     another program compressed it: who pulled that image has the layer. So an
//     image depends on the previous one where the two programs differ.
//   - Docker chains at most 125 layers; podman and containerd take more. What app
//     slices there is no room for stay in the last app layer, where they cost
//     transfers and nothing else. More layers of buildpacks are exported with a
//     warning: two of them in one would have one diffID, and the next lifecycle
//     could neither keep one nor replace it alone.
//
// # The reference
//
// TestReference exports the same build with the exporter of the reference
// lifecycle (v0.21.0) and compares diffIDs, their order, history, labels,
// environment, entrypoint, working directory and user. What differs on purpose:
//
//   - The execution environment is in the lifecycle label, as the specification
//     has it, and in a label of its own, as the reference has it.
//   - The history of the base keeps its times; the reference sets them to 1980.
//   - A process without arguments has none in the build label, where the
//     reference has null.
//   - A directory in which sockets are all that no slice took is in no layer;
//     the reference has it in the last.
//   - io.buildpacks.rebasable is not set: an image that no extension changed can
//     always be rebased.
//
// # Which test shows what
//
//	Platform API, exported image
//	  order of layers          TestJobs, TestReference/all layers
//	  tar rules                TestReference/all layers; build/pack has the rest
//	  launcher, process links  TestJobs
//	  history                  TestAssemble, TestSlices/names, TestReference
//	  config, entrypoint       TestAssemble, TestReference, TestRun
//	  labels                   TestAssemble, TestPrevious, TestReference
//	  SOURCE_DATE_EPOCH        TestAssemble "states the time that it is given"
//	  reproducible             TestAssemble "is the same image, byte by byte"
//	  reuse of layers          TestPrevious, TestReference with previous images
//	  too many layers          TestDepth
//	  several tags             TestRegistry, TestPushBeside
//	  several platforms        TestIndex, TestJoined
//	  registry that fails      TestRegistry, TestPushCheck
//	SBOM layer                 TestJobs, TestReference, TestPrevious
//	Slices
//	  globs, order, subtrees   TestSlices
//	  same layers as others    TestReference/slices, TestReference/random slices
//	  empty slice              TestSlices/names
//	Images that exist
//	  layout, archive, index   TestLayout, TestArchive, TestIndex, TestOpener
//	  next image in its place  TestRebaseInPlace
//	  image of an index        TestRebaseInPlace "replaces the image of an index"
//	  tree of -layout-dir      not supported here: a reference is one layout, oci:DIR[:TAG], TestLayout; a directory that
//	                           is something else, such as that tree, is refused: TestLayout "refuses a directory"
//	Image extensions
//	  layers of an extended    TestAssembleExtension
//	  run image
//
// # Dependencies
//
//   - go-containerregistry has the registry protocol with its authentication,
//     the types of manifests and configs, and the join of images.
//   - klauspost/compress/gzip unpacks layers and the launcher faster than the standard
//     library.
//   - x/sync/errgroup limits how many blobs are copied at a time.
package oci
