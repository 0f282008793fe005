package python

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/slugc/slugc/buildpacks/language/version"
	"github.com/slugc/slugc/buildpacks/python/pep508"
)

// TOML is the buildpack.toml.
//
//go:embed buildpack.toml
var TOML []byte

// known is what buildpack.toml knows.
type known struct {
	// Lines are the release lines of Python, oldest first.
	Lines []line `toml:"lines"`
	UV    struct {
		Version string `toml:"version"`
		// SHA256 are checksums of wheels, by architecture.
		SHA256 map[string]string `toml:"sha256"`
	} `toml:"uv"`
}

// line is a release line of Python.
type line struct {
	Version string `toml:"version"`
	// End is the day after which there are no more fixes, as 2006-01-02.
	End string `toml:"end"`
}

// ended tells whether the line has no more fixes.
func (l line) ended(now time.Time) bool { return now.UTC().Format(time.DateOnly) > l.End }

func readKnown() (known, error) {
	var doc struct {
		Metadata known `toml:"metadata"`
	}
	if _, err := toml.Decode(string(TOML), &doc); err != nil {
		return known{}, fmt.Errorf("reading buildpack.toml: %w", err)
	}
	if len(doc.Metadata.Lines) == 0 || doc.Metadata.UV.Version == "" {
		return known{}, errors.New("reading buildpack.toml: it names no release lines of Python, or no uv")
	}
	return doc.Metadata, nil
}

// of is the line of a version; the zero line for one that is not known.
func (k known) of(number string) line {
	for _, l := range k.Lines {
		if l.Version == version.Line(number) {
			return l
		}
	}
	return line{}
}

// tooOld tells whether a version is of a line before those that are known. A
// range is not: it may allow others.
func (k known) tooOld(number string) bool {
	if !version.IsNumber(number) {
		return false
	}
	asked, err := pep508.ParseVersion(version.Line(number))
	oldest, known := pep508.ParseVersion(k.Lines[0].Version)
	return err == nil && known == nil && strings.Contains(number, ".") && asked.Compare(oldest) < 0
}

// supported are the lines that still have fixes.
func (k known) supported(now time.Time) []string {
	var all []string
	for _, l := range k.Lines {
		if !l.ended(now) {
			all = append(all, l.Version)
		}
	}
	return all
}
