package nodejs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/version"
	"github.com/slugc/slugc/buildpacks/nodejs/lock"
)

// manager is a package manager, by the name that package.json calls it.
type manager string

// The package managers.
const (
	npmManager  manager = "npm"
	yarnManager manager = "yarn"
	pnpmManager manager = "pnpm"
	bunManager  manager = "bun"
)

// title is its name for a person.
func (m manager) title() string {
	switch m {
	case yarnManager:
		return "Yarn"
	case pnpmManager:
		return "pnpm"
	case bunManager:
		return "Bun"
	}
	return "npm"
}

// lockFiles are the lock files that there are, with who makes them.
var lockFiles = []struct {
	name string
	by   manager
}{
	{lock.NPMFile, npmManager},
	{lock.ShrinkwrapFile, npmManager},
	{lock.YarnFile, yarnManager},
	{lock.PNPMFile, pnpmManager},
	{lock.BunFile, bunManager},
	{lock.BunBinaryFile, bunManager},
}

// devEngines are the tools that an app wants for its development (package.json,
// "devEngines"), as far as a build needs them.
type devEngines struct {
	PackageManager engines `json:"packageManager"`
}

// UnmarshalJSON implements json.Unmarshaler; what has another form says nothing.
func (d *devEngines) UnmarshalJSON(data []byte) error {
	type plain devEngines
	var read plain
	if json.Unmarshal(data, &read) == nil {
		*d = devEngines(read)
	}
	return nil
}

// engines are tools to choose from.
type engines []struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// UnmarshalJSON implements json.Unmarshaler: one tool may stand there without a
// list.
func (e *engines) UnmarshalJSON(data []byte) error {
	type plain engines
	if err := json.Unmarshal(data, (*plain)(e)); err == nil {
		return nil
	}
	return json.Unmarshal(append(append([]byte("["), data...), ']'), (*plain)(e))
}

// choice is the package manager of an app.
type choice struct {
	manager manager
	// lock is the name of the app's one lock file, "" when it has none.
	lock string
	// by is what chose it, in words.
	by string
	// asked is the version that the app asks for, checksum the one that
	// corepack notes behind it: "sha512.0a1b".
	asked    version.Asked
	checksum string
	// berry tells whether it is Yarn 2 or later.
	berry bool
}

// supportedManagers are the names for messages.
const supportedManagers = "npm, Yarn, pnpm and Bun"

// chooseManager settles which package manager installs the packages:
// packageManager first, which is corepack's, then devEngines, then the lock
// file, and without one "engines" and settings files, else npm. Lock files that contradict it or one
// another are refused. What the app itself says comes before what the root says,
// as corepack takes the nearest package.json.
func chooseManager(root workspaceRoot, own manifest) (choice, error) {
	dir, m := root.dir, root.manifest
	c, err := declaredManager(own, root.at(manifestFile))
	if err == nil && c.manager == "" {
		c, err = declaredManager(m, manifestFile)
	}
	if err != nil {
		return choice{}, err
	}
	var found []string
	var by []manager
	for _, l := range lockFiles {
		there, err := appfile.Exists(dir, l.name)
		if err != nil {
			return choice{}, fmt.Errorf("looking for lock files: %w", err)
		}
		if there {
			found, by = append(found, l.name), append(by, l.by)
		}
	}
	if err := refuseLocks(found, by, c); err != nil {
		return choice{}, err
	}
	switch {
	case len(found) == 1 && c.manager != "" && c.manager != by[0]:
		return choice{}, otherLock(c, by[0], found[0])
	case len(found) == 1:
		c.lock = found[0]
		if c.manager == "" {
			c.manager, c.by = by[0], found[0]
		}
	case c.manager == "":
		if c.manager, c.by, err = unlockedManager(dir, m); err != nil {
			return choice{}, err
		}
	}
	if c.checksum != "" {
		if _, _, err := c.notedSum(); err != nil {
			return choice{}, err
		}
	}
	if c.asked.Text == "" {
		file, err := bunVersion(root, c.manager)
		if err != nil {
			return choice{}, err
		}
		c.asked = version.First(managerEngine(own, root.at(manifestFile), c.manager), managerEngine(m, manifestFile, c.manager), file)
	}
	return c, nil
}

// bunVersionFile says which Bun an app is for.
const bunVersionFile = ".bun-version"

// bunVersion is what that file asks for, in the app or in the root.
func bunVersion(root workspaceRoot, of manager) (version.Asked, error) {
	if of != bunManager {
		return version.Asked{}, nil
	}
	for _, name := range []string{root.at(bunVersionFile), bunVersionFile} {
		data, err := appfile.Read(root.dir, name)
		if err == nil {
			return version.Asked{Text: strings.TrimPrefix(appfile.Word(data), "v"), Name: name}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return version.Asked{}, err
		}
	}
	return version.Asked{}, nil
}

