package pack_test

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
)

func keyOf(t *testing.T, path string) pack.Key {
	t.Helper()
	b, err := hex.DecodeString(filepath.Base(path))
	must(t, err)
	return pack.Key(b)
}

func TestDirStore(t *testing.T) { spec.Run(t, "DirStore", testDirStore) }

func testDirStore(t *testing.T, when spec.G, it spec.S) {
	var store pack.DirStore
	content := []byte("compressed bytes")

	it.Before(func() { store = pack.DirStore{Dir: filepath.Join(t.TempDir(), "store")} })

	keep := func(key pack.Key, content []byte) pack.Record {
		t.Helper()
		path := filepath.Join(t.TempDir(), "blob")
		write(t, path, content, 0o600)
		file, err := store.Keep(path, sha(content))
		must(t, err)
		state, err := pack.FingerprintOf(file)
		must(t, err)
		r := pack.Record{
			Segment: artifact.Segment{Name: "app", DiffID: sha([]byte("raw")), Digest: sha(content), Size: int64(len(content)), RawSize: 99, File: file},
			File:    state,
			Index:   pack.Index{dirs(""), file2()},
			Members: []pack.Member{{Offset: 0, Size: 1}, {Offset: int64(len(content)) - 1, Size: 1}},
		}
		must(t, store.Put(key, r))
		return r
	}

	it("returns what was put", func() {
		key := pack.NewKey("a", "b")
		want := keep(key, content)
		got, ok := store.Lookup(key)
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Error(ok, diff)
		}
		if _, ok := store.Lookup(pack.NewKey("ab")); ok {
			t.Error("something rests under a key that was never put")
		}
		if got, err := os.ReadFile(got.Segment.File); err != nil || string(got) != string(content) {
			t.Error(got, err)
		}
	})

	it("can be moved", func() {
		key := pack.NewKey("a")
		keep(key, content)
		moved := filepath.Join(t.TempDir(), "moved")
		must(t, os.Rename(store.Dir, moved))
		got, ok := pack.DirStore{Dir: moved}.Lookup(key)
		if !ok || filepath.Dir(got.Segment.File) != filepath.Join(moved, "blobs") {
			t.Error(ok, got.Segment.File)
		}
	})

	it("takes a blob from another file system", func() {
		const shm = "/dev/shm"
		if _, err := os.Stat(shm); err != nil {
			t.Skip("no second file system")
		}
		dir, err := os.MkdirTemp(shm, "pack")
		must(t, err)
		t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
		write(t, filepath.Join(dir, "blob"), content, 0o600)
		file, err := store.Keep(filepath.Join(dir, "blob"), sha(content))
		must(t, err)
		expectEmpty(t, dir)
		if got, err := os.ReadFile(file); err != nil || string(got) != string(content) {
			t.Error(got, err)
		}
		if got := list(t, filepath.Dir(file)); len(got) != 1 {
			t.Error(got)
		}
	})

	it("refuses a digest that is none", func() {
		write(t, filepath.Join(t.TempDir(), "x"), content, 0o600)
		for _, digest := range []string{"", "sha256:", "sha256:../../x", "md5:" + strings.Repeat("0", 64), strings.Repeat("0", 64)} {
			if _, err := store.Keep(filepath.Join(t.TempDir(), "x"), digest); err == nil || !strings.Contains(err.Error(), "expected sha256:<hex>") {
				t.Errorf("%q: %v", digest, err)
			}
		}
	})

	when("it is pruned", func() {
		it("removes the blobs that no record refers to", func() {
			a, b := pack.NewKey("a"), pack.NewKey("b")
			keep(a, content)
			old := keep(b, []byte("old"))
			keep(b, []byte("newer"))
			freed, err := store.Prune(t.Context(), time.Hour)
			must(t, err)
			if freed != int64(len("old")) {
				t.Errorf("freed %d bytes", freed)
			}
			if _, err := os.Stat(old.Segment.File); !errors.Is(err, fs.ErrNotExist) {
				t.Error("the old blob is still there")
			}
			for _, key := range []pack.Key{a, b} {
				r, ok := store.Lookup(key)
				if _, err := os.Stat(r.Segment.File); !ok || err != nil {
					t.Error(ok, err)
				}
			}
		})

		it("removes records that nobody used, and what is damaged or was left behind long ago", func() {
			a, b, c := pack.NewKey("a"), pack.NewKey("b"), pack.NewKey("c")
			keep(a, []byte("of a"))
			keep(b, []byte("of b"))
			keep(c, []byte("of c"))
			past := time.Now().Add(-72 * time.Hour)
			must(t, os.Chtimes(filepath.Join(store.Dir, "records", a.String()), past, past))
			must(t, os.Chtimes(filepath.Join(store.Dir, "records", b.String()), past, past))
			must(t, os.Truncate(filepath.Join(store.Dir, "records", c.String()), 50))
			write(t, filepath.Join(store.Dir, "blobs/.new-1"), []byte("young"), 0o600)
			write(t, filepath.Join(store.Dir, "blobs/.new-2"), []byte("old"), 0o600)
			must(t, os.Chtimes(filepath.Join(store.Dir, "blobs/.new-2"), past, past))
			if _, ok := store.Lookup(b); !ok {
				t.Fatal("b is not there")
			}
			_, err := store.Prune(t.Context(), 48*time.Hour)
			must(t, err)
			want := []string{filepath.Join(store.Dir, "blobs/.new-1"), filepath.Join(store.Dir, "blobs", strings.TrimPrefix(sha([]byte("of b")), "sha256:"))}
			if diff := cmp.Diff(want, list(t, filepath.Join(store.Dir, "blobs"))); diff != "" {
				t.Error(diff)
			}
			if got := list(t, filepath.Join(store.Dir, "records")); len(got) != 1 || keyOf(t, got[0]) != b {
				t.Error(got)
			}
		})

		it("leaves a store alone that a build holds", func() {
			keep(pack.NewKey("a"), content)
			release, err := store.Hold()
			must(t, err)
			second, err := store.Hold()
			must(t, err)
			must(t, second())
			if _, err := store.Prune(t.Context(), 0); !errors.Is(err, pack.ErrInUse) {
				t.Error(err)
			}
			must(t, release())
			_, err = store.Prune(t.Context(), 0)
			must(t, err)
		})

		it("does nothing to a store that is not there yet", func() {
			freed, err := store.Prune(t.Context(), 0)
			if freed != 0 || err != nil {
				t.Error(freed, err)
			}
		})
	})
}

