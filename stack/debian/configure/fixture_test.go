package configure_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian/configure"
	"github.com/slugc/slugc/stack/debian/control"
	"github.com/slugc/slugc/stack/debian/deb"
)

// fixture is a root filesystem with unpacked packages, for one test.
type fixture struct {
	t    *testing.T
	dir  string
	root *os.Root
	// request is what Apply is asked.
	request configure.Request
}

// newFixture makes an empty root with its skeleton.
func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: t.TempDir(), request: configure.Request{
		User: stack.User{Name: "slugc", UID: 1000, GID: 1000, Home: "/home/slugc"},
		Arch: "amd64",
	}}
	root, err := os.OpenRoot(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	f.root = root
	if err := configure.Skeleton(root); err != nil {
		t.Fatal(err)
	}
	return f
}

// add unpacks a package: files by path, where a value that begins with "-> " is
// a symbolic link.
func (f *fixture) add(name string, files map[string]string, fields ...string) {
	f.t.Helper()
	text := fmt.Sprintf("Package: %s\nVersion: 1.0\nArchitecture: amd64\n", name)
	for _, field := range fields {
		text += field + "\n"
	}
	var sums strings.Builder
	for _, file := range slices.Sorted(maps.Keys(files)) {
		f.put(file, files[file])
		fmt.Fprintf(&sums, "d41d8cd98f00b204e9800998ecf8427e  %s\n", strings.TrimPrefix(file, "/"))
	}
	for paragraph := range control.Paragraphs([]byte(text)) {
		f.request.Packages = append(f.request.Packages,
			deb.Unpacked{Package: name, Control: paragraph, MD5Sums: []byte(sums.String()), Files: len(files)})
	}
}

func (f *fixture) put(name, content string) {
	f.t.Helper()
	place := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
		f.t.Fatal(err)
	}
	var err error
	if target, found := strings.CutPrefix(content, "-> "); found {
		err = os.Symlink(target, place)
	} else {
		err = os.WriteFile(place, []byte(content), 0o644)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// apply configures the root, which must succeed.
func (f *fixture) apply() stack.Attributes {
	f.t.Helper()
	attributes, err := configure.Apply(f.t.Context(), f.root, f.request)
	if err != nil {
		f.t.Fatal(err)
	}
	return attributes
}

// refuse configures the root, which must fail with an error that says all the
// words.
func (f *fixture) refuse(words ...string) {
	f.t.Helper()
	_, err := configure.Apply(f.t.Context(), f.root, f.request)
	if err == nil {
		f.t.Fatalf("got no error, expected one about %q", words)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			f.t.Errorf("got %q, expected it to say %q", err, word)
		}
	}
}

// text is the content of a file, "-> target" of a link, "" of nothing.
func (f *fixture) text(name string) string {
	f.t.Helper()
	place := filepath.Join(f.dir, name)
	if target, err := os.Readlink(place); err == nil {
		return "-> " + target
	}
	data, err := os.ReadFile(place)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.t.Fatal(err)
	}
	return string(data)
}

// tree is all that is in the root: mode and content by path.
func (f *fixture) tree() map[string]string {
	f.t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(f.dir, func(place string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(f.dir, place)
		if err != nil {
			return err
		}
		name = path.Clean("/" + name)
		all[name] = info.Mode().String()
		if !entry.IsDir() {
			all[name] += " " + f.text(name)
		}
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return all
}
