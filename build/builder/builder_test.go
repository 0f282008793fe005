package builder_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/builder"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack"
)

// workshop is a directory with all that a builder is made of.
type workshop struct {
	testing.TB
	dir string
	builder.Creator
	warnings []string
}

const lifecycleTOML = "[lifecycle]\nversion = \"1.2.3\"\n[apis.buildpack]\nsupported = [\"0.9\", \"0.10\"]\n[apis.platform]\nsupported = [\"0.15\"]\n"

// newWorkshop has a base for amd64 and arm64 in base, three buildpacks, and a
// lifecycle of its own.
func newWorkshop(t testing.TB) *workshop {
	w := &workshop{TB: t, dir: t.TempDir()}
	w.Creator = builder.Creator{
		Fetcher: fetcher(t), Temp: t.TempDir(), Offline: true,
		Warn: func(err error) { w.warnings = append(w.warnings, err.Error()) },
		Lifecycle: func(string) (builder.LifecycleArchive, error) {
			return lifecycleArchive(t, lifecycleTOML), nil
		},
	}
	w.base("base", nil, "amd64", "arm64")
	for _, id := range []string{"one", "two"} {
		component("test/"+id, "[[targets]]\nos = \"linux\"\n").write(t, filepath.Join(w.dir, id))
	}
	composite("test/all", []string{"test/one", "test/two"}, "../one", "../two").write(t, filepath.Join(w.dir, "all"))
	return w
}

// base writes a layout with a base for each architecture.
func (w *workshop) base(dir string, change func(*v1.Config), archs ...string) {
	w.Helper()
	var images []oci.Image
	for _, arch := range archs {
		config := v1.ConfigFile{OS: "linux", Architecture: arch, Config: v1.Config{
			Env: []string{"CNB_USER_ID=1001", "CNB_GROUP_ID=1002"}, User: "1001:1002",
			Labels: map[string]string{"io.buildpacks.stack.id": "test.stack", "io.buildpacks.base.distro.name": "debian", "io.buildpacks.base.distro.version": "13"},
		}}
		if change != nil {
			change(&config.Config)
		}
		image, err := oci.Compose(config, "test")
		must(w, err)
		images = append(images, image)
	}
	_, err := oci.Layout{Dir: filepath.Join(w.dir, dir)}.ExportIndex(w.Context(), images)
	must(w, err)
}

// lifecycleArchive is an archive of a lifecycle; without names with all phases.
func lifecycleArchive(t testing.TB, descriptor string, programs ...string) builder.LifecycleArchive {
	t.Helper()
	if programs == nil {
		programs = []string{"lifecycle", "detector", "restorer", "analyzer", "builder", "exporter", "launcher", "creator"}
	}
	var archive bytes.Buffer
	to := tar.NewWriter(&archive)
	add := func(name, content string) {
		must(t, to.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))}))
		_, err := io.WriteString(to, content)
		must(t, err)
	}
	if descriptor != "" {
		add("lifecycle.toml", descriptor)
	}
	for _, p := range programs {
		add("lifecycle/"+p, "#!/bin/sh\n")
	}
	must(t, to.Close())
	return archive.Bytes()
}

const (
	config   = "[build]\nimage = \"oci:base\"\n[[run.images]]\nimage = \"registry.example/run:1\"\n"
	contents = "[[buildpacks]]\nuri = \"all\"\n[[order]]\ngroup = [{id = \"test/all\"}]\n"
)

// create makes a builder of the text of a builder.toml.
func (w *workshop) create(text string, targets ...buildpacks.Target) (builder.Created, error) {
	w.Helper()
	file := filepath.Join(w.dir, "builder.toml")
	must(w, os.WriteFile(file, []byte(text), 0o644))
	return w.Create(w.Context(), file, targets)
}

func (w *workshop) must(text string, targets ...buildpacks.Target) builder.Created {
	w.Helper()
	made, err := w.create(text, targets...)
	must(w, err)
	return made
}

