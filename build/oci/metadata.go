package oci

import (
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// ReadMetadata reads what a label says about the layers of an image.
func ReadMetadata(config *v1.ConfigFile) (LifecycleMetadata, error) {
	var m LifecycleMetadata
	err := readLabel(config, LifecycleLabel, &m)
	return m, err
}

// Metadata is what an image says about its layers, empty for one that no lifecycle
// made. A label that cannot be read is an error.
func (b Base) Metadata() (LifecycleMetadata, error) {
	config, err := b.Image.ConfigFile()
	if err != nil {
		return LifecycleMetadata{}, fmt.Errorf("reading the config of the image: %w", err)
	}
	return ReadMetadata(config)
}

// BaseLayers is the number of layers of the base: all up to its top layer. Of
// equal layers, which empty ones often are, it is the last that leaves room
// for the layers that the label names. A base without layers has no top layer,
// and then the label has to name all that there are.
func (m LifecycleMetadata) BaseLayers(diffIDs []v1.Hash) (n int, found bool) {
	named := 0
	for diffID, names := range m.names() {
		if slices.ContainsFunc(diffIDs, func(h v1.Hash) bool { return h.String() == diffID }) {
			named += len(names)
		}
	}
	if m.RunImage.TopLayer == "" {
		return 0, named == len(diffIDs)
	}
	for i, diffID := range diffIDs {
		if diffID.String() == m.RunImage.TopLayer && (!found || len(diffIDs)-i-1 >= named) {
			n, found = i+1, true
		}
	}
	return n, found
}
