package detect

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxGitModules bounds a .gitmodules, in bytes.
const maxGitModules = 1 << 20

// submodules warns of those that a tree names and does not have (gitmodules(5)):
// a clone leaves empty directories in their places unless it is asked for them.
func (s Source) submodules() []string {
	f, err := os.OpenFile(filepath.Join(s.Dir, ".gitmodules"), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxGitModules))
	if err != nil {
		return nil // a directory, or something else that git would not read either
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
