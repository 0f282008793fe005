package golang

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
)

// removeSource takes out of the app what was compiled: processes need the
// programs and what they read. Whatever is not source stays.
func (b *goBuild) removeSource(p project) error {
	b.Print.Step("Leaving out the source")
	if b.settings.keepSource {
		b.Print.Detail("BP_GO_KEEP_SOURCE keeps it")
		return nil
	}
	for _, pattern := range b.settings.keep {
		if _, err := path.Match(pattern, "x"); err != nil {
			return appfile.Error("BP_KEEP_FILES has a pattern that is not valid: %s\nexpected patterns like data/*.go, with colons between them", pattern)
		}
	}
	count, err := removeSource(b.App, b.keeps)
	if err == nil && p.above != "" {
		var others int
		others, err = removeSource(filepath.Join(b.App, p.above), func(string) bool { return false })
		count += others
	}
	if err != nil {
		return fmt.Errorf("leaving out the source: %w", err)
	}
	b.Print.Detail("Left out %s; what is no Go source stays (BP_GO_KEEP_SOURCE=true keeps all)", plural(count, "file"))
	return nil
}

// keeps tells whether BP_KEEP_FILES names a file or a directory above it.
func (b *goBuild) keeps(name string) bool {
	for ; name != "."; name = path.Dir(name) {
		if slices.ContainsFunc(b.settings.keep, func(pattern string) bool {
			matches, err := path.Match(strings.TrimSuffix(path.Clean(pattern), "/"), name)
			return err == nil && matches
		}) {
			return true
		}
	}
	return false
}

// removeSource removes Go files, what is compiled beside them and what only the
// go command reads, and directories that have nothing else.
func removeSource(dir string, keeps func(name string) bool) (count int, err error) {
	var remove []string
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			if name != "." && (base == "node_modules" || strings.HasPrefix(base, ".")) {
				return fs.SkipDir
			}
			return nil
		}
		if isGoFile(dir, name, base) && !keeps(name) {
			remove = append(remove, name)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	above := map[string]bool{}
	for _, name := range remove {
		if err := os.Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			return 0, err
		}
		for parent := path.Dir(name); parent != "."; parent = path.Dir(parent) {
			above[parent] = true
		}
	}
	// Longer names are deeper.
	parents := slices.SortedFunc(mapKeys(above), func(a, b string) int { return len(b) - len(a) })
	for _, parent := range parents {
		err := os.Remove(filepath.Join(dir, filepath.FromSlash(parent)))
		// One that is not empty says that something exists.
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return 0, err
		}
	}
	return len(remove), nil
}

// isGoFile tells whether a file is there for the go command alone.
func isGoFile(dir, name, base string) bool {
	switch base {
	case modFile, sumFile, workFile, workSumFile:
		return true
	}
	if name == "bin/"+preCompile || name == "bin/"+postCompile || path.Ext(base) == ".go" {
		return true
	}
	if first, _, below := strings.Cut(name, "/"); first == "vendor" && below && has(dir, vendorList) {
		return true
	}
	parent := path.Dir(name)
	if isSource(base) && hasGoFiles(dir, parent) {
		return true
	}
	for ; parent != "."; parent = path.Dir(parent) {
		if path.Base(parent) == "testdata" && hasGoFiles(dir, path.Dir(parent)) {
			return true
		}
	}
	return false
}

func has(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name)))
	return err == nil
}

// hasGoFiles tells whether a directory of the app is a Go package.
func hasGoFiles(dir, name string) bool {
	found, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(globQuoted(name)), "*.go"))
	return err == nil && len(found) > 0
}
