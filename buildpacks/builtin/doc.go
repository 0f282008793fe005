// Package builtin is the list of slugc's own buildpacks, as a value.
//
// They are Cloud Native Buildpacks like anyone's: Install lays each out as a
// directory with buildpack.toml, bin/detect and bin/build, and the cnb dialect
// runs those scripts in the sandbox. The scripts are the running binary itself
// under other names, so that slugc stays one file; Called and Run are how a
// binary notices and does it.
//
// libcnb saves the reading of a buildpack's inputs and the writing of its
// outputs.
package builtin
