//go:build acceptance

package main

import (
	"testing"

	"github.com/slugc/slugc/buildpacks/java/gradletest"
)

// gradleMirror serves a distribution of Gradle and returns the variable that
// names it: the place from which wrappers have theirs is no registry.
func gradleMirror(t *testing.T) string {
	t.Helper()
	return "SLUGC_GRADLE_DISTRIBUTIONS=" + gradletest.Serve(t, "/app/.slugc/layers/slugc_java/build-tool")
}
