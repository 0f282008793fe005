package commits

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/release/hook"
	"github.com/slugc/slugc/stack/untar"
)

const (
	// maxModules is how many submodules a tree may have, and maxNested how deep they may be
	// in each other.
	maxModules = 200
	maxNested  = 5
)

// Tree is what was written.
type Tree struct {
	// Submodules are the paths of those that were fetched.
	Submodules []string
	// Pointers are the files that Git LFS has elsewhere.
	Pointers []string
}

// ModuleError says why a submodule is not fetched.
type ModuleError struct {
	Path, Problem string
	Err           error
}

func (e *ModuleError) Error() string {
	s := fmt.Sprintf("the submodule %s cannot be fetched: %s", hook.Plain(e.Path, 200), e.Problem)
	if e.Err != nil {
		s += e.Err.Error()
	}
	return s + "\ngive it an address that anybody can clone in .gitmodules (git submodule set-url), or have its files in the repository itself"
}

// Unwrap is what went wrong.
func (e *ModuleError) Unwrap() error { return e.Err }

// Export writes the tree of a commit to a directory that is empty.
func (r *Repository) Export(ctx context.Context, commit, dir string) (t Tree, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if err := r.export(ctx, commit, spot{root: root}, &t); err != nil {
		return t, err
	}
	if t.Pointers, err = pointers(ctx, root); err != nil {
		return t, err
	}
	return t, root.RemoveAll(".git")
}

// spot is where the tree of a repository is written: at the top, or as a submodule.
type spot struct {
	root *os.Root
	// path is that of the submodule, from the top, and depth in how many others it is.
	path  string
	depth int
}

func (r *Repository) export(ctx context.Context, commit string, to spot, t *Tree) error {
	group, within := errgroup.WithContext(ctx)
	reader, writer := io.Pipe()
	group.Go(func() error {
		tree := untar.New(to.root, untar.Options{Rooted: true})
		_, err := tree.Unpack(within, untar.Stream{Reader: reader})
		if err == nil {
			_, err = tree.Finish(within)
		}
		if err != nil {
			err = fmt.Errorf("checking out the commit: %w", err)
		}
		return errors.Join(err, reader.CloseWithError(err))
	})
	group.Go(func() error {
		err := r.stream(within, writer, "checking out the commit", "archive", "--format=tar", commit)
		return errors.Join(err, writer.CloseWithError(err))
	})
	if err := group.Wait(); err != nil {
		return err
	}
	return r.modules(ctx, commit, to, t)
}

// submodule is one of a tree.
type submodule struct {
	address, commit string
	// at is its path in the tree.
	at string
}

// gitlink is the mode of a submodule in a tree.
const gitlink = "160000 commit "

// modules fetches the submodules of a commit.
func (r *Repository) modules(ctx context.Context, commit string, in spot, t *Tree) error {
	if _, err := in.root.Lstat(".gitmodules"); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	text, err := r.run(ctx, "looking for submodules", "ls-tree", "-r", "-z", commit)
	if err != nil {
		return err
	}
	commits := map[string]string{}
	for entry := range strings.SplitSeq(text, "\x00") {
		if rest, is := strings.CutPrefix(entry, gitlink); is {
			id, name, _ := strings.Cut(rest, "\t")
			commits[name] = id
		}
	}
	if len(commits) == 0 {
		return nil
	}
	if text, err = r.run(ctx, "reading .gitmodules", "config", "--null", "--blob", commit+":.gitmodules", "--list"); err != nil {
		return err
	}
	paths, addresses := map[string]string{}, map[string]string{}
	var names []string
	for entry := range strings.SplitSeq(text, "\x00") {
		key, value, _ := strings.Cut(entry, "\n")
		rest, is := strings.CutPrefix(key, "submodule.")
		if name, isPath := strings.CutSuffix(rest, ".path"); is && isPath {
			paths[name] = value
			names = append(names, name)
		} else if name, isURL := strings.CutSuffix(rest, ".url"); is && isURL {
			addresses[name] = value
		}
	}
	for _, name := range names {
		at := path.Clean(paths[name])
		id, is := commits[at]
		if !is {
			continue
		}
		delete(commits, at)
		if err := r.module(ctx, submodule{addresses[name], id, at}, in, t); err != nil {
			return err
		}
	}
	for at := range commits {
		return &ModuleError{Path: path.Join(in.path, at), Problem: ".gitmodules does not name it"}
	}
	return nil
}

// module fetches one submodule and writes its tree.
func (r *Repository) module(ctx context.Context, m submodule, in spot, t *Tree) (err error) {
	shown := path.Join(in.path, m.at)
	if in.depth == maxNested || len(t.Submodules) == maxModules {
		return &ModuleError{Path: shown, Problem: "there are too many of them"}
	}
	address, err := r.resolve(m.address)
	if err != nil {
		return &ModuleError{Path: shown, Err: err}
	}
	sub, err := r.git.Remote(ctx, address, m.commit, "")
	if err != nil {
		return &ModuleError{Path: shown, Err: err}
	}
	defer func() { err = errors.Join(err, sub.Close()) }()
	if err := in.root.MkdirAll(filepath.FromSlash(m.at), 0o755); err != nil {
		return err
	}
	root, err := in.root.OpenRoot(filepath.FromSlash(m.at))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	t.Submodules = append(t.Submodules, shown)
	return sub.export(ctx, m.commit, spot{root, shown, in.depth + 1}, t)
}

// resolve is the address of a submodule, which may be relative to that of the repository.
func (r *Repository) resolve(address string) (string, error) {
	if strings.HasPrefix(address, "./") || strings.HasPrefix(address, "../") {
		base, err := url.Parse(r.address)
		if err != nil || base.Scheme == "" || base.Host == "" {
			return "", fmt.Errorf("%q is beside this repository on this machine, where not everybody who may push may read", hook.Plain(address, 200))
		}
		base.Path = path.Join(base.Path, address)
		address = base.String()
	}
	return address, hook.CheckRepository(address)
}

const (
	// pointer begins a file that Git LFS has elsewhere (Git LFS, "The Pointer"), and
	// maxPointer is how long it may be.
	pointer    = "version https://git-lfs.github.com/spec/"
	maxPointer = 1024
	// manyPointers is how many are looked for.
	manyPointers = 1000
)

// pointers are the files of a tree that Git LFS has elsewhere.
func pointers(ctx context.Context, root *os.Root) (found []string, err error) {
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil || !d.Type().IsRegular() {
			return err
		}
		if len(found) == manyPointers {
			return fs.SkipAll
		}
		info, err := d.Info()
		if err != nil || info.Size() > maxPointer || info.Size() < int64(len(pointer)) {
			return err
		}
		file, err := root.Open(filepath.FromSlash(name))
		if err != nil {
			return err
		}
		head := make([]byte, len(pointer))
		_, err = io.ReadFull(file, head)
		if err = errors.Join(err, file.Close()); err != nil {
			return err
		}
		if string(head) == pointer {
			found = append(found, name)
		}
		return nil
	})
	return found, err
}
