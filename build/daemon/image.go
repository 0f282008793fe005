package daemon

import (
	"context"
	"fmt"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/build/pack"
)

// Image is an image of a daemon, and its id, "sha256:<hex>". There is none if found
// is false.
//
// Its config says what the daemon says of it, and its history as well if that has a
// step for each layer. A layer has its diffID for a digest and the size 0, which
// means that it is not known; reading it reads the whole image from the daemon,
// unless the layer is cached.
func (c *Client) Image(ctx context.Context, name string) (image v1.Image, id string, found bool, err error) {
	about, found, err := c.Inspect(ctx, name)
	if err != nil || !found {
		return nil, "", false, err
	}
	steps, err := c.History(ctx, about.ID)
	if missing(err) {
		return nil, "", false, nil
	}
	if err == nil {
		image, err = c.image(ctx, about, steps)
	}
	if err != nil {
		return nil, "", false, fmt.Errorf("the image %s of the Docker daemon: %w", name, err)
	}
	return image, about.ID, true, nil
}

func (c *Client) image(ctx context.Context, about Inspected, steps []Step) (v1.Image, error) {
	config := v1.ConfigFile{
		OS: about.Os, OSVersion: about.OsVersion, Architecture: about.Architecture, Variant: about.Variant,
		Author: about.Author, Created: v1.Time{Time: pack.Epoch()},
		RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{}},
	}
	if created, err := time.Parse(time.RFC3339Nano, about.Created); err == nil {
		config.Created = v1.Time{Time: created}
	}
	if about.Config != nil {
		config.Config = ofImage(*about.Config)
	}
	adds := make([]mutate.Addendum, len(about.RootFS.Layers))
	for i, word := range about.RootFS.Layers {
		diffID, err := v1.NewHash(word)
		if err != nil {
			return nil, err
		}
		adds[i] = mutate.Addendum{Layer: layer{ctx, c, about.ID, diffID}, History: v1.History{Created: v1.Time{Time: pack.Epoch()}}}
		if len(steps) == len(adds) {
			step := steps[len(steps)-1-i]
			adds[i].History = v1.History{
				Created: v1.Time{Time: time.Unix(step.Created, 0).UTC()}, CreatedBy: step.CreatedBy, Comment: step.Comment,
			}
		}
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.DockerManifestSchema2), types.DockerConfigJSON)
	image, err := mutate.ConfigFile(image, &config)
	if err != nil {
		return nil, err
	}
	return mutate.Append(image, adds...)
}

// ofImage is the part of a config that is about an image: a daemon also tells of the
// container that the image was made of.
func ofImage(c v1.Config) v1.Config {
	return v1.Config{
		Cmd: c.Cmd, Entrypoint: c.Entrypoint, Env: c.Env, ExposedPorts: c.ExposedPorts, Healthcheck: c.Healthcheck,
		Labels: c.Labels, OnBuild: c.OnBuild, Shell: c.Shell, StopSignal: c.StopSignal, User: c.User, Volumes: c.Volumes,
		WorkingDir: c.WorkingDir,
	}
}

// layer is a layer of an image that is in a daemon and nowhere else.
type layer struct {
	// ctx is that of Client.Image, because the methods of a v1.Layer have none.
	ctx    context.Context
	client *Client
	image  string
	diffID v1.Hash
}

var _ v1.Layer = layer{}

// Digest is the diffID.
func (l layer) Digest() (v1.Hash, error) { return l.diffID, nil }

// DiffID is the sha256 of the contents.
func (l layer) DiffID() (v1.Hash, error) { return l.diffID, nil }

// Size is 0.
func (l layer) Size() (int64, error) { return 0, nil }

// MediaType is that of a layer without compression.
func (l layer) MediaType() (types.MediaType, error) { return types.DockerUncompressedLayer, nil }

// Compressed is Uncompressed.
func (l layer) Compressed() (io.ReadCloser, error) { return l.Uncompressed() }

// Uncompressed opens the layer in the cache. Where it is not, the whole image is read
// from the daemon, and of it this layer kept in a file until it is closed.
func (l layer) Uncompressed() (io.ReadCloser, error) {
	if cached := l.client.cached(l.diffID.String()); cached.open != nil {
		return cached.open()
	}
	kept := shelf{}
	if err := kept.fetch(l.ctx, l.client, l.image, map[string]bool{l.diffID.String(): true}); err != nil {
		return nil, err
	}
	return kept.take(l.diffID.String())
}

// imageOf is the id of the image that a layer is of, empty for one that is of none. A
// layer in another one is found by its method Unwrap.
func imageOf(l v1.Layer) string {
	switch l := l.(type) {
	case layer:
		return l.image
	case interface{ Unwrap() v1.Layer }:
		return imageOf(l.Unwrap())
	}
	return ""
}

// elsewhere says that a layer is in a daemon and nowhere else.
func elsewhere(l v1.Layer) (bool, error) {
	size, err := l.Size()
	return size == 0, err
}
