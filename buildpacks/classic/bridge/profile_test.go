package bridge_test

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
)

// profile runs the exec.d program of a package in an app as a launcher does.
func profile(t *testing.T, app map[string]string, environ ...string) (variables launch.Env, out string, err error) {
	t.Helper()
	y := newYard(t)
	y.build(nil)
	for name, text := range app {
		y.put(filepath.Join("app", name), text)
	}
	// Files, since a process that goes on would hold pipes.
	file, err := os.Create(y.at("fd3"))
	words, wordsErr := os.Create(y.at("words"))
	if err := errors.Join(err, wordsErr); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), y.at("layers/profile/exec.d/profile"))
	c.Dir, c.ExtraFiles, c.Stdout, c.Stderr = y.at("app"), []*os.File{file}, words, words
	c.Env = append([]string{"PATH=" + stack.DefaultPath, "HOME=/before"}, environ...)
	err = c.Run()
	if closeErr := errors.Join(file.Close(), words.Close()); closeErr != nil {
		t.Fatal(closeErr)
	}
	if decodeErr := launch.DecodeTOML([]byte(y.read("fd3")), &variables); decodeErr != nil {
		t.Fatalf("%v\n%s", decodeErr, y.read("fd3"))
	}
	return variables, strings.ReplaceAll(y.read("words"), y.at("app"), "APP"), err
}

func TestProfile(t *testing.T) {
	for name, c := range map[string]struct {
		app     map[string]string
		environ []string
		want    launch.Env
		out     string
	}{
		"no scripts": {},
		"in the order of bytes, the app's own last": {
			app: map[string]string{
				".profile.d/B.sh": "export X=$X:B", ".profile.d/a.sh": "export X=$X:a", ".profile.d/b.sh": "export X=$X:b",
				".profile.d/c.txt": "export X=never", ".profile": "export X=$X:own",
			},
			environ: []string{"LC_ALL=C.UTF-8", "X=0"},
			want:    launch.Env{"X": "0:B:a:b:own"},
		},
		"with the app as home and directory": {
			app:  map[string]string{".profile.d/a.sh": `cd /; export A="$HOME"`, ".profile.d/b.sh": `export B="$PWD"`},
			want: launch.Env{"A": "APP", "B": "/"},
		},
		"whatever a value holds": {
			app: map[string]string{".profile.d/a.sh": `export V=$'1\n2\r\n\t"quoted" \'single\' \\n \x01\x1b\x7f $X ` + "`x`" + ` ü€😀\n' EMPTY= SPACE=' '`},
			want: launch.Env{
				"V": "1\n2\r\n\t\"quoted\" 'single' \\n \x01\x1b\x7f $X `x` ü€😀\n", "EMPTY": "", "SPACE": " ",
			},
		},
		"whatever a name holds": {
			app:     map[string]string{".profile.d/a.sh": "fn() { echo x; }; export -f fn; export B=1"},
			environ: []string{"my.var=1", "x[$(touch evil)]=2", "a]b=3", "@=4", "*=5", `q"u=6`, "BASH_FUNC_own%%=() {  :\n}"},
			want:    launch.Env{"BASH_FUNC_fn%%": "() {  echo x\n}", "B": "1"},
		},
		"nothing that is not exported or did not change": {
			app:     map[string]string{".profile.d/a.sh": "local_only=1; SAME=same; export SAME; OLDPWD=/x"},
			environ: []string{"SAME=same"},
		},
		"an empty value for what is gone": {
			app:     map[string]string{".profile.d/a.sh": "unset GONE"},
			environ: []string{"GONE=x"},
			want:    launch.Env{"GONE": ""},
		},
		"without what is not UTF-8, which TOML cannot hold": {
			app:  map[string]string{".profile.d/a.sh": `export BAD=$'\xc3(' LONE=$'a\x80' SURROGATE=$'\xed\xa0\x80' LONG=$'\xc0\xaf' BIG=$'\xf4\x90\x80\x80' OK=ok`},
			want: launch.Env{"OK": "ok"},
			out:  "BAD BIG LONE LONG SURROGATE",
		},
		"scripts that set what they like": {
			app: map[string]string{
				".profile.d/a.sh": "set -eu -o noglob; IFS=x; shopt -s nullglob; printf() { :; }; trap 'echo bye' EXIT; export A=1; before=2; exec 5>&-",
				".profile.d/b.sh": "false || export B=2; echo words",
			},
			want: launch.Env{"A": "1", "B": "2"},
			out:  "words",
		},
		"something in the background": {
			app:  map[string]string{".profile.d/a.sh": `(while [ -e app.txt ]; do sleep 0.1; done) & export A=1`},
			want: launch.Env{"A": "1"},
		},
		"a slug, where bash sources the scripts": {
			app:  map[string]string{".profile.d/000_slugc.sh": "export A=1"},
			want: launch.Env{"HOME": "/before"},
		},
		"a slug whose app is a directory of it": {
			app:     map[string]string{".profile.d/a.sh": "export A=1"},
			environ: []string{"__slugc_top=/before"},
			want:    launch.Env{"HOME": "/before"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, out, err := profile(t, c.app, c.environ...)
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			want := launch.Env{"HOME": got["HOME"]}
			maps.Copy(want, c.want)
			if want["HOME"] == "/before" {
				want = launch.Env{}
			}
			for name, value := range want {
				want[name] = strings.ReplaceAll(value, "APP", got["HOME"])
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s\n%s", diff, out)
			}
			for word := range strings.FieldsSeq(c.out) {
				if !strings.Contains(out, word) {
					t.Errorf("%s is not in\n%s", word, out)
				}
			}
			if c.out == "" && out != "" {
				t.Errorf("printed\n%s", out)
			}
		})
	}
}

// TestProfileFails: where the shell of Heroku would end before the process, so
// does the process here.
func TestProfileFails(t *testing.T) {
	for _, script := range []string{"exit 0", "exit 7", "set -e; false", "set -u; echo $NO_SUCH"} {
		_, out, err := profile(t, map[string]string{".profile.d/a.sh": script, ".profile.d/b.sh": "export B=1"})
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok || exit.ExitCode() != 1 || !strings.HasSuffix(out, " !     .profile.d: a script ended the shell that sources it\n") {
			t.Errorf("%s: %v\n%s", script, err, out)
		}
	}
}
