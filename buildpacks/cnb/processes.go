package cnb

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
)

// launchDoc is a launch.toml (CNB Buildpack API, "launch.toml").
type launchDoc struct {
	BOM       []bomDoc           `toml:"bom"`
	Processes []processDoc       `toml:"processes"`
	Labels    []buildpacks.Label `toml:"labels"`
	Slices    []struct {
		Paths []string `toml:"paths"`
	} `toml:"slices"`
}

type processDoc struct {
	Type       string   `toml:"type"`
	Command    any      `toml:"command"`
	Args       []string `toml:"args"`
	Direct     *bool    `toml:"direct"`
	Default    bool     `toml:"default"`
	WorkingDir string   `toml:"working-dir"`
	ExecEnv    []string `toml:"exec-env"`
}

// launch adds what launch.toml says to a contribution.
func (b *Buildpack) launch(doc launchDoc, site buildpacks.Site, c *buildpacks.Contribution) (err error) {
	if c.LaunchBOM, err = b.bom(doc.BOM); err != nil {
		return err
	}
	for _, d := range doc.Processes {
		p, err := b.process(d)
		if err != nil {
			return err
		}
		if d.WorkingDir != "" && !b.api.workingDir {
			c.Warnings = append(c.Warnings, fmt.Sprintf("%s: process %s: working-dir is no key of Buildpack API %s and is ignored", b.descriptor, d.Type, b.descriptor.API))
		}
		for _, other := range c.Processes {
			if p.Default && other.Default && p.Type != other.Type {
				return fmt.Errorf("processes %s and %s: multiple default process types aren't allowed", other.Type, p.Type)
			}
		}
		c.Processes = append(c.Processes, p)
	}
	for _, label := range doc.Labels {
		if label.Key == "" {
			c.Warnings = append(c.Warnings, fmt.Sprintf("%s: a label of launch.toml has no key and is ignored", b.descriptor))
			continue
		}
		c.Labels = append(c.Labels, label)
	}
	for i, slice := range doc.Slices {
		paths := []string{}
		for _, pattern := range slice.Paths {
			clean, err := slicePattern(pattern, site.App.Path, site.Subdir)
			if err != nil {
				return fmt.Errorf("slice %d: %w", i+1, err)
			}
			paths = append(paths, clean)
		}
		c.Slices = append(c.Slices, paths)
	}
	return nil
}

var typeForm = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// process checks and translates one process.
func (b *Buildpack) process(d processDoc) (launch.Process, error) {
	p := launch.Process{
		Type: d.Type, Args: d.Args, Default: d.Default, ExecEnv: d.ExecEnv,
		Direct: true, BuildpackID: b.descriptor.ID,
	}
	if !typeForm.MatchString(d.Type) || d.Type == "." || d.Type == ".." || len(d.Type) > maxName {
		return p, fmt.Errorf("process type %.100q: expected letters, digits, dots, dashes and underscores", d.Type)
	}
	if b.api.workingDir {
		p.WorkingDirectory = d.WorkingDir
	}
	switch command := d.Command.(type) {
	case nil:
	case string:
		if !b.api.stringCommand {
			return p, fmt.Errorf("process %s: command is a string; Buildpack API %s wants a list", d.Type, b.descriptor.API)
		}
		p.Command = []string{command}
		p.Direct = d.Direct != nil && *d.Direct
	case []any:
		if b.api.stringCommand {
			return p, fmt.Errorf("process %s: command is a list; Buildpack API %s wants a string", d.Type, b.descriptor.API)
		}
		for _, word := range command {
			s, ok := word.(string)
			if !ok {
				return p, fmt.Errorf("process %s: command holds %v, which is no string", d.Type, word)
			}
			p.Command = append(p.Command, s)
		}
	default:
		return p, fmt.Errorf("process %s: command is neither a string nor a list of strings", d.Type)
	}
	if len(p.Command) == 0 || p.Command[0] == "" {
		return p, fmt.Errorf("process %s: no command", d.Type)
	}
	if !b.api.stringCommand && d.Direct != nil {
		return p, fmt.Errorf("process %s: direct is not a key of Buildpack API %s, every process is", d.Type, b.descriptor.API)
	}
	for _, word := range append(append([]string{p.WorkingDirectory}, p.Command...), p.Args...) {
		if strings.Contains(word, "\x00") {
			return p, fmt.Errorf("process %s: %q holds a NUL byte, which no command can", d.Type, word)
		}
	}
	return p, nil
}

// slicePattern is a pattern of a slice as a path relative to what is built, or
// what keeps it from being one. A relative pattern begins in the directory of that
// which is the app.
func slicePattern(pattern, appPath, subdir string) (string, error) {
	clean := path.Clean(pattern)
	// A slash that is escaped goes with its directory, and leaves the escape.
	for _, form := range []string{pattern, clean} {
		if _, err := filepath.Match(form, ""); err != nil {
			return "", fmt.Errorf("pattern %.200q: %w; expected the syntax of Go's filepath.Match", pattern, err)
		}
	}
	if path.IsAbs(clean) {
		if clean == appPath {
			clean = "."
		} else if rel, below := strings.CutPrefix(clean, appPath+"/"); below {
			clean = rel
		} else {
			return "", fmt.Errorf("pattern %.200q: %w; the app is %s", pattern, errOutside, appPath)
		}
	} else if subdir != "" {
		clean = path.Join(globEscape.Replace(subdir), clean)
	}
	if !filepath.IsLocal(clean) {
		return "", fmt.Errorf("pattern %.200q: %w", pattern, errOutside)
	}
	return clean, nil
}

// globEscape makes a path a pattern that matches it and nothing else.
var globEscape = strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`)

var errOutside = errors.New("expected a path in the app directory")
