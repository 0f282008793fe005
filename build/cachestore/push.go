package cachestore

import (
	"context"
	"io"
	"os"
	"sync"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/pack"
)

// Pushed is what a push came to.
type Pushed struct {
	// Unchanged says that the registry had all this already.
	Unchanged bool
	// Blobs are how many had to travel, Size how many bytes they had.
	Blobs int
	Size  int64
}

// Push leaves in the registry what Save has recorded of a tree. Jobs are what
// was packed for artifacts: a layer among them is not packed again. Only blobs
// that the registry does not have travel; those of an image that was pushed to
// the same registry it takes from there. The tag is written last: whoever reads
// it sees this cache or the one before, and when two builds push at once, the
// last one stays.
//
// An error is a *RegistryError unless the context ended.
func (r Registry) Push(ctx context.Context, e *Entry, tree artifact.Tree, jobs []pack.Job, from ...oci.Registry) (Pushed, error) {
	all, files, err := e.inventory(ctx, tree, jobs)
	if err != nil {
		return Pushed{}, r.failed(ctx, "writing", err)
	}
	pushed, err := r.put(ctx, all, files, from)
	if err != nil {
		return pushed, r.failed(ctx, "writing", err)
	}
	return pushed, nil
}

// Clear makes the registry forget what it has, if it has something.
func (r Registry) Clear(ctx context.Context) error {
	err := r.try(ctx, func(ctx context.Context, _ func()) error {
		_, err := remote.Head(r.Tag, r.options(ctx)...)
		return err
	})
	if absent(err) {
		return nil
	}
	if err == nil {
		_, err = r.put(ctx, inventory{Schema: schemaVersion}, nil, nil)
	}
	if err != nil {
		return r.failed(ctx, "clearing", err)
	}
	return nil
}

// put sends what the registry does not have, and as the last the manifest.
func (r Registry) put(ctx context.Context, all inventory, files map[string]string, from []oci.Registry) (Pushed, error) {
	b, err := newBundle(all)
	if err != nil {
		return Pushed{}, err
	}
	if same, err := r.holds(ctx, b); same || err != nil {
		return Pushed{Unchanged: same}, err
	}
	pusher, err := remote.NewPusher(r.options(ctx)...)
	if err != nil {
		return Pushed{}, err
	}
	p := &push{Registry: r, pusher: pusher, from: from}
	blobs := []blob{newBlob(b.config, configType)}
	for _, l := range all.Layers {
		descriptors, err := l.descriptors()
		if err != nil {
			return Pushed{}, err
		}
		for _, d := range descriptors {
			file, left := files[d.Digest.String()]
			if !left {
				continue
			}
			delete(files, d.Digest.String()) // another layer may have the same blob
			blobs = append(blobs, blob{descriptor: d, open: func() (io.ReadCloser, error) { return os.Open(file) }})
		}
	}
	if err := p.upload(ctx, blobs); err != nil {
		return p.pushed, err
	}
	return p.pushed, r.try(ctx, func(ctx context.Context, _ func()) error { return pusher.Push(ctx, r.Tag, b) })
}

// holds says whether the tag names a bundle already.
func (r Registry) holds(ctx context.Context, b bundle) (same bool, err error) {
	err = r.try(ctx, func(ctx context.Context, _ func()) error {
		d, err := remote.Head(r.Tag, r.options(ctx)...)
		same = err == nil && d.Digest == b.descriptor.Digest
		return err
	})
	if absent(err) {
		return false, nil
	}
	return same, err
}

// push is one call of Push.
type push struct {
	Registry
	pusher *remote.Pusher
	// from are images that may have the blobs.
	from []oci.Registry

	mu          sync.Mutex
	pushed      Pushed
	done, total int64
}

// upload sends the blobs that the registry does not have, several at a time.
func (p *push) upload(ctx context.Context, blobs []blob) error {
	for _, b := range blobs {
		p.total += b.descriptor.Size
	}
	group, uploading := errgroup.WithContext(ctx)
	group.SetLimit(blobsAtOnce)
	for _, b := range blobs {
		group.Go(func() error {
			var sent atomic.Int64
			send := func(as func(sending) v1.Layer) error {
				return p.try(uploading, func(ctx context.Context, alive func()) error {
					sent.Store(0)
					layer := sending{blob: b, read: func(n int64) { alive(); sent.Add(n) }}
					return p.pusher.Upload(ctx, p.Tag.Context(), as(layer))
				})
			}
			err := send(p.mountable)
			if err != nil && len(p.from) > 0 && uploading.Err() == nil {
				// Who may write here need not be allowed to read there.
				err = send(func(s sending) v1.Layer { return s })
			}
			p.ended(b, sent.Load())
			return err
		})
	}
	return group.Wait()
}

// ended counts a blob of which so many bytes were sent.
func (p *push) ended(b blob, sent int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if sent > 0 {
		p.pushed.Blobs++
		p.pushed.Size += sent
	}
	p.done += b.descriptor.Size
	if p.Progress != nil {
		p.Progress(p.done, p.total)
	}
}

// mountable is a layer that the registry may take from another repository.
func (p *push) mountable(layer sending) v1.Layer {
	for _, image := range p.from {
		repository := image.Tag.Context()
		if repository.RegistryStr() == p.Tag.RegistryStr() && repository.RepositoryStr() != p.Tag.RepositoryStr() {
			return &remote.MountableLayer{Layer: layer, Reference: repository.Digest(layer.descriptor.Digest.String())}
		}
	}
	return layer
}
