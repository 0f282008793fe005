package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/classic"
	"github.com/slugc/slugc/buildpacks/cnb"
)

// errNothing is for a path that may as well have been meant as an id.
var errNothing = errors.New("no such directory, and no builtin buildpack of that id; slugc buildpack list shows those")

// local opens what a path leads to: a directory, a repository or a file.
func (f Fetcher) local(ctx context.Context, name string, t trail) (Package, error) {
	at, err := t.path(name)
	if err != nil {
		return Package{}, err
	}
	info, err := os.Stat(at)
	if before, fragment, named := cutLast(at, "#"); errors.Is(err, fs.ErrNotExist) && named && gitDir(before) != "" && t.within == "" {
		r, err := gitReference("file://" + gitDir(before) + "#" + fragment)
		if err != nil {
			return Package{}, err
		}
		return f.localRepository(ctx, r, name, t)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) && t.base == "":
		return Package{}, errNothing
	case err != nil:
		return Package{}, err
	case !info.IsDir() && !info.Mode().IsRegular():
		return Package{}, errors.New("it is neither a file nor a directory")
	case !info.IsDir():
		found, err := f.file(ctx, at)
		if err != nil {
			return Package{}, err
		}
		return f.load(ctx, found, at, t)
	case t.within == "" && (filepath.Base(at) == ".git" || bare(at)):
		return f.localRepository(ctx, reference{medium: gitRepository, at: "file://" + at}, name, t)
	}
	return f.directory(ctx, at, t)
}

// path is where a path leads to that a person or a package.toml has written.
func (t trail) path(name string) (string, error) {
	if t.base == "" || filepath.IsAbs(name) && t.within == "" {
		return filepath.Abs(name)
	}
	at := filepath.Join(t.base, name)
	if t.within == "" {
		return at, nil
	}
	inside, err := filepath.Rel(t.within, at)
	if err != nil || !filepath.IsLocal(inside) || filepath.IsAbs(name) {
		return "", errors.New("the path leads out of the package that names it")
	}
	root, err := os.OpenRoot(t.within)
	if err != nil {
		return "", err
	}
	defer root.Close()
	if _, err := root.Stat(inside); err != nil {
		return "", err
	}
	return at, nil
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[:i], s[i+len(separator):], true
	}
	return s, "", false
}

// bare is whether a directory is a git repository without a work tree.
func bare(dir string) bool {
	for name, isDir := range map[string]bool{"HEAD": false, "objects": true, "refs": true} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.IsDir() != isDir {
			return false
		}
	}
	return true
}

// gitDir is the repository of a directory: itself, or its .git; empty when
// there is none.
func gitDir(dir string) string {
	for _, at := range []string{dir, filepath.Join(dir, ".git")} {
		if bare(at) {
			return at
		}
	}
	return ""
}

// localRepository opens a repository of this machine.
func (f Fetcher) localRepository(ctx context.Context, r reference, name string, t trail) (Package, error) {
	found, err := f.repository(ctx, r)
	if err != nil {
		return Package{}, err
	}
	return f.load(ctx, found, name, t)
}

// directory opens a directory with a buildpack.
func (f Fetcher) directory(ctx context.Context, dir string, t trail) (Package, error) {
	t, err := t.through(dir)
	if err != nil {
		return Package{}, err
	}
	var p Package
	if p.Root, err = p.add(dir); err != nil {
		return Package{}, err
	}
	if len(p.Composites) == 0 {
		return p, nil
	}
	t.base = dir
	return p, f.dependencies(ctx, &p, t)
}

// add opens the buildpack in a directory.
func (p *Package) add(dir string) (buildpacks.Member, error) {
	if is, err := classic.Is(dir); is || err != nil {
		if err == nil {
			p.Classic, err = classic.Open(dir)
		}
		return buildpacks.Member{}, err
	}
	if err := isBuildpack(dir); err != nil {
		return buildpacks.Member{}, err
	}
	c, is, err := cnb.ReadComposite(dir)
	if err != nil {
		return buildpacks.Member{}, err
	}
	if is {
		m := buildpacks.Member{ID: c.ID, Version: c.Version}
		if !p.has(m) {
			p.Composites = append(p.Composites, c)
			p.place(m, dir)
		}
		return m, nil
	}
	b, err := cnb.Open(dir)
	if err != nil {
		return buildpacks.Member{}, err
	}
	m := member(b)
	if !p.has(m) {
		p.Buildpacks = append(p.Buildpacks, b)
		p.place(m, dir)
	}
	return m, nil
}

// place says where a buildpack of the package is.
func (p *Package) place(m buildpacks.Member, dir string) {
	if p.Dirs == nil {
		p.Dirs = map[buildpacks.Member]string{}
	}
	p.Dirs[m] = dir
}

// join adds the buildpacks of another package.
func (p *Package) join(other Package) {
	for _, b := range other.Buildpacks {
		if m := member(b); !p.has(m) {
			p.Buildpacks = append(p.Buildpacks, b)
			p.place(m, other.Dirs[m])
		}
	}
	for _, c := range other.Composites {
		if m := (buildpacks.Member{ID: c.ID, Version: c.Version}); !p.has(m) {
			p.Composites = append(p.Composites, c)
			p.place(m, other.Dirs[m])
		}
	}
}

// has is whether a buildpack of an id and version is in the package.
func (p *Package) has(m buildpacks.Member) bool {
	for _, b := range p.Buildpacks {
		if member(b) == m {
			return true
		}
	}
	for _, c := range p.Composites {
		if c.ID == m.ID && c.Version == m.Version {
			return true
		}
	}
	return false
}

func member(b *cnb.Buildpack) buildpacks.Member {
	d := b.Descriptor()
	return buildpacks.Member{ID: d.ID, Version: d.Version}
}

// isBuildpack says what a directory is that is no buildpack of a dialect that
// is known here. Nothing that it looks at is outside of the directory.
func isBuildpack(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	info, err := root.Stat("buildpack.toml")
	if err == nil && info.Mode().IsRegular() {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("buildpack.toml: %w", err)
	}
	has := func(name string) bool {
		_, err := root.Lstat(name)
		return err == nil
	}
	switch {
	case err == nil:
		return errors.New("buildpack.toml is no file")
	case has("extension.toml"):
		return errors.New("is an image extension, which changes a base image and is no buildpack")
	case has("oci-layout"):
		return errors.New("is an OCI layout; write oci:DIR")
	}
	return errors.New("has neither buildpack.toml, as Cloud Native Buildpacks do, nor bin/compile, as classic ones; name the directory that holds it")
}
