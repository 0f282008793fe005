package nodejs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/language/limits"
)

// The exec.d program runs wherever the app does, so it has to do with any shell
// that is /bin/sh.
func TestConcurrency(t *testing.T) {
	body, err := os.ReadFile("launch/concurrency.sh")
	if err != nil {
		t.Fatal(err)
	}
	here := filepath.Join(t.TempDir(), "concurrency")
	if err := os.WriteFile(here, limits.Script(string(body)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, shell := range [][]string{{"sh"}, {"dash"}, {"bash", "--posix"}, {"busybox", "sh"}} {
		if _, err := exec.LookPath(shell[0]); err != nil {
			continue
		}
		for _, test := range []struct {
			env  []string
			want map[string]string
		}{
			{[]string{"MEMORY_AVAILABLE=512"}, map[string]string{"WEB_MEMORY": "512", "WEB_CONCURRENCY": "1"}},
			{[]string{"MEMORY_AVAILABLE=2560"}, map[string]string{"WEB_MEMORY": "512", "WEB_CONCURRENCY": "5"}},
			{[]string{"MEMORY_AVAILABLE=100"}, map[string]string{"WEB_MEMORY": "512", "WEB_CONCURRENCY": "1"}},
			{[]string{"MEMORY_AVAILABLE=32768"}, map[string]string{"WEB_MEMORY": "2048", "WEB_CONCURRENCY": "16"}},
			{[]string{"MEMORY_AVAILABLE=1024", "WEB_MEMORY=256"}, map[string]string{"WEB_CONCURRENCY": "4"}},
			{[]string{"MEMORY_AVAILABLE=102400", "WEB_MEMORY=1"}, map[string]string{"WEB_CONCURRENCY": "1"}},
			{[]string{"MEMORY_AVAILABLE=1024", "WEB_MEMORY=0"}, map[string]string{"WEB_CONCURRENCY": "2"}},
			{[]string{"MEMORY_AVAILABLE=1024", "WEB_CONCURRENCY=9"}, map[string]string{"WEB_MEMORY": "512"}},
			{[]string{"MEMORY_AVAILABLE=lots", "WEB_MEMORY=some"}, map[string]string{"WEB_CONCURRENCY": "1"}},
			{[]string{"MEMORY_AVAILABLE=1", "WEB_MEMORY=1", "WEB_CONCURRENCY=1"}, map[string]string{}},
		} {
			if diff := cmp.Diff(test.want, execD(t, append(shell, here), test.env)); diff != "" {
				t.Errorf("%s with %s: %s", shell, test.env, diff)
			}
		}
		got := execD(t, append(shell, here), nil)
		if got["MEMORY_AVAILABLE"] == "" || got["WEB_MEMORY"] == "" || got["WEB_CONCURRENCY"] == "" {
			t.Errorf("%s without settings: %v", shell, got)
		}
	}
}

// execD runs an exec.d program and reads what it prints on file descriptor 3.
func execD(t *testing.T, args, env []string) map[string]string {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var out strings.Builder
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env = env
	cmd.ExtraFiles = []*os.File{file}
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil || out.Len() > 0 {
		t.Fatalf("%s: %v, printed %q", args, err, out.String())
	}
	variables := map[string]string{}
	if _, err := toml.DecodeFile(file.Name(), &variables); err != nil {
		t.Fatal(err)
	}
	return variables
}
