// Package control lets other processes of slugc ask a formation that runs, and
// change it: HTTP with JSON over a socket in a directory that only the user can
// enter. A directory has at most one formation: whoever serves there holds a lock
// on it, and when that process is gone, however it went, so is the lock.
package control
