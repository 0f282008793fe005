package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slugc/slugc/build"
	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/cachestore"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/builtin"
	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/sandbox"
)

// Where a build finds things inside the sandbox. They are the same in the slug
// and in the image, so that both come from one tree.
const (
	appPath      = "/app"
	layersPath   = "/app/.slugc/layers"
	platformPath = "/platform"
	tempPath     = "/tmp"
	// slugcDir is the directory in the app that belongs to slugc.
	slugcDir = ".slugc"
)

// Deploy holds what every build of a process shares.
type Deploy struct {
	Runner   sandbox.Runner
	Voice    Voice
	Progress Progress
	// Output makes a writer for what one buildpack prints.
	Output func() Output
	// Exe is the running binary, which builtin buildpacks run as, and Clients
	// what they get of this machine's package clients.
	Exe     string
	Clients builtin.Clients
}

// Request is one build.
type Request struct {
	// Source is what to build: a directory.
	Source string
	// App names the app in the release record and the cache; by default it is
	// the name of the source directory.
	App string
	// Buildpacks are references; none means that the builtin ones are asked.
	Buildpacks []string
	Stack      stack.Stack
	// Env are build-time variables.
	Env map[string]string
	// CacheRoot is the directory of all caches.
	CacheRoot  string
	ClearCache bool
	Offline    bool
	// Process is the process type that an image starts by default; empty
	// leaves it to the buildpacks.
	Process string
	// Forms make the artifacts, in this order.
	Forms []Form
	// Metadata is the file for the release record; empty for none.
	Metadata string
	// Outputs are the files and directories that the build writes. Where they
	// lie in the source they are not part of it.
	Outputs []string
}

// Build builds an app and returns its release record.
func (d Deploy) Build(ctx context.Context, req Request) (release.Record, error) {
	started := time.Now()
	for _, form := range req.Forms {
		// A form that can tell now that it will fail need not wait for it.
		if r, ok := form.(interface{ Ready() error }); ok {
			if err := r.Ready(); err != nil {
				return release.Record{}, &PackError{err}
			}
		}
	}
	work, err := d.open(ctx, req)
	if err != nil {
		return release.Record{}, err
	}
	record, err := d.build(ctx, req, work)
	if err = errors.Join(err, work.close()); err != nil {
		return release.Record{}, err
	}
	d.Voice.Stepf("Done in %s", time.Since(started).Round(10*time.Millisecond))
	return record, nil
}

// Detect finds out who would build an app, and builds nothing.
func (d Deploy) Detect(ctx context.Context, req Request) (detect.Plan, error) {
	work, err := d.open(ctx, req)
	if err != nil {
		return detect.Plan{}, err
	}
	plan, _, err := d.detect(ctx, req, work)
	return plan, errors.Join(err, work.close())
}

// workplace is an opened source with the site on which it is built.
type workplace struct {
	app    string
	source detect.Source
	entry  *cachestore.Entry
	// temp is the root of an improvised cache; empty when there is a real one.
	temp string
	site buildpacks.Site
}

// open copies the source into the app's cache entry and prepares the site.
func (d Deploy) open(ctx context.Context, req Request) (workplace, error) {
	source, err := detect.Open(req.Source)
	if err != nil {
		return workplace{}, err
	}
	app := req.App
	if app == "" {
		app = filepath.Base(source.Dir)
	}
	entry, err := cachestore.Open(ctx, req.CacheRoot, cachestore.App{Name: app, Source: source.Dir}, func() {
		d.Voice.Stepf("Waiting for another build of %s to end", app)
	})
	work := workplace{app: app, entry: entry}
	if err != nil {
		if ctx.Err() != nil {
			return workplace{}, err
		}
		// A build never fails for its cache.
		d.Voice.Warningf("%v\nThis build goes on without a cache. Name one that can be written: --cache DIR", err)
		if err := work.improvise(ctx, source); err != nil {
			return workplace{}, err
		}
	}
	if err := d.prepare(ctx, req, source, &work); err != nil {
		return workplace{}, errors.Join(err, work.close())
	}
	return work, nil
}

