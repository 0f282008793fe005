package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slugc/slugc/buildpacks/builtin"
)

func TestMain(m *testing.M) {
	if builtin.Called(os.Args[0], os.Getenv) {
		os.Exit(script())
	}
	testscript.Main(cleaning{m}, map[string]func(){"slugc": main})
}

// cleaning removes what tests share when all have ended.
type cleaning struct{ *testing.M }

func (c cleaning) Run() int {
	code := c.M.Run()
	if err := afterTests.run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

// afterTests is what is done when all tests have ended.
var afterTests cleanups

type cleanups struct {
	mu  sync.Mutex
	all []func() error
}

func (c *cleanups) add(f func() error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, f)
}

func (c *cleanups) run() (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.all {
		err = errors.Join(err, f())
	}
	return err
}

// TestScripts runs the command line as people do. The scripts read as a manual.
// Those that take seconds are for acceptance tests.
func TestScripts(t *testing.T) {
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("SLUGC_CACHE", filepath.Join(env.WorkDir, ".cache"))
			env.Setenv("HELLO", filepath.Join(repo, "testdata/buildpacks/hello"))
			env.Setenv("REPO", repo)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"mkstack": makeStack, "releaseline": releaseLine, "order": orderBuild},
		Condition: func(condition string) (bool, error) {
			if condition != "thorough" {
				return false, fmt.Errorf("unknown condition %q, expected thorough", condition)
			}
			return thorough, nil
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}
