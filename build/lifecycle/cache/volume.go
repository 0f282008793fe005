package cache

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/beside"
	"github.com/slugc/slugc/stack/sandbox"
)

// Volume is a cache in a directory.
type Volume struct {
	dir string
}

var _ Cache = (*Volume)(nil)

// maxMetadata bounds the metadata, in bytes.
const maxMetadata = 32 << 20

// OpenVolume opens the cache in a directory, which has to be there. What an update
// left that did not come to its end is gone, and the state before it is back. In a
// directory that cannot be written to there is what there is, and no update begins.
func OpenVolume(dir string) (*Volume, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	v := &Volume{dir: dir}
	if _, err := os.Lstat(v.committed()); errors.Is(err, fs.ErrNotExist) {
		err := os.Rename(v.backup(), v.committed())
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !readOnly(err) {
			return nil, fmt.Errorf("taking back the cache from before: %w", err)
		}
	}
	if err := sandbox.Remove(v.staging()); err != nil && !readOnly(err) {
		return nil, fmt.Errorf("removing what is left of an update: %w", err)
	}
	if err := sandbox.Remove(v.backup()); err != nil && !readOnly(err) {
		return nil, fmt.Errorf("removing the cache from before: %w", err)
	}
	for _, dir := range []string{v.committed(), v.staging()} {
		if err := os.MkdirAll(dir, 0o777); err != nil && !readOnly(err) && !errors.Is(err, unix.ENOSPC) {
			return nil, err
		}
	}
	return v, nil
}

// readOnly reports whether an error is that of a directory that cannot be written to.
func readOnly(err error) bool {
	return errors.Is(err, unix.EROFS) || errors.Is(err, fs.ErrPermission)
}

// Exists says that a volume is a cache, if an empty one.
func (v *Volume) Exists(context.Context) (bool, error) { return true, nil }

func (v *Volume) committed() string { return filepath.Join(v.dir, "committed") }
func (v *Volume) staging() string   { return filepath.Join(v.dir, "staging") }
func (v *Volume) backup() string    { return filepath.Join(v.dir, "committed-backup") }

// Metadata is that of the last commit; empty before the first.
func (v *Volume) Metadata(context.Context) (Metadata, error) {
	data, err := sandbox.ReadFile(filepath.Join(v.committed(), MetadataName), maxMetadata)
	if errors.Is(err, fs.ErrNotExist) {
		return Metadata{}, nil
	}
	if err != nil {
		return Metadata{}, fmt.Errorf("reading the metadata of the cache: %w", err)
	}
	return parseMetadata(data), nil
}

var diffIDForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// file is the name of a layer's file.
func file(diffID string) (string, error) {
	if !diffIDForm.MatchString(diffID) {
		return "", fmt.Errorf("%.100q is no diffID", diffID)
	}
	return diffID + ".tar", nil
}

// Restore unpacks a layer from its file, if that has the diffID still.
func (v *Volume) Restore(ctx context.Context, diffID, at, dir string) (err error) {
	name, err := file(diffID)
	if err != nil {
		return &LayerError{diffID, err}
	}
	f, err := os.Open(filepath.Join(v.committed(), name))
	if err != nil {
		return &LayerError{diffID, err}
	}
	defer f.Close()
	return Unpack(ctx, f, diffID, at, dir)
}

// Raw says that a volume has tars.
func (v *Volume) Raw() bool { return true }

// Begin empties the staging directory.
func (v *Volume) Begin(context.Context) (Update, error) {
	if err := sandbox.Remove(v.staging()); err != nil {
		return nil, err
	}
	for _, dir := range []string{v.committed(), v.staging()} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return nil, err
		}
	}
	return &update{volume: v, names: map[string]bool{}}, nil
}

// update is a next state of a volume.
type update struct {
	volume *Volume
	names  map[string]bool
	done   bool
}

// Keep links a layer.
func (u *update) Keep(ctx context.Context, diffID string, whole bool) error {
	name, err := file(diffID)
	if err != nil || u.names[name] {
		return err
	}
	committed := filepath.Join(u.volume.committed(), name)
	if !whole {
		if err := verify(ctx, committed, diffID); err != nil {
			return &LayerError{diffID, err}
		}
	}
	if err := link(committed, filepath.Join(u.volume.staging(), name)); err != nil {
		return err
	}
	u.names[name] = true
	return nil
}

// verify reads a layer's file.
func verify(ctx context.Context, file, diffID string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, &contextReader{ctx, f}); err != nil {
		return err
	}
	if found := fmt.Sprintf("sha256:%x", sum.Sum(nil)); found != diffID {
		return fmt.Errorf("its file has the sum %s", found)
	}
	return nil
}

// Add links a tar, or copies it.
func (u *update) Add(ctx context.Context, layer artifact.Segment) error {
	name, err := file(layer.DiffID)
	if err != nil || u.names[name] {
		return err
	}
	to := filepath.Join(u.volume.staging(), name)
	// A temporary file is its owner's alone.
	if err := os.Chmod(layer.File, 0o644); err != nil {
		return err
	}
	if err := link(layer.File, to); err != nil {
		err = beside.Write(u.volume.staging(), to, func(out *os.File) error {
			in, err := os.Open(layer.File)
			if err != nil {
				return err
			}
			defer in.Close()
			_, err = io.Copy(out, &contextReader{ctx, in})
			return err
		})
		if err != nil {
			return err
		}
	}
	u.names[name] = true
	return nil
}

// link links a file that is there.
func link(from, to string) error {
	err := os.Link(from, to)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// Commit writes the metadata and exchanges the directories.
func (u *update) Commit(_ context.Context, m Metadata) error {
	if u.done {
		return errors.New("the cache was committed before")
	}
	v := u.volume
	if err := u.sweep(); err != nil {
		return err
	}
	var text bytes.Buffer
	if err := json.NewEncoder(&text).Encode(m); err != nil {
		return err
	}
	err := beside.Write(v.staging(), filepath.Join(v.staging(), MetadataName), func(f *os.File) error {
		_, err := f.Write(text.Bytes())
		return err
	})
	if err != nil {
		return err
	}
	return u.exchange()
}

// exchange makes the staging directory the current state.
func (u *update) exchange() error {
	v := u.volume
	if err := beside.SyncDir(v.staging()); err != nil {
		return err
	}
	if err := os.Rename(v.committed(), v.backup()); err != nil {
		return fmt.Errorf("setting the cache from before aside: %w", err)
	}
	if err := os.Rename(v.staging(), v.committed()); err != nil {
		return errors.Join(err, os.Rename(v.backup(), v.committed()))
	}
	u.done = true
	return sandbox.Remove(v.backup())
}

// sweep leaves nothing in the staging directory but the layers.
func (u *update) sweep() error {
	entries, err := os.ReadDir(u.volume.staging())
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !u.names[entry.Name()] {
			if err := sandbox.Remove(filepath.Join(u.volume.staging(), entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// Abort empties the staging directory.
func (u *update) Abort() error {
	if u.done {
		return nil
	}
	return sandbox.Remove(u.volume.staging())
}
