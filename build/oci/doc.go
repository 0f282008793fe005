// Package oci opens and describes OCI images, and takes images to where they
// belong: a Destination is an OCI layout, an archive of one, a registry or a Docker
// daemon. It has the labels of the CNB Platform API (0.15), which say what an image
// is made of. What makes an image of a packed tree is build/oci/assemble, and what
// puts one on another base build/oci/rebase.
//
// What it decided:
//
//   - Nothing of a layer is in memory, and a layer of the base is read only if the
//     destination lacks it.
//   - A destination is changed in one step at the end, so that a failure, or
//     a kill, leaves what was there. A blob gets its name when it is whole and
//     its sha256 is right.
//   - Images that are built on a machine for each platform come together in one
//     index, in the order of their platforms: the same images are the same index,
//     whichever came last. Joined says what several machines at once can rely on.
//   - A push is tried again blob by blob, and only where the error may pass.
//     Whether it is allowed is asked before a build. What went to one repository
//     of a registry is mounted in the others.
//
// # Which test shows what
//
//	Destinations
//	  several tags             TestRegistry, TestPushBeside
//	  several platforms        TestIndex, TestJoined
//	  registry that fails      TestRegistry, TestPushCheck
//	Images that exist
//	  previous image, its SBOM TestPrevious
//	  layout, archive, index   TestLayout, TestArchive, TestIndex, TestOpener
//	  next image in its place  TestRebaseInPlace
//	  image of an index        TestRebaseInPlace "replaces the image of an index"
//	  tree of -layout-dir      not supported here: a reference is one layout, oci:DIR[:TAG], TestLayout; a directory that
//	                           is something else, such as that tree, is refused: TestLayout "refuses a directory"
//
// # Dependencies
//
//   - go-containerregistry has the registry protocol with its authentication,
//     the types of manifests and configs, and the join of images.
//   - klauspost/compress/gzip unpacks layers faster than the standard
//     library.
//   - x/sync/errgroup limits how many blobs are copied at a time.
package oci
