package cnb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// decodeLeft reads a TOML file that a script left into v.
func decodeLeft(file string, v any) error {
	data, err := sandbox.ReadFile(file, maxTOML)
	if err == nil {
		err = decodeTOML(data, v)
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	return nil
}

// checkDirs makes sure that the directories that lead to the layers, from the
// app on, and those of the buildpacks below them still are directories.
// They can be used again, whatever modes a script gave them; that of the app is
// the script's business.
func checkDirs(site buildpacks.Site) error {
	way := []string{site.Layers.Host}
	for strings.HasPrefix(way[0], site.App.Host+"/") {
		way = slices.Insert(way, 0, filepath.Dir(way[0]))
	}
	for _, dir := range way {
		info, err := os.Lstat(dir)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("%s was replaced; expected a directory", dir)
		}
		if dir == site.App.Host {
			continue
		}
		if err := sandbox.Mend(dir); err != nil {
			return err
		}
	}
	owners, err := os.ReadDir(site.Layers.Host)
	if err != nil {
		return err
	}
	for _, owner := range owners {
		if owner.Type()&fs.ModeSymlink != 0 {
			return fmt.Errorf("%s is a symbolic link; expected a directory", filepath.Join(site.Layers.Host, owner.Name()))
		}
		if err := sandbox.Mend(filepath.Join(site.Layers.Host, owner.Name())); err != nil {
			return err
		}
	}
	return nil
}

// envDirs are the directories of a layer whose files become variables.
func envDirs() []string { return []string{"env", "env.build", "env.launch"} }

// checkEnv makes sure that the variables of a layer come from regular files
// of that layer. A layer without a directory has none.
func checkEnv(layer string) (err error) {
	if layer == "" {
		return nil
	}
	root, err := os.OpenRoot(layer)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	for _, dir := range envDirs() {
		err := fs.WalkDir(root.FS(), dir, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			info, err := root.Stat(file)
			if err != nil {
				return fmt.Errorf("%s cannot be used: %w", file, err)
			}
			if !info.Mode().IsRegular() {
				return fmt.Errorf("%s: %w", file, sandbox.ErrNoFile)
			}
			return nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Left are the layers that a build leaves to the next one although it failed:
// those that it has described by then as cached, and that have a directory. The
// CNB Buildpack API has no such thing; it is for buildpacks that mean it.
func (b *Buildpack) Left(site buildpacks.Site) ([]buildpacks.Layer, error) {
	dir := buildpacks.Dir{
		Host: filepath.Join(site.Layers.Host, launch.EscapeID(b.descriptor.ID)),
		Path: path.Join(site.Layers.Path, launch.EscapeID(b.descriptor.ID)),
	}
	entries, err := os.ReadDir(dir.Host)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var left []buildpacks.Layer
	for _, entry := range entries {
		name, found := strings.CutSuffix(entry.Name(), ".toml")
		if !found || entry.IsDir() || slices.Contains(notLayers(), name) || checkLayerName(name) != nil {
			continue
		}
		var doc layerDoc
		if err := decodeLeft(filepath.Join(dir.Host, entry.Name()), &doc); err != nil || doc.Types == nil || !doc.Types.Cache {
			continue
		}
		l, err := b.layer(dir, name)
		if err == nil && l.Dir.Host != "" {
			left = append(left, l)
		}
	}
	return left, nil
}
