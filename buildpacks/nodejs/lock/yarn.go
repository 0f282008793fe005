package lock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
)

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
			key, value, err := YarnPair(text)
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
			key, value, err := YarnPair(text)
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
		YarnFile, number, strings.TrimSpace(line), why, YarnFile, YarnFile)
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
	if len(patterns) == 0 {
		return nil, strconv.ErrSyntax
	}
	return patterns, nil
}

// YarnPair reads a key and a value of a line of a yarn.lock, or of another file of that
// form, without the spaces before it. Between them stands a space, or a colon and a space.
func YarnPair(text string) (key, value string, err error) {
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

// Classic is a yarn.lock of Yarn 1.
type Classic struct {
	entries []yarnEntry
	// by are the entries by their patterns.
	by map[string]yarnEntry
	// Members are the package.json of the workspaces, by directory. The lock file
	// does not name them, so who reads it sets them.
	Members map[string]Manifest
}

// ReadClassic reads a yarn.lock of Yarn 1. Its errors are the author's.
func ReadClassic(data []byte) (*Classic, error) {
	entries, err := parseYarnLock(data)
	if err != nil {
		return nil, err
	}
	l := &Classic{entries: entries, by: map[string]yarnEntry{}}
	for _, e := range entries {
		for _, pattern := range e.patterns {
			l.by[pattern] = e
		}
	}
	return l, nil
}

// Name is the file, in the app's root.
func (l *Classic) Name() string { return YarnFile }

// Form is "1".
func (l *Classic) Form() string { return "1" }

// Workspaces are the directories of Members, sorted.
func (l *Classic) Workspaces() []string { return sortedKeys(l.Members) }

// Packages are all of them, by the name by which they are asked for.
func (l *Classic) Packages() []Package {
	all := make([]Package, len(l.entries))
	for i, e := range l.entries {
		all[i] = Package{Name: patternName(e.patterns[0]), Version: e.fields["version"], Integrity: e.fields["integrity"]}
	}
	return all
}

// Deprecated is nil: Yarn does not note it.
func (l *Classic) Deprecated() []Deprecation { return nil }

// MayCompile is true whenever there is a package: the lock file does not say
// which of them have install scripts.
func (l *Classic) MayCompile() bool { return len(l.entries) > 0 }

// Differences are the dependencies of a directory of the app that the lock file does not
// have word for word, a line each.
func (l *Classic) Differences(dir string, m Manifest) []string {
	forced := resolutionNames(m.Resolutions)
	var lines []string
	for _, w := range m.Wants() {
		if l.isMember(w) || forced[w.Name] || outside(w.Spec, "link:", "file:", "workspace:") {
			continue
		}
		if _, found := l.by[w.Name+"@"+w.Spec]; found {
			continue
		}
		if have := l.versionsOf(w.Name); len(have) > 0 {
			lines = append(lines, w.Name+": "+path.Join(dir, ManifestFile)+" wants "+w.Spec+", "+YarnFile+" has "+strings.Join(have, ", "))
			continue
		}
		lines = append(lines, w.Name+": "+path.Join(dir, ManifestFile)+" wants "+w.Spec+", "+YarnFile+" does not have it")
	}
	return lines
}

// isMember tells whether a dependency is a workspace of the app.
func (l *Classic) isMember(w Wanted) bool {
	for _, m := range l.Members {
		if m.Name != w.Name {
			continue
		}
		r, err := npm.ParseRange(w.Spec)
		return err != nil || m.Version == "" || npm.Major(m.Version) < 0 || r.Allows(m.Version)
	}
	return false
}

// versionsOf are what the lock file has of a package.
func (l *Classic) versionsOf(name string) []string {
	versions := map[string]bool{}
	for pattern, e := range l.by {
		if patternName(pattern) == name && e.fields["version"] != "" {
			versions[e.fields["version"]] = true
		}
	}
	return slices.Sorted(maps.Keys(versions))
}

// registryName is the package of a registry that an entry is, whatever it is called.
func (e yarnEntry) registryName() string {
	if _, alias, is := strings.Cut(e.patterns[0], "@npm:"); is {
		return patternName(alias)
	}
	return patternName(e.patterns[0])
}

// WithAddresses is the text of the lock file in which every package has an address: one
// that has none, and one at the registry that Yarn takes by itself, usual, "" where nobody
// knows that, gets what address says of its name in the registry and its version. Yarn 1
// asks the address that is written, wherever a person's registry is. Nil means that
// nothing changes.
func (l *Classic) WithAddresses(text []byte, usual string, address func(name, version string) (string, error)) ([]byte, error) {
	var filled bytes.Buffer
	changed, at := false, 0
	var entry yarnEntry
	number := 0
	for line := range bytes.Lines(text) {
		number++
		for at < len(l.entries) && l.entries[at].line <= number {
			entry = l.entries[at]
			at++
		}
		bare := strings.TrimSpace(string(line))
		key, value, err := YarnPair(bare)
		indented := bytes.HasPrefix(line, []byte("  ")) && !bytes.HasPrefix(line, []byte("   "))
		switch {
		case err != nil || !indented:
		case key == "version" && entry.fields["resolved"] == "" && entry.fields["integrity"] != "":
			own, err := address(entry.registryName(), entry.fields["version"])
			if err != nil {
				return nil, err
			}
			filled.Write(line)
			fmt.Fprintf(&filled, "  resolved %q\n", own)
			changed = true
			continue
		case key == "resolved" && usual != "" && strings.HasPrefix(value, usual):
			own, err := address(entry.registryName(), entry.fields["version"])
			if err != nil {
				return nil, err
			}
			_, sum, _ := strings.Cut(value, "#")
			if base, _, _ := strings.Cut(value, "#"); base != own {
				fmt.Fprintf(&filled, "  resolved %q\n", own+"#"+sum)
				changed = true
				continue
			}
		}
		filled.Write(line)
	}
	if !changed {
		return nil, nil
	}
	return filled.Bytes(), nil
}
