package launch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/stack/launch"
)

const buildpacks = `
[[buildpacks]]
id = "acme/old"
api = "0.8"
[[buildpacks]]
id = "acme/new"
api = "0.12"
[[buildpacks]]
id = "heroku/classic"
`

const processes = `
[[processes]]
type = "direct"
command = ["printf", "<%s>", "fixed"]
args = ["default 1", "default 2"]
direct = true
buildpack-id = "acme/new"

[[processes]]
type = "single"
command = ["echo"]
args = ["default"]
direct = true
buildpack-id = "acme/new"

[[processes]]
type = "old-direct"
command = "echo"
args = ["default"]
direct = true
buildpack-id = "acme/old"

[[processes]]
type = "old-list"
command = ["echo", "fixed"]
args = ["default"]
direct = true
buildpack-id = "acme/old"

[[processes]]
type = "nowhere"
command = ["echo not reached"]
working-dir = "/nowhere"
buildpack-id = "acme/old"

[[processes]]
type = "old-script"
command = "echo $FROM_PROFILE; echo $0 $#"
buildpack-id = "acme/old"

[[processes]]
type = "old-words"
command = "printf"
args = ["<%s>", "$FROM_PROFILE", "a  b", "*", "-n"]
buildpack-id = "acme/old"

[[processes]]
type = "classic"
command = ["echo $FROM_PROFILE $((1 + 1))"]
buildpack-id = "heroku/classic"

[[processes]]
type = "procfile"
command = ["echo one; echo two"]

[[processes]]
type = "env-shell"
command = ["echo $P $HOME"]
buildpack-id = "heroku/classic"

[[processes]]
type = "dump"
command = ["printf '\\0'; exec env -0"]
buildpack-id = "heroku/classic"

[[processes]]
type = "dotted.type"
command = ["echo", "dotted"]
direct = true
buildpack-id = "acme/new"

[[processes]]
type = "down"
command = ["pwd"]
direct = true
working-dir = "sub dir"
buildpack-id = "acme/new"

[[processes]]
type = "down-shell"
command = ["pwd"]
working-dir = "sub dir"
buildpack-id = "acme/old"

[[processes]]
type = "own"
command = ["./own program"]
direct = true
working-dir = "sub dir"
buildpack-id = "acme/new"

[[processes]]
type = "tested"
command = ["echo", "for tests"]
direct = true
exec-env = ["test"]
buildpack-id = "acme/new"

[[processes]]
type = "tested"
command = ["echo", "for all"]
direct = true
exec-env = ["staging", "*"]
buildpack-id = "acme/new"

[[processes]]
type = "only-tested"
command = ["echo", "only tests"]
direct = true
exec-env = ["test"]
buildpack-id = "acme/new"

[[processes]]
type = "missing"
command = ["no-such-program"]
direct = true
buildpack-id = "acme/new"

[[processes]]
type = "orphan"
command = ["echo"]
args = ["default"]
direct = true
buildpack-id = "acme/gone"

[[processes]]
type = "env"
command = ["env"]
direct = true
buildpack-id = "acme/new"
`

// stage is where a launcher plays: an app, its layers, and what is left of a
// start when it has come to the last step.
type stage struct {
	t      *testing.T
	app    string
	layers string
	// environ comes on top of what an image sets; @app is the app directory.
	environ []string
	// mayFail lets the process end as it likes.
	mayFail bool
	// started is the program, nil when it was not reached.
	started        *exec.Cmd
	stdout, stderr bytes.Buffer
}

func newStage(t *testing.T, files map[string]string) *stage {
	t.Helper()
	all := map[string]string{
		"app/found":                   "#!/bin/sh\necho from the working directory",
		"app/no/found":                "not executable",
		"app/yes/found":               "#!/bin/sh\necho yes",
		"app/sub dir/own program":     "#!/bin/sh\necho my own",
		"layers/config/metadata.toml": buildpacks + processes,
	}
	for name, content := range files {
		all[name] = content
	}
	root := tree(t, all)
	return &stage{t: t, app: root + "/app", layers: root + "/layers"}
}

