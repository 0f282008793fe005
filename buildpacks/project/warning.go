package project

import (
	"fmt"
	"strings"
)

// Warning is about something in a file that a person most likely meant
// otherwise.
type Warning struct {
	// File is the name of the file; empty when only its text was read.
	File string
	// Line is its number, from 1; 0 when it is about the whole file.
	Line int
	Text string
}

// String is the warning as people read it.
func (w Warning) String() string { return place(w.File, w.Line) + w.Text }

// place is what stands before a sentence about a line of a file.
func place(file string, line int) string {
	switch {
	case line == 0 && file == "":
		return ""
	case line == 0:
		return file + ": "
	}
	return strings.TrimLeft(fmt.Sprintf("%s line %d: ", file, line), " ")
}

// of are the warnings with the name of their file.
func of(file string, warnings []Warning) []Warning {
	for i := range warnings {
		warnings[i].File = file
	}
	return warnings
}

// conflict is the marker of a merge that a line begins with, if it does.
func conflict(line string) string {
	for _, marker := range []string{"<<<<<<<", "=======", ">>>>>>>"} {
		if strings.HasPrefix(line, marker) {
			return marker
		}
	}
	return ""
}
