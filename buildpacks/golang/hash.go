package golang

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/buildpacks/language/layer"
)

// hashJobs is how many files are hashed side by side.
const hashJobs = 4

// sourceSum is a checksum over all files that decide the programs.
func sourceSum(dir string, w work) (string, error) {
	files := w.source.files
	if w.vendored {
		var vendor source
		if err := vendor.addTree(dir, path.Join(w.project.workDir, "vendor")); err != nil {
			return "", fmt.Errorf("looking at the vendor directory: %w", err)
		}
		files = append(slices.Clone(files), vendor.files...)
	}
	sums := make([]string, len(files))
	var group errgroup.Group
	group.SetLimit(hashJobs)
	for i, name := range files {
		group.Go(func() error {
			var err error
			if sums[i], err = layer.FileSum(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
				return fmt.Errorf("looking for changes in the source: %w", err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return "", err
	}
	var k layer.Key
	for i, name := range files {
		k.Add(name, sums[i])
	}
	return k.Sum(), nil
}
