package python

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/version"
	"github.com/slugc/slugc/buildpacks/python/lock"
	"github.com/slugc/slugc/buildpacks/python/pep508"
	"github.com/slugc/slugc/buildpacks/runtime/report"
)

// environment is a virtual environment with the packages of an app, in its
// layer.
type environment struct {
	layers []libcnb.Layer
	// dir is the environment, packages its site-packages.
	dir, packages string
	// env is the environment for what runs in it during the build.
	env map[string]string
	// key is what it was made of.
	key string
	// indexes are those that a lock file names, and vendored is the directory of
	// the app that takes the place of all.
	indexes  []string
	vendored string
	// configured tells whether pyproject.toml has settings for the installer,
	// which name the credentials of indexes.
	configured bool
	// distributions are the versions of what is installed, by name.
	distributions map[string]string
}

// plan is what is to be installed.
type plan struct {
	// hashed have checksums, rest have not: what comes from git, or is in the
	// app.
	hashed, rest []lock.Package
	// lines are those of requirements files, one run of the installer each.
	lines map[string]string
	key   string
	// vendored is a directory of the app with packages, from which alone they
	// are installed.
	vendored string
	// local are the directories and files of the source that are installed.
	local []string
	// compiles tells whether something is certainly built from its source in a
	// way that may want headers.
	compiles bool
}

// installPackages brings the packages into their layer, or keeps the one that is
// there.
func (b *build) installPackages(ctx context.Context, a app, t tools) (environment, error) {
	b.Print.Step("Installing packages with %s", a.name)
	p, err := b.plan(a, t)
	if err != nil {
		return environment{}, err
	}
	slot, err := layer.Open(b.Layers, venvLayer, libcnb.LayerTypes{Build: true, Cache: true, Launch: true}, layout)
	if err != nil {
		return environment{}, err
	}
	if warning := a.requirements.warning(); warning != "" {
		b.Print.Warn("%s", warning)
	}
	v := environment{dir: slot.Layer.Path, key: p.key, indexes: foreignIndexes(p.hashed), vendored: p.vendored, configured: a.name == "uv"}
	v.packages = filepath.Join(v.dir, "lib", "python"+version.Line(t.python.Release.Version), "site-packages")
	v.env = b.venvEnv(t, v)
	inputs := map[string]string{"version": t.python.Release.Version, "key": p.key}
	sum := layer.Sum(a.source())
	kept, why := slot.Keeps(inputs)
	described := slot.Describe(inputs, map[string]string{"lock": sum})
	if kept {
		b.Print.Detail("Reusing the packages (%s unchanged)", a.file)
	} else {
		switch {
		case why == "key changed" && slot.Old["lock"] != sum:
			why = a.file + " changed"
		case why == "key changed":
			why = "Python, a setting, or a directory that is installed changed"
		case strings.HasPrefix(why, "the cache has"):
			why = "the packages in the cache are for Python " + slot.Old["version"]
		}
		cache, err := layer.Open(b.Layers, cacheLayer, libcnb.LayerTypes{Cache: true}, layout)
		if err != nil {
			return environment{}, err
		}
		// The installer writes beside and renames.
		b.Whole(cache.Describe(nil, nil))
		if err := b.install(ctx, a, t, v, p, why); err != nil {
			return environment{}, err
		}
		env := launchEnv(v)
		described = layer.WithBuild(layer.WithLaunch(described, env), buildEnv(v))
	}
	v.layers = []libcnb.Layer{described}
	if v.distributions, err = b.materials(described, v); err != nil {
		return environment{}, err
	}
	err = b.keepCache(&v, kept)
	return v, err
}

// source is the text of what the packages are installed from.
func (a app) source() []byte {
	if a.name != "pip" {
		return a.lockText
	}
	var all []byte
	for _, name := range sortedKeys(a.requirements.files) {
		all = append(append(all, name...), a.requirements.files[name]...)
	}
	return all
}

