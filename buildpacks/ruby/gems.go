package ruby

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/runtime/bundler"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
)

// systemCertificates is where Debian and its descendants keep the certificates
// that the machine trusts.
const systemCertificates = "/etc/ssl/certs/ca-certificates.crt"

// bundle is what Bundler installed, in its layer.
type bundle struct {
	layers []libcnb.Layer
	// dir is the layer, home the directory in it with the gems for this Ruby.
	dir, home string
	// ruby and bundler are the programs.
	ruby, bundler string
	// env is the environment for what runs with the gems during the build.
	env map[string]string
	// key is what it was made of.
	key string
}

// installGems brings the gems into their layer, or keeps the one that is there.
func (b *build) installGems(ctx context.Context, a app, ruby language.Installed) (bundle, error) {
	b.Print.Step("Installing gems with Bundler")
	if a.why != "" {
		b.Print.Detail("Made %s fit: %s", a.lockName, a.why)
	}
	slot, err := layer.Open(b.Layers, gemsLayer, libcnb.LayerTypes{Build: true, Cache: true, Launch: true}, layout)
	if err != nil {
		return bundle{}, err
	}
	g := bundle{dir: slot.Layer.Path}
	var scope string
	if g.ruby, scope, err = interpreter(ruby.Use, ruby.Release.Version); err != nil {
		return bundle{}, err
	}
	if g.bundler = tool.Find(strings.Join(ruby.Use.Bin, string(os.PathListSeparator)), "bundle"); g.bundler == "" {
		return bundle{}, fmt.Errorf("looking for Bundler: there is none in %s", ruby.Use.Dir)
	}
	g.home = filepath.Join(g.dir, "ruby", scope)
	g.env = b.bundleEnv(g, ruby)
	if g.key, err = b.gemsKey(a, ruby); err != nil {
		return bundle{}, err
	}
	sum := layer.Sum([]byte(a.text))
	inputs := map[string]string{"version": ruby.Release.Version, "key": g.key}
	kept, why := slot.Keeps(inputs)
	described := slot.Describe(inputs, map[string]string{"lock": sum})
	if kept {
		b.Print.Detail("Reusing the gems (%s unchanged)", a.lockName)
	} else {
		switch {
		case why == "key changed" && slot.Old["lock"] != sum:
			why = a.lockName + " changed"
		case why == "key changed":
			why = "Ruby, a setting, or a gem in the app changed"
		case strings.HasPrefix(why, "the cache has") && slot.Old["version"] != "":
			why = "the gems in the cache are for Ruby " + slot.Old["version"]
		}
		if err := b.install(ctx, a, g, why); err != nil {
			return bundle{}, err
		}
		described = layer.WithBuild(layer.WithLaunch(described, launchEnv(a, g)), buildEnv(g))
		if err := writeScripts(described.Path, a); err != nil {
			return bundle{}, err
		}
	}
	g.layers = []libcnb.Layer{described}
	if err := materials(described, a, g); err != nil {
		return bundle{}, err
	}
	cache, err := layer.Open(b.Layers, cacheLayer, libcnb.LayerTypes{Cache: true}, layout)
	if err != nil {
		return bundle{}, err
	}
	if cache.There {
		g.layers = append(g.layers, cache.Describe(nil, nil))
	}
	return g, nil
}

// gemsKey is a checksum over all that decides what is installed.
func (b *build) gemsKey(a app, ruby language.Installed) (string, error) {
	k := &layer.Key{}
	k.Add("ruby", ruby.Release.Version+" "+ruby.Release.Integrity)
	k.Add("arch", b.Arch)
	k.Add("distro", b.Distro)
	k.Add("without", groupsWithout(b.Env))
	k.Add("rails", fmt.Sprint(a.isRails()))
	k.Add("javascript", fmt.Sprint(a.javaScript().idle))
	k.Add(a.lockName, a.fitted)
	names := []string{a.gemfile, ".bundle/config"}
	for _, g := range a.lock.gems {
		if g.kind != fromPath {
			continue
		}
		// Bundler notes what their gemspecs say; the rest is read where it lies.
		found, err := filepath.Glob(filepath.Join(b.App, filepath.FromSlash(g.remote), "*.gemspec"))
		if err != nil {
			return "", err
		}
		for _, file := range found {
			rel, err := filepath.Rel(b.App, file)
			if err != nil {
				return "", err
			}
			names = append(names, rel)
		}
	}
	if a.cached {
		names = append(names, "vendor/cache")
	}
	for _, name := range names {
		if err := k.AddTree(b.App, name); err != nil {
			return "", err
		}
	}
	for _, name := range sortedKeys(b.Env) {
		if decides(name) {
			k.Add(name, b.Env[name])
		}
	}
	return k.Sum(), nil
}