func file2() pack.Entry {
	e := file("x", 1<<33)
	e.Sum = pack.Sum{7}
	return e
}

// killedDir is the environment variable that turns the test binary into a
// process that packs until it is killed.
const killedDir = "PACK_UNTIL_KILLED"

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(killedDir) != "":
		fmt.Println(packForever(os.Getenv(killedDir)))
		os.Exit(1)
	case os.Getenv(peakDir) != "":
		if err := packAndReport(os.Getenv(peakDir)); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// packForever packs a tree of which one file is another each time, and says
// when it begins.
func packForever(top string) error {
	dir := filepath.Join(top, "layer")
	store := pack.DirStore{Dir: filepath.Join(top, "store")}
	for i := 0; ; i++ {
		for name, size := range map[string]int{"big": 400_000, "small": 3000} {
			at := (i*7919 + os.Getpid()*31) % 100_000
			if err := os.WriteFile(filepath.Join(dir, name), text()[at:at+size], 0o644); err != nil {
				return err
			}
		}
		if _, err := fmt.Println(i); err != nil {
			return err
		}
		if _, err := packHere(store, dir, top); err != nil {
			return err
		}
	}
}

func packHere(store pack.DirStore, dir, temp string) ([][]artifact.Segment, error) {
	ctx, cancel := contextWithTimeout()
	defer cancel()
	return pack.Packer{Store: store, Temp: temp}.Pack(ctx, []pack.Job{{Part: pack.Part{Name: "layer", Dir: dir}, Shapes: []pack.Shape{slugShape(), ociShape()}}})
}

// A store that is killed over and over is never wrong, and the next build
// goes on with it.
func TestKilled(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "layer")
	write(t, filepath.Join(dir, "constant"), text()[:100_000], 0o644)
	store := pack.DirStore{Dir: filepath.Join(top, "store")}
	for round := range 6 {
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = []string{killedDir + "=" + top}
		out, err := child.StdoutPipe()
		must(t, err)
		must(t, child.Start())
		lines := bufio.NewReader(out)
		for range 1 + round {
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatal(line, err)
			}
		}
		must(t, child.Process.Kill())
		if rest, err := io.ReadAll(lines); err != nil || strings.Contains(string(rest), " ") {
			t.Fatalf("%s %v", rest, err)
		}
		if err := child.Wait(); err == nil {
			t.Fatal("the child was not killed")
		}

		must(t, os.MkdirAll(filepath.Join(store.Dir, "blobs"), 0o755))
		for _, path := range blobs(t, top) {
			content, err := os.ReadFile(path)
			must(t, err)
			if !strings.HasPrefix(filepath.Base(path), ".new-") && sha(content) != "sha256:"+filepath.Base(path) {
				t.Errorf("%s holds something else", path)
			}
		}
		segments, err := packHere(store, dir, t.TempDir())
		must(t, err)
		fresh, err := pack.Packer{Temp: t.TempDir()}.Pack(t.Context(), []pack.Job{{Part: pack.Part{Name: "layer", Dir: dir}, Shapes: []pack.Shape{slugShape(), ociShape()}}})
		must(t, err)
		for i, s := range segments[0] {
			raw(t, s)
			if s.Digest != fresh[0][i].Digest {
				t.Error("after a kill, the store gives something wrong")
			}
		}
	}
}
