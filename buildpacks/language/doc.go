// Package language is what the buildpacks of languages have in common: what
// bin/detect answers, how bin/build begins and ends, and how a runtime becomes a
// layer.
//
// A buildpack of a language reads the app and refuses what cannot be built,
// before anything is downloaded; it installs a runtime and a package manager;
// it brings the packages of the lock file into layers; it runs the app's build;
// it says how the app starts. What several need of that has a room of its own:
//
//	language           Passes and Fails: what bin/detect answers; Build: one run of
//	                   bin/build; Install: a runtime as a layer
//	language/appfile   the files by which an app says what it needs
//	language/version   what an app asks of the version of a tool
//	language/layer     what is kept until the next build, and why it is not
//	language/outcome   what a build made in the app, kept for the same source
//	language/compiled  programs that were built, and the source that goes
//	language/failure   why a tool did not succeed, and what to type
//	language/limits    how much of a machine is an app's own, at launch
//	language/sbom      what was installed, as a bill of materials
//
// Their tests build in the places of language/languagetest.
//
// A build that fails leaves what it fetched to the next one: the layers of which
// the language said that they are whole (Build.Whole), such as a verified tool
// and the cache of a package manager that never leaves half a file in it.
//
// Each buildpack imports these and runtime, and none imports another one: they
// meet in the build plan.
//
// Third-party: libcnb holds the vocabulary of a buildpack.
package language
