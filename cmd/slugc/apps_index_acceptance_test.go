//go:build acceptance

package main

import (
	"flag"
	"regexp"
	"strings"
	"testing"

	"github.com/slugc/slugc/buildpacks/php/composertest"
	"github.com/slugc/slugc/buildpacks/ruby/gemstest"
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
	if kind == "composer" {
		return composertest.Serve(t, composertest.Debian(t)...).Settings(t)
	}
	gems := append(gemstest.Debian(t), gemstest.Native("1.0.0"), gemstest.Native("1.1.0"))
	return []string{"BUNDLE_MIRROR__ALL=" + gemstest.Serve(t, gems...).URL}
}
