package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/build/artifact"
)

// Joined takes images to a destination as one of several, each for a platform of
// its own: the destination becomes an image index, or stays one, in which the
// image takes the place of an earlier one for its platform. Those for other
// platforms stay, and so does a plain image for another platform that was there.
// It is for images that are built on one machine each.
//
// The same images make the same index, whichever came last: they stand in the
// order of their platforms, in a manifest list of Docker if all of them are
// Docker's, else in an OCI index.
//
// Several machines may do so at a time. A layout is locked. A registry cannot
// be: its tag is read right before it is written, and again some time later,
// until it has the image. An image gets lost only where another machine is slower
// between these two than this one waits; building it once more brings it back. An
// archive is written anew, and of two who do so at a time the last one wins.
type Joined struct {
	// To is a Layout, an Archive or a Registry.
	To Destination
	// Told hears what became of the destination. It may be nil.
	Told func(artifact.Artifact, Joint)
}

// Joint is an index that an image joined.
type Joint struct {
	Digest string
	// Platforms are those of its images, in their order.
	Platforms []string
}

var (
	_ Destination = Joined{}
	_ Checker     = Joined{}
)

// joiner is a destination that can hold an index.
type joiner interface {
	// held is what is there.
	held(ctx context.Context) (members, error)
	// join adds an image to it and returns what is there then.
	join(ctx context.Context, image Image, c content) (joint, error)
	// made is the artifact that images became there, or the error for why they
	// did not.
	made(ctx context.Context, c content, err error, images ...Image) (artifact.Artifact, error)
}

var (
	_ joiner = Layout{}
	_ joiner = Archive{}
	_ joiner = Registry{}
)

// Export adds the image to what the destination holds. The artifact is that of
// the image, not of the index, which depends on what others have built.
func (j Joined) Export(ctx context.Context, image Image) (artifact.Artifact, error) {
	to, err := j.to()
	if err != nil {
		return artifact.Artifact{}, err
	}
	c, err := contentOf(image)
	var index joint
	if err == nil {
		index, err = to.join(ctx, image, c)
	}
	a, err := to.made(ctx, c, err, image)
	if err == nil && j.Told != nil {
		j.Told(a, Joint{Digest: index.descriptor.Digest.String(), Platforms: index.platforms()})
	}
	return a, err
}

// Check says what would keep an image from being added.
func (j Joined) Check(ctx context.Context) error {
	to, err := j.to()
	if err != nil {
		return err
	}
	if early, ok := j.To.(Checker); ok {
		if err := early.Check(ctx); err != nil {
			return err
		}
	}
	if _, err := to.held(ctx); err != nil {
		_, err = to.made(ctx, content{}, err)
		return err
	}
	return nil
}

func (j Joined) to() (joiner, error) {
	if to, ok := j.To.(joiner); ok {
		return to, nil
	}
	return nil, fmt.Errorf("%T holds no index", j.To)
}

// members are the manifests of an index, or the image that stands in its place.
type members struct {
	manifests   []v1.Descriptor
	annotations map[string]string
	// digest is that of what holds them; the zero value for nothing.
	digest v1.Hash
}

// add takes in what a destination names: an index, or an image, which has to
// say what it is for. Platform finds that out where no index tells.
func (m *members) add(d v1.Descriptor, manifest []byte, platform func(v1.Descriptor) (*v1.Platform, error)) error {
	m.digest = d.Digest
	if !d.MediaType.IsIndex() {
		if !d.MediaType.IsImage() {
			return fmt.Errorf("it holds something else than images (%s): name another place", d.MediaType)
		}
		at, err := platform(d)
		if err != nil {
			return err
		}
		if at.OS == "" || at.Architecture == "" {
			return errors.New("it holds an image that does not say what machine it is for: name another place")
		}
		m.manifests = append(m.manifests, v1.Descriptor{MediaType: d.MediaType, Size: d.Size, Digest: d.Digest, Platform: at})
		return nil
	}
	index, err := parseIndex(manifest)
	if err != nil {
		return fmt.Errorf("reading the index %s: %w", d.Digest, err)
	}
	m.annotations = index.Annotations
	for _, d := range index.Manifests {
		if d.Platform == nil && d.MediaType.IsImage() {
			if d.Platform, err = platform(d); err != nil {
				return err
			}
		}
		m.manifests = append(m.manifests, d)
	}
	return nil
}

// with are the members with an image in the place of that for its platform.
func (m members) with(d v1.Descriptor) (joint, error) {
	kept := []v1.Descriptor{d}
	gone := map[string]bool{}
	for _, old := range m.manifests {
		switch {
		case old.Digest == d.Digest:
		case old.MediaType.IsImage() && old.Platform != nil && samePlatform(*old.Platform, *d.Platform):
			gone[old.Digest.String()] = true
		default:
			kept = append(kept, old)
		}
	}
	// An attestation is about an image, and goes with it.
	kept = slices.DeleteFunc(kept, func(d v1.Descriptor) bool { return gone[d.Annotations[attested]] })
	slices.SortFunc(kept, byPlatform)

	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.DockerManifestList, Manifests: kept, Annotations: m.annotations}
	for _, d := range kept {
		if d.MediaType != types.DockerManifestSchema2 || len(m.annotations) > 0 {
			index.MediaType = types.OCIImageIndex
		}
	}
	text, err := json.Marshal(index)
	if err != nil {
		return joint{}, err
	}
	digest, size, err := v1.SHA256(bytes.NewReader(text))
	return joint{
		manifest: text, manifests: kept,
		descriptor: v1.Descriptor{MediaType: index.MediaType, Size: size, Digest: digest},
	}, err
}

// attested is the annotation with the image that an attestation of BuildKit is
// about.
const attested = "vnd.docker.reference.digest"

// samePlatform tells whether an image for one platform makes one for another
// superfluous.
func samePlatform(a, b v1.Platform) bool {
	return a.OS == b.OS && a.Architecture == b.Architecture && variantOf(a) == variantOf(b) && a.OSVersion == b.OSVersion
}

// variantOf is the variant of a platform. The first of arm64 goes without saying
// (containerd, platforms.Normalize).
func variantOf(p v1.Platform) string {
	if p.Architecture == "arm64" && p.Variant == "v8" {
		return ""
	}
	return p.Variant
}

// byPlatform is the order of manifests in an index; those that are for nothing
// known come last.
func byPlatform(a, b v1.Descriptor) int {
	words := func(d v1.Descriptor) []string {
		p := d.Platform
		if p == nil || p.OS == "unknown" || p.OS == "" {
			return []string{"1", "", "", "", "", d.Digest.String()}
		}
		return []string{"0", p.OS, p.Architecture, variantOf(*p), p.OSVersion, d.Digest.String()}
	}
	return slices.Compare(words(a), words(b))
}

// joint is an index of which one member is new.
type joint struct {
	manifest   []byte
	manifests  []v1.Descriptor
	descriptor v1.Descriptor
}

// RawManifest is the bytes of the index.
func (j joint) RawManifest() ([]byte, error) { return j.manifest, nil }

// MediaType is that of the index.
func (j joint) MediaType() (types.MediaType, error) { return j.descriptor.MediaType, nil }

// blob is the index as a blob of a layout.
func (j joint) blob() blob {
	return blob{j.descriptor.Digest, j.descriptor.Size, func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(j.manifest)), nil
	}}
}

// platforms are those of the images.
func (j joint) platforms() []string {
	var all []string
	for _, d := range j.manifests {
		if d.MediaType.IsImage() && d.Platform != nil && d.Platform.OS != "unknown" {
			all = append(all, d.Platform.String())
		}
	}
	return all
}
