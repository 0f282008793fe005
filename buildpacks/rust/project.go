package rust

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// project is an app as its Cargo.toml files say. Directories are ways from the
// app, with slashes.
type project struct {
	// dir is the directory of the app.
	dir string
	// top is the way from the app to the top of its source, "." where it is that.
	top string
	// root is where the workspace is, or the only package.
	root string
	// workspace is that of the root, nil without one.
	workspace *workspace
	// locals are all packages of the source that the app's are made of.
	locals []local
	// profiles are the [profile] tables, which only those of the root count.
	profiles map[string]any
	lock     lock
}

// local is a package of the source.
type local struct {
	dir string
	manifest
	// member tells whether the workspace has it.
	member bool
}

func (l local) name() string { return l.Package.Name }

// file is its Cargo.toml for people.
func (l local) file() string { return path.Join(l.dir, manifestFile) }

// readProject reads what the app's Cargo.toml files and its Cargo.lock say.
func readProject(app string, env map[string]string) (project, error) {
	p := project{dir: app, top: ".", root: "."}
	if source := env[language.SourceVariable]; source != "" && source != app {
		if up, err := filepath.Rel(app, source); err == nil && strings.HasPrefix(up, "..") {
			p.top = filepath.ToSlash(up)
		}
	}
	if err := appfile.RefuseMisspelled(app, "which versions of packages to use", lockFile); err != nil {
		return project{}, err
	}
	own, err := readManifest(app, "")
	if err != nil {
		return project{}, err
	}
	root, err := p.findRoot(own)
	if err != nil {
		return project{}, err
	}
	p.workspace, p.profiles = root.Workspace, root.Profile
	if err := p.readLocals(own, root); err != nil {
		return project{}, err
	}
	p.lock, err = p.readLock()
	return p, err
}

// at is a directory of the source.
func (p project) at(dir string) string { return filepath.Join(p.dir, filepath.FromSlash(dir)) }

// inSource tells whether a way from the app leads to a place in the source.
func (p project) inSource(dir string) bool {
	if path.IsAbs(dir) {
		return false
	}
	up := strings.Count(p.top, "..")
	return filepath.IsLocal(path.Join(strings.Repeat("x/", up), dir))
}

// findRoot finds the workspace that the app is in, as Cargo does: the nearest
// one at or above it that does not exclude it.
func (p *project) findRoot(own manifest) (manifest, error) {
	if own.Workspace != nil {
		return own, nil
	}
	ways := []string{}
	if own.Package.Workspace != "" {
		ways = []string{path.Clean(own.Package.Workspace)}
	} else {
		for way := ".."; p.inSource(way); way = path.Join("..", way) {
			ways = append(ways, way)
		}
	}
	for _, way := range ways {
		if !p.inSource(way) {
			return manifest{}, appfile.Error("%s says workspace = %q, which is outside of the source\nbuild the directory that has both, and name the app in it:\n  slugc build DIRECTORY --app APP", manifestFile, own.Package.Workspace)
		}
		above, err := readManifest(p.at(way), way)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return manifest{}, err
		}
		if above.Workspace == nil {
			continue
		}
		rel, err := filepath.Rel(p.at(way), p.dir)
		if err != nil {
			return manifest{}, err
		}
		if excludes(above.Workspace.Exclude, filepath.ToSlash(rel)) {
			break
		}
		p.root = way
		return above, nil
	}
	return own, nil
}

// excludes tells whether a directory is one of some, or below one.
func excludes(list []string, dir string) bool {
	return slices.ContainsFunc(list, func(one string) bool {
		one = path.Clean(one)
		return dir == one || strings.HasPrefix(dir, one+"/")
	})
}

