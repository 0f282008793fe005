package detect

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/stack/sandbox"
)

// maxGitModules bounds a .gitmodules, in bytes.
const maxGitModules = 1 << 20

// submodules warns of those that a tree names and does not have (gitmodules(5)):
// a clone leaves empty directories in their places unless it is asked for them.
func (s Source) submodules() []string {
	text, err := sandbox.ReadFile(filepath.Join(s.Dir, ".gitmodules"), maxGitModules)
	if err != nil {
		return nil // there is none, or git would not read it either
	}
	root, err := os.OpenRoot(s.Dir)
	if err != nil {
		return nil
	}
	defer root.Close()
	var warnings []string
	for _, path := range submodulePaths(string(text)) {
		entries, err := fs.ReadDir(root.FS(), path)
		if len(entries) == 0 && (err == nil || errors.Is(err, fs.ErrNotExist)) {
			warnings = append(warnings, fmt.Sprintf("the submodule %s is not checked out: git submodule update --init %s", quotePath(path), quotePath(path)))
		}
	}
	return warnings
}

// submodulePaths are the paths in a .gitmodules that lie in the tree.
func submodulePaths(text string) []string {
	var paths []string
	for line := range strings.Lines(text) {
		name, value, is := strings.Cut(line, "=")
		if !is || strings.TrimSpace(name) != "path" {
			continue
		}
		path := filepath.Clean(strings.Trim(strings.TrimSpace(value), `"`))
		if filepath.IsLocal(path) && path != "." {
			paths = append(paths, path)
		}
	}
	return paths
}
