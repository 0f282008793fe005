package bridge_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks/classic"
	"github.com/slugc/slugc/buildpacks/classic/bridge"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/processtest"
	"github.com/slugc/slugc/stack/sandbox"
)

// files are the files of a buildpack by name; scripts have no first line.
type files map[string]string

// yard is where a platform runs the scripts of a package.
type yard struct {
	t *testing.T
	// dir has the directories app, layers, platform and package.
	dir string
	out bytes.Buffer
	// env is what the builder and earlier buildpacks add to the environment.
	env launch.Env
}

func newYard(t *testing.T) *yard {
	y := &yard{t: t, dir: t.TempDir(), env: launch.Env{}}
	t.Cleanup(func() {
		if err := sandbox.Remove(y.dir); err != nil {
			t.Error(err)
		}
	})
	y.put("app/app.txt", "an app\n")
	y.put("platform/env/SECRET", "line 1\nline 2")
	y.put("plan.toml", "")
	return y
}

func (y *yard) at(name string) string { return filepath.Join(y.dir, name) }

// put writes a file, that everybody may execute.
func (y *yard) put(name, text string) {
	y.t.Helper()
	file := y.at(name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o755)); err != nil {
		y.t.Fatal(err)
	}
}

func (y *yard) read(name string) string {
	y.t.Helper()
	data, err := os.ReadFile(y.at(name))
	if err != nil {
		y.t.Fatal(err)
	}
	return string(data)
}

// has tells whether there is a file.
func (y *yard) has(name string) bool {
	_, err := os.Lstat(y.at(name))
	return err == nil
}

// classic writes a classic buildpack.
func (y *yard) classic(name string, with files) *classic.Buildpack {
	y.t.Helper()
	all := files{"bin/detect": "echo Test", "bin/compile": "true"}
	maps.Copy(all, with)
	for file, text := range all {
		if strings.HasPrefix(file, "bin/") {
			text = "#!/bin/bash\n" + text + "\n"
		}
		y.put(filepath.Join(name, file), text)
	}
	b, err := classic.Open(y.at(name))
	if err != nil {
		y.t.Fatal(err)
	}
	return b
}

// pack makes the package of a classic buildpack.
func (y *yard) pack(with files) {
	y.t.Helper()
	err := errors.Join(os.RemoveAll(y.at("classic")), os.RemoveAll(y.at("package")))
	if err == nil {
		err = bridge.Package{
			Classic: y.classic("classic", with), ID: "test/classic", Version: "1.2.3", Programs: []bridge.Program{{Arch: "amd64"}},
		}.Write(y.at("package"))
	}
	if err == nil {
		err = os.Rename(y.at("package/buildpack.toml"), y.at("package/linux/amd64/buildpack.toml"))
	}
	if err != nil {
		y.t.Fatal(err)
	}
}

// run runs a script of the package as a lifecycle does, and returns its status
// and what it printed.
func (y *yard) run(script string) (int, string) {
	y.t.Helper()
	if err := os.MkdirAll(y.at("layers"), 0o755); err != nil {
		y.t.Fatal(err)
	}
	y.t.Chdir(y.at("app"))
	env := launch.Env{
		"PATH": stack.DefaultPath, "HOME": "/elsewhere", "CNB_BUILDPACK_DIR": y.at("package/linux/amd64"),
		"CNB_PLATFORM_DIR": y.at("platform"), "CNB_LAYERS_DIR": y.at("layers"), "CNB_BP_PLAN_PATH": y.at("plan.toml"),
		"CNB_BUILD_PLAN_PATH": y.at("provides.toml"), "CNB_TARGET_DISTRO_NAME": "ubuntu", "CNB_TARGET_DISTRO_VERSION": "24.04",
	}
	maps.Copy(env, y.env)
	for name, value := range env {
		y.t.Setenv(name, value) // which is where libcnb looks
	}
	y.out.Reset()
	status := bridge.Run(y.t.Context(), []string{filepath.Join("/package/bin", script)}, env.List(), &y.out)
	return status, y.out.String()
}

// build packs a classic buildpack and builds with it.
func (y *yard) build(with files) string {
	y.t.Helper()
	y.pack(with)
	status, out := y.run("build")
	if status != 0 {
		y.t.Fatalf("status %d\n%s", status, out)
	}
	return out
}

