package pack_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slugc/slugc/build/pack"
)

func TestContents(t *testing.T) {
	t.Parallel()
	contents := func(dir string) (string, pack.Index) {
		t.Helper()
		index, err := pack.Walk(t.Context(), dir, pack.WalkOptions{})
		must(t, err)
		sum, summed, err := pack.Contents(t.Context(), dir, index)
		must(t, err)
		return sum, summed
	}
	one, two := t.TempDir(), t.TempDir()
	tree(t, one)
	tree(t, two)
	old := time.Unix(1, 0)
	must(t, os.Chtimes(filepath.Join(two, "lib-b"), old, old))
	first, _ := contents(one)
	if second, _ := contents(two); first != second {
		t.Error("the same tree at another place and time has another sum")
	}
	for name, change := range map[string]func(dir string) error{
		"content": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "sizes/524365"), make([]byte, 512<<10+77), 0o644)
		},
		"mode": func(dir string) error { return os.Chmod(filepath.Join(dir, "lib-b"), 0o644) },
		"link": func(dir string) error {
			link := filepath.Join(dir, "link")
			return errors.Join(os.Remove(link), os.Symlink("bin/ruN", link))
		},
		"name":      func(dir string) error { return os.Rename(filepath.Join(dir, "lib.c"), filepath.Join(dir, "lib.d")) },
		"directory": func(dir string) error { return os.Remove(filepath.Join(dir, "empty")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			tree(t, dir)
			must(t, change(dir))
			if sum, _ := contents(dir); sum == first {
				t.Error("the sum is the same")
			}
		})
	}
	t.Run("known in part", func(t *testing.T) {
		dir := t.TempDir()
		tree(t, dir)
		_, known := contents(dir)
		again := func() (string, pack.Index) {
			t.Helper()
			index, err := pack.Walk(t.Context(), dir, pack.WalkOptions{Known: known})
			must(t, err)
			sum, summed, err := pack.Contents(t.Context(), dir, index)
			must(t, err)
			return sum, summed
		}
		if sum, _ := again(); sum != first {
			t.Error("with the sums of all files the sum is another one")
		}
		for name, change := range map[string]func() error{
			"one written": func() error { return os.WriteFile(filepath.Join(dir, "lib-b"), []byte("other"), 0o755) },
			"one new":     func() error { return os.WriteFile(filepath.Join(dir, "aa"), []byte("new"), 0o644) },
			"one gone":    func() error { return os.Remove(filepath.Join(dir, "lib.c")) },
		} {
			must(t, change())
			fresh, _ := contents(dir)
			if sum, _ := again(); sum != fresh {
				t.Errorf("%s: the sum is %s, without known ones %s", name, sum, fresh)
			}
		}
		_, known = again()
		right, _ := again()
		for i := range known {
			known[i].Sum[0]++
		}
		if sum, _ := again(); sum == right {
			t.Error("files whose sums are known were read")
		}
	})
	t.Run("written meanwhile", func(t *testing.T) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "file"), []byte("before"), 0o644)
		index, err := pack.Walk(t.Context(), dir, pack.WalkOptions{})
		must(t, err)
		write(t, filepath.Join(dir, "file"), []byte("after"), 0o644)
		if _, _, err := pack.Contents(t.Context(), dir, index); !errors.Is(err, pack.ErrChanged) {
			t.Errorf("got %v", err)
		}
	})
}

func TestRenew(t *testing.T) {
	for _, raw := range []bool{false, true} {
		t.Run(fmt.Sprintf("raw %t", raw), func(t *testing.T) { testRenew(t, raw) })
	}
}

func testRenew(t *testing.T, raw bool) {
	t.Parallel()
	store := pack.DirStore{Dir: t.TempDir()}
	dir := filepath.Join(t.TempDir(), "layer")
	tree(t, dir)
	walk := func() pack.Index {
		t.Helper()
		index, err := pack.Walk(t.Context(), dir, pack.WalkOptions{})
		must(t, err)
		return index
	}
	job := pack.Job{Part: pack.Part{Name: "layer", Dir: dir}, Shapes: []pack.Shape{{Name: "oci", Prefix: "/layer", ModTime: pack.Epoch(), Root: true, Raw: raw}}}
	reused := func() bool {
		t.Helper()
		segments, err := pack.Packer{Store: store, Temp: t.TempDir()}.Pack(t.Context(), []pack.Job{job})
		must(t, err)
		return segments[0][0].Reused
	}
	if reused() {
		t.Fatal("the first segment is no new one")
	}
	key := job.Part.Key(job.Shapes[0])
	if parsed, err := pack.ParseKey(key.String()); err != nil || parsed != key {
		t.Errorf("the key %s reads as %s (%v)", key, parsed, err)
	}
	record, found := store.Lookup(key)
	if !found {
		t.Fatal("there is no record under the key of the part")
	}

	// The directory and the segment become copies of themselves.
	before := walk()
	must(t, os.RemoveAll(dir))
	tree(t, dir)
	blob, err := os.ReadFile(record.Segment.File)
	must(t, err)
	must(t, os.Remove(record.Segment.File))
	must(t, os.WriteFile(record.Segment.File, blob, 0o644))
	after := walk()
	if proved, err := store.Proves(t.Context(), dir, pack.Renewal{Old: before, New: after}); err != nil || !proved {
		t.Errorf("proved %t, %v", proved, err)
	}
	must(t, store.Renew(t.Context(), []pack.Renewal{{Old: before, New: after}}))
	if !reused() {
		t.Error("the segment of a copy was made anew")
	}

	must(t, os.WriteFile(record.Segment.File, make([]byte, len(blob)), 0o644))
	must(t, store.Renew(t.Context(), []pack.Renewal{{Old: after, New: after}}))
	if reused() {
		t.Error("a segment that is not what its record says was used")
	}
}
