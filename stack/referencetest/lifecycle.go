package referencetest

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
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
	l := Lifecycle{filepath.Join(Tools(t), "lifecycle")}
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

// build builds the programs, by their module's own go.sum, so that no checksum
// database has to know it.
func (l Lifecycle) build(t testing.TB) error {
	if err := os.MkdirAll(filepath.Dir(l.Dir), 0o755); err != nil {
		return err
	}
	beside, err := os.MkdirTemp(filepath.Dir(l.Dir), ".lifecycle-")
	if err != nil {
		return err
	}
	for _, p := range programs() {
		if err := Program(t, module+"@v"+Version, "./cmd/"+p, "-X "+module+"/cmd.Version="+Version, filepath.Join(beside, p), "GONOSUMDB="+module); err != nil {
			return errors.Join(err, os.RemoveAll(beside))
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
