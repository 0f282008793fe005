package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// LayerDir is the directory of a layer.
type LayerDir struct {
	// Host is where the directory is on this machine.
	Host string
	// Path is the absolute path at which processes see it; it is what goes
	// into their environment.
	Path string
}

// root is a directory of a layer that goes into path lists.
type root struct {
	dir   string
	names []string
}

// buildRoots and launchRoots are the table of the CNB Buildpack API, "Layer
// Paths".
func buildRoots() []root {
	return []root{
		{"bin", []string{"PATH"}},
		{"lib", []string{"LD_LIBRARY_PATH", "LIBRARY_PATH"}},
		{"include", []string{"CPATH"}},
		{"pkgconfig", []string{"PKG_CONFIG_PATH"}},
	}
}

func launchRoots() []root {
	return []root{
		{"bin", []string{"PATH"}},
		{"lib", []string{"LD_LIBRARY_PATH"}},
	}
}

// ApplyBuild changes env as the layers of one buildpack ask for the buildpacks
// that come after it (CNB Buildpack API, "Environment"). The layers are to be
// in alphabetical order. Of each layer its directories come first, then the
// files of env and env.build, as with the reference lifecycle. An error names
// the file that could not be used.
func ApplyBuild(env Env, layers ...LayerDir) error {
	changes, err := buildChanges(layers)
	if err != nil {
		return err
	}
	env.apply(changes, "")
	return nil
}

// ApplyLaunch changes env as the layers of one buildpack ask for a process of
// a type; without a type nothing is process-specific. Unlike in a build, the
// directories of all layers come before the first file; see ApplyBuild.
func ApplyLaunch(env Env, processType string, layers ...LayerDir) error {
	changes, err := launchChanges(layers, func(t string) bool { return t == processType })
	if err != nil {
		return err
	}
	env.apply(changes, processType)
	return nil
}

func buildChanges(layers []LayerDir) ([]change, error) {
	var changes []change
	for _, layer := range layers {
		roots, err := rootChanges([]LayerDir{layer}, buildRoots())
		if err != nil {
			return nil, err
		}
		changes = append(changes, roots...)
		for _, dir := range []string{"env", "env.build"} {
			more, err := fileChanges(filepath.Join(layer.Host, dir), "")
			if err != nil {
				return nil, err
			}
			changes = append(changes, more...)
		}
	}
	return changes, nil
}

// launchChanges are the changes for all process types and those for the types
// that want holds for, which carry the name of their type. What is for other
// types is not read.
func launchChanges(layers []LayerDir, want func(processType string) bool) ([]change, error) {
	changes, err := rootChanges(layers, launchRoots())
	if err != nil {
		return nil, err
	}
	for _, layer := range layers {
		launchDir := filepath.Join(layer.Host, "env.launch")
		types, err := listDirs(launchDir)
		if err != nil {
			return nil, err
		}
		for _, dir := range []string{filepath.Join(layer.Host, "env"), launchDir} {
			more, err := fileChanges(dir, "")
			if err != nil {
				return nil, err
			}
			changes = append(changes, more...)
		}
		for _, processType := range types {
			if !want(processType) {
				continue
			}
			more, err := fileChanges(filepath.Join(launchDir, processType), processType)
			if err != nil {
				return nil, err
			}
			changes = append(changes, more...)
		}
	}
	return changes, nil
}

func rootChanges(layers []LayerDir, roots []root) ([]change, error) {
	var changes []change
	for _, layer := range layers {
		for _, r := range roots {
			info, err := os.Stat(filepath.Join(layer.Host, r.dir))
			if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("looking for the %s directory of a layer: %w", r.dir, err)
			}
			for _, name := range r.names {
				changes = append(changes, change{
					name: name, action: prependTo, value: path.Join(layer.Path, r.dir), delim: ":",
				})
			}
		}
	}
	return changes, nil
}

// listDir names the entries of a directory that keep holds for, sorted. A
// directory that is missing has none.
func listDir(dir string, keep func(fs.DirEntry) bool) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing a directory: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if keep(entry) {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// listFiles names the entries of a directory that are not directories, sorted.
func listFiles(dir string) ([]string, error) {
	return listDir(dir, func(entry fs.DirEntry) bool { return !isDir(dir, entry) })
}

// listDirs names the directories in a directory, sorted.
func listDirs(dir string) ([]string, error) {
	return listDir(dir, func(entry fs.DirEntry) bool { return isDir(dir, entry) })
}

// isDir says whether an entry of dir is a directory; of a link it sees what
// the link leads to. A link that leads nowhere is a file that cannot be read.
func isDir(dir string, entry fs.DirEntry) bool {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.IsDir()
	}
	info, err := os.Stat(filepath.Join(dir, entry.Name()))
	return err == nil && info.IsDir()
}

// layerDirs are the layers of a buildpack on disk, in alphabetical order. A
// buildpack without a directory has none.
func layerDirs(layersDir, buildpackID string) ([]LayerDir, error) {
	dir := filepath.Join(layersDir, EscapeID(buildpackID))
	names, err := listDir(dir, fs.DirEntry.IsDir)
	if err != nil {
		return nil, err
	}
	layers := make([]LayerDir, len(names))
	for i, name := range names {
		host := filepath.Join(dir, name)
		layers[i] = LayerDir{Host: host, Path: host}
	}
	return layers, nil
}
