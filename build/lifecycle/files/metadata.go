package files

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/oci"
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
	Name      string         `toml:"name" json:"name"`
	Version   string         `toml:"version,omitempty" json:"version,omitempty"`
	Metadata  map[string]any `toml:"metadata" json:"metadata"`
	Buildpack Element        `toml:"buildpack" json:"buildpack"`
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
	Type             string   `toml:"type" json:"type"`
	Command          Command  `toml:"command" json:"command"`
	Args             []string `toml:"args" json:"args"`
	Direct           bool     `toml:"direct" json:"direct"`
	Default          bool     `toml:"default,omitempty" json:"default,omitempty"`
	BuildpackID      string   `toml:"buildpack-id" json:"buildpackID"`
	WorkingDirectory string   `toml:"working-dir,omitempty" json:"working-dir,omitempty"`
	ExecEnv          []string `toml:"exec-env,omitempty" json:"exec-env,omitempty"`
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

// MarshalJSON writes a list, or the first word of what is one text.
func (c Command) MarshalJSON() ([]byte, error) {
	if c.Text && len(c.Words) > 0 {
		return json.Marshal(c.Words[0])
	}
	return json.Marshal([]string(c.Words))
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
		if !commandList {
			own.text()
		}
		m.Processes = append(m.Processes, own)
	}
	slices.SortFunc(m.Processes, func(a, b Process) int { return strings.Compare(a.Type, b.Type) })
	return m
}

// text makes the command one text, and arguments of the rest of its words.
func (p *Process) text() {
	if len(p.Command.Words) == 0 {
		return
	}
	args := append([]string{}, p.Command.Words[1:]...)
	p.Command, p.Args = Command{Words: p.Command.Words[:1], Text: true}, append(args, p.Args...)
}

// Label is the metadata as the label oci.BuildLabel of an image has it. What is in
// it of the form of metadata.toml is by commandList as in NewBuildMetadata; bom says
// that BOM is in it (before Platform API 0.9).
func (m BuildMetadata) Label(launcher oci.LauncherInfo, commandList, bom bool) (json.RawMessage, error) {
	label := struct {
		BOM            *[]BOMEntry      `json:"bom,omitempty"`
		Buildpacks     []Element        `json:"buildpacks"`
		Extensions     []Element        `json:"extensions,omitempty"`
		Launcher       oci.LauncherInfo `json:"launcher"`
		Processes      []Process        `json:"processes"`
		DefaultProcess string           `json:"buildpack-default-process-type,omitempty"`
	}{nil, m.Buildpacks, m.Extensions, launcher, slices.Clone(m.Processes), m.DefaultProcess}
	if bom {
		label.BOM = &m.BOM
	}
	for i := range label.Processes {
		label.Processes[i].Command.Text = false
		if !commandList {
			label.Processes[i].text()
		}
	}
	text, err := json.Marshal(label)
	if err != nil {
		return nil, fmt.Errorf("the label %s cannot hold what the buildpacks wrote: %w", oci.BuildLabel, err)
	}
	return text, nil
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
