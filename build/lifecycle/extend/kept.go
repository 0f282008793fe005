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

// Find returns the layer of a key; that of an instruction which changed nothing has no
// digest.
func (k Kept) Find(key Key) (layer artifact.Segment, found bool) {
	name := filepath.Join(k.Dir, key.String())
	if !ours(k.Dir, fs.ModeDir) || !ours(name, 0) {
		return layer, false
	}
	info, err := os.Lstat(name)
	if err != nil || time.Since(info.ModTime()) > k.Age {
		return layer, false
	}
	data, err := sandbox.ReadFile(name, maxRecord)
	var r record
	if err != nil || json.Unmarshal(data, &r) != nil {
		return layer, false
	}
	layer = artifact.Segment{DiffID: r.DiffID, Digest: r.Digest, Size: r.Size, RawSize: r.RawSize}
	if r.Digest == "" {
		return layer, true
	}
	layer.File = name + layerSuffix
	return layer, ours(layer.File, 0)
}

// layerSuffix ends the names of layers, which begin with the key.
const layerSuffix = ".tgz"

// ours reports whether only this user can have made what is there, of a type.
func ours(path string, kind fs.FileMode) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != kind || info.Mode()&0o022 != 0 {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// Add keeps a layer, or that there is none.
func (k Kept) Add(key Key, layer artifact.Segment) error {
	if k.Age <= 0 {
		return nil
	}
	if err := os.MkdirAll(k.Dir, 0o700); err != nil {
		return err
	}
	if !ours(k.Dir, fs.ModeDir) {
		return fmt.Errorf("%s is not of the user that extends images: remove it", k.Dir)
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

// Take copies a kept layer to a directory, and checks it on the way.
func (k Kept) Take(layer artifact.Segment, dir string) (artifact.Segment, error) {
	taken := layer
	taken.File = filepath.Join(dir, strings.TrimPrefix(layer.Digest, "sha256:"))
	file, err := os.OpenFile(taken.File, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return taken, err
	}
	sum := sha256.New()
	err = errors.Join(copyOf(layer.File, io.MultiWriter(file, sum)), file.Close())
	if got := "sha256:" + hex.EncodeToString(sum.Sum(nil)); err == nil && got != layer.Digest {
		err = fmt.Errorf("%s is damaged: its digest is %s, expected %s", layer.File, got, layer.Digest)
	}
	return taken, err
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
