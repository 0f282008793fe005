// Package workbench is where stores make their directories, so that the name of one
// never holds half of it: it is made on a bench beside its place, flushed to disk
// and renamed.
//
// A bench is a directory of the store that its maker shares a lock of (stack/flock).
// What a process left that was killed has no lock, and the next one to make
// something removes it. What another user left stays, as it is not ours to remove.
//
// The file system is flushed as a whole, with syncfs(2): for the thousands of files
// of an image that is faster than one flush for each.
//
// x/sys/unix has syncfs.
package workbench
