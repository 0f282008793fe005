package pack_test

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"
	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/build/pack"
)

func TestWalk(t *testing.T) { spec.Run(t, "Walk", testWalk) }

func testWalk(t *testing.T, _ spec.G, it spec.S) {
	it("visits what filepath.Walk visits, in its order", func() {
		dir := t.TempDir()
		tree(t, dir)
		var want []pack.Entry
		must(t, filepath.Walk(dir, func(path string, info fs.FileInfo, err error) error {
			e := pack.Entry{Path: strings.TrimPrefix(strings.TrimPrefix(path, dir), "/"), Mode: info.Mode()}
			switch {
			case info.Mode().IsRegular():
				if e.Fingerprint, err = pack.FingerprintOf(path); err != nil {
					return err
				}
			case info.Mode()&fs.ModeSymlink != 0:
				e.Link, err = os.Readlink(path)
			}
			want = append(want, e)
			return err
		}))
		for range 3 {
			index := walk(t, dir)
			for i := range index {
				if index[i].Mode.IsDir() {
					index[i].Fingerprint = pack.Fingerprint{}
				}
			}
			if diff := cmp.Diff(pack.Index(want), index); diff != "" {
				t.Fatal(diff)
			}
		}
	})

	it("finds the same whatever it knows already", func() {
		dir := t.TempDir()
		tree(t, dir)
		random := rand.New(rand.NewPCG(1, 2))
		var known pack.Index
		for range 200 {
			change(t, random, dir)
			index, err := pack.Walk(t.Context(), dir, pack.WalkOptions{Known: known})
			must(t, err)
			if where, differs := index.Diff(walk(t, dir)); differs {
				t.Fatal(where)
			}
			if random.IntN(4) > 0 {
				known = index
			}
		}
	})

	it("makes nothing of an index that is no walk's", func() {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "a/b/c"), nil, 0o644)
		known := walk(t, dir)
		for _, broken := range []pack.Index{known[1:], {known[0], known[2]}, {known[0], known[1], known[3]}, append(known, known...), {known[3]}} {
			index, err := pack.Walk(t.Context(), dir, pack.WalkOptions{Known: broken})
			must(t, err)
			if diff := cmp.Diff(paths(known), paths(index)); diff != "" {
				t.Error(diff)
			}
		}
	})

	it("leaves out what is excluded, with all below it", func() {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "a/b/c"), nil, 0o644)
		write(t, filepath.Join(dir, "a/bc"), nil, 0o644)
		write(t, filepath.Join(dir, "b"), nil, 0o644)
		must(t, syscall.Mkfifo(filepath.Join(dir, "a/b/pipe"), 0o644))
		index, err := pack.Walk(t.Context(), dir, pack.WalkOptions{Exclude: func(rel string, isDir bool) bool {
			return rel == "a/b" && isDir || rel == "b" && !isDir
		}})
		must(t, err)
		if diff := cmp.Diff([]string{"", "a", "a/bc"}, paths(index)); diff != "" {
			t.Error(diff)
		}
	})

	it("leaves out sockets", func() {
		dir, err := os.MkdirTemp("", "sock")
		must(t, err)
		t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
		l, err := net.Listen("unix", filepath.Join(dir, "s"))
		must(t, err)
		defer l.Close()
		if diff := cmp.Diff([]string{""}, paths(walk(t, dir))); diff != "" {
			t.Error(diff)
		}
	})

	it("names a pipe, which no archive of an app can hold", func() {
		dir := t.TempDir()
		must(t, os.Mkdir(filepath.Join(dir, "run"), 0o755))
		must(t, syscall.Mkfifo(filepath.Join(dir, "run/pipe"), 0o644))
		_, err := pack.Walk(t.Context(), dir, pack.WalkOptions{})
		if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "run/pipe")+" is a device or a named pipe") {
			t.Error(err)
		}
	})

	it("names a directory that cannot be read", func() {
		_, err := pack.Walk(t.Context(), filepath.Join(t.TempDir(), "none"), pack.WalkOptions{})
		if !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	})

	it("says so when directories are nested beyond what a path can name", func() {
		dir := t.TempDir()
		deep(t, dir, 2100)
		_, err := pack.Walk(t.Context(), dir, pack.WalkOptions{})
		if err == nil || !strings.Contains(err.Error(), "more than 4095 bytes") || len(err.Error()) > 500 {
			t.Error(err)
		}
	})

	it("walks directories as deep as a path can name", func() {
		dir := t.TempDir()
		deep(t, dir, 2000)
		index := walk(t, dir)
		if last := index[len(index)-1].Path; len(index) != 2001 || len(last) != 3999 {
			t.Error(len(index), len(last))
		}
	})

	it("ends when it is told to", func() {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := pack.Walk(ctx, t.TempDir(), pack.WalkOptions{}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})

	it("tells a file from the same file written again at once with its old time", func() {
		file := filepath.Join(t.TempDir(), "x")
		for i := range 10 {
			write(t, file, []byte{byte(i)}, 0o644)
			before := walk(t, filepath.Dir(file))
			info, err := os.Stat(file)
			must(t, err)
			write(t, file, []byte{byte(i + 1)}, 0o644)
			must(t, os.Chtimes(file, time.Time{}, info.ModTime()))
			if walk(t, filepath.Dir(file)).Unchanged(before) {
				t.Fatal("the second content hides behind the first")
			}
		}
	})
}

// deep makes n directories, each in the one before.
func deep(t *testing.T, dir string, n int) {
	t.Helper()
	at, err := os.OpenRoot(dir)
	must(t, err)
	for range n {
		must(t, at.Mkdir("d", 0o755))
		below, err := at.OpenRoot("d")
		must(t, err)
		must(t, at.Close())
		at = below
	}
	must(t, at.Close())
}

// change does to a tree what a buildpack or a person may do between two builds:
// some of a thousand names come, go, change and take each other's place.
func change(t *testing.T, random *rand.Rand, dir string) {
	t.Helper()
	name := func() string {
		path := dir
		for range 1 + random.IntN(3) {
			path = filepath.Join(path, string(rune('a'+random.IntN(10))))
		}
		return path
	}
	for range 1 + random.IntN(5) {
		path := name()
		// What does not work, such as a file below a file, changes nothing.
		switch random.IntN(6) {
		case 0:
			_ = os.RemoveAll(path)
		case 1:
			_ = os.MkdirAll(path, 0o755)
		case 2:
			_ = os.Rename(name(), path)
		case 3:
			_ = os.Symlink("nowhere", path)
		default:
			// What is a directory stays one.
			if file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|unix.O_NOFOLLOW, 0o644); err == nil {
				must(t, errors.Join(file.Truncate(int64(random.IntN(100))), file.Close()))
			}
		}
	}
}

func walk(t testing.TB, dir string) pack.Index {
	t.Helper()
	index, err := pack.Walk(t.Context(), dir, pack.WalkOptions{})
	must(t, err)
	return index
}

func paths(index pack.Index) []string {
	var list []string
	for _, e := range index {
		list = append(list, e.Path)
	}
	return list
}
