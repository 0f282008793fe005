package nodejs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/nodejs/lock"
)

// app is an app as its author wrote it, checked.
type app struct {
	dir      string
	manifest manifest
	// root is where its package manager works.
	root workspaceRoot
	// choice is its package manager.
	choice choice
	// lock is nil for an app that installs nothing, lockSum a checksum of the
	// file.
	lock    lock.File
	lockSum string
	// members are the package.json of the workspaces, by directory below the
	// root. An app that is one of them is among them.
	members map[string]manifest
	// yarn are Yarn's settings, pnpm those of pnpm.
	yarn yarnSettings
	pnpm pnpmSettings
	// procfile is the text of the Procfile.
	procfile string
	// asksForNode tells whether the app asks for a version of Node.js.
	asksForNode bool
	// isSite tells that a web server serves what was built.
	isSite bool
	// assists tells that the app is one in another language, which takes what was
	// built.
	assists bool
	// need is what the buildpack of that language asks for.
	need need
}

// readApp reads an app and refuses what cannot be built, before anything is
// downloaded. Source is the top of the source, "" where that is the app.
func readApp(dir, source string) (app, error) {
	a := app{dir: dir, members: map[string]manifest{}}
	var err error
	if a.manifest, err = readManifest(dir, manifestFile); err != nil {
		return app{}, err
	}
	if err := appfile.RefuseMisspelled(dir, "which Node.js to use", versionNames...); err != nil {
		return app{}, err
	}
	if a.root, err = findRoot(dir, source, a.manifest); err != nil {
		return app{}, err
	}
	if err := a.read(); err != nil {
		return app{}, a.root.told(err)
	}
	return a, nil
}

// read reads what is in the app and in the root.
func (a *app) read() (err error) {
	if a.choice, err = chooseManager(a.root, a.manifest); err != nil {
		return err
	}
	if err := a.readSettings(); err != nil {
		return err
	}
	if err := a.readAround(); err != nil {
		return err
	}
	if a.choice.lock == "" {
		if a.manifest.needs().Empty() {
			return nil
		}
		return a.missingLock()
	}
	if err := a.readLock(); err != nil {
		return err
	}
	if err := a.readMembers(); err != nil {
		return err
	}
	return a.inStep()
}

// readAround reads what else says how the app is built and started.
func (a *app) readAround() error {
	var err error
	if a.procfile, err = readProcfile(a.dir); err != nil {
		return err
	}
	asked, err := a.asksNode()
	a.asksForNode = len(asked) > 0
	return err
}

