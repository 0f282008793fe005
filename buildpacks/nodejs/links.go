package nodejs

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/layer"
)

// relink mends the symbolic links of trees that were moved from an app to a
// layer: what pointed into another of the trees still does, what pointed to the
// app points there from the layer's home. Moved are the trees, by their paths in
// the app, which are those in the layer too.
func relink(app, fresh, home string, moved map[string]bool) error {
	for _, tree := range sortedKeys(moved) {
		err := filepath.WalkDir(filepath.Join(fresh, tree), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.Type()&fs.ModeSymlink == 0 {
				return err
			}
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(fresh, path)
			if err != nil {
				return err
			}
			target := link
			if !filepath.IsAbs(link) {
				target = filepath.Join(app, filepath.Dir(rel), link)
			}
			inApp, err := filepath.Rel(app, target)
			if err != nil || filepath.IsAbs(link) && !filepath.IsLocal(inApp) {
				return err
			}
			if !filepath.IsAbs(link) && within(moved, inApp) {
				return nil
			}
			mended, err := filepath.Rel(filepath.Join(home, filepath.Dir(rel)), target)
			if within(moved, inApp) {
				mended, err = filepath.Rel(filepath.Dir(rel), inApp)
			}
			if err != nil {
				return err
			}
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.Symlink(mended, path)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// within tells whether a path lies in one of some trees.
func within(trees map[string]bool, path string) bool {
	for tree := range trees {
		if path == tree || strings.HasPrefix(path, tree+string(filepath.Separator)) {
			return true
		}
	}
	return false
}

// replaceFile puts a copy of a file of a layer into the app.
func replaceFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return layer.WriteBeside(to, data, 0o755)
}