// improvise gives a build that cannot use its cache one of its own.
func (w *workplace) improvise(ctx context.Context, source detect.Source) (err error) {
	if w.temp, err = os.MkdirTemp("", "slugc-"); err != nil {
		return fmt.Errorf("building without a cache: %w", err)
	}
	if err := os.Chmod(w.temp, 0o755); err != nil {
		return errors.Join(fmt.Errorf("building without a cache: %w", err), os.Remove(w.temp))
	}
	w.entry, err = cachestore.Open(ctx, w.temp, cachestore.App{Name: w.app, Source: source.Dir}, nil)
	if err != nil {
		return errors.Join(err, sandbox.Remove(w.temp))
	}
	return nil
}

// close lets go of the cache, or removes the one that was improvised.
func (w *workplace) close() error {
	err := w.entry.Close()
	if w.temp != "" {
		err = errors.Join(err, sandbox.Remove(w.temp))
	}
	return err
}

func (d Deploy) prepare(ctx context.Context, req Request, source detect.Source, work *workplace) error {
	if req.ClearCache {
		if err := work.entry.Clear(); err != nil {
			return err
		}
	}
	work.site = buildpacks.Site{
		Stack:    req.Stack,
		Runner:   d.Runner,
		App:      buildpacks.Dir{Host: work.entry.AppDir(), Path: appPath},
		Layers:   buildpacks.Dir{Host: filepath.Join(work.entry.AppDir(), slugcDir, "layers"), Path: layersPath},
		Platform: buildpacks.Dir{Host: work.entry.Temp("platform"), Path: platformPath},
		Temp:     buildpacks.Dir{Host: work.entry.Temp("tmp"), Path: tempPath},
		Scratch:  work.entry.Temp("scratch"),
		Env:      req.Env,
		Offline:  req.Offline,
	}
	uid, gid := sandbox.Owner()
	copied, err := source.CopyTo(ctx, detect.Copy{
		Dir: work.site.App.Host, Keep: slugcDir, State: work.entry.SourceState(), UID: uid, GID: gid,
		Exclude: realPaths(append([]string{req.CacheRoot}, req.Outputs...)),
	})
	if err != nil {
		return err
	}
	for _, warning := range copied.Warnings {
		d.Voice.Warningf("%s", warning)
	}
	work.source = copied.Source
	return build.Prepare(work.site)
}

// realPaths are the absolute paths of files and directories that need not exist, by
// the names under which their directories hold them.
func realPaths(paths []string) []string {
	var all []string
	for _, path := range paths {
		absolute, err := filepath.Abs(path)
		if err != nil {
			continue // without a working directory nothing can lie in the source
		}
		if dir, err := filepath.EvalSymlinks(filepath.Dir(absolute)); err == nil {
			absolute = filepath.Join(dir, filepath.Base(absolute))
		}
		all = append(all, absolute)
		// Where a link leads may lie in the source although the link does not.
		if target, err := filepath.EvalSymlinks(absolute); err == nil && target != absolute {
			all = append(all, target)
		}
	}
	return all
}

// detect asks the buildpacks and returns them with the plan.
func (d Deploy) detect(ctx context.Context, req Request, work workplace) (detect.Plan, selection, error) {
	chosen, err := d.choose(req, work)
	if err != nil {
		return detect.Plan{}, selection{}, err
	}
	plan, err := detect.Detect(ctx, work.site, chosen.order, chosen.probers)
	var none *detect.NoMatchError
	if errors.As(err, &none) {
		none.Root = rootNames(work.source.Dir)
	}
	return plan, chosen, err
}

