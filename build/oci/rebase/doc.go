// Package rebase puts the app of an image on another base, without a build: the
// "Rebaser" of the CNB Platform API (0.15). It works on what build/oci opens, and
// what it makes goes where build/oci takes images.
//
// What it decided:
//
//   - A rebase changes what the specification names and keeps the rest: the
//     history, members of labels that nobody here knows, the time of creation.
//     So a rebase there and back gives the first digest. It says of every rule
//     that forbids a base what the app has and what the base has.
//   - A base from a file has no name that an app could follow. An app that was
//     built on one takes any base for its target; an app that names its base
//     takes one from a file only if it is forced.
//   - No layer is read: those of the app and of the base are handed on as they were
//     opened, and a registry that has them is told where.
//
// # Which test shows what
//
//	choice of the run image  TestDefaultBase
//	swap of layers           TestRebase
//	in place, of an index    TestRebaseInPlace of build/oci
//	rules, force             TestRebaseRules
//	extended run image       an image that says io.buildpacks.rebasable=false is
//	                         refused: TestRebaseRules
//	labels of others         TestRebase "keeps what it does not know", FuzzRebase
//
// # Dependencies
//
// go-containerregistry has the types of manifests and configs, and reads the names of
// images.
package rebase
