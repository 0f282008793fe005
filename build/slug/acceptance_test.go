//go:build acceptance

package slug_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/build/slug"
)

// A full disk needs root, for a file system of its own.
func TestDiskFull(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	top := t.TempDir()
	small := filepath.Join(top, "small")
	must(t, os.Mkdir(small, 0o755))
	if err := unix.Mount("tmpfs", small, "tmpfs", 0, "size=8k"); err != nil {
		t.Skip("mounting is not permitted: ", err)
	}
	t.Cleanup(func() { must(t, unix.Unmount(small, 0)) })

	built := tree(t, top)
	_, err := exporter(t, top).Export(t.Context(), filepath.Join(small, "slug.tgz"), built, extra())
	var full *slug.NoSpaceError
	if !errors.As(err, &full) || !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	if full.Need < 8<<10 || full.Free != 8<<10 || !strings.Contains(err.Error(), "are free") {
		t.Errorf("%+v: %v", full, err)
	}
	if got := names(t, small); len(got) > 0 {
		t.Errorf("%q was left behind", got)
	}

	unpacked := filepath.Join(top, "slug.tgz")
	_, err = exporter(t, top).Export(t.Context(), unpacked, built, extra())
	must(t, err)
	if err := slug.Unpack(t.Context(), unpacked, filepath.Join(small, "app"), slug.Limits{}); !errors.Is(err, unix.ENOSPC) {
		t.Error(err)
	}
	if got := names(t, small); len(got) > 0 {
		t.Errorf("%q was left behind", got)
	}
}
