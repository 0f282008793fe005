//go:build acceptance

package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNoShell starts processes in a root that holds an image and nothing else:
// the launcher, a static program, layers and an app. There is no shell, no
// /proc, and no variable says where things are.
func TestNoShell(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("changing the root directory takes root")
	}
	root := t.TempDir()
	for from, to := range map[string]string{
		build(t):      "cnb/lifecycle/launcher",
		buildProbe(t): "layers/acme_hello/hello/bin/probe",
	} {
		place(t, from, filepath.Join(root, to))
	}
	for name, content := range map[string]string{
		"workspace/.profile":                   "exit 1",
		"layers/acme_hello/hello/env/GREETING": "hello",
		"layers/config/metadata.toml": `
[[buildpacks]]
id = "acme/hello"
api = "0.10"
[[processes]]
type = "web"
command = ["probe", "fixed"]
args = ["default"]
direct = true
buildpack-id = "acme/hello"
[[processes]]
type = "old"
command = "probe"
buildpack-id = "acme/hello"
`,
	} {
		write(t, filepath.Join(root, name), content)
	}
	if err := os.MkdirAll(filepath.Join(root, "cnb/process"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/cnb/lifecycle/launcher", filepath.Join(root, "cnb/process/web")); err != nil {
		t.Fatal(err)
	}
	launch := func(path string, args ...string) (stdout, stderr string, code int) {
		cmd := exec.CommandContext(t.Context(), path, args...)
		cmd.Env = []string{"CNB_PLATFORM_API=0.15", "PATH=/cnb/process:/cnb/lifecycle"}
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		var out, errs strings.Builder
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(""), &out, &errs
		if err := cmd.Run(); cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return out.String(), errs.String(), cmd.ProcessState.ExitCode()
	}
	for _, test := range []struct {
		argv []string
		want []string
	}{
		{[]string{"/cnb/process/web"}, []string{"probe", "fixed", "default"}},
		{[]string{"/cnb/process/web", "mine"}, []string{"probe", "fixed", "mine"}},
		{[]string{"/cnb/lifecycle/launcher", "--", "probe", "$HOME"}, []string{"probe", "$HOME"}},
	} {
		stdout, stderr, code := launch(test.argv[0], test.argv[1:]...)
		var given struct {
			Args, Env [][]byte
			Dir       string
		}
		if err := json.Unmarshal([]byte(stdout), &given); err != nil {
			t.Fatalf("%q: exit code %d, %v: printed %q and %q", test.argv, code, err, stdout, stderr)
		}
		if diff := cmp.Diff(test.want, asStrings(given.Args)); diff != "" {
			t.Errorf("%q: %s", test.argv, diff)
		}
		if diff := cmp.Diff([]string{"GREETING=hello", "PATH=/layers/acme_hello/hello/bin"}, asStrings(given.Env)); diff != "" {
			t.Errorf("%q: %s", test.argv, diff)
		}
		if given.Dir != "/workspace" {
			t.Errorf("%q: started in %s", test.argv, given.Dir)
		}
	}
	_, stderr, code := launch("/cnb/lifecycle/launcher", "probe")
	if want := "this image has no shell; use a run image with bash, or a command after --"; code != 82 || !strings.Contains(stderr, want) {
		t.Errorf("a command for a shell ended with %d and %q, want 82 and %q", code, stderr, want)
	}
}

func asStrings(all [][]byte) []string {
	words := make([]string, len(all))
	for i, word := range all {
		words[i] = string(word)
	}
	return words
}

// place copies a program.
func place(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, string(content))
}
