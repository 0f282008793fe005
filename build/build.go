package build

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
)

// Compiler is a buildpack that can build. See buildpacks.CompileError for what
// Compile returns when the build is at fault.
type Compiler interface {
	Descriptor() buildpacks.Descriptor
	Compile(ctx context.Context, site buildpacks.Site, job buildpacks.Job) (buildpacks.Contribution, error)
}

// Exporter is a Compiler that changes the environment of later buildpacks in
// other ways than by layers. It is asked when there are any, and returns a new
// environment. See buildpacks.CompileError for its errors.
type Exporter interface {
	Export(ctx context.Context, site buildpacks.Site, env launch.Env) (launch.Env, error)
}

// Builder runs the buildpacks of a plan.
type Builder struct {
	// Compilers are the buildpacks by id.
	Compilers map[string]Compiler
	// Started is told which buildpack is about to build; it may be nil.
	Started func(detect.Choice)
	// Reported is told what a buildpack reports about its build, also about one
	// that failed; it may be nil.
	Reported func(buildpacks.Descriptor, buildpacks.Report)
	// Warned is told what the person should know although the build goes on;
	// it may be nil.
	Warned func(text string)
}

// Build runs every buildpack of the plan and returns the tree that they made.
func (b Builder) Build(ctx context.Context, site buildpacks.Site, plan detect.Plan) (artifact.Tree, error) {
	if len(plan.Group) == 0 {
		return artifact.Tree{}, errors.New("the plan names no buildpack")
	}
	env := launch.Env{"PATH": stack.DefaultPath}
	met := map[string]bool{}
	var done []contribution
	for i, choice := range plan.Group {
		compiler := b.Compilers[choice.ID]
		if compiler == nil {
			return artifact.Tree{}, fmt.Errorf("the plan names buildpack %s, which is not there", choice.ID)
		}
		if b.Started != nil {
			b.Started(choice)
		}
		job := buildpacks.Job{Plan: plan.JobFor(choice.ID, met), Env: env.Clone()}
		c, err := compiler.Compile(ctx, site, job)
		if failed, is := errors.AsType[*buildpacks.CompileError](err); is {
			b.report(choice.Descriptor, failed.Report)
		}
		if err != nil {
			return artifact.Tree{}, err
		}
		b.report(choice.Descriptor, c.Report)
		done = append(done, contribution{choice.Descriptor, c})
		b.warn(c.Warnings...)
		settle(met, job.Plan, c.Unmet)
		var seen []launch.LayerDir
		for _, l := range c.Layers {
			if l.Build && l.Dir.Host != "" {
				seen = append(seen, launch.LayerDir(l.Dir))
			}
		}
		if err := launch.ApplyBuild(env, seen...); err != nil {
			return artifact.Tree{}, &buildpacks.CompileError{Buildpack: choice.Descriptor, Step: "layers", Err: err}
		}
		if exporter, is := compiler.(Exporter); is && i+1 < len(plan.Group) {
			if env, err = exporter.Export(ctx, site, env); err != nil {
				return artifact.Tree{}, err
			}
		}
	}
	tree, warnings := merge(site, done)
	tree.Description = describe(plan.Group)
	b.warn(warnings...)
	if err := gatherSBOM(site.Layers.Host, tree.SBOM, done); err != nil {
		return artifact.Tree{}, err
	}
	return tree, nil
}

// report tells what a buildpack reports, if it does.
func (b Builder) report(by buildpacks.Descriptor, report buildpacks.Report) {
	if b.Reported != nil && len(report) > 0 {
		b.Reported(by, report)
	}
}

// describe is what the last buildpack with a name for the app calls it: the
// primary language is last.
func describe(group []detect.Choice) string {
	for _, choice := range slices.Backward(group) {
		if choice.Found != "" {
			return choice.Found
		}
	}
	return ""
}

func (b Builder) warn(texts ...string) {
	if b.Warned == nil {
		return
	}
	for _, text := range texts {
		b.Warned(text)
	}
}

// settle marks the plan entries that a buildpack met: all it was given, those
// excepted that it passes on.
func settle(met map[string]bool, given []buildpacks.Requirement, unmet []string) {
	passed := map[string]bool{}
	for _, name := range unmet {
		passed[name] = true
	}
	for _, req := range given {
		if !passed[req.Name] {
			met[req.Name] = true
		}
	}
}
