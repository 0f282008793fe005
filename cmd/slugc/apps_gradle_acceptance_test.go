//go:build acceptance

package main

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/slugc/slugc/buildpacks/java/gradletest"
	"github.com/slugc/slugc/stack/debian/repository"
	"github.com/slugc/slugc/stack/download"
)

// gradleMirror serves a distribution of Gradle and returns the variable that
// names it: the place from which wrappers have theirs is no registry.
func gradleMirror(t *testing.T) string {
	t.Helper()
	sources, err := repository.AptSources(os.DirFS("/"))
	if err != nil {
		t.Skipf("this machine names no Debian mirror: %v", err)
	}
	from := repository.Repository{Sources: sources, Fetcher: download.NewFetcher(&http.Client{}), Cache: filepath.Join(t.TempDir(), "debian")}
	address, _ := gradletest.Serve(t, from, "/app/.slugc/layers/slugc_java/build-tool")
	return "SLUGC_GRADLE_DISTRIBUTIONS=" + address
}
