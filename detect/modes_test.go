package detect_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/stack/ordinarytest"
)

// TestModes copies over what a build took permissions from, for a user whom they
// keep out.
func TestModes(t *testing.T) {
	if !ordinarytest.Here(t) {
		return
	}
	src, dst := filepath.Join(t.TempDir(), "src"), filepath.Join(t.TempDir(), "app")
	state := filepath.Join(t.TempDir(), "state")
	elsewhere := t.TempDir()
	write(t, filepath.Join(src, "d/e/file"), "text", 0o644)
	write(t, filepath.Join(src, "linked/file"), "text", 0o644)
	for _, mode := range []fs.FileMode{0o755, 0o555, 0o311, 0} {
		source, err := detect.Open(src)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := source.CopyTo(t.Context(), detect.Copy{Dir: dst, State: state, UID: -1, GID: -1}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(listing(t, src), listing(t, dst)); diff != "" {
			t.Errorf("(-source +copy):\n%s", diff)
		}
		// The next build comes to this.
		write(t, filepath.Join(dst, "d/extra"), "extra", 0o644)
		write(t, filepath.Join(dst, "d/e/extra"), "extra", 0o644)
		if err := os.Rename(filepath.Join(dst, "linked"), filepath.Join(dst, "d/moved")); err != nil {
			t.Fatal(err)
		}
		symlink(t, elsewhere, filepath.Join(dst, "linked"))
		for _, dir := range []string{elsewhere, filepath.Join(dst, "d/moved"), filepath.Join(dst, "d/e"), filepath.Join(dst, "d"), dst} {
			if err := os.Chmod(dir, mode); err != nil {
				t.Fatal(err)
			}
		}
		source, err = detect.Open(src)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := source.CopyTo(t.Context(), detect.Copy{Dir: dst, State: state, UID: -1, GID: -1}); err != nil {
			t.Fatalf("over directories of mode %v: %v", mode, err)
		}
		if diff := cmp.Diff(listing(t, src), listing(t, dst)); diff != "" {
			t.Errorf("over directories of mode %v (-source +copy):\n%s", mode, diff)
		}
		if got := stat(t, elsewhere).Mode(); got != fs.ModeDir|mode {
			t.Errorf("what a link led to is %v, expected %v", got, mode)
		}
	}
}
