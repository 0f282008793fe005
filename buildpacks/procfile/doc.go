// Package procfile is the builtin buildpack slugc/procfile: it gives an app the
// process types of its Procfile (CNB Buildpack API 0.10, written on libcnb).
//
// The file has to be named Procfile, at the top of the app. Two grammars are
// about:
//
//   - Heroku's classic one: a line is a name of letters, digits, "-" and "_",
//     with white space before it or not, a colon that may be left out, white
//     space, and a command; lines of any other form are ignored; the last of
//     several lines with one name wins. A slug's process types have names of at
//     most 128 characters (Heroku Platform API, "Slug").
//   - That of the Cloud Native Buildpacks for Procfiles (buildpacks-procfile,
//     SPEC): a name is [a-z0-9]([a-z0-9-]*[a-z0-9])? and has at most 63
//     characters, as Kubernetes wants it; of white space before it, "_" and
//     capital letters something else is made, with a warning; a # is a comment
//     only where nothing is before it; a name without a command is an error.
//
// The classic grammar is the one that counts here, because an app that runs on
// Heroku has to run. As for foreman, a colon needs no white space behind it. What
// is read, but is ignored or named otherwise by the other grammar, or looks like
// a mistake, is told with the number of its line.
//
// A command is a line for bash. libcnb's processes are always direct, so bash
// is part of the command.
package procfile
