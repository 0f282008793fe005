package oci

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// joinAttempts is how often a tag is written until nobody overwrites it.
const joinAttempts = 20

// errContended says that there is no end to what others write.
var errContended = errors.New("other machines write to this tag all the time, and the image is not in it: try again later")

func (r Registry) held(ctx context.Context) (members, error) {
	options := r.options(ctx)
	var found *remote.Descriptor
	err := r.retry(ctx, func() (err error) {
		found, err = remote.Get(r.Tag, options...)
		return err
	})
	if answer, ok := errors.AsType[*transport.Error](err); ok && answer.StatusCode == http.StatusNotFound {
		return members{}, nil
	}
	if err != nil {
		return members{}, err
	}
	var m members
	err = m.add(found.Descriptor, found.Manifest, func(d v1.Descriptor) (platform *v1.Platform, err error) {
		err = r.retry(ctx, func() error {
			image, err := remote.Image(r.Tag.Context().Digest(d.Digest.String()), options...)
			if err == nil {
				platform, err = platformOf(image)
			}
			return err
		})
		return platform, err
	})
	return m, err
}

// join adds an image to what the tag names.
func (r Registry) join(ctx context.Context, image Image, c content) (joint, error) {
	there, err := r.held(ctx)
	if err != nil {
		return joint{}, err
	}
	j, err := there.with(c.descriptor)
	if err != nil || there.digest == j.descriptor.Digest {
		return j, err
	}
	if err := r.send(ctx, r.Tag.Context().Digest(c.descriptor.Digest.String()), image, c, image); err != nil {
		return joint{}, err
	}
	options := r.options(ctx)
	for attempt := range joinAttempts {
		// What others wrote meanwhile stays; what they wrote over is written
		// again.
		if there, err = r.held(ctx); err != nil {
			return joint{}, err
		}
		if j, err = there.with(c.descriptor); err != nil || there.digest == j.descriptor.Digest {
			return j, err
		}
		if err := r.retry(ctx, func() error { return remote.Put(r.Tag, j, options...) }); err != nil {
			return joint{}, err
		}
		select {
		case <-time.After(r.settle(c.descriptor.Digest, attempt)):
		case <-ctx.Done():
			return joint{}, ctx.Err()
		}
	}
	return joint{}, errContended
}

// settle is how long to wait until another machine that looked at the tag before
// this one wrote it will have written it too. Machines that began together wait
// for different times: what differs is the digest of what they made.
func (r Registry) settle(digest v1.Hash, attempt int) time.Duration {
	shortest := cmp.Or(r.Backoff, pushBackoff) / 4
	different := 0
	for _, c := range []byte(digest.Hex[2*attempt%len(digest.Hex):]) {
		different = (different*31 + int(c)) % 256
	}
	return shortest + shortest*time.Duration(different)/256
}
