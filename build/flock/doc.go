// Package flock locks files between processes (flock(2)). A lock belongs to the
// open file: who closes it, or ends in whatever way, lets go of it, so a kill
// leaves nothing to clean up but a file.
//
// Who waits asks again and again, because a wait inside the kernel does not end
// with a context.
//
// The stores that have a lock file of their own use it (build/base,
// build/cachestore). The layouts of build/oci lock a directory, and only for an
// instant.
package flock
