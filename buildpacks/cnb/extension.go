package cnb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Extension is an image extension on disk: it says which Dockerfiles are to change
// the images that an app is built and run in (CNB Image Extension Specification).
// Both of its scripts may be missing: what they would write lies in the directories
// detect and generate then.
type Extension struct{ module Buildpack }

// OpenExtension reads the image extension in a directory, which is absolute.
func OpenExtension(dir string) (*Extension, error) {
	file := filepath.Join(dir, extensionFile)
	data, err := read(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	doc, err := parseExtension(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	x := &Extension{Buildpack{Dir: dir, clearEnv: doc.Buildpack.ClearEnv, descriptor: doc.descriptor(), api: doc.api}}
	x.module.descriptor.Extension = true
	if len(x.module.descriptor.Targets) == 0 && (x.has("detect") || x.has("generate")) {
		x.module.descriptor.Targets = []buildpacks.Target{{OS: "linux"}}
	}
	return x, nil
}

const extensionFile = "extension.toml"

// parseExtension reads an extension.toml.
func parseExtension(data []byte) (doc descriptorDoc, err error) {
	if err := decodeTOML(data, &doc); err != nil {
		return doc, err
	}
	doc.Buildpack = doc.Extension
	if err := doc.check(); err != nil {
		return doc, fmt.Errorf("the extension: %w", err)
	}
	return doc, nil
}

// ReadExtensionAPI is the Buildpack API that the extension in a directory says it is
// for, whether or not that is one.
func ReadExtensionAPI(dir string) (string, error) { return readAPI(filepath.Join(dir, extensionFile)) }

// Descriptor says who the extension is.
func (x *Extension) Descriptor() buildpacks.Descriptor { return x.module.descriptor }

// has reports whether the extension has a script.
func (x *Extension) has(script string) bool {
	_, err := os.Stat(filepath.Join(x.module.Dir, "bin", script))
	return !errors.Is(err, fs.ErrNotExist)
}

// Probe runs bin/detect, or reads detect/plan.toml in its place (CNB Image Extension
// Specification, "Phase #1: Detection").
func (x *Extension) Probe(ctx context.Context, site buildpacks.Site) (d buildpacks.Detection, err error) {
	if x.has("detect") {
		d, err = x.module.Probe(ctx, site)
	} else {
		d = x.offered()
	}
	requires := func(a buildpacks.Alternative) bool { return len(a.Requires) > 0 }
	if err == nil && d.Verdict == buildpacks.Pass && slices.ContainsFunc(d.Plans, requires) {
		fault := fmt.Sprintf(`extension %s outputs "requires" which is not allowed`, x.module.descriptor.ID)
		return buildpacks.Detection{Verdict: buildpacks.Error, Code: -1, Reason: fault, Fault: fault, Output: d.Output}, nil
	}
	return d, err
}

// offered is the build plan of an extension without bin/detect.
func (x *Extension) offered() buildpacks.Detection {
	data, err := read(filepath.Join(x.module.Dir, "detect", planFile))
	d := buildpacks.Detection{Verdict: buildpacks.Pass}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		d.Plans, err = parsePlan(data)
	}
	if err != nil {
		return buildpacks.Detection{Verdict: buildpacks.Error, Code: -1, Reason: err.Error(), Fault: err.Error()}
	}
	return d
}

// Generate runs bin/generate, which writes to a directory, and returns where its
// output is: that directory, or the extension's own generate where it has no script
// (CNB Image Extension Specification, "Phase #2: Generation"). Plan is what it has to
// provide. It returns a *buildpacks.CompileError when the script failed.
func (x *Extension) Generate(ctx context.Context, site buildpacks.Site, plan []buildpacks.Requirement, output string) (string, error) {
	b := &x.module
	if !x.has("generate") {
		return filepath.Join(b.Dir, "generate"), nil
	}
	plans, err := site.Room("generate-" + launch.EscapeID(b.descriptor.ID))
	if err != nil {
		return "", err
	}
	if err := writePlan(site, filepath.Join(plans, planFile), plan); err != nil {
		return "", err
	}
	planPath := planPath(site, plans)
	env, err := b.environment(site, nil, map[string]string{"CNB_OUTPUT_DIR": output, "CNB_BP_PLAN_PATH": planPath})
	if err != nil {
		return "", fmt.Errorf("generating with %s: %w", b.descriptor, err)
	}
	command := sandbox.Command{
		Args: []string{filepath.Join(b.Dir, "bin", "generate"), output, site.Platform.Path, planPath},
		Dir:  site.AppDir().Path, Env: env, Stdout: site.Output, Stderr: site.Output,
	}
	err = site.Runner.Run(ctx, command)
	if exit, ok := errors.AsType[*sandbox.ExitError](err); ok {
		return "", &buildpacks.CompileError{Buildpack: b.descriptor, Step: "bin/generate", Status: exit.Code, Command: command, Err: err}
	}
	if err != nil {
		return "", fmt.Errorf("generating with %s: %w", b.descriptor, err)
	}
	return output, nil
}
