package main_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// build builds the launcher as it goes into images.
func build(t testing.TB) string {
	t.Helper()
	return buildPackage(t, ".")
}

// buildProbe builds a static program that says what it is given, or nothing
// with --quiet.
func buildProbe(t testing.TB) string {
	t.Helper()
	return buildPackage(t, "../../stack/launch/testdata/probe")
}

func buildPackage(t testing.TB, pkg string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return file
}

// stage makes layers and an app for the launcher, and the environment that
// names them.
func stage(t testing.TB) []string {
	t.Helper()
	return stageWith(t, nil)
}

// stageWith is a stage with more files.
func stageWith(t testing.TB, files map[string]string) []string {
	t.Helper()
	all := map[string]string{
		"app/run": "#!/bin/sh\necho \"$GREETING from $0 $*\"\n",
		"layers/acme_hello/hello/env/GREETING.default": "hello",
		"layers/config/metadata.toml": `
[[buildpacks]]
id = "acme/hello"
api = "0.10"
[[processes]]
type = "web"
command = ["./run", "fixed"]
args = ["default"]
direct = true
buildpack-id = "acme/hello"
`,
	}
	maps.Copy(all, files)
	root := t.TempDir()
	for name, content := range all {
		write(t, filepath.Join(root, name), content)
	}
	return []string{"CNB_PLATFORM_API=0.15", "CNB_LAYERS_DIR=" + root + "/layers", "CNB_APP_DIR=" + root + "/app", "PATH=/usr/bin:/bin"}
}

// write writes a file that can be run.
func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestLauncher(t *testing.T) {
	launcher, environ := build(t), stage(t)
	for _, test := range []struct {
		argv   []string
		env    string
		stdout string
		stderr string
		code   int
	}{
		{argv: []string{"/cnb/process/web"}, stdout: "hello from ./run fixed default\n"},
		{argv: []string{"web", "mine"}, env: "GREETING=hi", stdout: "hi from ./run fixed mine\n"},
		{argv: []string{"launcher", "--", "./run"}, stdout: "hello from ./run \n"},
		{argv: []string{"launcher", "echo $GREETING"}, stdout: "hello\n"},
		{argv: []string{"launcher"}, code: 82,
			stderr: "ERROR: failed to launch: determine start command: when there is no default process a command is required"},
		{argv: []string{"web"}, env: "CNB_PLATFORM_API=", code: 11, stderr: "please set 'CNB_PLATFORM_API'"},
		{argv: []string{"launcher", "--", "./none"}, code: 82, stderr: "starting ./none: no such file or directory"},
		{argv: []string{"launcher", "exit 7"}, code: 7},
	} {
		cmd := exec.Command(launcher)
		cmd.Args = test.argv
		cmd.Env = append(slices.Clone(environ), test.env)
		var stdout, stderr strings.Builder
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		if code := cmd.ProcessState.ExitCode(); code != test.code {
			t.Errorf("%q: exit code %d, want %d: %v", test.argv, code, test.code, err)
		}
		if stdout.String() != test.stdout || !strings.Contains(stderr.String(), test.stderr) || test.code == 0 && stderr.Len() > 0 {
			t.Errorf("%q printed %q and %q, want %q and %q", test.argv, stdout.String(), stderr.String(), test.stdout, test.stderr)
		}
	}
}

// TestLinks is the wall around what every image carries.
func TestLinks(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"github.com/BurntSushi/toml/internal",
		"github.com/BurntSushi/toml",
		"github.com/slugc/slugc/stack/launch",
		"github.com/slugc/slugc/cmd/launcher",
	}
	if diff := cmp.Diff(want, strings.Fields(string(out))); diff != "" {
		t.Errorf("the launcher links more than it may: %s", diff)
	}
}
