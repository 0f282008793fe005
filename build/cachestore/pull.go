package cachestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Pulled is what a cache in a registry had for a build.
type Pulled struct {
	// Found says that there is a cache; before the first build there is none.
	Found bool
	// Layers are the ids of the layers that came, Size is what travelled for
	// them, in bytes.
	Layers []string
	Size   int64
	// Here are the ids of those that lay on this machine already.
	Here []string
	// Missed says which layers could not be had, and why.
	Missed []error
}

// Pull takes what the buildpacks of a group may reuse from the registry to the
// entry and its directory of layers, for Restore. The registry is right: what
// it has replaces what lies here, unless that is the same; what it does not
// know, or does not give away, stays as it is. A layer is taken over when it is
// whole and has the content that it should.
//
// An error is a *RegistryError unless the context ended; the entry is usable
// after both.
func (r Registry) Pull(ctx context.Context, e *Entry, layersDir string, group []buildpacks.Descriptor) (Pulled, error) {
	all, found, err := r.read(ctx)
	pulled := Pulled{Found: found}
	if err != nil {
		return pulled, r.failed(ctx, "reading", err)
	}
	p := &pull{Registry: r, entry: e, layersDir: layersDir, pulled: pulled}
	if err := p.run(ctx, all, group); err != nil {
		return p.pulled, r.failed(ctx, "reading", err)
	}
	return p.pulled, nil
}

// failed is the error of Pull and Push.
func (r Registry) failed(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s the cache %s: %w", doing, r, context.Cause(ctx))
	}
	return &RegistryError{Ref: r.String(), Doing: doing, Err: err}
}

// read gets the inventory of the registry.
func (r Registry) read(ctx context.Context) (all inventory, found bool, err error) {
	puller, err := remote.NewPuller(r.options(ctx)...)
	if err != nil {
		return all, false, err
	}
	var manifest []byte
	err = r.try(ctx, func(ctx context.Context, _ func()) error {
		d, err := puller.Get(ctx, r.Tag)
		if err == nil {
			manifest = d.Manifest
		}
		return err
	})
	if absent(err) {
		return all, false, nil
	}
	if err != nil {
		return all, false, err
	}
	digest, err := configOf(manifest)
	if err != nil {
		return all, true, &foreignError{err}
	}
	var config []byte
	err = r.try(ctx, func(ctx context.Context, alive func()) error {
		body, err := open(ctx, puller, r.Tag.Digest(digest.String()))
		if err != nil {
			return err
		}
		config, err = io.ReadAll(io.LimitReader(&heard{from: body, came: func(int64) { alive() }}, maxConfig+1))
		return errors.Join(err, body.Close())
	})
	if err != nil {
		return all, true, fmt.Errorf("its inventory: %w", err)
	}
	if all, err = parseInventory(config); err != nil {
		return all, true, &foreignError{err}
	}
	return all, true, nil
}

// pull is one call of Pull.
type pull struct {
	Registry
	entry     *Entry
	layersDir string
	mu        sync.Mutex
	pulled    Pulled
	done      int64
}

// run gets the layers of a group and records them.
func (p *pull) run(ctx context.Context, all inventory, group []buildpacks.Descriptor) error {
	inGroup := map[string]bool{}
	for _, d := range group {
		inGroup[d.ID] = true
	}
	if err := mend(p.layersDir); err != nil {
		return err
	}
	local := p.entry.readRecord()
	rec := merged{record: local}
	var wanted []remoteLayer
	var total int64
	for _, l := range all.Layers {
		switch {
		case !inGroup[l.Buildpack]:
		case p.has(local, l):
			p.pulled.Here = append(p.pulled.Here, l.id())
			if err := rec.describe(l); err != nil {
				return err
			}
		default:
			wanted = append(wanted, l)
			total += l.size()
		}
	}
	got, err := p.fetch(ctx, wanted, total)
	if err != nil {
		return err
	}
	for i, l := range wanted {
		if got[i] == "" {
			continue
		}
		if err := rec.add(l, got[i]); err != nil {
			return err
		}
		p.pulled.Layers = append(p.pulled.Layers, l.id())
		p.pulled.Size += l.size()
	}
	for id, text := range all.Stores {
		if inGroup[id] {
			if err := rec.store(id, text); err != nil {
				return err
			}
		}
	}
	return p.entry.writeRecord(rec.record)
}

// has says whether the entry holds what a layer should.
func (p *pull) has(local record, l remoteLayer) bool {
	for _, own := range local.Layers {
		if own.id() == l.id() {
			info, err := os.Lstat(own.path(p.layersDir))
			return own.Content == l.Content && maps.Equal(own.SBOM, l.sums()) && err == nil && info.IsDir()
		}
	}
	return false
}

// fetch gets layers, several at a time, and returns the sums of their indexes;
// none of a layer that could not be had.
func (p *pull) fetch(ctx context.Context, wanted []remoteLayer, total int64) ([]string, error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	if err := p.clear(wanted); err != nil {
		return nil, err
	}
	puller, err := remote.NewPuller(p.options(ctx)...)
	if err != nil {
		return nil, err
	}
	indexes := make([]string, len(wanted))
	missed := make([]error, len(wanted))
	group, fetching := errgroup.WithContext(ctx)
	group.SetLimit(blobsAtOnce)
	for i, l := range wanted {
		group.Go(func() error {
			temp := p.entry.Temp(fmt.Sprintf("pulled-%d", i))
			var began int64
			err := p.try(fetching, func(ctx context.Context, alive func()) (err error) {
				p.add(-began, total)
				began = 0
				in := parcel{layer: l, temp: temp, entry: p.entry, to: (recordedLayer{Buildpack: l.Buildpack, Name: l.Name}).path(p.layersDir)}
				indexes[i], err = in.receive(ctx, puller, p.Tag.Repository, func(n int64) {
					alive()
					began += n
					p.add(n, total)
				})
				return errors.Join(err, sandbox.Remove(temp))
			})
			if err != nil {
				indexes[i] = ""
				missed[i] = fmt.Errorf("layer %s is not in the cache %s as it should: %s", l.id(), p.Registry, explain(err))
			}
			return fetching.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, err := range missed {
		if err != nil {
			p.pulled.Missed = append(p.pulled.Missed, err)
		}
	}
	return indexes, nil
}

// clear removes what is in the place of the directories of layers; what a link
// there leads to is not theirs.
func (p *pull) clear(wanted []remoteLayer) error {
	for _, l := range wanted {
		owner := filepath.Join(p.layersDir, launch.EscapeID(l.Buildpack))
		info, err := os.Lstat(owner)
		if err == nil && !info.IsDir() {
			err = os.Remove(owner)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// add tells of progress.
func (p *pull) add(n, total int64) {
	if p.Progress == nil || n == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	p.Progress(p.done, total)
}
