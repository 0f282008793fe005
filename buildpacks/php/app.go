package php

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
)

// The usual files of Composer, and the one that a site without it begins with.
const (
	composerJSON = "composer.json"
	composerLock = "composer.lock"
	indexPHP     = "index.php"
)

// nameVariable names another file in the place of composer.json (Composer,
// "COMPOSER").
const nameVariable = "COMPOSER"

// app is an app as its author wrote it, checked.
type app struct {
	dir string
	// manifestName and lockName are how Composer's files are called, "" for an app
	// without it.
	manifestName, lockName string
	manifest               manifest
	lock                   lock
	// text and lockText are the files as they are.
	text, lockText string
	// outside are packages in directories that are not the app's.
	outside []string
	servers servers
}

// fileNames are the names of Composer's files for a value of COMPOSER.
func fileNames(variable string) (manifest, lock string, err error) {
	if variable == "" {
		return composerJSON, composerLock, nil
	}
	clean := path.Clean(variable)
	if !filepath.IsLocal(clean) || strings.Contains(clean, "/") {
		return "", "", appfile.Error("%s names %s, which is no file in the app's root\nname one that lies there:\n  slugc build -e %s=composer.json", nameVariable, variable, nameVariable)
	}
	if base, is := strings.CutSuffix(clean, ".json"); is {
		return clean, base + ".lock", nil
	}
	return clean, clean + ".lock", nil
}

// readApp reads an app and refuses what cannot be built, before anything is
// downloaded.
func readApp(dir string, env map[string]string) (app, error) {
	a := app{dir: dir}
	var err error
	if a.servers, err = readServers(dir); err != nil {
		return app{}, err
	}
	if a.manifestName, a.lockName, err = fileNames(env[nameVariable]); err != nil {
		return app{}, err
	}
	text, err := appfile.Read(dir, a.manifestName)
	if errors.Is(err, fs.ErrNotExist) {
		return a.withoutComposer(env)
	}
	if err != nil {
		return app{}, err
	}
	a.text = string(text)
	if a.manifest, err = readManifest(a.manifestName, text); err != nil {
		return app{}, err
	}
	if err := a.refuseVendor(); err != nil {
		return app{}, err
	}
	if err := a.readLocked(); err != nil {
		return app{}, err
	}
	if err := a.refusePlugins(); err != nil {
		return app{}, err
	}
	if err := a.reachesPaths(env); err != nil {
		return app{}, err
	}
	return a, a.refuseGit(env)
}

// misspelled are names under which people have kept their composer.json.
func misspelled() []string {
	return []string{"Composer.json", "COMPOSER.JSON", "composer.json.txt", "composer.jsn", "composer", "composer.dist.json", "composer.json.dist"}
}

// withoutComposer is an app that has no composer.json.
func (a app) withoutComposer(env map[string]string) (app, error) {
	if env[nameVariable] != "" {
		return app{}, appfile.Error("%s names %s, and there is no such file\ncommit it, or name the one that is there:\n  slugc build -e %s=composer.json", nameVariable, a.manifestName, nameVariable)
	}
	found, err := appfile.Found(a.dir, append(misspelled(), a.lockName)...)
	if err != nil {
		return app{}, err
	}
	if len(found) > 0 && found[0] != a.lockName {
		return app{}, appfile.Error("there is no %s, but %s\nComposer does not look at that name. Rename it:\n  git mv %s %s", composerJSON, found[0], found[0], composerJSON)
	}
	if len(found) > 0 {
		return app{}, appfile.Error("there is %s, but no %s\ncommit it too:\n  git add -f %s\nif it is there on your machine, see whether .gitignore or .slugignore lists it", a.lockName, composerJSON, composerJSON)
	}
	there, err := appfile.Exists(a.dir, indexPHP)
	if err != nil {
		return app{}, err
	}
	if !there {
		return app{}, appfile.Error("there is neither %s nor %s in the app's root\nsay which packages the app needs, and lock them:\n  composer init\n  composer update\n  git add %s %s",
			composerJSON, indexPHP, composerJSON, composerLock)
	}
	a.manifestName, a.lockName = "", ""
	return a, nil
}

// readLocked reads the lock file, and refuses one that is not of this
// composer.json.
func (a *app) readLocked() error {
	update := "composer update --lock"
	if a.manifestName != composerJSON {
		update = nameVariable + "=" + a.manifestName + " " + update
	}
	mend := appfile.Merge("take one side and lock again:\n  git checkout --ours " + a.lockName + "\n  " + update + "\n  git add " + a.lockName)
	text, err := appfile.ReadMerged(a.dir, a.lockName, mend)
	if errors.Is(err, fs.ErrNotExist) {
		return a.noLock()
	}
	if err != nil {
		return err
	}
	a.lockText = string(text)
	if a.lock, err = readLock(a.lockName, text); err != nil {
		return err
	}
	if why := a.lock.stale(a.manifest); why != "" {
		full := strings.TrimSuffix(update, " --lock")
		return appfile.Error("%s is out of step with %s: %s\nlock again, and commit it:\n  %s    # when no package is missing or has to change\n  %s           # else\n  git add %s",
			a.lockName, a.manifestName, why, update, full, a.lockName)
	}
	return nil
}

// noLock refuses an app whose packages are not locked.
func (a *app) noLock() error {
	if len(a.manifest.Require) == 0 {
		a.lockName = ""
		return nil
	}
	for _, other := range []string{"composer-lock.json", "Composer.lock", "composer.lock.json", "composer.json.lock"} {
		there, err := appfile.Exists(a.dir, other)
		if err != nil {
			return err
		}
		if there {
			return appfile.Error("there is no %s, but %s\nComposer does not look at that name. Rename it:\n  git mv %s %s", a.lockName, other, other, a.lockName)
		}
	}
	update := "composer update"
	if a.manifestName != composerJSON {
		update = nameVariable + "=" + a.manifestName + " " + update
	}
	return appfile.Error("there is no %s\n%s says which packages the app wants, but not which version of each, so two builds could differ. Make a lock file and commit it:\n"+
		"  %s\n  git add %s\n  git commit -m \"Add %s\"\nif it is there on your machine, see whether .gitignore or .slugignore lists it",
		a.lockName, a.manifestName, update, a.lockName, a.lockName)
}

