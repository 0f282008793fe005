package pack

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io/fs"

	"github.com/slugc/slugc/stack"
)

const blockSize = 512

// headers makes the tar headers of one segment.
type headers struct {
	shape      *Shape
	attributes stack.Attributes
	buf        bytes.Buffer
}

// entry returns the blocks of the header of an entry, valid until the next
// call.
func (h *headers) entry(path string, mode fs.FileMode, link string, size int64) ([]byte, error) {
	uid, gid := h.shape.UID, h.shape.GID
	if a, found := h.attributes[path]; found {
		uid, gid, mode = a.UID, a.GID, mode.Type()|a.Mode&^fs.ModeType
	}
	if h.shape.NoSetID {
		mode &^= fs.ModeSetuid | fs.ModeSetgid
	}
	return h.encode(&tar.Header{
		Name:     h.shape.name(path, mode.IsDir()),
		Mode:     bits(mode),
		Linkname: link,
		Size:     size,
		Uid:      uid,
		Gid:      gid,
		Typeflag: typeflag(mode),
	})
}

// parent returns the blocks of the header of a directory above the root.
func (h *headers) parent(p Parent) ([]byte, error) {
	name := p.Name
	if h.shape.Slash {
		name += "/"
	}
	return h.encode(&tar.Header{Name: name, Mode: bits(p.Mode), Uid: p.UID, Gid: p.GID, Typeflag: tar.TypeDir})
}

func (h *headers) encode(hdr *tar.Header) ([]byte, error) {
	hdr.ModTime = h.shape.ModTime
	h.buf.Reset()
	if err := tar.NewWriter(&h.buf).WriteHeader(hdr); err != nil {
		return nil, fmt.Errorf("%q cannot be written to an archive: %w", hdr.Name, err)
	}
	return h.buf.Bytes(), nil
}

func typeflag(mode fs.FileMode) byte {
	switch mode.Type() {
	case fs.ModeDir:
		return tar.TypeDir
	case fs.ModeSymlink:
		return tar.TypeSymlink
	}
	return tar.TypeReg
}

// padding is the number of bytes from size to the next block.
func padding(size int64) int { return int(-size & (blockSize - 1)) }
