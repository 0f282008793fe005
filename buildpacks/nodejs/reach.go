package nodejs

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/nodejs/lock"
)

// stores are the directories in a node_modules in which pnpm, Bun and Yarn keep
// packages with what each of them depends on, as <store>/NAME/node_modules.
var stores = []string{".pnpm", ".bun", ".store"}

// states are files in a node_modules in which package managers note what they
// did, and when. No process needs them; that of Yarn 2 and later, which is not
// among them, is needed by "yarn start".
var states = []string{hiddenLock, ".yarn-integrity", ".package-map.json", ".modules.yaml", ".pnpm-workspace-state.json", ".pnpm-workspace-state-v1.json", ".pnpm/lock.yaml"}

// forest is the node_modules of an app and its workspaces in a layer. Paths are
// relative to the layer and have slashes.
type forest struct {
	root string
	// dirs are the directories of the app, "" is its root.
	dirs []string
	// more are dependencies of a package that its package.json does not name.
	more func(name, version string) []string
	// kept are the packages that were reached, by their real places.
	kept map[string]bool
	// above are the directories that hold something kept.
	above map[string]bool
}

func newForest(root string, dirs []string) *forest {
	f := &forest{root: root, kept: map[string]bool{}, above: map[string]bool{}}
	for _, dir := range dirs {
		f.dirs = append(f.dirs, filepath.ToSlash(dir))
	}
	return f
}

