package deploy

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/slugc/slugc/build"
	"github.com/slugc/slugc/build/cachestore"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/classic"
	"github.com/slugc/slugc/buildpacks/project"
	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Where a build finds things inside the sandbox. They are the same in the slug
// and in the image, so that both come from one tree.
const (
	appPath      = "/app"
	layersPath   = "/app/.slugc/layers"
	platformPath = "/platform"
	tempPath     = "/tmp"
	cachePath    = "/cache"
	// slugcDir is the directory in the app that belongs to slugc.
	slugcDir = ".slugc"
)

// workplace is an opened source with the site on which it is built.
type workplace struct {
	app    string
	source detect.Source
	// subdir is the directory of the source that is the app.
	subdir string
	// wishes is what the app says about how to build it.
	wishes wishes
	entry  *cachestore.Entry
	// temp is the root of an improvised cache; empty when there is a real one.
	temp string
	site buildpacks.Site
	// buildpackURL is the BUILDPACK_URL of the person who builds. One that files of
	// the app set does not count: they have ways of their own.
	buildpackURL string
	// cacheRoot is where all caches are.
	cacheRoot string
}

// open copies the source into the app's cache entry and prepares the site.
func (d Deploy) open(ctx context.Context, req Request) (workplace, error) {
	source, app := req.Source, req.App
	if app == "" {
		app = filepath.Base(filepath.Join(source.Dir, req.Subdir))
	}
	owner := cachestore.App{Name: app, Source: source.Dir, Subdir: req.Subdir, Named: req.App != "", ExecEnv: req.ExecEnv}
	entry, err := cachestore.Open(ctx, req.CacheRoot, owner, func() {
		d.Voice.Stepf("Waiting for another build of %s to end", app)
	})
	work := workplace{app: app, subdir: req.Subdir, entry: entry}
	if err != nil {
		if ctx.Err() != nil {
			return workplace{}, err
		}
		// A build never fails for its cache.
		d.Voice.Warningf("%v\nThis build goes on without a cache. Name one that can be written: --cache DIR", err)
		if err := work.improvise(ctx, owner); err != nil {
			return workplace{}, err
		}
	}
	if err := d.prepare(ctx, req, source, &work); err != nil {
		return workplace{}, errors.Join(err, work.close())
	}
	return work, nil
}

// improvise gives a build that cannot use its cache one of its own.
func (w *workplace) improvise(ctx context.Context, owner cachestore.App) (err error) {
	if w.temp, err = os.MkdirTemp("", "slugc-"); err != nil {
		return fmt.Errorf("building without a cache: %w", err)
	}
	if err := os.Chmod(w.temp, 0o755); err != nil {
		return errors.Join(fmt.Errorf("building without a cache: %w", err), os.Remove(w.temp))
	}
	w.entry, err = cachestore.Open(ctx, w.temp, owner, nil)
	if err != nil {
		return errors.Join(err, sandbox.Remove(w.temp))
	}
	return nil
}

// sourceApp is the directory of the app on this machine, as the person has it.
func (w *workplace) sourceApp() string { return filepath.Join(w.source.Dir, w.subdir) }

// what names the app for people.
func (w *workplace) what() string {
	if w.subdir == "" || w.subdir == w.app {
		return w.app
	}
	return fmt.Sprintf("%s, in %s,", w.app, w.subdir)
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
	wishes, err := d.wishes(source, req.Subdir)
	if err != nil {
		return err
	}
	work.wishes, work.cacheRoot, work.buildpackURL = wishes, req.CacheRoot, req.Env[buildpackURL]
	if req.ClearCache {
		if err := work.entry.Clear(); err != nil {
			return err
		}
	}
	work.site = buildpacks.Site{
		Stack:    req.Stack,
		Runner:   d.Runner,
		App:      buildpacks.Dir{Host: work.entry.AppDir(), Path: appPath},
		Subdir:   req.Subdir,
		Layers:   buildpacks.Dir{Host: filepath.Join(work.entry.AppDir(), slugcDir, "layers"), Path: layersPath},
		Platform: buildpacks.Dir{Host: work.entry.Temp("platform"), Path: platformPath},
		Temp:     buildpacks.Dir{Host: work.entry.Temp("tmp"), Path: tempPath},
		Cache: buildpacks.Dir{
			Host: filepath.Join(work.entry.AppDir(), slugcDir, "layers", launch.EscapeID(classic.CacheOwner), classic.CacheLayer),
			Path: cachePath,
		},
		Scratch:  work.entry.Temp("scratch"),
		Env:      withProject(req.Env, wishes.env(req.ExecEnv)),
		ExecEnv:  req.ExecEnv,
		Bindings: req.Bindings,

		SourceVersion: source.Commit, RequestID: rand.Text(),
		BuildConfig: req.BuildConfig, BuildTimeout: req.BuildTimeout,
		Offline: req.Offline, Keep: req.Keep,
	}
	uid, gid := sandbox.Owner()
	sieve := newSieve(wishes)
	copied, err := source.CopyTo(ctx, detect.Copy{
		Dir: work.site.App.Host, Keep: slugcDir, State: work.entry.SourceState(), UID: uid, GID: gid,
		Exclude: realPaths(append([]string{req.CacheRoot}, req.Outputs...)), Wanted: sieve.wanted(),
	})
	if err != nil {
		return err
	}
	sieve.say(d.Voice)
	for _, warning := range copied.Warnings {
		d.Voice.Warningf("%s", warning)
	}
	if err := work.site.CheckAppDir(); err != nil {
		return &detect.SourceError{Path: req.Subdir, Problem: "nothing of it is left to build",
			Next: "see what " + project.SlugIgnoreFile + " and " + project.FileName + " leave out, or name another directory: --app ./DIRECTORY", Err: err}
	}
	work.source = copied.Source
	return build.Prepare(work.site)
}

// withProject is the person's variables over those that the app describes.
func withProject(own, described map[string]string) map[string]string {
	for name, value := range own {
		described[name] = value
	}
	return described
}

// realPaths are the absolute paths of files and directories that need not
// exist, by the names under which their directories hold them.
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

// rootNames lists what lies in a source's root, for the person who wonders why
// nothing matched.
func rootNames(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	// Where an app is built slugc has a directory of its own.
	entries = slices.DeleteFunc(entries, func(entry os.DirEntry) bool { return entry.Name() == slugcDir })
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