// launch starts the launcher as argv and returns what the process printed.
func (s *stage) launch(argv ...string) (string, error) {
	s.t.Helper()
	dir := ""
	s.started = nil
	var environ []string
	for _, word := range s.environ {
		environ = append(environ, strings.ReplaceAll(word, "@app", s.app))
	}
	l := launch.Launcher{
		Environ: append([]string{
			"CNB_PLATFORM_API=0.15", "CNB_LAYERS_DIR=" + s.layers, "CNB_APP_DIR=" + s.app,
			"CNB_DEPRECATION_MODE=quiet", "PATH=/cnb/process:/cnb/lifecycle:/usr/bin:/bin", "HOME=/home/someone",
		}, environ...),
		Chdir: func(to string) error {
			dir = to
			info, err := os.Stat(to)
			if err == nil && !info.IsDir() {
				err = fs.ErrInvalid
			}
			return err
		},
		Exec: func(path string, argv, environ []string) error {
			s.started = &exec.Cmd{Path: path, Args: argv, Env: environ, Dir: dir}
			return nil
		},
		Stdout: &s.stdout,
		Stderr: &s.stderr,
	}
	if err := l.Launch(s.t.Context(), argv); err != nil {
		return "", err
	}
	out, err := s.started.CombinedOutput()
	if err != nil && !s.mayFail {
		s.t.Fatalf("%q: %v\n%s", s.started.Args, err, out)
	}
	return string(out), nil
}