// plan settles what is installed, before anything of it is downloaded.
func (b *build) plan(a app, t tools) (plan, error) {
	p := plan{lines: map[string]string{}}
	k := &layer.Key{}
	var err error
	if p.vendored, err = vendored(b.App); err != nil {
		return plan{}, err
	}
	if p.vendored != "" {
		if err := k.AddTree(b.App, p.vendored); err != nil {
			return plan{}, err
		}
	}
	k.Add("python", t.python.Release.Version+" "+t.python.Release.Integrity)
	k.Add("arch", b.Arch)
	k.Add("distro", b.Distro)
	k.Add("manager", a.name)
	if a.name == "pip" {
		k.Add("requirements", string(a.source()))
		p.compiles = a.requirements.builds
		p.local = a.requirements.local
		k.Add("settings", strings.Join(b.config.Links(), " ")+fmt.Sprint(b.config.NoIndex()))
	} else if err := b.planLocked(&p, a, t); err != nil {
		return plan{}, err
	}
	for _, name := range sortedKeys(p.lines) {
		k.Add(name, p.lines[name])
	}
	for _, dir := range p.local {
		if err := b.addLocal(k, dir); err != nil {
			return plan{}, err
		}
		setup, err := appfile.Exists(b.App, path.Join(dir, "setup.py"))
		if err != nil {
			return plan{}, err
		}
		p.compiles = p.compiles || setup
	}
	for _, name := range sortedKeys(b.Env) {
		if decides(name) {
			k.Add(name, b.Env[name])
		}
	}
	p.key = k.Sum()
	return p, nil
}

// planLocked adds the packages of a lock file to a plan.
func (b *build) planLocked(p *plan, a app, t tools) error {
	all, err := a.locked.Packages(pep508.Linux(t.python.Release.Version, b.Arch))
	if err != nil {
		return err
	}
	root, err := a.root()
	if err != nil {
		return err
	}
	for _, one := range append(all, root...) {
		if len(one.Hashes) > 0 && one.Kind != lock.Path {
			p.hashed = append(p.hashed, one)
		} else {
			p.rest = append(p.rest, one)
		}
		if one.Kind == lock.Path {
			p.local = append(p.local, one.Path)
		}
		p.compiles = p.compiles || one.Kind == lock.Git
	}
	p.lines = requirementLines(b.App, *p)
	return nil
}

// vendored is the directory of the app that holds packages as files, "" when
// there is none: wheelhouse, as pip's manual calls it, or vendor, as Cloud Foundry
// and Paketo do.
func vendored(app string) (string, error) {
	for _, dir := range []string{"wheelhouse", "vendor"} {
		for _, pattern := range []string{"*.whl", "*.tar.gz"} {
			found, err := filepath.Glob(filepath.Join(app, dir, pattern))
			if err != nil {
				return "", err
			}
			if len(found) > 0 {
				return dir, nil
			}
		}
	}
	return "", nil
}

