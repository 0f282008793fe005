package nodejs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/runtime/report"
)

// hiddenLock is where npm notes what it has put into a node_modules.
const hiddenLock = ".package-lock.json"

// moduleTree is the node_modules of an app on its way into layers.
//
// An app whose scripts need packages that production does not need has two:
// modules-dev with all of them, for the scripts, and modules without, for the
// processes. Any other app has modules alone.
type moduleTree struct {
	b     *build
	app   app
	cache packageCache
	// main is the layer that npm installs to, launch the one that processes
	// see. They are one unless both is set.
	main, launch layer.Slot
	both         bool
	// dev tells whether main holds what only development needs.
	dev     bool
	lockSum string
	// fetched is how many packages were brought into npm's cache.
	fetched int
}

// planModules decides which layers an app's packages go to.
func (b *build) planModules(a app) (*moduleTree, error) {
	t := &moduleTree{b: b, app: a, cache: packageCache{dir: filepath.Join(b.Layers.Path, cacheLayer)}}
	hasDev := a.lock.hasDev()
	scripts := len(a.manifest.buildScripts())+len(a.manifest.lifecycleScripts()) > 0 || a.manifest.Scripts["heroku-prebuild"] != ""
	t.dev = hasDev && (scripts || !b.production())
	t.both = t.dev && b.production()
	var err error
	if t.launch, err = layer.Open(b.Layers, modulesLayer, libcnb.LayerTypes{Cache: true, Launch: true}, layout); err != nil {
		return nil, err
	}
	t.main = t.launch
	if t.both {
		if t.main, err = layer.Open(b.Layers, devLayer, libcnb.LayerTypes{Build: true, Cache: true}, layout); err != nil {
			return nil, err
		}
	}
	if t.installs() {
		data, err := os.ReadFile(filepath.Join(a.dir, a.lock.Name))
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", a.lock.Name, err)
		}
		t.lockSum = layer.Sum(data)
	}
	return t, nil
}

// installs tells whether there is anything to install.
func (t *moduleTree) installs() bool { return t.app.lock.Name != "" }

// arguments are those of npm that install the packages.
func (t *moduleTree) arguments() []string {
	if t.dev {
		return []string{"ci", "--include=dev"}
	}
	return []string{"ci", "--omit=dev"}
}

// install puts the packages into layers, runs the scripts of the app, and
// leaves node_modules as a link in the app.
func (t *moduleTree) install(ctx context.Context, tools toolchain) ([]libcnb.Layer, error) {
	env, err := t.b.toolEnv(tools, t.cache)
	if err != nil {
		return nil, err
	}
	run := scripts{b: t.b, app: t.app, env: env, npm: filepath.Join(tools.npmLayer.Path, "bin", "npm")}
	if err := run.script(ctx, "heroku-prebuild"); err != nil {
		return nil, err
	}
	if !t.installs() {
		t.b.Print.Step("Installing packages")
		t.b.Print.Detail("%s asks for none", manifestFile)
		return nil, run.all(ctx, append(t.app.manifest.lifecycleScripts(), t.app.manifest.buildScripts()...))
	}
	sum, err := t.modulesKey(tools)
	if err != nil {
		return nil, err
	}
	inputs := map[string]string{"key": sum}
	kept, err := t.installMain(ctx, run, inputs)
	if err != nil {
		return nil, err
	}
	marker, err := t.marker()
	if err != nil {
		return nil, err
	}
	after := t.app.manifest.buildScripts()
	if kept {
		// npm ci would have run these. They may write into the app, which is
		// always as its author left it.
		after = append(t.app.manifest.lifecycleScripts(), after...)
		if err := run.rebuild(ctx, filepath.Join(tools.nodeLayer.Path, "bin", "node"), filepath.Join(tools.npmLayer.Path, npmHome)); err != nil {
			return nil, err
		}
	}
	if err := run.all(ctx, after); err != nil {
		return nil, err
	}
	layers := []libcnb.Layer{t.describeMain(inputs, kept)}
	if t.both {
		launch, err := t.prune(inputs, kept, marker)
		if err != nil {
			return nil, err
		}
		layers = append(layers, launch)
	}
	if err := run.script(ctx, "heroku-cleanup"); err != nil {
		return nil, err
	}
	return t.withCache(layers)
}

