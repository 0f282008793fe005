package fetch

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/stack"
)

const (
	// maxJSON bounds a manifest, an index or a config, in bytes.
	maxJSON = 32 << 20
	// maxDepth bounds how deep indexes may lie in each other.
	maxDepth = 8
)

// chooser chooses an image of an index.
type chooser struct {
	target stack.Target
	// ready says what keeps a manifest, an index or a config from being read.
	ready func(v1.Descriptor) error
	// kept tells whether an image is kept already, so that no more of it needs
	// to be read.
	kept func(v1.Hash) bool
}

// chooser chooses for the target of the fetcher.
func (f Fetcher) chooser(ready func(v1.Descriptor) error) chooser {
	return chooser{target: f.Target, ready: ready, kept: func(digest v1.Hash) bool {
		_, found, err := f.find(digest.String())
		return found && err == nil
	}}
}

// candidate is an image that may be meant.
type candidate struct {
	index      v1.ImageIndex
	descriptor v1.Descriptor
}

// image returns the image for the target among the entries of an index.
func (c chooser) image(index v1.ImageIndex, entries []v1.Descriptor) (v1.Image, error) {
	images, err := c.candidates(index, entries, 0)
	if err != nil {
		return nil, err
	}
	var fit []candidate
	var platforms []string
	for _, i := range images {
		p := i.descriptor.Platform
		if p == nil || c.runs(*p) {
			fit = append(fit, i)
		}
		if p != nil && !slices.Contains(platforms, p.String()) {
			platforms = append(platforms, p.String())
		}
	}
	if len(images) == 1 {
		// Where there is no choice, the targets of the buildpacks decide.
		fit = images
	}
	// An image that is exactly for the target comes before one for all of its
	// variants.
	slices.SortStableFunc(fit, func(a, b candidate) int { return c.rank(b.descriptor) - c.rank(a.descriptor) })
	switch {
	case len(images) == 0:
		return nil, errors.New("it holds no image")
	case len(fit) == 0:
		return nil, fmt.Errorf("it has no image for %s%s", c.target, listed("; there is ", platforms))
	case len(fit) > 1 && c.rank(fit[0].descriptor) == c.rank(fit[1].descriptor):
		return nil, fmt.Errorf("it has %d images for %s; name one by its tag", len(fit), c.target)
	}
	return c.open(fit[0])
}

// candidates are the images below entries of an index; each once.
func (c chooser) candidates(index v1.ImageIndex, entries []v1.Descriptor, depth int) ([]candidate, error) {
	if depth > maxDepth {
		return nil, errors.New("its indexes lie too deep in each other")
	}
	var found []candidate
	for _, d := range entries {
		if d.Platform != nil && (d.Platform.OS == "unknown" || d.Platform.Architecture == "unknown") {
			// What is for nothing known is no image: an attestation, for one.
			continue
		}
		switch {
		case d.MediaType.IsImage():
			if !slices.ContainsFunc(found, func(o candidate) bool { return o.descriptor.Digest == d.Digest }) {
				found = append(found, candidate{index, d})
			}
		case d.MediaType.IsIndex():
			if err := c.ready(d); err != nil {
				return nil, err
			}
			below, err := index.ImageIndex(d.Digest)
			if err != nil {
				return nil, err
			}
			if err := intact(d, below.RawManifest); err != nil {
				return nil, err
			}
			manifest, err := below.IndexManifest()
			if err != nil {
				return nil, err
			}
			more, err := c.candidates(below, manifest.Manifests, depth+1)
			if err != nil {
				return nil, err
			}
			found = append(found, more...)
		}
	}
	return found, nil
}

// runs is whether an image for a platform runs on the target.
func (c chooser) runs(p v1.Platform) bool {
	return p.OS == c.target.OS && p.Architecture == c.target.Arch &&
		(p.Variant == "" || c.target.Variant == "" || p.Variant == c.target.Variant)
}

// rank is how well an image that fits is described.
func (c chooser) rank(d v1.Descriptor) int {
	switch {
	case d.Platform == nil:
		return 0
	case d.Platform.Variant == c.target.Variant:
		return 2
	}
	return 1
}

// open opens an image.
func (c chooser) open(of candidate) (v1.Image, error) {
	if err := c.ready(of.descriptor); err != nil {
		return nil, err
	}
	image, err := of.index.Image(of.descriptor.Digest)
	if err != nil {
		return nil, err
	}
	return image, c.check(of.descriptor, image)
}

// check reads the manifest and the config of an image, and compares them with
// their digests.
func (c chooser) check(d v1.Descriptor, image v1.Image) error {
	if err := intact(d, image.RawManifest); err != nil || c.kept(d.Digest) {
		return err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return fmt.Errorf("reading the manifest %s: %w", d.Digest, err)
	}
	if err := c.ready(manifest.Config); err != nil {
		return err
	}
	return intact(manifest.Config, image.RawConfigFile)
}

// intact compares a small blob with the digest that it should have.
func intact(d v1.Descriptor, read func() ([]byte, error)) error {
	data, err := read()
	if err != nil {
		return fmt.Errorf("reading %s: %w", d.Digest, err)
	}
	digest, _, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		return err
	}
	if digest != d.Digest {
		return fmt.Errorf("the blob %s is damaged: its digest is %s", d.Digest, digest)
	}
	return nil
}
