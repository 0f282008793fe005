package launch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Paths in an image (CNB Platform API, "Run Image" and "Launcher").
const (
	// LauncherPath is where the launcher is.
	LauncherPath = "/cnb/lifecycle/launcher"
	// LifecycleDir holds the launcher.
	LifecycleDir = "/cnb/lifecycle"
	// ProcessDir holds one link to the launcher per process type.
	ProcessDir = "/cnb/process"
)

// PlatformAPI is the newest Platform API that the launcher follows, and the
// one that images of slugc ask for.
const PlatformAPI = "0.15"

// metadataLimit bounds what is read of a metadata.toml.
const metadataLimit = 16 << 20

// Command is the words of a command. Its file form is a list; a single string,
// which Platform APIs before 0.10 write, is read as a list of one.
type Command []string

// UnmarshalTOML reads a list or a string. A number or a boolean in a list is
// the word for it, as the reference lifecycle reads it.
func (c *Command) UnmarshalTOML(value any) error {
	switch v := value.(type) {
	case string:
		*c = Command{v}
		return nil
	case []any:
		words := make(Command, len(v))
		for i, element := range v {
			switch element.(type) {
			case string, int64, float64, bool:
				words[i] = fmt.Sprint(element)
			default:
				return fmt.Errorf("command: element %d is a %T, expected a string", i+1, element)
			}
		}
		*c = words
		return nil
	default:
		return fmt.Errorf("command is a %T, expected a string or a list of strings", value)
	}
}

// UnmarshalJSON reads a list or a string.
func (c *Command) UnmarshalJSON(data []byte) error {
	var words []string
	if err := json.Unmarshal(data, &words); err == nil {
		*c = words
		return nil
	}
	var word string
	if err := json.Unmarshal(data, &word); err != nil {
		return errors.New("command is neither a string nor a list of strings")
	}
	*c = Command{word}
	return nil
}

// MetadataPath is where the metadata of a build is, below its layers.
func MetadataPath(layersDir string) string {
	return filepath.Join(layersDir, "config", "metadata.toml")
}

// EscapeID is the name of a buildpack's directory below the layers
// (CNB Buildpack API, "Layers": "/" becomes "_").
func EscapeID(buildpackID string) string {
	return strings.ReplaceAll(buildpackID, "/", "_")
}

// ReadMetadata reads a metadata.toml. Keys that the launch of a process does
// not need are ignored.
func ReadMetadata(path string) (Metadata, error) {
	data, err := readFile(path, metadataLimit)
	if err != nil {
		return Metadata{}, fmt.Errorf("reading the launch metadata: %w", err)
	}
	m, err := ParseMetadata(data)
	if err != nil {
		return Metadata{}, fmt.Errorf("reading %s: %w", path, err)
	}
	return m, nil
}

// ParseMetadata reads the bytes of a metadata.toml.
func ParseMetadata(data []byte) (Metadata, error) {
	var m Metadata
	if err := DecodeTOML(data, &m); err != nil {
		return Metadata{}, err
	}
	return m, nil
}

// WriteMetadata writes the bytes of a metadata.toml; equal metadata gives
// equal bytes.
func WriteMetadata(w io.Writer, m Metadata) error {
	encoder := toml.NewEncoder(w)
	encoder.Indent = ""
	return encoder.Encode(m)
}

// readFile is the content of a file that holds at most limit bytes.
func readFile(path string, limit int64) (data []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err = io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return data, nil
}

// Find is the first process of a type.
func (m Metadata) Find(processType string) (Process, bool) {
	for _, p := range m.Processes {
		if p.Type == processType {
			return p, true
		}
	}
	return Process{}, false
}

// buildpack is the buildpack with an id.
func (m Metadata) buildpack(id string) (Buildpack, bool) {
	for _, b := range m.Buildpacks {
		if b.ID == id {
			return b, true
		}
	}
	return Buildpack{}, false
}

// classic says whether a classic buildpack took part in the build.
func (m Metadata) classic() bool {
	return slices.ContainsFunc(m.Buildpacks, func(b Buildpack) bool { return b.API == "" })
}

// types are the process types, in the order of the metadata, each once.
func (m Metadata) types() []string {
	var names []string
	seen := map[string]bool{}
	for _, p := range m.Processes {
		if !seen[p.Type] {
			seen[p.Type] = true
			names = append(names, p.Type)
		}
	}
	return names
}