// installMain brings the packages into the main layer and reports whether they
// were there.
func (t *moduleTree) installMain(ctx context.Context, run scripts, inputs map[string]string) (kept bool, err error) {
	t.b.Print.Step("Installing packages")
	kept, why := t.main.Keeps(inputs)
	if kept {
		t.b.Print.Detail("Reusing node_modules (%s unchanged)", t.app.lock.Name)
		return true, t.link(t.main.Layer.Path)
	}
	switch {
	case t.main.Old["lock"] != "" && t.main.Old["lock"] != t.lockSum:
		why = t.app.lock.Name + " changed"
	case why == "key changed":
		why = "the version of Node.js or npm changed, or a setting"
	}
	t.b.Print.Detail("Running npm %s (%s)", strings.Join(t.arguments(), " "), why)
	if t.fetched > 0 {
		t.b.Print.Detail("Packages that were fetched in the meantime: %d", t.fetched)
	}
	start := t.b.Now()
	if err := t.npmCI(ctx, run); err != nil {
		return false, err
	}
	fresh := filepath.Join(t.b.Scratch.Dir, "modules")
	if err := t.collect(fresh, t.main.Layer.Path); err != nil {
		return false, fmt.Errorf("moving node_modules into its layer: %w", err)
	}
	if err := t.b.Scratch.Replace(t.main.Layer.Path, "", fresh); err != nil {
		return false, fmt.Errorf("moving node_modules into its layer: %w", err)
	}
	t.b.Print.Detail("Installed in %s", report.Duration(t.b.Now().Sub(start).Round(10*time.Millisecond)))
	return false, t.link(t.main.Layer.Path)
}

// npmCI runs npm in the app's directory. While it runs, the lock file says
// where the packages that are in the cache come from.
func (t *moduleTree) npmCI(ctx context.Context, run scripts) (err error) {
	for _, dir := range t.directories() {
		if err := removeLink(filepath.Join(t.app.dir, dir, "node_modules")); err != nil {
			return err
		}
	}
	file := filepath.Join(t.app.dir, t.app.lock.Name)
	text, err := readText(t.app.dir, t.app.lock.Name)
	if err != nil {
		return err
	}
	filled, err := t.app.lock.withAddresses(text, nodeCPU(t.b.Arch), t.cache, t.b.registry.LockAddress)
	if err != nil {
		return err
	}
	if filled != nil {
		original := file + ".original"
		if err := os.Rename(file, original); err != nil {
			return fmt.Errorf("setting %s aside: %w", t.app.lock.Name, err)
		}
		defer func() {
			if backErr := os.Rename(original, file); backErr != nil {
				err = errors.Join(err, fmt.Errorf("putting %s back: %w", t.app.lock.Name, backErr))
			}
		}()
		if err := os.WriteFile(file, filled, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", t.app.lock.Name, err)
		}
	}
	return run.npmCI(ctx, append(t.arguments(), "--prefer-offline"))
}

// directories are the app's own and those of its workspaces.
func (t *moduleTree) directories() []string {
	return append([]string{""}, sortedKeys(t.app.members)...)
}

// collect moves every node_modules of the app below a directory that becomes a
// layer at home, as they lie in the app, so that packages find one another.
func (t *moduleTree) collect(fresh, home string) error {
	if err := os.MkdirAll(fresh, 0o755); err != nil {
		return err
	}
	for _, dir := range t.directories() {
		from := filepath.Join(t.app.dir, dir, "node_modules")
		info, err := os.Lstat(from)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if !info.IsDir() {
			continue
		}
		to := filepath.Join(fresh, dir, "node_modules")
		if err := layer.Move(from, to); err != nil {
			return err
		}
		if err := layer.Relocate(from, to, filepath.Join(home, dir, "node_modules")); err != nil {
			return err
		}
	}
	return nil
}

