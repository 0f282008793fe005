package classic_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/classic"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// files are the files of a buildpack by name; scripts have no first line.
type files map[string]string

// yard is where a test builds.
type yard struct {
	t      *testing.T
	home   string
	site   buildpacks.Site
	output *bytes.Buffer
	copies int
}

// newYard is a site as slugc build has it: the layers lie in the app.
func newYard(t *testing.T) *yard {
	t.Helper()
	host, err := stack.Host()
	if err != nil {
		t.Fatal(err)
	}
	y := &yard{t: t, home: t.TempDir(), output: &bytes.Buffer{}}
	t.Cleanup(func() {
		if err := sandbox.Remove(y.home); err != nil {
			t.Error(err)
		}
	})
	dir := func(name, path string) buildpacks.Dir {
		d := buildpacks.Dir{Host: filepath.Join(y.home, name), Path: path}
		if err := errors.Join(os.MkdirAll(d.Host, 0o755), sandbox.Give(d.Host)); err != nil {
			t.Fatal(err)
		}
		return d
	}
	y.site = buildpacks.Site{
		Stack: host, Runner: sandbox.Namespaces{},
		App: dir("app", "/app"), Layers: dir("app/.slugc/layers", "/app/.slugc/layers"),
		Cache:    buildpacks.Dir{Host: filepath.Join(y.home, "app/.slugc/layers/slugc_classic/cache"), Path: "/cache"},
		Platform: dir("platform", "/platform"), Temp: dir("tmp", "/tmp"), Scratch: dir("scratch", "").Host,
		Output:        y.output,
		SourceVersion: "1234567890123456789012345678901234567890", RequestID: "one-of-many",
	}
	if err := sandbox.Give(filepath.Join(y.home, "app/.slugc")); err != nil {
		t.Fatal(err)
	}
	y.put("app/app.txt", "an app\n")
	y.put("platform/env/SECRET", "line 1\nline 2 \\ \"$x\"")
	return y
}

// put writes a file below the home of the yard.
func (y *yard) put(name, text string) {
	y.t.Helper()
	file := filepath.Join(y.home, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644), sandbox.Give(file)); err != nil {
		y.t.Fatal(err)
	}
}

// read is a file of the app.
func (y *yard) read(name string) string {
	y.t.Helper()
	data, err := os.ReadFile(filepath.Join(y.site.App.Host, name))
	if err != nil {
		y.t.Fatal(err)
	}
	return string(data)
}

// buildpack makes a buildpack for a build. Its scripts are not executable,
// as those of many repositories are not.
func (y *yard) buildpack(name string, with files) *classic.Buildpack {
	y.t.Helper()
	dir := filepath.Join("buildpacks", name)
	if err := os.RemoveAll(filepath.Join(y.home, dir)); err != nil {
		y.t.Fatal(err)
	}
	all := files{"bin/detect": "echo Test", "bin/compile": "true"}
	for file, text := range with {
		all[file] = text
	}
	for file, text := range all {
		if strings.HasPrefix(file, "bin/") {
			text = "#!/bin/bash\n" + text + "\n"
		}
		y.put(filepath.Join(dir, file), text)
	}
	b, err := classic.Open(filepath.Join(y.home, dir))
	if err != nil {
		y.t.Fatal(err)
	}
	y.copies++
	own, err := b.ForBuild(filepath.Join(y.home, "copies", strconv.Itoa(y.copies)))
	if err != nil {
		y.t.Fatal(err)
	}
	return own
}

func (y *yard) compile(with files) (buildpacks.Contribution, error) {
	y.t.Helper()
	return y.buildpack("one", with).Compile(y.t.Context(), y.site, buildpacks.Job{Env: launch.Env{"PATH": "/before:/usr/bin:/bin", "FROM_EARLIER": "yes"}})
}

