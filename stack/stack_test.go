package stack_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/slugc/slugc/stack"
)

func TestDirectory(t *testing.T) {
	const text = "NAME=\"Debian GNU/Linux\"\nID=debian\nVERSION_ID=\"13\"\n"
	for name, c := range map[string]struct {
		files           map[string]string
		link            string
		distro, version string
	}{
		"a link into usr":    {files: map[string]string{"usr/lib/os-release": text}, link: "../usr/lib/os-release", distro: "debian", version: "13"},
		"only the one below": {files: map[string]string{"usr/lib/os-release": text}, distro: "debian", version: "13"},
		"no distribution":    {files: map[string]string{"usr/bin/true": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := aRoot(t, c.files)
			if c.link != "" {
				if err := os.Symlink(c.link, filepath.Join(dir, "etc", "os-release")); err != nil {
					t.Fatal(err)
				}
			}
			got, err := stack.Directory("mine", dir)
			if err != nil {
				t.Fatal(err)
			}
			want := stack.Stack{ID: "mine", Root: dir, Target: stack.Target{
				OS: runtime.GOOS, Arch: runtime.GOARCH, DistroName: c.distro, DistroVersion: c.version,
			}}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestDirectoryRefuses(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "os-release")
	if err := os.WriteFile(outside, []byte("ID=secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	leaky := aRoot(t, map[string]string{"usr/bin/true": ""})
	if err := os.Symlink(outside, filepath.Join(leaky, "etc", "os-release")); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		filepath.Join(t.TempDir(), "none"): "no such file or directory",
		t.TempDir():                        "expected a directory usr in it",
		leaky:                              "reading the distribution of " + leaky,
	} {
		if got, err := stack.Directory("mine", dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %+v, %v, want %q", got, err, want)
		}
	}
}

// aRoot is a directory with etc and files.
func aRoot(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
