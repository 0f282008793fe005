package builder_test

import (
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/builder"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/fetch"
	"github.com/slugc/slugc/stack"
)

func TestPackage(t *testing.T) {
	spec.Run(t, "package", func(t *testing.T, when spec.G, it spec.S) {
		var dir string
		at := func(name string) string { return filepath.Join(dir, name) }
		it.Before(func() {
			dir = t.TempDir()
			component("test/one", "").write(t, at("one"))
			component("test/two", "").write(t, at("two"))
			composite("test/all", []string{"test/one", "test/two"}, "../one", "../two").write(t, at("all"))
		})

		it("has a component as it was", func() {
			made := packaged(t, at("one"))
			p := exported(t, made)
			if diff := cmp.Diff([]string{"test/one@1.0.0"}, names(p)); diff != "" {
				t.Error(diff)
			}
			for name, want := range component("test/one", "") {
				got, err := os.ReadFile(filepath.Join(p.Dirs[p.Root], name))
				must(t, err)
				if diff := cmp.Diff(want, string(got)); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
			}
		})

		it("has a composite with its members, one layer each", func() {
			made := packaged(t, at("all/package.toml"))
			p := exported(t, made)
			if diff := cmp.Diff([]string{"test/all@1.0.0", "test/one@1.0.0", "test/two@1.0.0"}, names(p)); diff != "" {
				t.Error(diff)
			}
			if len(p.Composites) != 1 || p.Root.ID != "test/all" {
				t.Errorf("it is of %v, with the orders %v", p.Root, p.Composites)
			}
			layers, err := builder.Layers(made.Images[0])
			must(t, err)
			var in []string
			for _, l := range layers {
				in = append(in, strings.Join(l.Buildpacks, " "))
			}
			if diff := cmp.Diff([]string{"test/one@1.0.0", "test/two@1.0.0", "test/all@1.0.0"}, in); diff != "" {
				t.Error(diff)
			}
		})

		it("has the same digest wherever and whenever it is made", func() {
			first := digest(t, packaged(t, at("all")))
			moved := filepath.Join(t.TempDir(), "elsewhere")
			must(t, os.CopyFS(moved, os.DirFS(dir)))
			must(t, os.Chtimes(filepath.Join(moved, "one/bin/build"), time.Unix(1, 0), time.Unix(1, 0)))
			must(t, os.Chmod(filepath.Join(moved, "one/bin/build"), 0o700))
			must(t, os.Mkdir(filepath.Join(moved, "one/.git"), 0o755))
			if second := digest(t, packaged(t, filepath.Join(moved, "all"))); first != second {
				t.Errorf("%s became %s", first, second)
			}
			must(t, os.WriteFile(filepath.Join(moved, "one/bin/build"), []byte("#!/bin/sh\n"), 0o755))
			if second := digest(t, packaged(t, filepath.Join(moved, "all"))); first == second {
				t.Error("a change did not change the digest")
			}
		})

		it("leaves out what it is written to", func() {
			file := at("one/one.cnb")
			must(t, os.WriteFile(file, []byte("old"), 0o644))
			made, err := builder.Packager{
				Fetcher: fetcher(t), Temp: t.TempDir(), Exclude: func(f string) bool { return f == file },
			}.Package(t.Context(), at("one"), nil)
			must(t, err)
			must(t, os.Remove(file))
			if digest(t, made) != digest(t, packaged(t, at("one"))) {
				t.Error("the old package is in the new one")
			}
		})

		it("takes members out of a registry", func() {
			server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
			defer server.Close()
			ref := strings.TrimPrefix(server.URL, "http://") + "/one:1"
			tag, err := name.NewTag(ref)
			must(t, err)
			_, err = oci.Registry{Tag: tag}.Export(t.Context(), packaged(t, at("one")).Images[0])
			must(t, err)
			f := composite("test/all", []string{"test/one", "test/two"}, "../two")
			f["package.toml"] += "[[dependencies]]\nimage = \"" + ref + "\"\n"
			f.write(t, at("pulled"))
			var diffIDs [2][]builder.Layer
			for i, from := range []string{"all", "pulled"} {
				diffIDs[i], err = builder.Layers(packaged(t, at(from)).Images[0])
				must(t, err)
			}
			// The layer of the root has another package.toml in it.
			if diff := cmp.Diff(diffIDs[0][:2], diffIDs[1][:2]); diff != "" {
				t.Error(diff)
			}
		})

		it("packages what is a package already", func() {
			file := at("one.cnb")
			first := packaged(t, at("one"))
			_, err := oci.Archive{File: file}.Export(t.Context(), first.Images[0])
			must(t, err)
			files{"package.toml": "[buildpack]\nuri = \"one.cnb\"\n"}.write(t, dir)
			if digest(t, first) != digest(t, packaged(t, at("package.toml"))) {
				t.Error("the package of a package is another")
			}
		})

		when("there are targets", func() {
			it("makes an image for each, of the folder for it", func() {
				component("test/many", "[[targets]]\nos = \"linux\"\narch = \"amd64\"\n[[targets]]\nos = \"linux\"\narch = \"arm64\"\nvariant = \"v8\"\n[[targets]]\nos = \"windows\"\n").write(t, at("many"))
				must(t, os.RemoveAll(at("many/bin")))
				for _, folder := range []string{"linux/amd64", "linux/arm64", "linux/arm64/v8"} {
					files{"bin/detect": "#!/bin/sh\n", "bin/build": "#!/bin/sh\n# " + folder}.write(t, at("many/"+folder))
				}
				made := packaged(t, at("many"))
				want := []buildpacks.Target{{OS: "linux", Arch: "amd64"}, {OS: "linux", Arch: "arm64", Variant: "v8"}}
				if diff := cmp.Diff(want, made.Targets); diff != "" {
					t.Error(diff)
				}
				layout := filepath.Join(t.TempDir(), "layout")
				_, err := oci.Layout{Dir: layout}.ExportIndex(t.Context(), made.Images)
				must(t, err)
				for _, target := range made.Targets {
					f := fetcher(t)
					f.Target = stack.Target{OS: target.OS, Arch: target.Arch, Variant: target.Variant}
					p, err := f.Fetch(t.Context(), "oci:"+layout)
					must(t, err)
					script, err := os.ReadFile(filepath.Join(p.Dirs[p.Root], "bin/build"))
					must(t, err)
					if want := strings.Join([]string{"linux", target.Arch, target.Variant}, "/"); !strings.Contains(string(script), strings.TrimSuffix(want, "/")) {
						t.Errorf("for %s there is %s", target, script)
					}
				}
			})

			it("makes those that were asked for", func() {
				made := packaged(t, at("one"), buildpacks.Target{OS: "linux", Arch: "arm64"}, buildpacks.Target{OS: "linux", Arch: "arm64"})
				if diff := cmp.Diff([]buildpacks.Target{{OS: "linux", Arch: "arm64"}}, made.Targets); diff != "" {
					t.Error(diff)
				}
			})
		})
	})
}

