package release

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/beside"
	"github.com/slugc/slugc/build/slug"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/stack/launch"
)

// Schema is the version of the record's form.
const Schema = 1

// Record is the content of release.json.
type Record struct {
	Schema int           `json:"schema"`
	App    string        `json:"app"`
	Stack  string        `json:"stack"`
	Source detect.Source `json:"source"`
	// Directory is the directory of the source that is the app, empty where that is
	// all of it.
	Directory  string                  `json:"directory,omitempty"`
	Buildpacks []buildpacks.Descriptor `json:"buildpacks"`
	// ProcessTypes are the commands by process type, as a Procfile has them.
	ProcessTypes   map[string]string `json:"process_types"`
	DefaultProcess string            `json:"default_process,omitempty"`
	// ConfigVars and Addons are what classic buildpacks suggest for the app.
	ConfigVars map[string]string   `json:"config_vars"`
	Addons     []string            `json:"addons"`
	Artifacts  []artifact.Artifact `json:"artifacts"`
	// Slug is there where a slug was made.
	Slug *Slug `json:"slug,omitempty"`
	// Layers are what the artifacts are made of: those of an image where one
	// was made, else the segments of the slug.
	Layers []artifact.Segment `json:"layers"`
}

// Slug is a slug in the words of Heroku's Platform API: the body of the request
// that creates one there ("Platform API, Slug Create").
type Slug struct {
	ProcessTypes map[string]string `json:"process_types"`
	// Checksum is that of the slug's bytes, as "SHA256:<hex>".
	Checksum string `json:"checksum"`
	Commit   string `json:"commit,omitempty"`
	// Description is what the buildpack calls the app.
	Description string `json:"buildpack_provided_description,omitempty"`
	// Stack is what the slug runs on there, by the name that the buildpacks were
	// told.
	Stack string `json:"stack"`
	// Size is in bytes.
	Size int64 `json:"size"`
}

// New makes the record of a build.
func New(app string, source detect.Source, tree artifact.Tree, artifacts []artifact.Artifact) Record {
	r := Record{
		Schema: Schema, App: app, Stack: tree.Stack.ID, Source: source, Directory: tree.Subdir,
		Buildpacks: tree.Buildpacks, ProcessTypes: map[string]string{}, DefaultProcess: tree.Metadata.DefaultProcess,
		ConfigVars: map[string]string{}, Addons: append([]string{}, tree.Addons...), Artifacts: artifacts, Layers: []artifact.Segment{},
	}
	maps.Copy(r.ConfigVars, tree.ConfigVars)
	for _, p := range tree.Metadata.Processes {
		if tree.Subdir != "" && !path.IsAbs(p.WorkingDirectory) {
			p.WorkingDirectory = path.Join(tree.AppDir().Path, p.WorkingDirectory)
		}
		r.ProcessTypes[p.Type] = Line(p)
	}
	for i, a := range artifacts {
		if i == 0 || (a.Kind != slug.Kind && artifacts[0].Kind == slug.Kind) {
			r.Layers = a.Layers
		}
		if a.Kind != slug.Kind {
			break
		}
	}
	if i := slices.IndexFunc(artifacts, func(a artifact.Artifact) bool { return a.Kind == slug.Kind }); i >= 0 {
		r.Slug = &Slug{
			ProcessTypes: r.ProcessTypes, Commit: source.Commit, Description: tree.Description, Stack: cmp.Or(tree.StackName, r.Stack),
			Checksum: "SHA256:" + strings.TrimPrefix(artifacts[i].Digest, "sha256:"), Size: artifacts[i].Size,
		}
	}
	return r
}

// CommandLine is a process's command as a line for bash, as a Procfile would
// have it.
func CommandLine(p launch.Process) string {
	words := append(append([]string(nil), p.Command...), p.Args...)
	if !p.Direct && len(words) == 1 {
		return words[0]
	}
	if len(words) == 3 && (words[0] == "bash" || words[0] == "/bin/bash") && words[1] == "-c" {
		return words[2]
	}
	return Quote(words...)
}

// Line is CommandLine in the process's working directory, for a bash that stands
// in the app.
func Line(p launch.Process) string {
	if p.WorkingDirectory == "" {
		return CommandLine(p)
	}
	return "cd " + Quote(p.WorkingDirectory) + " && " + CommandLine(p)
}

// Quote makes words that bash reads as themselves.
func Quote(words ...string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-"
	quoted := make([]string, len(words))
	for i, word := range words {
		if quoted[i] = word; word == "" || strings.Trim(word, plain) != "" {
			quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// Marshal is the record's file form.
func (r Record) Marshal() ([]byte, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return nil, fmt.Errorf("writing the release record: %w", err)
	}
	return text.Bytes(), nil
}

// Check says what would keep a record from being written to a file, so that
// nobody has to wait for a build to learn it. No name is no file.
func Check(name string) error {
	if name == "" {
		return nil
	}
	dir := filepath.Dir(name)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("writing the release record to %s: there is no directory %s: make it first", name, dir)
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("writing the release record to %s: it is no file that a record could replace: name another", name)
	}
	if err := beside.Writable(dir); err != nil {
		return fmt.Errorf("writing the release record to %s: %w", name, err)
	}
	return nil
}

// WriteFile puts the record in a file: beside it first, so that the name never
// holds half a record.
func (r Record) WriteFile(name string) error {
	text, err := r.Marshal()
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, text) {
		return nil
	}
	dir := filepath.Dir(name)
	err = beside.Write(dir, name, func(f *os.File) error {
		_, err := f.Write(text)
		return err
	})
	if err != nil {
		return fmt.Errorf("writing the release record: %w", err)
	}
	return nil
}

// maxRecord bounds what is read of a record, in bytes.
const maxRecord = 64 << 20

// ReadFile reads a record.
func ReadFile(name string) (Record, error) {
	info, err := os.Stat(name)
	if err != nil {
		return Record{}, fmt.Errorf("reading the release record: %w", err)
	}
	if info.Size() > maxRecord {
		return Record{}, fmt.Errorf("reading the release record: %s is larger than %d MiB", name, maxRecord>>20)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return Record{}, fmt.Errorf("reading the release record: %w", err)
	}
	var r Record
	if err := json.Unmarshal(text, &r); err != nil {
		return Record{}, fmt.Errorf("reading the release record %s: %w", name, err)
	}
	if r.Schema != Schema {
		return Record{}, fmt.Errorf("reading the release record %s: schema %d, expected %d; it was made by another version of slugc", name, r.Schema, Schema)
	}
	return r, nil
}
