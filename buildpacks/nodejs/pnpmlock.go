package nodejs

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// The files of pnpm.
const (
	pnpmLockFile      = "pnpm-lock.yaml"
	pnpmWorkspaceFile = "pnpm-workspace.yaml"
)

// pnpmLock is a pnpm-lock.yaml, as far as it says what the app wanted.
type pnpmLock struct {
	// Version is "9.0", "6.0", or a number such as 5.4 in older ones.
	Version   string                  `yaml:"lockfileVersion"`
	Overrides map[string]string       `yaml:"overrides"`
	Ignored   []string                `yaml:"ignoredOptionalDependencies"`
	Importers map[string]pnpmImporter `yaml:"importers"`
	// An app without workspaces had its wishes at the top before version 9.
	pnpmImporter `yaml:",inline"`
	// builds tells whether a package is noted as one with an install script.
	builds bool
	// sums are the checksums of packages, by name and version.
	sums map[string]string
	// advised are packages whose authors advise against them.
	advised []deprecation
}

// pnpmImporter is a directory of the app.
type pnpmImporter struct {
	// Specifiers are all wishes before version 6.
	Specifiers           map[string]string         `yaml:"specifiers"`
	Dependencies         map[string]pnpmDependency `yaml:"dependencies"`
	DevDependencies      map[string]pnpmDependency `yaml:"devDependencies"`
	OptionalDependencies map[string]pnpmDependency `yaml:"optionalDependencies"`
}

// pnpmDependency is a wish and the version that meets it.
type pnpmDependency struct {
	Specifier string `yaml:"specifier"`
	Version   string `yaml:"version"`
}

// UnmarshalYAML implements yaml.Unmarshaler: before version 6 there is the
// version alone.
func (d *pnpmDependency) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		d.Version = node.Value
		return nil
	}
	type plain pnpmDependency
	return node.Decode((*plain)(d))
}

// readPNPM reads a pnpm-lock.yaml. The packages themselves, nearly all of the
// file, stand behind what is wanted here, and are not read.
func readPNPM(data []byte) (*pnpmLock, error) {
	head := data
	for _, mark := range []string{"\npackages:", "\nsnapshots:"} {
		if at := bytes.Index(head, []byte(mark)); at >= 0 {
			head = head[:at+1]
		}
	}
	// pnpm may keep what concerns itself in a document before the app's.
	if at := bytes.LastIndex(head, []byte("\n---")); at >= 0 {
		head = head[at+1:]
	}
	var l pnpmLock
	if err := appfile.YAML(pnpmLockFile, head, &l); err != nil {
		return nil, pnpmLockError(err.Error())
	}
	if l.Version == "" {
		return nil, pnpmLockError(`expected "lockfileVersion" in it`)
	}
	if l.Importers == nil {
		l.Importers = map[string]pnpmImporter{".": l.pnpmImporter}
	}
	l.sums, l.advised = pnpmSums(data), pnpmDeprecated(data)
	l.builds = bytes.Contains(data, []byte("\n    requiresBuild: true"))
	return &l, nil
}

// pnpmSums finds the checksums of packages, which stand on the line below their
// names.
func pnpmSums(data []byte) map[string]string {
	sums := map[string]string{}
	name := ""
	for line := range bytes.Lines(data) {
		text := strings.TrimRight(string(line), "\r\n")
		if key, is := strings.CutSuffix(text, ":"); is && strings.HasPrefix(key, "  ") && !strings.HasPrefix(key, "   ") {
			name = strings.TrimPrefix(strings.Trim(strings.TrimSpace(key), "'\""), "/")
			continue
		}
		if _, after, is := strings.Cut(text, "    resolution: {integrity: "); is && name != "" {
			sums[name], _, _ = strings.Cut(strings.TrimRight(after, "}"), ",")
			name = ""
		}
	}
	return sums
}

func pnpmLockError(why string) error {
	return appfile.Error("%s is not a lock file of pnpm\n%s\nmake it again:\n  rm %s\n  pnpm install --lockfile-only\n  git add %s", pnpmLockFile, why, pnpmLockFile, pnpmLockFile)
}

func (l *pnpmLock) file() string { return pnpmLockFile }

func (l *pnpmLock) workspaces() []string {
	var dirs []string
	for dir := range l.Importers {
		if dir = path.Clean(dir); dir != "." {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	return dirs
}

// notesBuilds tells whether the form notes which packages have install scripts.
func (l *pnpmLock) notesBuilds() bool {
	return strings.HasPrefix(l.Version, "5") || strings.HasPrefix(l.Version, "6")
}

func (l *pnpmLock) mayCompile() bool { return l.builds || !l.notesBuilds() }

// recorded are the wishes of a directory when the lock file was made.
func (i pnpmImporter) recorded() map[string]string {
	if i.Specifiers != nil {
		return i.Specifiers
	}
	specs := map[string]string{}
	for _, group := range []map[string]pnpmDependency{i.Dependencies, i.DevDependencies, i.OptionalDependencies} {
		for name, d := range group {
			specs[name] = d.Specifier
		}
	}
	return specs
}

func (l *pnpmLock) differences(dir string, m manifest) []string {
	key := dir
	if key == "" {
		key = "."
	}
	importer, found := l.Importers[key]
	if !found && m.empty() {
		return nil
	}
	if !found {
		return []string{fmt.Sprintf("%s: %s does not know this directory", path.Join(dir, manifestFile), pnpmLockFile)}
	}
	forced := map[string]bool{}
	for selector := range l.Overrides {
		forced[selectedName(selector)] = true
	}
	recorded := importer.recorded()
	return compare(comparison{
		dir: dir, lock: pnpmLockFile, wants: m.wants(), recorded: recorded, peers: m.PeerDependencies, same: textual,
		passed: func(name string) bool {
			return forced[name] || slices.Contains(l.Ignored, name) || outside(m.spec(name), "link:", "runtime:") || outside(recorded[name], "link:", "runtime:")
		},
	})
}

// pnpmSettings are what pnpm-workspace.yaml says, as far as a build needs it.
type pnpmSettings struct {
	Packages              []string       `yaml:"packages"`
	SharedLock            *bool          `yaml:"sharedWorkspaceLockfile"`
	OnlyBuiltDependencies []string       `yaml:"onlyBuiltDependencies"`
	AllowBuilds           map[string]any `yaml:"allowBuilds"`
	DangerouslyAllowAll   bool           `yaml:"dangerouslyAllowAllBuilds"`
	MinimumReleaseAge     *int           `yaml:"minimumReleaseAge"`
}

// pnpmSettingsOf reads the pnpm-workspace.yaml of a directory, if there is one.
func pnpmSettingsOf(dir string) (pnpmSettings, error) {
	var s pnpmSettings
	there, err := appfile.Exists(dir, pnpmWorkspaceFile)
	if err != nil || !there {
		return s, err
	}
	data, err := appfile.Read(dir, pnpmWorkspaceFile)
	if err != nil {
		return s, err
	}
	return s, appfile.YAML(pnpmWorkspaceFile, data, &s)
}
