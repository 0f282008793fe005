package cachestore

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/stack/launch"
)

// The media types of a cache's config and of the SBOM of a layer, and the
// version in the config.
const (
	sbomType      types.MediaType = "application/vnd.slugc.cache.sbom.v1+json"
	configType    types.MediaType = "application/vnd.slugc.cache.config.v1+json"
	schemaVersion                 = 2
)

// Limits of what is read of a registry at once.
const (
	maxManifest = 4 << 20
	maxConfig   = 64 << 20
	maxLayers   = 10_000
)

// inventory is the config of a cache: what its segments are. It is the same
// bytes for the same layers, whoever made them.
type inventory struct {
	Schema int           `json:"schema"`
	Layers []remoteLayer `json:"layers"`
	// Stores are the persistent metadata of buildpacks by id, as TOML.
	Stores map[string]string `json:"stores,omitempty"`
}

// remoteLayer is a layer in a registry.
type remoteLayer struct {
	Buildpack string `json:"buildpack"`
	Name      string `json:"name"`
	// Metadata is TOML: JSON would not keep the types in which it was written.
	Metadata string `json:"metadata,omitempty"`
	Aside    bool   `json:"aside,omitempty"`
	// Content is what pack.Contents says of the layer.
	Content string `json:"content"`
	// Mode is that of the layer's directory.
	Mode    fs.FileMode   `json:"mode"`
	Segment remoteSegment `json:"segment"`
	// SBOM are the files that say what is in the layer, by format.
	SBOM map[string]remoteFile `json:"sbom,omitempty"`
}

// remoteFile is a small file in a registry.
type remoteFile struct {
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
}

// descriptor is the file as a layer of a manifest.
func (f remoteFile) descriptor() (v1.Descriptor, error) {
	digest, err := v1.NewHash(f.Digest)
	return v1.Descriptor{MediaType: sbomType, Digest: digest, Size: f.Size}, err
}

// remoteSegment is the blob that holds a layer.
type remoteSegment struct {
	// Key is the one of the segment's record, so that the machine that restores
	// the layer need not pack it.
	Key string `json:"key"`
	// Prefix is where the layer lies in the archive.
	Prefix  string `json:"prefix"`
	DiffID  string `json:"diff_id"`
	Digest  string `json:"digest"`
	Size    int64  `json:"size"`
	RawSize int64  `json:"raw_size"`
	// Members say where its gzip members lie.
	Members []remoteMember `json:"members,omitempty"`
}

// remoteMember is a gzip member of a segment.
type remoteMember struct {
	Offset int64 `json:"offset"`
	Size   int64 `json:"size"`
	// Sum is the one of a mixed member, in hexadecimal; empty for others.
	Sum string `json:"sum,omitempty"`
}

// member is the member as a record has it.
func (m remoteMember) member() (pack.Member, error) {
	member := pack.Member{Offset: m.Offset, Size: m.Size}
	sum, err := hex.DecodeString(m.Sum)
	if err != nil || len(sum) != 0 && len(sum) != len(member.Sum) {
		return pack.Member{}, fmt.Errorf("%q is no sum of a member", m.Sum)
	}
	copy(member.Sum[:], sum)
	return member, nil
}

// id is the layer's name in messages.
func (l remoteLayer) id() string { return l.Buildpack + ":" + l.Name }

// recorded is the layer as an entry records it, without an index.
func (l remoteLayer) recorded() (recordedLayer, error) {
	metadata, err := parseTable(l.Metadata)
	if err != nil {
		return recordedLayer{}, err
	}
	return recordedLayer{
		Buildpack: l.Buildpack, Name: l.Name, Metadata: metadata, Content: l.Content, SBOM: l.sums(), Aside: l.Aside,
	}, nil
}

// size is how many bytes travel for the layer.
func (l remoteLayer) size() int64 {
	size := l.Segment.Size
	for _, file := range l.SBOM {
		size += file.Size
	}
	return size
}

// sums are the sha256 of the SBOM files by format.
func (l remoteLayer) sums() map[string]string {
	if len(l.SBOM) == 0 {
		return nil
	}
	sums := map[string]string{}
	for format, file := range l.SBOM {
		sums[format] = strings.TrimPrefix(file.Digest, "sha256:")
	}
	return sums
}

