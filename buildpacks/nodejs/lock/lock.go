package lock

import (
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"
)

// The lock files that there are, by their names in the root of an app.
const (
	// NPMFile and ShrinkwrapFile are those of npm (package-lock.json(5),
	// npm-shrinkwrap.json(5)).
	NPMFile        = "package-lock.json"
	ShrinkwrapFile = "npm-shrinkwrap.json"
	// YarnFile is that of Yarn, in either of its forms.
	YarnFile = "yarn.lock"
	PNPMFile = "pnpm-lock.yaml"
	// BunFile is a text, BunBinaryFile that of Bun before 1.2, which is none.
	BunFile       = "bun.lock"
	BunBinaryFile = "bun.lockb"
)

// File is what a build needs to know of a lock file, whoever made it.
type File interface {
	// Name is the file, in the app's root.
	Name() string
	// Form is the version of its form, by which the package managers that read it
	// are known: of Yarn 2 and later a number, that of Yarn 1 is "1"; of pnpm the
	// number before the dot. "" where any version of the package manager reads it.
	Form() string
	// Workspaces are the directories of the app that it knows, sorted, without
	// the root.
	Workspaces() []string
	// Packages are those that it has with a version or a checksum, in no order.
	Packages() []Package
	// Deprecated are packages whose authors advise against them, as far as
	// processes may need them, in no order.
	Deprecated() []Deprecation
	// MayCompile tells whether a package may compile native code when it is
	// installed.
	MayCompile() bool
	// Differences are the dependencies of a directory of the app that it does
	// not meet, a line each. What only the package manager can tell is left to
	// that.
	Differences(dir string, m Manifest) []string
}

// Package is a package of a lock file.
type Package struct {
	Name, Version string
	// Integrity is a checksum in the form of SRI, "" when the lock file has none or
	// one of another form, as Yarn 2 and later.
	Integrity string
	// Conditional tells that it is for some systems alone, as Yarn 2 and later notes.
	Conditional bool
}

// Deprecation is what the author of a package says against a version of it, in one
// line. npm and pnpm note it in their lock files, and say nothing of it when they
// install what is locked; other lock files do not have it, and their package managers
// do not ask then.
type Deprecation struct {
	Name, Version, Reason string
}

// packageOf is the package of a locator, such as "@a/b@1.0.0".
func packageOf(locator, integrity string) Package {
	name := patternName(locator)
	return Package{Name: name, Version: strings.TrimPrefix(locator, name+"@"), Integrity: integrity}
}

// builders are packages by which others compile native code when they are
// installed, or look for what was compiled.
var builders = []string{"node-gyp", "node-gyp-build", "node-pre-gyp", "@mapbox/node-pre-gyp", "prebuild-install", "node-addon-api", "nan", "bindings", "cmake-js"}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// comparison is what a package.json wants beside what a lock file says that it
// wanted.
type comparison struct {
	dir, lock string
	wants     []Wanted
	recorded  map[string]string
	peers     map[string]string
	// free tells that what is recorded beyond the wants is no fault.
	free bool
	same func(want, have string) bool
	// passed are packages that are not compared.
	passed func(name string) bool
}

// compare finds the differences, a line each.
func compare(c comparison) []string {
	var lines []string
	where := path.Join(c.dir, ManifestFile)
	known := map[string]bool{}
	for _, w := range c.wants {
		known[w.Name] = true
		have, found := c.recorded[w.Name]
		switch {
		case c.passed != nil && c.passed(w.Name):
		case !found:
			lines = append(lines, w.Name+": "+where+" wants "+w.Spec+", "+c.lock+" does not have it")
		case !c.same(w.Spec, have):
			lines = append(lines, w.Name+": "+where+" wants "+w.Spec+", "+c.lock+" was made for "+have)
		}
	}
	if c.free {
		return lines
	}
	for _, name := range sortedKeys(c.recorded) {
		if _, peer := c.peers[name]; peer || known[name] || c.passed != nil && c.passed(name) {
			continue
		}
		lines = append(lines, name+": "+c.lock+" has it, "+where+" does not want it any more")
	}
	return lines
}

// textual compares as pnpm and Bun do, letter by letter.
func textual(want, have string) bool { return want == have }

// patternName is the package of a pattern such as "@a/b@npm:^1".
func patternName(pattern string) string {
	if pattern == "" {
		return ""
	}
	if at := strings.IndexByte(pattern[1:], '@'); at >= 0 {
		return pattern[:at+1]
	}
	return pattern
}

// outside tells whether a dependency is none of a registry.
func outside(spec string, protocols ...string) bool {
	return slices.ContainsFunc(protocols, func(protocol string) bool { return strings.HasPrefix(spec, protocol) })
}

// resolutionNames are the packages whose versions an app's "resolutions" or
// "overrides" set: "a", "a@^1", "parent/a", "parent>a". What the app's own
// dependencies on them become is left to the package manager.
func resolutionNames(raw ...json.RawMessage) map[string]bool {
	names := map[string]bool{}
	for _, text := range raw {
		var object map[string]any
		if json.Unmarshal(text, &object) != nil {
			continue
		}
		for selector := range object {
			names[selectedName(selector)] = true
		}
	}
	return names
}

// selectedName is the package that a selector of resolutions is about.
func selectedName(selector string) string {
	selector = selector[strings.LastIndexByte(selector, '>')+1:]
	parts := strings.Split(strings.TrimSpace(selector), "/")
	from := len(parts) - 1
	if from > 0 && strings.HasPrefix(parts[from-1], "@") {
		from--
	}
	return patternName(strings.Join(parts[from:], "/"))
}

// oneLine is a text as one line of a length that can be read.
func oneLine(text string) string {
	const most = 200
	text = strings.Join(strings.Fields(text), " ")
	if letters := []rune(text); len(letters) > most {
		return string(letters[:most]) + "..."
	}
	return text
}
