package sandbox_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/slugc/slugc/stack/sandbox"
)

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := errors.Join(
		os.WriteFile(at("file"), []byte("text"), 0o644), os.WriteFile(at("big"), make([]byte, 3000), 0o644), os.WriteFile(at("empty"), nil, 0o644),
		os.Symlink("file", at("link")), os.Symlink("nowhere", at("broken")), os.Mkdir(at("dir"), 0o755), syscall.Mkfifo(at("pipe"), 0o644),
	); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{
		"file": nil, "empty": nil, "link": sandbox.ErrNoFile, "broken": sandbox.ErrNoFile, "dir": sandbox.ErrNoFile,
		"pipe": sandbox.ErrNoFile, "socket": sandbox.ErrNoFile, "missing": fs.ErrNotExist,
	} {
		data, err := sandbox.ReadFile(at(name), 2048)
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%s: got %v, expected %v", name, err, want)
		}
		if name == "file" && string(data) != "text" {
			t.Errorf("got %q", data)
		}
	}
	if _, err := sandbox.ReadFile(at("big"), 2048); err == nil || !strings.Contains(err.Error(), "larger than 2 KiB") {
		t.Errorf("got %v", err)
	}
}
