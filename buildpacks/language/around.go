package language

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/slugc/slugc/buildpacks/language/layer"
)

// SourceVariable names the root of the source for an app that is a directory of
// it (buildpacks.SourceDirVariable).
const SourceVariable = "SLUGC_SOURCE_DIR"

// notSource are directories that no author of a source writes.
var notSource = []string{".slugc", ".git", "node_modules"}

// AddAround adds to a key what the source has beside the app: a build of an app
// that is a directory of its source may read all of it, but for directories of
// which the caller knows that it does not. Where the app is the source it adds
// nothing.
func (b *Build) AddAround(k *layer.Key, without ...string) error {
	source := b.Env[SourceVariable]
	if source == "" || source == b.App {
		return nil
	}
	err := filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if path == b.App || slices.Contains(notSource, entry.Name()) || slices.Contains(without, path) {
				return fs.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		return k.AddTree(source, rel)
	})
	if err != nil {
		return fmt.Errorf("reading the source around the app: %w", err)
	}
	return nil
}
