package pack_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
)

// stored packs a small tree in two shapes with a store in top.
func stored(t *testing.T, top string) (pack.Packer, []pack.Job, string) {
	t.Helper()
	dir := filepath.Join(top, "layer")
	write(t, filepath.Join(dir, "env/PATH"), []byte("/layers/x/bin"), 0o644)
	write(t, filepath.Join(dir, "env/EMPTY"), nil, 0o644)
	write(t, filepath.Join(dir, "lib/a.js"), text()[:1<<20+5000], 0o644)
	write(t, filepath.Join(dir, "lib/b.js"), text()[:300], 0o644)
	write(t, filepath.Join(dir, "lib/c.js"), text()[:40_000], 0o644)
	must(t, os.Symlink("lib", filepath.Join(dir, "l")))
	temp := filepath.Join(top, "temp")
	must(t, os.Mkdir(temp, 0o755))
	p := pack.Packer{Store: pack.DirStore{Dir: filepath.Join(top, "store")}, Temp: temp}
	jobs := []pack.Job{{Part: pack.Part{Name: "bp:layer", Dir: dir}, Shapes: []pack.Shape{slugShape(), ociShape()}}}
	segments, err := p.Pack(t.Context(), jobs)
	must(t, err)
	for _, s := range segments[0] {
		if s.Reused || filepath.Dir(s.File) != filepath.Join(top, "store/blobs") {
			t.Fatalf("%+v", s)
		}
	}
	return p, jobs, dir
}

// rewrite writes a file anew, with the content it has.
func rewrite(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	must(t, os.Remove(path))
	write(t, path, content, 0o644)
}

func TestReuse(t *testing.T) { spec.Run(t, "Reuse", testReuse) }

