package slug

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
)

// TestProgress hashes segments, some of them again: the sum is always that of
// their bytes, and what was hashed before is not read.
func TestProgress(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	random := rand.NewChaCha8([32]byte{})
	segment := func(name string, size int64) artifact.Segment {
		t.Helper()
		content := make([]byte, size)
		if _, err := random.Read(content); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		return artifact.Segment{Name: name, Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: size, File: file}
	}
	whole := func(segments []artifact.Segment) string {
		t.Helper()
		hash := sha256.New()
		for _, s := range segments {
			content, err := os.ReadFile(s.File)
			if err != nil {
				t.Fatal(err)
			}
			hash.Write(content)
		}
		return "sha256:" + hex.EncodeToString(hash.Sum(nil))
	}
	store := pack.DirStore{Dir: filepath.Join(dir, "store")}
	sum := func(memory Memory, segments []artifact.Segment) (string, error) {
		p := progress{memory: memory}
		got, err := p.sum(t.Context(), segments)
		if p.trouble != nil {
			t.Error(p.trouble)
		}
		return got, err
	}
	first := []artifact.Segment{segment("head", 100), segment("runtime", worthState+1), segment("packages", worthState/2), segment("app", 1000), segment("trailer", 10)}
	for range 2 {
		if got, err := sum(store, first); err != nil || got != whole(first) {
			t.Fatalf("got %s, %v, expected %s", got, err, whole(first))
		}
	}
	for i := range first {
		edited := append(append(append([]artifact.Segment{}, first[:i]...), segment(fmt.Sprint("edit", i), 2000)), first[i+1:]...)
		for _, memory := range []Memory{nil, store} {
			if got, err := sum(memory, edited); err != nil || got != whole(edited) {
				t.Errorf("segment %d: got %s, %v, expected %s", i, got, err, whole(edited))
			}
		}
	}
	want := whole(first)
	if err := os.Remove(first[1].File); err != nil {
		t.Fatal(err)
	}
	if got, err := sum(store, first); err != nil || got != want {
		t.Errorf("what was hashed before was read again: %s, %v", got, err)
	}
	if _, err := sum(nil, first); err == nil {
		t.Error("without a memory a segment that is gone is no error")
	}
}
