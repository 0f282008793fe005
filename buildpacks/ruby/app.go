package ruby

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// The files of Bundler.
const (
	gemfile     = "Gemfile"
	gemfileLock = "Gemfile.lock"
	gemsRB      = "gems.rb"
	gemsLocked  = "gems.locked"
)

// app is an app as its author wrote it, checked.
type app struct {
	dir string
	// gemfile and lockName are how its files are called.
	gemfile, lockName string
	manifest          manifest
	lock              lock
	// text is the lock file as it is, fitted as it has to be here, and why what
	// was changed for that.
	text, fitted, why string
	// cached tells whether the gems came with the app, in vendor/cache.
	cached bool
}

// readApp reads an app and refuses what cannot be built, before anything is
// downloaded.
func readApp(dir, arch string) (app, error) {
	a := app{dir: dir}
	if err := a.findFiles(); err != nil {
		return app{}, err
	}
	if err := refuseLeftovers(dir); err != nil {
		return app{}, err
	}
	text, err := appfile.Read(dir, a.gemfile)
	if err != nil {
		return app{}, err
	}
	a.manifest = readGemfile(text)
	mend := appfile.Merge("take one side and lock again:\n  git checkout --ours " + a.lockName + "\n  bundle lock\n  git add " + a.lockName)
	if text, err = appfile.ReadMerged(dir, a.lockName, mend); err != nil {
		return app{}, err
	}
	a.text = string(text)
	if a.lock, err = readLock(a.lockName, text); err != nil {
		return app{}, err
	}
	if err := a.stale(); err != nil {
		return app{}, err
	}
	if foreign := a.lock.foreign(platform(arch)); len(foreign) > 0 {
		return app{}, appfile.Error("%s was made on another system: it has %s for %s alone\nadd what Linux needs, and commit it:\n  bundle lock --add-platform %s\n  git add %s",
			a.lockName, strings.Join(foreign, ", "), strings.Join(a.lock.platforms, ", "), platform(arch), a.lockName)
	}
	a.fitted, a.why = a.lock.fitted(a.text, platform(arch))
	if err := a.reachesPaths(); err != nil {
		return app{}, err
	}
	packed, err := filepath.Glob(filepath.Join(dir, "vendor", "cache", "*.gem"))
	a.cached = len(packed) > 0
	return a, err
}

// misspelled are names under which people have kept their Gemfile.
func misspelled() []string {
	return []string{"gemfile", "GemFile", "GEMFILE", "Gemfile.rb", "Gemfile.txt", "Gemfiles", "gems.txt"}
}

// findFiles finds the Gemfile and its lock file.
func (a *app) findFiles() error {
	found, err := appfile.Found(a.dir, gemfile, gemsRB, gemfileLock, gemsLocked)
	if err != nil {
		return err
	}
	has := func(name string) bool { return slices.Contains(found, name) }
	switch {
	case has(gemfile) && has(gemsRB):
		return appfile.Error("there are both %s and %s\nBundler reads one, and another tool the other. Keep one:\n  git rm -f %s %s    # when Gemfile is right\n  git rm -f %s %s    # when gems.rb is right",
			gemfile, gemsRB, gemsRB, gemsLocked, gemfile, gemfileLock)
	case has(gemfile) && has(gemsLocked) && !has(gemsRB), has(gemsRB) && has(gemfileLock):
		right, wrong := gemfileLock, gemsLocked
		if has(gemsRB) {
			right, wrong = wrong, right
		}
		return appfile.Error("there is a lock file for another name of the Gemfile: %s\nnobody reads it. Take it out:\n  git rm %s\n  bundle lock\n  git add %s", wrong, wrong, right)
	case has(gemfile):
		a.gemfile, a.lockName = gemfile, gemfileLock
	case has(gemsRB):
		a.gemfile, a.lockName = gemsRB, gemsLocked
	default:
		return a.noGemfile(found)
	}
	if !has(a.lockName) {
		return appfile.Error("there is no %s\n%s says which gems the app wants, but not which version of each, so two builds could differ. Make a lock file and commit it:\n"+
			"  bundle lock --add-platform x86_64-linux\n  git add %s\n  git commit -m \"Add %s\"\nif it is there on your machine, see whether .gitignore or .slugignore lists it",
			a.lockName, a.gemfile, a.lockName, a.lockName)
	}
	return nil
}

// noGemfile says what an app without a Gemfile has to have.
func (a *app) noGemfile(found []string) error {
	wrong, err := appfile.Found(a.dir, misspelled()...)
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return appfile.Error("there is no %s, but %s\nBundler does not look at that name. Rename it:\n  git mv %s %s", gemfile, wrong[0], wrong[0], gemfile)
	}
	if len(found) > 0 {
		name := gemfile
		if found[0] == gemsLocked {
			name = gemsRB
		}
		return appfile.Error("there is %s, but no %s\ncommit it too:\n  git add -f %s\nif it is there on your machine, see whether .gitignore or .slugignore lists it", found[0], name, name)
	}
	return appfile.Error("there is no %s in the app's root\nsay which gems the app needs, and lock them:\n  bundle init\n  bundle add rack puma\n  bundle lock --add-platform x86_64-linux\n  git add %s %s", gemfile, gemfile, gemfileLock)
}