// newRemoteSegment describes a packed segment.
func newRemoteSegment(key pack.Key, prefix string, record pack.Record) remoteSegment {
	s := remoteSegment{
		Key: key.String(), Prefix: prefix,
		DiffID: record.Segment.DiffID, Digest: record.Segment.Digest,
		Size: record.Segment.Size, RawSize: record.Segment.RawSize,
	}
	for _, m := range record.Members {
		member := remoteMember{Offset: m.Offset, Size: m.Size}
		if m.Sum != (pack.Sum{}) {
			member.Sum = hex.EncodeToString(m.Sum[:])
		}
		s.Members = append(s.Members, member)
	}
	return s
}

// record is what a store is to know about the segment, once it is in a file.
func (s remoteSegment) record(name, file string, index pack.Index) (pack.Record, error) {
	r := pack.Record{
		Segment: artifact.Segment{Name: name, DiffID: s.DiffID, Digest: s.Digest, Size: s.Size, RawSize: s.RawSize, File: file},
		Index:   index,
	}
	for _, m := range s.Members {
		member, err := m.member()
		if err != nil {
			return pack.Record{}, err
		}
		r.Members = append(r.Members, member)
	}
	return r, nil
}

// descriptor is the segment as a layer of a manifest.
func (s remoteSegment) descriptor() (v1.Descriptor, error) {
	digest, err := v1.NewHash(s.Digest)
	return v1.Descriptor{MediaType: types.OCILayer, Digest: digest, Size: s.Size}, err
}

// bundle is a cache as a registry holds it.
type bundle struct {
	manifest, config []byte
	descriptor       v1.Descriptor
}

// newBundle makes the manifest of an inventory.
func newBundle(all inventory) (bundle, error) {
	config, err := json.Marshal(all)
	if err != nil {
		return bundle{}, err
	}
	manifest := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Layers: []v1.Descriptor{}}
	manifest.Config = v1.Descriptor{MediaType: configType}
	if manifest.Config.Digest, manifest.Config.Size, err = v1.SHA256(bytes.NewReader(config)); err != nil {
		return bundle{}, err
	}
	for _, l := range all.Layers {
		blobs, err := l.descriptors()
		if err != nil {
			return bundle{}, err
		}
		for _, d := range blobs {
			if !slices.ContainsFunc(manifest.Layers, func(other v1.Descriptor) bool { return other.Digest == d.Digest }) {
				manifest.Layers = append(manifest.Layers, d)
			}
		}
	}
	if len(manifest.Layers) == 0 {
		// Registries want one layer (OCI Image Specification, "Guidance for an
		// Empty Descriptor"); the config is there already.
		manifest.Layers = append(manifest.Layers, manifest.Config)
	}
	b := bundle{config: config, descriptor: v1.Descriptor{MediaType: types.OCIManifestSchema1}}
	if b.manifest, err = json.Marshal(manifest); err != nil {
		return bundle{}, err
	}
	b.descriptor.Digest, b.descriptor.Size, err = v1.SHA256(bytes.NewReader(b.manifest))
	return b, err
}

// RawManifest is the bytes of the manifest.
func (b bundle) RawManifest() ([]byte, error) { return b.manifest, nil }

// MediaType is that of the manifest.
func (b bundle) MediaType() (types.MediaType, error) { return b.descriptor.MediaType, nil }

// configOf finds the config in the manifest of a cache.
func configOf(manifest []byte) (v1.Hash, error) {
	if len(manifest) > maxManifest {
		return v1.Hash{}, fmt.Errorf("its manifest has %d bytes; expected a cache of slugc, which has less", len(manifest))
	}
	m, err := v1.ParseManifest(bytes.NewReader(manifest))
	if err != nil {
		return v1.Hash{}, fmt.Errorf("its manifest is damaged: %w", err)
	}
	if m.Config.MediaType != configType {
		return v1.Hash{}, errors.New("it is no cache of this version of slugc; name a tag that nothing else has")
	}
	if m.Config.Size > maxConfig {
		return v1.Hash{}, fmt.Errorf("its inventory has %d bytes; at most %d are read", m.Config.Size, maxConfig)
	}
	return m.Config.Digest, nil
}

