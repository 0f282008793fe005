package deploy

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/slugc/slugc/build"
	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/cachestore"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/builtin"
	"github.com/slugc/slugc/buildpacks/fetch"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/sandbox"
)

// Deploy holds what every build of a process shares.
type Deploy struct {
	Runner   sandbox.Runner
	Voice    Voice
	Progress Progress
	// Output makes a writer for what buildpacks print.
	Output func() Output
	// Reported is told what buildpacks report about their builds, for programs;
	// it may be nil.
	Reported func(by buildpacks.Descriptor, report buildpacks.Report)
	// Reused is told what of earlier builds is used again and what is not, and why where that is
	// known, for programs; it may be nil.
	Reused func(name string, reused bool, why string)
	// Fetch brings the buildpack that a reference names.
	Fetch func(ctx context.Context, ref string) (fetch.Package, error)
	// Asked are references to buildpacks that are asked about an app that names
	// none, one after the other, before the builtin ones.
	Asked []string
	// System is what stands before and behind every group of buildpacks.
	System System
	// Exe is the running binary, which builtin buildpacks run as, and Clients
	// are this machine's package clients, whose settings they get.
	Exe     string
	Clients builtin.Clients
}

// Request is one build.
type Request struct {
	// Source is what to build.
	Source detect.Source
	// App names the app in the release record and the cache, wherever its source
	// is; by default it is the name of the source directory, and its own cache.
	App string
	// Subdir is the directory of Source that is the app, as detect.Source.Subdir has
	// it; empty where that is all of it. Without App its name is the app's.
	Subdir string
	// Buildpacks are references; none means that the builtin ones are asked.
	Buildpacks []string
	Stack      stack.Stack
	// Env are build-time variables.
	Env map[string]string
	// Secrets are those of the variables that no artifact and no cache may hold.
	Secrets map[string]string
	// ExecEnv is the execution environment to build for, "production" when
	// empty.
	ExecEnv string
	// Bindings are directories of service bindings by name; see
	// build.FindBindings.
	Bindings map[string]string
	// BuildConfig is a directory with the operator's variables; empty for none.
	BuildConfig string
	// BuildTimeout ends a buildpack that hangs while it builds; see
	// buildpacks.Site.
	BuildTimeout time.Duration
	// CacheRoot is the directory of all caches.
	CacheRoot  string
	ClearCache bool
	// Remote is a cache that builds on several machines share, in a registry;
	// nil for none.
	Remote  *cachestore.Registry
	Offline bool
	// Keep keeps what a build that fails worked in; see package kept.
	Keep bool
	// Process is the process type that starts by default; empty leaves it to
	// the buildpacks.
	Process string
	// Forms make the artifacts, in this order.
	Forms []Form
	// Previous is the earlier image of the app, whose layers are reused where
	// they fit. The zero value is none.
	Previous oci.Previous
	// Metadata is the file for the release record; empty for none.
	Metadata string
	// Outputs are the files and directories that the build writes. Where they
	// lie in the source they are not part of it.
	Outputs []string
}

// Build builds an app and returns its release record.
func (d Deploy) Build(ctx context.Context, req Request) (record release.Record, err error) {
	began := time.Now()
	if err := ready(ctx, req); err != nil {
		return record, err
	}
	work, err := d.open(ctx, req)
	if err != nil {
		return record, err
	}
	defer func() { err = errors.Join(err, work.close()) }()

	d.Voice.Stepf("Building %s on the %s stack", work.what(), work.site.Stack.ID)
	_, tree, err := d.assemble(ctx, work, req)
	if err != nil {
		return record, err
	}
	leftOut, err := d.leftOut(tree)
	if err != nil {
		return record, err
	}
	walked, err := build.Walk(ctx, tree, leftOut, work.entry.Restored())
	if err != nil {
		return record, whoseFault(tree, err)
	}
	d.sayBigCache(walked)
	if err := guard(ctx, tree, walked, req.Secrets); err != nil {
		return record, whoseFault(tree, work.forget(err))
	}
	d.save(ctx, work, onDisk(tree), walked)
	if tree, err = withDefault(tree, req.Process); err != nil {
		return record, err
	}
	d.sayProcesses(tree)
	artifacts, jobs, err := d.pack(ctx, work, tree, walked, req)
	if err != nil {
		return record, whoseFault(tree, &PackError{err})
	}
	record = release.New(work.app, work.source, tree, artifacts)
	if err := keep(record, req.Metadata); err != nil {
		return record, &PackError{err}
	}
	if err := d.push(ctx, work, tree, jobs, req); err != nil {
		return record, err
	}
	d.Voice.Stepf("Done in %s", report.Duration(time.Since(began)))
	return record, nil
}