// decides tells whether a variable has a say in what is installed, or how it is
// compiled.
func decides(name string) bool {
	for _, prefix := range []string{"BUNDLE_BUILD__", "BUNDLE_WITH", "BUNDLE_ONLY", "BUNDLE_FORCE_RUBY_PLATFORM", "MAKEFLAGS"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// bundleEnv is the environment for what runs with the gems during a build. Of
// Bundler's settings it has those alone that say where the gems are.
func (b *build) bundleEnv(g bundle, ruby language.Installed) map[string]string {
	env := ruby.Use.Environ(b.Env)
	for name := range env {
		if isBundlerSetting(name) || name == "GEM_HOME" || name == "RUBYOPT" || name == bundler.GemrcVariable {
			delete(env, name)
		}
	}
	env["RUBYOPT"] = "-r" + loadPath(ruby.Use.Dir)
	env["PATH"] = filepath.Join(g.home, "bin") + string(os.PathListSeparator) + env["PATH"]
	env["GEM_PATH"] = g.home + string(os.PathListSeparator) + env["GEM_PATH"]
	env["BUNDLE_PATH"] = g.dir
	env["BUNDLE_DEPLOYMENT"] = "true"
	env["BUNDLE_WITHOUT"] = groupsWithout(b.Env)
	env["BUNDLE_VERSION"] = "system"
	env["BUNDLE_SILENCE_ROOT_WARNING"] = "true"
	for name, value := range map[string]string{
		"LANG": "C.UTF-8", "RACK_ENV": "production", "RAILS_ENV": "production", "DISABLE_SPRING": "1",
	} {
		if env[name] == "" {
			env[name] = value
		}
	}
	return env
}

// install makes the layer anew.
func (b *build) install(ctx context.Context, a app, g bundle, why string) error {
	if err := b.Scratch.Discard(g.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(g.dir, 0o755); err != nil {
		return err
	}
	b.Print.Detail("Installing the gems (%s)", why)
	if len(a.lock.gems) == 0 {
		b.Print.Detail("%s has none", a.lockName)
		return nil
	}
	cache, err := layer.Open(b.Layers, cacheLayer, libcnb.LayerTypes{Cache: true}, layout)
	if err != nil {
		return err
	}
	// What is in it was verified, and is verified again when it is used.
	b.Whole(cache.Describe(nil, nil))
	env, err := b.installerEnv(g)
	if err != nil {
		return err
	}
	args := []string{g.ruby, "-S", g.bundler, "install"}
	if a.cached {
		b.Print.Detail("Gems come from vendor/cache in the app alone")
		args = append(args, "--local")
	}
	start := b.Now()
	b.Print.Working("Installing")
	lines := b.Print.Writer()
	output := tool.NewTail(&tool.Lines{To: lines, Skip: forPeople})
	err = b.Runner.Run(ctx, tool.Command{Args: args, Dir: b.App, Env: env, Output: output})
	lines.Flush()
	if err != nil {
		return b.explain(a, "installing the gems", err, output)
	}
	if err := b.tidy(ctx, g); err != nil {
		return fmt.Errorf("tidying the gems: %w", err)
	}
	b.Print.Detail("Installed in %s", report.Duration(b.Now().Sub(start).Round(10*time.Millisecond)))
	return nil
}

// installerEnv is the environment of Bundler and, through it, of what compiles
// extensions.
func (b *build) installerEnv(g bundle) (map[string]string, error) {
	env := maps.Clone(g.env)
	home, err := b.Scratch.Home(env["HOME"])
	if err != nil {
		return nil, err
	}
	env["HOME"] = home
	for name, value := range b.Env {
		if isBundlerSetting(name) && !slices.Contains(machines(), name) {
			env[name] = value
		}
	}
	for _, name := range []string{"BUNDLE_WITH", "BUNDLE_FORCE_RUBY_PLATFORM", bundler.GemrcVariable} {
		if b.Env[name] != "" {
			env[name] = b.Env[name]
		}
	}
	cache := filepath.Join(b.Layers.Path, cacheLayer)
	env["BUNDLE_USER_CACHE"] = cache
	env["BUNDLE_GLOBAL_GEM_CACHE"] = "true"
	env["BUNDLE_CLEAN"] = "true"
	env["BUNDLE_IGNORE_MESSAGES"] = "true"
	env["BUNDLE_SUPPRESS_INSTALL_USING_MESSAGES"] = "true"
	env["BUNDLE_JOBS"] = cmp.Or(env["BUNDLE_JOBS"], "4")
	env["BUNDLE_RETRY"] = cmp.Or(env["BUNDLE_RETRY"], "2")
	env["BUNDLE_TIMEOUT"] = cmp.Or(env["BUNDLE_TIMEOUT"], "20")
	env["NO_COLOR"] = "1"
	if env["SSL_CERT_FILE"] == "" {
		env["SSL_CERT_FILE"] = systemCertificates
	}
	return env, nil
}

// forPeople tells of what Bundler prints for people at their own machine.
func forPeople(line string) bool {
	return strings.HasPrefix(line, "Using ") || strings.Contains(line, " is built in to Ruby, and can't be cached") || strings.HasPrefix(line, "Gems in the groups") ||
		strings.HasPrefix(line, "Bundled gems are installed") || strings.HasPrefix(line, "Use `bundle info")
}

// tidy takes out of the layer what no process reads, and what differs from build
// to build: packages, the notes of compilers, the history of gems from git.
func (b *build) tidy(ctx context.Context, g bundle) error {
	for _, name := range []string{"cache", "build_info", "doc"} {
		if err := os.RemoveAll(filepath.Join(g.home, name)); err != nil {
			return err
		}
	}
	var libraries []string
	err := filepath.WalkDir(g.home, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(g.home, name)
		if err != nil {
			return err
		}
		base := entry.Name()
		inExt := strings.Contains(rel, "/ext/")
		switch {
		case entry.IsDir() && base == ".git":
			if err := os.RemoveAll(name); err != nil {
				return err
			}
			return fs.SkipDir
		case entry.IsDir():
			return forOwner(name, entry)
		case base == "gem_make.out" || base == "mkmf.log":
			return os.Remove(name)
		case inExt && (base == "Makefile" || base == "conftest.dSYM" || filepath.Ext(base) == ".o" || strings.HasPrefix(base, ".sitearchdir") || strings.HasPrefix(base, ".RUBYARCHDIR")):
			return os.Remove(name)
		case entry.Type().IsRegular() && filepath.Ext(base) == ".so":
			libraries = append(libraries, name)
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		return forOwner(name, entry)
	})
	if err != nil {
		return err
	}
	strip := tool.Find(b.Env["PATH"], "strip")
	if strip == "" || len(libraries) == 0 {
		return nil
	}
	// One that cannot be stripped, such as a library for another machine, stays.
	output := tool.NewTail(io.Discard)
	err = b.Runner.Run(ctx, tool.Command{Args: append([]string{strip, "--strip-debug"}, libraries...), Dir: g.home, Env: map[string]string{"PATH": b.Env["PATH"]}, Output: output})
	if err != nil && ctx.Err() != nil {
		return err
	}
	return nil
}

// forOwner leaves the permission to write to the owner alone. Ruby asks for the
// umask by setting it to none and back, so what another thread of RubyGems makes
// in that moment is for everyone to write.
func forOwner(name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	if perm := info.Mode().Perm(); perm&0o022 != 0 {
		return os.Chmod(name, perm&^0o022)
	}
	return nil
}
