package nodejs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
	b      *build
	app    app
	driver driver
	cache  packageCache
	// main is the layer that packages are installed to, launch the one that
	// processes see. They are one unless both is set.
	main, launch layer.Slot
	both         bool
	// dev tells whether main holds what only development needs.
	dev bool
	// fetched is how many packages were brought into npm's cache.
	fetched int
	// missed says of one that was not why.
	missed string
}

// planModules decides which layers an app's packages go to.
func (b *build) planModules(a app) (*moduleTree, error) {
	t := &moduleTree{b: b, app: a, driver: newDriver(a), cache: packageCache{dir: filepath.Join(b.Layers.Path, cacheLayer)}}
	// Yarn 2 and later installs all that the lock file has, or cannot tell whether
	// it is in step.
	t.dev = a.hasDev() && (t.hasScripts() || a.need.scripts || !b.production() || t.driver.berry)
	t.both = (t.dev || len(t.installed()) > len(a.parts(false))) && b.production() && a.launches()
	var err error
	// The buildpacks after this one may look into packages.
	types := libcnb.LayerTypes{Build: a.assists, Cache: true, Launch: a.launches()}
	if t.launch, err = layer.Open(b.Layers, modulesLayer, types, layout); err != nil {
		return nil, err
	}
	t.main = t.launch
	if t.both {
		if t.main, err = layer.Open(b.Layers, devLayer, libcnb.LayerTypes{Build: true, Cache: true}, layout); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// hasScripts tells whether scripts of the app run in a build.
func (t *moduleTree) hasScripts() bool {
	own := t.app.manifest
	if len(own.buildScripts())+len(own.lifecycleScripts())+len(t.app.root.manifest.lifecycleScripts()) > 0 || own.Scripts["heroku-prebuild"] != "" {
		return true
	}
	return slices.ContainsFunc(t.installed(), func(dir string) bool { return len(t.app.members[dir].lifecycleScripts()) > 0 }) ||
		slices.ContainsFunc(t.app.before(), func(dir string) bool { return t.app.members[dir].Scripts["build"] != "" })
}

// installed are the workspaces whose packages the package manager installs, each
// after those that it depends on.
func (t *moduleTree) installed() []string { return t.driver.installed(t.app) }

// installs tells whether there is anything to install.
func (t *moduleTree) installs() bool { return t.app.lock != nil }

// arguments are those of the package manager that install the packages.
func (t *moduleTree) arguments() []string { return t.driver.install(t.dev) }

// install puts the packages into layers, runs the scripts of the app, and
// leaves node_modules as a link in the app.
func (t *moduleTree) install(ctx context.Context, tools toolchain) ([]libcnb.Layer, error) {
	t.driver.program, t.driver.version = filepath.Join(tools.npmLayer.Path, "bin", "npm"), tools.npm.Version
	if t.app.manages() {
		name := string(t.app.choice.manager)
		t.driver.program, t.driver.version = filepath.Join(tools.manager.layer.Path, "bin", name), tools.manager.manifest.Version
	}
	env, err := t.b.toolEnv(t.app, t.driver, tools)
	if err != nil {
		return nil, err
	}
	run := scripts{b: t.b, app: t.app, driver: t.driver, env: env, missed: t.missed}
	t.plugAndPlay(env, t.main.Layer.Path)
	kept, err := t.b.openBuildCache(t.app, t.driver.runtime(tools))
	if err != nil {
		return nil, err
	}
	made, err := t.openOutcome(tools, env)
	if err != nil {
		return nil, err
	}
	if made != nil {
		if layers, reused, err := t.reuse(made, tools, kept); err != nil || reused {
			return layers, err
		}
	}
	if err := kept.restore(); err != nil {
		return nil, err
	}
	layers, err := t.installAndBuild(ctx, run, tools, kept)
	if err != nil {
		return nil, err
	}
	if err := run.script(ctx, "heroku-cleanup"); err != nil {
		return nil, err
	}
	if err := errors.Join(t.dropVendored(), t.dropLinks()); err != nil || made == nil {
		return layers, err
	}
	return t.keep(made, layers)
}

// installAndBuild is the part of install up to the last script.
func (t *moduleTree) installAndBuild(ctx context.Context, run scripts, tools toolchain, cache *buildCache) ([]libcnb.Layer, error) {
	if err := run.script(ctx, "heroku-prebuild"); err != nil {
		return nil, err
	}
	if !t.installs() {
		t.b.Print.Step("Installing packages")
		t.b.Print.Detail("%s asks for none", manifestFile)
		if err := run.own(ctx, append(t.app.manifest.lifecycleScripts(), t.app.manifest.buildScripts()...)); err != nil {
			return nil, err
		}
		return cache.save()
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
	if kept {
		if err := run.afterInstall(ctx, tools); err != nil {
			return nil, err
		}
	}
	if err := run.build(ctx); err != nil {
		return nil, err
	}
	if t.driver.manager == pnpmManager && !t.both {
		// Scripts may have left something of theirs beside the links.
		if err := t.link(t.main.Layer.Path); err != nil {
			return nil, err
		}
	}
	layers, err := cache.save()
	if err != nil {
		return nil, err
	}
	layers = append(layers, t.describeMain(inputs, kept))
	if t.both {
		launch, err := t.prune(ctx, run, inputs, kept, marker)
		if err != nil {
			return nil, err
		}
		layers = append(layers, launch)
	}
	if err := t.bills(layers); err != nil {
		return nil, err
	}
	return t.withCache(layers, kept)
}

// installMain brings the packages into the main layer and reports whether they
// were there.
func (t *moduleTree) installMain(ctx context.Context, run scripts, inputs map[string]string) (kept bool, err error) {
	t.b.Print.Step("Installing packages")
	kept, why := t.main.Keeps(inputs)
	name := t.app.lock.Name()
	t.tellDeprecated()
	if kept {
		t.b.Print.Detail("Reusing %s (%s unchanged)", t.what(), name)
		return true, t.link(t.main.Layer.Path)
	}
	switch old := t.main.Old["lock"]; {
	case old != "" && old != t.app.lockSum:
		why = name + " changed"
	case why == "key changed":
		why = "the version of Node.js or " + t.app.choice.manager.title() + " changed, or a setting"
	}
	t.b.Print.Detail("Running %s %s (%s)", t.driver.name(), strings.Join(t.arguments(), " "), why)
	if t.fetched > 0 {
		t.b.Print.Detail("Packages that were fetched in the meantime: %d", t.fetched)
	}
	start := t.b.Now()
	if err := t.installAnew(ctx, run); err != nil {
		return false, err
	}
	t.b.Print.Detail("Installed in %s", report.Duration(t.b.Now().Sub(start).Round(10*time.Millisecond)))
	return false, t.link(t.main.Layer.Path)
}

// what is that which is installed, in a word.
func (t *moduleTree) what() string {
	if t.driver.pnp {
		return "the packages"
	}
	return "node_modules"
}

// installAnew runs the package manager and moves what it installed into the
// main layer.
func (t *moduleTree) installAnew(ctx context.Context, run scripts) error {
	if err := t.takeVendored(); err != nil {
		return err
	}
	cache, err := layer.Open(t.b.Layers, t.driver.cacheLayer(), libcnb.LayerTypes{Cache: true}, layout)
	if err != nil {
		return err
	}
	// Package managers write archives beside and check them when they read them.
	t.b.Whole(cache.Describe(nil, t.notesOf(cache)))
	if t.driver.pnp {
		return t.installPnP(ctx, run)
	}
	for _, dir := range t.directories() {
		if err := t.removeLinks(dir); err != nil {
			return err
		}
	}
	fill := t.addresses
	if t.app.choice.manager != npmManager {
		fill = t.yarnAddresses
	}
	if err := t.withFilledLock(fill, func() error {
		return run.install(ctx, append(t.arguments(), t.driver.quiet()...))
	}); err != nil {
		return err
	}
	fresh := t.b.Scratch.Path("modules")
	if err := t.collect(fresh, t.main.Layer.Path); err != nil {
		return fmt.Errorf("moving node_modules into its layer: %w", err)
	}
	if err := t.b.Scratch.Replace(t.main.Layer.Path, "", fresh); err != nil {
		return fmt.Errorf("moving node_modules into its layer: %w", err)
	}
	return nil
}

// addresses is npm's lock file with the addresses of packages that are in the
// cache.
func (t *moduleTree) addresses(text []byte) ([]byte, error) {
	l, is := t.app.npmLock()
	if !is {
		return nil, nil
	}
	return t.cache.withAddresses(l, text, nodeCPU(t.b.Arch), t.b.registry.LockAddress)
}

// withFilledLock does something while the lock file has another text. None
// leaves it as it is.
func (t *moduleTree) withFilledLock(fill func(text []byte) ([]byte, error), do func() error) (err error) {
	name := t.app.lock.Name()
	file := filepath.Join(t.app.root.dir, name)
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	filled, err := fill(text)
	if err != nil {
		return err
	}
	if filled != nil {
		original := file + ".original"
		if err := os.Rename(file, original); err != nil {
			return fmt.Errorf("setting %s aside: %w", name, err)
		}
		defer func() {
			if backErr := os.Rename(original, file); backErr != nil {
				err = errors.Join(err, fmt.Errorf("putting %s back: %w", name, backErr))
			}
		}()
		if err := os.WriteFile(file, filled, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return do()
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
	moved := map[string]bool{}
	for _, dir := range t.directories() {
		from := filepath.Join(t.app.root.dir, dir, "node_modules")
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
		if err := layer.Move(from, filepath.Join(fresh, dir, "node_modules")); err != nil {
			return err
		}
		moved[filepath.Join(dir, "node_modules")] = true
		if dir == "" && t.both && t.driver.manager == pnpmManager {
			// So that it is a link too, and what tools keep there stays.
			if err := os.MkdirAll(filepath.Join(fresh, "node_modules", ".cache"), 0o755); err != nil {
				return err
			}
		}
		if t.both || !t.app.manages() {
			continue
		}
		// What goes to processes says nothing of when it was made.
		for _, name := range states {
			if err := os.Remove(filepath.Join(fresh, dir, "node_modules", name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return relink(t.app.root.dir, fresh, home, moved)
}

// link points the app to the packages in a layer.
func (t *moduleTree) link(home string) error {
	if t.driver.pnp {
		return t.linkPnP(home)
	}
	for _, dir := range t.directories() {
		target, path := filepath.Join(home, dir, "node_modules"), filepath.Join(t.app.root.dir, dir, "node_modules")
		if dir == "" && t.driver.manager == pnpmManager {
			if err := t.linkEntries(target, path); err != nil {
				return fmt.Errorf("linking node_modules: %w", err)
			}
			continue
		}
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

// linkEntries makes a node_modules with a link for each entry of another one: pnpm
// takes no node_modules that is a link itself, and notes in it how far it is with
// the scripts of workspaces.
func (t *moduleTree) linkEntries(from, to string) error {
	if err := t.b.Scratch.Discard(to); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	for _, entry := range entries {
		if slices.Contains(states, entry.Name()) {
			continue
		}
		if err := layer.PointAt(filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// linksOnly tells whether a directory is one that linkEntries made.
func linksOnly(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) > 0 && !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Type()&fs.ModeSymlink == 0 })
}

// dropLinks takes the links to packages out of a site, which starts without them.
// Those of an app in another language stay: its build may take files from
// packages, as Django's collectstatic and the assets of Rails do.
func (t *moduleTree) dropLinks() error {
	if t.app.launches() || t.app.assists {
		return nil
	}
	for _, dir := range t.directories() {
		if err := t.removeLinks(dir); err != nil {
			return err
		}
	}
	return t.removePnP()
}

// removeLinks removes the node_modules of a directory of the app that link made.
func (t *moduleTree) removeLinks(dir string) error {
	path := filepath.Join(t.app.root.dir, dir, "node_modules")
	if t.driver.manager == pnpmManager && linksOnly(path) {
		return t.b.Scratch.Discard(path)
	}
	return removeLink(path)
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

// notesOf are the notes of a layer that stays as an earlier build described it.
func (t *moduleTree) notesOf(s layer.Slot) map[string]string {
	if s.Old["lock"] == "" {
		return nil
	}
	return map[string]string{"lock": s.Old["lock"]}
}

// notes are what the next build wants to know of this one's layers.
func (t *moduleTree) notes() map[string]string { return map[string]string{"lock": t.app.lockSum} }

func (t *moduleTree) describeMain(inputs map[string]string, kept bool) libcnb.Layer {
	main := t.main.Describe(inputs, t.notes())
	if kept || t.both {
		return main
	}
	return layer.WithLaunch(main, t.launchEnv(main))
}

// launchEnv lets processes find the commands of packages.
func (t *moduleTree) launchEnv(layer libcnb.Layer) libcnb.Environment {
	env := libcnb.Environment{}
	for _, variables := range []map[string]string{t.driver.launchEnv(), t.app.launchVariables()} {
		for name, value := range variables {
			env.Default(name, value)
		}
	}
	if t.driver.pnp {
		env.Override("YARN_INSTALL_STATE_PATH", filepath.Join(layer.Path, pnpState))
		return env
	}
	path := filepath.Join(layer.Path, "node_modules", ".bin")
	if t.app.root.member != "" {
		path = filepath.Join(layer.Path, t.app.root.member, "node_modules", ".bin") + string(os.PathListSeparator) + path
	}
	env.Prepend("PATH", string(os.PathListSeparator), path)
	return env
}

// prune makes the launch layer: the main layer without what only development
// needs. It stays as it is when neither the package manager nor a script changed
// the main one.
func (t *moduleTree) prune(ctx context.Context, run scripts, inputs map[string]string, mainKept bool, marker os.FileInfo) (libcnb.Layer, error) {
	t.b.Print.Step("Pruning packages that only development needs")
	kept, why := t.launch.Keeps(inputs)
	switch {
	case !mainKept:
		kept, why = false, "packages were installed anew"
	case kept && !t.driver.pnp:
		changed, err := layer.ChangedSince(marker, t.main.Layer.Path, t.isCache)
		if err != nil {
			return libcnb.Layer{}, fmt.Errorf("looking for changes in node_modules: %w", err)
		}
		kept, why = !changed, "a script changed node_modules"
	}
	described := t.launch.Describe(inputs, t.notes())
	if kept {
		t.b.Print.Detail("Reusing the pruned %s", strings.TrimPrefix(t.what(), "the "))
		return described, t.link(t.launch.Layer.Path)
	}
	if t.driver.pnp {
		if err := t.prunePnP(ctx, run); err != nil {
			return libcnb.Layer{}, err
		}
		t.b.Print.Detail("Left them out (%s)", why)
		return layer.WithLaunch(described, t.launchEnv(described)), t.link(t.launch.Layer.Path)
	}
	fresh := t.b.Scratch.Path("pruned")
	count, err := t.copyPruned(fresh)
	if err != nil {
		return libcnb.Layer{}, fmt.Errorf("pruning node_modules: %w", err)
	}
	if err := t.b.Scratch.Replace(t.launch.Layer.Path, "", fresh); err != nil {
		return libcnb.Layer{}, fmt.Errorf("pruning node_modules: %w", err)
	}
	t.b.Print.Detail("Left out %d packages (%s)", count, why)
	return layer.WithLaunch(described, t.launchEnv(described)), t.link(t.launch.Layer.Path)
}

// withCache adds the cache of packages, without what the app does not use any
// more.
func (t *moduleTree) withCache(layers []libcnb.Layer, kept bool) ([]libcnb.Layer, error) {
	slot, err := layer.Open(t.b.Layers, t.driver.cacheLayer(), libcnb.LayerTypes{Cache: true}, layout)
	if err != nil || !slot.There {
		return layers, err
	}
	if l, is := t.app.npmLock(); is && slot.Old["lock"] != t.app.lockSum {
		if err := t.cache.sweep(l); err != nil {
			return nil, fmt.Errorf("sweeping npm's cache: %w", err)
		}
	}
	if !kept && t.app.manages() {
		if err := t.sweep(slot.Layer.Path); err != nil {
			return nil, fmt.Errorf("sweeping the cache of %s: %w", t.app.choice.manager.title(), err)
		}
	}
	return append(layers, slot.Describe(nil, t.notes())), nil
}
