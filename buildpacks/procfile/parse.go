package procfile

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// Procfile is the process types of an app, in the order of the file, each
// once.
type Procfile []Process

// Process is a process type and the bash line that starts it.
type Process struct {
	Type    string
	Command string
}

// Warning is about a line that a person most likely meant otherwise.
type Warning struct {
	// Line is its number, from 1.
	Line int
	Text string
}

// String is the warning as people read it.
func (w Warning) String() string { return fmt.Sprintf("Procfile line %d: %s", w.Line, w.Text) }

// maxSize bounds a Procfile, in bytes.
const maxSize = 1 << 20

// line is a process type and its command (Heroku's Procfile format). Unlike
// there, and as for foreman, no blank is needed behind a colon.
var line = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[ \t]*([A-Za-z0-9_-]+)(:[ \t]*|[ \t]+)(.*?)[ \t]*$`)
})

// bare is a name with a colon and nothing behind it.
var bare = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[ \t]*[A-Za-z0-9_-]+:[ \t]*$`) })

// maxType bounds the name of a process type of a slug, and maxCloudType that of
// Cloud Native Buildpacks.
const (
	maxType      = 128
	maxCloudType = 63
)

const byteOrderMark = "\ufeff"

// Parse reads a Procfile. It returns an error, which names the line, for what
// cannot have been meant: conflict markers of a merge, bytes that are no text.
func Parse(r io.Reader) (Procfile, []Warning, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the Procfile: %w", err)
	}
	if len(data) > maxSize {
		return nil, nil, fmt.Errorf("the Procfile is larger than %d KiB", maxSize>>10)
	}
	text := string(data)
	var p parser
	if rest, ok := strings.CutPrefix(text, byteOrderMark); ok {
		p.warn(1, "begins with a byte order mark; save the file as UTF-8 without one")
		text = rest
	}
	n := 0
	for words := range strings.Lines(text) {
		n++
		if err := p.take(n, strings.TrimSuffix(words, "\n")); err != nil {
			return nil, nil, err
		}
	}
	if p.carriage > 0 {
		p.warn(p.carriage, "has Windows line ends (CRLF); save the file with line feeds alone")
	}
	return p.found, p.warnings, nil
}

// parser gathers the process types of a file.
type parser struct {
	found    Procfile
	warnings []Warning
	// carriage is the first line with a carriage return, 0 for none.
	carriage int
}

func (p *parser) warn(n int, format string, args ...any) {
	p.warnings = append(p.warnings, Warning{n, fmt.Sprintf(format, args...)})
}

// take reads one line.
func (p *parser) take(n int, words string) error {
	words, returned := strings.CutSuffix(words, "\r")
	if returned && p.carriage == 0 {
		p.carriage = n
	}
	for _, marker := range []string{"<<<<<<<", "=======", ">>>>>>>"} {
		if strings.HasPrefix(words, marker) {
			return fmt.Errorf("line %d of the Procfile is a conflict marker of a merge (%s); resolve the conflict and commit the Procfile", n, marker)
		}
	}
	if !utf8.ValidString(words) || strings.ContainsRune(words, 0) {
		return fmt.Errorf("line %d of the Procfile is not text; save the file as UTF-8", n)
	}
	blank := strings.TrimSpace(words)
	if blank == "" || strings.HasPrefix(blank, "#") {
		return nil
	}
	match := line().FindStringSubmatch(words)
	if match == nil || match[3] == "" {
		if bare().MatchString(words) || match != nil {
			p.warn(n, "has no command and is ignored; expected NAME: COMMAND")
		} else {
			p.warn(n, "is no process type and is ignored; expected NAME: COMMAND")
		}
		return nil
	}
	process := Process{Type: match[1], Command: match[3]}
	if len(process.Type) > maxType {
		return fmt.Errorf("line %d of the Procfile: the name of a process type has %d characters (%.20s...); expected at most %d", n, len(process.Type), process.Type, maxType)
	}
	if words[0] == ' ' || words[0] == '\t' {
		p.warn(n, "has white space before the name, which Cloud Native Buildpacks take for a mistake; write \"%s: %s\"", process.Type, process.Command)
	}
	p.elsewhere(n, process.Type)
	switch {
	case match[2] == ":":
		p.warn(n, "has no blank behind the colon, so Heroku would ignore it; write \"%s: %s\"", process.Type, process.Command)
	case match[2][0] != ':':
		p.warn(n, "has no colon and counts as a process type all the same; write \"%s: %s\"", process.Type, process.Command)
	}
	for i, earlier := range p.found {
		if earlier.Type == process.Type {
			p.warn(n, "declares %s again; this line counts", process.Type)
			p.found[i] = process
			return nil
		}
	}
	p.found = append(p.found, process)
	return nil
}

// elsewhere warns of a name that Cloud Native Buildpacks and Kubernetes do not
// take.
func (p *parser) elsewhere(n int, name string) {
	switch there := cloudType(name); there {
	case name:
	case "":
		p.warn(n, "declares %s, which Cloud Native Buildpacks and Kubernetes do not take; a name there has a letter or a digit", name)
	default:
		p.warn(n, "declares %s, which Cloud Native Buildpacks and Kubernetes do not take; there it is %s", name, there)
	}
}

// cloudType is a name as Cloud Native Buildpacks take it,
// [a-z0-9]([a-z0-9-]*[a-z0-9])? of at most 63 characters (buildpacks-procfile,
// SPEC); empty if nothing is left.
func cloudType(name string) string {
	name = strings.Trim(strings.ReplaceAll(strings.ToLower(name), "_", "-"), "-")
	return strings.TrimRight(name[:min(len(name), maxCloudType)], "-")
}
