package slugs_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/build/slug"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/slugs"
)

func makeSlug(t *testing.T, dir, text string) string {
	t.Helper()
	file := filepath.Join(dir, text+".tgz")
	f, err := os.Create(file)
	must(t, err)
	gz := gzip.NewWriter(f)
	archive := tar.NewWriter(gz)
	must(t, archive.WriteHeader(&tar.Header{Name: "./app/file", Mode: 0o644, Size: int64(len(text))}))
	_, err = archive.Write([]byte(text))
	must(t, errors.Join(err, archive.Close(), gz.Close(), f.Close()))
	return file
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, s slugs.Store, file string) slugs.Kept {
	t.Helper()
	hold, err := s.Hold()
	must(t, err)
	kept, err := s.Put(t.Context(), file)
	must(t, errors.Join(err, hold.Close()))
	return kept
}

func TestPut(t *testing.T) {
	dir := t.TempDir()
	s := slugs.Store{Dir: filepath.Join(dir, "slugs")}
	file := makeSlug(t, dir, "one")
	kept := put(t, s, file)
	path, err := s.Path(t.Context(), kept.Digest)
	must(t, err)
	if path != kept.Path {
		t.Errorf("it is %s, said %s", path, kept.Path)
	}
	before, err := os.Stat(path)
	must(t, err)

	// What somebody writes to the original does not reach it, and it is kept once.
	must(t, os.WriteFile(file, []byte("other"), 0o644))
	again := put(t, s, makeSlug(t, dir, "one"))
	after, err := os.Stat(path)
	must(t, err)
	if again != kept || !os.SameFile(before, after) {
		t.Errorf("kept anew: %+v, %+v", again, kept)
	}

	// One that was damaged is kept anew.
	must(t, os.WriteFile(path, []byte("damaged"), 0o644))
	put(t, s, makeSlug(t, dir, "one"))
	if _, err := s.Path(t.Context(), kept.Digest); err != nil {
		t.Error(err)
	}
}

func TestPutWhatIsNoFile(t *testing.T) {
	s := slugs.Store{Dir: t.TempDir()}
	_, err := s.Put(t.Context(), filepath.Join(s.Dir, "none.tgz"))
	if _, is := errors.AsType[*slug.FileError](err); !is {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Put(ctx, makeSlug(t, t.TempDir(), "one")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestPathOfWhatIsNotWhole(t *testing.T) {
	dir := t.TempDir()
	s := slugs.Store{Dir: filepath.Join(dir, "slugs")}
	kept := put(t, s, makeSlug(t, dir, "one"))
	for name, spoil := range map[string]func() error{
		"a byte more": func() error {
			f, err := os.OpenFile(kept.Path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("x")
			return errors.Join(err, f.Close())
		},
		"empty": func() error { return os.Truncate(kept.Path, 0) },
		"gone":  func() error { return os.Remove(kept.Path) },
	} {
		put(t, s, filepath.Join(dir, "one.tgz"))
		must(t, spoil())
		_, err := s.Path(t.Context(), kept.Digest)
		if _, is := errors.AsType[*release.SlugError](err); !is {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, digest := range []string{"", "sha256:", "sha256:../../etc/passwd", "sha512:00", "sha256:" + string(make([]byte, 64))} {
		_, err := s.Path(t.Context(), digest)
		if _, is := errors.AsType[*release.SlugError](err); !is {
			t.Errorf("%q: %v", digest, err)
		}
	}
}

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	s := slugs.Store{Dir: filepath.Join(dir, "slugs")}
	if gone, err := s.Prune(func() (map[string]bool, error) { return nil, nil }); err != nil || gone != nil {
		t.Errorf("without a store: %v, %v", gone, err)
	}
	one, two := put(t, s, makeSlug(t, dir, "one")), put(t, s, makeSlug(t, dir, "two"))
	uses := func() (map[string]bool, error) { return map[string]bool{two.Digest: true}, nil }

	hold, err := s.Hold()
	must(t, err)
	if gone, err := s.Prune(uses); err != nil || gone != nil {
		t.Errorf("while somebody keeps a slug: %v, %v", gone, err)
	}
	must(t, hold.Close())

	broken := errors.New("broken")
	if _, err := s.Prune(func() (map[string]bool, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	gone, err := s.Prune(uses)
	must(t, err)
	if diff := cmp.Diff([]string{one.Digest}, gone); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if _, err := s.Path(t.Context(), two.Digest); err != nil {
		t.Error(err)
	}
}
