package cnb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Compile runs bin/build and reads what it left (CNB Buildpack API,
// "Phase #3: Build"). It returns a *buildpacks.CompileError when the script
// failed or left something that is not in order.
func (b *Buildpack) Compile(ctx context.Context, site buildpacks.Site, job buildpacks.Job) (buildpacks.Contribution, error) {
	layers := buildpacks.Dir{
		Host: filepath.Join(site.Layers.Host, launch.EscapeID(b.descriptor.ID)),
		Path: path.Join(site.Layers.Path, launch.EscapeID(b.descriptor.ID)),
	}
	if err := os.MkdirAll(layers.Host, 0o755); err != nil {
		return buildpacks.Contribution{}, err
	}
	if err := sandbox.Give(layers.Host); err != nil {
		return buildpacks.Contribution{}, err
	}
	plans, err := scratch(site, "build-"+launch.EscapeID(b.descriptor.ID))
	if err != nil {
		return buildpacks.Contribution{}, err
	}
	if err := writePlan(filepath.Join(plans, "plan.toml"), job.Plan); err != nil {
		return buildpacks.Contribution{}, err
	}
	planPath := filepath.Join(planDir, "plan.toml")

	env := map[string]string{"HOME": "/tmp", "PATH": stack.DefaultPath}
	for k, v := range job.Env {
		env[k] = v
	}
	env["CNB_LAYERS_DIR"], env["CNB_BP_PLAN_PATH"] = layers.Path, planPath
	mounts := append(b.mounts(site, true),
		sandbox.Mount{Source: plans, Target: planDir, Writable: true},
		sandbox.Mount{Source: site.Temp.Host, Target: site.Temp.Path, Writable: true})
	if rel, err := filepath.Rel(site.App.Host, site.Layers.Host); err != nil || !filepath.IsLocal(rel) {
		mounts = append(mounts, sandbox.Mount{Source: layers.Host, Target: layers.Path, Writable: true})
	}
	err = site.Runner.Run(ctx, sandbox.Command{
		Stack:   site.Stack,
		Mounts:  mounts,
		Args:    []string{path.Join(b.root(), "bin/build"), layers.Path, site.Platform.Path, planPath},
		Dir:     site.App.Path,
		Env:     b.scriptEnv(site, env),
		Stdout:  site.Output,
		Stderr:  site.Output,
		Network: !site.Offline,
	})
	var exit *sandbox.ExitError
	var late *sandbox.TimeoutError
	switch {
	case errors.As(err, &exit), errors.As(err, &late):
		status := -1
		if exit != nil {
			status = exit.Code
		}
		return buildpacks.Contribution{}, &buildpacks.CompileError{Buildpack: b.descriptor, Step: "bin/build", Status: status, Err: err}
	case err != nil:
		return buildpacks.Contribution{}, fmt.Errorf("building with %s: %w", b.descriptor, err)
	}
	if err := checkDirs(site); err != nil {
		return buildpacks.Contribution{}, &buildpacks.CompileError{Buildpack: b.descriptor, Step: "layers", Err: err}
	}
	c, step, err := b.contribution(layers)
	if err != nil {
		return buildpacks.Contribution{}, &buildpacks.CompileError{Buildpack: b.descriptor, Step: step, Err: err}
	}
	return c, nil
}

func writePlan(file string, plan []buildpacks.Requirement) error {
	var doc struct {
		Entries []buildpacks.Requirement `toml:"entries"`
	}
	doc.Entries = plan
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(doc); err != nil {
		return fmt.Errorf("writing the build plan: %w", err)
	}
	if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
		return fmt.Errorf("writing the build plan: %w", err)
	}
	return sandbox.Give(file)
}

// contribution reads the layers directory of the buildpack. The step is the
// file at fault when there is an error.
func (b *Buildpack) contribution(dir buildpacks.Dir) (c buildpacks.Contribution, step string, err error) {
	if c.Layers, step, err = b.layers(dir); err != nil {
		return c, step, err
	}
	var doc launchDoc
	if err := optional(filepath.Join(dir.Host, "launch.toml"), &doc); err != nil {
		return c, "launch.toml", err
	}
	if c.Processes, err = b.processes(doc.Processes); err != nil {
		return c, "launch.toml", err
	}
	c.Labels = doc.Labels
	for _, s := range doc.Slices {
		c.Slices = append(c.Slices, s.Paths)
	}
	var built struct {
		Unmet []struct {
			Name string `toml:"name"`
		} `toml:"unmet"`
	}
	if err := optional(filepath.Join(dir.Host, "build.toml"), &built); err != nil {
		return c, "build.toml", err
	}
	for _, u := range built.Unmet {
		c.Unmet = append(c.Unmet, u.Name)
	}
	var store struct {
		Metadata map[string]any `toml:"metadata"`
	}
	if err := optional(filepath.Join(dir.Host, "store.toml"), &store); err != nil {
		return c, "store.toml", err
	}
	c.Store = store.Metadata
	return c, "", nil
}

