package project

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// BuildpackListFile names the buildpacks of an app, one a line
// (heroku-buildpack-multi, and herokuish after it).
const BuildpackListFile = ".buildpacks"

// ReadBuildpackList reads the .buildpacks at the top of an app. The error of one
// that is not there is fs.ErrNotExist.
func ReadBuildpackList(dir string) ([]Reference, []Warning, error) {
	text, err := readText(dir, BuildpackListFile)
	if err != nil {
		return nil, nil, err
	}
	list, warnings, err := ParseBuildpackList(text)
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", BuildpackListFile, err)
	}
	return list, of(BuildpackListFile, warnings), nil
}

// comment is what follows a reference behind white space. Without that a # is
// part of it.
var comment = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\s+#.*$`) })

// ParseBuildpackList reads the text of a .buildpacks: one reference a line, and
// lines that are empty or begin with #. Errors name the line.
func ParseBuildpackList(text string) ([]Reference, []Warning, error) {
	var list []Reference
	n := 0
	for line := range strings.Lines(strings.TrimPrefix(text, byteOrderMark)) {
		n++
		if marker := conflict(line); marker != "" {
			return nil, nil, fmt.Errorf("line %d: it is a conflict marker of a merge (%s); resolve the conflict and commit the file", n, marker)
		}
		if !utf8.ValidString(line) || strings.ContainsRune(line, 0) {
			return nil, nil, fmt.Errorf("line %d: it is not text; save the file as UTF-8", n)
		}
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		line = comment().ReplaceAllString(line, "")
		if path := line[0] == '.' || line[0] == '/'; !path && strings.ContainsAny(line, " \t\r\v\f") {
			return nil, nil, fmt.Errorf("line %d: %q has white space in it; expected one buildpack a line, such as https://HOST/PATH#REF", n, line)
		}
		r := ParseReference(line)
		r.Line = n
		list = append(list, r)
	}
	if len(list) == 0 {
		return nil, []Warning{{Text: "names no buildpack and does not count; write one a line, such as https://HOST/PATH#REF, or remove the file"}}, nil
	}
	return list, nil, nil
}
