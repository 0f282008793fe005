package deploy

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
)

// odd is what a word of a command may hold and YAML or a shell may not like.
var odd = []string{
	"yes", "null", "~", "12", "1e3", "0x1f", "- a", "a: b", "a #b", "#", "&x", "*x", "!t", "|", ">", "%", "@", "`", "'", "\"", "it's \"so\"",
	"{a: b}", "[a]", "a\nb\n", "\n", "\ttab", " lead", "trail ", "\\n", "é世\U0001f600", "\x7f", "\u0085", "\u2028", "\ufeff", "$HOME", "$(id)", "<<EOF",
	strings.Repeat("long ", 60), "",
}

func tree(processes ...launch.Process) artifact.Tree {
	return artifact.Tree{
		App:      buildpacks.Dir{Path: "/app"},
		Layers:   buildpacks.Dir{Path: "/app/.slugc/layers"},
		Metadata: launch.Metadata{Processes: processes},
	}
}

// readRelease reads a file as herokuish does, by a reader of YAML.
func readRelease(t *testing.T, f pack.File) map[string]string {
	t.Helper()
	var read struct {
		Types map[string]string `yaml:"default_process_types"`
	}
	if err := yaml.Unmarshal(f.Content, &read); err != nil {
		t.Fatalf("%v\n%s", err, f.Content)
	}
	return read.Types
}

func TestReleaseFile(t *testing.T) {
	home := filepath.Join(t.TempDir(), "some where's home")
	if err := os.MkdirAll(filepath.Join(home, "sub dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	tool := "/app/.slugc/layers/acme_tool/bin/args"
	at := filepath.Join(home, ".slugc/layers/acme_tool/bin/args")
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/bash\nprintf '%s\\0' \"$PWD\" \"$@\"\n"
	if err := os.WriteFile(at, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	file, err := releaseFile(tree(
		launch.Process{Type: "web", Command: append(launch.Command{tool}, odd...), Direct: true},
		launch.Process{Type: "yes", Command: launch.Command{tool}, Args: []string{tool + ":x"}, Direct: true, WorkingDirectory: "/app/sub dir"},
		launch.Process{Type: "1", Command: launch.Command{"bash", "-c", `"` + tool + `" a | cat`}, Direct: true, WorkingDirectory: "/app/"},
		launch.Process{Type: "line", Command: launch.Command{tool + " 'a b'\n" + tool + " c"}},
		launch.Process{Type: "out", Command: launch.Command{tool}, Direct: true, WorkingDirectory: "/"},
	))
	if err != nil {
		t.Fatal(err)
	}
	types := readRelease(t, file)
	for processType, want := range map[string][]string{
		"web": append([]string{home}, odd...), "yes": {home + "/sub dir", at + ":x"}, "1": {home, "a"},
		"line": {home, "a b", home, "c"}, "out": {"/"},
	} {
		cmd := exec.Command("bash", "-c", types[processType])
		cmd.Dir, cmd.Env = home, []string{"HOME=" + home, "PATH=/usr/bin:/bin"}
		out, err := cmd.Output()
		if err != nil {
			t.Errorf("%s: %v: %s", processType, err, types[processType])
		}
		if diff := cmp.Diff(want, strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")); diff != "" {
			t.Errorf("%s: %s\n%s", processType, types[processType], diff)
		}
	}
	if lines := strings.Count(string(file.Content), "\n"); lines != 7 {
		t.Errorf("%d lines, want a line per type:\n%s", lines, file.Content)
	}
}

func TestReleaseFileText(t *testing.T) {
	file, err := releaseFile(tree(
		launch.Process{Type: "worker", Command: launch.Command{"node", "worker.js"}, Direct: true},
		launch.Process{Type: "web", Command: launch.Command{"greet"}, Direct: true, WorkingDirectory: "/app/-x"},
	))
	if want := "---\ndefault_process_types:\n  web: cd ./-x && greet\n  worker: node worker.js\n"; err != nil || string(file.Content) != want {
		t.Errorf("got %q, %v, want %q", file.Content, err, want)
	}
}

func TestSlugReleaseFile(t *testing.T) {
	has := func(app pack.Index, processes ...launch.Process) (own bool, warned error) {
		jobs, err := Slug{Warn: func(err error) { warned = errors.Join(warned, err) }}.Jobs(tree(processes...), app)
		if err != nil {
			t.Fatal(err)
		}
		for _, job := range jobs {
			for _, f := range job.Part.Files {
				own = own || f.Path == releaseName
			}
		}
		return own, warned
	}
	web := launch.Process{Type: "web", Command: launch.Command{"greet"}, Direct: true}
	if own, warned := has(nil, web); !own || warned != nil {
		t.Errorf("an app without: %v, %v", own, warned)
	}
	if own, warned := has(pack.Index{{Path: releaseName}}); own || warned != nil {
		t.Errorf("an app without processes: %v, %v", own, warned)
	}
	if own, warned := has(pack.Index{{Path: releaseName}}, web); own || warned == nil || !strings.Contains(warned.Error(), "has a .release of its own") {
		t.Errorf("an app with one: %v, %v", own, warned)
	}
}
