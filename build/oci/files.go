package oci

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/stack"
)

// refName is the annotation with the tag of an image in a layout
// (OCI Image Layout, "index.json").
const refName = "org.opencontainers.image.ref.name"

const (
	// maxJSON bounds a manifest, an index or a config.
	maxJSON = 32 << 20
	// maxDepth bounds how deep indexes may lie in each other.
	maxDepth = 8
)

// fromFiles opens an image of an OCI layout.
func (o Opener) fromFiles(files fs.FS, tag string) (Base, error) {
	data, err := readLimited(files, "index.json")
	if errors.Is(err, fs.ErrNotExist) {
		return Base{}, errors.New("expected an OCI layout, and it has no index.json")
	}
	if err != nil {
		return Base{}, fmt.Errorf("expected an OCI layout: %w", err)
	}
	index, err := parseIndex(data)
	if err != nil {
		return Base{}, fmt.Errorf("reading index.json: %w", err)
	}
	candidates := index.Manifests
	if tag != "" {
		candidates = nil
		for _, d := range index.Manifests {
			if d.Annotations[refName] == tag {
				candidates = append(candidates, d)
			}
		}
		if len(candidates) == 0 {
			return Base{}, &missingError{fmt.Errorf("it has no tag %s%s", tag, tagList(index.Manifests))}
		}
	}
	finder := finder{files: files, target: o.Target, seen: map[v1.Hash]bool{}}
	images, err := finder.images(candidates, 0)
	if err != nil {
		return Base{}, err
	}
	switch len(images) {
	case 0:
		return Base{}, &missingError{&otherPlatformError{fmt.Errorf("it has no image for %s", o.Target)}}
	case 1:
	default:
		return Base{}, fmt.Errorf("it has %d images, name one%s%s", len(images), tagList(index.Manifests), platformList(images))
	}
	image, err := openManifest(files, images[0])
	if err != nil {
		return Base{}, err
	}
	return Base{Image: image, Reference: images[0].Digest.String(), Place: placeOf(images[0], index, candidates)}, nil
}

// placeOf is the place of an image in a layout, among the entries of its index
// that a reference names.
func placeOf(image v1.Descriptor, index v1.IndexManifest, named []v1.Descriptor) Place {
	place := Place{Others: len(index.Manifests) - 1, Index: true}
	if len(named) == 1 {
		place.Tag = named[0].Annotations[refName]
	}
	for _, d := range named {
		if d.Digest == image.Digest {
			place.Index, place.Tag = false, d.Annotations[refName]
			break
		}
	}
	return place
}

// tagList is the end of a message with the tags that there are.
func tagList(manifests []v1.Descriptor) string {
	var tags []string
	for _, d := range manifests {
		if tag := d.Annotations[refName]; tag != "" {
			tags = append(tags, tag)
		}
	}
	if len(tags) == 0 {
		return ""
	}
	return "; there is " + strings.Join(tags, ", ")
}

// platformList is the end of a message with the platforms that there are.
func platformList(images []v1.Descriptor) string {
	var platforms []string
	for _, d := range images {
		if d.Platform != nil && !slices.Contains(platforms, d.Platform.String()) {
			platforms = append(platforms, d.Platform.String())
		}
	}
	if len(platforms) < 2 {
		return ""
	}
	return "; they are for " + strings.Join(platforms, ", ")
}

// finder finds the images of a layout that run on a target.
type finder struct {
	files  fs.FS
	target stack.Target
	seen   map[v1.Hash]bool
}

// images are the images among descriptors, and below indexes among them; each
// once.
func (f finder) images(descriptors []v1.Descriptor, depth int) ([]v1.Descriptor, error) {
	if depth > maxDepth {
		return nil, errors.New("its indexes lie too deep in each other")
	}
	var images []v1.Descriptor
	for _, d := range descriptors {
		if f.seen[d.Digest] || d.Platform != nil && !runsOn(d.Platform, f.target) {
			continue
		}
		f.seen[d.Digest] = true
		switch {
		case d.MediaType.IsImage():
			images = append(images, d)
		case d.MediaType.IsIndex():
			data, err := readBlob(f.files, d)
			if err != nil {
				return nil, err
			}
			index, err := parseIndex(data)
			if err != nil {
				return nil, fmt.Errorf("reading %s: %w", d.Digest, err)
			}
			below, err := f.images(index.Manifests, depth+1)
			if err != nil {
				return nil, err
			}
			images = append(images, below...)
		}
	}
	return images, nil
}

