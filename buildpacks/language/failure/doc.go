// Package failure explains why a package manager or a script of the app did
// not succeed: whose fault it is, how it ended, its last lines, and what to
// type next.
//
// A Cause is a known reason, by the code that a tool prints or by a pattern in
// its output. Each language has its own; Common has those of any. A reason that
// is not known is the app's, since the tool ended by itself.
package failure
