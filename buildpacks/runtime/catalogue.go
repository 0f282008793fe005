package runtime

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

//go:embed catalogue.toml
var builtin string

// Catalogue says which runtimes there are and where they come from, by name:
// "node", "python".
type Catalogue map[string]Entry

// Entry is a runtime.
type Entry struct {
	// Title is its name for people.
	Title string `toml:"title"`
	// Dialect is how constraints on its version are written.
	Dialect Dialect `toml:"dialect"`
	// Default is the constraint of who asks for none.
	Default string `toml:"default"`
	// Prefer are the lines to choose from where a constraint allows several,
	// best first.
	Prefer []string `toml:"prefer"`
	// Channels are words that stand for constraints: "lts".
	Channels map[string]string `toml:"channels"`
	// Sources are where it comes from, best first.
	Sources []Source `toml:"source"`
}

// The kinds of sources.
const (
	kindNPM    = "npm"
	kindModule = "module"
	kindDebian = "debian"
)

// Source is a package, or a family of them, that carries a runtime.
type Source struct {
	// Kind is "npm", "module" or "debian".
	Kind string `toml:"kind"`
	// Package is the name of an npm or Debian package. Which versions there are
	// of a Debian package with {major} or {minor} in its name, the names in the
	// archive say.
	Package string `toml:"package"`
	// With are Debian packages that are wanted as well, Omit those that are
	// left out although others depend on them.
	With []string `toml:"with"`
	Omit []string `toml:"omit"`
	// Module is a Go module, and Version the form of its versions.
	Module  string `toml:"module"`
	Version string `toml:"version"`
	// Known are versions of the module that a proxy may have without listing
	// them.
	Known []string `toml:"known"`
	// Embedded is the directory of a module with a files.json, as
	// go-embed-python packs a tree. Empty means that the module is the tree.
	Embedded string `toml:"embedded"`
	// Frozen says that patch levels are those of the day when a version was
	// made: fixes come with another version, if at all.
	Frozen bool `toml:"frozen"`
	// Executable are the files of a module that are programs, as patterns of
	// path.Match.
	Executable []string `toml:"executable"`
	// Files are the files of an npm package that are wanted, and Parts what is
	// wanted as well by who asks for a part: files of an npm package, whole
	// Debian packages. A name that ends in a slash is a directory.
	Files []string            `toml:"files"`
	Parts map[string][]string `toml:"parts"`
	// Exclude are files of the parts that are left out, and Keep exceptions.
	Exclude []string `toml:"exclude"`
	Keep    []string `toml:"keep"`
	// Links are symbolic links to make, with what they point to, unless there
	// is something of the name.
	Links map[string]string `toml:"links"`
	// Steps are what a Debian package's maintainer scripts would have done.
	Steps []string `toml:"steps"`
	// Bin and Include are directories with programs and with headers. The
	// usual ones of Debian need not be named.
	Bin     []string `toml:"bin"`
	Include []string `toml:"include"`
	// Set are variables that a runtime needs, Lists those that hold a list of
	// directories, and Default those that a person may have set.
	Set     map[string]string   `toml:"set"`
	Lists   map[string][]string `toml:"lists"`
	Default map[string]string   `toml:"default-env"`
}

// Builtin is the catalogue that comes with slugc.
func Builtin() (Catalogue, error) {
	return ParseCatalogue(builtin)
}

// ParseCatalogue reads a catalogue. Unknown keys are errors.
func ParseCatalogue(text string) (Catalogue, error) {
	var c Catalogue
	meta, err := toml.Decode(text, &c)
	if err != nil {
		return nil, fmt.Errorf("reading the catalogue of runtimes: %w", err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("reading the catalogue of runtimes: unknown key %s", unknown[0])
	}
	for _, name := range slices.Sorted(maps.Keys(c)) {
		if err := c[name].check(); err != nil {
			return nil, fmt.Errorf("reading the catalogue of runtimes: %s: %w", name, err)
		}
	}
	return c, nil
}

func (e Entry) check() error {
	if !slices.Contains([]Dialect{NPM, PEP440, Gem, Composer}, e.Dialect) {
		return fmt.Errorf("the dialect %q is not one of %s, %s, %s, %s", e.Dialect, NPM, PEP440, Gem, Composer)
	}
	texts := append(slices.Collect(maps.Values(e.Channels)), e.Prefer...)
	for _, text := range append(texts, e.Default) {
		if _, err := ParseConstraint(e.Dialect, text); err != nil {
			return err
		}
	}
	for _, s := range e.Sources {
		switch s.Kind {
		case kindNPM:
			if s.Package == "" {
				return fmt.Errorf("a source of the kind %s names no package", s.Kind)
			}
		case kindDebian:
			// Without a package it is those of the request.
		case kindModule:
			if s.Module == "" || !strings.Contains(s.Version, "{version}") {
				return fmt.Errorf("a source of the kind %s names no module, or no version with {version} in it", s.Kind)
			}
		default:
			return fmt.Errorf("%q is no kind of source; expected %s, %s or %s", s.Kind, kindNPM, kindModule, kindDebian)
		}
		for _, step := range s.Steps {
			if _, known := steps()[step]; !known {
				return fmt.Errorf("%q is no step; expected one of %s", step, strings.Join(slices.Sorted(maps.Keys(steps())), ", "))
			}
		}
	}
	return nil
}

// With is the catalogue with the runtimes of another one, each in the place of
// what has its name here.
func (c Catalogue) With(other Catalogue) Catalogue {
	both := maps.Clone(c)
	maps.Copy(both, other)
	return both
}

// entry is a runtime by name.
func (c Catalogue) entry(name string) (Entry, error) {
	e, found := c[name]
	if !found {
		return Entry{}, fmt.Errorf("there is no runtime %q; expected one of %s", name, strings.Join(slices.Sorted(maps.Keys(c)), ", "))
	}
	return e, nil
}

// Constraint reads a constraint on the version of a runtime, in its dialect.
// It may be the name of a channel.
func (c Catalogue) Constraint(name, text string) (Constraint, error) {
	e, err := c.entry(name)
	if err != nil {
		return Constraint{}, err
	}
	return e.constraint(text)
}

func (e Entry) constraint(text string) (Constraint, error) {
	text = strings.TrimSpace(text)
	meaning, isChannel := e.Channels[strings.ToLower(text)]
	if !isChannel {
		meaning = text
	}
	parsed, err := ParseConstraint(e.Dialect, meaning)
	if err != nil {
		return Constraint{}, fmt.Errorf("reading the version of %s: %w", e.Title, err)
	}
	parsed.text = text
	parsed.newest = isChannel && meaning == "*"
	return parsed, nil
}
