package pack

import (
	"archive/tar"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A file of more than 8 GiB does not fit into the size field of a plain
// header. The archive is sparse, so that the test is quick.
func TestHeaderOfHugeFile(t *testing.T) {
	const size = 9<<30 + 1
	h := headers{shape: &Shape{Prefix: "./app", ModTime: Epoch()}}
	header, err := h.entry("huge", 0o644, "", size)
	if err != nil {
		t.Fatal(err)
	}
	got, err := tar.NewReader(bytes.NewReader(header)).Next()
	if err != nil || got.Size != size || got.Name != "./app/huge" {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := exec.LookPath("tar"); err != nil {
		t.Skip("tar is not installed")
	}
	file := filepath.Join(t.TempDir(), "huge.tar")
	if err := os.WriteFile(file, header, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, int64(len(header))+size+int64(padding(size))+2*blockSize); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "tar", "-tvf", file).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "9663676417 1980-01-01") {
		t.Errorf("%s %v", out, err)
	}
}

func TestHolds(t *testing.T) {
	p, err := newPress(DefaultLevel)
	if err != nil {
		t.Fatal(err)
	}
	raw := bytes.Repeat([]byte("body "), 4000)
	member, err := p.member(raw)
	if err != nil {
		t.Fatal(err)
	}
	other := bytes.Clone(raw)
	other[17]++
	if !holds(member, raw) || holds(member, other) || holds(member, raw[1:]) || holds(member[:5], raw) {
		t.Error("a member is taken for what it is not")
	}
}