// assemble finds out who builds an app, and has them build it with what earlier
// builds left.
func (d Deploy) assemble(ctx context.Context, work workplace, req Request) (plan planned, tree artifact.Tree, err error) {
	work.entry.Look(ctx, work.site.Layers.Host)
	if plan, err = d.detect(ctx, work, req.Buildpacks); err != nil {
		return plan, tree, err
	}
	if err := d.pull(ctx, work, plan, req); err != nil {
		return plan, tree, err
	}
	held, err := d.restore(ctx, work, plan, req)
	if err != nil {
		return plan, tree, err
	}
	if tree, err = d.compile(ctx, work, plan, held); err != nil {
		d.amend(ctx, work, plan, req.Secrets, err)
		return plan, tree, work.keep(err)
	}
	return plan, tree, checkProfiles(tree)
}

// Detect finds out who would build an app, and builds nothing.
func (d Deploy) Detect(ctx context.Context, req Request) (plan detect.Plan, err error) {
	work, err := d.open(ctx, req)
	if err != nil {
		return plan, err
	}
	defer func() { err = errors.Join(err, work.close()) }()
	p, err := d.detect(ctx, work, req.Buildpacks)
	return p.Plan, err
}

// Pin is Detect, and notes in the source who is to build the app from now on.
// It returns the file that says so, and a *PinError where that cannot
// be.
func (d Deploy) Pin(ctx context.Context, req Request) (plan detect.Plan, file string, err error) {
	work, err := d.open(ctx, req)
	if err != nil {
		return plan, "", err
	}
	defer func() { err = errors.Join(err, work.close()) }()
	p, err := d.detect(ctx, work, req.Buildpacks)
	if err != nil {
		return p.Plan, "", err
	}
	file, err = p.pin(work.source.Dir, work.sourceApp())
	return p.Plan, file, err
}

// ready lets every form that can tell now that it will fail say so, before
// anyone waits for a build.
func ready(ctx context.Context, req Request) error {
	for _, form := range req.Forms {
		if early, ok := form.(interface {
			Ready(ctx context.Context) error
		}); ok {
			if err := early.Ready(ctx); err != nil {
				return &PackError{err}
			}
		}
	}
	return nil
}

// restore gives the buildpacks of the plan what they left in the last build.
func (d Deploy) restore(ctx context.Context, work workplace, plan planned, req Request) (carried, error) {
	group := plan.descriptors()
	restored, err := work.entry.Restore(ctx, work.site.Layers.Host, group)
	if errors.Is(err, fs.ErrPermission) && ctx.Err() == nil {
		// A build never fails for its cache.
		d.Voice.Warningf("%v\nThe build goes on without what the last one left.", err)
		restored, err = nil, work.entry.Forget(work.site.Layers.Host)
	}
	if err != nil {
		return nil, err
	}
	for _, r := range restored {
		if r.Dropped != "" {
			d.Voice.Warningf("Not reusing layer %s: %s", r.Layer, r.Dropped)
			d.tellReuse(r.Layer, false, r.Dropped)
		}
	}
	layers, err := d.carry(ctx, work, group, req)
	if err != nil && ctx.Err() == nil {
		d.Voice.Warningf("%v\nThe build goes on without it.", err)
		err = nil
	}
	return layers, err
}

// compile runs the buildpacks of the plan.
func (d Deploy) compile(ctx context.Context, work workplace, plan planned, held carried) (artifact.Tree, error) {
	if err := d.handOver(ctx, work, plan); err != nil {
		return artifact.Tree{}, err
	}
	output := d.Output()
	site := work.site
	site.Output = output
	tree, err := build.Builder{
		Compilers: plan.compilers(plan.members(), site.ExecEnv),
		Started:   d.sayBuildpack,
		Warned:    func(text string) { d.Voice.Warningf("%s", text) },
		Reported:  d.Reported,
	}.Build(ctx, site, plan.plans(ctx, site))
	if err = errors.Join(err, output.Close()); err != nil {
		return artifact.Tree{}, err
	}
	if tree, err = held.reclaim(tree, work.entry.Reclaim); err != nil {
		return artifact.Tree{}, err
	}
	d.sayKept(tree)
	return tree, nil
}

// handOver gives the builtin buildpacks of the plan what they need to reach
// registries.
func (d Deploy) handOver(ctx context.Context, work workplace, plan planned) error {
	var group []string
	for _, m := range plan.members() {
		group = append(group, m.ID)
	}
	return builtin.HandOver(ctx, work.entry.Temp("settings"), plan.library, group, d.Clients, work.site.Offline)
}

// withDefault makes a process type the default, unless it is empty.
func withDefault(tree artifact.Tree, processType string) (artifact.Tree, error) {
	if processType == "" {
		return tree, nil
	}
	if _, ok := tree.Metadata.Find(processType); !ok {
		missing := &ProcessError{Type: processType}
		for _, p := range tree.Metadata.Processes {
			missing.Types = append(missing.Types, p.Type)
		}
		return tree, missing
	}
	tree.Metadata.DefaultProcess = processType
	return tree, nil
}

// keep writes the release record to a file, if there is to be one.
func keep(record release.Record, file string) error {
	if file == "" {
		return nil
	}
	return record.WriteFile(file)
}