// readLocals reads the packages of the workspace, and those that they name by
// their directories.
func (p *project) readLocals(own, root manifest) error {
	members := []string{}
	if root.Package != nil {
		members = append(members, p.root)
	}
	if own.Package != nil {
		members = append(members, ".")
	}
	if root.Workspace != nil {
		found, err := p.matching(root.Workspace.Members, true)
		if err != nil {
			return err
		}
		members = append(members, slices.DeleteFunc(found, func(dir string) bool {
			rel, err := filepath.Rel(p.at(p.root), p.at(dir))
			return err == nil && excludes(root.Workspace.Exclude, filepath.ToSlash(rel)) && !slices.Contains(root.Workspace.Members, filepath.ToSlash(rel))
		})...)
	}
	seen := map[string]bool{}
	for _, dir := range members {
		if err := p.addLocal(dir, "", true, seen); err != nil {
			return err
		}
	}
	return nil
}

// matching are the directories with a Cargo.toml that patterns of the root name.
func (p *project) matching(patterns []string, must bool) ([]string, error) {
	var all []string
	for _, pattern := range patterns {
		full := path.Join(p.root, pattern)
		if !p.inSource(full) {
			return nil, appfile.Error("%s has a member outside of the source: %s\nbuild the directory that has both, and name the app in it:\n  slugc build DIRECTORY --app APP", path.Join(p.root, manifestFile), pattern)
		}
		found, err := filepath.Glob(p.at(full))
		if err != nil {
			return nil, appfile.Error("%s has a pattern of members that is not valid: %s\nexpected one such as crates/*", path.Join(p.root, manifestFile), pattern)
		}
		plain := !strings.ContainsAny(pattern, "*?[")
		if len(found) == 0 && plain && must {
			return nil, appfile.Error("%s names the member %s, which is not there\ncommit it, or take it out of members", path.Join(p.root, manifestFile), pattern)
		}
		slices.Sort(found)
		for _, dir := range found {
			rel, err := filepath.Rel(p.dir, dir)
			if err != nil {
				return nil, err
			}
			if _, err := os.Stat(filepath.Join(dir, manifestFile)); err != nil && !plain {
				continue // Cargo passes over them too.
			}
			all = append(all, filepath.ToSlash(rel))
		}
	}
	return all, nil
}

// addLocal reads a package and those of its dependencies that are directories.
// By is who names it.
func (p *project) addLocal(dir, by string, member bool, seen map[string]bool) error {
	dir = path.Clean(dir)
	if seen[dir] {
		return nil
	}
	seen[dir] = true
	if !p.inSource(dir) {
		return appfile.Error("%s names a package outside of the source: %s\nput it into the app's repository, or build the directory that has both, and name the app in it:\n  slugc build DIRECTORY --app APP", by, dir)
	}
	m, err := readManifest(p.at(dir), dir)
	if errors.Is(err, fs.ErrNotExist) {
		if by == "" {
			by = path.Join(p.root, manifestFile)
		}
		return appfile.Error("%s names the package in %s, which has no %s\ncommit it, and see that .gitignore and .slugignore do not list it:\n  git add %s", by, dir, manifestFile, dir)
	}
	if err != nil {
		return err
	}
	if m.Package == nil {
		return nil // a workspace without a package of its own
	}
	one := local{dir: dir, manifest: m, member: member}
	p.locals = append(p.locals, one)
	for _, d := range m.all(p.workspace) {
		if d.path == "" {
			continue
		}
		from := dir
		if d.root {
			from = p.root
		}
		if err := p.addLocal(path.Join(from, filepath.ToSlash(d.path)), one.file(), false, seen); err != nil {
			return err
		}
	}
	return nil
}

// lockPath is the lock file for people.
func (p project) lockPath() string { return path.Join(p.root, lockFile) }

