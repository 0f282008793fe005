package extend

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/beside"
	"github.com/slugc/slugc/stack/sandbox"
)

// Kept are the layers that instructions made at earlier builds, in the volume of a
// Store. Who builds may write there and root puts what is kept on the file system of a
// later build, so that nothing counts which anybody else could have written.
type Kept struct {
	Dir string
	// Age is how long a layer is kept; zero keeps nothing.
	Age time.Duration
}

// Kept are the layers in a store.
func (s Store) Kept(age time.Duration) Kept {
	return Kept{Dir: filepath.Join(s.Dir, "slugc", "v1"), Age: age}
}

// record is what is said of a kept layer in a file of its own.
type record struct {
	DiffID  string `json:"diff_id,omitempty"`
	Digest  string `json:"digest,omitempty"`
	Size    int64  `json:"size,omitempty"`
	RawSize int64  `json:"raw_size,omitempty"`
}

// maxRecord bounds a record, in bytes.
const maxRecord = 4 << 10

// Find returns the layer of a key, as a file in a directory; that of an instruction which
// changed nothing has no digest. A *DamagedError says that there is one of no use.
func (k Kept) Find(key Key, dir string) (layer artifact.Segment, found bool, err error) {
	root, err := k.open()
	if err != nil {
		return layer, false, nil // nothing is kept, or what is there is not ours
	}
	defer root.Close()
	file, ok := ours(root.Open(key.String()))
	if !ok {
		return layer, false, nil
	}
	data, err := io.ReadAll(io.LimitReader(file, maxRecord))
	info, statErr := file.Stat()
	if err = errors.Join(err, statErr, file.Close()); err != nil || time.Since(info.ModTime()) > k.Age {
		return layer, false, err
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return layer, false, &DamagedError{filepath.Join(k.Dir, key.String()), err}
	}
	layer = artifact.Segment{DiffID: r.DiffID, Digest: r.Digest, Size: r.Size, RawSize: r.RawSize}
	if r.Digest == "" {
		return layer, true, nil
	}
	from, ok := ours(root.Open(key.String() + layerSuffix))
	if !ok {
		return layer, false, nil
	}
	layer.File = filepath.Join(dir, strings.TrimPrefix(r.Digest, "sha256:"))
	err = take(from, layer.File, r.Digest)
	return layer, err == nil, errors.Join(err, from.Close())
}

// DamagedError says that something that was kept is not what it was.
type DamagedError struct {
	File string
	Err  error
}

func (e *DamagedError) Error() string { return fmt.Sprintf("%s is damaged: %v", e.File, e.Err) }

// Unwrap returns the cause.
func (e *DamagedError) Unwrap() error { return e.Err }

// take copies a kept layer, and checks it on the way.
func take(from *os.File, to, digest string) error {
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(file, sum), from)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if got := "sha256:" + hex.EncodeToString(sum.Sum(nil)); got != digest {
		return &DamagedError{from.Name(), fmt.Errorf("its digest is %s, expected %s", got, digest)}
	}
	return nil
}

// layerSuffix ends the names of layers, which begin with the key.
const layerSuffix = ".tgz"

// make makes the directory where there is none that is ours, such as after the volume
// was given to somebody else.
func (k Kept) make() error {
	root, err := k.open()
	if err == nil {
		return root.Close()
	}
	if err := sandbox.Remove(k.Dir); err != nil {
		return err
	}
	return os.MkdirAll(k.Dir, 0o700)
}

// open opens the directory, if nobody else can write there. What is opened in it cannot
// be exchanged for anything else meanwhile.
func (k Kept) open() (*os.Root, error) {
	root, err := os.OpenRoot(k.Dir)
	if err != nil {
		return nil, err
	}
	dir, ok := ours(root.Open("."))
	if !ok {
		return nil, errors.Join(fmt.Errorf("%s is not of the user that extends images", k.Dir), root.Close())
	}
	return root, dir.Close()
}

// ours is what was opened, if nobody else can have written it; else it is closed.
func ours(file *os.File, err error) (*os.File, bool) {
	if err != nil {
		return nil, false
	}
	info, err := file.Stat()
	if err == nil && info.Mode()&0o022 == 0 {
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) == os.Geteuid() {
			return file, true
		}
	}
	file.Close()
	return nil, false
}

// Add keeps a layer, or that there is none.
func (k Kept) Add(key Key, layer artifact.Segment) error {
	if k.Age <= 0 {
		return nil
	}
	if err := k.make(); err != nil {
		return err
	}
	name := filepath.Join(k.Dir, key.String())
	if layer.Digest != "" {
		err := beside.Write(k.Dir, name+layerSuffix, func(to *os.File) error { return copyOf(layer.File, to) })
		if err != nil {
			return err
		}
	}
	text, err := json.Marshal(record{layer.DiffID, layer.Digest, layer.Size, layer.RawSize})
	if err != nil {
		return err
	}
	return beside.Write(k.Dir, name, func(to *os.File) error {
		_, err := to.Write(text)
		return err
	})
}

// copyOf copies a file.
func copyOf(from string, to io.Writer) error {
	file, err := os.Open(from)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, file)
	return errors.Join(err, file.Close())
}

// Prune removes what is too old.
func (k Kept) Prune(ctx context.Context) error {
	entries, err := os.ReadDir(k.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		info, infoErr := entry.Info()
		if infoErr == nil && time.Since(info.ModTime()) > k.Age {
			err = errors.Join(err, removeFile(filepath.Join(k.Dir, entry.Name())))
		}
	}
	return err
}
