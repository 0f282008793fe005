package oci

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/build/beside"
)

// publish puts an image or an index into index.json.
func (l Layout) publish(d v1.Descriptor) error {
	return l.locked(func() error { return l.enter(d) })
}

// locked does something while nobody else names anything in the layout.
func (l Layout) locked(do func() error) (err error) {
	// The lock is on the directory, so that it leaves nothing behind.
	dir, err := os.Open(l.Dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("locking the layout: %w", err)
	}
	if err := do(); err != nil {
		return err
	}
	return dir.Sync()
}

// enter puts a descriptor into index.json, for one who has locked the layout.
func (l Layout) enter(d v1.Descriptor) error {
	there, err := l.checkVersion()
	if err != nil {
		return err
	}
	if !there {
		err := beside.Write(l.Dir, filepath.Join(l.Dir, "oci-layout"), func(w *os.File) error { return writeAll(w, []byte(layoutFile)) })
		if err != nil {
			return err
		}
	}
	index, old, err := l.index()
	if err != nil {
		return err
	}
	if l.Alone {
		index = emptyIndex()
	}
	next, err := json.Marshal(withImage(index, d, l.Tag))
	if err != nil {
		return err
	}
	if bytes.Equal(old, next) {
		return nil
	}
	return beside.Write(l.Dir, filepath.Join(l.Dir, "index.json"), func(w *os.File) error { return writeAll(w, next) })
}

// index is the content of index.json, and its bytes; an empty one when there
// is none.
func (l Layout) index() (v1.IndexManifest, []byte, error) {
	path := filepath.Join(l.Dir, "index.json")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return emptyIndex(), nil, nil
	}
	if err != nil {
		return v1.IndexManifest{}, nil, err
	}
	index, err := parseIndex(data)
	if err != nil {
		return v1.IndexManifest{}, nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return index, data, nil
}

func emptyIndex() v1.IndexManifest {
	return v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
}

// checkVersion says whether there is an oci-layout, and fails for one of a
// version that we do not write.
func (l Layout) checkVersion() (there bool, err error) {
	path := filepath.Join(l.Dir, "oci-layout")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var layout struct {
		Version string `json:"imageLayoutVersion"`
	}
	if err := json.Unmarshal(data, &layout); err != nil {
		return false, fmt.Errorf("reading %s: %w", path, err)
	}
	if !strings.HasPrefix(layout.Version, "1.") {
		return false, fmt.Errorf("%s is of version %q, expected 1.0.0", path, layout.Version)
	}
	return true, nil
}

func writeAll(w io.Writer, data []byte) error {
	_, err := w.Write(data)
	return err
}

// withImage puts an image into an index, in the place of the one that it
// replaces.
func withImage(index v1.IndexManifest, d v1.Descriptor, tag string) v1.IndexManifest {
	if tag != "" {
		d.Annotations = map[string]string{refName: tag}
	}
	at := -1
	kept := make([]v1.Descriptor, 0, len(index.Manifests)+1)
	for _, old := range index.Manifests {
		if !replaces(d, old) {
			kept = append(kept, old)
			continue
		}
		if at < 0 {
			at = len(kept)
		}
	}
	if at < 0 {
		at = len(kept)
	}
	index.Manifests = slices.Insert(kept, at, d)
	return index
}

// replaces says whether an image takes the place of another in an index.
func replaces(d, old v1.Descriptor) bool {
	if tag := d.Annotations[refName]; tag != old.Annotations[refName] {
		return false
	} else if tag != "" {
		return true
	}
	if d.MediaType.IsIndex() || old.MediaType.IsIndex() {
		return true
	}
	return old.MediaType.IsImage() && (old.Platform == nil || old.Platform.Equals(*d.Platform))
}
