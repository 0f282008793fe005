package cachestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/build/pack"
)

// checked is a layer of the last build, as it is found.
type checked struct {
	// dropped says why it cannot be trusted, or "".
	dropped string
	now     pack.Index
	// copied is the layer's new index beside the recorded one, if the entry was
	// copied.
	copied *pack.Renewal
}

// look is what is found of the layers of the last build, while it is looked for.
type look struct {
	stop context.CancelFunc
	// done is closed when found is there: what is known of each layer.
	done   chan struct{}
	layers []recordedLayer
	found  []checked
}

// Look begins to look at the layers that the last build left, so that Restore
// has to wait for less of it. Nobody should write to them from now on; of what
// does, the walk after the build tells.
func (e *Entry) Look(ctx context.Context, layersDir string) {
	ctx, stop := context.WithCancel(ctx)
	l := &look{stop: stop, done: make(chan struct{}), layers: e.readRecord().Layers}
	e.looking = l
	go func() {
		defer close(l.done)
		if found, err := e.checkAll(ctx, layersDir, l.layers); err == nil {
			l.found = found
		}
	}()
}

// end waits for the look.
func (l *look) end() {
	<-l.done
	l.stop()
}

// of is what was found of a layer. Only good news counts: what is not as it was
// may have been mended, or have come from elsewhere, since.
func (l *look) of(layer recordedLayer) (checked, bool) {
	for i, c := range l.found {
		if c.dropped == "" && reflect.DeepEqual(l.layers[i], layer) {
			return c, true
		}
	}
	return checked{}, false
}

// checkAll checks layers, several at a time.
func (e *Entry) checkAll(ctx context.Context, layersDir string, layers []recordedLayer) ([]checked, error) {
	found := make([]checked, len(layers))
	checks, ctx := errgroup.WithContext(ctx)
	checks.SetLimit(runtime.GOMAXPROCS(0))
	for i, l := range layers {
		checks.Go(func() error {
			found[i] = e.check(ctx, l.path(layersDir), l)
			return ctx.Err()
		})
	}
	return found, checks.Wait()
}

// check says whether a layer can be trusted. The files of an entry that was
// copied, with tar for one, have other inodes and times; such a layer is read,
// and is fine if it has the recorded content.
func (e *Entry) check(ctx context.Context, dir string, l recordedLayer) checked {
	then, err := e.readIndex(l.Index)
	if err == nil {
		err = e.checkSBOM(l)
	}
	if err != nil {
		return checked{dropped: "its record is damaged"}
	}
	const gone = "it is gone"
	if owner, err := os.Lstat(filepath.Dir(dir)); err == nil && !owner.IsDir() {
		return checked{dropped: gone} // what a link leads to is not kept
	}
	now, err := pack.Walk(ctx, dir, pack.WalkOptions{Known: then})
	if errors.Is(err, fs.ErrNotExist) {
		return checked{dropped: gone}
	}
	unreadable := func(err error) checked { return checked{dropped: fmt.Sprintf("it cannot be read: %v", err)} }
	if err != nil {
		return unreadable(err)
	}
	if now.Unchanged(then) {
		return checked{now: now}
	}
	copied := pack.Renewal{Old: then, New: now}
	if resembles(now, then) {
		proved, err := e.proves(ctx, dir, l, copied)
		if err != nil {
			return unreadable(err)
		}
		if proved {
			return checked{now: now, copied: &copied}
		}
	}
	return checked{dropped: "it is not as the last successful build left it"}
}

// proves says whether a directory is a copy of the layer.
func (e *Entry) proves(ctx context.Context, dir string, l recordedLayer, copied pack.Renewal) (bool, error) {
	if l.Content == "" {
		return pack.DirStore{Dir: e.Packed()}.Proves(ctx, dir, copied)
	}
	content, _, err := pack.Contents(ctx, dir, copied.New)
	return content == l.Content, err
}

// resembles tells whether two indexes differ in times and inodes at most, as
// far as can be told without reading a file.
func resembles(a, b pack.Index) bool {
	return slices.EqualFunc(a, b, func(a, b pack.Entry) bool {
		return a.Path == b.Path && a.Mode == b.Mode && a.Link == b.Link && a.Size == b.Size
	})
}

// settle records the new indexes of layers that were copied, and has their
// packed segments serve again.
func (e *Entry) settle(ctx context.Context, rec record, wanted []recordedLayer, found []checked) error {
	var renewals []pack.Renewal
	for i, layer := range found {
		if layer.copied == nil {
			continue
		}
		renewals = append(renewals, *layer.copied)
		sum, err := e.writeIndex(layer.now)
		if err != nil {
			return err
		}
		for j, l := range rec.Layers {
			if l.Buildpack == wanted[i].Buildpack && l.Name == wanted[i].Name {
				rec.Layers[j].Index = sum
			}
		}
	}
	if len(renewals) == 0 {
		return nil
	}
	if err := (pack.DirStore{Dir: e.Packed()}).Renew(ctx, renewals); err != nil {
		return err
	}
	return e.writeRecord(rec)
}
