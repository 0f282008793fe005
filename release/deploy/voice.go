package deploy

import "io"

// Voice is told what happens, for the person who watches.
type Voice interface {
	// Stepf begins a step, Detailf says more about it, Warningf what the person
	// should know although all goes on.
	Stepf(format string, args ...any)
	Detailf(format string, args ...any)
	Warningf(format string, args ...any)
}

// Progress begins a long step of our own and returns how to tell how far it
// is, in bytes, and how to end it.
type Progress func(label string) (tell func(done, total int64), end func())

// Output receives what buildpacks print.
type Output = io.WriteCloser
