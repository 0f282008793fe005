// Package binary is the buildpack slugc/binary: it takes an app that is a Procfile
// and the programs or scripts that this starts, and nothing that has to be built
// (CNB Buildpack API 0.10, written on libcnb).
//
// It makes nothing. It looks at what each line of the Procfile starts and refuses
// what would not start where it is deployed: a file without the permission to run,
// a program for another architecture or system, a script whose interpreter is
// missing or has a carriage return in its name, an empty file, and libraries or a
// loader that neither the stack nor another buildpack of the build has. The
// process types are those of slugc/procfile, which stands behind it.
//
// A command that is more than one program is a matter of the shell. What is looked
// at is its first word, behind "exec" and variables that are set, where that is a
// path; other words are found in PATH, or not, when the process starts.
//
// Third-party: libcnb holds the vocabulary of a buildpack.
package binary
