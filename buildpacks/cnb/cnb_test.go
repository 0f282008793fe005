package cnb_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

func TestBuildpack(t *testing.T) { spec.Run(t, "CNB", testBuildpack) }

func testBuildpack(t *testing.T, when spec.G, it spec.S) {
	var (
		home   string
		site   buildpacks.Site
		output *bytes.Buffer
	)
	it.Before(func() {
		home = t.TempDir()
		output = &bytes.Buffer{}
		host, err := stack.Host()
		if err != nil {
			t.Fatal(err)
		}
		dir := func(name, path string) buildpacks.Dir {
			d := buildpacks.Dir{Host: filepath.Join(home, name), Path: path}
			if err := os.MkdirAll(d.Host, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := sandbox.Give(d.Host); err != nil {
				t.Fatal(err)
			}
			return d
		}
		site = buildpacks.Site{
			Stack: host, Runner: sandbox.Namespaces{},
			App: dir("app", "/app"), Layers: dir("layers", "/layers"),
			Platform: dir("platform", "/platform"), Temp: dir("tmp", "/tmp"), Scratch: dir("scratch", "").Host,
			Env: map[string]string{"GREETING": "hello", "PATH": "/mine"}, Output: output,
		}
		put(t, filepath.Join(site.App.Host, "app.txt"), "an app", 0o644)
	})

	// buildpack makes a buildpack whose scripts have the given bodies.
	buildpack := func(api, detect, build string) *cnb.Buildpack {
		t.Helper()
		dir := filepath.Join(home, "buildpack")
		put(t, filepath.Join(dir, "buildpack.toml"), fmt.Sprintf("api = %q\n[buildpack]\nid = \"test/bp\"\nversion = \"1.2.3\"\n", api), 0o644)
		put(t, filepath.Join(dir, "bin/detect"), "#!/bin/bash\nset -eu\n"+detect, 0o755)
		put(t, filepath.Join(dir, "bin/build"), "#!/bin/bash\nset -eu\n"+build, 0o755)
		b, err := cnb.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	probe := func(script string) buildpacks.Detection {
		t.Helper()
		d, err := buildpack("0.10", script, "").Probe(t.Context(), site)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	compile := func(api, script string) (buildpacks.Contribution, error) {
		t.Helper()
		return buildpack(api, "", script).Compile(t.Context(), site, buildpacks.Job{
			Plan: []buildpacks.Requirement{{Name: "thing", Metadata: map[string]any{"version": "7"}}},
			Env:  launch.Env{"PATH": "/before:/usr/bin:/bin", "FROM_EARLIER": "yes"},
		})
	}

	when("it is asked", func() {
		it("passes with its plans", func() {
			d := probe(`cat >"$2" <<'PLAN'
[[provides]]
name = "a"
[[requires]]
name = "a"
[requires.metadata]
version = "1"
[[or]]
[[or.provides]]
name = "b"
PLAN`)
			want := []buildpacks.Alternative{
				{Provides: []string{"a"}, Requires: []buildpacks.Requirement{{Name: "a", Metadata: map[string]any{"version": "1"}}}},
				{Provides: []string{"b"}},
			}
			if diff := cmp.Diff(want, d.Plans); diff != "" || d.Verdict != buildpacks.Pass {
				t.Errorf("verdict %s, plans (-expected +got):\n%s", d.Verdict, diff)
			}
		})
		it("says no, and why", func() {
			if d := probe(`echo "no app here" >&2; exit 100`); d.Verdict != buildpacks.Fail || d.Reason != "no app here\n" {
				t.Errorf("got %+v", d)
			}
		})
		it("breaks, which is not a no", func() {
			for script, reason := range map[string]string{
				"echo oops; exit 3":         "exit status 3\noops",
				"kill -KILL $$":             "signal 9",
				`echo 'not = [' >"$2"`:      "build plan",
				`echo '[[provides]]' >"$2"`: "without a name",
				"touch new 2>&1":            "Read-only file system",
			} {
				if d := probe(script); d.Verdict != buildpacks.Error || !strings.Contains(d.Reason, reason) {
					t.Errorf("%s: got %+v, expected %q", script, d, reason)
				}
			}
		})
		it("cannot flood memory", func() {
			d := probe("head -c 300000000 /dev/zero | tr '\\0' x; exit 100")
			if len(d.Reason) > 20<<10 || d.Verdict != buildpacks.Fail {
				t.Errorf("verdict %s, %d bytes of reason", d.Verdict, len(d.Reason))
			}
		})
		it("sees the environment of the spec and nothing else", func() {
			t.Setenv("HOST_SECRET", "leaks")
			d := probe(`pwd; id -u; env | sort; exit 100`)
			for _, line := range []string{
				"/app", "1000", "CNB_BUILDPACK_DIR=/cnb/buildpacks/test_bp/1.2.3", "CNB_BUILD_PLAN_PATH=/plan/plan.toml",
				"CNB_PLATFORM_DIR=/platform", "CNB_TARGET_OS=linux", "GREETING=hello",
				"PATH=/mine:" + stack.DefaultPath,
			} {
				if !strings.Contains("\n"+d.Reason, "\n"+line+"\n") {
					t.Errorf("no %q in\n%s", line, d.Reason)
				}
			}
			if strings.Contains(d.Reason, "HOST_SECRET") {
				t.Error("the caller's environment leaks")
			}
		})
	})

	when("the operator has variables", func() {
		it.Before(func() {
			site.BuildConfig = filepath.Join(home, "config")
			put(t, filepath.Join(site.BuildConfig, "env/GREETING.append"), " operator", 0o644)
		})
		it("sees them when it is asked", func() {
			if d := probe(`echo "$GREETING"; exit 100`); d.Reason != "hello operator\n" {
				t.Errorf("got %q", d.Reason)
			}
		})
		it("is not run when they cannot be read", func() {
			put(t, filepath.Join(site.BuildConfig, "env/BAD"), "a\x00b", 0o644)
			if _, err := buildpack("0.10", "", "").Probe(t.Context(), site); err == nil || !strings.Contains(err.Error(), site.BuildConfig+"/env/BAD") {
				t.Errorf("asked: %v", err)
			}
			var failed *buildpacks.CompileError
			if _, err := compile("0.10", ""); err == nil || errors.As(err, &failed) || !strings.Contains(err.Error(), site.BuildConfig+"/env/BAD") {
				t.Errorf("building: %v", err)
			}
		})
	})

	when("it builds", func() {
		it("gets its inputs", func() {
			if _, err := compile("0.10", `echo "$1 $2 $3"; cat "$CNB_BP_PLAN_PATH"; echo "$CNB_LAYERS_DIR $FROM_EARLIER $PATH"; touch built /tmp/x; id -u`); err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{
				"/layers/test_bp /platform /plan/plan.toml", `name = "thing"`, `version = "7"`,
				"/layers/test_bp yes /mine:/before:/usr/bin:/bin", "1000",
			} {
				if !strings.Contains(output.String(), want) {
					t.Errorf("no %q in\n%s", want, output)
				}
			}
			if _, err := os.Stat(filepath.Join(site.App.Host, "built")); err != nil {
				t.Errorf("what it wrote into the app is not there: %v", err)
			}
		})
		it("contributes layers, processes, labels, slices, unmet entries and a store", func() {
			c, err := compile("0.10", `cd "$1"
mkdir one two nothing
printf '[types]\nlaunch = true\ncache = true\n[metadata]\nn = 1\n' >one.toml
printf '[types]\nbuild = true\n' >two.toml
printf '[types]\nlaunch = true\n' >kept.toml
printf '[metadata]\nx = 1\n' >nothing.toml
cat >launch.toml <<'LAUNCH'
[[processes]]
type = "web"
command = ["server"]
args = ["--port"]
default = true
working-dir = "/app/sub"
[[labels]]
key = "k"
value = "v"
[[slices]]
paths = ["static/*"]
LAUNCH
printf '[[unmet]]\nname = "thing"\n' >build.toml
printf '[metadata]\nseen = 2\n' >store.toml`)
			if err != nil {
				t.Fatal(err)
			}
			host := filepath.Join(site.Layers.Host, "test_bp")
			want := buildpacks.Contribution{
				Layers: []buildpacks.Layer{
					{Buildpack: "test/bp", Name: "kept", Dir: buildpacks.Dir{Path: "/layers/test_bp/kept"}, Launch: true},
					{Buildpack: "test/bp", Name: "one", Dir: buildpacks.Dir{Host: host + "/one", Path: "/layers/test_bp/one"}, Launch: true, Cache: true, Metadata: map[string]any{"n": int64(1)}},
					{Buildpack: "test/bp", Name: "two", Dir: buildpacks.Dir{Host: host + "/two", Path: "/layers/test_bp/two"}, Build: true},
				},
				Processes: []launch.Process{{Type: "web", Command: []string{"server"}, Args: []string{"--port"}, Direct: true, Default: true, WorkingDirectory: "/app/sub", BuildpackID: "test/bp"}},
				Labels:    []buildpacks.Label{{Key: "k", Value: "v"}},
				Slices:    [][]string{{"static/*"}},
				Unmet:     []string{"thing"},
				Store:     map[string]any{"seen": int64(2)},
			}
			if diff := cmp.Diff(want, c); diff != "" {
				t.Errorf("contribution (-expected +got):\n%s", diff)
			}
			if _, err := os.Stat(host + "/nothing.ignore"); err != nil {
				t.Errorf("the layer without a type was not set aside: %v", err)
			}
		})
		it("follows the process form of its API", func() {
			old := `printf '[[processes]]\ntype = "web"\ncommand = "run it"\n' >"$1/launch.toml"`
			c, err := compile("0.8", old)
			if err != nil {
				t.Fatal(err)
			}
			if p := c.Processes[0]; p.Direct || p.Command[0] != "run it" {
				t.Errorf("got %+v", p)
			}
			if _, err := compile("0.9", old); err == nil || !strings.Contains(err.Error(), "wants a list") {
				t.Errorf("got %v", err)
			}
		})
		it("fails with whose fault it was", func() {
			for script, want := range map[string]string{
				"exit 7":                     "bin/build: exit status 7",
				"kill -TERM $$; sleep 10":    "bin/build: ended by signal 15",
				`echo '[' >"$1/launch.toml"`: "launch.toml: reading",
				`echo 'launch = true' >"$1/l.toml"; mkdir "$1/l"`:                   "belong under [types]",
				`printf '[types]\ncache = true\n' >"$1/l.toml"`:                     "has no directory",
				`printf '[[processes]]\ntype = "a/b"\n' >"$1/launch.toml"`:          `process type "a/b"`,
				`printf '[[processes]]\ntype = "a"\n' >"$1/launch.toml"`:            "no command",
				`ln -s /etc "$1/l"; printf '[types]\nlaunch = true\n' >"$1/l.toml"`: "not a directory",
			} {
				var failed *buildpacks.CompileError
				_, err := compile("0.10", script)
				if !errors.As(err, &failed) || !strings.Contains(err.Error(), want) || failed.Temporary() {
					t.Errorf("%s: got %v, expected %q", script, err, want)
				}
				if err := sandbox.Remove(filepath.Join(site.Layers.Host, "test_bp")); err != nil {
					t.Fatal(err)
				}
			}
			var failed *buildpacks.CompileError
			if _, err := compile("0.10", "exit 75"); !errors.As(err, &failed) || !failed.Temporary() {
				t.Errorf("exit 75 is not temporary: %v", err)
			}
		})
		it("reads nothing of the machine that it has no business with", func() {
			secret := filepath.Join(home, "id_rsa")
			put(t, secret, "PRIVATE", 0o644)
			socket, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", shortPath(t))
			if err != nil {
				t.Fatal(err)
			}
			defer socket.Close()
			if _, err := compile("0.10", fmt.Sprintf(`
for f in %s %s ~root/.ssh/id_rsa /home/*/.ssh /etc/shadow /etc/machine-id /run/docker.sock /var/run/docker.sock; do
  if [ -e "$f" ]; then echo "seen: $f"; cat "$f" 2>&1; fi
done
echo "homes:" $(ls -A /root /home /run 2>/dev/null | grep -v : | sort)`, secret, socket.Addr())); err != nil {
				t.Fatal(err)
			}
			if got := output.String(); got != "homes:\n" {
				t.Errorf("got\n%s", got)
			}
		})
		it("has the network only when the build is not offline", func() {
			listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			connect := "exec 3<>/dev/tcp/" + strings.Replace(listener.Addr().String(), ":", "/", 1)
			if _, err := compile("0.10", connect); err != nil {
				t.Errorf("online: %v", err)
			}
			site.Offline = true
			if _, err := compile("0.10", connect); err == nil {
				t.Error("offline: it connected")
			}
		})
	})

	when("it is not in order", func() {
		for _, tt := range []struct{ toml, problem string }{
			{"", "no api"},
			{"api = \"0.3\"\n", "0.3\" is not supported; these are: 0.7, 0.8"},
			{"api = \"0.10\"\n[buildpack]\nversion = \"1\"\n", `buildpack id ""`},
			{"api = \"0.10\"\n[buildpack]\nid = \"../x\"\nversion = \"1\"\n", `buildpack id "../x"`},
			{"api = \"0.10\"\n[buildpack]\nid = \"config\"\nversion = \"1\"\n", `buildpack id "config"`},
			{"api = \"0.10\"\n[buildpack]\nid = \"a\"\n", "version"},
			{"api = \"0.10\"\n[buildpack]\nid = \"a\"\nversion = \"1\"\n[[order]]\n", "order of other buildpacks"},
			{"api = \"0.10\"\n[buildpack]\nid = \"a\"\nversion = \"1\"\n", "no bin/detect"},
			{"api = ", "line 1"},
			{strings.Repeat("#", 2<<20), "larger than"},
		} {
			it("says so: "+tt.problem, func() {
				dir := filepath.Join(home, "bad")
				put(t, filepath.Join(dir, "buildpack.toml"), tt.toml, 0o644)
				if _, err := cnb.Open(dir); err == nil || !strings.Contains(err.Error(), tt.problem) {
					t.Errorf("got %v, expected %q", err, tt.problem)
				}
			})
		}
		it("says so: a script that is not executable", func() {
			buildpack("0.10", "", "")
			script := filepath.Join(home, "buildpack/bin/build")
			if err := os.Chmod(script, 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := cnb.Open(filepath.Join(home, "buildpack")); err == nil || !strings.Contains(err.Error(), "chmod +x "+script) {
				t.Errorf("got %v", err)
			}
		})
	})
}

// shortPath is a path that is short enough for a socket.
func shortPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return filepath.Join(dir, "docker.sock")
}

func put(t *testing.T, file, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
