package nodejs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"

	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/nodejs/lock"
)

// copyPruned makes a second tree of the main layer without the packages that
// only development needs, by second names for the files. It reports how many
// packages it left out.
//
// The choice is npm's: it marks these packages in the list of what it has
// installed, and "npm prune --omit=dev" removes those that are marked.
func (t *moduleTree) copyPruned(fresh string) (count int, err error) {
	if t.app.manages() {
		return t.copyReached(fresh)
	}
	var installed struct {
		Packages map[string]struct{ Dev bool }
	}
	data, err := os.ReadFile(filepath.Join(t.main.Layer.Path, "node_modules", hiddenLock))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		t.b.Print.Warn("npm has left no list of what it installed, so nothing can be left out.\n" +
			"An install-strategy in .npmrc other than the usual one does that: remove it")
	case err != nil:
		return 0, err
	default:
		if err := json.Unmarshal(data, &installed); err != nil {
			return 0, fmt.Errorf("reading npm's list of what it installed: %w", err)
		}
	}
	for _, dir := range t.directories() {
		tree := path.Join(filepath.ToSlash(dir), "node_modules")
		from, to := filepath.Join(t.main.Layer.Path, tree), filepath.Join(fresh, tree)
		if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return 0, err
		}
		err := layer.CopyTree(from, to, layer.LinkFile, func(rel string) bool {
			if installed.Packages[path.Join(tree, filepath.ToSlash(rel))].Dev {
				count++
				return true
			}
			return rel == hiddenLock || rel == ".cache"
		})
		if err != nil {
			return 0, err
		}
		if err := tidy(to); err != nil {
			return 0, err
		}
	}
	return count, nil
}

// copyReached makes such a tree of what the package.json of the app, of the
// workspaces that it is made of and of the root reach, since other package
// managers mark nothing.
func (t *moduleTree) copyReached(fresh string) (count int, err error) {
	f := newForest(t.main.Layer.Path, t.directories())
	if l, is := t.app.lock.(*lock.Berry); is {
		f.more = l.DependenciesOf()
	}
	starts := map[string]manifest{"": t.app.root.manifest}
	for _, dir := range t.app.parts(false) {
		starts[dir] = t.app.members[dir]
	}
	if err := f.reach(starts); err != nil {
		return 0, err
	}
	return f.copy(fresh)
}

// isCache tells whether a path of the main layer holds the build caches that
// tools keep in node_modules/.cache, by the convention of the package
// find-cache-dir. They are no part of what starts.
func (t *moduleTree) isCache(rel string) bool {
	return filepath.Base(rel) == ".cache" && filepath.Base(filepath.Dir(rel)) == "node_modules"
}

// tidy removes the commands whose packages are gone, and directories that have
// become empty.
func tidy(tree string) error {
	var dirs []string
	err := filepath.WalkDir(tree, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); name == ".bin" || strings.HasPrefix(name, "@") || name == "node_modules" {
				dirs = append(dirs, path)
			}
			return nil
		}
		if filepath.Base(filepath.Dir(path)) != ".bin" {
			return nil
		}
		gone, err := leadsNowhere(path, entry)
		if err != nil || !gone {
			return err
		}
		return os.Remove(path)
	})
	// Inner ones come after outer ones in the walk.
	for i := len(dirs) - 1; i >= 0 && err == nil; i-- {
		if err = os.Remove(dirs[i]); errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, fs.ErrExist) {
			err = nil
		}
	}
	return err
}

// shim is where a command that pnpm has made names what it starts: Node.js, if
// that lies beside it, and the file of a package.
var shim = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`"\$basedir/([^"]+)"`) })

// leadsNowhere tells whether a command is of a package that is gone.
func leadsNowhere(path string, entry fs.DirEntry) (bool, error) {
	targets := []string{path}
	if entry.Type().IsRegular() {
		info, err := entry.Info()
		if err != nil || info.Size() > 64<<10 {
			return false, err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return false, err
		}
		targets = nil
		for _, match := range shim().FindAllSubmatch(text, -1) {
			targets = append(targets, filepath.Join(filepath.Dir(path), string(match[1])))
		}
	}
	for _, target := range targets {
		if _, err := os.Stat(target); !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	return len(targets) > 0, nil
}