// parseInventory reads the config of a cache.
func parseInventory(data []byte) (inventory, error) {
	var all inventory
	if err := json.Unmarshal(data, &all); err != nil {
		return inventory{}, fmt.Errorf("its inventory is damaged: %w", err)
	}
	if all.Schema != schemaVersion {
		return inventory{}, fmt.Errorf("its inventory has schema %d, expected %d; the next build of this version of slugc replaces it", all.Schema, schemaVersion)
	}
	if len(all.Layers) > maxLayers {
		return inventory{}, fmt.Errorf("its inventory has %d layers; at most %d are read", len(all.Layers), maxLayers)
	}
	seen := map[string]bool{}
	for _, l := range all.Layers {
		if err := l.check(); err != nil {
			return inventory{}, fmt.Errorf("its inventory is damaged: layer %q: %w", l.id(), err)
		}
		if seen[l.recordedPath()] {
			return inventory{}, fmt.Errorf("its inventory is damaged: layer %q is there twice", l.id())
		}
		seen[l.recordedPath()] = true
	}
	for _, id := range slices.Sorted(maps.Keys(all.Stores)) {
		if !safe(id, "store") {
			return inventory{}, fmt.Errorf("its inventory is damaged: %q is no buildpack", id)
		}
		if _, err := parseTable(all.Stores[id]); err != nil {
			return inventory{}, fmt.Errorf("its inventory is damaged: the store of %s: %w", id, err)
		}
	}
	return all, nil
}

// descriptors are the blobs of the layer.
func (l remoteLayer) descriptors() ([]v1.Descriptor, error) {
	d, err := l.Segment.descriptor()
	all := []v1.Descriptor{d}
	for _, format := range slices.Sorted(maps.Keys(l.SBOM)) {
		file, fileErr := l.SBOM[format].descriptor()
		all, err = append(all, file), errors.Join(err, fileErr)
	}
	return all, err
}

// recordedPath is where the layer lies below a directory of layers.
func (l remoteLayer) recordedPath() string {
	return filepath.Join(launch.EscapeID(l.Buildpack), l.Name)
}

// check says what is wrong with the description of a layer.
func (l remoteLayer) check() error {
	if !safe(l.Buildpack, l.Name) {
		return errors.New("its name leads elsewhere")
	}
	s := l.Segment
	for _, digest := range []string{s.DiffID, s.Digest, l.Content} {
		if hash, err := v1.NewHash(digest); err != nil || hash.Algorithm != "sha256" {
			return fmt.Errorf("%q is no sha256", digest)
		}
	}
	if _, err := pack.ParseKey(s.Key); err != nil {
		return fmt.Errorf("%q is no key", s.Key)
	}
	if clean := path.Clean("/" + s.Prefix); clean == "/" || !fs.ValidPath(clean[1:]) {
		return fmt.Errorf("its prefix is %q", s.Prefix)
	}
	if s.Size <= 0 || s.RawSize <= 0 {
		return errors.New("its sizes are wrong")
	}
	for _, m := range s.Members {
		if _, err := m.member(); err != nil {
			return err
		}
	}
	for format, file := range l.SBOM {
		hash, err := v1.NewHash(file.Digest)
		if err != nil || hash.Algorithm != "sha256" || file.Size > maxSBOM || !safe(l.Buildpack, l.Name+".sbom."+format) {
			return fmt.Errorf("its SBOM %q is wrong", format)
		}
	}
	if !l.Mode.IsDir() {
		return fmt.Errorf("it has the mode %v; expected that of a directory", l.Mode)
	}
	_, err := parseTable(l.Metadata)
	return err
}

// safe says whether a layer has a place of its own below a directory of layers,
// where metadata lies in TOML files beside it.
func safe(buildpack, layer string) bool {
	owner := launch.EscapeID(buildpack)
	return !strings.HasSuffix(layer, ".toml") && fs.ValidPath(owner) && fs.ValidPath(layer) && path.Base(owner) == owner && path.Base(layer) == layer && owner != "." && layer != "."
}

// table writes metadata.
func table(of map[string]any) (string, error) {
	if len(of) == 0 {
		return "", nil
	}
	var text bytes.Buffer
	err := toml.NewEncoder(&text).Encode(of)
	return text.String(), err
}

// parseTable reads metadata.
func parseTable(text string) (map[string]any, error) {
	if text == "" {
		return nil, nil
	}
	var of map[string]any
	_, err := toml.Decode(text, &of)
	return of, err
}
