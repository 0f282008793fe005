package pack_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
)

func TestPack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "layer")
	tree(t, dir)
	spec.Run(t, "Pack", func(t *testing.T, when spec.G, it spec.S) { testPack(t, when, it, dir) })
}

// testPack reads the tree in dir.
func testPack(t *testing.T, when spec.G, it spec.S, dir string) {
	part := pack.Part{Name: "some/bp:some-layer", Dir: dir}
	layer := pack.Shape{
		Name: "oci", Prefix: "/layers/some_bp/some-layer", UID: 1234, GID: 5678, ModTime: pack.Epoch(), Root: true, Trailer: true,
		Parents: []pack.Parent{{Name: "/layers", Mode: 0o755}, {Name: "/layers/some_bp", Mode: 0o700, UID: 1, GID: 2}},
	}
	segment := pack.Shape{Name: "slug", Prefix: "./app/.slugc/layers/some_bp/some-layer", ModTime: pack.Epoch(), Root: true, Slash: true}

	it("makes the layer that the reference lifecycle makes", func() {
		got := raw(t, packOne(t, pack.Packer{}, part, layer))
		if want := reference(t, dir, layer.Prefix, layer); !bytes.Equal(got, want) {
			t.Error(cmp.Diff(entries(t, want), entries(t, got)))
		}
	})

	it("makes the app layer of the reference lifecycle, which is sorted by whole paths", func() {
		index, err := pack.Walk(t.Context(), dir, pack.WalkOptions{})
		must(t, err)
		sorted := part
		sorted.Index = index.ByPath()
		var names []string
		for _, e := range entries(t, raw(t, packOne(t, pack.Packer{}, sorted, layer))) {
			names = append(names, e.Name)
		}
		lib := names[indexOf(t, names, layer.Prefix+"/lib"):]
		if diff := cmp.Diff([]string{"/lib", "/lib-b", "/lib.c", "/lib/d0"}, trim(lib[:4], layer.Prefix)); diff != "" {
			t.Error(diff)
		}
	})

	it("makes the same bytes with any number of workers, alone or together with other shapes", func() {
		index := walk(t, dir)
		sizes := pack.Part{Name: "a piece", Dir: dir, Index: index.Select(func(e pack.Entry) bool { return strings.HasPrefix(e.Path, "sizes/") })}
		sorted := pack.Part{Name: part.Name, Dir: dir, Index: index.ByPath()}
		packed := func(procs, workers int) []artifact.Segment {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			p := pack.Packer{Workers: workers, Temp: t.TempDir()}
			together, err := p.Pack(t.Context(), []pack.Job{{Part: part, Shapes: []pack.Shape{segment, layer}}, {Part: sizes, Shapes: []pack.Shape{segment}}})
			must(t, err)
			inTwoOrders, err := p.Pack(t.Context(), []pack.Job{{Part: part, Shapes: []pack.Shape{segment}}, {Part: sorted, Shapes: []pack.Shape{segment}}})
			must(t, err)
			got := []artifact.Segment{packOne(t, p, part, segment), together[0][0], inTwoOrders[0][0], together[0][1], together[1][0], inTwoOrders[1][0]}
			for i := range got {
				raw(t, got[i])
				got[i].File = ""
			}
			return got
		}
		want := packed(1, 1)
		for _, other := range want[1:3] {
			if diff := cmp.Diff(want[0], other); diff != "" {
				t.Error("a shape alone and together with others are not the same bytes", diff)
			}
		}
		if last := want[5]; last.DiffID == want[0].DiffID || last.RawSize != want[0].RawSize {
			t.Error("another order is the same bytes, or differs in more than the order")
		}
		for _, machine := range []struct{ procs, workers int }{{1, 4}, {2, 4}} {
			if diff := cmp.Diff(want, packed(machine.procs, machine.workers)); diff != "" {
				t.Errorf("%+v: %s", machine, diff)
			}
		}
	})

	it("makes the same bytes of a copy with other times, inodes and owners", func() {
		twin := filepath.Join(t.TempDir(), "copy")
		tree(t, twin)
		must(t, filepath.Walk(twin, func(path string, info fs.FileInfo, err error) error {
			if err != nil || info.Mode()&fs.ModeSymlink != 0 {
				return err
			}
			if os.Getuid() == 0 {
				err = errors.Join(os.Chown(path, 12, 34), os.Chmod(path, info.Mode()))
			}
			return errors.Join(err, os.Chtimes(path, time.Unix(1e9, 5), time.Unix(1e9, 7)))
		}))
		a := packOne(t, pack.Packer{}, part, segment)
		b := packOne(t, pack.Packer{}, pack.Part{Name: part.Name, Dir: twin}, segment)
		if a.Digest != b.Digest || a.DiffID != b.DiffID {
			t.Errorf("%+v\n%+v", a, b)
		}
	})

	it("has the body of a big file in the same members in all shapes and pieces", func() {
		index := walk(t, dir)
		piece := pack.Part{Name: "bin", Dir: dir, Index: index.Select(func(e pack.Entry) bool { return strings.HasPrefix(e.Path, "bin") })}
		p := pack.Packer{Temp: t.TempDir()}
		segments, err := p.Pack(t.Context(), []pack.Job{{Part: part, Shapes: []pack.Shape{segment, layer}}, {Part: piece, Shapes: []pack.Shape{segment}}})
		must(t, err)
		in := map[string]bool{}
		for _, m := range members(t, segments[0][0]) {
			in[string(m)] = true
		}
		for _, other := range []struct {
			segment artifact.Segment
			want    int
		}{
			// 16384, 16385, 262143, 262144, 2 of 262145 and its hard link each,
			// 3 of 524365, and bin/run.
			{segments[0][1], 12},
			{segments[1][0], 1},
		} {
			n := 0
			for _, m := range members(t, other.segment) {
				if in[string(m)] {
					n++
				}
			}
			if n != other.want {
				t.Errorf("%d members of %s are the same in both segments, expected %d", n, other.segment.Name, other.want)
			}
		}
	})

	it("ends a slug's segments without a trailer, so that they can follow one another", func() {
		p := pack.Packer{Temp: t.TempDir()}
		segments, err := p.Pack(t.Context(), []pack.Job{
			{Part: part, Shapes: []pack.Shape{segment}},
			{Part: pack.Part{Name: "tail", Files: []pack.File{{Path: "hello", Mode: 0o640, Content: []byte("hello")}}}, Shapes: []pack.Shape{{Name: "slug", Prefix: "./app", ModTime: pack.Epoch()}}},
			{Part: pack.Part{Name: "trailer"}, Shapes: []pack.Shape{{Name: "slug", Trailer: true}}},
		})
		must(t, err)
		var whole []byte
		for _, s := range segments {
			whole = append(whole, raw(t, s[0])...)
		}
		if len(raw(t, segments[2][0])) != 1024 {
			t.Error("a trailer is two blocks of zeros")
		}
		list := entries(t, whole)
		if last := list[len(list)-1]; last.Name != "./app/hello" || last.Content != sha([]byte("hello")) || last.Mode != 0o640 {
			t.Errorf("%+v", last)
		}
	})

	it("packs files that are not on disk", func() {
		big := bytes.Repeat([]byte("launcher "), 300_000)
		files := pack.Part{Name: "launcher", Files: []pack.File{
			{Path: "/cnb", Mode: fs.ModeDir | 0o755},
			{Path: "/cnb/launcher", Mode: 0o755, Content: big},
			{Path: "/cnb/small", Mode: 0o600, Content: []byte("small")},
			{Path: "/cnb/process/web", Mode: fs.ModeSymlink | 0o755, Link: "/cnb/launcher"},
		}}
		s := packOne(t, pack.Packer{}, files, pack.Shape{Name: "oci", ModTime: pack.Epoch(), Trailer: true})
		want := []entry{
			{Name: "/cnb", Type: tar.TypeDir, Mode: 0o755},
			{Name: "/cnb/launcher", Type: tar.TypeReg, Mode: 0o755, Size: int64(len(big)), Content: sha(big)},
			{Name: "/cnb/small", Type: tar.TypeReg, Mode: 0o600, Size: 5, Content: sha([]byte("small"))},
			{Name: "/cnb/process/web", Type: tar.TypeSymlink, Mode: 0o755, Link: "/cnb/launcher"},
		}
		if diff := cmp.Diff(want, entries(t, raw(t, s))); diff != "" {
			t.Error(diff)
		}
	})

	it("packs what is compressed in memory as what it holds", func() {
		big := bytes.Repeat([]byte("launcher "), 300_000)
		part := func(packed []byte) pack.Part {
			return pack.Part{Name: "launcher", Files: []pack.File{
				{Path: "launcher", Mode: 0o755, Gzip: io.NewSectionReader(bytes.NewReader(packed), 0, int64(len(packed)))},
			}}
		}
		shape := pack.Shape{Name: "oci", ModTime: pack.Epoch()}
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, err := z.Write(big)
		must(t, errors.Join(err, z.Close()))
		p := pack.Packer{Store: pack.DirStore{Dir: t.TempDir()}}
		for _, reused := range []bool{false, true} {
			s := packOne(t, p, part(packed.Bytes()), shape)
			want := []entry{{Name: "launcher", Type: tar.TypeReg, Mode: 0o755, Size: int64(len(big)), Content: sha(big)}}
			if diff := cmp.Diff(want, entries(t, raw(t, s))); diff != "" || s.Reused != reused {
				t.Errorf("reused: %v, expected %v; %s", s.Reused, reused, diff)
			}
		}
		for _, damaged := range [][]byte{nil, packed.Bytes()[:3], packed.Bytes()[:packed.Len()-1], append([]byte("x"), packed.Bytes()...)} {
			p.Temp = t.TempDir()
			if _, err := p.Pack(t.Context(), []pack.Job{{Part: part(damaged), Shapes: []pack.Shape{shape}}}); err == nil || !strings.Contains(err.Error(), "unpacking launcher") {
				t.Errorf("%d bytes: %v", len(damaged), err)
			}
			expectEmpty(t, p.Temp)
		}
	})

	it("makes an empty archive of an empty part", func() {
		s := packOne(t, pack.Packer{}, pack.Part{Name: "slice"}, pack.Shape{Name: "oci", Trailer: true})
		if got := raw(t, s); !bytes.Equal(got, make([]byte, 1024)) {
			t.Errorf("%d bytes", len(got))
		}
	})

	it("is read alike by GNU tar, gzip and python", func() {
		s := packOne(t, pack.Packer{}, part, pack.Shape{Name: "slug", Prefix: "./app", ModTime: pack.Epoch(), Root: true, Slash: true, Trailer: true})
		want := entries(t, raw(t, s))

		run(t, "gzip", "-t", "<", s.File)
		listed := run(t, "tar", "--quoting-style=literal", "-tzf", s.File)
		var names strings.Builder
		for _, e := range want {
			names.WriteString(e.Name + "\n")
		}
		if diff := cmp.Diff(names.String(), listed); diff != "" {
			t.Error(diff)
		}
		out := t.TempDir()
		run(t, "tar", "-xzpf", s.File, "-C", out)
		again := packOne(t, pack.Packer{}, pack.Part{Name: part.Name, Dir: filepath.Join(out, "app")}, segment)
		if first := packOne(t, pack.Packer{}, part, segment); again.DiffID != first.DiffID {
			t.Error("what GNU tar unpacks is not what was packed")
		}
		if _, err := exec.LookPath("python3"); err == nil {
			const list = "import sys, tarfile\n" +
				"for m in tarfile.open(sys.argv[1], errors='surrogateescape'):\n" +
				"    sys.stdout.buffer.write(b'%d %o %d %s\\0' % (m.type[0], m.mode, m.size, m.name.encode('utf-8', 'surrogateescape')))\n"
			var lines []string
			for _, e := range want {
				lines = append(lines, fmt.Sprintf("%d %o %d %s", e.Type, e.Mode, e.Size, strings.TrimSuffix(e.Name, "/")))
			}
			got := strings.Split(strings.TrimSuffix(run(t, "python3", "-c", list, s.File), "\x00"), "\x00")
			if diff := cmp.Diff(lines, got); diff != "" {
				t.Error(diff)
			}
		}
	})

	it("says how far it is", func() {
		var last, total int64
		calls := 0
		p := pack.Packer{Progress: func(done, all int64) {
			if done < last {
				t.Errorf("%d after %d", done, last)
			}
			last, total = done, all
			calls++
		}}
		packOne(t, p, part, segment)
		index, err := pack.Walk(t.Context(), dir, pack.WalkOptions{})
		must(t, err)
		if last != total || total != index.Size() || calls < 3 {
			t.Errorf("%d calls, the last with %d of %d; the tree has %d bytes", calls, last, total, index.Size())
		}
	})

	when("the tree is written to meanwhile", func() {
		var dir string

		it.Before(func() {
			dir = t.TempDir()
			write(t, filepath.Join(dir, "bin/run"), make([]byte, 70_000), 0o755)
			write(t, filepath.Join(dir, "bin/small"), make([]byte, 700), 0o755)
		})

		for _, change := range []struct {
			name   string
			meddle func(path string) error
		}{
			{"grows", func(path string) error { return os.WriteFile(path, make([]byte, 90_000), 0o644) }},
			{"shrinks", func(path string) error { return os.Truncate(path, 10) }},
			{"vanishes", os.Remove},
			{"is rewritten", func(path string) error { return os.WriteFile(path, make([]byte, 70_000), 0o644) }},
			{"becomes a symbolic link", func(path string) error {
				return errors.Join(os.Remove(path), os.Symlink("/etc/passwd", path))
			}},
			{"becomes a directory", func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o755)) }},
			{"becomes a pipe", func(path string) error { return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o644)) }},
		} {
			it("names the file that "+change.name, func() {
				index, err := pack.Walk(t.Context(), dir, pack.WalkOptions{})
				must(t, err)
				must(t, change.meddle(filepath.Join(dir, "bin/run")))
				temp := t.TempDir()
				part := pack.Part{Name: "layer", Dir: dir, Index: index}
				_, err = pack.Packer{Temp: temp}.Pack(t.Context(), []pack.Job{{Part: part, Shapes: []pack.Shape{segment, layer}}})
				if !errors.Is(err, pack.ErrChanged) || !strings.Contains(err.Error(), "bin/run") {
					t.Errorf("%v", err)
				}
				expectEmpty(t, temp)
			})
		}
	})

	it("leaves nothing behind when it is cancelled", func() {
		ctx, cancel := context.WithCancel(t.Context())
		temp := t.TempDir()
		p := pack.Packer{Temp: temp, Workers: 1, Progress: func(int64, int64) { cancel() }}
		_, err := p.Pack(ctx, []pack.Job{{Part: part, Shapes: []pack.Shape{segment, layer}}})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		expectEmpty(t, temp)
	})

	it("leaves the tar as it is, beside a shape that does not", func() {
		plain := layer
		plain.Raw = true
		p := pack.Packer{Temp: t.TempDir()}
		segments, err := p.Pack(t.Context(), []pack.Job{
			{Part: part, Shapes: []pack.Shape{plain, layer}},
			{Part: pack.Part{Name: "file", Files: []pack.File{{Path: "big", Mode: 0o644, Content: text()[:700_000]}}}, Shapes: []pack.Shape{{Name: "oci", Raw: true}}},
		})
		must(t, err)
		zipped := segments[0][1]
		for _, s := range []artifact.Segment{segments[0][0], segments[1][0], packOne(t, p, part, plain)} {
			content, err := os.ReadFile(s.File)
			must(t, err)
			if !s.Raw() || s.DiffID != sha(content) || s.Size != int64(len(content)) || s.RawSize != s.Size {
				t.Errorf("the file has the digest %s and %d bytes, the segment says %+v", sha(content), len(content), s)
			}
			if s.Name == part.Name && !bytes.Equal(content, raw(t, zipped)) {
				t.Error("not what the other shape has zipped")
			}
		}
		if zipped.Raw() || zipped.Digest != packOne(t, p, part, layer).Digest {
			t.Error("the other shape has other bytes than alone")
		}
	})

	it("names a level that is none", func() {
		shape := segment
		shape.Level = 10
		_, err := pack.Packer{Temp: t.TempDir()}.Pack(t.Context(), []pack.Job{{Part: part, Shapes: []pack.Shape{shape}}})
		if err == nil || !strings.Contains(err.Error(), "expected 1 to 9") {
			t.Error(err)
		}
	})

	it("names what cannot be read", func() {
		_, err := pack.Packer{Temp: t.TempDir()}.Pack(t.Context(), []pack.Job{{Part: pack.Part{Name: "x", Dir: filepath.Join(dir, "missing")}, Shapes: []pack.Shape{segment}}})
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "missing") {
			t.Errorf("%v", err)
		}
	})

	it("refuses a layer that is a symbolic link", func() {
		link := filepath.Join(t.TempDir(), "layer")
		must(t, os.Symlink("/etc", link))
		_, err := pack.Packer{Temp: t.TempDir()}.Pack(t.Context(), []pack.Job{{Part: pack.Part{Name: "x", Dir: link}, Shapes: []pack.Shape{segment}}})
		if err == nil || !strings.Contains(err.Error(), "is not a directory") {
			t.Errorf("%v", err)
		}
	})
}