// read is a file of an image.
func read(t testing.TB, image v1.Image, file string) string {
	t.Helper()
	all := mutate.Extract(image)
	defer all.Close()
	for archive := tar.NewReader(all); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return "nothing"
		}
		must(t, err)
		if strings.TrimPrefix(h.Name, "/") == file {
			content, err := io.ReadAll(archive)
			must(t, err)
			return string(content)
		}
	}
}

func amd64() buildpacks.Target { return buildpacks.Target{OS: "linux", Arch: "amd64"} }
func arm64() buildpacks.Target { return buildpacks.Target{OS: "linux", Arch: "arm64"} }

func TestCreate(t *testing.T) {
	w := newWorkshop(t)
	w.Labels = map[string]string{"some": "label"}
	made := w.must(config+contents+"[[build.env]]\nname = \"A\"\nvalue = \"b\"\nsuffix = \"default\"\n", amd64(), arm64(), amd64())
	if len(made.Images) != 2 || made.Targets[1].Arch != "arm64" || len(w.warnings) > 0 {
		t.Fatalf("got %v, %v", made.Targets, w.warnings)
	}
	for _, image := range made.Images {
		must(t, validate.Image(image))
		for file, want := range map[string]string{
			"cnb/order.toml":                          "[[order]]\n\n  [[order.group]]\n    id = \"test/all\"\n    version = \"1.0.0\"\n",
			"cnb/run.toml":                            "[[images]]\n  image = \"registry.example/run:1\"\n",
			"cnb/stack.toml":                          "[run-image]\n  image = \"registry.example/run:1\"\n",
			"cnb/build-config/env/A.default":          "b",
			"cnb/lifecycle/creator":                   "#!/bin/sh\n",
			"cnb/buildpacks/test_one/1.0.0/bin/build": "#!/bin/sh\necho test/one\n",
		} {
			if got := read(t, image, file); got != want {
				t.Errorf("%s: got %q, want %q", file, got, want)
			}
		}
		c, err := image.ConfigFile()
		must(t, err)
		if c.Config.WorkingDir != "/layers" || c.Config.User != "1001:1002" || c.Config.Labels["some"] != "label" {
			t.Errorf("got %+v", c.Config)
		}
	}
	about, err := builder.DescribeBuilder("it", made.Images[0])
	must(t, err)
	for i := range about.Buildpacks {
		if about.Buildpacks[i].Size == 0 || about.Buildpacks[i].DiffID == "" {
			t.Errorf("%s has no layer", about.Buildpacks[i])
		}
		about.Buildpacks[i].Size, about.Buildpacks[i].DiffID = 0, ""
	}
	want := builder.Inventory{
		Creator: "slugc 1", Stack: "test.stack", User: "1001:1002",
		Lifecycle: builder.LifecycleContents{Version: "1.2.3", BuildpackAPIs: []string{"0.9", "0.10"}, PlatformAPIs: []string{"0.15"}},
		RunImages: []builder.RunImages{{Image: "registry.example/run:1"}},
		Order: []builder.Group{{{ID: "test/all", Version: "1.0.0", Order: []builder.Group{
			{{ID: "test/one", Version: "1.0.0"}, {ID: "test/two", Version: "1.0.0"}},
		}}}},
		Buildpacks: []builder.Item{
			{ID: "test/all", Version: "1.0.0", API: "0.10"}, {ID: "test/one", Version: "1.0.0", API: "0.10"}, {ID: "test/two", Version: "1.0.0", API: "0.10"},
		},
		Extensions: []builder.Item{},
	}
	if diff := cmp.Diff(want, about); diff != "" {
		t.Error(diff)
	}
}

