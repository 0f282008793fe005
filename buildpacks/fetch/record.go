package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/workbench"
)

const (
	// treeName is the files of a package, in its directory.
	treeName = "tree"
	// recordName is the record, beside them.
	recordName = "package.json"
)

// record says which directories of a tree are buildpacks. The first is the one
// that was meant.
type record struct {
	Buildpacks []string `json:"buildpacks"`
}

// finish checks the tree of a package, writes the record of it, and gives it
// its place.
func (f Fetcher) finish(b *workbench.Bench, dir, digest string, paths []string) (kept, error) {
	tree := filepath.Join(dir, treeName)
	var p Package
	for _, name := range paths {
		if _, err := p.add(filepath.Join(tree, name)); err != nil {
			return kept{}, &inside{tree, err}
		}
	}
	data, err := json.Marshal(record{Buildpacks: paths})
	if err != nil {
		return kept{}, err
	}
	if err := os.WriteFile(filepath.Join(dir, recordName), data, 0o644); err != nil {
		return kept{}, err
	}
	return f.publish(b, dir, digest)
}

// load opens a package of the store.
func (f Fetcher) load(ctx context.Context, k kept, name string, t trail) (Package, error) {
	tree := filepath.Join(k.dir, treeName)
	p, err := k.read(tree)
	if err != nil {
		return Package{}, fmt.Errorf("what is kept of it is damaged; remove %s and try again: %w", k.dir, err)
	}
	p.Digest = k.digest
	if len(p.Composites) != 1 || len(p.Buildpacks) > 0 {
		// A buildpackage has everything in it, a component needs nothing.
		return p, nil
	}
	if t, err = t.through(redacted(name)); err != nil {
		return Package{}, err
	}
	t.within = tree
	paths, err := k.paths()
	if err != nil {
		return Package{}, err
	}
	t.base = filepath.Join(tree, paths[0])
	if err := f.dependencies(ctx, &p, t); err != nil {
		return Package{}, &inside{tree, err}
	}
	return p, nil
}

// read opens the buildpacks of a package.
func (k kept) read(tree string) (Package, error) {
	paths, err := k.paths()
	if err != nil {
		return Package{}, err
	}
	var p Package
	for i, name := range paths {
		var m buildpacks.Member
		if m, err = p.add(filepath.Join(tree, name)); err != nil {
			return Package{}, err
		}
		if i == 0 {
			p.Root = m
		}
	}
	return p, nil
}

// paths reads the record.
func (k kept) paths() ([]string, error) {
	file := filepath.Join(k.dir, recordName)
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	if len(r.Buildpacks) == 0 {
		return nil, fmt.Errorf("%s names no buildpack", file)
	}
	for _, name := range r.Buildpacks {
		if !filepath.IsLocal(name) {
			return nil, errors.New("a path that leads out of it")
		}
	}
	return r.Buildpacks, nil
}

// inside is an error about files of a package, which it names as they are
// called there: where they were unpacked to says nothing to a person.
type inside struct {
	dir string
	err error
}

func (e *inside) Error() string {
	return strings.ReplaceAll(strings.ReplaceAll(e.err.Error(), e.dir+"/", ""), e.dir, "it")
}

func (e *inside) Unwrap() error { return e.err }
