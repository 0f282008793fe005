package cnb_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/sandbox"
)

func TestCompile(t *testing.T) { spec.Run(t, "bin/build", testCompile) }

// counter counts what is written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func testCompile(t *testing.T, when spec.G, it spec.S) {
	var (
		home   string
		site   buildpacks.Site
		output *bytes.Buffer
	)
	it.Before(func() {
		home, output = t.TempDir(), &bytes.Buffer{}
		host, err := stack.Host()
		if err != nil {
			t.Fatal(err)
		}
		dir := func(name string) buildpacks.Dir {
			d := buildpacks.Dir{Host: filepath.Join(home, name), Path: "/" + name}
			if err := os.MkdirAll(d.Host, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := sandbox.Give(d.Host); err != nil {
				t.Fatal(err)
			}
			return d
		}
		site = buildpacks.Site{
			Stack: host, Runner: sandbox.Namespaces{}, App: dir("app"), Layers: dir("layers"), Platform: dir("platform"),
			Temp: dir("tmp"), Scratch: dir("scratch").Host, Output: output,
		}
	})

	// open makes a buildpack of an API with a bin/build.
	open := func(api, script string) *cnb.Buildpack {
		t.Helper()
		dir := filepath.Join(home, "buildpack")
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, "buildpack.toml"), fmt.Sprintf(
			"api = %q\n[buildpack]\nid = \"test/bp\"\nversion = \"1\"\nsbom-formats = [\"application/spdx+json\"]\n", api), 0o644)
		put(t, filepath.Join(dir, "bin/detect"), "#!/bin/sh\n", 0o755)
		put(t, filepath.Join(dir, "bin/build"), "#!/bin/bash\nset -eu\ncd \"$1\"\n"+script, 0o755)
		b, err := cnb.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	plan := []buildpacks.Requirement{{Name: "asked"}}
	compile := func(api, script string) (buildpacks.Contribution, error) {
		t.Helper()
		if err := sandbox.Remove(filepath.Join(site.Layers.Host, "test_bp")); err != nil {
			t.Fatal(err)
		}
		return open(api, script).Compile(t.Context(), site, buildpacks.Job{Plan: plan})
	}
	// refused are scripts with what has to be in the error.
	refused := func(api string, scripts map[string]string) {
		t.Helper()
		for script, want := range scripts {
			_, err := compile(api, script)
			failed, ok := errors.AsType[*buildpacks.CompileError](err)
			if !ok || !strings.Contains(failed.Error(), want) || failed.Buildpack.ID != "test/bp" {
				t.Errorf("API %s: %s: got %v, expected %q", api, script, err, want)
			}
		}
	}

	when("it leaves layers", func() {
		it("leaves the layers that a build described before it failed", func() {
			b := open("0.10", `mkdir packages old
printf '[types]\ncache = true\n[metadata]\nlock = "1"\n' >packages.toml
printf '[types]\ncache = true\n' >missing.toml
printf '[types]\nlaunch = true\n' >old.toml
printf '[metadata]\nlock = "1"\n' >restored.toml
printf '[[processes]]\n' >launch.toml
echo x >broken.toml
exit 75
`)
			if left, err := b.Left(site); err != nil || len(left) > 0 {
				t.Errorf("before: %v, %v", left, err)
			}
			var failed *buildpacks.CompileError
			if _, err := b.Compile(t.Context(), site, buildpacks.Job{}); !errors.As(err, &failed) || !failed.Temporary() {
				t.Fatalf("got %v", err)
			}
			left, err := b.Left(site)
			if err != nil || len(left) != 1 || left[0].ID() != "test/bp:packages" || left[0].Metadata["lock"] != "1" || !left[0].Cache {
				t.Errorf("got %+v, %v", left, err)
			}
		})

		it("takes names that are odd but can be told", func() {
			long := strings.Repeat("n", 250)
			c, err := compile("0.10", fmt.Sprintf(`
for name in "a b" a.b a-b a A größe build.x "x:y" .hidden %s; do
  mkdir "$name"; printf '[types]\nlaunch = true\n' >"$name.toml"
done; mkdir dir.toml undeclared`, long))
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, l := range c.Layers {
				names = append(names, l.Name)
			}
			want := []string{".hidden", "A", "a", "a b", "a-b", "a.b", "build.x", "größe", long, "x:y"}
			if diff := cmp.Diff(want, names); diff != "" {
				t.Errorf("layers (-expected +got):\n%s", diff)
			}
		})
		it("refuses those that cannot", func() {
			refused("0.10", map[string]string{
				`touch .toml`:        `"" is no name of a layer`,
				`touch ..toml`:       `"." is no name of a layer`,
				`touch ...toml`:      `".." is no name of a layer`,
				`touch $'a\nb.toml'`: `"a\nb" is no name of a layer`,
				`touch $'\xff.toml'`: `"\xff" is no name of a layer`,
				`mkdir launch; printf '[types]\nlaunch = true\n' >launch.toml`: "no layer can be named launch: build, launch, store",
				`mkdir store; printf '[types]\nlaunch = true\n' >store.toml`:   "no layer can be named store",
			})
		})
		it("refuses what a layer cannot be", func() {
			refused("0.10", map[string]string{
				`printf '[types]\ncache = true\n' >l.toml`:                                                        "l.toml: layer l is said to be cached, but has no directory",
				`mkdir l; printf '[types]\nlaunch = 1\n' >l.toml`:                                                 "l.toml: reading",
				`mkdir l; printf '[types]\nlaunch = true\n[metadata]\nx = inf\n' >l.toml`:                         "l.toml: its metadata cannot be told in JSON",
				`printf '[metadata]\nx = nan\n' >store.toml`:                                                      "store.toml: its metadata cannot be told in JSON",
				`mkdir l; printf '\n\n\n[types = 1' >l.toml`:                                                      "line 4",
				`mkdir l; ln -s /etc/passwd l.toml`:                                                               "expected a regular file",
				`mkfifo l.toml`:                                                                                   "expected a regular file",
				`mkdir -p l/env.build; ln -s /etc/passwd l/env.build/X; printf '[types]\nbuild = true\n' >l.toml`: "env.build/X",
			})
		})
		it("lets a layer for the build or for processes have nothing in it", func() {
			c, err := compile("0.10", `printf '[types]\nbuild = true\n' >b.toml; printf '[types]\nlaunch = true\n' >l.toml`)
			if err != nil || len(c.Layers) != 2 || c.Layers[0].Dir.Host != "" || c.Layers[1].Dir.Host != "" {
				t.Errorf("got %+v, %v", c.Layers, err)
			}
		})
		it("sets aside one without a type, over and over", func() {
			script := `mkdir -p l l.ignore; touch l/new; printf '[metadata]\nx = 1\n' >l.toml`
			if c, err := compile("0.10", script); err != nil || len(c.Layers) != 0 {
				t.Errorf("got %+v, %v", c.Layers, err)
			}
			if _, err := os.Stat(filepath.Join(site.Layers.Host, "test_bp/l")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the layer is still there: %v", err)
			}
		})
	})

	when("it leaves SBOM files", func() {
		it("takes those of formats that it declares", func() {
			c, err := compile("0.7", `mkdir a.b; printf '[types]\nlaunch = true\n' >a.b.toml
touch a.b.sbom.spdx.json launch.sbom.spdx.json unknown.sbom.spdx.json notes.sbom.txt`)
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(site.Layers.Host, "test_bp")
			want := []buildpacks.SBOM{
				{Buildpack: "test/bp", Layer: "a.b", Scope: "launch", Format: "spdx.json", File: dir + "/a.b.sbom.spdx.json"},
				{Buildpack: "test/bp", Scope: "launch", Format: "spdx.json", File: dir + "/launch.sbom.spdx.json"},
			}
			if diff := cmp.Diff(want, c.SBOM); diff != "" {
				t.Errorf("SBOM (-expected +got):\n%s", diff)
			}
		})
		it("refuses others", func() {
			refused("0.10", map[string]string{
				`touch launch.sbom.cdx.json`:              "validating SBOM file launch.sbom.cdx.json for buildpack test/bp@1: undeclared SBOM media type: 'application/vnd.cyclonedx+json'",
				`touch build.sbom.other.json`:             "unsupported SBOM file format",
				`ln -s /etc/passwd launch.sbom.spdx.json`: "launch.sbom.spdx.json: expected a regular file",
			})
		})
	})

	when("it leaves launch.toml and build.toml", func() {
		it("is told what is wrong with them, and on which line", func() {
			launchTOML := func(text string) string { return "printf '" + text + "' >launch.toml" }
			refused("0.10", map[string]string{
				launchTOML(`\n[[processes] = 1`):                                          "line 2",
				launchTOML(`processes = 1\n`):                                             "launch.toml",
				launchTOML(`[[processes]]\ntype = ".."\ncommand = ["x"]\n`):               `process type ".."`,
				launchTOML(`[[processes]]\ntype = "a b"\ncommand = ["x"]\n`):              `process type "a b"`,
				launchTOML(`[[processes]]\ntype = "w"\ncommand = []\n`):                   "process w: no command",
				launchTOML(`[[processes]]\ntype = "w"\ncommand = "x"\n`):                  "Buildpack API 0.10 wants a list",
				launchTOML(`[[processes]]\ntype = "w"\ncommand = [1]\n`):                  "holds 1, which is no string",
				launchTOML(`[[processes]]\ntype = "w"\ncommand = {}\n`):                   "neither a string nor a list",
				launchTOML(`[[processes]]\ntype = "w"\ncommand = ["x"]\ndirect = true\n`): "direct is not a key of Buildpack API 0.10",
				launchTOML(`[[processes]]\ntype = "w"\ncommand = ["a\\u0000"]\n`):         "NUL byte",
				launchTOML(`[[processes]]\ntype = "a"\ncommand = ["x"]\ndefault = true\n[[processes]]\ntype = "b"\ncommand = ["x"]\ndefault = true\n`): "multiple default process types",
				launchTOML(`[[slices]]\npaths = ["ok", "../out"]\n`):                  `slice 1: pattern "../out": expected a path in the app directory`,
				launchTOML(`[[slices]]\npaths = ["/etc/*"]\n`):                        "the app is /app",
				launchTOML(`[[slices]]\npaths = ["[a"]\n`):                            "syntax error in pattern",
				`printf '[[unmet]]\nname = "other"\n' >build.toml`:                    `build.toml: unmet.name "other" must match a requested dependency`,
				`printf '[[bom]]\nname = "b"\nversion = "1"\n' >build.toml`:           `build.toml: bom entry "b" has a top level version which is not allowed`,
				`printf '[[unmet]]\n' >build.toml`:                                    "unmet.name is required",
				`printf '\n\n\n[[unmet]]\nname = \n' >build.toml`:                     "line 5",
				`head -c 1048577 /dev/zero | tr '\0' '#' >build.toml`:                 "larger than 1024 KiB",
				`(printf 'a = '; head -c 500000 /dev/zero | tr '\0' '[') >store.toml`: "line 1: nested more than",
			})
			refused("0.8", map[string]string{
				launchTOML(`[[processes]]\ntype = "w"\ncommand = ["x"]\n`): "Buildpack API 0.8 wants a string",
				launchTOML(`[[processes]]\ntype = "w"\n`):                  "process w: no command",
			})
		})
		it("may pass on what it was asked for, and slice the app by any path in it", func() {
			c, err := compile("0.10", `printf '[[unmet]]\nname = "asked"\n' >build.toml
printf '[[slices]]\npaths = ["/app/a/*", "./b/", "/app", "[cd]?"]\n[[labels]]\nvalue = "x"\n' >launch.toml`)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([][]string{{"a/*", "b", ".", "[cd]?"}}, c.Slices); diff != "" {
				t.Errorf("slices (-expected +got):\n%s", diff)
			}
			if !cmp.Equal(c.Unmet, []string{"asked"}) || len(c.Labels) != 0 || len(c.Warnings) != 1 {
				t.Errorf("got %+v", c)
			}
		})
	})

	when("the app is a directory of its source", func() {
		it.Before(func() {
			site.Subdir = "packages/[web]"
			if err := errors.Join(os.MkdirAll(site.AppDir().Host, 0o755), sandbox.GiveTree(site.App.Host)); err != nil {
				t.Fatal(err)
			}
		})
		it("works there, and writes in all of it", func() {
			if _, err := compile("0.10", `cd "$OLDPWD"; echo "$PWD of $SLUGC_SOURCE_DIR"; touch here ../beside "$SLUGC_SOURCE_DIR/top"`); err != nil {
				t.Fatal(err)
			}
			if got := output.String(); got != "/app/packages/[web] of /app\n" {
				t.Errorf("got %q", got)
			}
			for _, name := range []string{"packages/[web]/here", "packages/beside", "top"} {
				if _, err := os.Stat(filepath.Join(site.App.Host, name)); err != nil {
					t.Error(err)
				}
			}
		})
		it("slices it, and what it needs of the rest", func() {
			c, err := compile("0.10", `printf '[[slices]]\npaths = ["a/*", "./b/", "../shared", "../../node_modules", "/app/packages/[s]*", "."]\n' >launch.toml`)
			if err != nil {
				t.Fatal(err)
			}
			app := `packages/\[web]`
			want := [][]string{{app + "/a/*", app + "/b", "packages/shared", "node_modules", "packages/[s]*", app}}
			if diff := cmp.Diff(want, c.Slices); diff != "" {
				t.Errorf("slices (-expected +got):\n%s", diff)
			}
			refused("0.10", map[string]string{
				`printf '[[slices]]\npaths = ["../../../x"]\n' >launch.toml`: `slice 1: pattern "../../../x": expected a path in the app directory`,
			})
		})
		it("may not take it away", func() {
			refused("0.10", map[string]string{`rmdir "$SLUGC_SOURCE_DIR/packages/[web]"`: "bin/build: /app/packages/[web] is gone; expected the finished app"})
		})
		it("may not put a link in its place", func() {
			refused("0.10", map[string]string{`cd "$SLUGC_SOURCE_DIR"; mv packages p; ln -s p packages`: "bin/build: /app/packages was replaced by what is not a directory"})
		})
	})

	when("it misbehaves", func() {
		it("hangs, and is ended", func() {
			site.BuildTimeout = 200 * time.Millisecond
			refused("0.10", map[string]string{`sleep 1000`: "bin/build: timed out after 200ms"})
		})
		it("leaves a daemon behind, which ends with it", func() {
			began := time.Now()
			if _, err := compile("0.10", `(trap '' HUP TERM; sleep 1000) & disown; setsid sleep 1000 & echo left`); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > 30*time.Second || output.String() != "left\n" {
				t.Errorf("after %s: %q", took, output)
			}
		})
		it("writes more than anybody reads", func() {
			var written counter
			site.Output = &written
			const size = 1 << 30
			if _, err := compile("0.10", fmt.Sprintf("head -c %d /dev/zero", size)); err != nil || written != size {
				t.Errorf("%d bytes of %d, %v", written, size, err)
			}
		})
		it("ends by a signal, which is named", func() {
			refused("0.10", map[string]string{
				`kill -SEGV $$`: "bin/build: ended by signal 11 (segmentation fault)",
				`kill -KILL $$`: "bin/build: ended by signal 9 (killed)",
			})
		})
		it("is not what it was when it was opened", func() {
			for name, spoil := range map[string]func(string) error{
				"not found":      os.Remove,
				"not executable": func(file string) error { return os.Chmod(file, 0o644) },
				"interpreter":    func(file string) error { return os.WriteFile(file, []byte("#!/bad/shell\n"), 0o755) },
			} {
				b := open("0.10", "")
				if err := spoil(filepath.Join(b.Dir, "bin/build")); err != nil {
					t.Fatal(err)
				}
				_, err := b.Compile(t.Context(), site, buildpacks.Job{})
				failed, ok := errors.AsType[*buildpacks.CompileError](err)
				if !ok || !strings.Contains(failed.Error(), "bin/build") || !strings.Contains(failed.Error(), name) {
					t.Errorf("%s: got %v", name, err)
				}
			}
		})
		it("leaves files that nobody may read", func() {
			c, err := compile("0.10", `mkdir -p l/closed; echo x >l/closed/file; chmod 0 l/closed/file l/closed; mkfifo l/pipe
printf '[types]\nlaunch = true\n' >l.toml`)
			if err != nil || len(c.Layers) != 1 {
				t.Fatalf("got %+v, %v", c, err)
			}
			if err := sandbox.Remove(c.Layers[0].Dir.Host); err != nil {
				t.Error(err)
			}
		})
	})
}
