package rust

import (
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/compiled"
	"github.com/slugc/slugc/buildpacks/runtime/report"
)

// removeSource takes out of the app what was compiled: processes need the
// programs and what they read. Whatever is not source stays.
func (b *rustBuild) removeSource(w work) error {
	b.Print.Step("Leaving out the source")
	if b.settings.keepSource {
		b.Print.Detail("BP_RUST_KEEP_SOURCE keeps it")
		return nil
	}
	if err := b.settings.keep.Check("data/*.csv"); err != nil {
		return err
	}
	top := w.project.at(w.project.top)
	count, err := removeSource(top, func(file string) bool {
		rel, err := filepath.Rel(b.App, file)
		return err == nil && b.settings.keep.Has(filepath.ToSlash(rel))
	}, w.project.at(w.config.replaced), w.vendored())
	if err != nil {
		return fmt.Errorf("leaving out the source: %w", err)
	}
	b.Print.Detail("Left out %s; what is no Rust source stays (BP_RUST_KEEP_SOURCE=true keeps all)", report.Count(count, "file"))
	return nil
}

// forCargo are files that only Cargo and rustup read.
var forCargo = []string{manifestFile, lockFile, toolchainFile, toolchainTOML, "rustfmt.toml", ".rustfmt.toml", "clippy.toml", ".clippy.toml", "RustConfig"}

// removeSource removes Rust files, what only Cargo reads, the vendor directory,
// what Cargo made, and directories that have nothing else.
func removeSource(top string, keeps func(file string) bool, vendor string, vendored bool) (count int, err error) {
	var remove []string
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
				return fs.SkipDir
			case base == "node_modules" || strings.HasPrefix(base, "."):
				return fs.SkipDir
			}
			return nil
		}
		if (path.Ext(base) == ".rs" || slices.Contains(forCargo, base)) && !keeps(file) {
			remove = append(remove, file)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(remove), compiled.Remove(top, remove)
}
