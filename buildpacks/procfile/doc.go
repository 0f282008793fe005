// Package procfile is the builtin buildpack slugc/procfile: it gives an app the
// process types of its Procfile.
//
// The grammar is Heroku's classic one: a line is a name, a colon that may be
// left out, white space and a command; lines of any other form are ignored
// with a warning; the last of several lines with one name wins. As for foreman,
// a colon needs no white space behind it. What is read, but looks like a
// mistake, is told with the number of its line.
//
// A command is a line for bash. libcnb's processes are always direct, so bash
// is part of the command.
package procfile