// vendorDir is where packages go, below the app.
func (a app) vendorDir() string {
	if dir := path.Clean(a.manifest.Config.VendorDir); a.manifest.Config.VendorDir != "" {
		return dir
	}
	return "vendor"
}

// refuseVendor refuses packages that were installed on another machine.
func (a app) refuseVendor() error {
	dir := a.vendorDir()
	if !filepath.IsLocal(dir) || dir == "." {
		return appfile.Error("config.vendor-dir in %s is %s, which is not a directory in the app\nthe processes have the directory of the app alone. Take the setting out, so that it is vendor:\n  composer config --unset vendor-dir",
			a.manifestName, a.manifest.Config.VendorDir)
	}
	for _, name := range []string{"composer/installed.json", "composer/autoload_real.php"} {
		there, err := appfile.Exists(a.dir, filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if there {
			return appfile.Error("%s/ holds packages that came with the app\nthey were installed on another machine, and a build installs what %s has. Take them out:\n"+
				"  git rm -r --cached %s\n  echo /%s/ >> .gitignore", dir, cmp.Or(a.lockName, composerLock), dir, dir)
		}
	}
	return nil
}

// refusePlugins refuses plugins of Composer that the app does not allow: Composer
// would, when it has downloaded them.
func (a app) refusePlugins() error {
	allowed := a.manifest.Config.AllowPlugins
	if n, _, ok := parseNumber(a.lock.PluginAPI); !allowed.said && (!ok || n.compare(number{parts: [4]int{2, 2}}) < 0) {
		return nil // Composer lets apps of its older releases have all that they had
	}
	for _, p := range a.lock.Packages {
		if p.Type != "composer-plugin" && p.Type != "composer-installer" || allowed.allows(p.Name) {
			continue
		}
		if _, named := allowed.rules[p.Name]; named {
			continue // it is told not to run it
		}
		return appfile.Error("%s is a plugin of Composer, and %s does not say that it may run\nit would run during the build. Allow it, or not, and lock again:\n"+
			"  composer config allow-plugins.%s true\n  composer update --lock\n  git add %s %s", p.Name, a.manifestName, p.Name, a.manifestName, a.lockName)
	}
	return nil
}

// sourceVariable names the root of the source for an app that is a directory of it
// (language.SourceVariable).
const sourceVariable = "SLUGC_SOURCE_DIR"

// reachesPaths refuses packages in directories that do not reach the build.
func (a *app) reachesPaths(env map[string]string) error {
	for _, p := range a.lock.Packages {
		if p.Dist == nil || p.Dist.Type != fromPath {
			continue
		}
		place := path.Clean(p.Dist.URL)
		inside := !path.IsAbs(place) && filepath.IsLocal(filepath.FromSlash(place))
		there, err := appfile.Exists(a.dir, filepath.FromSlash(place))
		if path.IsAbs(place) {
			there, err = false, nil
		}
		if err != nil {
			return err
		}
		switch {
		case there && inside:
		case there && env[sourceVariable] != "" && env[sourceVariable] != a.dir:
			// Of the same source: it is copied into the app.
			a.outside = append(a.outside, place)
		case !inside:
			return appfile.Error("%s has %s in %s, which is outside of the app\nthe processes have the directory of the app alone. Move the package into it:\n"+
				"  git mv %s packages/%s\nname that place in %s:\n  \"repositories\": [{\"type\": \"path\", \"url\": \"packages/*\"}]\nthen:\n  composer update %s\n  git add %s %s",
				a.lockName, p.Name, place, place, path.Base(place), a.manifestName, p.Name, a.manifestName, a.lockName)
		default:
			return appfile.Error("%s has %s in %s, and there is no such directory\ncommit it with the app:\n  git add -f %s\n"+
				"if it is there on your machine, see whether .gitignore or .slugignore lists it", a.lockName, p.Name, place, place)
		}
	}
	return nil
}

// refuseGit refuses packages that come from a repository where nothing can read
// one.
func (a app) refuseGit(env map[string]string) error {
	for _, p := range a.lock.Packages {
		if p.Dist == nil && p.Source == nil && p.Type != "metapackage" {
			return appfile.Error("%s does not say where %s comes from\nlock it again:\n  composer update %s\n  git add %s", a.lockName, p.Name, p.Name, a.lockName)
		}
		if p.Dist != nil || p.Source == nil || p.Source.Type != "git" || tool.Find(env["PATH"], "git") != "" {
			continue
		}
		return appfile.Error("%s has %s from a git repository, and the stack has no git\nbuild on a stack with git:\n  slugc build --stack slugc-13\n"+
			"or let the package come from an index of packages, as an archive", a.lockName, p.Name)
	}
	return nil
}

// exists tells whether there is a file in the app.
func (a app) exists(name string) bool {
	info, err := os.Stat(filepath.Join(a.dir, filepath.FromSlash(name)))
	return err == nil && info.Mode().IsRegular()
}

// isLaravel and isSymfony tell of the frameworks that the app is made with.
func (a app) isLaravel() bool { return a.lock.has("laravel/framework") && a.exists("artisan") }
func (a app) isSymfony() bool {
	return a.lock.has("symfony/framework-bundle") && a.exists("bin/console")
}

// unique are texts without doubles, sorted.
func unique(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}