// process is one of launch.toml.
type process struct {
	Type    string
	Command []string
	Default bool
}

func (y *yard) processes() []process {
	y.t.Helper()
	var doc struct{ Processes []process }
	if _, err := toml.Decode(y.read("layers/launch.toml"), &doc); err != nil {
		y.t.Fatal(err)
	}
	return doc.Processes
}

// variables are the files of an env directory of a layer.
func (y *yard) variables(dir string) map[string]string {
	y.t.Helper()
	found := map[string]string{}
	entries, err := os.ReadDir(y.at(dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		y.t.Fatal(err)
	}
	for _, e := range entries {
		found[e.Name()] = y.read(filepath.Join(dir, e.Name()))
	}
	return found
}

func TestBridge(t *testing.T) { spec.Run(t, "bridge", testBridge) }

func testBridge(t *testing.T, when spec.G, it spec.S) {
	var y *yard
	it.Before(func() { y = newYard(t) })

	when("it detects", func() {
		it("passes with an empty plan where the classic buildpack does", func() {
			y.pack(files{"bin/detect": `[ -f "$1/app.txt" ] && [ "$PWD" = "$1" ] && echo Node.js`})
			if status, out := y.run("detect"); status != 0 || out != "       Node.js\n" || y.has("provides.toml") {
				t.Errorf("status %d\n%s", status, out)
			}
		})
		it("fails with the words of the classic buildpack", func() {
			y.pack(files{"bin/detect": "echo no package.json here >&2; exit 1"})
			if status, out := y.run("detect"); status != 100 || out != "       no package.json here\n" {
				t.Errorf("status %d\n%s", status, out)
			}
		})
		it("breaks, which is not a no", func() {
			y.pack(files{"bin/detect": "echo last words; kill -KILL $$"})
			want := " !     buildpack test/classic@1.2.3: bin/detect: ended by signal 9 (killed)\n !     last words\n"
			if status, out := y.run("detect"); status != 1 || out != want {
				t.Errorf("status %d\n%s", status, out)
			}
			y.pack(nil)
			y.put("package/linux/amd64/classic/bin/detect", "#!/no/such/interpreter\n")
			if status, out := y.run("detect"); status != 1 || !strings.Contains(out, "its interpreter, which the first line names, is not there") {
				t.Errorf("status %d\n%s", status, out)
			}
		})
	})

	when("it builds", func() {
		it("gives scripts what they find on Heroku, and nothing of the person", func() {
			y.env = launch.Env{"FROM_EARLIER": "yes", "CNB_EXEC_ENV": "production", "HOSTNAME": "x"}
			y.put("platform/env/SOURCE_VERSION", "0123abc")
			y.build(files{"bin/compile": `set -eu
				[ "$1" = "$PWD" ] && [ "$1" = "$BUILD_DIR" ] && [ "$2" = "$CACHE_DIR" ] && [ "$3" = "$ENV_DIR" ] && [ -d "$2" ]
				touch "$HOME/mine"
				printf '%s' "$HOME" >home
				env -u HOME -u PATH -u BUILD_DIR -u CACHE_DIR -u ENV_DIR -u PWD -u SHLVL -u _ | sort >env
				cat "$3/SECRET" >secret`})
			want := "FROM_EARLIER=yes\nLANG=C.UTF-8\nSOURCE_VERSION=0123abc\nSTACK=heroku-24\nUSER=slugc\n"
			if diff := cmp.Diff(want, y.read("app/env")); diff != "" {
				t.Error(diff)
			}
			if got := y.read("app/secret"); got != "line 1\nline 2" {
				t.Errorf("got %q", got)
			}
			if home := y.read("app/home"); home != y.at("layers/.scratch/home") || y.has("layers/.scratch") {
				t.Errorf("HOME is %s, or stayed", home)
			}
		})
		it("takes the person's STACK", func() {
			y.put("platform/env/STACK", "heroku-22")
			if out := y.build(files{"bin/compile": "echo on $STACK"}); out != "on heroku-22\n" {
				t.Errorf("got %q", out)
			}
		})
		it("keeps CACHE_DIR for the next build, and nothing else", func() {
			script := files{"bin/compile": `echo again >>"$2/builds"; rm -rf .profile.d; cp "$2/builds" builds; [ ! -e "$(dirname "$0")/../mark" ] && touch "$(dirname "$0")/../mark"`}
			y.build(script)
			if got := y.read("layers/cache.toml"); !strings.Contains(got, "cache = true") || strings.Contains(got, "launch = true") {
				t.Errorf("got %s", got)
			}
			// What a lifecycle restores.
			for _, gone := range []string{"layers/export", "layers/profile", "layers/launch.toml"} {
				if err := os.RemoveAll(y.at(gone)); err != nil {
					t.Fatal(err)
				}
			}
			y.build(script)
			if got := y.read("app/builds"); got != "again\nagain\n" {
				t.Errorf("got %q", got)
			}
		})
		it("lets scripts write the buildpack, in a copy", func() {
			y.build(files{"bin/compile": `here=$(cd "$(dirname "$0")/.." && pwd); echo new >"$here/new"; echo changed >"$here/bin/detect"`})
			if y.has("package/linux/amd64/classic/new") || !strings.HasPrefix(y.read("package/linux/amd64/classic/bin/detect"), "#!") {
				t.Error("the package was written to")
			}
			if !y.has("layers/export/classic/new") || !strings.Contains(y.read("layers/export.toml"), "build = true") {
				t.Error("the copy is no build layer")
			}
		})
		it("tells later buildpacks what export changes", func() {
			y.env = launch.Env{"PATH": "/usr/bin:/bin", "LIST": "/a:/b", "CFLAGS": "-O", "GONE": "x", "SAME": "y"}
			y.build(files{"bin/compile": `cat >"$(dirname "$0")/../export" <<'END'
				export PATH="/front:$PATH" LIST="/x:/y:$LIST:/z" CFLAGS="$CFLAGS -g" NEW="a b
c" HOME=/not ENV_DIR=/not
				fn() { :; }
				export -f fn
				unset GONE
END`})
			want := map[string]string{
				"PATH.prepend": "/front", "PATH.delim": ":", "LIST.prepend": "/x:/y", "LIST.append": "/z", "LIST.delim": ":",
				"CFLAGS.override": "-O -g", "NEW.override": "a b\nc", "GONE.override": "", "SLUGC_CLASSIC_PROFILE.override": "1",
			}
			if diff := cmp.Diff(want, y.variables("layers/export/env.build")); diff != "" {
				t.Error(diff)
			}
		})
		it("gives processes config vars as defaults", func() {
			y.build(files{"bin/release": "printf 'config_vars:\\n  MODE: \"a\\\\nb\"\\n'"})
			if diff := cmp.Diff(map[string]string{"MODE.default": "a\nb"}, y.variables("layers/profile/env.launch")); diff != "" {
				t.Error(diff)
			}
		})
		it("declares the types of bin/release, and those of the Procfile over them", func() {
			out := y.build(files{
				"bin/compile": `printf 'worker: own "$X"\nclock: tick\n' >"$1/Procfile"`,
				"bin/release": "printf 'default_process_types:\\n  web: serve -p $PORT\\n  worker: theirs\\naddons: [db, mail]\\n'",
			})
			want := []process{
				{"worker", []string{"bash", "-c", `own "$X"`}, false},
				{"clock", []string{"bash", "-c", "tick"}, false},
				{"web", []string{"bash", "-c", "serve -p $PORT"}, true},
			}
			if diff := cmp.Diff(want, y.processes()); diff != "" {
				t.Error(diff)
			}
			said := "       Add-ons that the app wants -> db, mail\n" +
				"       Procfile declares types -> worker, clock\n       Default types for buildpack -> web, worker\n"
			if diff := cmp.Diff(said, out); diff != "" {
				t.Error(diff)
			}
		})
		it("makes the only process the default, and none among several without web", func() {
			y.build(files{"bin/release": "echo 'default_process_types: {worker: x}'"})
			if diff := cmp.Diff([]process{{"worker", []string{"bash", "-c", "x"}, true}}, y.processes()); diff != "" {
				t.Error(diff)
			}
			y.build(files{"bin/release": "echo 'default_process_types: {worker: x, clock: y}'"})
			if slices.ContainsFunc(y.processes(), func(p process) bool { return p.Default }) {
				t.Error("there is a default")
			}
		})
		it("needs no bin/release and no process", func() {
			y.build(nil)
			if y.has("layers/launch.toml") || !y.has("layers/profile/exec.d/profile") {
				t.Error("launch.toml is there, or exec.d is not")
			}
		})
		it("has one exec.d program for a group", func() {
			y.build(nil)
			y.env = launch.Env{"SLUGC_CLASSIC_PROFILE": y.variables("layers/export/env.build")["SLUGC_CLASSIC_PROFILE.override"]}
			y.build(files{"bin/compile": `[ -z "${SLUGC_CLASSIC_PROFILE-}" ]`})
			if y.has("layers/profile/exec.d") {
				t.Error("there is another")
			}
		})
		it("passes a failure on, as Heroku prints errors", func() {
			for script, want := range map[string]struct {
				status int
				last   string
			}{
				"echo words; exit 3": {1, "words\n !     test/classic@1.2.3: bin/compile: exit status 3\n"},
				"exit 75":            {75, " !     test/classic@1.2.3: bin/compile: exit status 75\n"},
				"kill -TERM $$":      {1, " !     test/classic@1.2.3: bin/compile: ended by signal 15 (terminated)\n"},
			} {
				y.pack(files{"bin/compile": script})
				if status, out := y.run("build"); status != want.status || out != want.last || y.has("layers/launch.toml") {
					t.Errorf("%s: status %d\n%s", script, status, out)
				}
			}
		})
		it("says what is wrong with other scripts", func() {
			for name, c := range map[string]struct {
				with files
				want string
			}{
				"release fails":    {files{"bin/release": "echo why >&2; exit 1"}, "bin/release: exit status 1\n !     why\n"},
				"release prints":   {files{"bin/release": "echo '- a'"}, "bin/release: it printed a list"},
				"export exits":     {files{"export": "exit 0"}, "export: it ends the shell that sources it"},
				"an open merge":    {files{"bin/compile": "echo '<<<<<<< HEAD' >Procfile"}, "conflict marker"},
				"a release warned": {files{"bin/release": "echo 'default_process_types: {web: \"\"}'; exit 0", "bin/compile": "exit 1"}, "exit status 1"},
			} {
				if err := os.RemoveAll(y.at("app/Procfile")); err != nil {
					t.Fatal(err)
				}
				y.pack(c.with)
				if status, out := y.run("build"); status != 1 || !strings.Contains(out, c.want) {
					t.Errorf("%s: status %d\n%s", name, status, out)
				}
			}
		})
		it("keeps what the person handed in out of the layers", func() {
			y.put("platform/env/SECRET", "do-not-keep")
			out := y.build(files{"bin/compile": `[ -f "$3/SECRET" ]`, "export": `export A=1`})
			err := filepath.WalkDir(y.at("layers"), func(file string, d fs.DirEntry, err error) error {
				if err != nil || !d.Type().IsRegular() {
					return err
				}
				data, err := os.ReadFile(file)
				if bytes.Contains(data, []byte("do-not-keep")) {
					t.Errorf("it is in %s", file)
				}
				return err
			})
			if err != nil || strings.Contains(out, "do-not-keep") {
				t.Error(err, out)
			}
		})
		it("removes what scripts left without permissions", func() {
			script := files{"bin/compile": `mkdir -p "$HOME/a/b"; chmod 000 "$HOME/a"; mkdir -p "$(dirname "$0")/../x/y"; chmod 000 "$(dirname "$0")/../x"`}
			y.build(script)
			y.build(script)
		})
	})

	it("ends its scripts when it has to end", func() {
		y.pack(files{"bin/compile": `sleep 1000 & echo $! >pid.part; mv pid.part pid; wait`})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		y.t.Chdir(y.at("app"))
		command := sandbox.Command{Args: []string{y.at("package/linux/amd64/classic/bin/compile")}, Dir: y.at("app"), Env: []string{"PATH=" + stack.DefaultPath}}
		done := make(chan error, 1)
		go func() { done <- sandbox.Direct{}.Run(ctx, command) }()
		pid := processtest.Noted(t, y.at("app/pid"))
		cancel()
		err := <-done
		if stopped, ok := errors.AsType[*sandbox.StoppedError](err); !ok || !errors.Is(stopped, context.Canceled) {
			t.Errorf("got %v", err)
		}
		processtest.Gone(t, pid)
	})
}
