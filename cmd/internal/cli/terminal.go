package cli

import (
	"io"
	"math"
	"os"

	"golang.org/x/term"
)

// Control sequences of the live line. It is written with automatic margins
// off, so that a line with wide characters is cut at the edge by the terminal
// instead of wrapping to a second row that could not be erased.
const (
	eraseLine  = "\r\x1b[K"
	marginsOff = "\x1b[?7l"
	marginsOn  = "\x1b[?7h"
)

// usualWidth is assumed where the terminal does not know its width.
const usualWidth = 80

// terminal is what is known about a writer as a terminal.
type terminal struct {
	is bool
	// width is asked each time, because windows are resized.
	width func() int
}

func terminalOf(w io.Writer) terminal {
	none := terminal{width: func() int { return usualWidth }}
	file, ok := w.(*os.File)
	if !ok {
		return none
	}
	descriptor := file.Fd()
	if descriptor > math.MaxInt32 {
		return none
	}
	fd := int(descriptor)
	if !term.IsTerminal(fd) {
		return none
	}
	return terminal{is: true, width: func() int {
		if columns, _, err := term.GetSize(fd); err == nil && columns > 0 {
			return columns
		}
		return usualWidth
	}}
}
