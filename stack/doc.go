// Package stack says on what a build and its processes stand: a root
// filesystem and the target (operating system, architecture, distribution) it
// is made for.
//
// A Stack is a value. How its root filesystem is shown to a process is the
// business of stack/sandbox; how one comes from an image, that of stack/rootfs,
// and from packages, that of stack/debian.
//
// A Definition is a stack that slugc can make, as data: a file slugc-*.toml
// that names suites and packages. A new base image is a new file and no code.
//
// What was built on this machine runs where the C library is not older
// (Fitting): glibc keeps old programs running and gives symbols versions, and
// distributions differ in little else that a compiled app sees. So an image of
// such a build can have a base of another distribution.
//
// BurntSushi/toml reads definitions, and says which of their keys nobody knows.
package stack
