// Package launch starts one process of a finished build: it picks the process
// type, computes the environment that the layers ask for, and hands over.
//
// It is the only package of slugc that cmd/launcher links, so it uses the
// standard library and toml, nothing else. Its effects on the operating system
// are fields of Launcher, which makes a process start a unit test.
package launch
