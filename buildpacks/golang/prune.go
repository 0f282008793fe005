package golang

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/compiled"
	"github.com/slugc/slugc/buildpacks/runtime/report"
)

// removeSource takes out of the app what was compiled: processes need the
// programs and what they read. Whatever is not source stays.
func (b *goBuild) removeSource(p project) error {
	b.Print.Step("Leaving out the source")
	if b.settings.keepSource {
		b.Print.Detail("BP_GO_KEEP_SOURCE keeps it")
		return nil
	}
	if err := b.settings.keep.Check("data/*.go"); err != nil {
		return err
	}
	count, err := removeSource(b.App, b.settings.keep)
	if err == nil && p.above != "" {
		var others int
		others, err = removeSource(filepath.Join(b.App, p.above), nil)
		count += others
	}
	if err != nil {
		return fmt.Errorf("leaving out the source: %w", err)
	}
	b.Print.Detail("Left out %s; what is no Go source stays (BP_GO_KEEP_SOURCE=true keeps all)", report.Count(count, "file"))
	return nil
}

// removeSource removes Go files, what is compiled beside them and what only the
// go command reads, and directories that have nothing else.
func removeSource(dir string, kept compiled.Kept) (count int, err error) {
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
		if isGoFile(dir, name, base) && !kept.Has(name) {
			remove = append(remove, filepath.Join(dir, filepath.FromSlash(name)))
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(remove), compiled.Remove(dir, remove)
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
