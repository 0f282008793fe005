// Package stack says on what a build and its processes stand: a root
// filesystem and the target (operating system, architecture, distribution) it
// is made for.
//
// A stack is a value. How its root filesystem is shown to a process is the
// business of stack/sandbox.
package stack
