package cachestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/slugc/slugc/build/pack"
)

// check says why a layer cannot be trusted, or "". The files of an entry that
// was copied, with tar for one, have other inodes and times; such a layer is
// read, and if it has the recorded content, check returns its new index.
func (e *Entry) check(ctx context.Context, dir string, l recordedLayer) (string, *pack.Renewal) {
	then, err := e.readIndex(l.Index)
	if err == nil {
		err = e.checkSBOM(l)
	}
	if err != nil {
		return "its record is damaged", nil
	}
	if owner, err := os.Lstat(filepath.Dir(dir)); err == nil && !owner.IsDir() {
		return "it is gone", nil // what a link leads to is not kept
	}
	now, err := pack.Walk(ctx, dir, pack.WalkOptions{})
	if errors.Is(err, fs.ErrNotExist) {
		return "it is gone", nil
	}
	if err != nil {
		return fmt.Sprintf("it cannot be read: %v", err), nil
	}
	if now.Unchanged(then) {
		return "", nil
	}
	const touched = "it is not as the last successful build left it"
	if !resembles(now, then) {
		return touched, nil
	}
	copied := pack.Renewal{Old: then, New: now}
	proved, err := e.proves(ctx, dir, l, copied)
	if err != nil {
		return fmt.Sprintf("it cannot be read: %v", err), nil
	}
	if !proved {
		return touched, nil
	}
	return "", &copied
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
func (e *Entry) settle(ctx context.Context, rec record, wanted []recordedLayer, copies []*pack.Renewal) error {
	var renewals []pack.Renewal
	for i, renewal := range copies {
		if renewal == nil {
			continue
		}
		renewals = append(renewals, *renewal)
		sum, err := e.writeIndex(renewal.New)
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
