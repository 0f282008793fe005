package procfile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/procfile"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       procfile.Procfile
		warnings   []string
	}{
		{name: "the usual", text: "web: node server.js\nworker: node worker.js\n", want: procfile.Procfile{{"web", "node server.js"}, {"worker", "node worker.js"}}},
		{name: "no line end, spaces, comments", text: "# types\n\nweb:  a  b  ", want: procfile.Procfile{{"web", "a  b"}}},
		{name: "white space before a name", text: "  web: a\n\tx: b\n", want: procfile.Procfile{{"web", "a"}, {"x", "b"}}, warnings: []string{`line 1: has white space before the name, which Cloud Native Buildpacks take for a mistake; write "web: a"`, "line 2: has white space"}},
		{name: "names that are others elsewhere", text: "my_Worker: a\n-x-: b\n__: c\n" + strings.Repeat("a", 62) + "-b: d\n" + strings.Repeat("c", 128) + ": e\nweb-1: f\n",
			want: procfile.Procfile{{"my_Worker", "a"}, {"-x-", "b"}, {"__", "c"}, {strings.Repeat("a", 62) + "-b", "d"}, {strings.Repeat("c", 128), "e"}, {"web-1", "f"}},
			warnings: []string{
				"line 1: declares my_Worker, which Cloud Native Buildpacks and Kubernetes do not take; there it is my-worker", "there it is x",
				"line 3: declares __, which Cloud Native Buildpacks and Kubernetes do not take; a name there has a letter or a digit",
				"there it is " + strings.Repeat("a", 62), "there it is " + strings.Repeat("c", 63),
			}},
		{name: "the colon may be left out", text: "web node server.js\n", want: procfile.Procfile{{"web", "node server.js"}}, warnings: []string{`line 1: has no colon and counts as a process type all the same; write "web: node server.js"`}},
		{name: "the blank may be left out", text: "web:node server.js\n", want: procfile.Procfile{{"web", "node server.js"}}, warnings: []string{"line 1: has no blank behind the colon"}},
		{name: "colons and quotes in a command", text: `web: sh -c "echo a: b" # not a comment`, want: procfile.Procfile{{"web", `sh -c "echo a: b" # not a comment`}}},
		{name: "the last of a name wins", text: "web: a\nx: c\nweb: b\n", want: procfile.Procfile{{"web", "b"}, {"x", "c"}}, warnings: []string{"line 3: declares web again"}},
		{name: "Windows", text: "\ufeffweb: a\r\nx: b\r\n", want: procfile.Procfile{{"web", "a"}, {"x", "b"}}, warnings: []string{"line 1: begins with a byte order mark", "line 1: has Windows line ends"}},
		{name: "what is no process type", text: "web: a\nwe b\n!!\nempty:\n", want: procfile.Procfile{{"web", "a"}, {"we", "b"}}, warnings: []string{"line 2: has no colon", "line 3: is no process type", "line 4: has no command"}},
		{name: "nothing", text: ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, warnings, err := procfile.Parse(strings.NewReader(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("process types (-expected +got):\n%s", diff)
			}
			if len(warnings) != len(tt.warnings) {
				t.Fatalf("warnings: %v, expected %v", warnings, tt.warnings)
			}
			for i, w := range warnings {
				if !strings.Contains(w.String(), tt.warnings[i]) {
					t.Errorf("warning %q, expected %q", w, tt.warnings[i])
				}
			}
		})
	}
	for text, problem := range map[string]string{
		"web: a\n<<<<<<< HEAD\nweb: b\n":                "line 2 of the Procfile is a conflict marker",
		"web: \xff\xfe\n":                               "line 1 of the Procfile is not text",
		"web: a\n" + strings.Repeat("x", 129) + ": b\n": "line 2 of the Procfile: the name of a process type has 129 characters (xxxxxxxxxxxxxxxxxxxx...); expected at most 128",
		strings.Repeat("a: b\n", 300000):                "larger than",
	} {
		if _, _, err := procfile.Parse(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("got %v, expected %q", err, problem)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"web: a\n", "\ufeffweb a\r\n", "<<<<<<<\n", ":\n", " A_-: b", "web: a\nweb: b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, _, err := procfile.Parse(strings.NewReader(text))
		seen := map[string]bool{}
		for _, p := range found {
			if p.Type == "" || p.Command == "" || seen[p.Type] || len(p.Type) > 128 || strings.ContainsAny(p.Command, "\n\x00") {
				t.Errorf("%q gave %+v", text, found)
			}
			seen[p.Type] = true
		}
		if err != nil && len(found) > 0 {
			t.Errorf("%q gave an error and process types", text)
		}
	})
}
