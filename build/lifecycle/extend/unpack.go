package extend

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/build/artifact"
)

// Unpack does to the file system below a root directory what a layer says, as the
// instruction did that it is of. Nothing happens in directories that are to be ignored.
func Unpack(ctx context.Context, root string, layer artifact.Segment, ignore []string) (err error) {
	file, err := os.Open(layer.File)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	content, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	u := unpacking{root: root, ignore: ignore}
	for entries := tar.NewReader(content); ; {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err == nil {
			err = u.entry(header, entries)
		}
		if err != nil {
			return fmt.Errorf("unpacking %s: %w", layer.File, err)
		}
	}
}

// unpacking is a layer on its way to the disk.
type unpacking struct {
	root   string
	ignore []string
}

// at is where an entry goes; ok is false where it is ignored.
func (u unpacking) at(name string) (file string, ok bool) {
	file = filepath.Join(u.root, path.Clean("/"+name))
	return file, file != u.root && !slices.ContainsFunc(u.ignore, func(dir string) bool {
		return file == dir || strings.HasPrefix(file, dir+"/")
	})
}

// entry makes one entry.
func (u unpacking) entry(h *tar.Header, content io.Reader) error {
	file, ok := u.at(h.Name)
	if !ok {
		return nil
	}
	if gone, is := strings.CutPrefix(filepath.Base(file), whiteout); is {
		if file, ok = u.at(filepath.Join(filepath.Dir(h.Name), gone)); ok && gone != "" {
			return os.RemoveAll(file)
		}
		return nil
	}
	if info, err := os.Lstat(file); err == nil && (!info.IsDir() || h.Typeflag != tar.TypeDir) {
		if err := os.RemoveAll(file); err != nil {
			return err
		}
	}
	if err := u.create(file, h, content); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeLink:
		return nil
	case tar.TypeSymlink:
		return os.Lchown(file, h.Uid, h.Gid)
	}
	// A new owner takes set-user-ID bits and capabilities away.
	if err := errors.Join(os.Lchown(file, h.Uid, h.Gid), os.Chmod(file, modeOf(uint32(h.Mode)))); err != nil {
		return err
	}
	if value, has := h.PAXRecords[capabilityRecord]; has {
		return unix.Lsetxattr(file, capabilityName, []byte(value), 0)
	}
	return nil
}

// create makes a file where there is none, or a directory.
func (u unpacking) create(file string, h *tar.Header, content io.Reader) error {
	switch h.Typeflag {
	case tar.TypeDir:
		if err := os.Mkdir(file, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	case tar.TypeReg:
		to, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = io.CopyN(to, content, h.Size)
		return errors.Join(err, to.Close())
	case tar.TypeSymlink:
		return os.Symlink(h.Linkname, file)
	case tar.TypeLink:
		first, ok := u.at(h.Linkname)
		if !ok {
			return fmt.Errorf("%s is another name of %s, which is not there", h.Name, h.Linkname)
		}
		return os.Link(first, file)
	case tar.TypeFifo:
		return unix.Mkfifo(file, 0o600)
	case tar.TypeChar, tar.TypeBlock:
		kind := uint32(unix.S_IFCHR)
		if h.Typeflag == tar.TypeBlock {
			kind = unix.S_IFBLK
		}
		return unix.Mknod(file, kind|0o600, int(unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor))))
	}
	return fmt.Errorf("%s has the type %q, which no layer of ours has", h.Name, h.Typeflag)
}