func TestPackageErrors(t *testing.T) {
	both := []string{"test/one", "test/two"}
	for name, c := range map[string]struct {
		change func(t *testing.T, dir string)
		from   string
		want   string
	}{
		"there is nothing":   {nil, "none", "there is no such directory or file"},
		"it is another file": {nil, "one/bin/build", "expected a directory with buildpack.toml, or a package.toml"},
		"it is no buildpack": {func(t *testing.T, dir string) { files{"none/x": ""}.write(t, dir) }, "none", "has neither buildpack.toml"},
		"a member is missing": {func(t *testing.T, dir string) {
			composite("test/all", both, "../one").write(t, filepath.Join(dir, "all"))
		}, "all", `the order of test/all@1.0.0 names test/two@1.0.0, and it is not in the package; write [[dependencies]] and uri = "..." into `},
		"one is not used": {func(t *testing.T, dir string) {
			composite("test/all", both[:1], "../one", "../two").write(t, filepath.Join(dir, "all"))
		}, "all", "brings test/two@1.0.0, which no order in the package names"},
		"a dependency is nowhere": {func(t *testing.T, dir string) {
			composite("test/all", both, "../one", "../nowhere").write(t, filepath.Join(dir, "all"))
		}, "all", "nowhere"},
		"a version is missing": {func(t *testing.T, dir string) {
			f := composite("test/all", nil, "../one")
			f["buildpack.toml"] += "[[order.group]]\nid = \"test/one\"\n"
			f.write(t, filepath.Join(dir, "all"))
		}, "all", "the order of test/all@1.0.0 names test/one without a version"},
		"an order has targets": {func(t *testing.T, dir string) {
			f := composite("test/all", both[:1], "../one")
			f["buildpack.toml"] += "[[targets]]\nos = \"linux\"\n"
			f.write(t, filepath.Join(dir, "all"))
		}, "all", "take [[targets]] and [[stacks]] out"},
		"it contains itself": {func(t *testing.T, dir string) {
			composite("test/all", []string{"test/all"}).write(t, filepath.Join(dir, "all"))
		}, "all", "test/all@1.0.0 names test/all@1.0.0"},
		"it contains itself further down": {func(t *testing.T, dir string) {
			composite("test/inner", []string{"test/one", "test/all"}).write(t, filepath.Join(dir, "inner"))
			composite("test/all", []string{"test/inner", "test/one"}, "../inner", "../one").write(t, filepath.Join(dir, "all"))
		}, "all", "an order contains itself: test/all@1.0.0 names test/inner@1.0.0 names test/all@1.0.0"},
		"it depends on itself": {func(t *testing.T, dir string) {
			composite("test/all", both, "../all").write(t, filepath.Join(dir, "all"))
		}, "all", "it needs itself"},
		"no stack fits all": {func(t *testing.T, dir string) {
			component("test/one", "[[stacks]]\nid = \"a\"\n").write(t, filepath.Join(dir, "one"))
			component("test/two", "[[stacks]]\nid = \"b\"\n").write(t, filepath.Join(dir, "two"))
		}, "all", "is for none of the stacks that the others are for"},
		"it is for another system": {func(t *testing.T, dir string) {
			component("test/one", "[[targets]]\nos = \"windows\"\n").write(t, filepath.Join(dir, "one"))
		}, "one", "none of its targets is for linux"},
		"there are too many targets": {func(t *testing.T, dir string) {
			component("test/one", strings.Repeat("[[targets]]\nos = \"linux\"\n", 65)).write(t, filepath.Join(dir, "one"))
		}, "one", "65 targets; expected at most 64"},
		"package.toml is no file": {func(t *testing.T, dir string) {
			must(t, os.Mkdir(filepath.Join(dir, "one/package.toml"), 0o755))
		}, "one", "is no file"},
		"package.toml is huge": {func(t *testing.T, dir string) {
			files{"one/package.toml": strings.Repeat("#", 2<<20)}.write(t, dir)
		}, "one", "is larger than 1024 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			component("test/one", "").write(t, filepath.Join(dir, "one"))
			component("test/two", "").write(t, filepath.Join(dir, "two"))
			composite("test/all", both, "../one", "../two").write(t, filepath.Join(dir, "all"))
			if c.change != nil {
				c.change(t, dir)
			}
			_, err := builder.Packager{Fetcher: fetcher(t), Temp: t.TempDir()}.Package(t.Context(), filepath.Join(dir, c.from), nil)
			if _, wrong := errors.AsType[*builder.PackageError](err); !wrong || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// exported writes the first image of a package and reads it as buildpacks.
func exported(t *testing.T, made builder.Package) fetch.Package {
	t.Helper()
	file := filepath.Join(t.TempDir(), "made.cnb")
	_, err := oci.Archive{File: file}.Export(t.Context(), made.Images[0])
	must(t, err)
	p, err := fetcher(t).Fetch(t.Context(), file)
	must(t, err)
	return p
}

// names are the buildpacks of a package.
func names(p fetch.Package) []string {
	var all []string
	for _, c := range p.Composites {
		all = append(all, c.String())
	}
	for _, b := range p.Buildpacks {
		all = append(all, b.Descriptor().String())
	}
	return all
}

func digest(t *testing.T, made builder.Package) string {
	t.Helper()
	d, err := made.Images[0].Digest()
	must(t, err)
	return d.String()
}
