package cache

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/oci"
)

// MetadataName is the name of the metadata: of a file in a volume, and of a label.
const MetadataName = "io.buildpacks.lifecycle.cache.metadata"

// Metadata says what the layers of a cache are.
type Metadata struct {
	SBOM       oci.LayerRef          `json:"sbom"`
	Buildpacks []oci.BuildpackLayers `json:"buildpacks"`
}

// parseMetadata reads the JSON form. What cannot be read is none.
func parseMetadata(data []byte) Metadata {
	var m Metadata
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if decoder.Decode(&m) != nil {
		return Metadata{}
	}
	return m
}

// Buildpack is what it says of the layers of a buildpack, by its id; empty where it
// knows none.
func (m Metadata) Buildpack(id string) oci.BuildpackLayers {
	for _, b := range m.Buildpacks {
		if b.ID == id {
			return b
		}
	}
	return oci.BuildpackLayers{}
}

// Cache keeps layers by diffID from build to build.
type Cache interface {
	// Exists reports whether there is a state at all.
	Exists(ctx context.Context) (bool, error)
	// Metadata is that of the current state. One that is damaged reads as none.
	Metadata(ctx context.Context) (Metadata, error)
	// Restore makes the directory dir of the layer diffID, which has the path at in
	// its tar. A *LayerError says that the cache has it not, or not whole; then
	// there is no dir.
	Restore(ctx context.Context, diffID, at, dir string) error
	// Raw says that an update wants tars as they are, and not their gzip form.
	Raw() bool
	// Begin begins a next state, without any layer. There is one at a time.
	Begin(ctx context.Context) (Update, error)
}

// Update is a next state in the making. Nothing of it counts before Commit.
type Update interface {
	// Keep takes a layer over from the current state: unread when whole says that it
	// was restored from there. A *LayerError says that the cache has it not, or not
	// whole.
	Keep(ctx context.Context, diffID string, whole bool) error
	// Add takes a layer in the form that the cache wants. It may link the file, so
	// nobody changes that afterwards; it has to be there until Commit.
	Add(ctx context.Context, layer artifact.Segment) error
	// Commit makes it the current state. The update cannot be used any more.
	Commit(ctx context.Context, m Metadata) error
	// Abort forgets it. After Commit it does nothing.
	Abort() error
}

// LayerError says that a cache has a layer not, or not whole. A build goes on
// without it.
type LayerError struct {
	DiffID string
	Err    error
}

func (e *LayerError) Error() string {
	return fmt.Sprintf("the cached layer %s: %v", e.DiffID, e.Err)
}

// Unwrap returns the cause.
func (e *LayerError) Unwrap() error { return e.Err }
