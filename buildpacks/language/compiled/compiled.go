package compiled

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/layer"
)

// Program is one that was built: its name, and the file in its layer.
type Program struct{ Name, File string }

// Link makes links in the bin directory of an app to programs. Starts says how
// each is started from the app's directory, by name: where the app has something
// of its own in the place of the link, as the program that PATH finds. Warn hears
// of those.
func Link(app string, programs []Program, warn func(format string, args ...any)) (starts map[string]string, err error) {
	starts = map[string]string{}
	for _, one := range programs {
		place := filepath.Join("bin", one.Name)
		info, err := os.Lstat(filepath.Join(app, place))
		switch {
		case err == nil && info.Mode()&fs.ModeSymlink == 0:
			warn("the app has a %s of its own, so that is not the program that was built. It is found as %s in PATH", place, one.Name)
			starts[one.Name] = one.Name
			continue
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			// A bin that is no directory.
			warn("the app's bin is not a directory, so there is no %s. It is found as %s in PATH", place, one.Name)
			starts[one.Name] = one.Name
			continue
		}
		if err := os.MkdirAll(filepath.Join(app, "bin"), 0o755); err != nil {
			return nil, fmt.Errorf("linking %s: %w", place, err)
		}
		if err := layer.PointAt(one.File, filepath.Join(app, place)); err != nil {
			return nil, fmt.Errorf("linking %s: %w", place, err)
		}
		starts[one.Name] = filepath.ToSlash(place)
	}
	return starts, nil
}

// Kept are the patterns of BP_KEEP_FILES: of files of the app, or directories of
// them, that stay although they are source.
type Kept []string

// Check refuses patterns that are not valid. Example is what a good one looks
// like.
func (k Kept) Check(example string) error {
	for _, pattern := range k {
		if _, err := path.Match(pattern, "x"); err != nil {
			return appfile.Error("BP_KEEP_FILES has a pattern that is not valid: %s\nexpected patterns like %s, with colons between them", pattern, example)
		}
	}
	return nil
}

// Has tells whether a pattern names a file of the app, or a directory above it.
func (k Kept) Has(name string) bool {
	for ; name != "." && name != "/"; name = path.Dir(name) {
		if slices.ContainsFunc(k, func(pattern string) bool {
			matches, err := path.Match(strings.TrimSuffix(path.Clean(pattern), "/"), name)
			return err == nil && matches
		}) {
			return true
		}
	}
	return false
}

// Remove removes files and directories below a directory, and the directories
// that then have nothing in them.
func Remove(top string, paths []string) error {
	above := map[string]bool{}
	for _, name := range paths {
		if err := os.RemoveAll(name); err != nil {
			return err
		}
		above[filepath.Dir(name)] = true
	}
	for dir := range above {
		for ; dir != top; dir = filepath.Dir(dir) {
			err := os.Remove(dir)
			// One that is not empty says that something exists.
			if errors.Is(err, fs.ErrExist) {
				break
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