// runsOn says whether an image for a platform of an index runs on a target.
// What is for nothing known is no image: an attestation, for one.
func runsOn(p *v1.Platform, target stack.Target) bool {
	if p.OS == "unknown" || p.Architecture == "unknown" {
		return false
	}
	return Runs(stack.Target{OS: p.OS, Arch: p.Architecture, Variant: p.Variant}, target)
}

// parseIndex reads the JSON of an index.
func parseIndex(data []byte) (v1.IndexManifest, error) {
	var index v1.IndexManifest
	if err := json.Unmarshal(data, &index); err != nil {
		return v1.IndexManifest{}, err
	}
	if index.SchemaVersion != 2 {
		return v1.IndexManifest{}, fmt.Errorf("schemaVersion is %d, expected 2", index.SchemaVersion)
	}
	return index, nil
}

// openManifest opens an image of a layout. Manifest and config are read now
// and compared with their digests.
func openManifest(files fs.FS, d v1.Descriptor) (v1.Image, error) {
	manifest, err := readBlob(files, d)
	if err != nil {
		return nil, err
	}
	parsed, err := v1.ParseManifest(bytes.NewReader(manifest))
	if err != nil {
		return nil, fmt.Errorf("reading the manifest %s: %w", d.Digest, err)
	}
	config, err := readBlob(files, parsed.Config)
	if err != nil {
		return nil, err
	}
	return partial.CompressedToImage(&fileImage{
		files: files, mediaType: d.MediaType, manifest: manifest, parsed: parsed, config: config,
	})
}

// fileImage is an image of a layout.
type fileImage struct {
	files            fs.FS
	mediaType        types.MediaType
	manifest, config []byte
	parsed           *v1.Manifest
}

var _ partial.CompressedImageCore = (*fileImage)(nil)

// MediaType is that of the manifest.
func (i *fileImage) MediaType() (types.MediaType, error) { return i.mediaType, nil }

// RawManifest is the bytes of the manifest.
func (i *fileImage) RawManifest() ([]byte, error) { return i.manifest, nil }

// RawConfigFile is the bytes of the config.
func (i *fileImage) RawConfigFile() ([]byte, error) { return i.config, nil }

// Manifest is the manifest.
func (i *fileImage) Manifest() (*v1.Manifest, error) { return i.parsed.DeepCopy(), nil }

// ConfigFile is the config.
func (i *fileImage) ConfigFile() (*v1.ConfigFile, error) { return partial.ConfigFile(i) }

// LayerByDigest finds a layer, or the config.
func (i *fileImage) LayerByDigest(digest v1.Hash) (partial.CompressedLayer, error) {
	if digest == i.parsed.Config.Digest {
		return partial.ConfigLayer(i)
	}
	for _, d := range i.parsed.Layers {
		if d.Digest == digest {
			return &blobLayer{image: i, descriptor: d}, nil
		}
	}
	return nil, fmt.Errorf("the image has no layer %s", digest)
}

// blobLayer is a layer of a layout.
type blobLayer struct {
	image      *fileImage
	descriptor v1.Descriptor
}

// Digest is that of the compressed bytes.
func (l *blobLayer) Digest() (v1.Hash, error) { return l.descriptor.Digest, nil }

// DiffID is that of the config.
func (l *blobLayer) DiffID() (v1.Hash, error) {
	return partial.BlobToDiffID(l.image, l.descriptor.Digest)
}

// Size is the number of compressed bytes.
func (l *blobLayer) Size() (int64, error) { return l.descriptor.Size, nil }

// MediaType is that of the manifest.
func (l *blobLayer) MediaType() (types.MediaType, error) { return l.descriptor.MediaType, nil }

// Compressed opens the blob.
func (l *blobLayer) Compressed() (io.ReadCloser, error) {
	return l.image.files.Open(blobPath(l.descriptor.Digest))
}

// blobPath is where a blob is in a layout.
func blobPath(digest v1.Hash) string { return path.Join("blobs", digest.Algorithm, digest.Hex) }

// readBlob reads a small blob and compares it with its descriptor.
func readBlob(files fs.FS, d v1.Descriptor) ([]byte, error) {
	data, err := readLimited(files, blobPath(d.Digest))
	if err != nil {
		return nil, err
	}
	digest, size, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if digest != d.Digest || size != d.Size {
		return nil, fmt.Errorf("the blob %s is damaged: it has %d bytes with the digest %s, expected %d", d.Digest, size, digest, d.Size)
	}
	return data, nil
}

// readLimited reads a small file.
func readLimited(files fs.FS, file string) (data []byte, err error) {
	f, err := files.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err = io.ReadAll(io.LimitReader(f, maxJSON+1))
	if err == nil && len(data) > maxJSON {
		err = fmt.Errorf("%s is larger than %d bytes", file, maxJSON)
	}
	return data, err
}
