// Package memory is how much memory processes use, and how much they may.
//
// What a process uses is its proportional set size, in which a page that n
// processes share counts for 1/n, and what of it is swapped out
// (proc_pid_smaps(5)); where the kernel does not tell that, its resident set
// size. Files that a process leaves in a file system in memory are not counted.
//
// A Meter follows Heroku (Dev Center, "Error Codes", R14 and R15): a process
// that is over its quota is told of from time to time, and one that uses twice
// its quota is to be ended. It looks, and the kernel enforces nothing: between
// two looks a process can take more.
//
// Processes find their quota where they look for it on any other machine, in the
// files of control groups, which Files makes.
package memory