// chosen are the packages whose binaries are built.
func (p project) chosen(s settings) ([]local, error) {
	if len(s.packages) > 0 {
		var all []local
		for _, word := range s.packages {
			i := slices.IndexFunc(p.locals, func(l local) bool { return l.name() == word || l.dir == path.Clean(word) })
			if i < 0 {
				return nil, appfile.Error("%s asks for the package %s, which is not in the app\nthe app has %s", s.packagesBy, word, strings.Join(names(p.locals), ", "))
			}
			all = append(all, p.locals[i])
		}
		return all, nil
	}
	pick := func(wanted func(l local) bool) []local {
		return slices.DeleteFunc(slices.Clone(p.locals), func(l local) bool { return !wanted(l) })
	}
	if p.root != "." {
		return pick(func(l local) bool { return l.dir == "." }), nil
	}
	if p.workspace != nil && len(p.workspace.DefaultMembers) > 0 {
		dirs, err := p.matching(p.workspace.DefaultMembers, true)
		return pick(func(l local) bool { return slices.Contains(dirs, l.dir) }), err
	}
	own := pick(func(l local) bool { return l.dir == "." })
	if len(own) > 0 {
		bins, err := p.bins(own)
		if err != nil || len(bins) > 0 || p.workspace == nil {
			return own, err
		}
	}
	return pick(func(l local) bool { return l.member }), nil
}

func names(all []local) []string {
	var found []string
	for _, l := range all {
		found = append(found, l.name())
	}
	return found
}

// bin is a program that Cargo makes of a package.
type bin struct {
	name string
	from local
	// needs are the features without which it is left out.
	needs []string
}

// bins are the programs of some packages: those that a manifest names, and those
// of the usual places (The Cargo Book, "Target auto-discovery").
func (p project) bins(of []local) ([]bin, error) {
	var all []bin
	for _, l := range of {
		known := map[string]bool{}
		add := func(name string, needs []string) {
			if name != "" && !known[name] {
				known[name] = true
				all = append(all, bin{name: name, from: l, needs: needs})
			}
		}
		for _, b := range l.Bins {
			add(b.Name, b.RequiredFeatures)
		}
		if l.Package.Autobins != nil && !*l.Package.Autobins {
			continue
		}
		found, err := p.discover(l)
		if err != nil {
			return nil, err
		}
		for _, name := range found {
			add(name, nil)
		}
	}
	slices.SortFunc(all, func(a, b bin) int { return strings.Compare(a.name, b.name) })
	for i := range max(len(all)-1, 0) {
		if a, b := all[i], all[i+1]; a.name == b.name {
			return nil, appfile.Error("%s and %s both have a binary %s\nrename one, or choose the packages to build:\n  slugc build -e BP_CARGO_WORKSPACE_MEMBERS=%s",
				a.from.file(), b.from.file(), a.name, a.from.name())
		}
	}
	return all, nil
}

// discover are the programs of a package in their usual places.
func (p project) discover(l local) ([]string, error) {
	var found []string
	taken := func(file string) bool {
		return slices.ContainsFunc(l.Bins, func(b binTable) bool { return path.Clean(b.Path) == file })
	}
	if has(p.at(l.dir), "src/main.rs") && !taken("src/main.rs") {
		found = append(found, l.name())
	}
	entries, err := os.ReadDir(filepath.Join(p.at(l.dir), "src", "bin"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("looking for binaries: %w", err)
	}
	for _, entry := range entries {
		name, file := entry.Name(), path.Join("src/bin", entry.Name())
		if entry.IsDir() {
			file = path.Join(file, "main.rs")
			if !has(p.at(l.dir), file) {
				continue
			}
		} else if path.Ext(name) != ".rs" {
			continue
		}
		if !taken(file) {
			found = append(found, strings.TrimSuffix(name, ".rs"))
		}
	}
	return found, nil
}

func has(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name)))
	return err == nil
}

// noBins is the error for an app without a program.
func noBins(chosen []local) error {
	var files []string
	for _, l := range chosen {
		files = append(files, l.file())
	}
	return appfile.Error("there is no binary to build in %s\nexpected src/main.rs, src/bin/NAME.rs or [[bin]] in %s, committed and not listed in .slugignore",
		strings.Join(files, ", "), manifestFile)
}
