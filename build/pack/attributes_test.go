package pack_test

import (
	"archive/tar"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/stack"
)

// An ordinary user makes the files of a root filesystem; what they are in its
// image is said beside them.
func TestAttributes(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "usr/bin/expiry"), []byte("program"), 0o755)
	write(t, filepath.Join(dir, "usr/bin/plain"), []byte("program"), 0o755)
	write(t, filepath.Join(dir, "tmp/.keep"), nil, 0o644)
	part := pack.Part{Name: "root", Dir: dir, Attributes: stack.Attributes{
		"tmp":            {Mode: 0o777 | fs.ModeSticky},
		"usr/bin/expiry": {GID: 42, Mode: 0o755 | fs.ModeSetgid},
		"tmp/.keep":      {UID: 1000, GID: 1001, Mode: 0o600 | fs.ModeSetuid},
	}}
	shape := pack.Shape{Name: "oci", UID: 7, GID: 8, ModTime: pack.Epoch(), Slash: true, Trailer: true}
	type owned struct {
		Mode     int64
		UID, GID int
		Type     byte
	}
	got := map[string]owned{}
	for _, h := range entries(t, raw(t, packOne(t, pack.Packer{}, part, shape))) {
		got[h.Name] = owned{h.Mode, h.UID, h.GID, h.Type}
	}
	want := map[string]owned{
		"tmp/":           {0o1777, 0, 0, tar.TypeDir},
		"tmp/.keep":      {0o4600, 1000, 1001, tar.TypeReg},
		"usr/":           {0o755, 7, 8, tar.TypeDir},
		"usr/bin/":       {0o755, 7, 8, tar.TypeDir},
		"usr/bin/expiry": {0o2755, 0, 42, tar.TypeReg},
		"usr/bin/plain":  {0o755, 7, 8, tar.TypeReg},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A store must not hand out the segment of other attributes, and must go on to
// hand out those of parts without any.
func TestAttributesAreInTheKey(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), []byte("x"), 0o644)
	scratch := t.TempDir()
	p := pack.Packer{Temp: scratch, Store: pack.DirStore{Dir: filepath.Join(scratch, "store")}}
	shape := pack.Shape{Name: "oci", ModTime: pack.Epoch(), Trailer: true}
	part := pack.Part{Name: "root", Dir: dir}
	plain := packOne(t, p, part, shape)
	part.Attributes = stack.Attributes{}
	if again := packOne(t, p, part, shape); !again.Reused || again.Digest != plain.Digest {
		t.Errorf("no attributes are not the same as none: %+v", again)
	}
	part.Attributes = stack.Attributes{"file": {UID: 1, Mode: 0o644}}
	owned := packOne(t, p, part, shape)
	if owned.Reused || owned.Digest == plain.Digest {
		t.Errorf("a segment without attributes was taken: %+v", owned)
	}
	part.Attributes = stack.Attributes{"file": {UID: 1, Mode: 0o755}}
	if other := packOne(t, p, part, shape); other.Reused || other.Digest == owned.Digest {
		t.Errorf("a segment with other attributes was taken: %+v", other)
	}
}
