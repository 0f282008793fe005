package build

import (
	"context"
	"errors"
	"fmt"
	"iter"

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
	// LegacySBOM says that there is a sbom.legacy.json for launch and for build
	// in any case (CNB Platform API 0.9; the reference lifecycle writes "null"
	// where no buildpack has a bom table). Without it there is one where it says
	// something.
	LegacySBOM bool
	// Warned is told what the person should know although the build goes on;
	// it may be nil.
	Warned func(text string)
}

// Build runs every buildpack of the plans, one plan after the other, and returns
// the tree that they made. A plan is asked for when the one before it is built.
func (b Builder) Build(ctx context.Context, site buildpacks.Site, plans iter.Seq2[detect.Plan, error]) (artifact.Tree, error) {
	r := run{Builder: b, site: site, env: site.Base.Clone(), met: map[string]bool{}}
	if site.Base == nil {
		r.env["PATH"] = stack.DefaultPath
	}
	for plan, err := range plans {
		if err == nil {
			err = r.plan(ctx, plan)
		}
		if err != nil {
			return artifact.Tree{}, err
		}
	}
	if len(r.done) == 0 {
		return artifact.Tree{}, errors.New("the plan names no buildpack")
	}
	tree, warnings := merge(site, r.done)
	tree.Description = r.description
	b.warn(warnings...)
	if err := gatherSBOM(site.Layers.Host, tree.SBOM, r.done, b.LegacySBOM); err != nil {
		return artifact.Tree{}, err
	}
	return tree, nil
}

// Only is the sequence of one plan.
func Only(plan detect.Plan) iter.Seq2[detect.Plan, error] {
	return func(yield func(detect.Plan, error) bool) { yield(plan, nil) }
}

// run is a build under way.
type run struct {
	Builder
	site buildpacks.Site
	// env is what the buildpacks so far made of the environment.
	env launch.Env
	// met are the plan entries that are done.
	met  map[string]bool
	done []contribution
	// exporter is the last buildpack, if its environment is still to be asked
	// for.
	exporter Exporter
	// description is what the last buildpack with a name for the app calls it:
	// the primary language is last.
	description string
}

// plan runs the buildpacks of a plan.
func (r *run) plan(ctx context.Context, plan detect.Plan) error {
	for _, choice := range plan.Group {
		compiler := r.Compilers[choice.ID]
		if compiler == nil {
			return fmt.Errorf("the plan names buildpack %s, which is not there", choice.ID)
		}
		if r.exporter != nil {
			env, err := r.exporter.Export(ctx, r.site, r.env)
			if err != nil {
				return err
			}
			r.env = env
		}
		if r.Started != nil {
			r.Started(choice)
		}
		job := buildpacks.Job{Plan: plan.JobFor(choice.ID, r.met), Env: r.env.Clone()}
		c, err := compiler.Compile(ctx, r.site, job)
		if failed, is := errors.AsType[*buildpacks.CompileError](err); is {
			r.report(choice.Descriptor, failed.Report)
		}
		if err != nil {
			return err
		}
		r.report(choice.Descriptor, c.Report)
		r.done = append(r.done, contribution{choice.Descriptor, c})
		r.warn(c.Warnings...)
		settle(r.met, job.Plan, c.Unmet)
		if choice.Found != "" {
			r.description = choice.Found
		}
		if err := r.apply(c.Layers); err != nil {
			return &buildpacks.CompileError{Buildpack: choice.Descriptor, Step: "layers", Err: err}
		}
		r.exporter, _ = compiler.(Exporter)
	}
	return nil
}

// apply changes the environment of later buildpacks by layers.
func (r *run) apply(layers []buildpacks.Layer) error {
	var seen []launch.LayerDir
	for _, l := range layers {
		if l.Build && l.Dir.Host != "" {
			seen = append(seen, launch.LayerDir(l.Dir))
		}
	}
	return launch.ApplyBuild(r.env, seen...)
}

// report tells what a buildpack reports, if it does.
func (b Builder) report(by buildpacks.Descriptor, report buildpacks.Report) {
	if b.Reported != nil && len(report) > 0 {
		b.Reported(by, report)
	}
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
