package launch_test

import (
	"os/exec"
	"testing"

	"github.com/slugc/slugc/stack/launch"
)

func TestRelocateLine(t *testing.T) {
	const path = slugLayers + "/acme/node"
	for _, test := range []struct{ name, line, want, prints string }{
		{"no path", "greet me", "greet me", ""},
		{"a word", "echo " + path, `echo "$HOME"/.slugc/layers/acme/node`, "/h m/.slugc/layers/acme/node\n"},
		{"the directory itself", "echo " + slugLayers, `echo "$HOME"/.slugc/layers`, "/h m/.slugc/layers\n"},
		{"another's path", "echo /my/app/.slugc/layers /app/.slugc/layers2", "echo /my/app/.slugc/layers /app/.slugc/layers2", ""},
		{"twice", "echo -I" + path + ":" + path, "echo -I" + path + `:"$HOME"/.slugc/layers/acme/node`, ""},
		{"single quotes", "echo 'a b" + ":" + path + " $x'", `echo 'a b:'"$HOME"'/.slugc/layers/acme/node $x'`, "a b:/h m/.slugc/layers/acme/node $x\n"},
		{"an escaped quote", `echo \'` + path, `echo \'"$HOME"/.slugc/layers/acme/node`, "'/h m/.slugc/layers/acme/node\n"},
		{"double quotes", `echo "it's ` + path + `"`, `echo "it's $HOME/.slugc/layers/acme/node"`, "it's /h m/.slugc/layers/acme/node\n"},
		{"a quote in double quotes", `echo "\" ` + path + `"`, `echo "\" $HOME/.slugc/layers/acme/node"`, "\" /h m/.slugc/layers/acme/node\n"},
		{"ANSI quotes", `echo $'\'` + "\t" + path + `\t'`, `echo $'\'` + "\t" + `'"$HOME"$'/.slugc/layers/acme/node\t'`, "'\t/h m/.slugc/layers/acme/node\t\n"},
		{
			"a substitution in double quotes", `echo "$(echo '` + path + `')" "` + "`echo '" + path + "'`" + `" '` + path + `'`,
			`echo "$(echo ''"$HOME"'/.slugc/layers/acme/node')" "` + "`echo ''\"$HOME\"'/.slugc/layers/acme/node'`" + `" ''"$HOME"'/.slugc/layers/acme/node'`,
			"/h m/.slugc/layers/acme/node /h m/.slugc/layers/acme/node /h m/.slugc/layers/acme/node\n",
		},
		{"a subshell", `(echo "(") && echo '` + path + `'`, `(echo "(") && echo ''"$HOME"'/.slugc/layers/acme/node'`, "(\n/h m/.slugc/layers/acme/node\n"},
		{"a comment", "true # it's\necho " + path, "true # it's\n" + `echo "$HOME"/.slugc/layers/acme/node`, "/h m/.slugc/layers/acme/node\n"},
		{"no comment", "echo a#'" + path + "'", `echo a#''"$HOME"'/.slugc/layers/acme/node'`, "a#/h m/.slugc/layers/acme/node\n"},
		{"an escaped path", `echo \` + path + ` ` + path, `echo \` + path + ` "$HOME"/.slugc/layers/acme/node`, path + " /h m/.slugc/layers/acme/node\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := launch.RelocateLine(test.line, "/app", "", slugLayers)
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if test.prints == "" {
				return
			}
			cmd := exec.Command("bash", "-c", got)
			cmd.Env = []string{"HOME=/h m"}
			if printed, err := cmd.Output(); err != nil || string(printed) != test.prints {
				t.Errorf("%s\nprints %q, %v, want %q", got, printed, err, test.prints)
			}
		})
	}
	if got := launch.RelocateLine("run /layers/x", "/app", "", "/layers"); got != "run /layers/x" {
		t.Errorf("layers outside of the app: %s", got)
	}
}

func TestRelocateLineOfDirectory(t *testing.T) {
	got := launch.RelocateLine("run '"+slugLayers+"/x' /app/y", "/app", "packages/web", slugLayers)
	if want := `run ''"$HOME"'/../../.slugc/layers/x' /app/y`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
