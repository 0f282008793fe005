package deploy

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/build/slug"
	"github.com/slugc/slugc/stack/launch"
)

// Slug makes a slug in one or more files.
type Slug struct {
	// Files receive the slug, in this order.
	Files []string
	// Writer says how large a slug may be.
	Writer slug.Writer
	// Warn hears of what the slug does not have. It may be nil.
	Warn func(error)
}

var _ Form = Slug{}

// profileScript is where the environment of the layers goes. It sorts before
// the scripts of the app, which can so build upon it.
const profileScript = ".profile.d/000_slugc.sh"

// Ready says which file could not be written.
func (s Slug) Ready(context.Context) error {
	for _, file := range s.Files {
		if err := slug.Check(file); err != nil {
			return err
		}
	}
	return nil
}

// Jobs are the segments of the slug.
func (s Slug) Jobs(tree artifact.Tree, app pack.Index) ([]pack.Job, error) {
	own, err := slugFiles(tree)
	if err != nil {
		return nil, err
	}
	types, err := releaseFile(tree)
	if err != nil {
		return nil, err
	}
	if tree.Subdir != "" {
		return asTop(tree, app, own, types)
	}
	switch apps := holds(app, releaseName); {
	case len(types.Content) == 0:
	case !apps:
		own = append(own, types)
	case s.Warn != nil:
		s.Warn(fmt.Errorf("the app has a %[1]s of its own, and a slug keeps it: what starts processes by that file, as herokuish does, "+
			"knows only those in it; remove it, and slugc writes one with all of them", releaseName))
	}
	return slug.Jobs(tree, app, own)
}

// Export writes the slug to every file.
func (s Slug) Export(ctx context.Context, packed Packed) ([]artifact.Artifact, error) {
	var parts []artifact.Segment
	for _, shapes := range packed.Segments {
		parts = append(parts, shapes...)
	}
	writer := s.Writer
	writer.Memory = packed.Memory
	var made []artifact.Artifact
	for _, file := range s.Files {
		a, err := writer.Write(ctx, file, packed.Tree, parts)
		if err != nil {
			return nil, err
		}
		made = append(made, a)
	}
	return made, nil
}

// slugFiles are the files that slugc adds to a slug: the environment of the
// layers for any bash that starts a process, the process types, and what it was
// built on.
func slugFiles(tree artifact.Tree) ([]pack.File, error) {
	var files []pack.File
	script, err := profile(tree)
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", profileScript, err)
	}
	if len(script) > 0 {
		files = append(files, pack.File{Path: profileScript, Mode: 0o644, Content: script})
	}
	var metadata bytes.Buffer
	if err := launch.WriteMetadata(&metadata, tree.Metadata); err != nil {
		return nil, fmt.Errorf("writing the process types: %w", err)
	}
	note, err := slug.StackNote(tree.Stack)
	if err != nil {
		return nil, err
	}
	layers := strings.TrimPrefix(tree.Layers.Path, tree.App.Path+"/")
	return append(files, note, pack.File{Path: path.Join(layers, "config", "metadata.toml"), Mode: 0o644, Content: metadata.Bytes()}), nil
}

// profile is the script that gives processes the environment of the layers.
func profile(tree artifact.Tree) ([]byte, error) {
	script, err := launch.ProfileScript(tree.App.Path, tree.Layers.Path, layersByBuildpack(tree))
	if err == nil && tree.Subdir != "" {
		script = launch.EnterScript(tree.App.Path, tree.Subdir, script)
	}
	return script, err
}

// layersByBuildpack are the launch layers on disk, grouped as they were built.
func layersByBuildpack(tree artifact.Tree) [][]launch.LayerDir {
	var groups [][]launch.LayerDir
	last := ""
	for _, l := range tree.LaunchLayers {
		if l.Dir.Host == "" {
			continue
		}
		if len(groups) == 0 || l.Buildpack != last {
			groups = append(groups, nil)
			last = l.Buildpack
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], launch.LayerDir(l.Dir))
	}
	return groups
}
