//go:build acceptance

package main

import (
	"io"
	"log"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slugc/slugc/buildpacks/fetch/packtest"
)

// TestBuildpackScripts runs scripts that have pack, the reference platform, and
// a registry.
func TestBuildpackScripts(t *testing.T) {
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	pack := packtest.Pack(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/acceptance",
		Setup: func(env *testscript.Env) error {
			server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
			env.Defer(server.Close)
			for name, value := range map[string]string{
				"HOME":        env.WorkDir,
				"SLUGC_CACHE": filepath.Join(env.WorkDir, ".cache"),
				"REPO":        repo,
				"REGISTRY":    strings.TrimPrefix(server.URL, "http://"),
				"PACK":        pack,
				"PACK_HOME":   filepath.Join(env.WorkDir, ".pack"),
				"DOCKER_HOST": "unix://" + filepath.Join(env.WorkDir, "no.sock"),
			} {
				env.Setenv(name, value)
			}
			return nil
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}
