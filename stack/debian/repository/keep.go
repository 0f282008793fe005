package repository

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/stack/debian/control"
)

// Keep removes all packages from the cache but some. It is for a cache that is
// nobody else's.
func (r Repository) Keep(packages []control.Package) error {
	kept := map[string]bool{}
	for _, p := range packages {
		kept[p.SHA256] = true
	}
	dir := filepath.Join(r.Cache, debShelf)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("sweeping the cache: %w", err)
	}
	for _, entry := range entries {
		sum, isPackage := strings.CutSuffix(entry.Name(), ".deb")
		if !isPackage || kept[sum] {
			continue
		}
		if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("sweeping the cache: %w", err)
		}
	}
	return nil
}
