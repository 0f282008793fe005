package files

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
)

// BuildMetadata is a metadata.toml as builder and exporter know it: what the
// launcher reads is a part of it (CNB Platform API, "metadata.toml").
type BuildMetadata struct {
	// BOM is from before Platform API 0.9.
	BOM            []BOMEntry         `toml:"bom,omitempty"`
	Buildpacks     []Element          `toml:"buildpacks"`
	Extensions     []Element          `toml:"extensions,omitempty"`
	Labels         []buildpacks.Label `toml:"labels"`
	Processes      []Process          `toml:"processes"`
	Slices         []Slice            `toml:"slices"`
	DefaultProcess string             `toml:"buildpack-default-process-type,omitempty"`
}

// BOMEntry is a dependency in the form of old APIs.
type BOMEntry struct {
	Name      string         `toml:"name"`
	Version   string         `toml:"version,omitempty"`
	Metadata  map[string]any `toml:"metadata"`
	Buildpack Element        `toml:"buildpack"`
}

// NewBOMEntry is the entry of a buildpack.
func NewBOMEntry(e buildpacks.BOMEntry) BOMEntry {
	return BOMEntry{Name: e.Name, Metadata: e.Metadata, Buildpack: Element{ID: e.Buildpack.ID, Version: e.Buildpack.Version}}
}

// Slice is files of the app that become a layer.
type Slice struct {
	Paths []string `toml:"paths"`
}

// Process is a launch.Process in the form of metadata.toml.
type Process struct {
	Type             string   `toml:"type"`
	Command          Command  `toml:"command"`
	Args             []string `toml:"args"`
	Direct           bool     `toml:"direct"`
	Default          bool     `toml:"default,omitempty"`
	BuildpackID      string   `toml:"buildpack-id"`
	WorkingDirectory string   `toml:"working-dir,omitempty"`
	ExecEnv          []string `toml:"exec-env,omitempty"`
}

// Command is the words of a command: a list, or from before Platform API 0.10 one
// text.
type Command struct {
	Words launch.Command
	// Text says that it is one text.
	Text bool
}

// UnmarshalTOML reads both forms.
func (c *Command) UnmarshalTOML(value any) error {
	_, c.Text = value.(string)
	return c.Words.UnmarshalTOML(value)
}

// MarshalTOML writes words as the reference lifecycle does, as JSON strings.
func (c Command) MarshalTOML() ([]byte, error) {
	words := make([]string, len(c.Words))
	for i, word := range c.Words {
		text, err := json.Marshal(word)
		if err != nil {
			return nil, err
		}
		words[i] = string(text)
	}
	if c.Text {
		return []byte(strings.Join(words, " ")), nil
	}
	return []byte("[" + strings.Join(words, ", ") + "]"), nil
}

// NewBuildMetadata is the metadata of a tree. Processes are sorted by type. With
// commandList commands are lists; without it they are one text, and the rest of
// their words goes to the arguments (Platform API 0.10). BOM is left out.
func NewBuildMetadata(tree artifact.Tree, commandList bool) BuildMetadata {
	m := BuildMetadata{Labels: tree.Labels, Processes: []Process{}, DefaultProcess: tree.Metadata.DefaultProcess}
	for _, b := range tree.Metadata.Buildpacks {
		m.Buildpacks = append(m.Buildpacks, Element{ID: b.ID, Version: b.Version, API: b.API, Homepage: b.Homepage})
	}
	for _, paths := range tree.Slices {
		m.Slices = append(m.Slices, Slice{paths})
	}
	for _, p := range tree.Metadata.Processes {
		own := Process{
			Type: p.Type, Command: Command{Words: p.Command}, Args: p.Args, Direct: p.Direct, Default: p.Default,
			BuildpackID: p.BuildpackID, WorkingDirectory: p.WorkingDirectory, ExecEnv: p.ExecEnv,
		}
		if !commandList && len(p.Command) > 0 {
			own.Args = append(slices.Clone([]string(p.Command[1:])), p.Args...)
			own.Command = Command{Words: p.Command[:1], Text: true}
			if own.Args == nil {
				own.Args = []string{}
			}
		}
		m.Processes = append(m.Processes, own)
	}
	slices.SortFunc(m.Processes, func(a, b Process) int { return strings.Compare(a.Type, b.Type) })
	return m
}

// Launch is what a launcher reads of it.
func (m BuildMetadata) Launch() launch.Metadata {
	l := launch.Metadata{DefaultProcess: m.DefaultProcess}
	for _, b := range m.Buildpacks {
		l.Buildpacks = append(l.Buildpacks, launch.Buildpack{ID: b.ID, Version: b.Version, API: b.API, Homepage: b.Homepage})
	}
	for _, p := range m.Processes {
		l.Processes = append(l.Processes, launch.Process{
			Type: p.Type, Command: p.Command.Words, Args: p.Args, Direct: p.Direct, Default: p.Default,
			BuildpackID: p.BuildpackID, WorkingDirectory: p.WorkingDirectory, ExecEnv: p.ExecEnv,
		})
	}
	return l
}

// ReadBuildMetadata reads <layers>/config/metadata.toml, which has to be there.
func ReadBuildMetadata(layers string) (m BuildMetadata, err error) {
	err = read("build metadata", launch.MetadataPath(layers), &m)
	return m, err
}

// WriteBuildMetadata writes <layers>/config/metadata.toml.
func WriteBuildMetadata(layers string, m BuildMetadata) error {
	for _, p := range m.Processes {
		if len(p.Command.Words) == 0 {
			return fmt.Errorf("failed to write build metadata file: the process %s has no command", p.Type)
		}
	}
	return write("build metadata", launch.MetadataPath(layers), m)
}
