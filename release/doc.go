// Package release holds what a deploy needs to know of a build, and how an app
// gets from one release to the next.
//
// Record is the release record (release.json). It says what was built, from what,
// by whom, and which process types there are. It says nothing about how it was made
// and carries no time: the same input gives the same bytes.
//
// Release is number N of an app: an Artifact with a Config. Maker makes releases,
// whichever way: of a new artifact, of a changed config, of an earlier release. It
// looks at what the app needs (Needs), has the release phase run (Phase), and leaves
// the rest to a Book, which is a Ledger that can be written. Whoever runs processes
// needs the Ledger alone: which release is current, its config, and to be told of
// the next.
//
// What was decided, and why:
//
//   - A release never changes, and the current one is the last that succeeded. So
//     there is no second place that says what runs, and none that could differ.
//   - One release of an app is made at a time. A second waits for the first, its
//     release phase included, and takes up what that left.
//   - Config belongs to a release. A change whose release phase fails is not in
//     force, and not in what the next change begins with.
//   - What app.json asks for is looked at whenever an artifact is released, and what
//     it generates is made once. Variables that it gives a value are set where there
//     is none.
//   - An add-on is attached when the config has its address.
//   - A slug and an image are kept by their digest when they are released (Kept): what
//     runs is what was released, wherever a tag or a file of that name is by then.
package release
