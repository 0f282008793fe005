package golang

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/module"

	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// cgoMark begins the lines in which "go list" says which packages use C.
const cgoMark = "slugc-uses-c "

// cgoFormat has it say so. The standard library has C for what it does without C
// too, apart from plugins.
const cgoFormat = `{{if or (and (not .Standard) (or .CgoFiles .SwigFiles .SwigCXXFiles)) (eq .ImportPath "plugin")}}` + cgoMark + `{{.ImportPath}}{{end}}`

// listed has the go command look at all packages that the commands are made of,
// for which it downloads the modules, and says which of them use C. While
// imports and modules are those of the last build, so is the answer. Arrived are
// the modules that were downloaded.
func (t *toolchain) listed(ctx context.Context, w work, s *slots) (usesC, arrived []string, err error) {
	key, err := t.listKey(w)
	if err != nil {
		return nil, nil, err
	}
	if s.cache.Old["listed"] == key && (w.vendored || len(w.project.requirements()) == 0 || s.modules.There) {
		return strings.Fields(s.cache.Old["uses-c"]), nil, nil
	}
	downloads := !w.vendored && len(w.project.requirements()) > 0
	if downloads {
		t.Print.Step("Downloading modules")
	}
	fetched := &arrivals{cache: s.modules.Layer.Path}
	listen := func(line string) bool {
		if name, is := strings.CutPrefix(line, cgoMark); is {
			usesC = append(usesC, name)
			return true
		}
		if what, is := fetched.heard(line); is {
			t.Print.Progress("Downloading %s", what)
			return true
		}
		return false
	}
	args := append([]string{"list", "-deps", "-f", cgoFormat}, t.flags(w)...)
	for _, c := range w.commands {
		args = append(args, c.pattern)
	}
	cgo := cmp.Or(t.settings.cgo, "1")
	start := t.Now()
	list := func(ctx context.Context) (*tool.Tail, error) {
		usesC = nil
		return t.run(ctx, map[string]string{"CGO_ENABLED": cgo}, listen, args...)
	}
	if !downloads {
		if output, err := list(ctx); err != nil {
			return nil, nil, failure.Explain(failure.Failure{What: "finding the packages of the app failed", Err: err, Output: output}, causes())
		}
	} else if err := t.download(ctx, fetched, list); err != nil {
		return nil, nil, err
	}
	if info, err := os.Stat(s.modules.Layer.Path); err == nil && info.IsDir() {
		s.modules.There = true
	}
	if count := len(fetched.begun); downloads && count > 0 {
		t.Print.Detail("Downloaded %s in %s", report.Count(count, "module"), report.Duration(t.Now().Sub(start).Round(10*time.Millisecond)))
	} else if downloads {
		t.Print.Detail("All modules are in the cache")
	}
	usesC = append(usesC, flagsWithC(t.settings.rest)...)
	slices.Sort(usesC)
	s.cache.Old["listed"], s.cache.Old["uses-c"] = key, strings.Join(usesC, " ")
	return usesC, fetched.begun, nil
}

// flagsWithC are those of flags of "go build" for which the go command wants C.
func flagsWithC(flags []string) (with []string) {
	for _, flag := range flags {
		name, mode, _ := strings.Cut(flag, "=")
		if slices.Contains([]string{"-race", "-msan", "-asan"}, name) || name == "-buildmode" && (strings.HasPrefix(mode, "c-") || mode == "plugin" || mode == "shared") {
			with = append(with, flag)
		}
	}
	return with
}

// download runs a go command that downloads modules, again while the proxy has
// trouble that passes.
func (t *toolchain) download(ctx context.Context, fetched *arrivals, run func(context.Context) (*tool.Tail, error)) error {
	for try := 1; ; try++ {
		output, err := fetched.patient(ctx, run)
		if err == nil || ctx.Err() != nil {
			return err
		}
		explained := fetched.explain("downloading modules failed", err, output)
		if try == downloadTries || errors.Is(err, errSilent) || download.FaultOf(explained) != download.Passing {
			return explained
		}
		wait := time.Duration(try) * time.Second
		t.Print.Detail("Trying again in %s", report.Duration(wait))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// listKey is a checksum over all that decides the answer of "go list", as far as
// it is not in the modules themselves.
func (t *toolchain) listKey(w work) (string, error) {
	var k layer.Key
	k.Add("version", t.installed.Release.Version)
	k.Add("flags", strings.Join(slices.Concat(t.flags(w), t.settings.rest, t.settings.goflags), "\n"))
	k.Add("cgo", t.settings.cgo)
	k.Add("commands", patterns(w.commands))
	for _, i := range w.source.foreign {
		k.Add("import", i.path)
	}
	for _, name := range w.source.files {
		switch filepath.Base(name) {
		case modFile, sumFile, workFile, workSumFile:
			if err := k.AddTree(t.App, name); err != nil {
				return "", err
			}
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(w.source.packages)) {
		if w.source.packages[dir].usesC {
			k.Add("uses C", dir)
		}
	}
	if w.vendored {
		return k.Sum(), k.AddTree(filepath.Join(t.App, w.project.workDir), vendorList)
	}
	return k.Sum(), nil
}

// sweep removes the modules of which go.sum knows nothing any more.
func (t *toolchain) sweep(w work, s *slots) error {
	if !s.modules.There || w.vendored {
		return nil
	}
	sums := w.project.sums
	var k layer.Key
	for _, one := range slices.Concat(slices.Sorted(maps.Keys(sums.zips)), slices.Sorted(maps.Keys(sums.mods))) {
		k.Add("module", one)
	}
	sum := k.Sum()
	old := s.modules.Old["sums"]
	s.modules.Old["sums"] = sum
	if old == sum || old == "" {
		return nil
	}
	removed, err := sweepModules(s.modules.Layer.Path, func(path, version string) bool {
		return sums.zips[path+" "+version] || sums.mods[path+" "+version]
	})
	if err != nil {
		return fmt.Errorf("sweeping the module cache: %w", err)
	}
	if removed > 0 {
		t.Print.Detail("Removed %s from the cache that the app does not use any more", report.Count(removed, "module"))
	}
	return nil
}

// sweepModules removes module versions from a module cache (Go Modules
// Reference, "Module cache") and tells how many had files.
func sweepModules(cache string, wanted func(path, version string) bool) (removed int, err error) {
	root := filepath.Join(cache, "cache", "download")
	err = filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || entry.IsDir() || filepath.Base(filepath.Dir(file)) != "@v" {
			return err
		}
		name := entry.Name()
		escapedVersion := strings.TrimSuffix(name, filepath.Ext(name))
		escapedPath, err := filepath.Rel(root, filepath.Dir(filepath.Dir(file)))
		if err != nil {
			return err
		}
		path, pathErr := module.UnescapePath(filepath.ToSlash(escapedPath))
		version, versionErr := module.UnescapeVersion(escapedVersion)
		if pathErr != nil || versionErr != nil || !strings.HasPrefix(version, "v") || wanted(path, version) {
			return nil
		}
		if filepath.Ext(name) == ".zip" {
			removed++
			if err := os.RemoveAll(filepath.Join(cache, escapedPath+"@"+escapedVersion)); err != nil {
				return err
			}
		}
		return os.Remove(file)
	})
	return removed, err
}
