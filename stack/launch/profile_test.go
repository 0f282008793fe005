package launch_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/stack/launch"
)

const slugLayers = "/app/.slugc/layers"

// slug is an unpacked slug with layers of the buildpacks acme/old, acme/new
// and heroku/classic. Names of files are relative to the layers.
type slug struct {
	t    *testing.T
	home string
}

func newSlug(t *testing.T, files map[string]string) slug {
	t.Helper()
	all := map[string]string{"config/metadata.toml": buildpacks + processes}
	for name, content := range files {
		all[name] = content
	}
	placed := map[string]string{}
	for name, content := range all {
		placed["an app's home/.slugc/layers/"+name] = content
	}
	s := slug{t: t, home: tree(t, placed) + "/an app's home"}
	script, err := launch.ProfileScript("/app", slugLayers, s.layers())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.home+"/000.sh", script, 0o644); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s slug) layersDir() string { return s.home + "/.slugc/layers" }

func (s slug) layers() [][]launch.LayerDir {
	s.t.Helper()
	var layers [][]launch.LayerDir
	for _, buildpack := range []string{"acme_old", "acme_new", "heroku_classic"} {
		var group []launch.LayerDir
		matches, err := filepath.Glob(filepath.Join(s.layersDir(), buildpack, "*"))
		if err != nil {
			s.t.Fatal(err)
		}
		for _, dir := range matches {
			group = append(group, launch.LayerDir{Host: dir, Path: slugLayers + strings.TrimPrefix(dir, s.layersDir())})
		}
		layers = append(layers, group)
	}
	return layers
}

