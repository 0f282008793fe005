package nodejs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/nodejs/lock"
)

// workspaceRoot is the directory in which the package manager of an app works,
// with the lock file, the settings and the packages. That of an app which is no
// member of a workspace is its own.
type workspaceRoot struct {
	dir      string
	manifest manifest
	// member is the directory of the app below dir, with slashes, "" where the
	// app is the root itself.
	member string
	// place is dir in the source, "" for the top.
	place string
	// stray is a lock file above an app that stands alone, as the app sees it, and
	// below tells that a workspace is above it, which the package manager must not
	// take it for a member of.
	stray string
	below bool
}

// at is the name of a file of the app for a person who is in the root.
func (w workspaceRoot) at(name string) string { return path.Join(w.member, name) }

// told says in which directory what an error names lies, where that is not the
// top of the source, in which a person types.
func (w workspaceRoot) told(err error) error {
	if err == nil || w.member == "" || w.place == "" {
		return err
	}
	return fmt.Errorf("in %s, the root of the workspace: %w", w.place, err)
}

// findRoot finds the workspace of an app: the nearest directory above it, up to
// the top of the source and no further, that lists it. An app that has a lock
// file of its own stands alone, as does one that installs nothing and that
// nobody lists. Source is "" where the app is all of it.
func findRoot(dir, source string, own manifest) (workspaceRoot, error) {
	alone := workspaceRoot{dir: dir, manifest: own}
	locks, err := foundLocks(dir)
	if err != nil {
		return workspaceRoot{}, err
	}
	is, err := hasMembers(dir, own)
	if err != nil || is {
		return alone, err
	}
	var other *workspace
	for _, above := range directoriesAbove(dir, source) {
		w, err := readWorkspace(above)
		if err != nil {
			return workspaceRoot{}, err
		}
		member, err := slashed(above, dir)
		if err != nil {
			return workspaceRoot{}, err
		}
		place, err := slashed(source, above)
		if err != nil {
			return workspaceRoot{}, err
		}
		alone.below = alone.below || len(w.globs) > 0
		root := workspaceRoot{dir: above, manifest: w.manifest, member: member, place: place}
		switch {
		case named(w.globs, member):
			switch {
			case len(locks) == 0 && (len(w.locks) > 0 || !own.needs().Empty()):
				return root, nil
			case len(locks) > 0 && len(w.locks) > 0 && !w.lockEach:
				return workspaceRoot{}, root.told(w.twoLaws(root, locks[0]))
			}
			return alone, nil
		case len(w.globs) > 0 && other == nil:
			other = &w
			other.root = root
		case len(w.locks) > 0 && alone.stray == "":
			alone.stray = path.Join(strings.Repeat("../", strings.Count(member, "/")+1), w.locks[0])
		}
	}
	if other != nil && len(locks) == 0 && !own.needs().Empty() {
		return workspaceRoot{}, other.root.told(other.notListed())
	}
	return alone, nil
}

// directoriesAbove are those above a directory, the nearest first, up to the top
// of the source.
func directoriesAbove(dir, source string) []string {
	rel, err := filepath.Rel(source, dir)
	if source == "" || err != nil || !filepath.IsLocal(rel) || rel == "." {
		return nil
	}
	var above []string
	for range strings.Count(filepath.ToSlash(rel), "/") + 1 {
		dir = filepath.Dir(dir)
		above = append(above, dir)
	}
	return above
}

// slashed is a directory below another one, with slashes, "" for that one itself.
func slashed(base, dir string) (string, error) {
	rel, err := filepath.Rel(base, dir)
	if rel == "." {
		rel = ""
	}
	return filepath.ToSlash(rel), err
}

// foundLocks are the lock files of a directory.
func foundLocks(dir string) ([]string, error) {
	var names []string
	for _, l := range lockFiles {
		names = append(names, l.name)
	}
	found, err := appfile.Found(dir, names...)
	if err != nil {
		return nil, fmt.Errorf("looking for lock files: %w", err)
	}
	return found, nil
}

// workspace is what a directory says of its members.
type workspace struct {
	root     workspaceRoot
	manifest manifest
	// globs are the patterns of its members, file where they stand.
	globs []string
	file  string
	locks []string
	// lockEach tells that each member has a lock file of its own, as pnpm may do.
	lockEach bool
}

