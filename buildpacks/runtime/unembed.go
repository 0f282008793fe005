package runtime

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	goruntime "runtime"
	"strings"

	"golang.org/x/sync/errgroup"
)

// embedding is the files.json of a tree that go-embed-python packed
// (github.com/kluctl/go-embed-python, embed_util).
type embedding struct {
	Files []embeddedFile `json:"files"`
}

type embeddedFile struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
	// Perm has the permissions and the type, as Go's fs.FileMode.
	Perm    fs.FileMode `json:"perm"`
	Symlink string      `json:"symlink"`
	// Compressed files are stored as gzip, under their name with ".gz".
	Compressed bool `json:"compressed"`
}

// unembed makes a tree in a new directory of one that go-embed-python packed.
func unembed(ctx context.Context, from, dir string) error {
	source, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer source.Close()
	list, err := source.ReadFile("files.json")
	if err != nil {
		return err
	}
	var packed embedding
	if err := json.Unmarshal(list, &packed); err != nil {
		return fmt.Errorf("reading files.json: %w", err)
	}
	if err := packed.check(); err != nil {
		return fmt.Errorf("reading files.json: %w", err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(goruntime.GOMAXPROCS(0))
	for _, file := range packed.Files {
		switch {
		case file.Perm.IsDir():
			err = root.MkdirAll(file.Name, 0o755)
		case file.Symlink != "":
			if err = root.MkdirAll(path.Dir(file.Name), 0o755); err == nil {
				err = root.Symlink(file.Symlink, file.Name)
			}
		default:
			if err = root.MkdirAll(path.Dir(file.Name), 0o755); err == nil {
				group.Go(func() error {
					if ctx.Err() != nil {
						return context.Cause(ctx)
					}
					return file.write(source, root)
				})
			}
		}
		if err != nil {
			return errors.Join(err, group.Wait())
		}
	}
	return group.Wait()
}

// check says what is wrong with a list of files: the checksum of the module
// was right, but who made it may have made a mistake.
func (e embedding) check() error {
	if len(e.Files) == 0 {
		return errors.New("it lists no files")
	}
	if len(e.Files) > maxFiles {
		return fmt.Errorf("more than %d files", maxFiles)
	}
	var size int64
	for _, file := range e.Files {
		if !filepath.IsLocal(file.Name) {
			return fmt.Errorf("the name %q leads out of it", file.Name)
		}
		if file.Symlink != "" && (path.IsAbs(file.Symlink) || !filepath.IsLocal(path.Join(path.Dir(file.Name), file.Symlink))) {
			return fmt.Errorf("the link %s leads out of it, to %q", file.Name, file.Symlink)
		}
		if file.Size < 0 || file.Size > maxSize {
			return fmt.Errorf("%s is larger than %d bytes", file.Name, int64(maxSize))
		}
		if size += file.Size; size > maxSize {
			return fmt.Errorf("more than %d bytes", int64(maxSize))
		}
	}
	return nil
}

// write unpacks one file.
func (f embeddedFile) write(from, to *os.Root) (err error) {
	name := f.Name
	if f.Compressed {
		name += ".gz"
	}
	packed, err := from.Open(name)
	if err != nil {
		return err
	}
	defer packed.Close()
	var content io.Reader = packed
	if f.Compressed {
		unzipped, err := gzip.NewReader(packed)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		content = unzipped
	}
	perm := fs.FileMode(0o644)
	if f.Perm&0o111 != 0 {
		perm = 0o755
	}
	file, err := to.OpenFile(f.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	n, err := io.Copy(file, io.LimitReader(content, f.Size+1))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if n != f.Size {
		return fmt.Errorf("%s does not have the %d bytes that files.json says", strings.TrimSuffix(name, ".gz"), f.Size)
	}
	return nil
}
