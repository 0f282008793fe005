package nodejs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// The lock files of Bun: text, and the binary one of Bun before 1.2.
const (
	bunLockFile       = "bun.lock"
	bunBinaryLockFile = "bun.lockb"
)

// bunLock is a bun.lock.
type bunLock struct {
	name       string
	Version    int                          `json:"lockfileVersion"`
	Workspaces map[string]bunWorkspace      `json:"workspaces"`
	Trusted    []string                     `json:"trustedDependencies"`
	Overrides  map[string]json.RawMessage   `json:"overrides"`
	Packages   map[string][]json.RawMessage `json:"packages"`
	// dirs are the workspaces where the lock file cannot be read.
	dirs []string
}

// bunWorkspace is a directory of the app.
type bunWorkspace struct {
	Dependencies         map[string]string `json:"dependencies"`
	DevDependencies      map[string]string `json:"devDependencies"`
	OptionalDependencies map[string]string `json:"optionalDependencies"`
}

// readBun reads a bun.lock: JSON with comments, and with commas behind the last
// of a list.
func readBun(data []byte) (*bunLock, error) {
	l := bunLock{name: bunLockFile}
	if err := appfile.JSON(bunLockFile, plainJSON(data), &l); err != nil {
		return nil, err
	}
	if l.Workspaces == nil {
		return nil, appfile.Error("%s is not a lock file of Bun\nexpected \"workspaces\" in it\nmake it again:\n  rm %s\n  bun install --lockfile-only\n  git add %s", bunLockFile, bunLockFile, bunLockFile)
	}
	return &l, nil
}

// plainJSON blanks out what JSON with comments has more than JSON. Every byte
// stays in its place, so that a fault is found where it is.
func plainJSON(data []byte) []byte {
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

func (l *bunLock) file() string { return l.name }

func (l *bunLock) workspaces() []string {
	if l.Workspaces == nil {
		return l.dirs
	}
	dirs := sortedKeys(l.Workspaces)
	return slices.DeleteFunc(dirs, func(dir string) bool { return dir == "" })
}

// mayCompile tells whether a package may compile native code: one that the app
// trusts, or one that Bun trusts by itself.
func (l *bunLock) mayCompile() bool {
	if len(l.Trusted) > 0 || l.Packages == nil {
		return true
	}
	for key := range l.Packages {
		if slices.ContainsFunc(builders, func(name string) bool { return key == name || strings.HasSuffix(key, "/"+name) }) {
			return true
		}
	}
	return false
}

func (l *bunLock) differences(dir string, m manifest) []string {
	if l.Workspaces == nil {
		return nil
	}
	place, found := l.Workspaces[dir]
	if !found {
		return []string{fmt.Sprintf("%s: %s does not know this directory", path.Join(dir, manifestFile), l.name)}
	}
	recorded := map[string]string{}
	for _, group := range []map[string]string{place.DevDependencies, place.Dependencies, place.OptionalDependencies} {
		for name, spec := range group {
			recorded[name] = spec
		}
	}
	return compare(comparison{
		dir: dir, lock: l.name, wants: m.wants(), recorded: recorded, peers: m.PeerDependencies, same: textual,
		passed: func(string) bool { return false },
	})
}
