package project_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/slugc/slugc/buildpacks/project"
)

// What is no file is told, and neither followed nor waited for.
func TestReadingWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	read := map[string]func() error{
		".slugignore": func() error { _, _, err := project.ReadIgnore(dir, project.SlugIgnoreFile); return err },
		".buildpacks": func() error { _, _, err := project.ReadBuildpackList(dir); return err },
		"app.json":    func() error { _, err := project.ReadAppJSON(dir); return err },
	}
	for name, read := range read {
		file := filepath.Join(dir, name)
		for what, c := range map[string]struct {
			put  func() error
			want string
		}{
			"nothing":     {func() error { return nil }, "no such file"},
			"a link":      {func() error { return os.Symlink("/etc/passwd", file) }, "put a copy in the place of a link"},
			"a pipe":      {func() error { return syscall.Mkfifo(file, 0o600) }, "it is no file"},
			"a directory": {func() error { return os.Mkdir(file, 0o755) }, "it is no file"},
			"too much":    {func() error { return os.WriteFile(file, []byte(strings.Repeat("#\n", 1<<20)), 0o600) }, "larger than 1024 KiB"},
		} {
			if err := c.put(); err != nil {
				t.Fatal(err)
			}
			err := read()
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "reading "+name) {
				t.Errorf("%s is %s: got %v, expected %q", name, what, err, c.want)
			}
			if errors.Is(err, fs.ErrNotExist) != (what == "nothing") {
				t.Errorf("%s is %s: %v", name, what, err)
			}
			if err := os.RemoveAll(file); err != nil {
				t.Fatal(err)
			}
		}
	}
}
