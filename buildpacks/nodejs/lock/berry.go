package lock

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/slugc/slugc/buildpacks/runtime/npm"
)

// Berry is a yarn.lock of Yarn 2 and later.
type Berry struct {
	// version is that of the form, which each line of Yarn raises.
	version int
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

// IsBerry tells the two forms of a yarn.lock apart, as Yarn does. An empty
// file is one of either.
func IsBerry(data []byte) bool {
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "__metadata:") {
			return true
		}
	}
	return false
}

// ReadBerry reads a yarn.lock of Yarn 2 and later. Root is the package.json of the
// app's root; extended tells whether Yarn may know more dependencies of the app than its
// package.json says, by packageExtensions. Its errors are the author's.
func ReadBerry(data []byte, root Manifest, extended bool) (*Berry, error) {
	entries, err := parseYarnLock(data)
	if err != nil {
		return nil, err
	}
	l := &Berry{free: extended, places: map[string]yarnEntry{}, forced: resolutionNames(root.Resolutions)}
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

// Name is the file, in the app's root.
func (l *Berry) Name() string { return YarnFile }

// Form is the version of the form, a number.
func (l *Berry) Form() string { return strconv.Itoa(l.version) }

// CacheKey is the first part of the checksums, and stands in the names of archives.
func (l *Berry) CacheKey() string { return l.key }

// Workspaces are the directories of the app that the lock file has, sorted, without the
// root.
func (l *Berry) Workspaces() []string {
	dirs := sortedKeys(l.places)
	return slices.DeleteFunc(dirs, func(dir string) bool { return dir == "" })
}

// MayCompile tells whether a package may compile native code. Yarn notes
// node-gyp as a dependency of each that has a binding.gyp.
func (l *Berry) MayCompile() bool {
	return slices.ContainsFunc(l.entries, func(e yarnEntry) bool {
		name, _ := e.locator()
		return slices.Contains(builders, name)
	})
}

// Packages are those of a registry, patched ones too. Their checksums are Yarn's own and
// left out.
func (l *Berry) Packages() []Package {
	var all []Package
	for _, e := range l.entries {
		if name, version := e.locator(); version != "" {
			all = append(all, Package{Name: name, Version: version, Conditional: e.fields["conditions"] != ""})
		}
	}
	return all
}

// Deprecated is nil: Yarn does not note it.
func (l *Berry) Deprecated() []Deprecation { return nil }

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

// DependenciesOf tells what Yarn lets a package depend on, which may be more than
// its package.json says.
func (l *Berry) DependenciesOf() func(name, version string) []string {
	known := map[string][]string{}
	for _, e := range l.entries {
		if name, version := e.locator(); version != "" {
			known[name+"@"+version] = sortedKeys(e.groups["dependencies"])
		}
	}
	return func(name, version string) []string { return known[name+"@"+version] }
}

// Differences are the dependencies of a directory of the app that the lock file does not
// have as they are wanted, and those that it has beyond that, a line each.
func (l *Berry) Differences(dir string, m Manifest) []string {
	place, found := l.places[dir]
	if !found {
		return []string{path.Join(dir, ManifestFile) + ": " + YarnFile + " does not know this directory"}
	}
	recorded := place.groups["dependencies"]
	return compare(comparison{
		dir: dir, lock: YarnFile, wants: m.Wants(), recorded: recorded,
		peers: m.PeerDependencies, free: l.free || l.forcedAny(), same: sameBerry,
		passed: func(name string) bool { return l.forced[name] || name == "node-gyp" },
	})
}

func (l *Berry) forcedAny() bool { return len(l.forced) > 0 }

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
