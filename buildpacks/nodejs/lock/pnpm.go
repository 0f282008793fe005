package lock

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slugc/slugc/buildpacks/language/appfile"
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
	// builds tells whether a package is noted as one with an install script, scripts
	// whether the app lets packages run theirs.
	builds, scripts bool
	// sums are the checksums of packages, by name and version.
	sums map[string]string
	// advised are packages whose authors advise against them.
	advised []Deprecation
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

// ReadPNPM reads a pnpm-lock.yaml. Scripts tells whether the app lets packages run
// their install scripts, which later forms do not note. Its errors are the author's.
func ReadPNPM(data []byte, scripts bool) (File, error) {
	// The packages themselves, nearly all of the file, stand behind what is wanted
	// here, and are not read.
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
	l := pnpmLock{scripts: scripts}
	if err := appfile.YAML(PNPMFile, head, &l); err != nil {
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
	return appfile.Error("%s is not a lock file of pnpm\n%s\nmake it again:\n  rm %s\n  pnpm install --lockfile-only\n  git add %s", PNPMFile, why, PNPMFile, PNPMFile)
}

func (l *pnpmLock) Name() string { return PNPMFile }

func (l *pnpmLock) Form() string {
	form, _, _ := strings.Cut(l.Version, ".")
	return form
}

func (l *pnpmLock) Workspaces() []string {
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

func (l *pnpmLock) MayCompile() bool {
	if l.notesBuilds() {
		return l.builds
	}
	return l.scripts
}

func (l *pnpmLock) Packages() []Package {
	var all []Package
	for locator, integrity := range l.sums {
		all = append(all, packageOf(locator, integrity))
	}
	return all
}

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

func (l *pnpmLock) Differences(dir string, m Manifest) []string {
	key := dir
	if key == "" {
		key = "."
	}
	importer, found := l.Importers[key]
	if !found && m.Empty() {
		return nil
	}
	if !found {
		return []string{fmt.Sprintf("%s: %s does not know this directory", path.Join(dir, ManifestFile), PNPMFile)}
	}
	forced := map[string]bool{}
	for selector := range l.Overrides {
		forced[selectedName(selector)] = true
	}
	recorded := importer.recorded()
	return compare(comparison{
		dir: dir, lock: PNPMFile, wants: m.Wants(), recorded: recorded, peers: m.PeerDependencies, same: textual,
		passed: func(name string) bool {
			return forced[name] || slices.Contains(l.Ignored, name) || outside(m.Spec(name), "link:", "runtime:") || outside(recorded[name], "link:", "runtime:")
		},
	})
}

// Deprecated are all of them: since version 9 of the form it does not say what
// only development needs.
func (l *pnpmLock) Deprecated() []Deprecation { return l.advised }

// pnpmDeprecated finds what authors say against packages, which stands below
// their names. A reason may be a text of several lines.
func pnpmDeprecated(data []byte) []Deprecation {
	if !bytes.Contains(data, []byte("\n    deprecated: ")) {
		return nil
	}
	var all []Deprecation
	name, reason := "", ""
	end := func() {
		if reason == "" {
			return
		}
		var doc struct {
			Deprecated string `yaml:"deprecated"`
		}
		if yaml.Unmarshal([]byte(reason), &doc) == nil && doc.Deprecated != "" {
			path, version := pnpmPackage(name)
			all = append(all, Deprecation{path, version, oneLine(doc.Deprecated)})
		}
		reason = ""
	}
	for line := range bytes.Lines(data) {
		text := string(line)
		switch {
		case reason != "" && (strings.HasPrefix(text, "      ") || strings.TrimSpace(text) == ""):
			reason += text
		case strings.HasPrefix(text, "    deprecated: "):
			reason = text
		default:
			end()
			if key, is := strings.CutSuffix(strings.TrimSpace(text), ":"); is && strings.HasPrefix(text, "  ") && !strings.HasPrefix(text, "   ") {
				name = strings.Trim(key, "'\"")
			}
		}
	}
	end()
	return all
}

// pnpmPackage is the name and version of a key: a@1.0.0, /a@1.0.0(b@2.0.0),
// /@a/b/1.0.0.
func pnpmPackage(key string) (name, version string) {
	key, _, _ = strings.Cut(strings.TrimPrefix(key, "/"), "(")
	at := strings.LastIndexByte(key, '@')
	if at <= 0 {
		at = strings.LastIndexByte(key, '/')
	}
	if at <= 0 {
		return key, ""
	}
	return key[:at], key[at+1:]
}