// readProcfile is the text of the Procfile, "" without one.
func readProcfile(dir string) (string, error) {
	data, err := os.ReadFile(filepath.Join(dir, "Procfile"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("reading Procfile: %w", err)
	}
	return string(data), nil
}

// readSettings reads what the package manager is told by files of its own.
func (a *app) readSettings() (err error) {
	switch a.choice.manager {
	case yarnManager:
		a.yarn, err = readYarnSettings(a.root.dir)
	case pnpmManager:
		a.pnpm, err = pnpmSettingsOf(a.root.dir)
	}
	return err
}

// readLock reads the lock file.
func (a *app) readLock() error {
	name := a.choice.lock
	if name == lock.BunBinaryFile {
		data, err := os.ReadFile(filepath.Join(a.root.dir, name))
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		dirs, err := findWorkspaces(a.root.dir, workspaceGlobs(a.root.manifest.Workspaces))
		a.lock, a.lockSum = lock.BinaryBun(dirs), layer.Sum(data)
		return err
	}
	data, err := appfile.ReadMerged(a.root.dir, name, appfile.Merge("make it again from package.json:\n  git checkout --theirs "+name+
		"\n  "+a.lockCommand()+"\n  git add "+name))
	if err != nil {
		return err
	}
	a.lockSum = layer.Sum(data)
	switch a.choice.manager {
	case yarnManager:
		return a.readYarnLock(data)
	case pnpmManager:
		a.lock, err = lock.ReadPNPM(data, a.allowsBuilds())
	case bunManager:
		a.lock, err = lock.ReadBun(data)
	default:
		a.lock, err = lock.ReadNPM(name, data)
	}
	return err
}

// readYarnLock reads a yarn.lock of either form.
func (a *app) readYarnLock(data []byte) error {
	if err := a.yarnInLine(lock.IsBerry(data)); err != nil {
		return err
	}
	if lock.IsBerry(data) {
		l, err := lock.ReadBerry(data, a.root.manifest.needs(), a.yarn.extends)
		if err != nil {
			return err
		}
		a.lock, a.choice.berry = l, true
		return nil
	}
	l, err := lock.ReadClassic(data)
	if err != nil {
		return err
	}
	dirs, err := findWorkspaces(a.root.dir, workspaceGlobs(a.root.manifest.Workspaces))
	if err != nil {
		return fmt.Errorf("looking for workspaces: %w", err)
	}
	l.Members = map[string]lock.Manifest{}
	for _, dir := range dirs {
		m, err := readManifest(a.root.dir, path.Join(dir, manifestFile))
		if err != nil {
			return err
		}
		l.Members[dir] = m.needs()
	}
	a.lock = l
	return nil
}

// lockCommand is what makes or mends the lock file.
func (a *app) lockCommand() string {
	return lockCommand(a.choice.manager, a.choice.berry || a.yarn.isBerry() || strings.TrimLeft(a.choice.asked.Text, "^~>=v ") >= "2")
}

// missingLock refuses an app that asks for packages without a lock file.
func (a *app) missingLock() error {
	name, where, hint := lockOf(a.choice.manager), "", ""
	if a.root.member != "" {
		where = " in the root of the workspace of " + a.root.member
	}
	if a.root.stray != "" {
		hint = "\n" + a.root.stray + " does not list it: that is of no workspace"
	}
	return appfile.Error("there is no %s%s\n"+
		"%s asks for %d packages, but not for one version of each, so two builds could differ. Make a lock file and commit it:\n"+
		"  %s\n"+
		"  git add %s\n"+
		"  git commit -m \"Lock the versions of packages\"\n"+
		"if it is there on your machine, see whether .gitignore or .slugignore lists it%s",
		name, where, a.root.at(manifestFile), len(a.manifest.needs().Wants()), a.lockCommand(), name, hint)
}

// readMembers reads the package.json of the workspaces that the lock file has.
func (a *app) readMembers() error {
	for _, dir := range a.lock.Workspaces() {
		if !filepath.IsLocal(dir) {
			continue
		}
		there, err := appfile.Exists(filepath.Join(a.root.dir, dir), manifestFile)
		if err != nil {
			return fmt.Errorf("reading workspace %s: %w", dir, err)
		}
		if !there {
			return appfile.Error("%s names the directory %s, which has no %s\n"+
				"if it was removed or moved, make the lock file again:\n  %s\n  git add %s\n"+
				"if it is there on your machine, see whether .gitignore or .slugignore lists it",
				a.lock.Name(), dir, manifestFile, a.lockCommand(), a.lock.Name())
		}
		if a.members[dir], err = readManifest(a.root.dir, path.Join(dir, manifestFile)); err != nil {
			return err
		}
	}
	return nil
}

// inStep refuses a lock file that does not hold what package.json asks for.
func (a *app) inStep() error {
	var lines, files []string
	note := func(dir string, found ...string) {
		if len(found) > 0 {
			lines, files = append(lines, found...), append(files, path.Join(dir, manifestFile))
		}
	}
	note("", a.lock.Differences("", a.root.manifest.needs())...)
	for _, dir := range sortedKeys(a.members) {
		m := a.members[dir]
		// Those of the root are for all.
		m.Overrides, m.Resolutions = a.root.manifest.Overrides, a.root.manifest.Resolutions
		note(dir, a.lock.Differences(dir, m.needs())...)
	}
	if _, known := a.members[a.root.member]; a.root.member != "" && !known {
		note(a.root.member, fmt.Sprintf("%s: %s does not know this directory", a.root.at(manifestFile), a.lock.Name()))
	}
	if len(lines) == 0 {
		return nil
	}
	where := manifestFile
	if len(files) == 1 {
		where = files[0]
	}
	const most = 10
	if extra := len(lines) - most; extra > 0 {
		lines = append(lines[:most], fmt.Sprintf("and %d more", extra))
	}
	name := a.lock.Name()
	return appfile.Error("%s is out of step with %s\n  %s\n"+
		"a build installs what the lock file says and nothing else. Update it and commit it:\n"+
		"  %s\n"+
		"  git add %s\n"+
		"  git commit -m \"Update %s\"",
		name, where, strings.Join(lines, "\n  "), a.lockCommand(), name, name)
}

// hasDev tells whether there are packages that only development needs.
func (a *app) hasDev() bool {
	if own, is := a.npmLock(); is {
		return own.HasDev()
	}
	if a.lock == nil {
		return false
	}
	if len(a.root.manifest.DevDependencies) > 0 {
		return true
	}
	for _, m := range a.members {
		if len(m.DevDependencies) > 0 {
			return true
		}
	}
	return false
}

// mayCompile tells whether native code may be compiled when the packages are
// installed.
func (a *app) mayCompile() bool {
	return a.isNative() || a.lock != nil && a.lock.MayCompile()
}

// allowsBuilds tells whether pnpm may run install scripts of packages: pnpm 10
// and later do where an app says so.
func (a *app) allowsBuilds() bool {
	old := strings.HasPrefix(strings.TrimLeft(a.choice.asked.Text, "^~>=v "), "9")
	return old || len(a.pnpm.OnlyBuiltDependencies) > 0 || len(a.pnpm.AllowBuilds) > 0 || a.pnpm.DangerouslyAllowAll || len(rawNames(a.root.manifest.PNPM)) > 0
}

// npmLock is the lock file of an app of npm.
func (a *app) npmLock() (*lock.NPM, bool) {
	l, is := a.lock.(*lock.NPM)
	return l, is
}
