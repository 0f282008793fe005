package base_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/slugc/slugc/build/base"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian"
	"github.com/slugc/slugc/stack/debian/control"
)

// maker makes root filesystems of a few files, of a package in a version.
type maker struct {
	version string
	// before is called before a root filesystem appears, with its directory.
	before func(dir string) error
	made   atomic.Int32
}

func (m *maker) Resolve(ctx context.Context, _ stack.Definition, _, arch string) (debian.LockedImage, error) {
	return debian.LockedImage{Arch: arch, Packages: []control.Package{{
		Name: "base-files", Version: m.version, Architecture: arch, Archive: "debian",
		Filename: "pool/base-files_" + m.version + ".deb", Size: 1, SHA256: hexOf(m.version), InstalledSize: 1000,
	}}}, ctx.Err()
}

func (m *maker) Make(ctx context.Context, d stack.Definition, variant string, image debian.LockedImage, dir string) (stack.Attributes, error) {
	m.made.Add(1)
	for name, content := range map[string]string{
		"etc/os-release":                   "ID=" + d.DistroName + "\n",
		"usr/bin/" + variant:               image.Arch,
		"usr/bin/expiry":                   image.Packages[0].Version,
		"home/slugc/.profile":              "",
		"var/lib/dpkg/status.d/base-files": "Package: base-files\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
			return nil, err
		}
	}
	if m.before != nil {
		if err := m.before(dir); err != nil {
			return nil, err
		}
	}
	return stack.Attributes{
		"home/slugc":     {UID: 1000, GID: 1000, Mode: 0o755},
		"usr/bin/expiry": {GID: 42, Mode: 0o755 | fs.ModeSetgid},
	}, ctx.Err()
}

// hexOf is a checksum that is another one for another version.
func hexOf(version string) string {
	digits := []byte("0000000000000000000000000000000000000000000000000000000000000000")
	copy(digits, version)
	for i, c := range digits {
		if c == '.' {
			digits[i] = 'a'
		}
	}
	return string(digits)
}

// aShelf is an empty store. What is wrong with it fails the test.
func aStore(t *testing.T, m base.Maker) base.Store {
	t.Helper()
	return base.Store{Dir: filepath.Join(t.TempDir(), "stacks"), Maker: m, Warn: func(err error) { t.Errorf("warned: %v", err) }}
}

// request is for the run variant.
func request() base.Request { return base.Request{ID: "slugc-13", Variant: stack.Run, Arch: "amd64"} }

// create creates the run variant.
func create(t *testing.T, s base.Store) base.Made {
	t.Helper()
	m, err := s.Create(t.Context(), request())
	must(t, err)
	t.Cleanup(func() { closed(t, m) })
	return m
}

// find finds the run variant, if there is one.
func find(t *testing.T, s base.Store) (base.Made, bool) {
	t.Helper()
	m, found, err := s.Find("slugc-13", stack.Run, "amd64")
	must(t, err)
	t.Cleanup(func() { closed(t, m) })
	return m, found
}

// closed closes what the test may have closed already.
func closed(t *testing.T, m base.Made) {
	t.Helper()
	if err := m.Close(); err != nil && !isClosed(err) {
		t.Error(err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