// bash sources the script of the slug and then runs a command.
func (s slug) bash(options, command string, environ ...string) (stdout, stderr string, err error) {
	cmd := exec.Command("bash", "--noprofile", "--norc", options, ". ./000.sh\n"+command)
	cmd.Dir = s.home
	cmd.Env = append([]string{"HOME=" + s.home, "PATH=/usr/bin:/bin"}, environ...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// environment is what processes see after the script.
func (s slug) environment(options string, environ ...string) launch.Env {
	s.t.Helper()
	// What exec.d programs print comes first.
	out, errs, err := s.bash(options, `printf '\0'; exec env -0`, environ...)
	if err != nil {
		s.t.Fatalf("bash %s: %v\n%s", options, err, errs)
	}
	return withoutShell(launch.NewEnv(strings.Split(out, "\x00")))
}

// launched is what the launcher would give a process, with the paths of the
// build where the slug is.
func (s slug) launched(processType string, environ ...string) launch.Env {
	s.t.Helper()
	var env launch.Env
	l := launch.Launcher{
		Environ: append([]string{
			"CNB_PLATFORM_API=0.15", "CNB_LAYERS_DIR=" + s.layersDir(), "CNB_APP_DIR=" + s.home,
			"HOME=" + s.home, "PATH=/usr/bin:/bin",
		}, environ...),
		Chdir: func(string) error { return nil },
		Exec: func(program string, argv, environ []string) error {
			env = launch.NewEnv(environ)
			if program != "/bin/bash" {
				return nil
			}
			cmd := exec.Command(program)
			cmd.Args, cmd.Env, cmd.Dir = argv, environ, s.home
			out, err := cmd.Output()
			env = launch.NewEnv(strings.Split(string(out), "\x00"))
			return err
		},
		Stdout: io.Discard, Stderr: os.Stderr,
	}
	argv := []string{"launcher", "--", "env"}
	if processType != "" {
		argv = []string{processType}
	}
	if err := l.Launch(s.t.Context(), argv); err != nil {
		s.t.Fatal(err)
	}
	for name, value := range env {
		env[name] = strings.ReplaceAll(value, slugLayers, s.layersDir())
	}
	return withoutShell(env)
}

// withoutShell is an environment without what a shell, or a slug, adds to it.
func withoutShell(env launch.Env) launch.Env {
	for _, name := range []string{"_", "SHLVL", "PWD", "OLDPWD", "DYNO"} {
		delete(env, name)
	}
	return env
}

func TestProfileScript(t *testing.T) {
	spec.Run(t, "ProfileScript", func(t *testing.T, _ spec.G, it spec.S) {
		odd := "a'b\"c$HOME `id` \\ \t!*\n#end\n\n"
		for _, test := range []struct {
			name    string
			files   map[string]string
			environ []string
		}{
			{"directories", map[string]string{
				"acme_old/b/bin/": "", "acme_old/a/bin/": "", "acme_old/a/lib/": "", "acme_old/a/env/PATH.prepend": "/x:",
				"acme_new/a/bin/": "", "acme_new/a/lib": "a file", "acme_new/a/include/": "",
			}, nil},
			{"directories with a value of the user", map[string]string{"acme_old/a/lib/": ""}, []string{"LD_LIBRARY_PATH=/user"}},
			{"suffixes", map[string]string{
				"acme_old/a/env/A": "1", "acme_old/a/env/B.append": "1", "acme_old/a/env/C.prepend": "1", "acme_old/a/env/D.default": "1",
				"acme_old/a/env/B.delim": ":'\"$", "acme_old/a/env/E.override": odd, "acme_old/a/env/F.what": "no",
				"acme_new/a/env.launch/A.append": "2", "acme_new/a/env.launch/B.append": "2", "acme_new/a/env.launch/C.prepend": "2",
				"acme_new/a/env.launch/C.delim": odd, "acme_new/a/env.launch/D.default": "2", "acme_new/a/env.launch/G.append": "2",
			}, nil},
			{"values of the user", map[string]string{
				"acme_old/a/env/A": "1", "acme_old/a/env/B.append": "1", "acme_old/a/env/C.prepend": "1", "acme_old/a/env/D.default": "1",
			}, []string{"A=u", "B=u", "C=u", "D=" + odd}},
			{"empty values of the user", map[string]string{
				"acme_old/a/env/B.append": "1", "acme_old/a/env/B.delim": ":", "acme_old/a/env/D.default": "1", "acme_old/a/env/E": "",
			}, []string{"B=", "D=", "E=u"}},
			{"paths of the build", map[string]string{
				"acme_old/a/env/A":        slugLayers + "/acme_old/a",
				"acme_old/a/env/B":        slugLayers + "/x:/usr:" + slugLayers + ":" + slugLayers + "/y",
				"acme_old/a/env/C":        "-javaagent:" + slugLayers + "/x.jar --dir=" + slugLayers + "/y '" + slugLayers + "/z'",
				"acme_old/a/env/D.append": slugLayers + "/d", "acme_old/a/env/D.delim": ":",
			}, []string{"D=/d"}},
			{"variables that a script uses itself", map[string]string{
				"acme_old/a/env/HOME": "/elsewhere", "acme_old/a/env/IFS": "0123456789", "acme_old/b/bin/": "",
				"acme_old/b/exec.d/x": "#!/bin/sh\necho 'POSIX = \"\\u00e9\"' >&3",
			}, nil},
			{"exec.d", map[string]string{
				"acme_old/a/exec.d/1": "#!/bin/sh\necho \"FIRST = '$SEEN'\" >&3\necho 'name = \"x\"' >&3",
				"acme_new/a/exec.d/1": "#!/bin/sh\nread x\nprintf 'SECOND = \"%s\"\\n' \"$FIRST $PWD\" >&3; printf 'PATH=\"%s\"' \"$PATH:/more\" >&3",
				"acme_new/a/exec.d/2": "#!/bin/sh\n# nothing",
				"acme_new/a/env/SEEN": "seen", "acme_new/a/bin/": "",
			}, nil},
			{"nothing", nil, nil},
		} {
			for _, options := range []string{"-c", "-euc"} {
				it(fmt.Sprintf("does with bash %s what the launcher does: %s", options, test.name), func() {
					s := newSlug(t, test.files)
					if diff := cmp.Diff(s.launched("", test.environ...), s.environment(options, test.environ...)); diff != "" {
						t.Errorf("launcher (-), bash (+): %s", diff)
					}
				})
			}
		}

		typed := map[string]string{
			"acme_old/a/env.launch/A":                    "all",
			"acme_old/a/env.launch/direct/A.append":      " direct",
			"acme_old/a/env.launch/dotted.type/A.append": " dotted",
			"acme_old/a/exec.d/direct/x":                 "#!/bin/sh\necho B = \"'direct'\" >&3",
		}
		for dyno, processType := range map[string]string{
			"DYNO=direct.1": "direct", "DYNO=dotted.type.12": "dotted.type", "DYNO=run.1234": "", "DYNO=": "", "X=": "",
		} {
			it("knows the process type by "+dyno, func() {
				s := newSlug(t, typed)
				if diff := cmp.Diff(s.launched(processType, dyno), s.environment("-euc", dyno)); diff != "" {
					t.Error(diff)
				}
			})
		}

		it("sources the profile scripts of the layers last, and leaves nothing behind", func() {
			s := newSlug(t, map[string]string{
				"acme_old/a/profile.d/b.sh":     "declare PROFILE=\"${PROFILE-} b\"",
				"acme_old/a/profile.d/a.sh":     "PROFILE=\"a $EXECD\"",
				"acme_old/a/profile.d/web/c.sh": "PROFILE+=' c'",
				"acme_old/a/exec.d/x":           "#!/bin/sh\necho EXECD = \"'1'\" >&3",
			})
			out, errs, err := s.bash("-euc", "echo $PROFILE; echo \"left:$(compgen -v | grep slugc)$(declare -F)\"", "DYNO=web.1")
			if err != nil || out != "a 1 b c\nleft:\n" || errs != "" {
				t.Errorf("printed %q and %q: %v", out, errs, err)
			}
		})

		it("passes on what exec.d programs print, and stops when one fails", func() {
			s := newSlug(t, map[string]string{
				"acme_old/a/exec.d/1": "#!/bin/sh\necho out; echo err >&2",
				"acme_old/a/exec.d/2": "#!/bin/sh\nexit 3",
			})
			out, errs, err := s.bash("-c", "echo not reached")
			if code := exitCode(err); code != 82 || out != "out\n" || !strings.HasPrefix(errs, "err\n !     ") ||
				!strings.Contains(errs, "acme_old/a/exec.d/2 ended with status 3") {
				t.Errorf("exit code %d, printed %q and %q", code, out, errs)
			}
		})

		it("leaves out what bash cannot set", func() {
			s := newSlug(t, map[string]string{
				"acme_old/a/env/NOT-A-NAME": "1", "acme_old/a/env/a\n$(echo hacked >&2)": "1", "acme_old/a/env/UID": "1", "acme_old/a/env/LAST": "1",
				"acme_old/a/exec.d/x": "#!/bin/sh\necho '\"a[$(echo hacked >&2)]\" = \"1\"' >&3; echo 'PPID = \"1\"' >&3; echo 'no-name = \"1\"' >&3; echo 'X = \"1\"' >&3",
			})
			out, errs, err := s.bash("-euc", "echo $LAST $X")
			if err != nil || out != "1 1\n" || strings.Count(errs, "passed over") != 3 || strings.Contains(errs, "\nhacked") {
				t.Errorf("printed %q and %q: %v", out, errs, err)
			}
		})

		it("keeps absolute layers where they are", func() {
			host := tree(t, map[string]string{"bin/": ""})
			script, err := launch.ProfileScript("/workspace", "/layers", [][]launch.LayerDir{{{Host: host, Path: "/layers/a/b"}}})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(script), "PATH='/layers/a/b/bin'") {
				t.Errorf("the script is\n%s", script)
			}
		})

		it("has a home without HOME", func() {
			s := newSlug(t, map[string]string{"acme_old/a/bin/": ""})
			out, _, err := s.bash("-euc", "echo $PATH", "HOME=")
			if want := slugLayers + "/acme_old/a/bin:/usr/bin:/bin\n"; err != nil || out != want {
				t.Errorf("PATH is %q, want %q: %v", out, want, err)
			}
		})

		it("is empty when the layers ask for nothing", func() {
			host := tree(t, map[string]string{"share/x": ""})
			script, err := launch.ProfileScript("/app", slugLayers, [][]launch.LayerDir{{{Host: host, Path: slugLayers + "/a/b"}}})
			if err != nil || len(script) != 0 {
				t.Errorf("the script is %q: %v", script, err)
			}
		})
	})
}

// TestProfileScriptRandom has bash and the launcher make the environment of
// random layers: what runs from a slug gets what runs from an image gets.
func TestProfileScriptRandom(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			d := newDice(seed)
			files := d.layers()
			processType, options := d.one("", "direct", "dotted.type", "dump"), d.one("-c", "-euc")
			if processType == "dump" {
				d.profiles(files)
			}
			s := newSlug(t, files)
			environ := []string{"A=" + d.raw(), "B=" + d.one("", d.raw())}
			if d.happens(2) {
				environ = append(environ, "LC_ALL="+d.one("C", "C.UTF-8"))
			}
			want := s.launched(processType, environ...)
			got := s.environment(options, append(environ, "DYNO="+processType+".1")...)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("bash %s, process type %q: launcher (-), bash (+): %s", options, processType, diff)
			}
		})
	}
}

