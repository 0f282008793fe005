package limits_test

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

// The script runs wherever the app does, so it has to do with any shell that is
// /bin/sh.
func TestScript(t *testing.T) {
	const body = `set_default MEMORY "$memory_mb"
set_default LIMITED "$memory_limited"
set_default CPUS "$cpus"
set_default TAKEN other
set_default EMPTY other
`
	for name, test := range map[string]struct {
		files map[string]string
		want  map[string]string
	}{
		"no control groups": {want: map[string]string{"MEMORY": "512", "LIMITED": "", "CPUS": "8"}},
		"version 2": {files: map[string]string{"memory.max": "1073741824", "cpu.max": "150000 100000"},
			want: map[string]string{"MEMORY": "1024", "LIMITED": "yes", "CPUS": "2"}},
		"version 2 without limits": {files: map[string]string{"memory.max": "max", "cpu.max": "max 100000"},
			want: map[string]string{"MEMORY": "512", "LIMITED": "", "CPUS": "8"}},
		"version 1": {files: map[string]string{"memory/memory.limit_in_bytes": "268435456", "cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"},
			want: map[string]string{"MEMORY": "256", "LIMITED": "yes", "CPUS": "1"}},
		"version 1 without limits": {files: map[string]string{"memory/memory.limit_in_bytes": "9223372036854771712", "cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
			want: map[string]string{"MEMORY": "512", "LIMITED": "", "CPUS": "8"}},
		"more than there is": {files: map[string]string{"cpu.max": "9900000 100000"}, want: map[string]string{"MEMORY": "512", "LIMITED": "", "CPUS": "8"}},
		"nonsense":           {files: map[string]string{"memory.max": "-", "cpu.max": "x y"}, want: map[string]string{"MEMORY": "512", "LIMITED": "", "CPUS": "8"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range test.files {
				write(t, filepath.Join(dir, "cgroup", file), text+"\n", 0o600)
			}
			write(t, filepath.Join(dir, "bin", "nproc"), "#!/bin/sh\necho 8\n", 0o700)
			script := strings.ReplaceAll(string(limits.Script(body)), "/sys/fs/cgroup", filepath.Join(dir, "cgroup"))
			here := filepath.Join(dir, "script")
			write(t, here, script, 0o600)
			for _, shell := range [][]string{{"sh"}, {"dash"}, {"bash", "--posix"}, {"busybox", "sh"}} {
				if _, err := exec.LookPath(shell[0]); err != nil {
					continue
				}
				out, err := os.Create(filepath.Join(dir, "out"))
				if err != nil {
					t.Fatal(err)
				}
				cmd := exec.CommandContext(t.Context(), shell[0], append(shell[1:], here)...)
				cmd.Env = []string{"PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH"), "TAKEN=mine", "EMPTY="}
				cmd.ExtraFiles = []*os.File{out}
				said, err := cmd.CombinedOutput()
				if err != nil || len(said) > 0 || out.Close() != nil {
					t.Fatalf("%s: %v, printed %q", shell, err, said)
				}
				got := map[string]string{}
				if _, err := toml.DecodeFile(out.Name(), &got); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("%s: %s", shell, diff)
				}
			}
		})
	}
}

func write(t *testing.T, file, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
