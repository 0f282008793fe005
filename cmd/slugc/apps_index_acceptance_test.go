//go:build acceptance

package main

import (
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/slugc/slugc/buildpacks/php/composertest"
	"github.com/slugc/slugc/buildpacks/ruby/gemstest"
	"github.com/slugc/slugc/stack/debian/repository"
	"github.com/slugc/slugc/stack/download"
)

// selected tells whether the sample app of a name is among those that -run chooses,
// so that an index is not made for nobody.
func selected(t *testing.T, name string) bool {
	t.Helper()
	_, pattern, found := strings.Cut(flag.Lookup("test.run").Value.String(), "/")
	if !found {
		return true
	}
	pattern, _, _ = strings.Cut(pattern, "/")
	matched, err := regexp.MatchString(pattern, name)
	if err != nil {
		t.Fatal(err)
	}
	return matched
}

// ownIndex serves an index of packages until the test ends, and returns the
// variables by which its client takes it for every other one.
func ownIndex(t *testing.T, kind string) []string {
	t.Helper()
	if kind != "gems" && kind != "composer" {
		t.Fatalf("%q is no index of packages; expected gems or composer", kind)
	}
	sources, err := repository.AptSources(os.DirFS("/"))
	if err != nil {
		t.Skipf("this machine names no Debian mirror: %v", err)
	}
	from := repository.Repository{Sources: sources, Fetcher: download.NewFetcher(&http.Client{}), Cache: filepath.Join(t.TempDir(), "debian")}
	if kind == "composer" {
		return composertest.Serve(t, composertest.Debian(t, from, composertest.Usual()...)...).Settings(t)
	}
	gems := append(gemstest.Debian(t, from, gemstest.Usual()...), gemstest.Native("1.0.0"), gemstest.Native("1.1.0"))
	return []string{"BUNDLE_MIRROR__ALL=" + gemstest.Serve(t, gems...).URL}
}
