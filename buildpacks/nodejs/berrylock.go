package nodejs

import (
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/slugc/slugc/buildpacks/runtime/npm"
)

// yarnBerryLock is a yarn.lock of Yarn 2 and later.
type yarnBerryLock struct {
	// version is that of the form, which each line of Yarn raises.
	version int
	// key is the first part of the checksums, and stands in the names of archives.
	key     string
	entries []yarnEntry
	// places are the workspaces, the app itself too, by directory; the app's is "".
	places map[string]yarnEntry
	// free tells whether Yarn may know more dependencies of the app than its
	// package.json: those of packageExtensions.
	free bool
	// forced are the packages of "resolutions".
	forced map[string]bool
}

// isYarnBerry tells the two forms of a yarn.lock apart, as Yarn does. An empty
// file is one of either.
func isYarnBerry(data []byte) bool {
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "__metadata:") {
			return true
		}
	}
	return false
}

// readYarnBerry reads a yarn.lock of Yarn 2 and later.
func readYarnBerry(data []byte, root manifest) (*yarnBerryLock, error) {
	entries, err := parseYarnLock(data)
	if err != nil {
		return nil, err
	}
	l := &yarnBerryLock{places: map[string]yarnEntry{}, forced: resolutionNames(root.Resolutions)}
	for _, e := range entries {
		if len(e.patterns) == 1 && e.patterns[0] == "__metadata" {
			l.key = e.fields["cacheKey"]
			l.version, err = strconv.Atoi(e.fields["version"])
			if err != nil {
				return nil, yarnLineError(e.line, "__metadata", "it says no version of the form")
			}
			continue
		}
		// All patterns stand in one pair of quotes.
		var patterns []string
		for _, pattern := range e.patterns {
			patterns = append(patterns, strings.Split(pattern, ", ")...)
		}
		e.patterns = patterns
		l.entries = append(l.entries, e)
		if _, dir, found := strings.Cut(e.fields["resolution"], "@workspace:"); found {
			if dir == "." {
				dir = ""
			}
			l.places[path.Clean("/" + dir)[1:]] = e
		}
	}
	return l, nil
}

func (l *yarnBerryLock) file() string { return yarnLockFile }

func (l *yarnBerryLock) workspaces() []string {
	dirs := sortedKeys(l.places)
	return slices.DeleteFunc(dirs, func(dir string) bool { return dir == "" })
}

// builders are packages by which others compile native code when they are
// installed, or look for what was compiled.
var builders = []string{"node-gyp", "node-gyp-build", "node-pre-gyp", "@mapbox/node-pre-gyp", "prebuild-install", "node-addon-api", "nan", "bindings", "cmake-js"}

// mayCompile tells whether a package may compile native code. Yarn notes
// node-gyp as a dependency of each that has a binding.gyp.
func (l *yarnBerryLock) mayCompile() bool {
	return slices.ContainsFunc(l.entries, func(e yarnEntry) bool {
		name, _ := e.locator()
		return slices.Contains(builders, name)
	})
}

// locator is the package and the version that an entry stands for; no version
// when it comes from no registry.
func (e yarnEntry) locator() (name, version string) {
	name = patternName(e.fields["resolution"])
	_, reference, _ := strings.Cut(e.fields["resolution"], name+"@")
	if strings.HasPrefix(reference, "npm:") || strings.HasPrefix(reference, "patch:") {
		return name, e.fields["version"]
	}
	return name, ""
}

// dependenciesOf tells what Yarn lets a package depend on, which may be more than
// its package.json says.
func (l *yarnBerryLock) dependenciesOf() func(name, version string) []string {
	known := map[string][]string{}
	for _, e := range l.entries {
		if name, version := e.locator(); version != "" {
			known[name+"@"+version] = sortedKeys(e.groups["dependencies"])
		}
	}
	return func(name, version string) []string { return known[name+"@"+version] }
}

func (l *yarnBerryLock) differences(dir string, m manifest) []string {
	place, found := l.places[dir]
	if !found {
		return []string{path.Join(dir, manifestFile) + ": " + yarnLockFile + " does not know this directory"}
	}
	recorded := place.groups["dependencies"]
	return compare(comparison{
		dir: dir, lock: yarnLockFile, wants: m.wants(), recorded: recorded,
		peers: m.PeerDependencies, free: l.free || l.forcedAny(), same: sameBerry,
		passed: func(name string) bool { return l.forced[name] || name == "node-gyp" },
	})
}

func (l *yarnBerryLock) forcedAny() bool { return len(l.forced) > 0 }

// sameBerry tells whether the lock file has a dependency as package.json has it.
// Yarn puts "npm:" before what names no protocol; Yarn 3 leaves it out again.
// What is no range of versions is left to Yarn.
func sameBerry(want, have string) bool {
	want, have = strings.TrimPrefix(want, "npm:"), strings.TrimPrefix(have, "npm:")
	if want == have || want == "" {
		return true
	}
	_, wantErr := npm.ParseRange(want)
	_, haveErr := npm.ParseRange(have)
	return wantErr != nil || haveErr != nil
}

// comparison is what a package.json wants beside what a lock file says that it
// wanted.
type comparison struct {
	dir, lock string
	wants     []wanted
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
	where := path.Join(c.dir, manifestFile)
	known := map[string]bool{}
	for _, w := range c.wants {
		known[w.name] = true
		have, found := c.recorded[w.name]
		switch {
		case c.passed != nil && c.passed(w.name):
		case !found:
			lines = append(lines, w.name+": "+where+" wants "+w.spec+", "+c.lock+" does not have it")
		case !c.same(w.spec, have):
			lines = append(lines, w.name+": "+where+" wants "+w.spec+", "+c.lock+" was made for "+have)
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

// rawNames are the keys of a JSON object.
func rawNames(raw json.RawMessage) []string {
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil {
		return nil
	}
	return sortedKeys(object)
}
