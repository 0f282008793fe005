package oci

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/build/pack"
)

// Biggest returns the n biggest directories of the layers above the base, the
// biggest first, by their paths in the image. It reads those layers.
func Biggest(ctx context.Context, image v1.Image, n int) ([]pack.DirSize, error) {
	described, err := Inspect(image)
	if err != nil {
		return nil, err
	}
	layers, err := image.Layers()
	if err != nil {
		return nil, fmt.Errorf("inspecting an image: %w", err)
	}
	var index pack.Index
	for i, layer := range layers {
		if described.Layers[i].Name == "base" {
			continue
		}
		entries, err := entriesOf(ctx, layer)
		if err != nil {
			return nil, fmt.Errorf("inspecting the layer %s of an image: %w", described.Layers[i].Name, err)
		}
		index = append(index, entries...)
	}
	return index.Biggest(n), nil
}

// entriesOf lists the regular files of a layer.
func entriesOf(ctx context.Context, layer v1.Layer) (index pack.Index, err error) {
	err = eachEntry(ctx, layer, func(header *tar.Header, _ io.Reader) error {
		if header.Typeflag == tar.TypeReg {
			index = append(index, pack.Entry{Path: strings.TrimPrefix(header.Name, "/"), Mode: 0o644, Fingerprint: pack.Fingerprint{Size: header.Size}})
		}
		return nil
	})
	return index, err
}
