package referencetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Version is the release of the reference.
const Version = "0.21.0"

const module = "github.com/buildpacks/lifecycle"

// Lifecycle is where the programs of the reference are.
type Lifecycle struct{ Dir string }

// Build returns the lifecycle of "make tools"; without one it is built and kept
// with the user's caches.
func Build(t testing.TB) Lifecycle {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	l := Lifecycle{filepath.Join(root, "out", "tools", "lifecycle")}
	if l.complete() {
		return l
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	l.Dir = filepath.Join(cache, "slugc-tests", "lifecycle@v"+Version)
	if !l.complete() {
		if err := l.build(t); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// programs are all phases in one, and the launcher.
func programs() []string { return []string{"launcher", "lifecycle"} }

func (l Lifecycle) complete() bool {
	for _, p := range programs() {
		if _, err := os.Stat(filepath.Join(l.Dir, p)); err != nil {
			return false
		}
	}
	return true
}

// Launcher is the program that starts the processes of images.
func (l Lifecycle) Launcher() string { return filepath.Join(l.Dir, "launcher") }

// Phase is a phase such as "creator" as a command: one program is all phases,
// and is told by its name which.
func (l Lifecycle) Phase(t testing.TB, phase string, args ...string) *exec.Cmd {
	c := exec.CommandContext(t.Context(), filepath.Join(l.Dir, "lifecycle"), args...)
	c.Args[0] = phase
	return c
}

// moduleRoot is the directory of go.mod.
func moduleRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}

// build builds the programs where their module lies, by its own go.sum, so that
// no checksum database has to know it.
func (l Lifecycle) build(t testing.TB) error {
	environ := append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GONOSUMDB="+module)
	download := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", module+"@v"+Version)
	download.Dir, download.Env = t.TempDir(), environ
	out, err := download.Output()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", download, err, out)
	}
	var got struct{ Dir string }
	if err := json.Unmarshal(out, &got); err != nil {
		return fmt.Errorf("%s: %w", download, err)
	}
	if err := os.MkdirAll(filepath.Dir(l.Dir), 0o755); err != nil {
		return err
	}
	beside, err := os.MkdirTemp(filepath.Dir(l.Dir), ".lifecycle-")
	if err != nil {
		return err
	}
	for _, p := range programs() {
		c := exec.CommandContext(t.Context(), "go", "build", "-C", got.Dir, "-mod=readonly", "-buildvcs=false", "-trimpath",
			"-ldflags=-s -w -X "+module+"/cmd.Version="+Version, "-o", filepath.Join(beside, p), "./cmd/"+p)
		c.Env = environ
		if out, err := c.CombinedOutput(); err != nil {
			return errors.Join(fmt.Errorf("%s: %w\n%s", c, err, out), os.RemoveAll(beside))
		}
	}
	if err := os.Rename(beside, l.Dir); err != nil {
		removed := os.RemoveAll(beside)
		// Another test may have been faster.
		if !errors.Is(err, fs.ErrExist) || removed != nil {
			return errors.Join(err, removed)
		}
	}
	return nil
}