// readWorkspace reads a directory above an app. One without a package.json is
// the root of nothing.
func readWorkspace(dir string) (workspace, error) {
	w := workspace{file: manifestFile}
	var err error
	if w.locks, err = foundLocks(dir); err != nil {
		return workspace{}, err
	}
	w.manifest, err = readManifest(dir, manifestFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return workspace{}, err
	}
	w.globs = workspaceGlobs(w.manifest.Workspaces)
	settings, err := pnpmSettingsOf(dir)
	if err != nil {
		return workspace{}, err
	}
	if len(settings.Packages) > 0 && (len(w.globs) == 0 || slices.Contains(w.locks, lock.PNPMFile)) {
		w.globs, w.file = settings.Packages, pnpmWorkspaceFile
	}
	w.lockEach, err = locksEach(dir, settings)
	return w, err
}

// locksEach tells whether pnpm keeps a lock file for each member, by either of
// its settings files.
func locksEach(dir string, s pnpmSettings) (bool, error) {
	if s.SharedLock != nil {
		return !*s.SharedLock, nil
	}
	text, err := os.ReadFile(filepath.Join(dir, ".npmrc"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("reading .npmrc: %w", err)
	}
	return lockEachSetting().Match(text), nil
}

var lockEachSetting = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^\s*shared-workspace-lockfile\s*=\s*false\s*$`)
})

// hasMembers tells whether an app is the root of a workspace itself.
func hasMembers(dir string, m manifest) (bool, error) {
	if len(workspaceGlobs(m.Workspaces)) > 0 {
		return true, nil
	}
	settings, err := pnpmSettingsOf(dir)
	return len(settings.Packages) > 0, err
}

// manager is the package manager of the workspace, as far as its lock file or
// its patterns tell.
func (w workspace) manager() manager {
	for _, l := range lockFiles {
		if slices.Contains(w.locks, l.name) {
			return l.by
		}
	}
	if name, _, _ := strings.Cut(w.manifest.PackageManager, "@"); known(name) {
		return manager(name)
	}
	if w.file == pnpmWorkspaceFile {
		return pnpmManager
	}
	return npmManager
}

// twoLaws refuses an app that has a lock file and is a member of a workspace
// that has one.
func (w workspace) twoLaws(root workspaceRoot, own string) error {
	return appfile.Error("there are two lock files: %s, and %s of the workspace\n"+
		"%s lists %s, so what is installed is what %s says. Remove the other one:\n"+
		"  git rm %s\n"+
		"or take %s out of the workspace, and make the lock file of that again:\n"+
		"  edit %s\n"+
		"  %s\n"+
		"  git add %s %s",
		root.at(own), w.locks[0], w.file, root.member, w.locks[0], root.at(own),
		root.member, w.file, lockCommand(w.manager(), false), w.file, w.locks[0])
}

// notListed refuses an app without a lock file that lies below a workspace but is
// no member of it.
func (w workspace) notListed() error {
	m, member := w.manager(), w.root.member
	locked := lockOf(m)
	add := fmt.Sprintf("npm pkg set \"workspaces[]=%s\"", member)
	if len(rawNames(w.manifest.Workspaces)) > 0 {
		add = fmt.Sprintf("npm pkg set \"workspaces.packages[]=%s\"", member)
	}
	if w.file == pnpmWorkspaceFile {
		add = fmt.Sprintf("echo '  - %s'    # a line of packages in %s", member, w.file)
	}
	// So that it is not taken for a member all the same.
	single := lockCommand(m, false)
	switch m {
	case pnpmManager:
		single += " --ignore-workspace"
	case npmManager:
		single += " --workspaces=false"
	case yarnManager:
		single = "touch yarn.lock && yarn install"
	}
	return appfile.Error("%s is not in the workspace: %s lists %s\n"+
		"it has no lock file of its own, so nothing says which packages to install. Add it, and make the lock file again:\n"+
		"  %s\n"+
		"  %s\n"+
		"  git add %s %s\n"+
		"or give it a lock file of its own:\n"+
		"  cd %s && %s\n"+
		"  git add %s",
		member, w.file, strings.Join(w.globs, ", "),
		add, lockCommand(m, false), w.file, locked, member, single, locked)
}

// lockOf is the usual lock file of a package manager.
func lockOf(m manager) string {
	for _, l := range lockFiles {
		if l.by == m {
			return l.name
		}
	}
	return lock.NPMFile
}