func (d Deploy) build(ctx context.Context, req Request, work workplace) (release.Record, error) {
	d.Voice.Stepf("Building %s on the %s stack", work.app, req.Stack.ID)
	plan, chosen, err := d.detect(ctx, req, work)
	if err != nil {
		return release.Record{}, err
	}
	var group []buildpacks.Descriptor
	for _, c := range plan.Group {
		group = append(group, c.Descriptor)
	}
	restored, err := work.entry.Restore(ctx, work.site.Layers.Host, group)
	if err != nil {
		return release.Record{}, err
	}
	for _, r := range restored {
		if r.Dropped != "" {
			d.Voice.Warningf("Not reusing layer %s: %s", r.Layer, r.Dropped)
		}
	}

	output := d.Output()
	site := work.site
	site.Output = output
	builder := build.Builder{
		Compilers: chosen.compilers,
		Started:   func(by buildpacks.Descriptor) { d.Voice.Stepf("Using buildpack: %s", by) },
	}
	tree, err := builder.Build(ctx, site, plan)
	if err = errors.Join(err, output.Close()); err != nil {
		return release.Record{}, err
	}
	if tree, err = chooseProcess(tree, req.Process); err != nil {
		return release.Record{}, err
	}
	d.sayProcesses(tree)

	artifacts, err := d.pack(ctx, req, work, tree)
	if err != nil {
		return release.Record{}, &PackError{err}
	}
	record := release.New(work.app, work.source, tree, artifacts)
	if req.Metadata != "" {
		if err := record.WriteFile(req.Metadata); err != nil {
			return release.Record{}, &PackError{err}
		}
	}
	return record, nil
}

// sayProcesses lists the process types, as Heroku does.
func (d Deploy) sayProcesses(tree artifact.Tree) {
	d.Voice.Stepf("Discovering process types")
	var types []string
	for _, p := range tree.Metadata.Processes {
		types = append(types, p.Type)
	}
	if len(types) == 0 {
		d.Voice.Detailf("none")
		d.Voice.Warningf("Nothing says how to start this app. Add a Procfile, for example: web: COMMAND")
		return
	}
	d.Voice.Detailf("%s", strings.Join(types, ", "))
}

// PackError says that a finished build could not be packed or taken to its
// destination.
type PackError struct{ Err error }

func (e *PackError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PackError) Unwrap() error { return e.Err }

// ProcessError says that a process type was asked for that the app does not
// have.
type ProcessError struct {
	Type  string
	Types []string
}

func (e *ProcessError) Error() string {
	if len(e.Types) == 0 {
		return fmt.Sprintf("no process type %s: the app declares none", e.Type)
	}
	return fmt.Sprintf("no process type %s; the app has %s", e.Type, strings.Join(e.Types, ", "))
}

// chooseProcess makes a process type the default.
func chooseProcess(tree artifact.Tree, processType string) (artifact.Tree, error) {
	if processType == "" {
		return tree, nil
	}
	if _, ok := tree.Metadata.Find(processType); !ok {
		e := &ProcessError{Type: processType}
		for _, p := range tree.Metadata.Processes {
			e.Types = append(e.Types, p.Type)
		}
		return tree, e
	}
	tree.Metadata.DefaultProcess = processType
	return tree, nil
}

// rootNames lists what lies in a source's root, for the person who wonders why
// nothing matched.
func rootNames(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	const most = 20
	var names []string
	for i, entry := range entries {
		if i == most {
			names = append(names, fmt.Sprintf("and %d more", len(entries)-most))
			break
		}
		name := entry.Name()
		if entry.IsDir() {
			name += "/"
		}
		names = append(names, name)
	}
	return names
}

// selection are the buildpacks of a build by the names that each phase uses.
type selection struct {
	order     buildpacks.Order
	probers   map[string]detect.Prober
	compilers map[string]build.Compiler
}

// choose opens the buildpacks that a request names, or the builtin ones.
func (d Deploy) choose(req Request, work workplace) (selection, error) {
	library, err := builtin.Install(work.entry.Temp("builtin"), d.Exe, d.Clients)
	if err != nil {
		return selection{}, err
	}
	return pick(req.Buildpacks, library)
}
