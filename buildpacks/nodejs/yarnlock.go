package nodejs

import (
	"bytes"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/slugc/slugc/buildpacks/runtime/npm"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// yarnLockFile is the lock file of Yarn, in either of its forms.
const yarnLockFile = "yarn.lock"

// yarnEntry is one package of a yarn.lock.
type yarnEntry struct {
	// patterns are the wishes that it meets: "ms@^2.0.0", with Yarn 2 and later
	// "ms@npm:^2.0.0".
	patterns []string
	// line is where it stands.
	line int
	// fields are its plain values: version, resolved, integrity, resolution, ...
	fields map[string]string
	// groups are its lists: dependencies, optionalDependencies, ...
	groups map[string]map[string]string
}

// parseYarnLock reads the lines of a yarn.lock. Yarn 1 has a form of its own,
// that of later ones is a small part of YAML; they differ in colons only.
func parseYarnLock(data []byte) ([]yarnEntry, error) {
	var entries []yarnEntry
	number, group := 0, ""
	var long bool
	for raw := range bytes.Lines(data) {
		number++
		line := strings.TrimRight(string(raw), " \r\n")
		text := strings.TrimLeft(line, " ")
		if text == "" || text[0] == '#' {
			continue
		}
		indent := len(line) - len(text)
		// YAML writes a key that is too long in this form.
		if after, found := strings.CutPrefix(text, "? "); found && indent == 0 {
			text, long = after, true
		} else if long && indent == 0 && text == ":" {
			long = false
			continue
		}
		switch {
		case indent == 0:
			patterns, err := yarnPatterns(text)
			if err != nil {
				return nil, yarnLineError(number, line, err.Error())
			}
			entries = append(entries, yarnEntry{patterns: patterns, line: number, fields: map[string]string{}, groups: map[string]map[string]string{}})
			group = ""
		case len(entries) == 0:
			return nil, yarnLineError(number, line, "it belongs to no package")
		case indent == 2:
			key, value, err := yarnPair(text)
			if err != nil {
				return nil, yarnLineError(number, line, err.Error())
			}
			last := entries[len(entries)-1]
			if group = ""; value == "" {
				group = key
				last.groups[key] = map[string]string{}
				continue
			}
			last.fields[key] = value
		case indent == 4 && group != "":
			key, value, err := yarnPair(text)
			if err != nil {
				return nil, yarnLineError(number, line, err.Error())
			}
			entries[len(entries)-1].groups[group][key] = value
		}
	}
	return entries, nil
}

func yarnLineError(number int, line, why string) error {
	return appfile.Error("%s cannot be read\nline %d: %s\n%s\nmake it again:\n  rm %s\n  yarn install\n  git add %s",
		yarnLockFile, number, strings.TrimSpace(line), why, yarnLockFile, yarnLockFile)
}

// yarnPatterns reads the line over a package.
func yarnPatterns(text string) ([]string, error) {
	var patterns []string
	for text = strings.TrimSuffix(text, ":"); text != ""; {
		token, rest, err := yarnToken(text, ",")
		if err != nil {
			return nil, err
		}
		if token == "" {
			return nil, strconv.ErrSyntax
		}
		patterns = append(patterns, token)
		text = strings.TrimLeft(strings.TrimPrefix(rest, ","), " ")
	}
	return patterns, nil
}

// yarnPair reads a key and a value. Between them stands a space, or a colon and
// a space.
func yarnPair(text string) (key, value string, err error) {
	key, rest, err := yarnToken(text, " :")
	if err != nil {
		return "", "", err
	}
	rest = strings.TrimLeft(strings.TrimPrefix(rest, ":"), " ")
	if strings.HasPrefix(rest, `"`) {
		value, _, err = yarnToken(rest, "")
		return key, value, err
	}
	return key, rest, nil
}

// yarnToken reads a word in quotes, or one up to a byte that ends it.
func yarnToken(text, ends string) (token, rest string, err error) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, ends)
		if end < 0 {
			end = len(text)
		}
		return text[:end], text[end:], nil
	}
	end := 1
	for end < len(text) && text[end] != '"' {
		if text[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(text) {
		return "", "", strconv.ErrSyntax
	}
	if err := json.Unmarshal([]byte(text[:end+1]), &token); err != nil {
		return "", "", err
	}
	return token, text[end+1:], nil
}

// yarnClassicLock is a yarn.lock of Yarn 1.
type yarnClassicLock struct {
	entries []yarnEntry
	// by are the entries by their patterns.
	by map[string]yarnEntry
	// members are the package.json of the workspaces, by directory: the lock
	// file does not name them.
	members map[string]manifest
}

// readYarnClassic reads a yarn.lock of Yarn 1.
func readYarnClassic(data []byte) (*yarnClassicLock, error) {
	entries, err := parseYarnLock(data)
	if err != nil {
		return nil, err
	}
	l := &yarnClassicLock{entries: entries, by: map[string]yarnEntry{}}
	for _, e := range entries {
		for _, pattern := range e.patterns {
			l.by[pattern] = e
		}
	}
	return l, nil
}

func (l *yarnClassicLock) file() string         { return yarnLockFile }
func (l *yarnClassicLock) workspaces() []string { return sortedKeys(l.members) }

// mayCompile is true whenever there is a package: the lock file does not say
// which of them have install scripts.
func (l *yarnClassicLock) mayCompile() bool { return len(l.entries) > 0 }

func (l *yarnClassicLock) differences(dir string, m manifest) []string {
	forced := resolutionNames(m.Resolutions)
	var lines []string
	for _, w := range m.wants() {
		if l.isMember(w) || forced[w.name] || outside(w.spec, "link:", "file:", "workspace:") {
			continue
		}
		if _, found := l.by[w.name+"@"+w.spec]; found {
			continue
		}
		if have := l.versionsOf(w.name); len(have) > 0 {
			lines = append(lines, w.name+": "+path.Join(dir, manifestFile)+" wants "+w.spec+", "+yarnLockFile+" has "+strings.Join(have, ", "))
			continue
		}
		lines = append(lines, w.name+": "+path.Join(dir, manifestFile)+" wants "+w.spec+", "+yarnLockFile+" does not have it")
	}
	return lines
}

// isMember tells whether a dependency is a workspace of the app.
func (l *yarnClassicLock) isMember(w wanted) bool {
	for _, m := range l.members {
		if m.Name != w.name {
			continue
		}
		r, err := npm.ParseRange(w.spec)
		return err != nil || m.Version == "" || npm.Major(m.Version) < 0 || r.Allows(m.Version)
	}
	return false
}

// versionsOf are what the lock file has of a package.
func (l *yarnClassicLock) versionsOf(name string) []string {
	versions := map[string]bool{}
	for pattern, e := range l.by {
		if patternName(pattern) == name && e.fields["version"] != "" {
			versions[e.fields["version"]] = true
		}
	}
	return slices.Sorted(maps.Keys(versions))
}

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
