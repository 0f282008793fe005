package pack_test

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/build/pack"
)

// openings watches the files below a directory. The function that it returns
// names those that were opened since.
func openings(t *testing.T, dir string) func() []string {
	t.Helper()
	return openingsOf(t, dir, 0)
}

// openingsOf watches what is below a directory: directories with unix.IN_ISDIR,
// files without.
func openingsOf(t *testing.T, dir string, kind uint32) func() []string {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	must(t, err)
	t.Cleanup(func() { must(t, unix.Close(fd)) })
	watched := map[int32]string{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		wd, err := unix.InotifyAddWatch(fd, path, unix.IN_OPEN)
		watched[int32(wd)] = path
		return err
	}))
	return func() []string {
		var opened []string
		buf := make([]byte, 1<<20)
		for {
			n, err := unix.Read(fd, buf)
			if errors.Is(err, unix.EAGAIN) {
				return opened
			}
			must(t, err)
			for b := buf[:n]; len(b) > 0; {
				name := b[unix.SizeofInotifyEvent:][:binary.NativeEndian.Uint32(b[12:])]
				if binary.NativeEndian.Uint32(b[4:])&unix.IN_ISDIR == kind {
					opened = append(opened, filepath.Join(watched[int32(binary.NativeEndian.Uint32(b))], strings.TrimRight(string(name), "\x00")))
				}
				b = b[unix.SizeofInotifyEvent+len(name):]
			}
		}
	}
}

func TestWalkReadsNoDirectoryThatIsKnown(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir)
	age(t, dir)
	known := walk(t, dir)
	opened := openingsOf(t, dir, unix.IN_ISDIR)
	opened()
	_, err := pack.Walk(t.Context(), dir, pack.WalkOptions{Known: known})
	must(t, err)
	if diff := cmp.Diff([]string{dir}, slices.Compact(opened())); diff != "" {
		t.Error(diff)
	}
	write(t, filepath.Join(dir, "lib/new.js"), nil, 0o644)
	opened()
	_, err = pack.Walk(t.Context(), dir, pack.WalkOptions{Known: known})
	must(t, err)
	if !slices.Contains(opened(), filepath.Join(dir, "lib")) {
		t.Error("the watch sees nothing")
	}
}

// age waits until the clock has passed the change of every directory below dir.
func age(t *testing.T, dir string) {
	t.Helper()
	for slices.ContainsFunc(walk(t, dir), func(e pack.Entry) bool {
		return e.Path != "" && e.Mode.IsDir() && e.Fingerprint == (pack.Fingerprint{})
	}) {
		if t.Context().Err() != nil {
			t.Fatal(t.Context().Err())
		}
	}
}

func TestReuseOpensNoFile(t *testing.T) {
	top := t.TempDir()
	p, jobs, dir := stored(t, top)
	opened := openings(t, top)
	segments, err := p.Pack(t.Context(), jobs)
	must(t, err)
	for _, s := range segments[0] {
		if !s.Reused {
			t.Errorf("%s was packed again", s.Name)
		}
	}
	for _, file := range opened() {
		if !strings.Contains(file, "/store/records/") && !strings.HasSuffix(file, "/store/lock") {
			t.Errorf("%s was opened", file)
		}
	}

	// The watch would have seen it.
	write(t, filepath.Join(dir, "lib/b.js"), []byte("edit"), 0o644)
	opened()
	_, err = p.Pack(t.Context(), jobs)
	must(t, err)
	if got := opened(); len(got) == 0 {
		t.Error("the watch sees nothing")
	}
}

func TestSmallRewrittenFilesAreAllThatIsOpened(t *testing.T) {
	top := t.TempDir()
	p, jobs, dir := stored(t, top)
	rewrite(t, filepath.Join(dir, "env/PATH"))
	opened := openings(t, dir)
	segments, err := p.Pack(t.Context(), jobs)
	must(t, err)
	if !segments[0][0].Reused {
		t.Error("a small file written again with the same content is a change")
	}
	for _, file := range opened() {
		if file != filepath.Join(dir, "env/PATH") {
			t.Errorf("%s was opened", file)
		}
	}
	segments, err = p.Pack(t.Context(), jobs)
	must(t, err)
	if list := opened(); !segments[0][0].Reused || len(list) > 0 {
		t.Errorf("the second time, %q were opened", list)
	}
}
