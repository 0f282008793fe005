//go:build acceptance

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/slugc/slugc/stack"
)

// madeStacks is a directory with slugc-13 to run and to build on, as slugc has it in
// its home. It is made once for all tests: those of stacks make their own.
var madeStacks = sync.OnceValues(func() (dir string, err error) {
	home, err := os.MkdirTemp("", "slugc-stacks-")
	if err != nil {
		return "", err
	}
	afterTests.add(func() error { return os.RemoveAll(home) })
	program, err := filepath.Abs("../../out/slugc")
	if err != nil {
		return "", err
	}
	for _, variant := range []string{stack.Run, stack.Build} {
		c := exec.Command(program, "stack", "create", "slugc-13", "--variant", variant)
		c.Env = append(os.Environ(), "SLUGC_HOME="+home)
		if out, err := c.CombinedOutput(); err != nil {
			return "", fmt.Errorf("making slugc-13 (%s): %w\n%s", variant, err, out)
		}
	}
	return filepath.Join(home, "stacks"), nil
})

// newStackedSlugc is one that has the stacks already. All else is its own.
func newStackedSlugc(t *testing.T) *slugc {
	t.Helper()
	s := newSlugc(t)
	s.shareStacks(filepath.Join(s.home, ".local/share/slugc"))
	return s
}

// shareStacks lets a directory, where slugc has its state, have the stacks.
func (s *slugc) shareStacks(dir string) {
	s.t.Helper()
	stacks, err := madeStacks()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.Symlink(stacks, filepath.Join(dir, "stacks"))); err != nil {
		s.t.Fatal(err)
	}
}