// refuseLeftovers refuses gems that were installed on another machine, and
// settings of it.
func refuseLeftovers(dir string) error {
	for _, name := range []string{"vendor/bundle", ".bundle/ruby"} {
		installed, err := filepath.Glob(filepath.Join(dir, name, "*"))
		if err != nil {
			return err
		}
		if len(installed) == 0 {
			continue
		}
		return appfile.Error("%s/ holds gems that came with the app\nthey were installed on another machine, and would be in the slug for nothing. Take them out:\n"+
			"  git rm -r --cached %s\n  echo %s/ >> .gitignore", name, name, name)
	}
	const file = ".bundle/config"
	there, err := appfile.Exists(dir, file)
	if err != nil || !there {
		return err
	}
	data, err := appfile.Read(dir, file)
	if err != nil {
		return err
	}
	settings := map[string]any{}
	if err := yaml.Unmarshal(data, &settings); err != nil {
		return appfile.Error("%s cannot be read: %w\ntake it out:\n  git rm --cached %s\n  echo .bundle/ >> .gitignore", file, err, file)
	}
	for _, name := range sortedKeys(settings) {
		if slices.Contains(machines(), name) {
			return appfile.Error("%s has a setting of another machine: %s\nit stands above what a build says, so the gems would not be where they are looked for. Take it out:\n"+
				"  git rm --cached %s\n  echo .bundle/ >> .gitignore", file, name, file)
		}
	}
	return nil
}

// machines are settings of Bundler that say where and what it installs.
func machines() []string {
	return []string{
		"BUNDLE_PATH", "BUNDLE_PATH__SYSTEM", "BUNDLE_SYSTEM_BINDIR", "BUNDLE_WITHOUT", "BUNDLE_WITH", "BUNDLE_ONLY", "BUNDLE_DEPLOYMENT", "BUNDLE_FROZEN",
		"BUNDLE_GEMFILE", "BUNDLE_BIN", "BUNDLE_SHEBANG", "BUNDLE_VERSION", "BUNDLE_CACHE_PATH", "BUNDLE_DISABLE_SHARED_GEMS", "BUNDLE_FORCE_RUBY_PLATFORM",
	}
}

// reachesPaths refuses gems in directories that do not reach the processes.
func (a app) reachesPaths() error {
	for _, g := range a.lock.gems {
		if g.kind != fromPath {
			continue
		}
		if path.IsAbs(g.remote) || !filepath.IsLocal(filepath.FromSlash(g.remote)) {
			return appfile.Error("%s has %s in %s, which is outside of the app\nthe processes have the directory of the app alone. Move the gem into it:\n"+
				"  git mv %s vendor/%s\nand name that place in %s:\n  gem %q, path: \"vendor/%s\"\nthen:\n  bundle lock\n  git add %s",
				a.lockName, g.name, g.remote, g.remote, g.name, a.gemfile, g.name, g.name, a.lockName)
		}
		there, err := appfile.Exists(a.dir, filepath.FromSlash(g.remote))
		if err != nil {
			return err
		}
		if !there {
			return appfile.Error("%s has %s in %s, and there is no such directory\ncommit it with the app:\n  git add -f %s\n"+
				"if it is there on your machine, see whether .gitignore or .slugignore lists it", a.lockName, g.name, g.remote, g.remote)
		}
		if err := a.refuseCompiled(g); err != nil {
			return err
		}
	}
	return nil
}

// refuseCompiled refuses a gem in the app that Bundler would compile there: no
// layer would have what comes of it.
func (a app) refuseCompiled(g lockedGem) error {
	for _, pattern := range []string{"ext/extconf.rb", "ext/*/extconf.rb"} {
		found, err := filepath.Glob(filepath.Join(a.dir, filepath.FromSlash(g.remote), pattern))
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return appfile.Error("%s has %s in %s, which is compiled when it is installed\na gem in the app is used where it lies, and what is compiled there would not be kept. Let it come from an index,\n"+
				"or from a git repository of its own:\n  gem %q, git: \"https://git.example.com/%s.git\"    # in %s", a.lockName, g.name, g.remote, g.name, g.name, a.gemfile)
		}
	}
	return nil
}

// fit writes the lock file as it has to be here.
func (a app) fit() error {
	if a.why == "" {
		return nil
	}
	if err := os.WriteFile(filepath.Join(a.dir, a.lockName), []byte(a.fitted), 0o644); err != nil {
		return fmt.Errorf("making %s fit: %w", a.lockName, err)
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
