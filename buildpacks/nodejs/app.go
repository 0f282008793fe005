package nodejs

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// app is an app as its author wrote it, checked.
type app struct {
	dir      string
	manifest manifest
	// lock is zero for an app that installs nothing.
	lock lock
	// members are the package.json of the workspaces, by directory.
	members map[string]manifest
}

// otherManagers are the package managers that are not built yet, by the files
// that they leave.
var otherManagers = []struct{ name, lockFile string }{
	{"Yarn", "yarn.lock"},
	{"pnpm", "pnpm-lock.yaml"},
	{"Bun", "bun.lock"},
	{"Bun", "bun.lockb"},
}

// readApp reads an app and refuses what cannot be built, before anything is
// downloaded.
func readApp(dir string) (app, error) {
	a := app{dir: dir}
	var err error
	if a.manifest, err = readManifest(dir, manifestFile); err != nil {
		return app{}, err
	}
	name, err := onlyLock(dir, a.manifest)
	if err != nil {
		return app{}, err
	}
	if name == "" {
		if a.manifest.empty() {
			return a, nil
		}
		return app{}, missingLock(a.manifest)
	}
	if a.lock, err = readLock(dir, name); err != nil {
		return app{}, err
	}
	if err := a.readMembers(); err != nil {
		return app{}, err
	}
	return a, a.inStep()
}

// onlyLock is the name of the app's one lock file, "" when it has none.
func onlyLock(dir string, m manifest) (string, error) {
	var found, managers []string
	for _, name := range []string{lockFile, shrinkwrapFile} {
		there, err := appfile.Exists(dir, name)
		if err != nil {
			return "", fmt.Errorf("looking for lock files: %w", err)
		}
		if there {
			found, managers = append(found, name), append(managers, "npm")
		}
	}
	for _, other := range otherManagers {
		there, err := appfile.Exists(dir, other.lockFile)
		if err != nil {
			return "", fmt.Errorf("looking for lock files: %w", err)
		}
		if there {
			found, managers = append(found, other.lockFile), append(managers, other.name)
		}
	}
	asked, _, _ := strings.Cut(m.PackageManager, "@")
	switch {
	case len(found) == 2 && found[0] == lockFile && found[1] == shrinkwrapFile:
		return "", appfile.Error("there are two lock files of npm: %s and %s\n"+
			"npm reads only %s, so the other one says nothing. Remove it:\n  git rm %s",
			lockFile, shrinkwrapFile, shrinkwrapFile, lockFile)
	case len(found) > 1:
		return "", severalLocks(found, managers, asked)
	case asked != "" && asked != "npm":
		return "", otherManager(asked, "\"packageManager\" in "+manifestFile, found)
	case len(found) == 1 && managers[0] != "npm":
		return "", otherManager(managers[0], found[0], found)
	case len(found) == 1:
		return found[0], nil
	}
	return "", nil
}

// severalLocks says which lock files to remove.
func severalLocks(found, managers []string, asked string) error {
	var lines []string
	for i, name := range found {
		if strings.EqualFold(managers[i], asked) {
			continue
		}
		if asked != "" {
			lines = append(lines, "  git rm "+name)
			continue
		}
		var rest []string
		for _, other := range found {
			if other != name {
				rest = append(rest, other)
			}
		}
		lines = append(lines, fmt.Sprintf("  git rm %s    # when %s installs the packages", strings.Join(rest, " "), managers[i]))
	}
	return appfile.Error("there are lock files of several package managers: %s\n"+
		"they may ask for different versions, so slugc does not choose. Keep one:\n%s",
		strings.Join(found, ", "), strings.Join(lines, "\n"))
}

// otherManager says what to do with an app of a package manager that is not
// built yet.
func otherManager(name, where string, found []string) error {
	remove := ""
	if len(found) > 0 && found[0] != lockFile {
		remove = "\n  git rm " + strings.Join(found, " ")
	}
	return appfile.Error("%s is not supported yet by this version of slugc\n"+
		"%s asks for it. To build with npm instead:\n"+
		"  npm pkg delete packageManager\n"+
		"  npm install --package-lock-only%s\n"+
		"  git add %s %s", name, where, remove, manifestFile, lockFile)
}

func missingLock(m manifest) error {
	count := len(m.wants())
	return appfile.Error("there is no %s\n"+
		"%s asks for %d packages, but not for one version of each, so two builds could differ. Make a lock file and commit it:\n"+
		"  npm install --package-lock-only\n"+
		"  git add %s\n"+
		"  git commit -m \"Lock the versions of packages\"\n"+
		"if it is there already, see that .gitignore and .slugignore do not list it", lockFile, manifestFile, count, lockFile)
}

// readMembers reads the package.json of the workspaces that the lock file has.
func (a *app) readMembers() error {
	a.members = map[string]manifest{}
	for _, dir := range a.lock.workspaces() {
		if !filepath.IsLocal(dir) {
			continue
		}
		there, err := appfile.Exists(filepath.Join(a.dir, dir), manifestFile)
		if err != nil {
			return fmt.Errorf("reading workspace %s: %w", dir, err)
		}
		if !there {
			return appfile.Error("%s names the directory %s, which has no %s\n"+
				"if it was removed or moved, make the lock file again:\n  npm install --package-lock-only\n  git add %s",
				a.lock.Name, dir, manifestFile, a.lock.Name)
		}
		if a.members[dir], err = readManifest(a.dir, path.Join(dir, manifestFile)); err != nil {
			return err
		}
	}
	return nil
}

// inStep refuses a lock file that does not hold what package.json asks for.
func (a *app) inStep() error {
	lines := a.lock.differences("", a.manifest)
	for _, dir := range a.lock.workspaces() {
		if member, read := a.members[dir]; read {
			lines = append(lines, a.lock.differences(dir, member)...)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	const most = 10
	if extra := len(lines) - most; extra > 0 {
		lines = append(lines[:most], fmt.Sprintf("and %d more", extra))
	}
	return appfile.Error("%s is out of step with %s\n  %s\n"+
		"npm ci installs what the lock file says and nothing else. Update it and commit it:\n"+
		"  npm install --package-lock-only\n"+
		"  git add %s\n"+
		"  git commit -m \"Update %s\"",
		a.lock.Name, manifestFile, strings.Join(lines, "\n  "), a.lock.Name, a.lock.Name)
}