// TestProfileScriptTOML has bash and the launcher read the same variables.
func TestProfileScriptTOML(t *testing.T) {
	for name, document := range map[string]string{
		"empty":           "",
		"comments":        "# one\n\n  # two\nA = \"1\" # three\n\t# four",
		"escapes":         `A = "\b\t\n\f\r\"\\ \u00e9 \u20AC \U0001F600 end"`,
		"quotes in quote": `A = "it's \"this\""` + "\n" + `B = 'a \n "b"'`,
		"quoted keys":     `"A" = "1"` + "\n'B' = '2'",
		"no blanks":       "A=\"1\"\nB='2'",
		"carriage return": "A = \"1\"\r\nB = '2'\r\n",
		"several lines":   "A = \"\"\"\nfirst\n  \"second\" \\\n   joined \\\\ \"\"\"\nB = '''\nc:\\d \"e\" 'f'\n'''\nC = '4'",
		"touching quotes": "A = \"\"\"\"in\"\"\"\"\nB = ''''in''''\nC = \"\"\"\"\"\"\nD = ''",
		"shell words":     `A = "$(false) $HOME ` + "`id`" + ` * ~ ! ; &"`,
		"other scripts":   "A = \"日本語 ü\"",
		"long":            "A = \"" + strings.Repeat("x\\ny", 1000) + "\"",
		"underscores":     "_a1 = \"1\"",
	} {
		t.Run(name, func(t *testing.T) {
			s := newSlug(t, map[string]string{"acme_old/a/exec.d/x": "#!/bin/sh\ncat \"${0%/*}/../doc\" >&3", "acme_old/a/doc": document})
			want := s.launched("")
			for _, locale := range []string{"C", "C.UTF-8"} {
				got := s.environment("-euc", "LC_ALL="+locale)
				delete(got, "LC_ALL")
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: launcher (-), bash (+): %s", locale, diff)
				}
			}
		})
	}
	for name, document := range map[string]string{
		"no value":          "A",
		"no string":         "A = 1",
		"a table":           "[a]",
		"an open string":    `A = "1`,
		"a line break":      "A = \"1\n\"",
		"rest of a line":    `A = "1" B = "2"`,
		"an unknown escape": `A = "\q"`,
		"a bad code point":  `A = "\uD800"`,
		"few digits":        `A = "\u12"`,
		"no digits":         `A = "\uzzzz"`,
		"a NUL":             `A = "\u0000"`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newSlug(t, map[string]string{"acme_old/a/exec.d/x": "#!/bin/sh\ncat \"${0%/*}/../doc\" >&3", "acme_old/a/doc": document})
			out, errs, err := s.bash("-c", "echo not reached")
			if code := exitCode(err); code != 82 || out != "" || !strings.Contains(errs, "exec.d/x printed ") {
				t.Errorf("exit code %d, printed %q and %q", code, out, errs)
			}
		})
	}
}

