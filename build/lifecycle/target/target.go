package target

import (
	"cmp"
	"context"

	"github.com/slugc/slugc/build/oci"
)

// Target is where images are read and written.
type Target interface {
	// Find looks for an image.
	Find(ctx context.Context, image string) (Found, error)
	// Access checks that images can be read, and that others can be read and
	// written too; empty names are passed over.
	Access(ctx context.Context, read, write []string) error
	// Export gives an image its names. What became of each name is in Saved, also
	// when some of them failed; the error is for what failed for all.
	Export(ctx context.Context, image oci.Image, names []string) (Saved, error)
}

// Found is what Find found.
type Found struct {
	// There is false where there is no such image, and then all else is empty but
	// Name.
	There bool
	oci.Base
	// ID names this image and no other: by digest, or as the id of a daemon.
	ID string
}

// Namer is a Target in which messages and reports call images otherwise than
// platforms do.
type Namer interface {
	// Named is what they call an image, or what an ID of one names.
	Named(image string) string
}

// Unpacker is a Target that unpacks layers at once, for which compressing them is in
// vain.
type Unpacker interface {
	// Unpacks says whether it does.
	Unpacks() bool
}

// Checker is a Target that can lose parts of an image that it still has.
type Checker interface {
	// Check fails for an image that is not there with all of its layers.
	Check(ctx context.Context, found Found) error
}

// Saved is an image that was exported.
type Saved struct {
	// Digest is that of the manifest in a registry, ID that of a daemon; one that
	// is in neither has its Place.
	Digest, ID, Place string
	// ManifestSize is in bytes; zero where it is not known.
	ManifestSize int64
	Names        []Outcome
}

// Short is the image in a few letters, for messages.
func (s Saved) Short() string {
	const letters = 12
	return cmp.Or(s.Digest, s.ID[:min(letters, len(s.ID))], s.Place)
}

// Outcome is what became of a name: Err is nil where it names the image now.
type Outcome struct {
	Name string
	Err  error
}
