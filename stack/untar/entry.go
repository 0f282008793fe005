package untar

import (
	"archive/tar"
	"io/fs"

	"github.com/slugc/slugc/stack"
)

// entry is an entry of a stream whose name was checked.
type entry struct {
	*tar.Header
	// path is where it goes, by the names of the stream; see local.
	path string
}

// mode is what the stream says: permissions and special bits.
func (e *entry) mode() fs.FileMode {
	return e.FileInfo().Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
}

func (e *entry) perm() fs.FileMode { return e.FileInfo().Mode().Perm() }

// attribute is what the disk does not hold of an entry that has the given
// permissions there; nil is nothing.
func (e *entry) attribute(perm fs.FileMode) *stack.Attribute {
	if e.Uid == 0 && e.Gid == 0 && e.mode() == perm {
		return nil
	}
	return &stack.Attribute{UID: e.Uid, GID: e.Gid, Mode: e.mode()}
}
