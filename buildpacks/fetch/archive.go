package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slugc/slugc/buildpacks/classic"
	"github.com/slugc/slugc/stack/untar"
	"github.com/slugc/slugc/stack/workbench"
)

// file opens an archive, or a buildpackage in a file.
func (f Fetcher) file(ctx context.Context, at string) (k kept, err error) {
	file, err := os.Open(at)
	if err != nil {
		return kept{}, err
	}
	defer file.Close()
	digest, err := digestOf(ctx, file)
	if err != nil {
		return kept{}, err
	}
	return f.archive(ctx, file, digest)
}

// digestOf reads a file to its end.
func digestOf(ctx context.Context, file *os.File) (string, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, until{ctx, file}); err != nil {
		return "", fmt.Errorf("reading %s: %w", file.Name(), err)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}

// until is a reader that ends with a context.
type until struct {
	ctx context.Context
	io.Reader
}

func (u until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.Reader.Read(p)
}

// findFile looks for what is kept of a file of a digest: the file's tree, or
// the image that was in it for the target.
func (f Fetcher) findFile(digest string) (kept, bool, error) {
	k, found, err := f.find(digest)
	if found || err != nil {
		return k, found, err
	}
	return f.noted(f.imageIn(digest))
}

// imageIn is the name of the image that a file holds for the target.
func (f Fetcher) imageIn(digest string) string { return "file " + digest + " " + f.Target.String() }

// archive unpacks a file, of which the digest is known, unless that was done
// before.
func (f Fetcher) archive(ctx context.Context, file *os.File, digest string) (k kept, err error) {
	k, found, err := f.findFile(digest)
	if found || err != nil {
		return k, err
	}
	b, err := workbench.Open(f.Dir)
	if err != nil {
		return kept{}, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	dir, err := b.Folder("package")
	if err != nil {
		return kept{}, err
	}
	if _, err := b.Folder("package/" + treeName); err != nil {
		return kept{}, err
	}
	tree := filepath.Join(dir, treeName)
	if err := f.unpack(ctx, file, tree); err != nil {
		return kept{}, fmt.Errorf("unpacking it: %w", err)
	}
	if layoutIn(tree) {
		k, err := f.fromLayout(ctx, b, tree, "")
		if err != nil {
			return kept{}, err
		}
		return k, f.remember(f.imageIn(digest), k)
	}
	top, err := topOf(tree)
	if err != nil {
		return kept{}, err
	}
	return f.finish(b, dir, digest, []string{top})
}

// unpack writes an archive of any format to an empty directory.
func (f Fetcher) unpack(ctx context.Context, file *os.File, dir string) error {
	head := make([]byte, 4)
	if _, err := file.ReadAt(head, 0); err != nil {
		return errors.New("it is no archive; expected tar, .tgz, .tar.zst, .tar.xz, .zip or .cnb")
	}
	if isZip(head) {
		return f.unzip(ctx, file, dir)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	content, err := decompress(file)
	if err != nil {
		return err
	}
	return errors.Join(f.untar(ctx, content, dir), content.Close())
}

// untar writes a tar stream to an empty directory.
func (f Fetcher) untar(ctx context.Context, from io.Reader, dir string) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	tree := untar.New(root, untar.Options{Rooted: true, Limits: f.Limits})
	if _, err := tree.Unpack(ctx, untar.Stream{Reader: from}); err != nil {
		return err
	}
	if _, err := tree.Finish(ctx); err != nil {
		return err
	}
	return share(ctx, root)
}

// share lets everybody read and execute what the owner may, and the owner
// remove all of it.
func share(ctx context.Context, root *os.Root) error {
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm()
		wide := mode | mode&0o500>>3 | mode&0o500>>6
		if d.IsDir() {
			wide |= 0o700
		}
		if wide != mode {
			return root.Chmod(name, wide)
		}
		return nil
	})
}

// topOf is where the buildpack of an archive is: at the top, or in the only
// folder there.
func topOf(tree string) (string, error) {
	entries, err := os.ReadDir(tree)
	if err != nil {
		return "", err
	}
	if len(entries) == 0 {
		return "", errors.New("it is empty; expected an archive of a directory with buildpack.toml")
	}
	var folders []string
	for _, e := range entries {
		switch {
		case e.Name() == "buildpack.toml":
			return ".", nil
		case e.IsDir() && e.Name() != macFolder:
			folders = append(folders, e.Name())
		}
	}
	if is, err := classic.Is(tree); is || err != nil {
		return ".", err
	}
	if len(folders) == 1 {
		folder := filepath.Join(tree, folders[0])
		is, err := classic.Is(folder)
		if is || err != nil || isBuildpack(folder) == nil {
			return folders[0], err
		}
	}
	err = isBuildpack(tree)
	if len(folders) == 1 && len(entries) <= 2 {
		err = isBuildpack(filepath.Join(tree, folders[0]))
	}
	return "", err
}

// macFolder is what macOS puts into a zip file besides.
const macFolder = "__MACOSX"
