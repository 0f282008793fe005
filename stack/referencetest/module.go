package referencetest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Tools is the directory into which "make tools" puts foreign programs.
func Tools(t testing.TB) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatalf("go env GOMOD: %v", err)
	}
	return filepath.Join(filepath.Dir(strings.TrimSpace(string(out))), "out", "tools")
}

// Program builds a program of a module, as NAME@VERSION, where the module lies: it may
// replace other modules, so that "go install" does not take it. Env is more of the go
// command's environment.
func Program(t testing.TB, module, program, ldflags, to string, env ...string) error {
	t.Helper()
	environ := append(append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off"), env...)
	download := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", module)
	download.Dir, download.Env = t.TempDir(), environ
	out, err := download.Output()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", download, err, out)
	}
	var got struct{ Dir string }
	if err := json.Unmarshal(out, &got); err != nil {
		return fmt.Errorf("%s: %w", download, err)
	}
	c := exec.CommandContext(t.Context(), "go", "build", "-C", got.Dir, "-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags=-s -w "+ldflags, "-o", to, program)
	c.Env = environ
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", c, err, out)
	}
	return nil
}
