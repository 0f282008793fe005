//go:build acceptance

package deb_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian/deb"
)

// TestLikeDpkg unpacks packages of the mirror that this machine's apt uses, and
// compares the tree with that of dpkg-deb: paths, types, contents, links, and
// for root also modes and owners. Among them are hard links (perl-base, tzdata),
// set-user-id programs and groups (mount, openssh-client, passwd), and the links of
// merged /usr (base-files).
func TestLikeDpkg(t *testing.T) {
	dir := t.TempDir()
	if os.Getuid() == 0 {
		// apt gives up root to download.
		must(t, os.Chmod(filepath.Dir(dir), 0o755))
		must(t, os.Chmod(dir, 0o777))
	}
	run(t, dir, "apt-get", "download", "base-files", "bash", "libc6", "mount", "openssh-client", "passwd", "perl-base", "tzdata")
	debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	must(t, err)
	if len(debs) != 8 {
		t.Fatalf("apt-get downloaded %q", debs)
	}
	ours, theirs := filepath.Join(dir, "ours"), filepath.Join(dir, "theirs")
	must(t, errors.Join(os.Mkdir(ours, 0o755), os.Mkdir(theirs, 0o755)))
	for _, file := range debs {
		run(t, dir, "dpkg-deb", "-x", file, theirs)
	}
	root, err := os.OpenRoot(ours)
	must(t, err)
	defer root.Close()
	packages, attributes, err := deb.Unpack(t.Context(), debs, root, deb.Options{})
	must(t, err)
	files := 0
	for _, p := range packages {
		files += p.Files
	}
	want, got := survey(t, theirs), survey(t, ours)
	if os.Getuid() == 0 {
		for path, a := range attributes {
			got[path] = got[path].with(a)
		}
	} else {
		want, got = ordinary(want), ordinary(got)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	t.Logf("%d packages with %d files, %d attributes: %v", len(packages), files, len(attributes), attributes)
}

// found is a file as it is on disk.
type found struct {
	Type, Perm fs.FileMode
	UID, GID   int
	Content    string
	Links      uint64
}

func (f found) with(a stack.Attribute) found {
	f.UID, f.GID, f.Perm = a.UID, a.GID, a.Mode
	return f
}

// ordinary is what an ordinary user can have.
func ordinary(all map[string]found) map[string]found {
	for path, f := range all {
		all[path] = f.with(stack.Attribute{})
	}
	return all
}

func survey(t *testing.T, dir string) map[string]found {
	t.Helper()
	all := map[string]found{}
	must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		sys, isUnix := info.Sys().(*syscall.Stat_t)
		if !isUnix {
			return fmt.Errorf("%s has no owner", path)
		}
		f := found{
			Type: info.Mode().Type(), UID: int(sys.Uid), GID: int(sys.Gid),
			Perm: info.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky),
		}
		switch {
		case info.Mode().IsRegular():
			f.Links = uint64(sys.Nlink)
			f.Content, err = sum(path)
		case f.Type == fs.ModeSymlink:
			f.Content, err = os.Readlink(path)
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		all[rel] = f
		return err
	}))
	return all
}

func sum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return fmt.Sprintf("%x", h.Sum(nil)), err
}

func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}
