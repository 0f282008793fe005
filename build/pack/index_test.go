package pack_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/build/pack"
)

func file(path string, size int64) pack.Entry {
	return pack.Entry{Path: path, Mode: 0o644, Fingerprint: pack.Fingerprint{Size: size, MTime: 11, CTime: 12, Inode: 13}}
}

func dirs(path string) pack.Entry { return pack.Entry{Path: path, Mode: fs.ModeDir | 0o755} }

func TestIndexDiff(t *testing.T) {
	old := pack.Index{dirs(""), dirs("a"), file("a/b", 3), file("a-b", 4), {Path: "l", Mode: fs.ModeSymlink | 0o777, Link: "a"}}
	with := func(i int, change func(*pack.Entry)) pack.Index {
		ix := append(pack.Index{}, old...)
		change(&ix[i])
		return ix
	}
	for _, c := range []struct {
		name  string
		index pack.Index
		want  string
	}{
		{"nothing", old, ""},
		{"hash known", with(2, func(e *pack.Entry) { e.Sum[0] = 1 }), ""},
		{"added", append(append(pack.Index{}, old[:3]...), file("a/c", 1), old[3], old[4]), "a/c is new"},
		{"added last", append(append(pack.Index{}, old...), file("z", 1)), "z is new"},
		{"removed", append(append(pack.Index{}, old[:2]...), old[3], old[4]), "a/b is gone"},
		{"removed last", old[:4], "l is gone"},
		{"size", with(2, func(e *pack.Entry) { e.Size = 9 }), "a/b has 9 bytes, had 3"},
		{"mtime", with(2, func(e *pack.Entry) { e.MTime++ }), "a/b was written again"},
		{"ctime", with(3, func(e *pack.Entry) { e.CTime++ }), "a-b was written again"},
		{"inode", with(3, func(e *pack.Entry) { e.Inode++ }), "a-b was written again"},
		{"mode", with(1, func(e *pack.Entry) { e.Mode = fs.ModeDir | 0o700 }), "a has mode drwx------, had drwxr-xr-x"},
		{"root mode", with(0, func(e *pack.Entry) { e.Mode = fs.ModeDir | 0o700 }), "the directory itself has mode drwx------, had drwxr-xr-x"},
		{"link", with(4, func(e *pack.Entry) { e.Link = "b" }), "l points elsewhere"},
		{"type", with(4, func(e *pack.Entry) { *e = file("l", 1) }), "l has mode -rw-r--r--, had Lrwxrwxrwx"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, changed := c.index.Diff(old)
			if got != c.want || changed != (c.want != "") || c.index.Unchanged(old) == changed {
				t.Errorf("got %q, %v; want %q", got, changed, c.want)
			}
		})
	}
}

func TestIndexBiggest(t *testing.T) {
	index := pack.Index{
		dirs(""), file("top", 1000),
		dirs("a"), file("a/x", 5), dirs("a/b"), file("a/b/x", 20), file("a/b/y", 20),
		dirs("c"), dirs("c/d"), dirs("c/d/e"), file("c/d/e/f", 30),
		dirs("z"), file("z/0", 0),
	}
	want := []pack.DirSize{{Path: "a", Size: 45}, {Path: "a/b", Size: 40}, {Path: "c/d/e", Size: 30}}
	if diff := cmp.Diff(want, index.Biggest(10)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[:2], index.Biggest(2)); diff != "" {
		t.Error(diff)
	}
	if index.Size() != 1075 || index.Files() != 6 {
		t.Error(index.Size(), index.Files())
	}
}

func TestIndexFile(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir)
	index := walk(t, dir)
	index[3].Sum = pack.Sum{1, 2, 3}
	var buf bytes.Buffer
	n, err := index.WriteTo(&buf)
	must(t, err)
	if n != int64(buf.Len()) || n > int64(80*len(index)) {
		t.Errorf("%d bytes for %d entries, %d said", buf.Len(), len(index), n)
	}
	whole := buf.Bytes()
	again, err := pack.ReadIndex(bytes.NewReader(whole))
	must(t, err)
	if diff := cmp.Diff(index, again); diff != "" {
		t.Error(diff)
	}

	for name, damaged := range map[string][]byte{
		"empty":           {},
		"cut":             whole[:len(whole)-1],
		"longer":          append(bytes.Clone(whole), 0),
		"one bit":         flip(whole, len(whole)/2),
		"another version": flip(whole, 7),
		"another file":    []byte(strings.Repeat("something else", 20)),
	} {
		if _, err := pack.ReadIndex(bytes.NewReader(damaged)); !errors.Is(err, pack.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := errors.New("broken")
	if _, err := pack.ReadIndex(brokenReader{broken}); !errors.Is(err, broken) {
		t.Error(err)
	}
}

type brokenReader struct{ err error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.err }

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

// FuzzReadIndex feeds the decoder bodies under a right checksum. What it
// accepts must survive a round trip and stay below its root.
func FuzzReadIndex(f *testing.F) {
	for _, index := range []pack.Index{
		nil,
		{dirs("")},
		{dirs(""), dirs("a"), file("a/b", 3), file("a-b", 1<<40), {Path: "l", Mode: fs.ModeSymlink | 0o777, Link: "a"}},
	} {
		var buf bytes.Buffer
		if _, err := index.WriteTo(&buf); err != nil {
			f.Fatal(err)
		}
		f.Add(buf.Bytes()[:buf.Len()-sha256.Size])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := sha256.Sum256(body)
		index, err := pack.ReadIndex(bytes.NewReader(append(bytes.Clone(body), sum[:]...)))
		if err != nil {
			if !errors.Is(err, pack.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		for _, e := range index {
			if e.Path != "" && (!fs.ValidPath(strings.ToValidUTF8(e.Path, "?")) || e.Path == ".") {
				t.Fatalf("%q", e.Path)
			}
		}
		var buf bytes.Buffer
		_, err = index.WriteTo(&buf)
		must(t, err)
		again, err := pack.ReadIndex(&buf)
		must(t, err)
		if diff := cmp.Diff(index, again); diff != "" {
			t.Fatal(diff)
		}
	})
}
