package oci

import (
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
)

// Image is an image and the segments that it is made of.
type Image struct {
	v1.Image
	// Segments are the layers above the base, from the bottom. Those of a
	// previous image have no File.
	Segments []artifact.Segment
}

// SetVariable gives a variable of a list of NAME=value a value, in its place if it has
// one.
func SetVariable(environ []string, name, value string) []string {
	word := name + "=" + value
	for i, old := range environ {
		if strings.HasPrefix(old, name+"=") {
			environ[i] = word
			return environ
		}
	}
	return append(environ, word)
}

// Accounted is the history of an image. Where it does not account for the
// layers it makes way for one that does, because readers match the two by
// position.
func Accounted(config *v1.ConfigFile) []v1.History {
	layers := 0
	for _, h := range config.History {
		if !h.EmptyLayer {
			layers++
		}
	}
	if layers == len(config.RootFS.DiffIDs) {
		return config.History
	}
	history := make([]v1.History, len(config.RootFS.DiffIDs))
	for i := range history {
		history[i].Created = v1.Time{Time: pack.Epoch()}
	}
	return history
}

// LayerType is the media type of layers on top of the base.
func (b Base) LayerType() (types.MediaType, error) {
	mediaType, err := b.Image.MediaType()
	if err != nil {
		return "", fmt.Errorf("reading the manifest of the base: %w", err)
	}
	if mediaType == types.DockerManifestSchema2 {
		return types.DockerLayer, nil
	}
	return types.OCILayer, nil
}