// link points the app to the packages in a layer.
func (t *moduleTree) link(home string) error {
	for _, dir := range t.directories() {
		target, path := filepath.Join(home, dir, "node_modules"), filepath.Join(t.app.dir, dir, "node_modules")
		if _, err := os.Stat(target); errors.Is(err, fs.ErrNotExist) {
			if err := removeLink(path); err != nil {
				return err
			}
			continue
		}
		if err := layer.PointAt(target, path); err != nil {
			return fmt.Errorf("linking node_modules: %w", err)
		}
	}
	return nil
}

func removeLink(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode()&fs.ModeSymlink == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Remove(path)
}

// marker notes the time of the layers' file system.
func (t *moduleTree) marker() (os.FileInfo, error) {
	file := filepath.Join(t.b.Scratch.Dir, "marker")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return nil, err
	}
	return os.Stat(file)
}

// notes are what the next build wants to know of this one's layers.
func (t *moduleTree) notes() map[string]string { return map[string]string{"lock": t.lockSum} }

func (t *moduleTree) describeMain(inputs map[string]string, kept bool) libcnb.Layer {
	main := t.main.Describe(inputs, t.notes())
	if kept || t.both {
		return main
	}
	return layer.WithLaunch(main, launchEnv(main))
}

// launchEnv lets processes find the commands of packages.
func launchEnv(layer libcnb.Layer) libcnb.Environment {
	env := libcnb.Environment{}
	env.Prepend("PATH", string(os.PathListSeparator), filepath.Join(layer.Path, "node_modules", ".bin"))
	return env
}

// prune makes the launch layer: the main layer without what only development
// needs. It stays as it is when neither npm nor a script changed the main one.
func (t *moduleTree) prune(inputs map[string]string, mainKept bool, marker os.FileInfo) (libcnb.Layer, error) {
	t.b.Print.Step("Pruning packages that only development needs")
	kept, why := t.launch.Keeps(inputs)
	switch {
	case !mainKept:
		kept, why = false, "packages were installed anew"
	case kept:
		changed, err := layer.ChangedSince(marker, t.main.Layer.Path, t.isCache)
		if err != nil {
			return libcnb.Layer{}, fmt.Errorf("looking for changes in node_modules: %w", err)
		}
		kept, why = !changed, "a script changed node_modules"
	}
	launch := t.launch.Describe(inputs, t.notes())
	if kept {
		t.b.Print.Detail("Reusing the pruned node_modules")
		return launch, t.link(t.launch.Layer.Path)
	}
	fresh := filepath.Join(t.b.Scratch.Dir, "pruned")
	count, err := t.copyPruned(fresh)
	if err != nil {
		return libcnb.Layer{}, fmt.Errorf("pruning node_modules: %w", err)
	}
	if err := t.b.Scratch.Replace(t.launch.Layer.Path, "", fresh); err != nil {
		return libcnb.Layer{}, fmt.Errorf("pruning node_modules: %w", err)
	}
	t.b.Print.Detail("Left out %d packages (%s)", count, why)
	return layer.WithLaunch(launch, launchEnv(launch)), t.link(t.launch.Layer.Path)
}

// withCache adds npm's cache, without what the app does not use any more.
func (t *moduleTree) withCache(layers []libcnb.Layer) ([]libcnb.Layer, error) {
	slot, err := layer.Open(t.b.Layers, cacheLayer, libcnb.LayerTypes{Cache: true}, layout)
	if err != nil || !slot.There {
		return layers, err
	}
	if slot.Old["lock"] != t.lockSum {
		if err := t.cache.sweep(t.app.lock); err != nil {
			return nil, fmt.Errorf("sweeping npm's cache: %w", err)
		}
	}
	return append(layers, slot.Describe(nil, t.notes())), nil
}