// declaredManager is what a package.json, whose name is file, says plainly.
func declaredManager(m manifest, file string) (choice, error) {
	if text := strings.TrimSpace(m.PackageManager); text != "" {
		name, number, _ := strings.Cut(text, "@")
		if !known(name) {
			return choice{}, appfile.Error("%q in packageManager of %s is none that slugc knows: it builds with %s\n"+
				"say which of them it is:\n  npm pkg set packageManager=npm@VERSION", text, file, supportedManagers)
		}
		if strings.Contains(number, "://") {
			return choice{}, appfile.Error("packageManager in %s is an address: %s\nslugc takes package managers from the npm registry. Ask for a version:\n  npm pkg set packageManager=%s@VERSION", file, name, name)
		}
		// Corepack's form has a checksum behind a plus sign.
		number, checksum, _ := strings.Cut(number, "+")
		return choice{
			manager: manager(name), by: "packageManager in " + file, checksum: checksum,
			asked: version.Asked{Text: number, Name: "packageManager", File: file},
		}, nil
	}
	for _, e := range m.DevEngines.PackageManager {
		if known(e.Name) {
			return choice{
				manager: manager(e.Name), by: "devEngines.packageManager in " + file,
				asked: version.Asked{Text: strings.TrimSpace(e.Version), Name: "devEngines.packageManager", File: file},
			}, nil
		}
	}
	return choice{}, nil
}

func known(name string) bool {
	return slices.Contains([]manager{npmManager, yarnManager, pnpmManager, bunManager}, manager(name))
}

// unlockedManager is the one that an app without a lock file has in mind: the only
// one besides npm that its engines name, or whose settings it has.
func unlockedManager(dir string, m manifest) (manager, string, error) {
	var named []manager
	for _, other := range []manager{yarnManager, pnpmManager, bunManager} {
		if m.Engines[string(other)] != "" {
			named = append(named, other)
		}
	}
	if len(named) == 1 {
		return named[0], "engines." + string(named[0]) + " in " + manifestFile, nil
	}
	for _, s := range []struct {
		file string
		of   manager
	}{{yarnSettingsFile, yarnManager}, {yarnClassicSettingsFile, yarnManager}, {pnpmWorkspaceFile, pnpmManager}, {"bunfig.toml", bunManager}, {bunVersionFile, bunManager}} {
		there, err := appfile.Exists(dir, s.file)
		if err != nil {
			return "", "", fmt.Errorf("looking for settings of package managers: %w", err)
		}
		if there {
			return s.of, s.file, nil
		}
	}
	return npmManager, "the default", nil
}

// managerEngine is the version that engines or volta ask for.
func managerEngine(m manifest, file string, of manager) version.Asked {
	if text := strings.TrimSpace(m.Engines[string(of)]); text != "" {
		return version.Asked{Text: text, Name: "engines." + string(of), File: file}
	}
	if text := strings.TrimSpace(m.Volta[string(of)]); text != "" && of != npmManager {
		return version.Asked{Text: text, Name: "volta." + string(of), File: file}
	}
	return version.Asked{}
}

// refuseLocks refuses lock files of which one must go.
func refuseLocks(found []string, by []manager, c choice) error {
	switch {
	case len(found) < 2:
		return nil
	case len(found) == 2 && by[0] == npmManager && by[1] == npmManager:
		return appfile.Error("there are two lock files of npm: %s and %s\n"+
			"npm reads only %s, so the other one says nothing. Remove it:\n  git rm %s",
			lock.NPMFile, lock.ShrinkwrapFile, lock.ShrinkwrapFile, lock.NPMFile)
	case len(found) == 2 && by[0] == bunManager && by[1] == bunManager:
		return appfile.Error("there are two lock files of Bun: %s and %s\n"+
			"%s is the older form of the two. Remove it:\n  git rm %s",
			lock.BunFile, lock.BunBinaryFile, lock.BunBinaryFile, lock.BunBinaryFile)
	}
	var lines []string
	var extra []string
	for i, name := range found {
		if c.manager != "" {
			if by[i] != c.manager {
				extra = append(extra, name)
			}
			continue
		}
		var rest []string
		for j, other := range found {
			if by[j] != by[i] {
				rest = append(rest, other)
			}
		}
		line := fmt.Sprintf("  git rm %s    # when %s installs the packages", strings.Join(rest, " "), by[i].title())
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	if c.manager != "" {
		lines = nil
		for _, name := range extra {
			lines = append(lines, "  git rm "+name)
		}
	}
	return appfile.Error("there are lock files of several package managers: %s\n"+
		"they may ask for different versions, so slugc does not choose. Keep one:\n%s",
		strings.Join(found, ", "), strings.Join(lines, "\n"))
}

// otherLock says what to do when the lock file is not that of the package
// manager that the app names.
func otherLock(c choice, of manager, name string) error {
	own := lockOf(c.manager)
	drop := "npm pkg delete packageManager"
	if strings.HasPrefix(c.by, "devEngines") {
		drop = "npm pkg delete devEngines.packageManager"
	}
	return appfile.Error("%s asks for %s, but the lock file is %s of %s\n"+
		"to build with %s, make its lock file:\n"+
		"  %s\n"+
		"  git rm %s\n"+
		"  git add %s\n"+
		"or to build with %s:\n"+
		"  %s\n"+
		"  git add %s",
		c.by, c.manager.title(), name, of.title(),
		c.manager.title(), lockCommand(c.manager, false), name, own,
		of.title(), drop, c.asked.File)
}

// lockCommand is what makes or mends the lock file of a package manager, and
// installs as little as it can.
func lockCommand(m manager, berry bool) string {
	switch {
	case m == yarnManager && berry:
		return "yarn install --mode=update-lockfile"
	case m == yarnManager:
		return "yarn install"
	case m == pnpmManager:
		return "pnpm install --lockfile-only"
	case m == bunManager:
		return "bun install --lockfile-only"
	}
	return "npm install --package-lock-only"
}