type launchDoc struct {
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

var typeForm = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// processes checks and translates the processes of launch.toml.
func (b *Buildpack) processes(docs []processDoc) ([]launch.Process, error) {
	var all []launch.Process
	for _, d := range docs {
		if !typeForm.MatchString(d.Type) {
			return nil, fmt.Errorf("process type %q: expected letters, digits, dots, dashes and underscores", d.Type)
		}
		p := launch.Process{
			Type: d.Type, Args: d.Args, Default: d.Default, ExecEnv: d.ExecEnv,
			Direct: true, BuildpackID: b.descriptor.ID,
		}
		if b.api.workingDir {
			p.WorkingDirectory = d.WorkingDir
		}
		switch command := d.Command.(type) {
		case string:
			if !b.api.stringCommand {
				return nil, fmt.Errorf("process %s: command is a string; Buildpack API %s wants a list", d.Type, b.descriptor.API)
			}
			p.Command = []string{command}
			p.Direct = d.Direct != nil && *d.Direct
		case []any:
			if b.api.stringCommand {
				return nil, fmt.Errorf("process %s: command is a list; Buildpack API %s wants a string", d.Type, b.descriptor.API)
			}
			for _, word := range command {
				s, ok := word.(string)
				if !ok {
					return nil, fmt.Errorf("process %s: command holds %v, which is no string", d.Type, word)
				}
				p.Command = append(p.Command, s)
			}
		}
		if len(p.Command) == 0 || p.Command[0] == "" {
			return nil, fmt.Errorf("process %s: no command", d.Type)
		}
		if !b.api.stringCommand && d.Direct != nil {
			return nil, fmt.Errorf("process %s: direct is not a key of Buildpack API %s, every process is", d.Type, b.descriptor.API)
		}
		all = append(all, p)
	}
	return all, nil
}

// notLayers are the files beside the layer TOMLs.
var notLayers = map[string]bool{"launch": true, "build": true, "store": true}

// layers reads the layer TOML files. A layer with none of the three types is
// set aside as <layer>.ignore, as the reference does.
func (b *Buildpack) layers(dir buildpacks.Dir) (all []buildpacks.Layer, step string, err error) {
	entries, err := os.ReadDir(dir.Host)
	if err != nil {
		return nil, "layers", err
	}
	for _, entry := range entries {
		name, found := strings.CutSuffix(entry.Name(), ".toml")
		if !found || notLayers[name] {
			continue
		}
		file := filepath.Join(dir.Host, entry.Name())
		var doc struct {
			Types    *layerTypes    `toml:"types"`
			Metadata map[string]any `toml:"metadata"`
			Launch   any            `toml:"launch"`
			Build    any            `toml:"build"`
			Cache    any            `toml:"cache"`
		}
		step := entry.Name()
		if name == "" || name == "." || name == ".." {
			return nil, step, fmt.Errorf("%q is no name of a layer", name)
		}
		if err := decodeLeft(file, &doc); err != nil {
			return nil, step, err
		}
		if doc.Launch != nil || doc.Build != nil || doc.Cache != nil {
			return nil, step, errors.New("launch, build and cache belong under [types]")
		}
		l := buildpacks.Layer{
			Buildpack: b.descriptor.ID, Name: name, Metadata: doc.Metadata,
			Dir: buildpacks.Dir{Host: filepath.Join(dir.Host, name), Path: path.Join(dir.Path, name)},
		}
		if doc.Types != nil {
			l.Build, l.Launch, l.Cache = doc.Types.Build, doc.Types.Launch, doc.Types.Cache
		}
		info, err := os.Lstat(l.Dir.Host)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			l.Dir.Host = ""
			if l.Cache || l.Build {
				return nil, step, fmt.Errorf("layer %s is said to be a build or cache layer, but has no directory", name)
			}
		case err != nil:
			return nil, step, err
		case !info.IsDir():
			return nil, step, fmt.Errorf("layer %s is not a directory", name)
		}
		if !l.Build && !l.Launch && !l.Cache {
			if l.Dir.Host != "" {
				if err := setAside(l.Dir.Host); err != nil {
					return nil, step, err
				}
			}
			continue
		}
		if err := checkEnv(l.Dir.Host); err != nil {
			return nil, step, fmt.Errorf("layer %s: %w", name, err)
		}
		all = append(all, l)
	}
	return all, "", nil
}

// setAside renames the directory of a layer that nobody wants, or removes it
// where the new name is taken or too long: what an earlier build left must not
// make this one fail.
func setAside(dir string) error {
	aside := dir + ".ignore"
	if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
		return os.Rename(dir, aside)
	}
	return sandbox.Remove(dir)
}

type layerTypes struct {
	Launch bool `toml:"launch"`
	Build  bool `toml:"build"`
	Cache  bool `toml:"cache"`
}

// optional reads a file that need not be there.
func optional(file string, v any) error {
	err := decodeLeft(file, v)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
