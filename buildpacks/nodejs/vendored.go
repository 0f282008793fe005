package nodejs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/nodejs/lock"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
)

// The places where an app may bring its packages along: those of Yarn 2 and
// later, and those of npm as Paketo knows them.
const (
	vendoredYarn = ".yarn/cache"
	vendoredNPM  = "npm-cache"
)

// takeVendored moves the packages that came with the app into the cache, from
// where they are installed without a registry.
func (t *moduleTree) takeVendored() error {
	var err error
	switch {
	case t.driver.berry:
		err = t.takeArchives(filepath.Join(t.app.root.dir, vendoredYarn))
	case t.app.choice.manager == npmManager:
		err = t.takeNPMCache(filepath.Join(t.app.root.dir, vendoredNPM, "_cacache"))
	}
	if err != nil {
		return fmt.Errorf("taking the packages that came with the app: %w", err)
	}
	return nil
}

// dropVendored takes what takeVendored has moved, or an earlier build had, out
// of the app: no process needs it twice.
func (t *moduleTree) dropVendored() error {
	if t.driver.berry {
		return t.b.Scratch.Discard(filepath.Join(t.app.root.dir, vendoredYarn))
	}
	there, err := appfile.Exists(t.app.root.dir, path.Join(vendoredNPM, "_cacache"))
	if err != nil || !there || t.app.choice.manager != npmManager {
		return err
	}
	return t.b.Scratch.Discard(filepath.Join(t.app.root.dir, vendoredNPM))
}

// takeArchives moves the archives of Yarn into the cache of all builds, where
// they have the form's key in their names in the place of a checksum.
func (t *moduleTree) takeArchives(from string) error {
	entries, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	l, is := t.app.lock.(*lock.Berry)
	if !is {
		return nil
	}
	to := filepath.Join(t.b.Layers.Path, t.driver.cacheLayer(), "cache")
	count := 0
	for _, entry := range entries {
		base, is := strings.CutSuffix(entry.Name(), ".zip")
		dash := strings.LastIndexByte(base, '-')
		if !is || dash < 0 || !entry.Type().IsRegular() {
			continue
		}
		target := filepath.Join(to, base[:dash+1]+l.CacheKey()+".zip")
		if _, err := os.Lstat(target); err == nil {
			continue
		}
		if err := layer.Move(filepath.Join(from, entry.Name()), target); err != nil {
			return err
		}
		count++
	}
	if count > 0 {
		t.b.Print.Detail("Packages that came with the app in %s: %d", vendoredYarn, count)
	}
	return nil
}

// takeNPMCache moves the packages of an npm cache into that of all builds.
func (t *moduleTree) takeNPMCache(from string) error {
	count := 0
	err := filepath.WalkDir(from, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(from, file)
		if err != nil {
			return err
		}
		target := filepath.Join(t.cache.dir, "_cacache", rel)
		if _, err := os.Lstat(target); err == nil {
			return nil
		}
		if strings.HasPrefix(rel, "content-v2") {
			count++
		}
		return layer.Move(file, target)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if count > 0 {
		t.b.Print.Detail("Packages that came with the app in %s: %d", vendoredNPM, count)
	}
	return err
}

// yarnAddresses is a lock file of Yarn 1 in which every package has an address
// at the registry that is configured for it.
func (t *moduleTree) yarnAddresses(text []byte) ([]byte, error) {
	l, is := t.app.lock.(*lock.Classic)
	if !is {
		return nil, nil
	}
	usual, err := t.yarnRegistry()
	if err != nil {
		return nil, err
	}
	return l.WithAddresses(text, usual, t.yarnAddress)
}

// yarnAddress is the address of a package at the registry that is configured for
// it.
func (t *moduleTree) yarnAddress(name, number string) (string, error) {
	from, err := t.b.config.Registry(name)
	if err != nil {
		return "", err
	}
	if t.app.yarn.registry != "" && from.Origin == "" {
		from, err = npm.AddressOf(t.app.yarn.registry, t.app.yarn.file)
		if err != nil {
			return "", err
		}
	}
	address := from.URL.JoinPath(name, "-", path.Base(name)+"-"+number+".tgz")
	address.User = nil
	return address.String(), nil
}

// yarnRegistry is the registry that Yarn 1 takes by itself, "" when it does not
// say: it has an address of its own for the public one.
func (t *moduleTree) yarnRegistry() (string, error) {
	text, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(t.driver.program)), "share", "yarn", "lib", "cli.js"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("asking Yarn for its registry: %w", err)
	}
	const mark = "exports.YARN_REGISTRY = '"
	_, after, found := bytes.Cut(text, []byte(mark))
	address, _, ended := bytes.Cut(after, []byte("'"))
	if !found || !ended || len(address) > 200 {
		return "", nil
	}
	return strings.TrimSuffix(string(address), "/") + "/", nil
}

// sweep removes from the cache of a package manager the packages that the lock
// file does not have, so that it does not grow with every change.
func (t *moduleTree) sweep(cache string) error {
	switch l := t.app.lock.(type) {
	case *lock.Berry:
		wanted := map[string]bool{}
		for _, p := range l.Packages() {
			wanted[strings.ReplaceAll(p.Name, "/", "-")+"-"+p.Version] = true
		}
		// What Yarn remembers of registries is of no use to a frozen build.
		for _, name := range []string{"metadata", "index", "telemetry.json"} {
			if err := os.RemoveAll(filepath.Join(cache, name)); err != nil {
				return err
			}
		}
		return sweepNames(filepath.Join(cache, "cache"), func(name string) bool {
			slug, number, is := archiveOf(name)
			return !is || wanted[slug+"-"+number]
		})
	case *lock.Classic:
		wanted := map[string]bool{}
		for _, p := range l.Packages() {
			wanted["npm-"+strings.ReplaceAll(p.Name, "/", "-")+"-"+p.Version] = true
		}
		return sweepNames(cache, func(name string) bool {
			for prefix := range wanted {
				if strings.HasPrefix(name, prefix+"-") {
					return true
				}
			}
			return !strings.HasPrefix(name, "npm-")
		})
	}
	return nil
}

// archiveOf is the package and the version in the name of an archive of Yarn, such
// as ms-npm-2.1.3-81ff3cfac1-10c0.zip; is tells whether it is one of a registry.
func archiveOf(file string) (slug, number string, is bool) {
	slug, rest, is := strings.Cut(strings.TrimSuffix(file, ".zip"), "-npm-")
	for range 2 {
		if at := strings.LastIndexByte(rest, '-'); at >= 0 {
			rest = rest[:at]
		}
	}
	return slug, rest, is
}

// sweepNames removes the entries of a directory that are not wanted.
func sweepNames(dir string, wanted func(name string) bool) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if wanted(entry.Name()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}
