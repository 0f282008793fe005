package extend

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/build/beside"
	"github.com/slugc/slugc/stack/sandbox"
)

// Store is the directory of images that are to be extended, as OCI layouts without
// their layers. The restorer fills it; for platforms and the reference lifecycle it is
// /kaniko.
type Store struct{ Dir string }

// base is where the store has an image.
func (s Store) base(digest v1.Hash) string {
	return filepath.Join(s.Dir, "cache", "base", digest.String())
}

// Keep puts an image into the store, unless it is there. A store without a directory,
// for which a platform has a volume when there is something to extend, keeps nothing.
func (s Store) Keep(image v1.Image) error {
	if _, err := os.Stat(s.Dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	if _, err := s.Image("@" + digest.String()); err == nil {
		return nil
	}
	return writeSparse(s.base(digest), image)
}

// Image is an image of the store, by a reference with a digest. Its layers cannot be
// read.
func (s Store) Image(reference string) (v1.Image, error) {
	_, digest, found := strings.Cut(reference, "@")
	hash, err := v1.NewHash(digest)
	if !found || err != nil {
		return nil, fmt.Errorf("the reference %q has no digest; expected what the restorer writes to analyzed.toml", reference)
	}
	dir := s.base(hash)
	path, err := layout.FromPath(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not there: run the restorer before, with the same %s: %w", dir, s.Dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", dir, err)
	}
	image, err := path.Image(hash)
	if err == nil {
		err = genuine(image, hash)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", dir, err)
	}
	return image, nil
}

// genuine says what is wrong with an image that others may have written to: manifest and
// config have to be those of the digest.
func genuine(image v1.Image, digest v1.Hash) error {
	manifest, err := image.RawManifest()
	if err != nil {
		return err
	}
	config, err := image.RawConfigFile()
	if err != nil {
		return err
	}
	parsed, err := v1.ParseManifest(bytes.NewReader(manifest))
	if err != nil {
		return err
	}
	for _, part := range []struct {
		name    string
		content []byte
		digest  v1.Hash
	}{{"manifest", manifest, digest}, {"config", config, parsed.Config.Digest}} {
		if got, _, err := v1.SHA256(bytes.NewReader(part.content)); err != nil || got != part.digest {
			return fmt.Errorf("its %s is damaged: the digest is %s, expected %s", part.name, got, part.digest)
		}
	}
	return nil
}

// writeSparse makes a directory the OCI layout of an image, without the layers.
func writeSparse(dir string, image v1.Image) error {
	manifest, err := image.RawManifest()
	if err != nil {
		return err
	}
	config, err := image.RawConfigFile()
	if err != nil {
		return err
	}
	name, err := image.ConfigName()
	if err != nil {
		return err
	}
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	mediaType, err := image.MediaType()
	if err != nil {
		return err
	}
	index, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{
		{MediaType: mediaType, Size: int64(len(manifest)), Digest: digest},
	}})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o755); err != nil {
		return err
	}
	// The index comes last: it says that the rest is there.
	for _, file := range []struct {
		name    string
		content []byte
	}{
		{blob(name), config},
		{blob(digest), manifest},
		{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		{"index.json", index},
	} {
		err := beside.Write(dir, filepath.Join(dir, file.name), func(f *os.File) error {
			_, err := f.Write(file.content)
			return err
		})
		if err != nil {
			return fmt.Errorf("writing %s: %w", dir, err)
		}
	}
	return nil
}

func blob(hash v1.Hash) string { return filepath.Join("blobs", hash.Algorithm, hash.Hex) }

// Extended is a directory for what extenders make of run images (CNB Platform API,
// "extender"): one image, as an OCI layout that has of the layers those which are new.
type Extended struct{ Dir string }

// Write puts an image with new layers, whose files are moved there, in the place of the
// one that is there.
func (e Extended) Write(image v1.Image, files []string) error {
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	if err := sandbox.Remove(e.Dir); err != nil {
		return err
	}
	dir := filepath.Join(e.Dir, digest.String())
	blobs := filepath.Join(dir, "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		return err
	}
	// Layers that are the same are one file.
	slices.Sort(files)
	for _, file := range slices.Compact(files) {
		if err := os.Rename(file, filepath.Join(blobs, filepath.Base(file))); err != nil {
			return err
		}
	}
	return writeSparse(dir, image)
}

// NewLayer is a layer of an extended image that is there.
type NewLayer struct {
	// File is the layer.
	File string
	// CreatedBy is how it came about.
	CreatedBy string
}

// Read returns the config of the image and its new layers, from the bottom. There is
// none, and the config is nil, where nobody extended anything.
func (e Extended) Read() (*v1.ConfigFile, []NewLayer, error) {
	entries, err := os.ReadDir(e.Dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if len(entries) > 1 {
		return nil, nil, fmt.Errorf("%s has %d images of extenders; expected one", e.Dir, len(entries))
	}
	dir := filepath.Join(e.Dir, entries[0].Name())
	config, layers, err := readExtended(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", dir, err)
	}
	return config, layers, nil
}

func readExtended(dir string) (*v1.ConfigFile, []NewLayer, error) {
	path, err := layout.FromPath(dir)
	if err != nil {
		return nil, nil, err
	}
	index, err := path.ImageIndex()
	if err != nil {
		return nil, nil, err
	}
	manifests, err := index.IndexManifest()
	if err != nil {
		return nil, nil, err
	}
	if len(manifests.Manifests) != 1 {
		return nil, nil, fmt.Errorf("its index has %d images; expected one", len(manifests.Manifests))
	}
	image, err := path.Image(manifests.Manifests[0].Digest)
	if err != nil {
		return nil, nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, nil, err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return nil, nil, err
	}
	var history []v1.History
	for _, h := range config.History {
		if !h.EmptyLayer {
			history = append(history, h)
		}
	}
	var layers []NewLayer
	for i, layer := range manifest.Layers {
		file := filepath.Join(dir, blob(layer.Digest))
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			continue // it is one of the image that was extended
		} else if err != nil {
			return nil, nil, err
		}
		own := NewLayer{File: file}
		if i < len(history) {
			own.CreatedBy = history[i].CreatedBy
		}
		layers = append(layers, own)
	}
	return config, layers, nil
}
