package cache

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/build/beside"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/stack/flock"
	"github.com/slugc/slugc/stack/sandbox"
)

// Records are what slugc knows beside the files of a volume, so that a later phase or
// build need not find it out again:
//
//	handover       the layers that the restorer restored, for the exporter
//	trees/         layers as directories, see Trees
//	segments/      parts of the image that are in no cache, packed; see Segments
//	temp-*/        layers in the making
//
// They lie in <volume>/slugc/v1, which the reference lifecycle passes over. Nothing
// there is needed: what is not whole is as if it were not there.
type Records struct{ dir string }

// Known is a layer that was restored: as long as its directory has that index its
// diffID is that, and nobody need read it.
type Known struct {
	DiffID string
	Index  pack.Index
}

// Recorder is a cache that has records.
type Recorder interface {
	// Records may be nil, where there is no place for any.
	Records() *Records
}

// Trees are the trees; there are none where nothing tells the boots of the machine
// apart.
func (r *Records) Trees() (Trees, bool) {
	boot, err := thisBoot()
	return Trees{filepath.Join(r.dir, "trees"), boot}, err == nil
}

// Segments are the app, the launcher and the like of the last builds, packed. Layers
// of buildpacks are not there: the cache has them.
func (r *Records) Segments() pack.DirStore {
	return pack.DirStore{Dir: filepath.Join(r.dir, "segments")}
}

// tempPrefix begins the names of directories for layers in the making.
const tempPrefix = "temp-"

// Temp makes a directory on the file system of the volume, which release removes.
// Those of processes that were killed go too.
func (r *Records) Temp() (dir string, release func() error, err error) {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return "", nil, err
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), tempPrefix) {
			if err := removeAbandoned(filepath.Join(r.dir, entry.Name())); err != nil {
				return "", nil, err
			}
		}
	}
	if dir, err = os.MkdirTemp(r.dir, tempPrefix); err != nil {
		return "", nil, err
	}
	lock, err := os.Open(dir)
	if err == nil {
		err = flock.Share(lock)
	}
	if err != nil {
		return "", nil, errors.Join(err, lock.Close(), sandbox.Remove(dir))
	}
	return dir, func() error { return errors.Join(sandbox.Remove(dir), lock.Close()) }, nil
}

// removeAbandoned removes a directory that no process holds.
func removeAbandoned(dir string) error {
	lock, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	free, err := flock.Try(lock)
	if free {
		err = sandbox.Remove(dir)
	}
	return errors.Join(err, lock.Close())
}

func (r *Records) handover() string { return filepath.Join(r.dir, "handover") }

// handed is how a layer is handed over: a line of JSON, and the index after it.
type handed struct {
	ID     string `json:"id"`
	DiffID string `json:"diffID"`
	Size   int64  `json:"size"`
}

// Handover leaves layers, by <buildpack>:<layer>, for the exporter.
func (r *Records) Handover(layers map[string]Known) error {
	if err := os.MkdirAll(r.dir, 0o777); err != nil {
		return err
	}
	return beside.Write(r.dir, r.handover(), func(f *os.File) error {
		w := bufio.NewWriter(f)
		for id, known := range layers {
			var index bytes.Buffer
			if _, err := known.Index.WriteTo(&index); err != nil {
				return err
			}
			if err := json.NewEncoder(w).Encode(handed{id, known.DiffID, int64(index.Len())}); err != nil {
				return err
			}
			if _, err := index.WriteTo(w); err != nil {
				return err
			}
		}
		return w.Flush()
	})
}

// Taken are the layers that were handed over, none where that is not whole.
func (r *Records) Taken() map[string]Known {
	data, err := sandbox.ReadFile(r.handover(), maxTree)
	if err != nil {
		return nil
	}
	layers := map[string]Known{}
	for from := bufio.NewReader(bytes.NewReader(data)); ; {
		id, known, err := take(from)
		if errors.Is(err, io.EOF) {
			return layers
		}
		if err != nil {
			return nil
		}
		layers[id] = known
	}
}

// take reads one layer; io.EOF says that there is none.
func take(from *bufio.Reader) (id string, known Known, err error) {
	line, err := from.ReadBytes('\n')
	if err != nil {
		if len(line) > 0 {
			err = pack.ErrCorrupt
		}
		return "", known, err
	}
	var head handed
	if err := json.Unmarshal(line, &head); err != nil {
		return "", known, err
	}
	if head.Size <= 0 || head.Size > maxTree {
		return "", known, pack.ErrCorrupt
	}
	index := make([]byte, head.Size)
	if _, err := io.ReadFull(from, index); err != nil {
		return "", known, fmt.Errorf("%w: %w", pack.ErrCorrupt, io.ErrUnexpectedEOF)
	}
	known.DiffID = head.DiffID
	known.Index, err = pack.ReadIndex(bytes.NewReader(index))
	return head.ID, known, err
}

// Records are those of the volume, nil where they cannot be written.
func (v *Volume) Records() *Records {
	dir := filepath.Join(v.dir, "slugc", "v1")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil
	}
	if beside.Writable(dir) != nil {
		return nil
	}
	return &Records{dir}
}

var _ Recorder = (*Volume)(nil)
