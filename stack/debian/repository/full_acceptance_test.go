//go:build acceptance

package repository_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/stack/debian/control"
	"github.com/slugc/slugc/stack/debian/debiantest"
	"github.com/slugc/slugc/stack/debian/repository"
	"github.com/slugc/slugc/stack/download"
)

// TestFullDisk has a cache on a disk that is too small, for which no mirror can
// do anything.
func TestFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to mount a small file system")
	}
	var many []debiantest.Package
	for n := range 100 {
		many = append(many, debiantest.Package{Name: fmt.Sprintf("p%03d", n), Compression: "gz"})
	}
	noise := make([]byte, 96<<10)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	many = append(many, debiantest.Package{Name: "noise", Compression: "gz", Files: map[string]string{"/usr/share/noise": string(noise)}})
	a := debiantest.New(t, many...)
	r := a.Repository(t)

	small := func(size string) string {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "small")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
			t.Skip("mounting a tmpfs is not permitted here: ", err)
		}
		t.Cleanup(func() {
			if err := unix.Unmount(dir, 0); err != nil {
				t.Error(err)
			}
		})
		return dir
	}
	check := func(err error, shelf string) {
		t.Helper()
		full, ok := errors.AsType[*repository.CacheError](err)
		if !ok || !full.Full() || !errors.Is(err, unix.ENOSPC) {
			t.Fatalf("got %v, want a CacheError of a full disk", err)
		}
		if fault := download.FaultOf(err); fault != "" {
			t.Errorf("it is the fault of the %s: %v", fault, err)
		}
		dir := filepath.Join(r.Cache, shelf)
		if filepath.Dir(full.Path) != dir || strings.Contains(err.Error(), "unfinished") {
			t.Errorf("%v does not name a file of %s", err, dir)
		}
		if full.Free < 4<<10 {
			t.Errorf("%d bytes are free without what was written in vain", full.Free)
		}
		if want := fmt.Sprintf("%d KiB are free", full.Free>>10); !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
		left, err := os.ReadDir(dir)
		if err != nil || len(left) > 0 {
			t.Errorf("%v, %v was left behind", left, err)
		}
	}

	r.Cache = small("16k")
	_, err := r.Update(t.Context(), a.Suites(), "amd64")
	check(err, "lists")

	r.Cache = small("64k")
	_, err = r.Debs(t.Context(), []control.Package{a.Package(t, "noise")})
	check(err, "debs")
}