func (s *stage) mustLaunch(argv ...string) string {
	s.t.Helper()
	out, err := s.launch(argv...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

func TestLauncher(t *testing.T) {
	spec.Run(t, "Launcher", func(t *testing.T, when spec.G, it spec.S) {
		profile := map[string]string{"app/.profile": "export FROM_PROFILE='from  profile'\n"}

		when("choosing a process", func() {
			for _, test := range []struct {
				name    string
				environ []string
				argv    []string
				want    string
			}{
				{"a type by name", nil, []string{"single"}, "default\n"},
				{"a type by path", nil, []string{"/cnb/process/single"}, "default\n"},
				{"a type with dots", nil, []string{"dotted.type"}, "dotted\n"},
				{"arguments replace the default ones", nil, []string{"single", "mine", "$HOME"}, "mine $HOME\n"},
				{"arguments never replace the command", nil, []string{"direct"}, "<fixed><default 1><default 2>"},
				{"arguments never replace the command, when given", nil, []string{"direct", "mine"}, "<fixed><mine>"},
				{"arguments are added for an old platform", []string{"CNB_PLATFORM_API=0.9"}, []string{"single", "mine"}, "default mine\n"},
				{"arguments are added to a list for an old platform", []string{"CNB_PLATFORM_API=0.9"}, []string{"direct", "mine"}, "<fixed><default 1><default 2><mine>"},
				{"arguments are added for an old buildpack", nil, []string{"old-direct", "mine"}, "default mine\n"},
				{"arguments never replace a list of an old buildpack", nil, []string{"old-list", "mine"}, "fixed mine\n"},
				{"a process of a buildpack that is not there", nil, []string{"orphan"}, "default\n"},
				{"a script", nil, []string{"old-script"}, "from profile\nbash 0\n"},
				{"words are expanded, each on its own", nil, []string{"old-words"}, "<from  profile><a  b><*><-n>"},
				{"words of a person are expanded too", []string{"USER=me"}, []string{"old-words", "$USER"}, "<from  profile><a  b><*><-n><me>"},
				{"a classic line", nil, []string{"classic"}, "from profile 2\n"},
				{"arguments are added to a classic line", nil, []string{"classic", "a  b", "$HOME; false"}, "from profile 2 a  b $HOME; false\n"},
				{"a word with quotes of its own", []string{"A=a b"}, []string{"launcher", "printf", "[%s]", `"$A" x`, "it's", "c"}, "[a b x][it's][c]"},
				{"a line of no buildpack", nil, []string{"procfile"}, "one\ntwo\n"},
				{"a direct command", nil, []string{"launcher", "--", "echo", "$HOME", "a b"}, "$HOME a b\n"},
				{"a command for the shell", nil, []string{"/cnb/lifecycle/launcher", "echo $FROM_PROFILE; echo 2"}, "from profile\n2\n"},
				{"words for the shell", nil, []string{"launcher", "printf", "[%s]", "$FROM_PROFILE", "$(echo sub)"}, "[from  profile][sub]"},
				{"the first process of a type for all environments", nil, []string{"tested"}, "for all\n"},
				{"the process of an environment", []string{"CNB_EXEC_ENV=test"}, []string{"tested"}, "for tests\n"},
				{"a version with a v", []string{"CNB_PLATFORM_API=v0.10"}, []string{"single", "mine"}, "mine\n"},
				{"environments of processes need a platform", []string{"CNB_PLATFORM_API=0.14"}, []string{"only-tested"}, "only tests\n"},
			} {
				it(test.name, func() {
					s := newStage(t, profile)
					s.environ = test.environ
					if got := s.mustLaunch(test.argv...); got != test.want {
						t.Errorf("%q printed %q, want %q", test.argv, got, test.want)
					}
				})
			}

			for _, test := range []struct {
				name    string
				environ []string
				argv    []string
				code    int
				want    string
			}{
				{"nothing to start", nil, []string{"launcher"}, 82, "when there is no default process a command is required; this image has the process types direct, single"},
				{"nothing after --", nil, []string{"launcher", "--"}, 82, "a command is required"},
				{"an unknown type", nil, []string{"/cnb/process/nope"}, 82, "process type nope was not found; this image has the process types direct"},
				{"no such environment", nil, []string{"only-tested"}, 82, "was not found for the execution environment production; set CNB_EXEC_ENV"},
				{"no such program", nil, []string{"missing"}, 82, `there is no executable "no-such-program" in PATH=/usr/bin:/bin`},
				{"arguments for a process of no buildpack", nil, []string{"orphan", "mine"}, 82, "acme/gone"},
				{"no name", nil, nil, 82, "without a name"},
				{"no platform", []string{"CNB_PLATFORM_API="}, []string{"single"}, 11, "please set 'CNB_PLATFORM_API'"},
				{"an unknown platform", []string{"CNB_PLATFORM_API=0.99"}, []string{"single"}, 11, "'0.99' is not supported"},
				{"a platform that is no version", []string{"CNB_PLATFORM_API=new"}, []string{"single"}, 11, "'new' is not supported"},
				{"a platform of another major version", []string{"CNB_PLATFORM_API=1.10"}, []string{"single"}, 11, "'1.10' is not supported"},
				{"no layers", []string{"CNB_LAYERS_DIR=/nowhere"}, []string{"single"}, 82,
					"/nowhere/config/metadata.toml: no such file or directory; set CNB_LAYERS_DIR"},
				{"no app", []string{"CNB_APP_DIR=/nowhere"}, []string{"single"}, 82, "change to app directory"},
			} {
				it("fails for "+test.name, func() {
					s := newStage(t, nil)
					s.environ = test.environ
					_, err := s.launch(test.argv...)
					if err == nil || !strings.Contains(err.Error(), test.want) {
						t.Fatalf("got the error %v, want %q", err, test.want)
					}
					if got := launch.ExitCode(err); got != test.code {
						t.Errorf("exit code %d, want %d", got, test.code)
					}
					if s.started != nil {
						t.Errorf("%q was started", s.started.Args)
					}
				})
			}

			it("fails for a buildpack API that it does not know", func() {
				s := newStage(t, map[string]string{
					"layers/config/metadata.toml": "[[buildpacks]]\nid='acme/future'\napi='0.99'\n" + processes,
				})
				_, err := s.launch("single")
				if err == nil || !strings.Contains(err.Error(), "acme/future") || launch.ExitCode(err) != 12 {
					t.Errorf("got the error %v with code %d, want one about acme/future with 12", err, launch.ExitCode(err))
				}
			})

			for name, metadata := range map[string]string{
				"is not TOML":           "[[processes",
				"has no types in it":    "processes = 1",
				"nests without end":     "a = " + strings.Repeat("[", 1<<20),
				"has a key without end": strings.Repeat("a.", 1<<20) + "b = 1",
				"has an empty command":  "[[processes]]\ntype = 'single'\ncommand = []",
				"has no command":        "[[processes]]\ntype = 'single'",
			} {
				it("fails for metadata that "+name, func() {
					s := newStage(t, map[string]string{"layers/config/metadata.toml": metadata})
					_, err := s.launch("single")
					if err == nil || launch.ExitCode(err) != 82 {
						t.Fatalf("got the error %v with code %d", err, launch.ExitCode(err))
					}
					if !strings.Contains(err.Error(), "layers/config/metadata.toml: ") && !strings.Contains(err.Error(), "process type single has no command") {
						t.Errorf("the error %v names neither the file nor the process", err)
					}
				})
			}

			it("says nothing of deprecation, as no API is deprecated", func() {
				s := newStage(t, nil)
				for _, mode := range []string{"", "quiet", "warn", "error"} {
					for _, api := range []string{"0.7", "0.9", "0.15"} {
						s.environ = []string{"CNB_DEPRECATION_MODE=" + mode, "CNB_PLATFORM_API=" + api}
						if got := s.mustLaunch("launcher", "--", "sh", "-c", "echo ${CNB_DEPRECATION_MODE-dropped}"); got != "dropped\n" {
							t.Errorf("mode %q, platform API %s: printed %q", mode, api, got)
						}
					}
				}
				if s.stderr.Len() > 0 {
					t.Errorf("printed %q", s.stderr.String())
				}
			})

			it("warns of a variable that chose a process once", func() {
				s := newStage(t, nil)
				s.environ = []string{"CNB_PROCESS_TYPE=single"}
				s.mustLaunch("direct")
				for _, want := range []string{
					"Warning: CNB_PROCESS_TYPE is not supported in Platform API 0.15\n",
					"Warning: Run with ENTRYPOINT 'single' to invoke the 'single' process type\n",
				} {
					if !strings.Contains(s.stderr.String(), want) {
						t.Errorf("stderr %q lacks %q", s.stderr.String(), want)
					}
				}
			})
		})

		when("a classic buildpack took part", func() {
			files := map[string]string{
				"app/.profile":                  "P=$P.profile; export P HOME",
				"app/.profile.d/b.sh":           "P=${P-}b",
				"app/.profile.d/a.sh":           "P=${P-}a",
				"app/.profile.d/README":         "P=wrong",
				"app/.profile.d/d.sh/e":         "false",
				"layers/acme_old/z/profile.d/x": "P=x",
			}
			it("gives a shell what classic buildpacks were promised", func() {
				s := newStage(t, files)
				for _, argv := range [][]string{{"launcher", "echo $P $HOME"}, {"env-shell"}} {
					if got, want := s.mustLaunch(argv...), "xab.profile "+s.app+"\n"; got != want {
						t.Errorf("%q printed %q, want %q", argv, got, want)
					}
				}
			})
			it("gives a direct process the same, and its words as they are", func() {
				s := newStage(t, files)
				if got, want := s.mustLaunch("launcher", "--", "printenv", "P", "HOME"), "ab.profile\n"+s.app+"\n"; got != want {
					t.Errorf("printed %q, want %q", got, want)
				}
				if got, want := s.mustLaunch("launcher", "--", "printf", "<%s>", "$P", "a  b", "-n"), "<$P><a  b><-n>"; got != want {
					t.Errorf("printed %q, want %q", got, want)
				}
			})
			it("starts a direct process without a shell where there is nothing to source", func() {
				s := newStage(t, nil)
				if got, want := s.mustLaunch("launcher", "--", "printenv", "HOME"), s.app+"\n"; got != want {
					t.Errorf("printed %q, want %q", got, want)
				}
			})
			it("does so for no other build", func() {
				all := maps.Clone(files)
				all["layers/config/metadata.toml"] = strings.Replace(buildpacks, "[[buildpacks]]\nid = \"heroku/classic\"", "", 1)
				s := newStage(t, all)
				if got := s.mustLaunch("launcher", "echo $P $HOME"); got != "x.profile /home/someone\n" {
					t.Errorf("printed %q", got)
				}
			})
		})

		when("there is a working directory", func() {
			it("starts there", func() {
				s := newStage(t, nil)
				for _, name := range []string{"down", "down-shell"} {
					if got, want := s.mustLaunch(name), s.app+"/sub dir\n"; got != want {
						t.Errorf("%s: started in %q, want %q", name, got, want)
					}
				}
			})
			it("finds programs relative to it", func() {
				if got := newStage(t, nil).mustLaunch("own"); got != "my own\n" {
					t.Errorf("printed %q", got)
				}
			})
			it("starts nothing when it is not there", func() {
				s := newStage(t, nil)
				s.mayFail = true
				out := s.mustLaunch("nowhere")
				if strings.Contains(out, "not reached") || s.started.ProcessState.ExitCode() != 82 {
					t.Errorf("exit code %d, printed %q", s.started.ProcessState.ExitCode(), out)
				}
			})
			it("has no programs of its own, and those that can be run come from PATH", func() {
				s := newStage(t, nil)
				t.Chdir(s.app)
				s.environ = []string{"PATH=.::@app/no:@app/yes"}
				if got := s.mustLaunch("launcher", "--", "found"); got != "yes\n" {
					t.Errorf("printed %q", got)
				}
			})
			it("is the app when there is none", func() {
				s := newStage(t, map[string]string{"app/.profile": "cd /"})
				if got, want := s.mustLaunch("launcher", "pwd"), s.app+"\n"; got != want {
					t.Errorf("started in %q, want %q", got, want)
				}
			})
		})

		when("there are layers", func() {
			it("makes the environment in build order", func() {
				s := newStage(t, map[string]string{
					"layers/acme_old/z/bin/tool":                "#!/bin/sh\necho tool",
					"layers/acme_old/z/env/LIST":                "old",
					"layers/acme_old/z/env.launch/env/TYPED":    "yes",
					"layers/acme_old/z/env.build/BUILD":         "no",
					"layers/acme_old/z.toml":                    "",
					"layers/acme_new/a/bin/":                    "",
					"layers/acme_new/a/lib/":                    "",
					"layers/acme_new/a/env.launch/LIST.append":  "new",
					"layers/acme_new/a/env.launch/LIST.delim":   ",",
					"layers/acme_new/a/env.launch/KEPT.default": "layer's",
					"layers/unknown/a/env/UNKNOWN":              "1",
				})
				s.environ = []string{"KEPT=user's", "CNB_EXEC_ENV=production"}
				want := launch.Env{
					"HOME": s.app, "KEPT": "user's", "CNB_EXEC_ENV": "production",
					"LIST": "old,new", "TYPED": "yes",
					"PATH":            s.layers + "/acme_new/a/bin:" + s.layers + "/acme_old/z/bin:/usr/bin:/bin",
					"LD_LIBRARY_PATH": s.layers + "/acme_new/a/lib",
				}
				got := launch.NewEnv(strings.Split(strings.TrimSpace(s.mustLaunch("env")), "\n"))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
				if got := s.mustLaunch("launcher", "--", "tool"); got != "tool\n" {
					t.Errorf("a program of a layer printed %q", got)
				}
			})

			it("runs exec.d programs one after another", func() {
				s := newStage(t, map[string]string{
					"layers/acme_old/z/exec.d/1":     "#!/bin/sh\necho out; echo err >&2; echo \"A = '$SEEN at $PWD'\" >&3",
					"layers/acme_old/z/exec.d/env/1": "#!/bin/sh\nprintf 'B = \"%s\\\\n\\\\u00e9\"' \"$A\" >&3",
					"layers/acme_new/a/exec.d/1":     "#!/bin/sh\nread x; echo \"C = 'stdin $x'\" >&3",
					"layers/acme_new/a/exec.d/web/1": "#!/bin/sh\necho D = \"'no'\" >&3",
					"layers/acme_new/a/env/SEEN":     "env",
				})
				out := s.mustLaunch("env")
				for _, want := range []string{
					"A=env at " + s.app + "\n", "B=env at " + s.app + "\né\n", "C=stdin \n",
				} {
					if !strings.Contains(out, want) {
						t.Errorf("the environment lacks %q:\n%s", want, out)
					}
				}
				if strings.Contains(out, "D=") {
					t.Errorf("the program of another process type ran:\n%s", out)
				}
				if s.stdout.String() != "out\n" || s.stderr.String() != "err\n" {
					t.Errorf("stdout %q, stderr %q", s.stdout.String(), s.stderr.String())
				}
			})

			it("runs exec.d programs in build order, those of the process type after the others of their layer", func() {
				add := func(word string) string { return "#!/bin/sh\necho \"ORDER = '$ORDER " + word + "'\" >&3" }
				s := newStage(t, map[string]string{
					"layers/acme_old/z/exec.d/2":          add("z2"),
					"layers/acme_old/z/exec.d/10":         add("z10"),
					"layers/acme_old/z/exec.d/env/a":      add("z-env"),
					"layers/acme_old/z/exec.d/other/a":    add("other"),
					"layers/acme_old/B/exec.d/env/a":      add("B-env"),
					"layers/acme_old/B/exec.d/x":          add("B"),
					"layers/acme_new/a/exec.d/x":          add("new"),
					"layers/heroku_classic/a/exec.d/x":    add("classic"),
					"layers/heroku_classic/a/env/ORDER":   "layers",
					"layers/acme_old/z/env.launch/ORDER":  "no",
					"layers/acme_gone/a/exec.d/not-there": add("gone"),
				})
				if out, want := s.mustLaunch("env"), "ORDER=layers B B-env z10 z2 z-env new classic\n"; !strings.Contains(out, want) {
					t.Errorf("the environment lacks %q:\n%s", want, out)
				}
			})

			it("takes as many layers as an image can have, big values and any bytes", func() {
				files := map[string]string{"layers/acme_old/raw/env/RAW": "\xff\x80\n", "layers/acme_old/raw/env/BIG": strings.Repeat("x", 100<<10)}
				want := ""
				for i := range 127 {
					layer := fmt.Sprintf("layers/acme_new/%03d/", i)
					files[layer+"bin/"], files[layer+"env/LIST.append"], files[layer+"env/LIST.delim"] = "", fmt.Sprint(i), ","
					want += "," + fmt.Sprint(i)
				}
				s := newStage(t, files)
				s.environ = []string{"USER_RAW=\xfe"}
				env := launch.NewEnv(strings.Split(s.mustLaunch("launcher", "--", "env", "-0"), "\x00"))
				if got := env.Get("LIST"); got != want[1:] {
					t.Errorf("LIST=%s", got)
				}
				if got := strings.Count(env.Get("PATH"), s.layers); got != 127 {
					t.Errorf("PATH has %d layers, want 127", got)
				}
				if env.Get("RAW") != "\xff\x80\n" || env.Get("USER_RAW") != "\xfe" || len(env.Get("BIG")) != 100<<10 {
					t.Errorf("RAW=%q, USER_RAW=%q, BIG has %d bytes", env.Get("RAW"), env.Get("USER_RAW"), len(env.Get("BIG")))
				}
			})

			for name, program := range map[string]string{
				"that fails":              "#!/bin/sh\nexit 3",
				"that prints no TOML":     "#!/bin/sh\necho A=b >&3",
				"that prints no strings":  "#!/bin/sh\necho A=1 >&3",
				"that prints a NUL":       "#!/bin/sh\necho 'A=\"\\u0000\"' >&3",
				"that prints an odd name": "#!/bin/sh\necho '\"A=B\" = \"1\"' >&3",
				"that cannot be run":      "not executable",
				"that nests":              "#!/bin/sh\nexec >&3; printf 'A = '; head -c 1000000 /dev/zero | tr '\\0' '['",
				"that prints no end":      "#!/bin/sh\nexec cat /dev/zero >&3",
			} {
				it("fails for an exec.d program "+name, func() {
					s := newStage(t, map[string]string{"layers/acme_new/a/exec.d/bad one": program})
					_, err := s.launch("env")
					if err == nil || !strings.Contains(err.Error(), "a/exec.d/bad one") || launch.ExitCode(err) != 82 {
						t.Errorf("got the error %v with code %d", err, launch.ExitCode(err))
					}
				})
			}

			it("reads nothing that is for other process types", func() {
				s := newStage(t, map[string]string{
					"layers/acme_new/a/env.launch/web/A":       "a\x00b",
					"layers/acme_new/a/env.launch/direct":      "a file named as a process type",
					"layers/acme_new/a/exec.d/web/x":           "not executable",
					"layers/acme_new/a/exec.d/direct":          "#!/bin/sh\necho \"RAN = '1'\" >&3",
					"layers/acme_old/a/profile.d/classic":      "export FROM_PROFILE=sourced",
					"layers/acme_old/a/profile.d/web/x":        "exit 1",
					"layers/acme_old/a/profile.d/dump/unused/": "",
				})
				for _, dangling := range []string{"acme_new/a/env.launch/web/B", "acme_new/a/exec.d/web/y", "acme_old/a/profile.d/nowhere"} {
					if err := os.Symlink("nowhere", filepath.Join(s.layers, dangling)); err != nil {
						t.Fatal(err)
					}
				}
				if got := s.mustLaunch("direct"); got != "<fixed><default 1><default 2>" {
					t.Errorf("printed %q", got)
				}
				if got := s.mustLaunch("classic"); !strings.HasSuffix(got, "sourced 2\n") {
					t.Errorf("printed %q", got)
				}
			})

			it("names an exec.d program that is a link to nowhere", func() {
				s := newStage(t, map[string]string{"layers/acme_new/a/exec.d/": ""})
				if err := os.Symlink("nowhere", s.layers+"/acme_new/a/exec.d/lost"); err != nil {
					t.Fatal(err)
				}
				if _, err := s.launch("direct"); err == nil || !strings.Contains(err.Error(), "exec.d/lost") {
					t.Errorf("got the error %v", err)
				}
			})

			it("does not wait for what an exec.d program left behind", func() {
				s := newStage(t, map[string]string{
					"layers/acme_new/a/exec.d/1": "#!/bin/sh\nsleep 60 & echo \"PID = '$!'\" >&3",
				})
				out := s.mustLaunch("env")
				pid := launch.NewEnv(strings.Split(out, "\n")).Get("PID")
				if pid == "" {
					t.Fatalf("the environment lacks PID:\n%s", out)
				}
				if err := exec.Command("kill", pid).Run(); err != nil {
					t.Error(err)
				}
			})

			it("ends an exec.d program when the launcher has to end", func() {
				s := newStage(t, map[string]string{
					"layers/acme_new/a/exec.d/1": "#!/bin/sh\nexec sleep 60",
				})
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				l := launch.Launcher{
					Environ: []string{"CNB_PLATFORM_API=0.15", "CNB_LAYERS_DIR=" + s.layers, "CNB_APP_DIR=" + s.app},
					Chdir:   func(string) error { return nil },
					Exec:    func(string, []string, []string) error { return errors.New("the process was started") },
					Stdout:  &s.stdout, Stderr: &s.stderr,
				}
				if err := l.Launch(ctx, []string{"env"}); !errors.Is(err, context.Canceled) {
					t.Errorf("got the error %v, want that of the context", err)
				}
			})

			it("sources profile scripts of layers for the shell alone", func() {
				s := newStage(t, map[string]string{
					"layers/acme_old/z/profile.d/b.sh":           "P=\"${P-}b \"; export P",
					"layers/acme_old/z/profile.d/a $(false)'.sh": "P=\"${P-}a \"; export P",
					"layers/acme_old/z/profile.d/classic/c.sh":   "P=\"${P-}c \"",
					"layers/acme_new/a/profile.d/d.sh":           "P=\"${P-}d \"; echo \"$PWD\"",
					"app/.profile":                               "P=\"${P-}app\"; export FROM_PROFILE=$P",
				})
				for _, test := range []struct {
					argv []string
					want string
				}{
					{[]string{"classic"}, s.app + "\na b c d app 2\n"},
					{[]string{"launcher", "echo $P"}, s.app + "\na b d app\n"},
					{[]string{"launcher", "--", "printenv", "FROM_PROFILE", "HOME"}, "app\n" + s.app + "\n"},
				} {
					if got := s.mustLaunch(test.argv...); got != test.want {
						t.Errorf("%q printed %q, want %q", test.argv, got, test.want)
					}
				}
			})
		})

		it("names the variable that is too large for the kernel", func() {
			for _, argv := range [][]string{{"direct"}, {"classic"}} {
				s := newStage(t, map[string]string{"layers/acme_new/a/env/HUGE": strings.Repeat("x", 5000)})
				l := launch.Launcher{
					Environ: []string{"CNB_PLATFORM_API=0.15", "CNB_LAYERS_DIR=" + s.layers, "CNB_APP_DIR=" + s.app, "PATH=/usr/bin:/bin"},
					Chdir:   func(string) error { return nil },
					Exec:    func(string, []string, []string) error { return syscall.E2BIG },
					Stdout:  &s.stdout, Stderr: &s.stderr,
				}
				err := l.Launch(t.Context(), argv)
				if err == nil || !strings.Contains(err.Error(), "the largest variable is HUGE, with 5000 bytes") || launch.ExitCode(err) != 82 {
					t.Errorf("%q: got the error %v", argv, err)
				}
			}
		})

		it("tells of a missing shell", func() {
			s := newStage(t, nil)
			l := launch.Launcher{
				Environ: []string{"CNB_PLATFORM_API=0.15", "CNB_LAYERS_DIR=" + s.layers, "CNB_APP_DIR=" + s.app},
				Chdir:   func(string) error { return nil },
				Exec: func(path string, _, _ []string) error {
					return &fs.PathError{Op: "exec", Path: filepath.Base(path), Err: fs.ErrNotExist}
				},
				Stdout: &s.stdout, Stderr: &s.stderr,
			}
			if err := l.Launch(t.Context(), []string{"classic"}); err == nil || !strings.Contains(err.Error(), "run image with bash") {
				t.Errorf("got the error %v", err)
			}
		})
	})
}