// mustCompile compiles with bin/compile alone.
func (y *yard) mustCompile(script string) buildpacks.Contribution {
	y.t.Helper()
	c, err := y.compile(files{"bin/compile": "set -eu\n" + script})
	if err != nil {
		y.t.Fatalf("%v\n%s", err, y.output)
	}
	return c
}

func TestBuildpack(t *testing.T) { spec.Run(t, "classic", testBuildpack) }

func testBuildpack(t *testing.T, when spec.G, it spec.S) {
	var y *yard
	it.Before(func() { y = newYard(t) })

	when("the app is a directory of its source", func() {
		it.Before(func() {
			y.site.Subdir = "packages/web"
			y.put("app/packages/web/Procfile", "")
			if err := sandbox.GiveTree(filepath.Join(y.site.App.Host, "packages")); err != nil {
				t.Fatal(err)
			}
		})
		it("is asked about that", func() {
			d, err := y.buildpack("one", files{"bin/detect": `echo "$1 $BUILD_DIR $PWD $SLUGC_SOURCE_DIR"`}).Probe(t.Context(), y.site)
			if want := "/app/packages/web /app/packages/web /app/packages/web /app"; err != nil || d.Found != want {
				t.Errorf("got %q, %v, want %q", d.Found, err, want)
			}
		})
		it("builds it, and may put another directory in its place", func() {
			script := `echo "$1 $BUILD_DIR $PWD $SLUGC_SOURCE_DIR" >"$CACHE_DIR/words"
cp "$SLUGC_SOURCE_DIR/app.txt" "$CACHE_DIR"; rm -r "$1"; mv "$CACHE_DIR" "$1"; mkdir "$CACHE_DIR"`
			b := y.buildpack("one", files{"bin/compile": "set -eu\n" + script, "bin/release": `echo "default_process_types: {web: $1}"`, "bin/report": `echo "dir: $1"`, "export": "export DIR=$SLUGC_SOURCE_DIR SLUGC_SOURCE_DIR=x"})
			c, err := b.Compile(t.Context(), y.site, buildpacks.Job{Env: launch.Env{"PATH": "/usr/bin:/bin"}})
			if err != nil {
				t.Fatalf("%v\n%s", err, y.output)
			}
			dir := "/app/packages/web"
			if got := y.read("packages/web/words"); got != dir+" "+dir+" "+dir+" /app\n" || y.read("packages/web/app.txt") != "an app\n" {
				t.Errorf("got %q", got)
			}
			if c.Processes[0].Command[0] != dir || c.Report["dir"] != dir {
				t.Errorf("got %+v", c)
			}
			env, err := b.Export(t.Context(), y.site, launch.Env{"PATH": "/usr/bin:/bin"})
			if diff := cmp.Diff(launch.Env{"PATH": "/usr/bin:/bin", "DIR": "/app"}, env); err != nil || diff != "" {
				t.Errorf("export: %v %s", err, diff)
			}
			command, _, ok := y.buildpack("two", files{"bin/test": ""}).Test(y.site)
			if !ok || command[1] != dir {
				t.Errorf("bin/test: got %q", command)
			}
		})
		it("may not take it away", func() {
			if _, err := y.compile(files{"bin/compile": `rm -r "$1"`}); err == nil || !strings.Contains(err.Error(), "it removed BUILD_DIR") {
				t.Errorf("got %v", err)
			}
		})
	})

	when("it is asked", func() {
		probe := func(script string) buildpacks.Detection {
			t.Helper()
			d, err := y.buildpack("one", files{"bin/detect": script}).Probe(t.Context(), y.site)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		it("passes with the name of what it found", func() {
			d := probe(`[ -f "$1/app.txt" ] && echo "Node.js"; echo "why" >&2`)
			if d.Verdict != buildpacks.Pass || d.Found != "Node.js" || !strings.Contains(d.Reason, "why") {
				t.Errorf("got %+v", d)
			}
		})
		it("passes without a name", func() {
			if d := probe("exit 0"); d.Verdict != buildpacks.Pass || d.Found != "" {
				t.Errorf("got %+v", d)
			}
		})
		it("takes the first line for the name, without what moves a cursor", func() {
			if d := probe(`printf '\e[1m Ruby\a on Rails \nmore\n'`); d.Found != "[1m Ruby on Rails" {
				t.Errorf("got %q", d.Found)
			}
		})
		it("says no by any other status, and why", func() {
			for _, status := range []string{"1", "2", "100", "255"} {
				if d := probe("echo no app here >&2; exit " + status); d.Verdict != buildpacks.Fail || d.Reason != "no app here" {
					t.Errorf("got %+v", d)
				}
			}
		})
		it("breaks, which is not a no", func() {
			if d := probe("kill -KILL $$"); d.Verdict != buildpacks.Error || !strings.Contains(d.Reason, "signal 9") {
				t.Errorf("got %+v", d)
			}
			y.put("buildpacks/broken/bin/detect", "#!/no/such/interpreter\n")
			y.put("buildpacks/broken/bin/compile", "")
			b, err := classic.Open(filepath.Join(y.home, "buildpacks/broken"))
			if err != nil {
				t.Fatal(err)
			}
			if b, err = b.ForBuild(filepath.Join(y.home, "copies/broken")); err != nil {
				t.Fatal(err)
			}
			if d, err := b.Probe(t.Context(), y.site); err != nil || d.Verdict != buildpacks.Error || !strings.Contains(d.Reason, "interpreter") {
				t.Errorf("got %+v, %v", d, err)
			}
		})
		it("cannot change the app, nor flood memory", func() {
			if d := probe("touch $1/new || exit 1"); d.Verdict != buildpacks.Fail || !strings.Contains(d.Reason, "Read-only") {
				t.Errorf("got %+v", d)
			}
			if d := probe("head -c 300000000 /dev/zero | tr '\\0' x"); d.Verdict != buildpacks.Pass || len(d.Reason) > 40<<10 || len(d.Found) > 100 {
				t.Errorf("verdict %s, %d bytes of reason, name %q", d.Verdict, len(d.Reason), d.Found)
			}
		})
	})

	when("it compiles", func() {
		it("gets its directories as arguments and by name", func() {
			y.mustCompile(`
				[ "$1" = "$BUILD_DIR" ] && [ "$2" = "$CACHE_DIR" ] && [ "$3" = "$ENV_DIR" ] && [ $# = 3 ]
				[ "$1" = /app ] && [ "$PWD" = /app ] && cat app.txt
				cd "$(dirname "$0")/.." && touch mine && [ -f bin/detect ]`)
			if y.output.String() != "an app\n" {
				t.Errorf("printed %q", y.output)
			}
			if _, err := os.Stat(filepath.Join(y.home, "buildpacks/one/mine")); err == nil {
				t.Error("it wrote into the buildpack that other builds use")
			}
		})
		it("has the environment of the contract and nothing else", func() {
			t.Setenv("HOST_SECRET", "leaks")
			y.site.Env = map[string]string{"SECRET": "x", "PATH": "/evil", "GIT_DIR": "/evil", "LD_PRELOAD": "/evil", "HTTPS_PROXY": "http://proxy:1"}
			y.mustCompile("env -0 | sort -z | tr '\\0' '\\n'")
			want := []string{
				"BUILD_DIR=/app", "CACHE_DIR=/cache", "ENV_DIR=/platform/env", "FROM_EARLIER=yes", "HOME=/tmp", "HTTPS_PROXY=http://proxy:1",
				"LANG=C.UTF-8", "PATH=/before:/usr/bin:/bin", "PWD=/app", "REQUEST_ID=one-of-many", "SHLVL=1",
				"SOURCE_VERSION=1234567890123456789012345678901234567890", "STACK=host", "USER=slugc", "_=/usr/bin/env",
			}
			if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(y.output.String()), "\n")); diff != "" {
				t.Errorf("(-expected +got):\n%s", diff)
			}
		})
		it("is told another stack where the operator says that it is as good", func() {
			y.site.Env = map[string]string{"STACK": "heroku-24"}
			y.mustCompile(`echo "$STACK"`)
			if y.output.String() != "heroku-24\n" {
				t.Errorf("printed %q", y.output)
			}
		})
		it("reads variables as files, byte for byte", func() {
			y.mustCompile(`cat "$3/SECRET" >"$1/copy"; [ ! -e "$3/MISSING" ]; ! touch "$3/new" 2>/dev/null`)
			if got := y.read("copy"); got != "line 1\nline 2 \\ \"$x\"" {
				t.Errorf("got %q", got)
			}
		})
		it("finds standard input empty and its output in order", func() {
			y.mustCompile("cat; echo out; echo err >&2; echo out")
			if got := y.output.String(); got != "out\nerr\nout\n" {
				t.Errorf("printed %q", got)
			}
		})
		it("keeps its cache, with modes and links", func() {
			y.mustCompile(`[ -z "$(ls -A "$2")" ]; mkdir "$2/dir"; echo x >"$2/dir/f"; ln -s f "$2/dir/l"; chmod 751 "$2/dir"; chmod 640 "$2/dir/f"`)
			y.mustCompile(`stat -c '%a %n' "$2"/dir "$2"/dir/f; readlink "$2/dir/l"`)
			if got := y.output.String(); got != "751 /cache/dir\n640 /cache/dir/f\nf\n" {
				t.Errorf("printed %q", got)
			}
		})
		it("has one file system for the app, the cache and /tmp", func() {
			y.mustCompile(`
				echo x >"$2/x"; ln "$2/x" "$1/linked"
				d=$(mktemp -d); [[ $d == /tmp/* ]]; ln "$2/x" "$d/x"
				stat -c %h "$1/linked"`)
			if got := y.output.String(); got != "3\n" {
				t.Errorf("printed %q", got)
			}
		})
		it("may clear the app, dot files and all, or replace it", func() {
			y.put("app/.slugc/layers/other/layer/file", "of a CNB")
			for _, script := range []string{
				`shopt -s dotglob; rm -rf "$1"/*; echo new >"$1/new"`,
				`rm -rf "$1"; mkdir "$1"; echo new >"$1/new"`,
				`d=$(mktemp -d); cp -R "$1" "$d/app"; rm -rf "$1"; echo new >"$d/app/new"; mv "$d/app" "$1"`,
				`rm -rf "$2"; rm -rf /tmp/* /tmp; rm -f "$1/app.txt" "$1/new"; echo new >"$1/new"`,
			} {
				y.mustCompile(script)
				if got := y.read("new"); got != "new\n" {
					t.Errorf("%s: got %q", script, got)
				}
				if got := y.read(".slugc/layers/other/layer/file"); got != "of a CNB" {
					t.Errorf("%s: the layer of a CNB has %q", script, got)
				}
			}
		})
		it("reads the layers of CNBs before it, and cannot write them", func() {
			y.put("app/.slugc/layers/other/layer/file", "of a CNB")
			y.mustCompile(`cat /app/.slugc/layers/other/layer/file; ! touch /app/.slugc/layers/other/layer/new 2>/dev/null`)
			if got := y.output.String(); got != "of a CNB" {
				t.Errorf("printed %q", got)
			}
		})
		it("fails with its status and its report", func() {
			_, err := y.compile(files{"bin/compile": "echo 'cannot go on'; exit 7", "bin/report": `echo "{\"failed\": \"$1 $2 $3\"}"`})
			failed, ok := errors.AsType[*buildpacks.CompileError](err)
			if !ok || failed.Status != 7 || failed.Step != "bin/compile" || y.output.String() != "cannot go on\n" {
				t.Fatalf("got %v, printed %q", err, y.output)
			}
			if diff := cmp.Diff(buildpacks.Report{"failed": "/app /cache /platform/env"}, failed.Report); diff != "" {
				t.Error(diff)
			}
			if got := y.read("app.txt"); got != "an app\n" {
				t.Errorf("the app has %q", got)
			}
		})
		it("fails when the app is gone", func() {
			for _, script := range []string{`rm -rf "$1"`, `rm -rf "$1"; ln -s /tmp "$1"`, `rm -rf "$1"; echo x >"$1"`} {
				_, err := y.compile(files{"bin/compile": script})
				if failed, ok := errors.AsType[*buildpacks.CompileError](err); !ok || !strings.Contains(failed.Error(), "removed BUILD_DIR") {
					t.Errorf("%s: got %v", script, err)
				}
				if info, err := os.Lstat(y.site.App.Host); err != nil || !info.IsDir() {
					t.Errorf("%s: the next build has no directory: %v", script, err)
				}
			}
		})
		it("is ended after the time that it has, with all that it started", func() {
			y.site.BuildTimeout = time.Second
			began := time.Now()
			_, err := y.compile(files{"bin/compile": "sleep 1000 & sleep 1000"})
			if failed, ok := errors.AsType[*buildpacks.CompileError](err); !ok || !strings.Contains(failed.Error(), "timed out") || time.Since(began) > 30*time.Second {
				t.Errorf("got %v after %s", err, time.Since(began))
			}
		})
		it("ends when the build does", func() {
			ctx, cancel := context.WithCancel(t.Context())
			y.site.Output = writerFunc(func([]byte) { cancel() })
			_, err := y.buildpack("one", files{"bin/compile": "echo started; exec sleep 1000"}).Compile(ctx, y.site, buildpacks.Job{})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			if got := y.read("app.txt"); got != "an app\n" {
				t.Errorf("the app has %q", got)
			}
		})
		it("leaves nothing running", func() {
			y.mustCompile("(sleep 1000; touch /app/late) & disown")
			if _, err := os.Stat(filepath.Join(y.site.App.Host, "late")); err == nil {
				t.Error("something went on")
			}
		})
		it("survives permissions that were taken away", func() {
			y.mustCompile(`mkdir "$1/locked"; echo x >"$1/locked/x"; chmod 000 "$1/locked/x" "$1/locked" "$2" "$1"`)
			if got := y.read("app.txt"); got != "an app\n" {
				t.Errorf("the app has %q", got)
			}
			y.mustCompile("true")
		})
		it("has the network, or has not", func() {
			y.mustCompile("ls /sys/class/net 2>/dev/null || cat /proc/net/dev | tail -n +3 | cut -d: -f1 | tr -d ' ' | tr '\\n' ' '")
			with := y.output.String()
			y.output.Reset()
			y.site.Offline = true
			y.mustCompile("cat /proc/net/dev | tail -n +3 | cut -d: -f1 | tr -d ' ' | tr '\\n' ' '")
			if got := y.output.String(); got != "lo " || with == got {
				t.Errorf("devices %q, offline %q", with, got)
			}
		})
	})

	when("tests are built", func() {
		it("compiles for them where it can", func() {
			b := y.buildpack("one", files{"bin/compile": "echo compile", "bin/test-compile": `echo "test-compile $1 $2 $3"`})
			if _, err := b.CompileForTest(t.Context(), y.site, buildpacks.Job{}); err != nil {
				t.Fatal(err)
			}
			if got := y.output.String(); got != "test-compile /app /cache /platform/env\n" {
				t.Errorf("printed %q", got)
			}
		})
		it("compiles as ever where it cannot", func() {
			if _, err := y.buildpack("one", files{"bin/compile": "echo compile"}).CompileForTest(t.Context(), y.site, buildpacks.Job{}); err != nil {
				t.Fatal(err)
			}
			if got := y.output.String(); got != "compile\n" {
				t.Errorf("printed %q", got)
			}
		})
	})

	when("tests run", func() {
		it("names its script for them, with the app and ENV_DIR", func() {
			b := y.buildpack("tester", files{"bin/test": "true"})
			args, mount, ok := b.Test(y.site)
			if want := []string{"/buildpacks/tester/bin/test", "/app", "/platform/env"}; !ok || !slices.Equal(args, want) {
				t.Errorf("got %q, %v; want %q", args, ok, want)
			}
			if want := (sandbox.Mount{Source: b.Dir(), Target: "/buildpacks/tester", Writable: true}); mount != want {
				t.Errorf("got %+v, want %+v", mount, want)
			}
		})
		it("need not have one", func() {
			if args, _, ok := y.buildpack("one", nil).Test(y.site); ok {
				t.Errorf("got %q", args)
			}
		})
	})

	when("it releases", func() {
		release := func(yaml string) (buildpacks.Contribution, error) {
			t.Helper()
			return y.compile(files{"bin/release": "cat <<'YAML'\n" + yaml + "\nYAML\necho words >&2"})
		}
		it("says nothing in many ways", func() {
			for _, yaml := range []string{"", "--- {}", "---", "# a comment", "--- ~", "---\naddons: []", "unknown: 1", "default_process_types:\naddons:\nconfig_vars:"} {
				c, err := release(yaml)
				if err != nil || c.Release == nil || len(c.Processes) > 0 || len(c.Release.Addons) > 0 {
					t.Errorf("%q: got %+v, %v", yaml, c, err)
				}
			}
		})
		it("declares processes, add-ons and variables in many spellings", func() {
			want := []launch.Process{
				{Type: "web", Command: launch.Command{"node server.js --port $PORT"}, Default: true, BuildpackID: "one"},
				{Type: "worker_2", Command: launch.Command{"rake jobs:work"}, BuildpackID: "one"},
			}
			for _, yaml := range []string{
				"---\ndefault_process_types:\n  web: node server.js --port $PORT\n  worker_2: \"rake jobs:work\"\naddons:\n  - heroku-postgresql:hobby\nconfig_vars:\n  N: 5\n  YES: yes",
				"---\n:default_process_types:\n  :web: node server.js --port $PORT\n  :worker_2: rake jobs:work\n:addons: [{plan: heroku-postgresql:hobby}]\n:config_vars: {N: '5', \"YES\": \"yes\"}",
				`{"default_process_types": {"web": "node server.js --port $PORT", "worker_2": "rake jobs:work"}, "addons": "heroku-postgresql:hobby", "config_vars": {"N": 5, "YES": "yes"}}`,
			} {
				c, err := release(yaml)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, c.Processes); diff != "" {
					t.Errorf("processes (-expected +got):\n%s", diff)
				}
				if diff := cmp.Diff(&buildpacks.Release{ConfigVars: map[string]string{"N": "5", "YES": "yes"}, Addons: []string{"heroku-postgresql:hobby"}}, c.Release); diff != "" {
					t.Errorf("(-expected +got):\n%s", diff)
				}
			}
		})
		it("gives processes variables where nobody else does", func() {
			c, err := release("config_vars: {GREETING: 'hello $x'}")
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(c.Layers, func(l buildpacks.Layer) bool { return l.Launch })
			if i < 0 {
				t.Fatalf("layers %+v", c.Layers)
			}
			for _, test := range []struct{ before, want string }{{"", "hello $x"}, {"mine", "mine"}} {
				env := launch.Env{"GREETING": test.before}
				if err := launch.ApplyLaunch(env, "web", launch.LayerDir(c.Layers[i].Dir)); err != nil {
					t.Fatal(err)
				}
				if env["GREETING"] != test.want {
					t.Errorf("got %q, expected %q", env["GREETING"], test.want)
				}
			}
		})
		it("is told what makes no sense", func() {
			for yaml, problem := range map[string]string{
				"a: [":                              "printed no YAML",
				"- web":                             "printed a list; expected a map",
				"usage: release DIR\noops":          "printed no YAML",
				"just words":                        `printed the text "just words"`,
				"default_process_types: [web]":      "default_process_types: found a list",
				"default_process_types: {web: [a]}": "web: found a list",
				"default_process_types: {a/b: x}":   `"a/b" is no name of a process type`,
				"config_vars: x":                    `config_vars: found the text "x"`,
				"addons: {a: b}":                    "addons: found a map",
				"addons: [{x: y}]":                  "addons: found one",
				"{? [a] : b}":                       "a key in line 1",
				"a: &a [*a]\ndefault_process_types": "printed no YAML",
			} {
				_, err := release(yaml)
				failed, ok := errors.AsType[*buildpacks.CompileError](err)
				if !ok || failed.Step != "bin/release" || !strings.Contains(failed.Error(), problem) {
					t.Errorf("%q: got %v, expected %q", yaml, err, problem)
				}
			}
		})
		it("warns of what is passed over", func() {
			c, err := release("default_process_types: {web: ''}\nconfig_vars: {a-b: x}")
			if err != nil || len(c.Warnings) != 2 || len(c.Processes) > 0 || len(c.Release.ConfigVars) > 0 {
				t.Errorf("got %+v, %v", c, err)
			}
		})
		it("fails, floods or hangs by its own fault", func() {
			for script, problem := range map[string]string{
				"echo broken >&2; exit 3":                   "exit status 3\nbroken",
				"head -c 10000000 /dev/zero | tr '\\0' '#'": "more than 1024 KiB",
			} {
				_, err := y.compile(files{"bin/release": script})
				if failed, ok := errors.AsType[*buildpacks.CompileError](err); !ok || !strings.Contains(failed.Error(), problem) {
					t.Errorf("%s: got %v", script, err)
				}
			}
		})
		it("reads what bin/compile left, and has no exports", func() {
			c, err := y.compile(files{
				"bin/compile": `echo "web: compiled" >"$1/tmp-release"; echo 'export EXPORTED=1' >"$(dirname "$0")/../export"`,
				"bin/release": `echo "default_process_types:"; sed 's/^/  /' "$1/tmp-release"; [ -z "${EXPORTED-}" ]`,
			})
			if err != nil || len(c.Processes) != 1 || c.Processes[0].Command[0] != "compiled" {
				t.Errorf("got %+v, %v", c, err)
			}
		})
	})

	when("it reports", func() {
		it("tells programs what JSON or YAML says, and else nothing", func() {
			for script, want := range map[string]buildpacks.Report{
				`echo '{"version": "1.2", "cached": true}'`: {"version": "1.2", "cached": true},
				"echo 'seconds: 1.5'":                       {"seconds": 1.5},
				"exit 1":                                    nil,
				"echo '- list'":                             nil,
				"echo '{'":                                  nil,
				"yes '#'|head -c 2000000":                   nil,
			} {
				c, err := y.compile(files{"bin/report": script})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, c.Report); diff != "" {
					t.Errorf("%s (-expected +got):\n%s", script, diff)
				}
			}
		})
	})

	when("it exports", func() {
		export := func(script string, made launch.Env) (launch.Env, error) {
			t.Helper()
			b := y.buildpack("one", files{"bin/compile": "cp \"$3/SCRIPT\" \"$(dirname \"$0\")/../export\""})
			y.put("platform/env/SCRIPT", script)
			if _, err := b.Compile(t.Context(), y.site, buildpacks.Job{}); err != nil {
				t.Fatal(err)
			}
			return b.Export(t.Context(), y.site, made)
		}
		made := launch.Env{"PATH": "/usr/bin:/bin", "KEPT": "1", "GONE": "1"}

		it("changes the environment of later buildpacks", func() {
			env, err := export("export PATH=\"/app/.heroku/bin:$PATH\" LINES_='a\nb'\nLOCAL=1\nunset GONE\nexport HOME=/x BUILD_DIR=/x\nfalse\n", made)
			if err != nil {
				t.Fatal(err)
			}
			want := launch.Env{"PATH": "/app/.heroku/bin:/usr/bin:/bin", "KEPT": "1", "LINES_": "a\nb"}
			if diff := cmp.Diff(want, env); diff != "" {
				t.Errorf("(-expected +got):\n%s", diff)
			}
			if made["GONE"] == "" {
				t.Error("the environment that it was given changed")
			}
		})
		it("can ruin its own PATH only", func() {
			if env, err := export("export PATH=/nowhere", made); err != nil || env["PATH"] != "/nowhere" {
				t.Errorf("got %v, %v", env, err)
			}
		})
		it("is told that it ends the shell, or fails", func() {
			for script, problem := range map[string]string{
				"exit 0":           "ends the shell",
				"exit 3":           "exit status 3",
				"set -e; false":    "exit status 1",
				"if then":          "exit status",
				"exec true":        "ends the shell",
				"rm -rf /app; :":   "removed BUILD_DIR",
				"kill -KILL $$; :": "signal 9",
			} {
				_, err := export(script, made)
				failed, ok := errors.AsType[*buildpacks.CompileError](err)
				if !ok || failed.Step != "export" || !strings.Contains(failed.Error(), problem) {
					t.Errorf("%s: got %v, expected %q", script, err, problem)
				}
			}
		})
		it("has nothing to say without a file", func() {
			env, err := y.buildpack("one", nil).Export(t.Context(), y.site, made)
			if diff := cmp.Diff(made, env); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	})
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

func TestIdentify(t *testing.T) {
	for address, want := range map[string]string{
		"/srv/heroku-buildpack-go": "heroku-buildpack-go",
		"./x/my buildpack!":        "my-buildpack",
		"/srv/bp.git":              "bp",
		"/srv/bp/.git":             "bp",
		"https://git.example/heroku/heroku-buildpack-go.git#v232": "heroku/heroku-buildpack-go",
		"https://files.example/packs/a/b/ruby.tgz?token=x":        "b/ruby",
		"https://files.example/ruby.tar.gz":                       "ruby",
		"git@git.example:team/pack.git#main":                      "team/pack",
		"ssh://git@git.example/team/pack":                         "team/pack",
		"file:///srv/repos/pack.git#v1":                           "pack",
		"https://git.example/":                                    "classic",
		"./config":                                                "classic-config",
		"https://git.example/slugc/classic":                       "classic-slugc-classic",
		"/":                                                       "classic",
		"/srv/..":                                                 "classic",
		"https://git.example/-/--x":                               "x",
		"/srv/" + strings.Repeat("x", 300):                        strings.Repeat("x", 100),
	} {
		if got := classic.Identify(address); got != want {
			t.Errorf("%s: got %q, expected %q", address, got, want)
		}
	}
}

func TestOpen(t *testing.T) {
	y := newYard(t)
	at := func(name string, with files) string {
		for file, text := range with {
			y.put(filepath.Join(name, file), text)
		}
		return filepath.Join(y.home, name)
	}
	for name, test := range map[string]struct {
		files   files
		is      bool
		problem string
	}{
		"classic":   {files{"bin/detect": "", "bin/compile": ""}, true, ""},
		"heroku's":  {files{"bin/detect": "", "bin/compile": "", "buildpack.toml": "[buildpack]\nname = \"Ruby\"\n"}, true, ""},
		"CNB too":   {files{"bin/detect": "", "bin/compile": "", "bin/build": "", "buildpack.toml": "api = \"0.10\"\n"}, false, ""},
		"no detect": {files{"bin/compile": ""}, true, "classic buildpack without bin/detect"},
		"nothing":   {files{"README": ""}, false, ""},
		"odd toml":  {files{"bin/detect": "", "bin/compile": "", "buildpack.toml": "["}, false, ""},
	} {
		dir := at("open/"+name, test.files)
		is, err := classic.Is(dir)
		if err != nil || is != test.is {
			t.Errorf("%s: is %v, %v", name, is, err)
		}
		if !is {
			continue
		}
		if _, err := classic.Open(dir); (err == nil) != (test.problem == "") || err != nil && !strings.Contains(err.Error(), test.problem) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
