// Package flock locks files between processes (flock(2)). A lock belongs to the
// open file: who closes it, or ends in whatever way, lets go of it, so a kill
// leaves nothing to clean up but a file.
//
// Who waits asks again and again, because a wait inside the kernel does not end
// with a context.
//
// Stores have a lock file of their own, and what is in the making is a directory that its
// maker shares: one that nobody has is what a process left that was killed. The
// layouts of build/oci and the store of build/pack lock by themselves: they wait inside
// the kernel, for an instant.
package flock
