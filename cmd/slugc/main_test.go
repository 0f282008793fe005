package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slugc/slugc/buildpacks/builtin"
)

func TestMain(m *testing.M) {
	if builtin.Called(os.Args[0], os.Getenv) {
		os.Exit(script())
	}
	testscript.Main(m, map[string]func(){"slugc": main})
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
