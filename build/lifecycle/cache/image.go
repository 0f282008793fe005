package cache

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/lifecycle/target"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/pack"
)

// Images are where a cache image is: target.Registry.
type Images interface {
	Find(ctx context.Context, image string) (target.Found, error)
	Export(ctx context.Context, image oci.Image, names []string) (target.Saved, error)
	// Delete deletes an image by its ID.
	Delete(ctx context.Context, id string) error
}

// Image is a cache in an image, which has the layers of the cache and the metadata
// as a label.
type Image struct {
	// Name is the reference of the image.
	Name   string
	Images Images
	// DeleteOld deletes the image from before where the next state is another one.
	DeleteOld bool
	// Warn hears of trouble that costs no more than time.
	Warn func(error)

	found  target.Found
	asked  bool
	layers map[string]v1.Layer
}

var _ Cache = (*Image)(nil)

// Exists reports whether there is an image. An error is that of the registry.
func (c *Image) Exists(ctx context.Context) (bool, error) {
	err := c.open(ctx)
	return c.found.There, err
}

// open finds the image, once. One that is not whole is as none.
func (c *Image) open(ctx context.Context) error {
	if c.asked {
		return nil
	}
	found, err := c.Images.Find(ctx, c.Name)
	if err != nil {
		return fmt.Errorf("accessing cache image %q: %w", c.Name, err)
	}
	c.asked, c.found, c.layers = true, found, map[string]v1.Layer{}
	if !found.There {
		return nil
	}
	if err := c.index(); err != nil {
		c.layers = nil
		c.Warn(fmt.Errorf("ignoring cache image %q because it was corrupt: %w", c.Name, err))
	}
	return nil
}

// index finds the layers of the image by their diffIDs.
func (c *Image) index() error {
	config, err := c.found.Image.ConfigFile()
	if err != nil {
		return err
	}
	layers, err := c.found.Image.Layers()
	if err != nil {
		return err
	}
	if got, want := len(layers), len(config.RootFS.DiffIDs); got != want {
		return fmt.Errorf("it has %d layers and names %d", got, want)
	}
	for i, diffID := range config.RootFS.DiffIDs {
		c.layers[diffID.String()] = layers[i]
	}
	return nil
}

// Metadata is that of the label; empty where there is no image, or one that is damaged.
func (c *Image) Metadata(ctx context.Context) (Metadata, error) {
	if err := c.open(ctx); err != nil || len(c.layers) == 0 {
		return Metadata{}, err
	}
	config, err := c.found.Image.ConfigFile()
	if err != nil {
		return Metadata{}, err
	}
	return parseMetadata([]byte(config.Config.Labels[MetadataName])), nil
}

// Restore unpacks a layer on its way from the registry. What the registry does not
// give is not there.
func (c *Image) Restore(ctx context.Context, diffID, at, dir string) (err error) {
	if err := c.open(ctx); err != nil {
		return &LayerError{diffID, err}
	}
	layer, there := c.layers[diffID]
	if !there {
		return &LayerError{diffID, errors.New("the image does not have it")}
	}
	content, err := layer.Uncompressed()
	if err != nil {
		return &LayerError{diffID, err}
	}
	// What is wrong with it shows when it is read.
	defer func() { _ = content.Close() }()
	return Unpack(ctx, content, diffID, at, dir)
}

// Raw says that an image has its layers compressed.
func (c *Image) Raw() bool { return false }

// Begin begins the next image.
func (c *Image) Begin(ctx context.Context) (Update, error) {
	if err := c.open(ctx); err != nil {
		return nil, err
	}
	return &imageUpdate{cache: c, has: map[string]bool{}}, nil
}

// imageUpdate is a next image.
type imageUpdate struct {
	cache *Image
	adds  []mutate.Addendum
	has   map[string]bool
	done  bool
}

func (u *imageUpdate) add(diffID string, layer v1.Layer) {
	if u.has[diffID] {
		return
	}
	u.has[diffID] = true
	u.adds = append(u.adds, mutate.Addendum{Layer: layer, History: v1.History{Created: v1.Time{Time: pack.Epoch()}}})
}

// Keep takes a layer over, which the registry has: what it has is whole.
func (u *imageUpdate) Keep(_ context.Context, diffID string, whole bool) error {
	layer, there := u.cache.layers[diffID]
	if !there {
		return &LayerError{diffID, errors.New("the image does not have it")}
	}
	if !whole {
		there, err := partial.Exists(layer)
		if err == nil && !there {
			err = errors.New("the registry does not have it")
		}
		if err != nil {
			return &LayerError{diffID, err}
		}
	}
	u.add(diffID, layer)
	return nil
}

// Add takes a compressed layer.
func (u *imageUpdate) Add(_ context.Context, segment artifact.Segment) error {
	layer, err := oci.NewLayer(segment, types.DockerLayer)
	if err != nil {
		return err
	}
	u.add(segment.DiffID, layer)
	return nil
}

// Commit pushes the image, unless it is the one from before.
func (u *imageUpdate) Commit(ctx context.Context, m Metadata) error {
	if u.done {
		return errors.New("the cache was committed before")
	}
	image, err := u.image(m)
	if err != nil {
		return err
	}
	u.done = true
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	c := u.cache
	if c.found.There {
		if old, err := c.found.Image.Digest(); err == nil && old == digest {
			return nil
		}
	}
	saved, err := c.Images.Export(ctx, oci.Image{Image: image}, []string{c.Name})
	for _, name := range saved.Names {
		err = errors.Join(err, name.Err)
	}
	if err != nil {
		return fmt.Errorf("saving image '%s': %w", c.Name, err)
	}
	if c.DeleteOld && c.found.There {
		if err := c.Images.Delete(ctx, c.found.ID); err != nil {
			c.Warn(fmt.Errorf("unable to delete cache image: %w", err))
		}
	}
	// The next one to ask finds the new image.
	c.asked = false
	return nil
}

// image is the image with its label. The same layers are the same image.
func (u *imageUpdate) image(m Metadata) (v1.Image, error) {
	label, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if len(u.adds) == 0 {
		// Some registries want a layer.
		blank, err := blankLayer()
		if err != nil {
			return nil, err
		}
		u.add("", blank)
	}
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		OS: "linux", Architecture: runtime.GOARCH, Created: v1.Time{Time: pack.Epoch()},
		RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{}}, Config: v1.Config{Labels: map[string]string{MetadataName: string(label)}},
	})
	if err != nil {
		return nil, err
	}
	return mutate.Append(image, u.adds...)
}

// Abort forgets the layers.
func (u *imageUpdate) Abort() error { return nil }

// blankLayer is a layer without entries.
func blankLayer() (v1.Layer, error) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write(make([]byte, 1024))
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return partial.CompressedToLayer(blank(packed.Bytes()))
}

// blank is the gzip form of a layer in memory.
type blank []byte

func (b blank) Digest() (v1.Hash, error) {
	digest, _, err := v1.SHA256(bytes.NewReader(b))
	return digest, err
}

func (b blank) Compressed() (io.ReadCloser, error)  { return io.NopCloser(bytes.NewReader(b)), nil }
func (b blank) Size() (int64, error)                { return int64(len(b)), nil }
func (b blank) MediaType() (types.MediaType, error) { return types.DockerLayer, nil }
