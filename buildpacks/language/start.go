package language

import "strings"

// Port is where a process listens, to a shell. Platforms say it; a person who starts an
// image by hand need not.
const Port = "${PORT:-8000}"

// Command is what starts a process: the words of a line, or a shell for one with
// variables or quotes in it.
func Command(line string) []string {
	if strings.ContainsAny(line, "$='\"") {
		return []string{"bash", "-c", line}
	}
	return strings.Fields(line)
}
