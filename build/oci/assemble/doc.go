// Package assemble makes an OCI image of a packed tree: "Exporter" of the CNB
// Platform API (0.15), the layers and their order, the labels, the environment and
// the entrypoint. Where the image goes is for the destinations of build/oci.
//
// A Recipe says what goes into the image. Its Jobs tell build/pack which layers
// to make; its Assemble joins the segments with the layers of the base.
//
// What it decided:
//
//   - Nothing of a layer is in memory: a layer is the file that build/pack
//     made.
//   - The image depends on the tree, the base and the launcher alone. Times are
//     1980-01-01T00:00:01Z unless SOURCE_DATE_EPOCH says otherwise, modes and
//     owners of directories above the layers are fixed, and a base that was
//     read from a file is recorded by its digest.
//   - The app directory, the layers directory and all between them belong to
//     the user of the app, who has to write there; what lies above belongs to
//     root.
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
//	SBOM layer                 TestJobs, TestReference
//	Slices
//	  globs, order, subtrees   TestSlices
//	  same layers as others    TestReference/slices, TestReference/random slices
//	  empty slice              TestSlices/names
//	Image extensions
//	  layers of an extended    TestAssembleExtension
//	  run image
//
// # Dependencies
//
//   - go-containerregistry has the types of manifests and configs, and the join of
//     images.
//   - klauspost/compress/gzip unpacks the header of the launcher.
package assemble
