// Package layer is how a language buildpack keeps what it made until the next
// build (CNB Buildpack API, "Layer Types"), and moves trees of files about.
//
// Decisions:
//
//   - A layer states what it was made of, its inputs, in its metadata. It is kept
//     when they are the same, and then nothing in it is touched: whoever packs
//     it afterwards can tell by the times of its files that it need not be read.
//     When it is not kept, the reason is words for a person.
//   - What is made anew is made in a scratch directory beside the layers and
//     renamed into its place, so that a build that was cut off leaves the layer
//     of the build before it, or none.
//   - What is removed is put aside and deleted at the end: some file systems are
//     slow to create files right after many were deleted.
//
// Third-party: libcnb holds the vocabulary of a buildpack.
package layer
