package extend

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
)

// whiteout begins the name of an entry that says that the rest of the name is gone.
const whiteout = ".wh."

// layerLevel is the gzip level of layers: the exporter packs them again.
const layerLevel = 1

// Layer writes, as a file in a directory that has its digest for a name, the layer that
// makes one snapshot of a root directory of an earlier one. There is none, and ok is
// false, where nothing changed.
func (s Snapshot) Layer(ctx context.Context, root string, before Snapshot, dir string) (layer artifact.Segment, ok bool, err error) {
	changed, gone := s.Since(before)
	if len(changed)+len(gone) == 0 {
		return layer, false, nil
	}
	layer, err = writeLayer(dir, func(w *tar.Writer) error {
		l := layering{root: root, after: s, tar: w, written: map[string]bool{}, links: map[[2]uint64]string{}}
		all := slices.Concat(changed, gone)
		slices.Sort(all)
		for _, path := range all {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := l.add(path); err != nil {
				return fmt.Errorf("packing %s: %w", path, err)
			}
		}
		return nil
	})
	return layer, true, err
}

// layering is a layer that is being written.
type layering struct {
	root    string
	after   Snapshot
	tar     *tar.Writer
	written map[string]bool
	// links are the files with more names than one, by device and inode.
	links map[[2]uint64]string
}

// add adds a path with the directories above it, which would have other owners and
// modes without an entry of their own.
func (l *layering) add(path string) error {
	if path == l.root || l.written[path] {
		return nil
	}
	if above := filepath.Dir(path); above != l.root {
		if err := l.add(above); err != nil {
			return err
		}
	}
	l.written[path] = true
	name := strings.TrimPrefix(strings.TrimPrefix(path, l.root), "/")
	if _, there := l.after[path]; !there {
		return l.tar.WriteHeader(&tar.Header{
			Typeflag: tar.TypeReg, Name: filepath.Join(filepath.Dir(name), whiteout+filepath.Base(name)), ModTime: pack.Epoch(),
		})
	}
	return l.entry(path, name)
}

func (l *layering) entry(path, name string) (err error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // something that is still running removed it
	}
	if err != nil {
		return err
	}
	stamp, err := newStamp(path, info)
	if err != nil {
		return err
	}
	header, err := tar.FileInfoHeader(info, stamp.link)
	if err != nil {
		return err
	}
	header.Name = name
	if info.IsDir() {
		header.Name += "/"
	}
	normalise(header)
	header.AccessTime, header.ChangeTime = time.Time{}, time.Time{}
	if err := capability(path, header); err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return l.tar.WriteHeader(header)
	}
	if stamp.shared != 0 {
		file := [2]uint64{stamp.shared, stamp.inode}
		if first, known := l.links[file]; known {
			header.Typeflag, header.Linkname, header.Size = tar.TypeLink, first, 0
			return l.tar.WriteHeader(header)
		}
		l.links[file] = name
	}
	if err := l.tar.WriteHeader(header); err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	_, err = io.CopyN(l.tar, file, header.Size)
	return err
}

// normalise takes away what no layer needs to say.
func normalise(header *tar.Header) {
	header.ModTime = pack.Epoch()
	header.Uname, header.Gname = "", ""
}

// capability adds what a program may do besides (capabilities(7)), which is an extended
// attribute.
func capability(path string, header *tar.Header) error {
	if header.Typeflag != tar.TypeReg {
		return nil
	}
	const size = 64
	value := make([]byte, size)
	n, err := unix.Lgetxattr(path, capabilityName, value)
	switch {
	case errors.Is(err, unix.ENODATA), errors.Is(err, unix.ENOTSUP):
		return nil
	case err != nil:
		return err
	}
	header.PAXRecords = map[string]string{capabilityRecord: string(value[:n])}
	return nil
}

// The attribute, and its name in an archive.
const (
	capabilityName   = "security.capability"
	capabilityRecord = "SCHILY.xattr." + capabilityName
)

// writeLayer makes a gzip of the tar that write writes, in a directory.
func writeLayer(dir string, write func(*tar.Writer) error) (layer artifact.Segment, err error) {
	file, err := os.CreateTemp(dir, ".layer-*")
	if err != nil {
		return layer, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close(), removeFile(file.Name()))
		}
	}()
	packed := &counted{w: file, hash: sha256.New()}
	zip, err := gzip.NewWriterLevel(packed, layerLevel)
	if err != nil {
		return layer, err
	}
	raw := &counted{w: zip, hash: sha256.New()}
	archive := tar.NewWriter(raw)
	if err := write(archive); err != nil {
		return layer, err
	}
	if err := errors.Join(archive.Close(), zip.Close(), file.Close()); err != nil {
		return layer, err
	}
	layer = artifact.Segment{DiffID: raw.sum(), Digest: packed.sum(), Size: packed.n, RawSize: raw.n}
	layer.File = filepath.Join(dir, strings.TrimPrefix(layer.Digest, "sha256:"))
	return layer, errors.Join(os.Chmod(file.Name(), 0o644), os.Rename(file.Name(), layer.File))
}

// counted counts and hashes what is written.
type counted struct {
	w    io.Writer
	hash hash.Hash
	n    int64
}

// Write writes on.
func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.hash.Write(p[:n])
	c.n += int64(n)
	return n, err
}

func (c *counted) sum() string { return "sha256:" + hex.EncodeToString(c.hash.Sum(nil)) }

// Normalised is a layer, in a directory for such files, with all that a layer need not
// say taken from its entries: times and the names of owners. From is a tar, with gzip
// or without. It is what the reference lifecycle makes of a layer of an extension.
func Normalised(ctx context.Context, from io.Reader, dir string) (artifact.Segment, error) {
	return writeLayer(dir, func(w *tar.Writer) error {
		entries := tar.NewReader(from)
		for {
			header, err := entries.Next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			normalise(header)
			if err := w.WriteHeader(header); err != nil {
				return err
			}
			if _, err := io.CopyN(w, entries, header.Size); err != nil {
				return err
			}
		}
	})
}
