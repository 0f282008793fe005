package base_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/base"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/rootfs"
)

func TestStacks(t *testing.T) { spec.Run(t, "Stacks", testStacks) }

func testStacks(t *testing.T, _ spec.G, it spec.S) {
	var m *maker
	var store base.Store
	var s *base.Stacks
	it.Before(func() {
		m = &maker{version: "1.0"}
		store = aStore(t, m)
		s = &base.Stacks{
			Store:  func() (base.Store, error) { return store, nil },
			Images: func() (rootfs.Store, error) { return rootfs.Store{Dir: filepath.Join(t.TempDir(), "images")}, nil },
			Opener: oci.Opener{Target: stack.Target{OS: "linux", Arch: "amd64"}},
		}
	})
	it.After(func() { must(t, s.Close()) })
	type find = func(context.Context, string) (stack.Stack, error)
	has := func(find find, ref, file string) stack.Stack {
		t.Helper()
		found, err := find(t.Context(), ref)
		must(t, err)
		if !exists(filepath.Join(found.Root, file)) {
			t.Errorf("%s in %s has no %s", ref, found.Root, file)
		}
		return found
	}

	it("finds the variants of a stack of slugc, which it makes once", func() {
		built := has(s.Build, "slugc-13", "usr/bin/build")
		run := has(s.Run, "slugc-13", "usr/bin/run")
		has(s.Build, "slugc-13", "usr/bin/build")
		if built.ID != "slugc-13" || run.Target.DistroVersion != "13" || m.made.Load() != 2 {
			t.Errorf("made %d: %+v, %+v", m.made.Load(), built, run)
		}
	})

	it("keeps what it found until it is closed", func() {
		old := has(s.Run, "slugc-13", "usr/bin/run")
		m.version = "2.0"
		create(t, store)
		if !exists(old.Root) {
			t.Error("the root filesystem was removed under who uses it")
		}
		must(t, s.Close())
		create(t, store)
		if exists(old.Root) {
			t.Error("the root filesystem is still there")
		}
	})

	it("finds the host without a store", func() {
		s.Store = func() (base.Store, error) { return base.Store{}, errors.New("no home") }
		found, err := s.Build(t.Context(), stack.HostID)
		if err != nil || found.ID != stack.HostID || found.Root != "" {
			t.Errorf("found %+v, %v", found, err)
		}
		if _, err := s.Build(t.Context(), "slugc-13"); err == nil || err.Error() != "no home" {
			t.Errorf("got %v", err)
		}
	})

	it("finds a directory", func() {
		dir := t.TempDir()
		must(t, os.Mkdir(filepath.Join(dir, "usr"), 0o755))
		if found := has(s.Build, dir, "usr"); found.ID != dir || found.Target.Arch != runtime.GOARCH {
			t.Errorf("found %+v", found)
		}
		if _, err := s.Image(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "--run-image REF") {
			t.Errorf("got %v", err)
		}
	})

	it("finds an image and unpacks it", func() {
		made, err := s.RunImage(t.Context(), "slugc-13:build")
		must(t, err)
		dir := filepath.Join(t.TempDir(), "layout")
		_, err = oci.Layout{Dir: dir, Tag: "v1"}.Export(t.Context(), oci.Image{Image: made.Image})
		must(t, err)
		for _, ref := range []string{dir, "oci:" + dir, "oci:" + dir + ":v1"} {
			if found := has(s.Run, ref, "usr/bin/build"); found.ID != "slugc-13" || found.Target != made.Target {
				t.Errorf("%s: found %+v", ref, found)
			}
			base, err := s.Image(t.Context(), ref)
			must(t, err)
			if base.Reference != made.Reference {
				t.Errorf("%s: the image is %s, want %s", ref, base.Reference, made.Reference)
			}
		}
	})

	for _, label := range []string{stack.HostID, "../x/y", "docker://x", "a\nbc", strings.Repeat("x", 200)} {
		it("does not take an image's word for a stack called "+label[:4], func() {
			made, err := s.RunImage(t.Context(), "slugc-13")
			must(t, err)
			config, err := made.Image.ConfigFile()
			must(t, err)
			config = config.DeepCopy()
			config.Config.Labels["io.buildpacks.stack.id"] = label
			named, err := mutate.ConfigFile(made.Image, config)
			must(t, err)
			dir := filepath.Join(t.TempDir(), "layout")
			_, err = oci.Layout{Dir: dir}.Export(t.Context(), oci.Image{Image: named})
			must(t, err)
			if found := has(s.Run, "oci:"+dir, "usr/bin/run"); found.ID != "oci:"+dir {
				t.Errorf("it is called %q", found.ID)
			}
		})
	}

	it("lets an artifact name stacks of slugc and nothing else of this machine", func() {
		has(s.Recorded, "slugc-13", "usr/bin/run")
		for _, id := range []string{"", stack.HostID} {
			if found, err := s.Recorded(t.Context(), id); err != nil || found.ID != stack.HostID {
				t.Errorf("%q: found %+v, %v", id, found, err)
			}
		}
		for _, id := range []string{"/", t.TempDir(), "oci:layout", "docker://registry.example/base"} {
			if found, err := s.Recorded(t.Context(), id); err == nil || !strings.Contains(err.Error(), "--stack STACK") {
				t.Errorf("%q: found %+v, %v", id, found, err)
			}
		}
	})

	it("takes the run image for apps, or the variant that is named", func() {
		variant := func(image oci.Base, err error) string {
			t.Helper()
			must(t, err)
			d, err := base.Describe(image.Image)
			must(t, err)
			return d.ID + " " + d.Variant
		}
		for want, got := range map[string]string{
			"slugc-13 run":         variant(s.Image(t.Context(), "slugc-13")),
			"slugc-12 run":         variant(s.RunImage(t.Context(), "slugc-12")),
			"slugc-12 run-minimal": variant(s.RunImage(t.Context(), "slugc-12:run-minimal")),
		} {
			if got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	})

	it("says what is wrong with a reference", func() {
		file := filepath.Join(t.TempDir(), "image.tar")
		must(t, os.WriteFile(file, nil, 0o600))
		empty := t.TempDir()
		for ref, want := range map[string]string{
			"slugc-1":         "slugc-12, slugc-13, a directory, oci:DIR[:TAG]",
			file:              "it is a file; an archive of an image is oci-archive:FILE",
			empty:             "expected a directory usr in it",
			"oci:" + empty:    "image oci:" + empty + ": expected an OCI layout",
			"docker://a b":    "image docker://a b: ",
			"slugc-13:absent": "a stack is named without its variant, as slugc-13",
		} {
			if _, err := s.Build(t.Context(), ref); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", ref, err, want)
			}
		}
		if _, err := s.RunImage(t.Context(), "slugc-13:absent"); err == nil || !strings.Contains(err.Error(), "no variant absent") {
			t.Errorf("got %v", err)
		}
	})
}
