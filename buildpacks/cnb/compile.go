package cnb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// buildTimeout ends a bin/build that hangs where the person sets no other limit.
const buildTimeout = time.Hour

// Compile runs bin/build and reads what it left (CNB Buildpack API,
// "Phase #3: Build"). It returns a *buildpacks.CompileError when the script
// failed or left something that is not in order.
func (b *Buildpack) Compile(ctx context.Context, site buildpacks.Site, job buildpacks.Job) (buildpacks.Contribution, error) {
	layers, err := b.layersDir(site)
	if err != nil {
		return buildpacks.Contribution{}, err
	}
	plans, err := site.Room("build-" + launch.EscapeID(b.descriptor.ID))
	if err != nil {
		return buildpacks.Contribution{}, err
	}
	if err := writePlan(site, filepath.Join(plans, planFile), job.Plan); err != nil {
		return buildpacks.Contribution{}, err
	}
	planPath := planPath(site, plans)

	env, err := b.environment(site, job.Env, map[string]string{"CNB_LAYERS_DIR": layers.Path, "CNB_BP_PLAN_PATH": planPath})
	if err != nil {
		return buildpacks.Contribution{}, fmt.Errorf("building with %s: %w", b.descriptor, err)
	}
	command := sandbox.Command{
		Stack:   site.Stack,
		Mounts:  b.buildMounts(site, layers, plans),
		Args:    []string{path.Join(b.root(site), "bin/build"), layers.Path, site.Platform.Path, planPath},
		Dir:     site.AppDir().Path,
		Env:     env,
		Stdout:  site.Output,
		Stderr:  site.Output,
		Network: !site.Offline,
		Timeout: site.Timeout(buildTimeout),
	}
	if site.InPlace {
		command.Timeout = site.Timeout(0)
	}
	failed := func(step string, status int, err error) error {
		return &buildpacks.CompileError{Buildpack: b.descriptor, Step: step, Status: status, Command: command, Err: err}
	}
	err = site.Runner.Run(ctx, command)
	var exit *sandbox.ExitError
	var late *sandbox.TimeoutError
	switch {
	case errors.As(err, &exit), errors.As(err, &late):
		status := -1
		if exit != nil {
			status = exit.Code
		}
		return buildpacks.Contribution{}, failed("bin/build", status, err)
	case err != nil:
		return buildpacks.Contribution{}, fmt.Errorf("building with %s: %w", b.descriptor, err)
	}
	if err := checkDirs(site); err != nil {
		return buildpacks.Contribution{}, failed("layers", 0, err)
	}
	if err := site.CheckAppDir(); err != nil {
		return buildpacks.Contribution{}, failed("bin/build", 0, err)
	}
	c, step, err := b.contribution(layers, site, job.Plan)
	if err != nil {
		return buildpacks.Contribution{}, failed(step, 0, err)
	}
	return c, nil
}

// layersDir makes the directory in which the buildpack leaves its layers.
func (b *Buildpack) layersDir(site buildpacks.Site) (buildpacks.Dir, error) {
	dir := buildpacks.Dir{
		Host: filepath.Join(site.Layers.Host, launch.EscapeID(b.descriptor.ID)),
		Path: path.Join(site.Layers.Path, launch.EscapeID(b.descriptor.ID)),
	}
	if err := os.MkdirAll(dir.Host, 0o755); err != nil {
		return buildpacks.Dir{}, err
	}
	return dir, site.Give(dir.Host)
}

// buildMounts are what bin/build sees: the buildpack and the app, and what it may write to.
func (b *Buildpack) buildMounts(site buildpacks.Site, layers buildpacks.Dir, plans string) []sandbox.Mount {
	own := []sandbox.Mount{
		{Source: plans, Target: planDir, Writable: true},
		{Source: site.Temp.Host, Target: site.Temp.Path, Writable: true},
	}
	if rel, err := filepath.Rel(site.App.Host, site.Layers.Host); err != nil || !filepath.IsLocal(rel) {
		own = append(own, sandbox.Mount{Source: layers.Host, Target: layers.Path, Writable: true})
	}
	return b.mounts(site, true, own...)
}

func writePlan(site buildpacks.Site, file string, plan []buildpacks.Requirement) error {
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
	return site.Give(file)
}

// contribution reads the layers directory of the buildpack. The step is the
// file at fault when there is an error.
func (b *Buildpack) contribution(dir buildpacks.Dir, site buildpacks.Site, plan []buildpacks.Requirement) (c buildpacks.Contribution, step string, err error) {
	found, step, err := b.layers(dir)
	if err != nil {
		return c, step, err
	}
	for _, l := range found {
		if l.Build || l.Launch || l.Cache {
			c.Layers = append(c.Layers, l)
		}
	}
	var doc launchDoc
	if err := optional(filepath.Join(dir.Host, "launch.toml"), &doc); err != nil {
		return c, "launch.toml", err
	}
	if err := b.launch(doc, site, &c); err != nil {
		return c, "launch.toml", err
	}
	var built buildDoc
	if err := optional(filepath.Join(dir.Host, "build.toml"), &built); err != nil {
		return c, "build.toml", err
	}
	if c.Unmet, err = built.names(plan); err != nil {
		return c, "build.toml", err
	}
	if c.BuildBOM, err = b.bom(built.BOM); err != nil {
		return c, "build.toml", err
	}
	var store struct {
		Metadata map[string]any `toml:"metadata"`
	}
	if err := optional(filepath.Join(dir.Host, "store.toml"), &store); err != nil {
		return c, "store.toml", err
	}
	if err := checkMetadata(store.Metadata); err != nil {
		return c, "store.toml", err
	}
	c.Store = store.Metadata
	if c.SBOM, err = b.sbom(dir.Host, found); err != nil {
		return c, "SBOM", err
	}
	return c, "", nil
}

// buildDoc is a build.toml (CNB Buildpack API, "build.toml").
type buildDoc struct {
	BOM   []bomDoc `toml:"bom"`
	Unmet []struct {
		Name string `toml:"name"`
	} `toml:"unmet"`
}

// names are the entries that the buildpack passes on. Each has to be one that
// it was given.
func (doc buildDoc) names(plan []buildpacks.Requirement) ([]string, error) {
	var names []string
	for _, unmet := range doc.Unmet {
		if unmet.Name == "" {
			return nil, errors.New("unmet.name is required")
		}
		if !slices.ContainsFunc(plan, func(r buildpacks.Requirement) bool { return r.Name == unmet.Name }) {
			return nil, fmt.Errorf("unmet.name %q must match a requested dependency; see the plan in CNB_BP_PLAN_PATH", unmet.Name)
		}
		names = append(names, unmet.Name)
	}
	return names, nil
}

// checkMetadata makes sure that metadata can be told in JSON, which labels are:
// that knows no infinite number.
func checkMetadata(metadata map[string]any) error {
	if _, err := json.Marshal(metadata); err != nil {
		return fmt.Errorf("its metadata cannot be told in JSON, as labels do: %w", err)
	}
	return nil
}

// optional reads a file that need not be there.
func optional(file string, v any) error {
	err := decodeLeft(file, v)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
