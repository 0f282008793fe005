// Package mirrortest takes packages out of the real Debian for tests, which make of
// them what another registry has: where no public one can be reached, what people's
// apps need is real then all the same.
package mirrortest

import (
	"net/http"
	"os"
	"path/filepath"
	goruntime "runtime"
	"testing"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian/control"
	"github.com/slugc/slugc/stack/debian/deb"
	"github.com/slugc/slugc/stack/debian/repository"
	"github.com/slugc/slugc/stack/debian/resolve"
	"github.com/slugc/slugc/stack/download"
	"github.com/slugc/slugc/stack/untar"
)

// Open is the Debian that this machine's apt uses, with a cache of the test. Without
// one the test is skipped.
func Open(t testing.TB) repository.Repository {
	t.Helper()
	sources, err := repository.AptSources(os.DirFS("/"))
	if err != nil {
		t.Skipf("this machine names no Debian mirror: %v", err)
	}
	return repository.Repository{Sources: sources, Fetcher: download.NewFetcher(&http.Client{}), Cache: filepath.Join(t.TempDir(), "debian")}
}

// Resolve finds some packages of a stack's Debian and those that they need, but for
// some to omit. It also returns the index that they stand in.
func Resolve(t testing.TB, from repository.Repository, stackID string, wanted, omit []string) (*repository.Index, []control.Package) {
	t.Helper()
	definition, err := stack.Find(stackID)
	if err != nil {
		t.Fatal(err)
	}
	index, err := from.Update(t.Context(), definition.Suites, goruntime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	packages, err := resolve.Resolve(index, resolve.Request{Arch: goruntime.GOARCH, Wanted: wanted, Omit: omit})
	if err != nil {
		t.Fatal(err)
	}
	return index, packages
}

// Fetch downloads packages. Their files are in the same order.
func Fetch(t testing.TB, from repository.Repository, packages []control.Package) []string {
	t.Helper()
	files, err := from.Debs(t.Context(), packages)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Unpack unpacks files of packages into one directory of the test.
func Unpack(t testing.TB, files ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if _, _, err := deb.Unpack(t.Context(), files, root, deb.Options{Limits: untar.Limits{Entries: 1 << 20, Bytes: 2 << 30}}); err != nil {
		t.Fatal(err)
	}
	return dir
}
