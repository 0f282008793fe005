package untar_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/untar"
)

func TestTree(t *testing.T) { spec.Run(t, "Tree", testTree) }

func testTree(t *testing.T, when spec.G, it spec.S) {
	var (
		dir  string
		root *os.Root
	)

	it.Before(func() {
		dir = filepath.Join(t.TempDir(), "root")
		must(t, os.Mkdir(dir, 0o755))
		var err error
		root, err = os.OpenRoot(dir)
		must(t, err)
	})

	it.After(func() { must(t, root.Close()) })

	unpack := func(o untar.Options, streams ...[]tar.Header) (stack.Attributes, error) {
		t.Helper()
		tree := untar.New(root, o)
		for i, entries := range streams {
			from := untar.Stream{Reader: bytes.NewReader(archive(t, entries...)), Order: i, Name: fmt.Sprintf("stream %d", i)}
			if _, err := tree.Unpack(t.Context(), from); err != nil {
				return nil, err
			}
		}
		return tree.Finish(t.Context())
	}
	holds := func(want map[string]string) {
		t.Helper()
		if diff := cmp.Diff(want, listing(t, dir)); diff != "" {
			t.Error(diff)
		}
	}

	it("writes files, links and directories, and tells what the disk does not hold", func() {
		attributes, err := unpack(untar.Options{},
			[]tar.Header{
				folder("./", 0o700),
				folder("./ro/", 0o555),
				{Name: "./ro/su", Typeflag: tar.TypeReg, Mode: 0o4755, Linkname: "content"},
				{Name: "./ro/secret", Typeflag: tar.TypeReg, Mode: 0, Gid: 42, Linkname: strings.Repeat("x", 300_000)},
				{Name: "./tmp/", Typeflag: tar.TypeDir, Mode: 0o1777},
				{Name: "./hard", Typeflag: tar.TypeLink, Linkname: "./ro/su"},
				{Name: "./soft", Typeflag: tar.TypeSymlink, Linkname: "/ro/su", Uid: 7, Mode: 0o777},
				file("./implied/x", "x"),
			},
		)
		must(t, err)
		holds(map[string]string{
			"ro":        "drwxr-xr-x",
			"ro/su":     "-rwxr-xr-x content",
			"ro/secret": "-r-------- " + strings.Repeat("x", 300_000),
			"tmp":       "drwxrwxrwx",
			"hard":      "-rwxr-xr-x content",
			"soft":      "Lrwxrwxrwx /ro/su",
			"implied":   "drwxr-xr-x",
			"implied/x": "-rw-r--r-- x",
		})
		want := stack.Attributes{
			"ro":        {Mode: 0o555},
			"ro/su":     {Mode: fs.ModeSetuid | 0o755},
			"hard":      {Mode: fs.ModeSetuid | 0o755},
			"ro/secret": {GID: 42},
			"tmp":       {Mode: fs.ModeSticky | 0o777},
			"soft":      {UID: 7, Mode: 0o777},
		}
		if diff := cmp.Diff(want, attributes); diff != "" {
			t.Error(diff)
		}
		if !same(t, dir, "hard", "ro/su") {
			t.Error("the hard link is a copy")
		}
	})

	it("gives files and directories their times if asked to", func() {
		day := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
		_, err := unpack(untar.Options{Times: true}, []tar.Header{
			{Name: "d", Typeflag: tar.TypeDir, Mode: 0o755, ModTime: day},
			{Name: "d/e", Typeflag: tar.TypeDir, Mode: 0o755, ModTime: day},
			{Name: "d/e/f", Typeflag: tar.TypeReg, Mode: 0o644, Linkname: "x", ModTime: day},
		})
		must(t, err)
		for _, name := range []string{"d", "d/e", "d/e/f"} {
			if info, err := root.Lstat(name); err != nil || !info.ModTime().Equal(day) {
				t.Error(name, info.ModTime(), err)
			}
		}
	})

	it("keeps what is wanted, and the directories above", func() {
		keep := func(path string) bool { return !strings.HasPrefix(path, "/doc") || path == "/doc/a/copyright" }
		_, err := unpack(untar.Options{Keep: keep}, []tar.Header{
			folder("./doc", 0o700), folder("./doc/a", 0o700), file("./doc/a/copyright", "c"), file("./doc/a/README", "r"),
			folder("./doc/b", 0o755), file("./x", "x"),
		})
		must(t, err)
		holds(map[string]string{"doc": "drwxr-xr-x", "doc/a": "drwxr-xr-x", "doc/a/copyright": "-rw-r--r-- c", "x": "-rw-r--r-- x"})
		if _, err := unpack(untar.Options{Keep: keep}, []tar.Header{file("doc/b", "x"), hard("y", "doc/b")}); err == nil ||
			!strings.Contains(err.Error(), "not left out") {
			t.Error(err)
		}
	})

	it("takes the last of a file that comes twice", func() {
		_, err := unpack(untar.Options{}, []tar.Header{
			file("x", "first"), soft("l", "first"), folder("d", 0o700),
			file("x", "last"), soft("l", "last"), folder("d", 0o711), file("l2", "x"), soft("l2", "x"),
		})
		must(t, err)
		holds(map[string]string{"x": "-rw-r--r-- last", "l": "Lrwxrwxrwx last", "d": "drwx--x--x", "l2": "Lrwxrwxrwx x"})
	})

	when("links lie in the directory before", func() {
		it.Before(func() {
			must(t, root.MkdirAll("usr/bin", 0o755))
			must(t, root.Symlink("usr/bin", "bin"))
			must(t, root.Symlink("/usr/bin", "absolute"))
			must(t, root.Symlink("../../../usr/bin", "above"))
			must(t, root.Symlink("loop", "loop"))
		})

		it("goes through them and lets them be", func() {
			_, err := unpack(untar.Options{}, []tar.Header{
				folder("./bin/", 0o755), file("./bin/x", "x"), hard("./bin/y", "./usr/bin/x"),
				file("absolute/a", "a"), file("above/b", "b"),
			}, []tar.Header{soft("./bin", "/usr/bin"), file("usr/bin/x", "later")})
			if err == nil || !strings.Contains(err.Error(), "has hard links to it") {
				t.Error(err)
			}
			for name, want := range map[string]string{
				"bin": "Lrwxrwxrwx usr/bin", "usr/bin/x": "-rw-r--r-- x", "usr/bin/y": "-rw-r--r-- x",
				"usr/bin/a": "-rw-r--r-- a", "usr/bin/b": "-rw-r--r-- b",
			} {
				if got := listing(t, dir)[name]; got != want {
					t.Errorf("%s is %s, expected %s", name, got, want)
				}
			}
		})

		for _, evil := range []struct {
			name, want string
			entries    []tar.Header
		}{
			{"a loop", "more than 40 symbolic links", []tar.Header{file("loop/x", "x")}},
			{"a file in the place of one", "is a symbolic link in the directory", []tar.Header{file("bin", "x")}},
			{"another link in the place of one", "is a symbolic link in the directory", []tar.Header{soft("bin", "usr/sbin")}},
		} {
			it("refuses "+evil.name, func() {
				if _, err := unpack(untar.Options{}, evil.entries); err == nil || !strings.Contains(err.Error(), evil.want) {
					t.Errorf("%v; expected %q", err, evil.want)
				}
			})
		}
	})

	device := tar.Header{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3, Mode: 0o666}
	for _, evil := range []struct {
		name, want string
		entries    []tar.Header
	}{
		{"an absolute path", "absolute", []tar.Header{file("/x", "x")}},
		{"a path above the root", `".."`, []tar.Header{file("../x", "x")}},
		{"a path that goes down and up", `".."`, []tar.Header{file("a/../../root/x", "x")}},
		{"an empty path", "empty", []tar.Header{file("", "x")}},
		{"a file in the place of the root", "not a directory", []tar.Header{soft(".", "/tmp")}},
		{"a file through a link of the stream", "lies below l, which is a symbolic link", []tar.Header{soft("l", "/tmp"), file("l/x", "x")}},
		{"a file below a file", "lies below f", []tar.Header{file("f", "x"), file("f/x", "x")}},
		{"a file in the place of a directory", "it is a directory in", []tar.Header{file("d/x", "x"), file("d", "x")}},
		{"a directory in the place of a link", "it is a symbolic link in", []tar.Header{soft("d", "x"), folder("d", 0o755)}},
		{"a hard link above the root", `".."`, []tar.Header{hard("l", "../x")}},
		{"a hard link to an absolute path", "absolute", []tar.Header{hard("l", "/etc/passwd")}},
		{"a hard link to nothing", "expected a file that came before", []tar.Header{hard("l", "d/x")}},
		{"a hard link to a directory", "expected a file that came before", []tar.Header{folder("d", 0o755), hard("l", "d")}},
		{"a hard link to itself", "to itself", []tar.Header{file("l", "x"), hard("l", "l")}},
		{"a hard link through a link", "lies below l", []tar.Header{soft("l", "/etc"), hard("x", "l/passwd")}},
		{"a link to nothing", "no valid path", []tar.Header{soft("l", "")}},
		{"a device", "a device or a pipe", []tar.Header{device}},
		{"a pipe", "a device or a pipe", []tar.Header{{Name: "p", Typeflag: tar.TypeFifo}}},
		{"a type that nobody knows", `of type 'V'`, []tar.Header{{Name: "p", Typeflag: 'V'}}},
		{"directories without end", "257 directories deep", []tar.Header{file(strings.Repeat("d/", 256)+"x", "x")}},
		{"a long path", "a path of 5001 bytes", []tar.Header{file(strings.Repeat("d", 5001), "x")}},
	} {
		it("refuses "+evil.name+", by its name, and writes nothing elsewhere", func() {
			_, err := unpack(untar.Options{}, evil.entries)
			if err == nil || !strings.Contains(err.Error(), evil.want) ||
				!strings.Contains(err.Error(), fmt.Sprintf("%q", evil.entries[len(evil.entries)-1].Name)) {
				t.Errorf("%v; expected %q", err, evil.want)
			}
			if entries, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(entries) != 1 {
				t.Error(entries, err)
			}
		})
	}

	it("does not go through a link out of the directory that appears meanwhile", func() {
		outside := t.TempDir()
		tree := untar.New(root, untar.Options{})
		_, err := tree.Unpack(t.Context(), untar.Stream{Reader: bytes.NewReader(archive(t, folder("d", 0o755)))})
		must(t, err)
		must(t, os.Remove(filepath.Join(dir, "d")))
		must(t, os.Symlink(outside, filepath.Join(dir, "d")))
		_, err = tree.Unpack(t.Context(), untar.Stream{Order: 1, Reader: bytes.NewReader(archive(t, file("d/x", "x")))})
		if err == nil || len(listing(t, outside)) > 0 {
			t.Error(err, listing(t, outside))
		}
	})

	it("leaves devices out if asked to", func() {
		_, err := unpack(untar.Options{SkipSpecial: true}, []tar.Header{device, file("x", "x")})
		must(t, err)
		holds(map[string]string{"x": "-rw-r--r-- x"})
	})

	for _, limit := range []struct {
		name, want string
		limits     untar.Limits
		stream     func() []byte
	}{
		{"entries", "more than 2 entries", untar.Limits{Entries: 2}, func() []byte { return archive(t, file("a", "x"), file("b", "x"), file("c", "x")) }},
		{"bytes", "more than 2 bytes of files", untar.Limits{Bytes: 2}, func() []byte { return archive(t, file("a", "x"), file("b", "x"), file("c", "x")) }},
		{"the size of a file", "a file of 3 bytes; at most 2", untar.Limits{FileBytes: 2}, func() []byte { return archive(t, file("c", "xxx")) }},
		{"a sparse file of 100 GB", "a file of 100000000000 bytes", untar.Limits{}, func() []byte { return sparse(100_000_000_000) }},
		{"a size that is a lie", "unexpected EOF", untar.Limits{}, func() []byte { return archive(t, file("c", "xxx"))[:513] }},
		{"what follows the end", "bytes of tar", untar.Limits{Bytes: 1, Entries: 1}, func() []byte { return append(archive(t), make([]byte, 1<<20)...) }},
	} {
		it("stops at "+limit.name, func() {
			tree := untar.New(root, untar.Options{Limits: limit.limits})
			_, err := tree.Unpack(t.Context(), untar.Stream{Reader: bytes.NewReader(limit.stream())})
			if err == nil || !strings.Contains(err.Error(), limit.want) {
				t.Errorf("%v; expected %q", err, limit.want)
			}
		})
	}

	it("writes the holes of a sparse file", func() {
		tree := untar.New(root, untar.Options{})
		_, err := tree.Unpack(t.Context(), untar.Stream{Reader: bytes.NewReader(sparse(100_000))})
		must(t, err)
		if info, err := root.Lstat("sparse"); err != nil || info.Size() != 100_000 {
			t.Error(info, err)
		}
	})

	it("ends when the stream fails, and when it is told to", func() {
		broken := errors.New("broken")
		tree := untar.New(root, untar.Options{})
		whole := bytes.NewReader(archive(t, file("x", "x")))
		_, err := tree.Unpack(t.Context(), untar.Stream{Reader: io.MultiReader(whole, iotest.ErrReader(broken))})
		if !errors.Is(err, broken) {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := tree.Unpack(ctx, untar.Stream{Order: 1, Reader: bytes.NewReader(archive(t, file("x", "x")))}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})

	when("streams are unpacked at once", func() {
		it("lets the later have what both have, whatever the timing", func() {
			const streams = 6
			tree := untar.New(root, untar.Options{})
			group := errgroup.Group{}
			for n := range streams {
				var entries []tar.Header
				for i := range 60 {
					entries = append(entries, folder(fmt.Sprintf("d%d", i%4), int64(0o750+n)), file(fmt.Sprintf("d%d/f%d", i%4, i), fmt.Sprint(n)))
				}
				from := untar.Stream{Reader: bytes.NewReader(archive(t, entries...)), Order: (n * 5) % streams, Name: fmt.Sprint(n)}
				group.Go(func() error { _, err := tree.Unpack(t.Context(), from); return err })
			}
			must(t, group.Wait())
			_, err := tree.Finish(t.Context())
			must(t, err)
			// The stream of order 5 is the one with n = 1.
			for name, is := range listing(t, dir) {
				if is != "-rw-r--r-- 1" && is != "drwxr-x--x" {
					t.Error(name, is)
				}
			}
		})

		for _, pair := range []struct {
			name, want string
			a, b       []tar.Header
		}{
			{"a directory that is a link elsewhere", "a symbolic link", []tar.Header{file("d/x", "x")}, []tar.Header{soft("d", "e")}},
			{"a file that was linked to", "f", []tar.Header{file("f", "x"), hard("g", "f")}, []tar.Header{file("f", "y")}},
		} {
			it("refuses "+pair.name+" in each order of time", func() {
				for _, turn := range [][2]int{{0, 1}, {1, 0}} {
					must(t, root.RemoveAll("d"))
					must(t, root.RemoveAll("f"))
					must(t, root.RemoveAll("g"))
					tree := untar.New(root, untar.Options{})
					streams := [][]tar.Header{pair.a, pair.b}
					var err error
					for _, i := range turn {
						_, failed := tree.Unpack(t.Context(), untar.Stream{Reader: bytes.NewReader(archive(t, streams[i]...)), Order: i})
						err = errors.Join(err, failed)
					}
					if err == nil || !strings.Contains(err.Error(), pair.want) {
						t.Error(turn, err)
					}
				}
			})
		}
	})

	when("streams are layers", func() {
		layers := untar.Options{Layers: true, Rooted: true, SkipSpecial: true}
		for _, c := range []struct {
			name   string
			layers [][]tar.Header
			want   map[string]string
		}{
			{"replaces files by directories and the reverse",
				[][]tar.Header{{file("a", "1"), file("b/c/d", "1"), soft("l", "b")}, {folder("a", 0o755), file("a/x", "2"), file("b", "2"), folder("l", 0o700)}},
				map[string]string{"a": "drwxr-xr-x", "a/x": "-rw-r--r-- 2", "b": "-rw-r--r-- 2", "l": "drwx------"}},
			{"follows links of lower layers, inside of the tree",
				[][]tar.Header{{folder("run", 0o755), soft("var/run", "/run"), soft("up", "../../../run"), soft("new", "made/here")}, {file("/var/run/x", "2"), file("up/y", "2"), file("new/z", "2")}},
				map[string]string{"run": "drwxr-xr-x", "run/x": "-rw-r--r-- 2", "run/y": "-rw-r--r-- 2", "var": "drwxr-xr-x", "var/run": "Lrwxrwxrwx /run",
					"up": "Lrwxrwxrwx ../../../run", "new": "Lrwxrwxrwx made/here", "made": "drwxr-xr-x", "made/here": "drwxr-xr-x", "made/here/z": "-rw-r--r-- 2"}},
			{"removes what is whited out",
				[][]tar.Header{{file("d/a", "1"), file("d/b", "1"), file("e/f/g", "1"), file("h", "1")}, {file("d/.wh.a", ""), file(".wh.e", ""), file(".wh.missing", ""), file("no/.wh.where", "")}},
				map[string]string{"d": "drwxr-xr-x", "d/b": "-rw-r--r-- 1", "h": "-rw-r--r-- 1"}},
			{"keeps what the layer of a whiteout has itself, before it and after",
				[][]tar.Header{{file("d/a", "1"), file("e/a", "1")}, {file("d/b", "2"), file("d/.wh..wh..opq", ""), file("d/c", "2"), folder("e", 0o755), file("e/b", "2"), file(".wh.e", ""), file("d/.wh..wh.plnk", "")}},
				map[string]string{"d": "drwxr-xr-x", "d/b": "-rw-r--r-- 2", "d/c": "-rw-r--r-- 2", "e": "drwxr-xr-x", "e/b": "-rw-r--r-- 2"}},
			{"links to files of lower layers, and breaks no link",
				[][]tar.Header{{file("a", "1")}, {hard("b", "a"), hard("/c", "/a")}, {file("a", "3")}},
				map[string]string{"a": "-rw-r--r-- 3", "b": "-rw-r--r-- 1", "c": "-rw-r--r-- 1"}},
			{"forgets what was removed",
				[][]tar.Header{{file("d/e/f", "1")}, {file(".wh.d", "")}, {file("d/e/g", "3"), device}},
				map[string]string{"d": "drwxr-xr-x", "d/e": "drwxr-xr-x", "d/e/g": "-rw-r--r-- 3"}},
		} {
			it(c.name, func() {
				_, err := unpack(layers, c.layers...)
				must(t, err)
				holds(c.want)
			})
		}

		it("refuses a whiteout of what is no name", func() {
			for _, name := range []string{".wh.", "d/.wh...", ".wh.."} {
				if _, err := unpack(layers, []tar.Header{file("d/x", "x")}, []tar.Header{file(name, "")}); err == nil {
					t.Error(name)
				}
			}
		})
	})
}

// FuzzUnpack unpacks streams of anybody's making, by all rules. Nothing may
// come to lie outside of the directory, and all of it can be removed.
func FuzzUnpack(f *testing.F) {
	for _, entries := range [][]tar.Header{
		{folder("d", 0o555), file("d/x", "content"), hard("y", "d/x"), soft("l", "../../outside"), file("l/x", "x")},
		{soft("bin", "/usr/bin"), file("bin/x", "x"), file(".wh.bin", ""), file("usr/.wh..wh..opq", "")},
		{soft("a", "b/c"), file("a/d", "x"), folder("a", 0o700), file("b", "x")},
	} {
		f.Add(archive(f, entries...))
	}
	f.Add(sparse(1000))
	f.Fuzz(func(t *testing.T, data []byte) {
		top := t.TempDir()
		dir := filepath.Join(top, "root")
		limits := untar.Limits{Entries: 50, Bytes: 1 << 20, FileBytes: 1 << 19, Depth: 20}
		for _, o := range []untar.Options{{Limits: limits}, {Layers: true, Rooted: true, SkipSpecial: true, Times: true, Limits: limits}} {
			must(t, os.Mkdir(dir, 0o755))
			must(t, os.Mkdir(filepath.Join(dir, "usr"), 0o755))
			must(t, os.Symlink("usr", filepath.Join(dir, "lib")))
			root, err := os.OpenRoot(dir)
			must(t, err)
			tree := untar.New(root, o)
			for order := range 2 {
				if _, err := tree.Unpack(t.Context(), untar.Stream{Reader: bytes.NewReader(data), Order: order}); err != nil {
					t.Log(err)
				}
			}
			if _, err := tree.Finish(t.Context()); err != nil {
				t.Errorf("the tree cannot be finished: %v", err)
			}
			must(t, root.Close())
			must(t, os.RemoveAll(dir))
			if entries, err := os.ReadDir(top); err != nil || len(entries) > 0 {
				t.Error(entries, err)
			}
		}
	})
}