func exitCode(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	return -1
}

func TestEnterScript(t *testing.T) {
	home := tree(t, map[string]string{
		"an app's home/pack's/a b/.profile.d/1.sh": "ONE=\"$HOME\"; [ \"$PWD\" = \"$HOME\" ]\n", "an app's home/pack's/a b/.profile.d/2.sh": "export TWO=\"$ONE 2\"\n",
		"an app's home/pack's/a b/.profile.d/not": "exit 3\n", "an app's home/bare/file": "",
	}) + "/an app's home"
	pwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for subdir, want := range map[string]string{"pack's/a b": home + "/pack's/a b|" + home + "/pack's/a b 2|" + pwd, "bare": home + "/bare||" + pwd} {
		for _, options := range []string{"-c", "-euc"} {
			cmd := exec.Command("bash", options, string(launch.EnterScript("/app", subdir, nil))+`printf '%s|%s|%s' "$HOME" "${TWO-}" "$PWD"; env | grep slugc || true`)
			cmd.Env = []string{"HOME=" + home}
			if out, err := cmd.CombinedOutput(); err != nil || string(out) != want {
				t.Errorf("%s with bash %s: %v\ngot  %s\nwant %s", subdir, options, err, out, want)
			}
		}
	}
	cmd := exec.Command("bash", "-uc", string(launch.EnterScript(home, "bare", nil))+`echo "$HOME"`)
	cmd.Env = []string{}
	if out, err := cmd.Output(); err != nil || string(out) != home+"/bare\n" {
		t.Errorf("without HOME: %q, %v", out, err)
	}
	cmd = exec.Command("bash", "-euc", string(launch.EnterScript("/app", "bare", []byte("[ -v __slugc_top ] && export HOME=/elsewhere\n")))+`echo "$HOME|${TWO-}|${__slugc_top-}"`)
	cmd.Env = []string{"HOME=" + home}
	if out, err := cmd.Output(); err != nil || string(out) != "/elsewhere||\n" {
		t.Errorf("with HOME of a layer: %q, %v", out, err)
	}
}