// entry is what an archive says about one of its entries.
type entry struct {
	Name, Link string
	Type       byte
	Mode       int64
	UID, GID   int
	Size       int64
	Content    string // the digest of a regular file
}

func entries(t testing.TB, archive []byte) []entry {
	t.Helper()
	var list []entry
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return list
		}
		must(t, err)
		e := entry{Name: h.Name, Link: h.Linkname, Type: h.Typeflag, Mode: h.Mode, UID: h.Uid, GID: h.Gid, Size: h.Size}
		if !h.ModTime.Equal(pack.Epoch()) || h.Uname != "" || h.Gname != "" {
			t.Errorf("%s is not normalised: %+v", h.Name, h)
		}
		for name := range h.PAXRecords {
			if name != "path" && name != "linkpath" {
				t.Errorf("%s has a record of %s", h.Name, name)
			}
		}
		if h.Typeflag == tar.TypeReg {
			content, err := io.ReadAll(r)
			must(t, err)
			e.Content = sha(content)
		}
		list = append(list, e)
	}
}

func indexOf(t *testing.T, list []string, s string) int {
	t.Helper()
	for i := range list {
		if list[i] == s {
			return i
		}
	}
	t.Fatalf("%q is not among %q", s, list)
	return -1
}

func trim(list []string, prefix string) []string {
	var out []string
	for _, s := range list {
		out = append(out, strings.TrimPrefix(s, prefix))
	}
	return out
}

func expectEmpty(t *testing.T, dir string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	must(t, err)
	if len(list) > 0 {
		t.Errorf("%s holds %v", dir, list)
	}
}

// run runs a program and returns what it prints; "<" names its input.
func run(t *testing.T, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(args[0]); err != nil {
		t.Skipf("%s is not installed", args[0])
	}
	var in io.Reader
	if n := len(args); n > 2 && args[n-2] == "<" {
		f, err := os.Open(args[n-1])
		must(t, err)
		defer f.Close()
		in, args = f, args[:n-2]
	}
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Stdin = in
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		t.Fatalf("%q: %v: %s", args, err, complaint.String())
	}
	return out.String()
}
