//go:build acceptance || bench

package main

import (
	"os"
	"testing"

	"github.com/slugc/slugc/stack/debian/repository"
)

// aptMirrors are the addresses that this machine's own apt uses.
func aptMirrors(t *testing.T) (debian, security string) {
	t.Helper()
	sources, err := repository.AptSources(os.DirFS("/"))
	if err != nil {
		t.Fatal(err)
	}
	return sources.Debian, sources.Security
}