// reach marks the packages that some directories need in production: the
// dependencies of their package.json, and what these depend on, found as Node.js
// finds them. A peer that a package cannot do without counts, one that it can
// does not.
func (f *forest) reach(manifests map[string]manifest) error {
	for _, dir := range sortedKeys(manifests) {
		m := manifests[dir]
		names := append(sortedKeys(m.Dependencies), sortedKeys(m.OptionalDependencies)...)
		for _, name := range append(names, sortedKeys(m.PeerDependencies)...) {
			if err := f.visit(dir, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// visit marks what a package at a place gets for a name.
func (f *forest) visit(from, name string) error {
	type want struct{ from, name string }
	for queue := []want{{from, name}}; len(queue) > 0; queue = queue[1:] {
		at, found, err := f.find(queue[0].from, queue[0].name)
		if err != nil {
			return err
		}
		if !found || f.kept[at] {
			continue
		}
		f.kept[at] = true
		for dir := path.Dir(at); dir != "." && !f.above[dir]; dir = path.Dir(dir) {
			f.above[dir] = true
		}
		names, err := f.dependencies(at)
		if err != nil {
			return err
		}
		for _, name := range names {
			queue = append(queue, want{at, name})
		}
	}
	return nil
}

// find is the package that a directory gets for a name, by its real place. What
// lies outside of the layer, a workspace, is not found.
func (f *forest) find(from, name string) (at string, found bool, err error) {
	for dir := from; ; dir = path.Dir(dir) {
		if dir == "." {
			dir = ""
		}
		if path.Base(dir) != "node_modules" {
			candidate := path.Join(dir, "node_modules", name)
			place, err := filepath.EvalSymlinks(filepath.Join(f.root, candidate))
			switch {
			case err == nil:
				rel, err := filepath.Rel(f.root, place)
				return filepath.ToSlash(rel), err == nil && filepath.IsLocal(rel), err
			case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, os.ErrInvalid):
				return "", false, err
			}
			if _, err := os.Lstat(filepath.Join(f.root, candidate)); err == nil {
				// A link to a directory of the app, which is not beside the layer
				// everywhere.
				return "", false, nil
			}
		}
		if dir == "" {
			return "", false, nil
		}
	}
}

// dependencies are the names of what a package needs.
func (f *forest) dependencies(at string) ([]string, error) {
	data, err := os.ReadFile(filepath.Join(f.root, at, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var m struct {
		Name                 string
		Version              string
		Dependencies         lock.Words
		OptionalDependencies lock.Words
		PeerDependencies     lock.Words
		PeerDependenciesMeta map[string]struct{ Optional bool }
	}
	// What Node.js can start may well have a package.json that is odd.
	_ = json.Unmarshal(data, &m)
	names := append(sortedKeys(m.Dependencies), sortedKeys(m.OptionalDependencies)...)
	for _, name := range sortedKeys(m.PeerDependencies) {
		if !m.PeerDependenciesMeta[name].Optional {
			names = append(names, name)
		}
	}
	if f.more != nil {
		names = append(names, f.more(m.Name, m.Version)...)
	}
	beside, err := f.beside(at)
	return append(names, beside...), err
}

// beside are the packages that a store has put beside a package: exactly those
// that it depends on, peers too.
func (f *forest) beside(at string) ([]string, error) {
	dir := at
	for path.Base(dir) != "node_modules" {
		if dir = path.Dir(dir); dir == "." {
			return nil, nil
		}
	}
	if !slices.Contains(stores, path.Base(path.Dir(path.Dir(dir)))) {
		return nil, nil
	}
	return f.names(dir)
}

// names are the packages in a node_modules.
func (f *forest) names(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(f.root, dir))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		switch name := entry.Name(); {
		case strings.HasPrefix(name, "."):
		case strings.HasPrefix(name, "@"):
			scoped, err := os.ReadDir(filepath.Join(f.root, dir, name))
			if err != nil {
				return nil, err
			}
			for _, entry := range scoped {
				names = append(names, path.Join(name, entry.Name()))
			}
		default:
			names = append(names, name)
		}
	}
	return names, nil
}

// isPackage tells whether a path is the place of a package: in a node_modules
// that belongs to the app, to a store or to a package, not in one that a package
// merely brings along among its files.
func (f *forest) isPackage(rel string) bool {
	name, dir := path.Base(rel), path.Dir(rel)
	if strings.HasPrefix(path.Base(dir), "@") {
		dir = path.Dir(dir)
	} else if strings.HasPrefix(name, "@") {
		return false
	}
	if strings.HasPrefix(name, ".") || path.Base(dir) != "node_modules" {
		return false
	}
	holder := path.Dir(dir)
	if holder == "." {
		holder = ""
	}
	return slices.Contains(f.dirs, holder) || slices.Contains(stores, path.Base(holder)) ||
		slices.Contains(stores, path.Base(path.Dir(holder))) || f.isPackage(holder)
}

// skips tells whether a path is left out of a tree that has only what was
// reached.
func (f *forest) skips(rel string) bool {
	if f.isState(rel) {
		return true
	}
	if slices.Contains(stores, path.Base(path.Dir(rel))) && path.Base(rel) != "node_modules" {
		return !f.above[rel] && !f.kept[rel]
	}
	if !f.isPackage(rel) {
		return false
	}
	if f.kept[rel] {
		return false
	}
	info, err := os.Lstat(filepath.Join(f.root, rel))
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return true
	}
	place, err := filepath.EvalSymlinks(filepath.Join(f.root, rel))
	if err != nil {
		return false
	}
	target, err := filepath.Rel(f.root, place)
	return err == nil && filepath.IsLocal(target) && !f.kept[filepath.ToSlash(target)]
}

// isState tells whether a path is a note or a cache of a tool.
func (f *forest) isState(rel string) bool {
	for _, dir := range f.dirs {
		inside, found := strings.CutPrefix(rel, path.Join(dir, "node_modules")+"/")
		if found && (slices.Contains(states, inside) || inside == ".cache") {
			return true
		}
	}
	return false
}

// copy makes a second tree at another place of what was reached, by second names
// for the files. It reports how many packages it left out.
func (f *forest) copy(to string) (count int, err error) {
	for _, dir := range f.dirs {
		tree := path.Join(dir, "node_modules")
		from, target := filepath.Join(f.root, tree), filepath.Join(to, tree)
		if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return 0, err
		}
		err := layer.CopyTree(from, target, layer.LinkFile, func(rel string) bool {
			rel = path.Join(tree, filepath.ToSlash(rel))
			skip := f.skips(rel)
			if skip && (f.isPackage(rel) || slices.Contains(stores, path.Base(path.Dir(rel)))) {
				if info, err := os.Lstat(filepath.Join(f.root, rel)); err == nil && info.IsDir() {
					count++
				}
			}
			return skip
		})
		if err != nil {
			return 0, err
		}
		if err := tidy(target); err != nil {
			return 0, err
		}
	}
	return count, nil
}
