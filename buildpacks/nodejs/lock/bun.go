package lock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// bunLock is a lock file of Bun.
type bunLock struct {
	name string
	bunDocument
	// dirs are the workspaces where the lock file cannot be read.
	dirs []string
}

// bunDocument is a bun.lock.
type bunDocument struct {
	Version   int                          `json:"lockfileVersion"`
	Places    map[string]bunWorkspace      `json:"workspaces"`
	Trusted   []string                     `json:"trustedDependencies"`
	Overrides map[string]json.RawMessage   `json:"overrides"`
	Locked    map[string][]json.RawMessage `json:"packages"`
}

// bunWorkspace is a directory of the app.
type bunWorkspace struct {
	Dependencies         map[string]string `json:"dependencies"`
	DevDependencies      map[string]string `json:"devDependencies"`
	OptionalDependencies map[string]string `json:"optionalDependencies"`
}

// BinaryBun is a bun.lockb, which nobody but Bun reads. Dirs are the workspaces of the
// app, sorted.
func BinaryBun(dirs []string) File { return &bunLock{name: BunBinaryFile, dirs: dirs} }

// ReadBun reads a bun.lock: JSON with comments, and with commas behind the last
// of a list. Its errors are the author's.
func ReadBun(data []byte) (File, error) {
	l := bunLock{name: BunFile}
	if err := appfile.JSON(BunFile, PlainJSON(data), &l.bunDocument); err != nil {
		return nil, err
	}
	if l.Places == nil {
		return nil, appfile.Error("%s is not a lock file of Bun\nexpected \"workspaces\" in it\nmake it again:\n  rm %s\n  bun install --lockfile-only\n  git add %s", BunFile, BunFile, BunFile)
	}
	return &l, nil
}

// PlainJSON blanks out what JSON with comments has more than JSON. Every byte
// stays in its place, so that a fault is found where it is.
func PlainJSON(data []byte) []byte {
	plain := slices.Clone(data)
	comma := -1
	for i := 0; i < len(plain); i++ {
		switch c := plain[i]; {
		case c == '"':
			for i++; i < len(plain) && plain[i] != '"'; i++ {
				if plain[i] == '\\' {
					i++
				}
			}
			comma = -1
		case c == '/' && i+1 < len(plain) && plain[i+1] == '/':
			for ; i < len(plain) && plain[i] != '\n'; i++ {
				plain[i] = ' '
			}
		case c == '/' && i+1 < len(plain) && plain[i+1] == '*':
			end := len(plain)
			if at := bytes.Index(data[i+2:], []byte("*/")); at >= 0 {
				end = i + 2 + at + 2
			}
			for ; i < end; i++ {
				if plain[i] != '\n' {
					plain[i] = ' '
				}
			}
			i--
		case c == ',':
			comma = i
		case c == ']' || c == '}':
			if comma >= 0 {
				plain[comma] = ' '
			}
			comma = -1
		case c != ' ' && c != '\t' && c != '\r' && c != '\n':
			comma = -1
		}
	}
	return plain
}

func (l *bunLock) Name() string { return l.name }
func (l *bunLock) Form() string { return "" }

func (l *bunLock) Workspaces() []string {
	if l.Places == nil {
		return l.dirs
	}
	dirs := sortedKeys(l.Places)
	return slices.DeleteFunc(dirs, func(dir string) bool { return dir == "" })
}

// Packages are those with a checksum; a bun.lockb has none.
func (l *bunLock) Packages() []Package {
	var all []Package
	for _, parts := range l.Locked {
		var locator, integrity string
		if len(parts) > 3 && json.Unmarshal(parts[0], &locator) == nil && json.Unmarshal(parts[3], &integrity) == nil {
			all = append(all, packageOf(locator, integrity))
		}
	}
	return all
}

func (l *bunLock) Deprecated() []Deprecation { return nil }

// MayCompile tells whether a package may compile native code: one that the app
// trusts, or one that Bun trusts by itself.
func (l *bunLock) MayCompile() bool {
	if len(l.Trusted) > 0 || l.Locked == nil {
		return true
	}
	for key := range l.Locked {
		if slices.ContainsFunc(builders, func(name string) bool { return key == name || strings.HasSuffix(key, "/"+name) }) {
			return true
		}
	}
	return false
}

func (l *bunLock) Differences(dir string, m Manifest) []string {
	if l.Places == nil {
		return nil
	}
	place, found := l.Places[dir]
	if !found {
		return []string{fmt.Sprintf("%s: %s does not know this directory", path.Join(dir, ManifestFile), l.name)}
	}
	recorded := map[string]string{}
	for _, group := range []map[string]string{place.DevDependencies, place.Dependencies, place.OptionalDependencies} {
		for name, spec := range group {
			recorded[name] = spec
		}
	}
	return compare(comparison{
		dir: dir, lock: l.name, wants: m.Wants(), recorded: recorded, peers: m.PeerDependencies, same: textual,
		passed: func(string) bool { return false },
	})
}
