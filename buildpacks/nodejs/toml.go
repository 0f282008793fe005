package nodejs

import (
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/slugc/slugc/buildpacks/runtime/npm"
)

// TOML is the buildpack.toml.
//
//go:embed buildpack.toml
var TOML []byte

// releases are what buildpack.toml knows about the releases of Node.js.
type releases struct {
	// Default is the range for an app that asks for none.
	Default string `toml:"default"`
	// Lines are the release lines, oldest first.
	Lines []line `toml:"lines"`
	// Managers are the package managers beside npm.
	Managers []managerLine `toml:"managers"`
}

// managerLine is a package manager whose lock file has one form.
type managerLine struct {
	Name string `toml:"name"`
	// Lock is the form: of yarn.lock its version, "1" that of Yarn 1; of
	// pnpm-lock.yaml the number before the dot.
	Lock string `toml:"lock"`
	// Package carries it, Default are the versions for an app that asks for none.
	Package string `toml:"package"`
	Default string `toml:"default"`
}

// manager is the line of a package manager for the form of a lock file: the last
// one for a form that is not known.
func (r releases) manager(m manager, form string) managerLine {
	var last managerLine
	for _, l := range r.Managers {
		if l.Name != string(m) {
			continue
		}
		if last = l; l.Lock == form {
			break
		}
	}
	return last
}

// line is a major version of Node.js.
type line struct {
	Major int `toml:"major"`
	// Codename is that of a long-term line, in lower case.
	Codename string `toml:"codename"`
	// LTS lines have long-term support now.
	LTS bool `toml:"lts"`
	// End is the day after which there are no more fixes, as 2006-01-02.
	End string `toml:"end"`
	// NPM is the version of npm that comes with it.
	NPM string `toml:"npm"`
}

// ended tells whether the line has no more fixes.
func (l line) ended(now time.Time) bool {
	return l.End != "" && now.UTC().Format(time.DateOnly) > l.End
}

// readReleases reads the [metadata] of a buildpack.toml.
func readReleases(text []byte) (releases, error) {
	var doc struct {
		Metadata releases `toml:"metadata"`
	}
	if _, err := toml.Decode(string(text), &doc); err != nil {
		return releases{}, fmt.Errorf("reading buildpack.toml: %w", err)
	}
	if len(doc.Metadata.longTerm()) == 0 || doc.Metadata.Default == "" {
		return releases{}, errors.New("reading buildpack.toml: it names no release lines of Node.js")
	}
	return doc.Metadata, nil
}

// of is the line of a version, the last one for a newer version.
func (r releases) of(version string) line {
	major := npm.Major(version)
	for _, l := range r.Lines {
		if l.Major == major {
			return l
		}
	}
	last := r.Lines[len(r.Lines)-1]
	return line{Major: major, NPM: last.NPM}
}

// allowsNewer tells whether a range allows a line with long-term support that
// is newer than a version.
func (r releases) allowsNewer(wanted npm.Range, version string) bool {
	major := npm.Major(version)
	for _, l := range r.Lines {
		// The number stands for any late version of the line.
		if l.LTS && l.Major > major && wanted.Allows(fmt.Sprintf("%d.999.0", l.Major)) {
			return true
		}
	}
	return false
}

// tooOld tells whether a range allows no line that is known, and names none that
// may be newer.
func (r releases) tooOld(wanted npm.Range) bool {
	for _, match := range firstNumbers().FindAllStringSubmatch(wanted.String(), -1) {
		if major, err := strconv.Atoi(match[1]); err != nil || major >= r.Lines[0].Major {
			return false
		}
	}
	for _, l := range r.Lines {
		// The number stands for any late version of the line.
		if wanted.Allows(fmt.Sprintf("%d.999.0", l.Major)) {
			return false
		}
	}
	return true
}

// firstNumbers are those with which the alternatives of a range begin.
var firstNumbers = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?:^|\|\|)[\s=v~^<>]*([0-9]+)`) })

// longTerm are the ranges of the lines with long-term support, newest first.
func (r releases) longTerm() []string {
	var ranges []string
	for i := len(r.Lines) - 1; i >= 0; i-- {
		if r.Lines[i].LTS {
			ranges = append(ranges, strconv.Itoa(r.Lines[i].Major))
		}
	}
	return ranges
}

// alias turns the words that version managers have for versions into ranges:
// "lts/*", "lts/jod", "lts/-1", "node". Anything else is left as it is. Newest
// says that the word means the newest version of all.
func (r releases) alias(text string) (words string, newest bool, err error) {
	word := strings.ToLower(strings.TrimSpace(text))
	switch word {
	case "node", "current", "latest", "stable":
		return "*", true, nil
	case "lts", "lts/*":
		return r.longTerm()[0], false, nil
	}
	name, found := strings.CutPrefix(word, "lts/")
	if !found {
		return text, false, nil
	}
	if back, err := strconv.Atoi(name); err == nil && back < 0 {
		if ranges := r.longTerm(); -back < len(ranges) {
			return ranges[-back], false, nil
		}
	}
	var known []string
	for _, l := range r.Lines {
		switch l.Codename {
		case "":
		case name:
			return strconv.Itoa(l.Major), false, nil
		default:
			known = append(known, "lts/"+l.Codename)
		}
	}
	return "", false, fmt.Errorf("%q is no release line of Node.js that slugc knows; it knows lts/*, %s", text, strings.Join(known, ", "))
}
