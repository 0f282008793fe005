// Package worker runs the builds of a queue on this machine: each is a slugc build of its own,
// in a process group of its own, that dies with the process that started it.
//
// What a build prints goes to a file, not through a pipe: nobody who reads slowly, or
// does not read, keeps a build waiting, and as many as want read all of it. The file
// and everything else of a build is in a directory that is locked while the build
// runs; what killed workers left is removed by the next.
package worker