func TestCreateErrors(t *testing.T) {
	for name, c := range map[string]struct {
		// before changes the workshop.
		before     func(w *workshop)
		text, want string
		target     buildpacks.Target
	}{
		"unknown key":              {text: config + "[[buildpack]]\n", want: `unknown key "buildpack"`},
		"no run image":             {text: "[build]\nimage = \"oci:base\"\n", want: "no run image"},
		"no build image":           {text: strings.ReplaceAll(config, "oci:base", "oci:nowhere"), want: "build image: image oci:"},
		"target of no base":        {text: config, target: buildpacks.Target{OS: "linux", Arch: "s390x"}, want: "it has no image for linux/s390x"},
		"target of no system":      {text: config, target: buildpacks.Target{OS: "windows"}, want: "none of its targets is for linux"},
		"target of another distro": {text: config + "[[targets]]\nos = \"linux\"\narch = \"amd64\"\ndistros = [{name = \"ubuntu\", version = \"24.04\"}]\n", want: "target linux/amd64 on ubuntu 24.04: the build image oci:base is for linux/amd64 on debian 13"},
		"stack of another base":    {text: config + "[stack]\nid = \"other.stack\"\n", want: `stack.id is other.stack, and the build image oci:base is of the stack "test.stack"`},
		"base of no user":          {before: func(w *workshop) { w.base("odd", func(c *v1.Config) { c.Env = nil }, "amd64", "arm64") }, text: strings.ReplaceAll(config, "oci:base", "oci:odd"), want: "build image oci:odd: it does not set CNB_"},
		"base of an odd user":      {before: func(w *workshop) { w.base("odd", func(c *v1.Config) { c.Env[0] = "CNB_USER_ID=me" }, "amd64", "arm64") }, text: strings.ReplaceAll(config, "oci:base", "oci:odd"), want: "it sets CNB_USER_ID=me; expected a number"},
		"base with a broken label": {before: func(w *workshop) {
			w.base("odd", func(c *v1.Config) { c.Labels["io.buildpacks.buildpack.layers"] = "{" }, "amd64", "arm64")
		}, text: strings.ReplaceAll(config, "oci:base", "oci:odd"), want: "reading the label io.buildpacks.buildpack.layers"},
		"no such buildpack":    {text: config + "[[buildpacks]]\nuri = \"nowhere\"\n", want: "buildpack nowhere: "},
		"no builtin buildpack": {text: config + "[[buildpacks]]\nid = \"some/buildpack\"\n", want: "buildpack some/buildpack: there is no builtin buildpack of that id"},
		"other id":             {text: config + "[[buildpacks]]\nid = \"test/two\"\nuri = \"one\"\n", want: "buildpack one: its id is test/one, and builder.toml says test/two"},
		"other version":        {text: config + "[[buildpacks]]\nversion = \"2.0.0\"\nuri = \"one\"\n", want: "buildpack one: its version is 1.0.0, and builder.toml says 2.0.0"},
		"classic buildpack": {before: func(w *workshop) {
			files{"bin/detect": "", "bin/compile": ""}.write(w, filepath.Join(w.dir, "classic"))
		}, text: config + "[[buildpacks]]\nuri = \"classic\"\n", want: "it is a classic buildpack; make a package of it with slugc buildpack package --classic"},
		"id in no buildpack":        {text: config + contents + "[[order]]\ngroup = [{id = \"test/three\"}]\n", want: "group 2 of order: there is no buildpack test/three among those of the builder"},
		"version in no buildpack":   {text: config + contents + "[[order]]\ngroup = [{id = \"test/one\", version = \"2.0.0\"}]\n", want: "group 2 of order: there is no version 2.0.0 of buildpack test/one; there is 1.0.0"},
		"which version":             {before: secondVersion, text: config + contents + "[[buildpacks]]\nuri = \"second\"\n[[order]]\ngroup = [{id = \"test/one\"}]\n", want: "group 2 of order: buildpack test/one has no version, and there are several: 1.0.0, 2.0.0"},
		"system of no buildpack":    {text: config + "[system.pre]\nbuildpacks = [{id = \"test/one\"}]\n", want: "system.pre: there is no buildpack test/one"},
		"extension of no buildpack": {text: config + "[[order-extensions]]\ngroup = [{id = \"test/one\"}]\n", want: "group 1 of order-extensions: there is no extension test/one"},
		"extension that is none":    {text: config + "[[extensions]]\nuri = \"one\"\n", want: "extension one: it has no extension.toml"},
		"composite alone":           {before: func(w *workshop) { must(w, os.Remove(filepath.Join(w.dir, "all/package.toml"))) }, text: config + contents, want: "the order of test/all@1.0.0 names test/one@1.0.0, and it is not in the builder; add it to [[buildpacks]]"},
		"API of no lifecycle":       {before: changed("one", "api = \"0.10\"", "api = \"0.12\""), text: config + contents, want: "buildpack test/one@1.0.0 has Buildpack API 0.12, which the lifecycle 1.2.3 does not support; it supports 0.9, 0.10"},
		"buildpack of no target":    {before: changed("one", "os = \"linux\"", "os = \"linux\"\narch = \"arm64\""), text: config + contents, target: amd64(), want: "buildpack test/one@1.0.0 is for linux/arm64, and the build image oci:base is for linux/amd64 on debian 13"},
		"buildpack of no distro":    {before: changed("one", "os = \"linux\"", "os = \"linux\"\ndistros = [{name = \"ubuntu\", version = \"24.04\"}]"), text: config + contents, want: "buildpack test/one@1.0.0 is for linux on ubuntu 24.04, and"},
		"buildpack of no stack":     {before: changed("one", "[[targets]]\nos = \"linux\"", "[[stacks]]\nid = \"other.stack\""), text: config + contents, want: `buildpack test/one@1.0.0 is for the stacks other.stack, and the build image oci:base is "test.stack"`},
		"buildpack of no mixin":     {before: changed("one", "[[targets]]\nos = \"linux\"", "[[stacks]]\nid = \"test.stack\"\nmixins = [\"run:a\", \"build:b\", \"c\"]"), text: config + contents, want: "buildpack test/one@1.0.0 needs the mixins build:b, c, which"},
		"no such lifecycle":         {text: config + "[lifecycle]\nuri = \"nowhere.tgz\"\n", want: "lifecycle: open "},
		"lifecycle of no place":     {text: config + "[lifecycle]\nuri = \"http://example.com/x.tgz\"\n", want: `lifecycle: uri "http://example.com/x.tgz": expected https://, `},
		"lifecycle of the network":  {text: config + "[lifecycle]\nuri = \"https://example.com/x.tgz\"\n", want: "lifecycle: https://example.com/x.tgz may not be fetched without the network"},
		"lifecycle of a version":    {text: config + "[lifecycle]\nversion = \"9.9.9\"\n", want: `lifecycle: slugc brings version 1.2.3 and no other; for 9.9.9 write uri = "..."`},
		"lifecycle of nothing":      {before: lifecycleOf(""), text: config, want: "lifecycle: the archive has no lifecycle.toml at its top"},
		"lifecycle of an odd file":  {before: lifecycleOf("[lifecycle]\nversion = \"x\"\n"), text: config, want: `lifecycle: lifecycle.toml: version "x"; expected X.Y.Z`},
		"lifecycle without phases":  {before: lifecycleOf(lifecycleTOML, "creator", "detector", "launcher"), text: config, want: "lifecycle: it lacks restorer, analyzer, builder, exporter"},
		"lifecycle that is broken": {before: func(w *workshop) {
			must(w, os.WriteFile(filepath.Join(w.dir, "odd.tgz"), []byte("\x1f\x8bodd"), 0o644))
		}, text: config + "[lifecycle]\nuri = \"odd.tgz\"\n", want: "lifecycle: reading the archive: "},
		"layer of nobody": {before: func(w *workshop) { w.Flatten = [][]buildpacks.Member{{{ID: "test/three", Version: "1.0.0"}}} }, text: config + contents, want: "test/three@1.0.0 is to share a layer, and it is not among the buildpacks of the builder"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkshop(t)
			if c.before != nil {
				c.before(w)
			}
			var targets []buildpacks.Target
			if c.target.OS != "" {
				targets = append(targets, c.target)
			}
			_, err := w.create(c.text, targets...)
			failed, ok := errors.AsType[*builder.CreateError](err)
			if !ok || !strings.Contains(err.Error(), "builder.toml: ") || !strings.Contains(failed.Err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// changed changes the buildpack.toml of a buildpack.
func changed(dir, from, to string) func(*workshop) {
	return func(w *workshop) {
		file := filepath.Join(w.dir, dir, "buildpack.toml")
		data, err := os.ReadFile(file)
		must(w, err)
		must(w, os.WriteFile(file, []byte(strings.ReplaceAll(string(data), from, to)), 0o644))
	}
}

// secondVersion adds another version of a buildpack.
func secondVersion(w *workshop) {
	component("test/one", "[[targets]]\nos = \"linux\"\n").write(w, filepath.Join(w.dir, "second"))
	changed("second", "version = \"1.0.0\"", "version = \"2.0.0\"")(w)
}

// lifecycleOf is a workshop with another lifecycle.
func lifecycleOf(descriptor string, programs ...string) func(*workshop) {
	return func(w *workshop) {
		archive := lifecycleArchive(w, descriptor, programs...)
		w.Lifecycle = func(string) (builder.LifecycleArchive, error) { return archive, nil }
	}
}

func TestCreateForAnotherMachine(t *testing.T) {
	exe, err := os.Executable()
	must(t, err)
	program, err := os.ReadFile(exe)
	must(t, err)
	w := newWorkshop(t)
	var archive bytes.Buffer
	to := tar.NewWriter(&archive)
	for name, content := range map[string][]byte{"lifecycle.toml": []byte(lifecycleTOML), "lifecycle/lifecycle": program} {
		must(t, to.WriteHeader(&tar.Header{Name: name, Size: int64(len(content))}))
		_, err := to.Write(content)
		must(t, err)
	}
	for _, phase := range []string{"detector", "restorer", "analyzer", "builder", "exporter", "launcher", "creator"} {
		must(t, to.WriteHeader(&tar.Header{Name: "lifecycle/" + phase, Typeflag: tar.TypeSymlink, Linkname: "lifecycle"}))
	}
	must(t, to.Close())
	w.Lifecycle = func(string) (builder.LifecycleArchive, error) { return archive.Bytes(), nil }
	if _, err := w.create(config+contents, amd64()); err != nil {
		t.Error(err)
	}
	if _, err := w.create(config+contents, arm64()); err == nil || !strings.Contains(err.Error(), "lifecycle is a program for another machine (EM_X86_64) than the builder (arm64)") {
		t.Errorf("got %v", err)
	}
}

// TestCreateAgain makes a builder twice: the second time it has the same digest,
// and the registry is sent nothing.
func TestCreateAgain(t *testing.T) {
	var writes atomic.Int64
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			writes.Add(1)
		}
		inner.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	tag, err := name.NewTag(server.Listener.Addr().String() + "/builder:1")
	must(t, err)
	var first artifact.Artifact
	push := func(text string, targets ...buildpacks.Target) (artifact.Artifact, int64) {
		t.Helper()
		w := newWorkshop(t)
		made := w.must(text, targets...)
		before := writes.Load()
		to := oci.Registry{Tag: tag}
		var a artifact.Artifact
		if len(made.Images) == 1 {
			a, err = to.Export(t.Context(), made.Images[0])
		} else {
			a, err = to.ExportIndex(t.Context(), made.Images)
		}
		must(t, err)
		return a, writes.Load() - before
	}
	for _, targets := range [][]buildpacks.Target{{amd64()}, {amd64(), arm64()}} {
		first, _ = push(config+contents, targets...)
		again, sent := push(config+contents, targets...)
		if again.Digest != first.Digest || sent != 0 {
			t.Errorf("for %v: %s after %s, and %d requests that write", targets, again.Digest, first.Digest, sent)
		}
	}
	other, sent := push(config+contents+"[[order]]\ngroup = [{id = \"test/one\"}]\n", amd64())
	// An upload takes three: of order.toml and of the config; then the manifest.
	if other.Digest == first.Digest || sent != 7 {
		t.Errorf("another order has the digest %s, and took %d requests that write", other.Digest, sent)
	}
}

func TestFlatten(t *testing.T) {
	w := newWorkshop(t)
	secondVersion(w)
	group, err := builder.ParseFlatten("test/one@1.0.0, test/one@2.0.0,test/all@1.0.0")
	must(t, err)
	w.Flatten = [][]buildpacks.Member{group}
	text := config + contents + "[[buildpacks]]\nuri = \"second\"\n"
	flat := w.must(text, amd64()).Images[0]
	must(t, validate.Image(flat))
	w.Flatten = nil
	plain := w.must(text, amd64()).Images[0]
	layers := func(image v1.Image) int {
		all, err := image.Layers()
		must(t, err)
		return len(all)
	}
	if layers(plain)-layers(flat) != 2 {
		t.Errorf("%d layers, and %d when three are one", layers(plain), layers(flat))
	}
	for _, file := range []string{"test_one/1.0.0/bin/build", "test_one/2.0.0/buildpack.toml", "test_two/1.0.0/bin/build", "test_all/1.0.0/buildpack.toml"} {
		if got, want := read(t, flat, "cnb/buildpacks/"+file), read(t, plain, "cnb/buildpacks/"+file); got != want || got == "nothing" {
			t.Errorf("%s: got %q, want %q", file, got, want)
		}
	}
	about, err := builder.DescribeBuilder("it", flat)
	must(t, err)
	ids := map[string][]string{}
	for _, b := range about.Buildpacks {
		ids[b.DiffID] = append(ids[b.DiffID], b.String())
	}
	if len(ids) != 2 {
		t.Errorf("got %v", ids)
	}
	for _, odd := range []string{"", "one", "one@", "@1", "a@1,b", "a@1@2"} {
		if _, err := builder.ParseFlatten(odd); err == nil {
			t.Errorf("%q is read", odd)
		}
	}
}

// TestCreateOnBuilder makes a builder of a builder: what is there already stays,
// and another buildpack of the same version takes the place of the old one, also in a
// layer with others.
func TestCreateOnBuilder(t *testing.T) {
	w := newWorkshop(t)
	files{"old": "of the first"}.write(t, filepath.Join(w.dir, "two"))
	first := w.must(config+contents, amd64()).Images[0]
	_, err := oci.Layout{Dir: filepath.Join(w.dir, "first")}.Export(t.Context(), first)
	must(t, err)
	must(t, os.Remove(filepath.Join(w.dir, "two/old")))
	files{"bin/build": "#!/bin/sh\necho new\n"}.write(t, filepath.Join(w.dir, "two"))
	for _, flatten := range []string{"", "test/one@1.0.0,test/two@1.0.0"} {
		if w.Flatten = nil; flatten != "" {
			group, err := builder.ParseFlatten(flatten)
			must(t, err)
			w.Flatten = [][]buildpacks.Member{group}
		}
		second := w.must(strings.ReplaceAll(config, "oci:base", "oci:first")+contents, amd64()).Images[0]
		must(t, validate.Image(second))
		for file, want := range map[string]string{
			"test_two/1.0.0/bin/build": "#!/bin/sh\necho new\n", "test_two/1.0.0/old": "nothing", "test_one/1.0.0/bin/build": "#!/bin/sh\necho test/one\n",
		} {
			if got := read(t, second, "cnb/buildpacks/"+file); got != want {
				t.Errorf("flatten %q: %s is %q, expected %q", flatten, file, got, want)
			}
		}
		about, err := builder.DescribeBuilder("it", second)
		must(t, err)
		if len(about.Buildpacks) != 3 {
			t.Errorf("got %v", about.Buildpacks)
		}
		_, err = oci.Layout{Dir: filepath.Join(w.dir, "second"+flatten)}.Export(t.Context(), second)
		must(t, err)
		again := w.must(strings.ReplaceAll(config, "oci:base", "oci:second"+flatten)+contents, amd64()).Images[0]
		for file, want := range map[string]string{"test_two/1.0.0/bin/build": "#!/bin/sh\necho new\n", "test_all/1.0.0/buildpack.toml": composite("test/all", []string{"test/one", "test/two"})["buildpack.toml"]} {
			if got := read(t, again, "cnb/buildpacks/"+file); got != want {
				t.Errorf("flatten %q, again: %s is %q, expected %q", flatten, file, got, want)
			}
		}
	}
}

func TestCreateWarnings(t *testing.T) {
	w := newWorkshop(t)
	component("test/one", "[[targets]]\nos = \"linux\"\n[metadata]\nother = true\n").write(t, filepath.Join(w.dir, "other"))
	made := w.must(config+"[[buildpacks]]\nuri = \"one\"\n[[buildpacks]]\nuri = \"other\"\n"+
		"[[build.env]]\nname = \"A\"\nvalue = \"b\"\nexec-env = [\"test\"]\n", amd64())
	if got := read(t, made.Images[0], "cnb/buildpacks/test_one/1.0.0/buildpack.toml"); !strings.Contains(got, "other = true") {
		t.Errorf("got %q", got)
	}
	if len(w.warnings) != 3 || !strings.Contains(w.warnings[0], "there is no [[order]]") ||
		!strings.Contains(w.warnings[1], "build.env A has exec-env, and is set in every execution environment") ||
		!strings.Contains(w.warnings[2], "test/one@1.0.0 is named twice with different contents; the last is taken") {
		t.Errorf("got %q", w.warnings)
	}
}

func TestCreateWithLifecycleImage(t *testing.T) {
	w := newWorkshop(t)
	own, err := w.LifecycleImage(t.Context(), lifecycleArchive(t, lifecycleTOML), "", stack.Target{OS: "linux", Arch: "amd64"})
	must(t, err)
	must(t, validate.Image(own))
	c, err := own.ConfigFile()
	must(t, err)
	var metadata struct{ Lifecycle struct{ Version string } }
	must(t, json.Unmarshal([]byte(c.Config.Labels["io.buildpacks.builder.metadata"]), &metadata))
	if c.Config.Labels["io.buildpacks.lifecycle.version"] != "1.2.3" || metadata.Lifecycle.Version != "1.2.3" || c.Config.User != "" {
		t.Errorf("got %+v", c.Config)
	}
	if got := read(t, own, "etc/passwd"); !strings.HasPrefix(got, "root:x:0:0:") {
		t.Errorf("got %q", got)
	}
	_, err = oci.Layout{Dir: filepath.Join(w.dir, "lifecycle")}.Export(t.Context(), own)
	must(t, err)
	w.Lifecycle = nil
	made := w.must(config+contents+"[lifecycle]\nuri = \"oci:lifecycle\"\n", amd64())
	if got := read(t, made.Images[0], "cnb/lifecycle/creator"); got != "#!/bin/sh\n" {
		t.Errorf("got %q", got)
	}
}

func TestDescribeBuilderErrors(t *testing.T) {
	for label, want := range map[string]string{
		"some.label":                     "image it is no builder: it has no label io.buildpacks.builder.metadata",
		"io.buildpacks.builder.metadata": "image it: reading the label io.buildpacks.builder.metadata",
	} {
		image, err := oci.Compose(v1.ConfigFile{OS: "linux", Config: v1.Config{Labels: map[string]string{label: "{"}}}, "test")
		must(t, err)
		if _, err := builder.DescribeBuilder("it", image); err == nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
