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

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// removeSource takes out of the app what was compiled: processes need the
// programs and what they read. Whatever is not source stays.
func (b *rustBuild) removeSource(w work) error {
	b.Print.Step("Leaving out the source")
	if b.settings.keepSource {
		b.Print.Detail("BP_RUST_KEEP_SOURCE keeps it")
		return nil
	}
	for _, pattern := range b.settings.keep {
		if _, err := path.Match(pattern, "x"); err != nil {
			return appfile.Error("BP_KEEP_FILES has a pattern that is not valid: %s\nexpected patterns like data/*.csv, with colons between them", pattern)
		}
	}
	top := w.project.at(w.project.top)
	count, err := removeSource(top, func(file string) bool {
		rel, err := filepath.Rel(b.App, file)
		return err == nil && b.keeps(filepath.ToSlash(rel))
	}, w.project.at(w.config.replaced), w.vendored())
	if err != nil {
		return fmt.Errorf("leaving out the source: %w", err)
	}
	b.Print.Detail("Left out %s; what is no Rust source stays (BP_RUST_KEEP_SOURCE=true keeps all)", plural(count, "file"))
	return nil
}

// keeps tells whether BP_KEEP_FILES names a file or a directory above it.
func (b *rustBuild) keeps(name string) bool {
	for ; name != "." && name != "/"; name = path.Dir(name) {
		if slices.ContainsFunc(b.settings.keep, func(pattern string) bool {
			matches, err := path.Match(strings.TrimSuffix(path.Clean(pattern), "/"), name)
			return err == nil && matches
		}) {
			return true
		}
	}
	return false
}

// forCargo are files that only Cargo and rustup read.
var forCargo = []string{manifestFile, lockFile, toolchainFile, toolchainTOML, "rustfmt.toml", ".rustfmt.toml", "clippy.toml", ".clippy.toml", "RustConfig"}

// removeSource removes Rust files, what only Cargo reads, the vendor directory,
// what Cargo made, and directories that have nothing else.
func removeSource(top string, keeps func(file string) bool, vendor string, vendored bool) (count int, err error) {
	var remove []string
	above := map[string]bool{}
	err = filepath.WalkDir(top, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			whole := base == ".cargo" || base == "target" && isTarget(file) || vendored && file == vendor
			switch {
			case file == top:
			case whole && !keeps(file):
				remove = append(remove, file)
				above[filepath.Dir(file)] = true
				return fs.SkipDir
			case base == "node_modules" || strings.HasPrefix(base, "."):
				return fs.SkipDir
			}
			return nil
		}
		if (path.Ext(base) == ".rs" || slices.Contains(forCargo, base)) && !keeps(file) {
			remove = append(remove, file)
			above[filepath.Dir(file)] = true
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, file := range remove {
		if err := os.RemoveAll(file); err != nil {
			return 0, err
		}
	}
	return len(remove), removeEmpty(top, above)
}

// removeEmpty removes directories that have nothing in them, and those above
// that then have nothing.
func removeEmpty(top string, dirs map[string]bool) error {
	for dir := range dirs {
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
