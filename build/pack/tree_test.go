package pack_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
)

// text is what the files of a tree are cut from.
var text = sync.OnceValue(func() []byte { return script(rand.New(rand.NewPCG(3, 4)), 3<<20) })

// tree writes a tree that has everything a part can hold: small and big
// files, sizes around every boundary, links of all kinds, modes, odd names.
func tree(t *testing.T, dir string) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(7, 9))
	text := text()
	for _, size := range []int{0, 1, 511, 512, 513, 16<<10 - 1, 16 << 10, 16<<10 + 1, 256<<10 - 1, 256 << 10, 256<<10 + 1, 512<<10 + 77} {
		write(t, filepath.Join(dir, "sizes", fmt.Sprint(size)), text[:size], 0o644)
	}
	for i := range 120 {
		write(t, filepath.Join(dir, fmt.Sprintf("lib/d%d/f%d.js", i%7, i)), text[i*100:i*100+rnd.IntN(9000)], 0o644)
	}
	write(t, filepath.Join(dir, "lib-b"), []byte("sorts between lib and lib/"), 0o600)
	write(t, filepath.Join(dir, "lib.c"), []byte("as well"), 0o640)
	write(t, filepath.Join(dir, "bin/run"), text[:70_000], 0o755)
	chmod(t, filepath.Join(dir, "bin/run"), fs.ModeSetuid|fs.ModeSetgid|0o751)
	write(t, filepath.Join(dir, "spool/x"), []byte("x"), 0o444)
	chmod(t, filepath.Join(dir, "spool"), fs.ModeSticky|0o777)
	must(t, os.Mkdir(filepath.Join(dir, "empty"), 0o711))
	must(t, os.Symlink("bin/run", filepath.Join(dir, "link")))
	must(t, os.Symlink("/nowhere", filepath.Join(dir, "dangling")))
	must(t, os.Symlink(strings.Repeat("long/", 50)+"target", filepath.Join(dir, "long-link")))
	must(t, os.Link(filepath.Join(dir, "sizes/262145"), filepath.Join(dir, "hard-link")))
	for _, name := range oddNames() {
		write(t, filepath.Join(dir, "odd", name), []byte(name), 0o644)
	}
}

func oddNames() []string {
	return []string{
		"new\nline", "tab\tand space ", "no utf-8 \xff\xfe", "käse", "日本", "a'\"$`\\b", "-rf", "*", "~",
		strings.Repeat("n", 99), strings.Repeat("n", 100), strings.Repeat("n", 101), strings.Repeat("n", 255),
		strings.Repeat("d", 150) + "/" + strings.Repeat("e", 99) + "/f",
		strings.Repeat(strings.Repeat("deep", 20)+"/", 12) + "file",
		strings.Repeat("ü", 120) + "/x",
	}
}

func write(t testing.TB, path string, content []byte, mode fs.FileMode) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, content, mode))
}

func chmod(t testing.TB, path string, mode fs.FileMode) {
	t.Helper()
	must(t, os.Chmod(path, mode))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// packOne packs one part in one shape.
func packOne(t testing.TB, p pack.Packer, part pack.Part, shape pack.Shape) artifact.Segment {
	t.Helper()
	if p.Temp == "" {
		p.Temp = t.TempDir()
	}
	segments, err := p.Pack(t.Context(), []pack.Job{{Part: part, Shapes: []pack.Shape{shape}}})
	must(t, err)
	return segments[0][0]
}

// raw is the uncompressed bytes of a segment, whose facts it checks.
func raw(t testing.TB, s artifact.Segment) []byte {
	t.Helper()
	packed, err := os.ReadFile(s.File)
	must(t, err)
	if got := sha(packed); got != s.Digest || int64(len(packed)) != s.Size {
		t.Fatalf("%s: the file has digest %s and %d bytes, the segment says %s and %d", s.Name, got, len(packed), s.Digest, s.Size)
	}
	if s.Raw() {
		if s.RawSize != s.Size {
			t.Fatalf("%+v", s)
		}
		return packed
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	must(t, err)
	content, err := io.ReadAll(z)
	must(t, err)
	if got := sha(content); got != s.DiffID || int64(len(content)) != s.RawSize {
		t.Fatalf("%s: the content has digest %s and %d bytes, the segment says %s and %d", s.Name, got, len(content), s.DiffID, s.RawSize)
	}
	return content
}

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// reference makes the layer of a directory as the lifecycle's reference
// implementation does: filepath.Walk and tar.FileInfoHeader.
func reference(t *testing.T, dir, prefix string, shape pack.Shape) []byte {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, p := range shape.Parents {
		must(t, tw.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: p.Name, Mode: int64(p.Mode.Perm()), Uid: p.UID, Gid: p.GID, ModTime: pack.Epoch()}))
	}
	must(t, filepath.Walk(dir, func(path string, info fs.FileInfo, err error) error {
		if err != nil || info.Mode()&fs.ModeSocket != 0 {
			return err
		}
		header, err := tar.FileInfoHeader(info, "")
		if err != nil {
			return err
		}
		header.Name = prefix + strings.TrimPrefix(path, dir)
		header.Uid, header.Gid, header.Uname, header.Gname = shape.UID, shape.GID, "", ""
		header.ModTime = time.Date(1980, time.January, 1, 0, 0, 1, 0, time.UTC)
		if info.Mode()&fs.ModeSymlink != 0 {
			if header.Linkname, err = os.Readlink(path); err != nil {
				return err
			}
		}
		if err := tw.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		_, err = io.Copy(tw, f)
		return errors.Join(err, f.Close())
	}))
	must(t, tw.Close())
	return buf.Bytes()
}