func testReuse(t *testing.T, _ spec.G, it spec.S) {
	var p pack.Packer
	var jobs []pack.Job
	var dir, top string

	it.Before(func() {
		top = t.TempDir()
		p, jobs, dir = stored(t, top)
	})

	again := func() []artifact.Segment {
		t.Helper()
		segments, err := p.Pack(t.Context(), jobs)
		must(t, err)
		fresh, err := pack.Packer{Temp: t.TempDir()}.Pack(t.Context(), jobs)
		must(t, err)
		for i, s := range segments[0] {
			raw(t, s)
			if f := fresh[0][i]; f.Digest != s.Digest || f.DiffID != s.DiffID || f.Size != s.Size || f.RawSize != s.RawSize || f.Name != s.Name {
				t.Errorf("%+v is not what it would be without a store: %+v", s, f)
			}
		}
		expectEmpty(t, p.Temp)
		return segments[0]
	}
	expect := func(reused bool) {
		t.Helper()
		for _, s := range again() {
			if s.Reused != reused {
				t.Errorf("reused: %v, expected %v", s.Reused, reused)
			}
		}
	}

	it("reuses what has not changed", func() { expect(true) })

	it("reuses a layer that was moved", func() {
		moved := filepath.Join(t.TempDir(), "elsewhere")
		must(t, os.Rename(dir, moved))
		jobs[0].Part.Dir = moved
		expect(true)
	})

	it("reuses a layer whose small files were written anew with the same content", func() {
		rewrite(t, filepath.Join(dir, "env/PATH"))
		rewrite(t, filepath.Join(dir, "env/EMPTY"))
		must(t, os.Remove(filepath.Join(dir, "l")))
		must(t, os.Symlink("lib", filepath.Join(dir, "l")))
		expect(true)
	})

	it("remembers the content of small files when a layer is packed again for another one", func() {
		write(t, filepath.Join(dir, "lib/b.js"), []byte("edited"), 0o644)
		expect(false)
		rewrite(t, filepath.Join(dir, "env/PATH"))
		rewrite(t, filepath.Join(dir, "lib/b.js"))
		expect(true)
		write(t, filepath.Join(dir, "lib/b.js"), []byte("Edited"), 0o644)
		expect(false)
	})

	for _, change := range []struct {
		name string
		make func() error
	}{
		{"a small file of the same size has another content", func() error {
			return os.WriteFile(filepath.Join(dir, "env/PATH"), []byte("/layers/y/bin"), 0o644)
		}},
		{"a small file grows", func() error {
			return os.WriteFile(filepath.Join(dir, "env/PATH"), []byte("/layers/yy/bin"), 0o644)
		}},
		{"a big file has another content", func() error {
			return os.WriteFile(filepath.Join(dir, "lib/c.js"), text()[1:40_001], 0o644)
		}},
		{"a file gets another mode", func() error { return os.Chmod(filepath.Join(dir, "lib/b.js"), 0o755) }},
		{"a directory gets another mode", func() error { return os.Chmod(filepath.Join(dir, "lib"), 0o700) }},
		{"the layer itself gets another mode", func() error { return os.Chmod(dir, 0o700) }},
		{"a file comes", func() error { return os.WriteFile(filepath.Join(dir, "lib/bb.js"), nil, 0o644) }},
		{"a file goes", func() error { return os.Remove(filepath.Join(dir, "lib/b.js")) }},
		{"a big file goes", func() error { return os.Remove(filepath.Join(dir, "lib/a.js")) }},
		{"a file gets another name", func() error {
			return os.Rename(filepath.Join(dir, "lib/b.js"), filepath.Join(dir, "lib/d.js"))
		}},
		{"two big files change places", func() error {
			a, c, x := filepath.Join(dir, "lib/a.js"), filepath.Join(dir, "lib/c.js"), filepath.Join(dir, "lib/x")
			return errors.Join(os.Rename(a, x), os.Rename(c, a), os.Rename(x, c))
		}},
		{"a link points elsewhere", func() error {
			return errors.Join(os.Remove(filepath.Join(dir, "l")), os.Symlink("env", filepath.Join(dir, "l")))
		}},
		{"a file becomes a link", func() error {
			return errors.Join(os.Remove(filepath.Join(dir, "lib/b.js")), os.Symlink("a.js", filepath.Join(dir, "lib/b.js")))
		}},
	} {
		it("packs again when "+change.name, func() {
			must(t, change.make())
			expect(false)
			expect(true)
		})
	}

	it("keeps one blob when what is made anew is the same", func() {
		rewrite(t, filepath.Join(dir, "lib/c.js"))
		before := blobs(t, top)
		expect(false)
		if after := blobs(t, top); len(after) != len(before) {
			t.Errorf("%q, before %q", after, before)
		}
	})

	it("packs again for another shape, name or level", func() {
		jobs[0].Shapes[0].UID = 1
		jobs[0].Shapes[1].Prefix = "/elsewhere"
		expect(false)
		jobs[0].Part.Name = "other"
		expect(false)
		jobs[0].Shapes[0].Level = 1
		segments, err := p.Pack(t.Context(), jobs)
		must(t, err)
		if segments[0][0].Reused {
			t.Error("level 6 served for level 1")
		}
	})

	it("keeps raw segments as it keeps others", func() {
		for i := range jobs[0].Shapes {
			jobs[0].Shapes[i].Raw = true
		}
		expect(false)
		expect(true)
		rewrite(t, filepath.Join(dir, "env/PATH"))
		expect(true)
		write(t, filepath.Join(dir, "lib/c.js"), text()[:50_000], 0o644)
		expect(false)
	})

	for _, damage := range []struct {
		name string
		do   func(path string) error
	}{
		{"gone", os.Remove},
		{"shorter", func(path string) error { return os.Truncate(path, 100) }},
		{"written to", func(path string) error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, flip(b, len(b)/2), 0o644)
		}},
	} {
		it("does not use blobs that are "+damage.name, func() {
			for _, blob := range blobs(t, top) {
				must(t, damage.do(blob))
			}
			expect(false)
			expect(true)
		})

		it("does not use records that are "+damage.name, func() {
			for _, record := range list(t, filepath.Join(top, "store/records")) {
				must(t, damage.do(record))
			}
			expect(false)
			expect(true)
		})
	}

	it("does not take one record for another", func() {
		records := list(t, filepath.Join(top, "store/records"))
		must(t, os.Rename(records[0], records[1]))
		for i, s := range again() {
			if s.Reused {
				t.Errorf("shape %d was taken from the record of the other", i)
			}
		}
	})

	it("goes on without the store when it cannot be written", func() {
		var warnings []error
		p.Store = pack.DirStore{Dir: filepath.Join(dir, "lib/b.js")}
		p.Workers = 1
		jobs[0].Shapes = jobs[0].Shapes[:1]
		_, err := p.Pack(t.Context(), jobs)
		if err == nil {
			t.Error("nobody hears of the trouble")
		}
		expectEmpty(t, p.Temp)
		p.Warn = func(err error) { warnings = append(warnings, err) }
		segments, err := p.Pack(t.Context(), jobs)
		must(t, err)
		raw(t, segments[0][0])
		if len(warnings) != 1 || !strings.Contains(warnings[0].Error(), "keeping the segment of bp:layer") {
			t.Error(warnings)
		}
	})

	// mark changes the segments in the store, so that bytes that are taken from
	// them can be told: the record is made to vouch for a blob whose members name
	// another operating system in their headers, which no checksum covers.
	mark := func(segments []artifact.Segment) {
		for _, s := range segments {
			content, err := os.ReadFile(s.File)
			must(t, err)
			marked := bytes.ReplaceAll(content, []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"), []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"))
			must(t, os.WriteFile(s.File, marked, 0o644))
			state, err := pack.FingerprintOf(s.File)
			must(t, err)
			vouch(t, p.Store.(pack.DirStore), state)
		}
	}
	copied := func(s artifact.Segment) (copied, all int) {
		raw(t, s)
		list := members(t, s)
		for _, m := range list {
			if m[9] == 3 {
				copied++
			}
		}
		return copied, len(list)
	}

	it("copies the members of a big file that has not changed", func() {
		mark(again())
		write(t, filepath.Join(dir, "lib/b.js"), []byte("edited"), 0o644)
		edited, err := p.Pack(t.Context(), jobs)
		must(t, err)
		for _, s := range edited[0] {
			// All but the one that has lib/b.js.
			if n, all := copied(s); n != all-1 {
				t.Errorf("%d of %d members were copied", n, all)
			}
		}
	})

	it("copies the members of a big file that was written again but for those that are others", func() {
		file := filepath.Join(dir, "lib/a.js")
		content, err := os.ReadFile(file)
		must(t, err)
		for name, change := range map[string]struct {
			edit   func([]byte) []byte
			others int
		}{
			"the same bytes": {edit: func(b []byte) []byte { return b }, others: 0},
			"one byte":       {edit: func(b []byte) []byte { b[300<<10]++; return b }, others: 1},
			// The header has the size.
			"longer":  {edit: func(b []byte) []byte { return append(b, "more"...) }, others: 2},
			"shorter": {edit: func(b []byte) []byte { return b[:600<<10] }, others: 2},
		} {
			write(t, file, content, 0o644)
			mark(again())
			must(t, os.Remove(file))
			write(t, file, change.edit(bytes.Clone(content)), 0o644)
			edited, err := p.Pack(t.Context(), jobs)
			must(t, err)
			for _, s := range edited[0] {
				if n, all := copied(s); n != all-change.others {
					t.Errorf("%s: %d of %d members were copied", name, n, all)
				}
			}
			must(t, os.RemoveAll(filepath.Join(top, "store")))
		}
	})

	it("copies the members of small files around one that has changed", func() {
		content := bytes.Repeat([]byte("small "), 100)
		for i := range 3000 {
			write(t, filepath.Join(dir, fmt.Sprintf("small/%04d", i)), content, 0o644)
		}
		mark(again())
		// It moves all that comes after it by a block.
		write(t, filepath.Join(dir, "small/1500"), append(content, content...), 0o644)
		edited, err := p.Pack(t.Context(), jobs)
		must(t, err)
		for _, s := range edited[0] {
			if n, all := copied(s); all < 10 || n < all-3 || n == all {
				t.Errorf("%d of %d members were copied", n, all)
			}
		}
	})
}

func blobs(t *testing.T, top string) []string { return list(t, filepath.Join(top, "store/blobs")) }

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, filepath.Join(dir, e.Name()))
	}
	return names
}

// vouch changes the records of the blob of that inode so that they say the
// blob is as it should be.
func vouch(t *testing.T, store pack.DirStore, state pack.Fingerprint) {
	t.Helper()
	n := 0
	for _, path := range list(t, filepath.Join(store.Dir, "records")) {
		key := keyOf(t, path)
		record, ok := store.Lookup(key)
		if ok && record.File.Inode == state.Inode {
			record.File = state
			must(t, store.Put(key, record))
			n++
		}
	}
	if n == 0 {
		t.Fatal("no record of the blob")
	}
}
