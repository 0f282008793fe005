package outcome_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/buildpacks/libcnb/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/outcome"
)

func TestOutcome(t *testing.T) { spec.Run(t, "Outcome", testOutcome) }

func testOutcome(t *testing.T, _ spec.G, it spec.S) {
	var (
		layers libcnb.Layers
		app    string
		inputs map[string]string
	)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string, mode fs.FileMode) {
		t.Helper()
		must(os.MkdirAll(filepath.Dir(filepath.Join(app, name)), 0o755))
		must(os.WriteFile(filepath.Join(app, name), []byte(text), mode))
		must(os.Chmod(filepath.Join(app, name), mode))
	}
	fresh := func() {
		t.Helper()
		app = t.TempDir()
		write("src/a.js", "source", 0o644)
		write("src/old/b.js", "old", 0o644)
		write("run", "#!/bin/sh\n", 0o755)
		write(".slugc/layers/x", "the platform's", 0o644)
		must(os.Symlink("src/a.js", filepath.Join(app, "link")))
	}
	open := func() *outcome.Outcome {
		t.Helper()
		scratch, err := layer.NewScratch(layers.Path)
		must(err)
		o, err := outcome.Open(app, layers, scratch, "built", "1")
		must(err)
		return o
	}
	// state is the app, as names with modes and contents.
	state := func() map[string]string {
		t.Helper()
		all := map[string]string{}
		must(filepath.WalkDir(app, func(path string, entry fs.DirEntry, err error) error {
			must(err)
			rel, err := filepath.Rel(app, path)
			must(err)
			info, err := entry.Info()
			must(err)
			text := info.Mode().String()
			switch {
			case entry.Type()&fs.ModeSymlink != 0:
				target, err := os.Readlink(path)
				must(err)
				text += " -> " + target
			case entry.Type().IsRegular():
				data, err := os.ReadFile(path)
				must(err)
				text += " " + string(data)
			}
			all[rel] = text
			return nil
		}))
		return all
	}
	record := func(l libcnb.Layer) {
		t.Helper()
		f, err := os.Create(l.Path + ".toml")
		must(err)
		must(errors.Join(toml.NewEncoder(f).Encode(l), f.Close()))
	}
	build := func() map[string]string {
		t.Helper()
		o := open()
		write("dist/server.js", "built", 0o775)
		write("dist/page.html", "built", 0o666)
		write("src/a.js", "edited by the script", 0o644)
		must(os.RemoveAll(filepath.Join(app, "src/old")))
		must(os.Remove(filepath.Join(app, "link")))
		must(os.Symlink("dist", filepath.Join(app, "link")))
		must(os.Remove(filepath.Join(app, "run")))
		must(os.Mkdir(filepath.Join(app, "run"), 0o750))
		l, ok, err := o.Keep(inputs)
		must(err)
		if !ok || !l.Cache || l.Launch || l.Build {
			t.Fatalf("kept is %t as %+v", ok, l.LayerTypes)
		}
		record(l)
		return state()
	}
	it.Before(func() {
		layers = libcnb.Layers{Path: t.TempDir()}
		inputs = map[string]string{"key": "packages"}
		fresh()
	})

	it("makes of the same source what was made of it before", func() {
		if kept, why := open().Keeps(inputs); kept || why != "not in the cache" {
			t.Errorf("kept is %t: %s", kept, why)
		}
		want := build()
		for range 2 {
			fresh()
			o := open()
			if kept, why := o.Keeps(inputs); !kept {
				t.Fatal(why)
			}
			l, err := o.Apply(inputs)
			must(err)
			record(l)
			if diff := cmp.Diff(want, state()); diff != "" {
				t.Error(diff)
			}
			// What is kept is nobody else's.
			write("dist/server.js", "changed later", 0o755)
		}
	})

	it("does not when anything else is built", func() {
		build()
		for name, change := range map[string]func(){
			"a text":     func() { write("src/a.js", "sourcE", 0o644) },
			"a mode":     func() { must(os.Chmod(filepath.Join(app, "run"), 0o644)) },
			"a new file": func() { write("new", "", 0o644) },
			"a missing":  func() { must(os.Remove(filepath.Join(app, "src/old/b.js"))) },
			"a link": func() {
				must(os.Remove(filepath.Join(app, "link")))
				must(os.Symlink("run", filepath.Join(app, "link")))
			},
		} {
			fresh()
			change()
			if kept, why := open().Keeps(inputs); kept || why != "source changed" {
				t.Errorf("%s: kept is %t: %s", name, kept, why)
			}
		}
		fresh()
		if kept, why := open().Keeps(map[string]string{"key": "other packages"}); kept || why != "key changed" {
			t.Errorf("kept is %t: %s", kept, why)
		}
		write(".slugc/layers/x", "other", 0o644)
		if kept, why := open().Keeps(inputs); !kept {
			t.Errorf("what is the platform's counts: %s", why)
		}
	})

	it("leaves the app when what was kept is damaged", func() {
		build()
		fresh()
		must(os.WriteFile(filepath.Join(layers.Path, "built", "removed.json"), []byte(`["../../etc"]`), 0o600))
		if _, err := open().Apply(inputs); err == nil {
			t.Error("it is taken")
		}
	})
}