// decides tells whether a variable has a say in what is installed, or how it is
// compiled.
func decides(name string) bool {
	for _, prefix := range []string{"UV_NO_BINARY", "UV_NO_BUILD", "UV_PRERELEASE", "UV_EXCLUDE_NEWER", "UV_CONFIG_SETTINGS", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "CMAKE_ARGS", uvVariable} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// addLocal adds what an installed directory of the app is made of. One that is
// read where it lies is described by its manifests, any other one by all files.
func (b *build) addLocal(k *layer.Key, dir string) error {
	k.Add("directory", dir)
	for _, name := range []string{lock.Pyproject, "setup.py", "setup.cfg"} {
		if err := k.AddTree(b.App, path.Join(dir, name)); err != nil {
			return err
		}
	}
	if dir == "." {
		return nil
	}
	return k.AddTree(b.App, dir)
}

// requirementLines are the requirements files for packages of a lock file.
func requirementLines(app string, p plan) map[string]string {
	lines := map[string]string{}
	for _, one := range p.hashed {
		text := one.Requirement(app)
		for _, sum := range one.Hashes {
			text += " \\\n    --hash=" + sum
		}
		lines["locked.txt"] += text + "\n"
	}
	for _, one := range p.rest {
		lines["sources.txt"] += one.Requirement(app) + "\n"
	}
	return lines
}

// root is the app itself, where its package manager installs that too.
func (a app) root() ([]lock.Package, error) {
	wanted := false
	switch a.name {
	case "Poetry":
		mode, set := a.at("tool", "poetry", "package-mode").(bool)
		wanted = mode || !set
	case "PDM":
		distribution, set := a.at("tool", "pdm", "distribution").(bool)
		wanted = distribution || !set && a.at("build-system") != nil
	}
	name := cmp.Or(a.textAt("project", "name"), a.textAt("tool", "poetry", "name"))
	if !wanted || name == "" {
		return nil, nil
	}
	there, err := a.hasPackage(name)
	if err != nil || !there {
		return nil, err
	}
	return []lock.Package{{Name: pep508.Normal(name), Kind: lock.Path, Path: ".", Editable: true}}, nil
}

// hasPackage tells whether a package of the app's name is there, or one that its
// settings name. Apps that are no package often forget to say so.
func (a app) hasPackage(name string) (bool, error) {
	if a.at("tool", "poetry", "packages") != nil || a.at("tool", "poetry", "include") != nil || a.at("tool", "pdm", "build") != nil || a.at("tool", "setuptools") != nil || a.at("tool", "hatch", "build") != nil {
		return true, nil
	}
	module := strings.NewReplacer("-", "_", ".", "_").Replace(name)
	var places []string
	for _, spelling := range []string{module, strings.ToLower(module)} {
		places = append(places, spelling, spelling+".py", path.Join("src", spelling), path.Join("src", spelling+".py"))
	}
	found, err := appfile.Found(a.dir, places...)
	return len(found) > 0, err
}

// install makes the environment anew.
func (b *build) install(ctx context.Context, a app, t tools, v environment, p plan, why string) error {
	if err := errors.Join(b.Scratch.Discard(v.dir), makeVenv(t, v)); err != nil {
		return fmt.Errorf("making the environment: %w", err)
	}
	b.Print.Detail("Installing into a new environment (%s)", why)
	if v.vendored != "" {
		b.Print.Detail("Packages come from %s/ in the app alone", v.vendored)
	}
	start := b.Now()
	if a.name == "pip" {
		if a.requirements.empty() {
			b.Print.Detail("%s asks for no packages", a.file)
			return nil
		}
		arguments := []string{"-r", requirementsFile}
		if a.requirements.hashed {
			arguments = append(arguments, "--require-hashes")
		}
		if err := b.installAll(ctx, a, t, v, p, arguments); err != nil {
			return err
		}
	}
	for _, name := range sortedKeys(p.lines) {
		file := b.Scratch.Path(name)
		if err := os.WriteFile(file, []byte(p.lines[name]), 0o600); err != nil {
			return err
		}
		arguments := []string{"-r", file, "--no-deps"}
		if name == "locked.txt" {
			arguments = append(arguments, "--require-hashes")
		}
		if err := b.installAll(ctx, a, t, v, p, arguments); err != nil {
			return err
		}
	}
	if err := tidy(v.packages); err != nil {
		return fmt.Errorf("tidying the environment: %w", err)
	}
	b.Print.Detail("Installed in %s", report.Duration(b.Now().Sub(start).Round(10*time.Millisecond)))
	return nil
}

// makeVenv makes an empty virtual environment (PEP 405), where it will lie.
func makeVenv(t tools, v environment) error {
	if err := os.MkdirAll(v.packages, 0o755); err != nil {
		return err
	}
	bin := filepath.Join(v.dir, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	number := t.python.Release.Version
	for name, target := range map[string]string{"python": t.interpreter, "python3": "python", "python" + version.Line(number): "python"} {
		if err := os.Symlink(target, filepath.Join(bin, name)); err != nil {
			return err
		}
	}
	settings := "home = " + filepath.Dir(t.interpreter) + "\nimplementation = CPython\nversion_info = " + number + "\ninclude-system-site-packages = false\n"
	return os.WriteFile(filepath.Join(v.dir, "pyvenv.cfg"), []byte(settings), 0o644)
}

// tidy takes out of an environment what the installer notes for itself, with
// the times of files in the app: the same packages are to be the same bytes.
func tidy(packages string) error {
	infos, err := filepath.Glob(filepath.Join(packages, "*.dist-info"))
	if err != nil {
		return err
	}
	for _, info := range infos {
		notes, err := filepath.Glob(filepath.Join(info, "uv_*.json"))
		if err != nil {
			return err
		}
		for _, note := range notes {
			if err := dropRecord(info, filepath.Base(note)); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropRecord removes a file of a distribution and its line in RECORD.
func dropRecord(info, name string) error {
	file := filepath.Join(info, "RECORD")
	data, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	entry := filepath.Base(info) + "/" + name + ","
	var kept strings.Builder
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, entry) {
			kept.WriteString(line)
		}
	}
	// The files may be other names of those in the installer's cache.
	if err := layer.WriteBeside(file, []byte(kept.String()), 0o644); err != nil {
		return err
	}
	return os.Remove(filepath.Join(info, name))
}

// installAll runs the installer. Sources are built only when a package has no
// wheel; then the headers of Python are brought first.
func (b *build) installAll(ctx context.Context, a app, t tools, v environment, p plan, arguments []string) error {
	compiles := p.compiles && !slices.Contains(arguments, "--require-hashes") || a.requirements.builds
	local := strings.HasSuffix(arguments[1], "sources.txt")
	if !compiles && !local {
		output, err := b.uv(ctx, v.env, t, v, append(slices.Clone(arguments), "--no-build"), true)
		if err == nil {
			return nil
		}
		if !wantsBuild(output) {
			return b.explain(a, "installing the packages", err, output)
		}
		b.Print.Detail("A package has no wheel for this Python: its source is built")
		compiles = true
	}
	env := v.env
	if compiles {
		var err error
		if env, err = b.withHeaders(ctx, t, v); err != nil {
			return err
		}
	}
	built := append([]string{b.App}, p.localDirs(b.App)...)
	before, err := leftovers(built)
	if err != nil {
		return err
	}
	output, err := b.uv(ctx, env, t, v, arguments, false)
	if err != nil {
		return b.explain(a, "installing the packages", err, output)
	}
	return removeLeftovers(built, before)
}

// localDirs are the installed directories that lie outside of the app.
func (p plan) localDirs(app string) []string {
	var dirs []string
	for _, name := range p.local {
		if !filepath.IsLocal(name) && !path.IsAbs(name) {
			dirs = append(dirs, filepath.Join(app, name))
		}
	}
	return dirs
}

// leftovers are what build backends leave in the directories that they build:
// on the next build, which builds nothing, they would not be there.
func leftovers(dirs []string) (map[string]bool, error) {
	found := map[string]bool{}
	for _, dir := range dirs {
		for _, pattern := range []string{"*.egg-info", "src/*.egg-info", "*/*.egg-info", "*/*/*.egg-info", "*/src/*.egg-info", "*/*/src/*.egg-info", "build", "*/build", "*/*/build"} {
			matches, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil {
				return nil, err
			}
			for _, match := range matches {
				found[match] = true
			}
		}
	}
	return found, nil
}

func removeLeftovers(dirs []string, before map[string]bool) error {
	after, err := leftovers(dirs)
	if err != nil {
		return err
	}
	for _, name := range sortedKeys(after) {
		if !before[name] {
			if err := os.RemoveAll(name); err != nil {
				return err
			}
		}
	}
	return nil
}
