package oci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"

	"github.com/slugc/slugc/build/artifact"
)

// IndexDestination takes several images somewhere under one name: an image
// index (OCI Image Index), of which a reader takes the image for its platform.
type IndexDestination interface {
	// ExportIndex takes the images there in their order and returns what they
	// became together. When it fails, the destination holds what it held
	// before.
	ExportIndex(ctx context.Context, images []Image) (artifact.Artifact, error)
}

var (
	_ IndexDestination = Layout{}
	_ IndexDestination = Archive{}
	_ IndexDestination = Registry{}
)

// indexOf joins images, each for a platform of its own, to an index.
func indexOf(images []Image) (v1.ImageIndex, error) {
	if len(images) == 0 {
		return nil, errors.New("an index needs images")
	}
	var adds []mutate.IndexAddendum
	var platforms []*v1.Platform
	for _, image := range images {
		platform, err := platformOf(image)
		if err != nil {
			return nil, err
		}
		for _, other := range platforms {
			if platform.Equals(*other) {
				return nil, fmt.Errorf("an index needs images for different platforms, and two are for %s", platform)
			}
		}
		platforms = append(platforms, platform)
		adds = append(adds, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: platform}})
	}
	return mutate.AppendManifests(empty.Index, adds...), nil
}

// platformOf is what an image runs on.
func platformOf(image v1.Image) (*v1.Platform, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the config: %w", err)
	}
	return &v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant}, nil
}

// contentOfIndex lists the blobs of an index and of its images, each once, the
// manifest of the index as the last.
func contentOfIndex(index v1.ImageIndex, images []Image) (content, error) {
	manifest, err := index.RawManifest()
	if err != nil {
		return content{}, fmt.Errorf("writing the index: %w", err)
	}
	descriptor, err := partial.Descriptor(index)
	if err != nil {
		return content{}, fmt.Errorf("writing the index: %w", err)
	}
	c := content{descriptor: v1.Descriptor{
		MediaType: descriptor.MediaType, Size: descriptor.Size, Digest: descriptor.Digest,
	}}
	seen := map[v1.Hash]bool{}
	for _, image := range images {
		one, err := contentOf(image)
		if err != nil {
			return content{}, err
		}
		for _, b := range one.blobs {
			if !seen[b.digest] {
				seen[b.digest] = true
				c.blobs = append(c.blobs, b)
			}
		}
	}
	c.blobs = append(c.blobs, blob{descriptor.Digest, descriptor.Size, func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(manifest)), nil
	}})
	return c, nil
}

// joined is an index of images and its blobs.
func joined(images []Image) (v1.ImageIndex, content, error) {
	index, err := indexOf(images)
	if err != nil {
		return nil, content{}, err
	}
	c, err := contentOfIndex(index, images)
	return index, c, err
}

// ExportIndex writes the images to the layout. Without a tag the index takes
// the place of all that have none.
func (l Layout) ExportIndex(ctx context.Context, images []Image) (artifact.Artifact, error) {
	_, c, err := joined(images)
	if err == nil {
		err = l.write(ctx, c)
	}
	return l.made(ctx, c, err, images...)
}

// ExportIndex writes the images to the archive, as one index.
func (a Archive) ExportIndex(ctx context.Context, images []Image) (artifact.Artifact, error) {
	_, c, err := joined(images)
	if err == nil {
		err = a.write(ctx, c)
	}
	return a.made(ctx, c, err, images...)
}

// ExportIndex pushes the images and, when all of them are there, the index. An
// error is a *PushError unless ctx ended.
func (r Registry) ExportIndex(ctx context.Context, images []Image) (artifact.Artifact, error) {
	index, c, err := joined(images)
	if err == nil {
		err = r.push(ctx, index, c, images...)
	}
	return r.made(ctx, c, err, images...)
}
