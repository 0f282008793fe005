//go:build acceptance

package pack_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/build/pack"
)

// Directories nested so deep take seconds to make and to remove.
func TestDeepDirectories(t *testing.T) {
	dir := t.TempDir()
	deep(t, dir, 10_000)
	_, err := pack.Packer{Temp: t.TempDir()}.Pack(t.Context(), []pack.Job{{Part: pack.Part{Name: "app", Dir: dir}, Shapes: []pack.Shape{slugShape()}}})
	if err == nil || !strings.Contains(err.Error(), "more than 4095 bytes") {
		t.Error(err)
	}
}

// A full disk needs root, for a file system of its own.
func TestDiskFull(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	small := filepath.Join(t.TempDir(), "small")
	must(t, os.Mkdir(small, 0o755))
	if err := unix.Mount("tmpfs", small, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("mounting is not permitted: ", err)
	}
	t.Cleanup(func() { must(t, unix.Unmount(small, 0)) })
	dir := t.TempDir()
	write(t, filepath.Join(dir, "big"), text()[:2<<20], 0o644)
	jobs := []pack.Job{{Part: pack.Part{Name: "app", Dir: dir}, Shapes: []pack.Shape{slugShape(), ociShape()}}}

	_, err := pack.Packer{Temp: small}.Pack(t.Context(), jobs)
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "packing app") || !strings.Contains(err.Error(), small) {
		t.Error(err)
	}
	expectEmpty(t, small)

	// The disk of the store is full, that of the temporary files is not.
	temp := t.TempDir()
	var warnings []error
	p := pack.Packer{Temp: temp, Store: pack.DirStore{Dir: small}, Warn: func(err error) { warnings = append(warnings, err) }, Workers: 1}
	jobs[0].Shapes = jobs[0].Shapes[:1]
	segments, err := p.Pack(t.Context(), jobs)
	must(t, err)
	raw(t, segments[0][0])
	if len(warnings) != 1 || !errors.Is(warnings[0], unix.ENOSPC) {
		t.Error(warnings)
	}
}
