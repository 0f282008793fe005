// Package builtin is the list of slugc's own buildpacks, as a value.
//
// They are Cloud Native Buildpacks like anyone's: Install lays each out as a
// directory with buildpack.toml, bin/detect and bin/build, and the cnb dialect
// runs those scripts in the sandbox. The scripts are the running binary itself
// under other names, so that slugc stays one file; Called and Run are how a
// binary notices and does it. Where nobody chose the buildpacks of an app, all of
// them are asked, and one process answers for all (cnb.Jointly).
//
// They run in the sandbox with a clean environment. What this machine's package
// clients know of registries reaches them as files, in the form that the
// client itself reads: HandOver shows each buildpack those that it asks for
// (Buildpack.Clients) and names them in its environment, and no other buildpack
// of the group sees them. Scripts of the app that a package manager runs are
// within its walls: they can read what it reads. A client that is new is a
// function in Clients and a name in the list of a buildpack.
//
// libcnb saves the reading of a buildpack's inputs and the writing of its
// outputs, and BurntSushi/toml reads the id of a buildpack.
package builtin
