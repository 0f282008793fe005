package daemon

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/build/beside"
)

// remembered is an image that was loaded, with its layers: as long as the daemon has
// it, it has their blobs.
type remembered struct {
	ID     string          `json:"id"`
	Layers []v1.Descriptor `json:"layers"`
	// DiffIDs are those of the layers.
	DiffIDs []string `json:"diffIDs"`
}

// toContainerd loads an image without a name.
func (e Exporter) toContainerd(ctx context.Context, image v1.Image, names []string) (Saved, error) {
	layers, err := layersOf(image)
	if err != nil {
		return Saved{}, err
	}
	known, err := e.remember(ctx)
	if err != nil {
		return Saved{}, err
	}
	_, near, err := e.look(ctx, "", layers, names)
	if err != nil {
		return Saved{}, err
	}
	l := loading{exporter: e, near: near, shelf: shelf{temp: e.Temp}, asIs: true}
	defer l.shelf.clear()
	made, err := l.manifest(ctx, image, layers, known)
	if err != nil {
		return Saved{}, err
	}
	saved := Saved{ID: made.id}
	there, err := e.Client.whole(ctx, made.id)
	if err == nil && !there {
		saved.Sent, err = l.layout(ctx, made, layers, known)
	}
	if refused(err) && (len(known) > 0 || l.fromCache) {
		// What was there is not any more, or what was here is damaged.
		l.uncached = true
		if made, err = l.manifest(ctx, image, layers, nil); err != nil {
			return Saved{}, err
		}
		before := saved.Sent
		saved.ID = made.id
		saved.Sent, err = l.layout(ctx, made, layers, nil)
		saved.Sent += before
	}
	if err != nil {
		return Saved{}, err
	}
	if err := e.keep(made, layers); err != nil && e.Warn != nil {
		e.Warn(fmt.Errorf("remembering what the Docker daemon has: %w", err))
	}
	return saved, nil
}

// remember reads which blobs the daemon has, by diffID.
func (e Exporter) remember(ctx context.Context) (map[string]v1.Descriptor, error) {
	if e.Memory == "" {
		return nil, nil
	}
	data, err := os.ReadFile(e.Memory)
	var last remembered
	if err != nil || json.Unmarshal(data, &last) != nil || len(last.Layers) != len(last.DiffIDs) {
		return nil, nil // it saves time and nothing else
	}
	there, err := e.Client.whole(ctx, last.ID)
	if err != nil || !there {
		return nil, err
	}
	known := map[string]v1.Descriptor{}
	for i, diffID := range last.DiffIDs {
		known[diffID] = last.Layers[i]
	}
	return known, nil
}

// keep remembers what was loaded.
func (e Exporter) keep(made manifested, layers []layered) error {
	if e.Memory == "" {
		return nil
	}
	next := remembered{ID: made.id, Layers: made.layers}
	for _, layer := range layers {
		next.DiffIDs = append(next.DiffIDs, layer.diffID)
	}
	data, err := json.Marshal(next)
	if err != nil {
		return err
	}
	dir := filepath.Dir(e.Memory)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return beside.Write(dir, e.Memory, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// manifested is an image with its manifest.
type manifested struct {
	id               string
	config, manifest []byte
	// mediaType is that of the manifest.
	mediaType types.MediaType
	layers    []v1.Descriptor
}

// manifest is that of the image, in which layers that only the daemon has get the
// size that nobody knew.
func (l *loading) manifest(ctx context.Context, image v1.Image, layers []layered, known map[string]v1.Descriptor) (manifested, error) {
	var made manifested
	var err error
	if made.config, err = image.RawConfigFile(); err != nil {
		return manifested{}, err
	}
	if made.manifest, err = image.RawManifest(); err != nil {
		return manifested{}, err
	}
	parsed, err := image.Manifest()
	if err != nil {
		return manifested{}, err
	}
	if got, want := len(parsed.Layers), len(layers); got != want {
		return manifested{}, fmt.Errorf("the image is damaged: it has %d layers and names %d", got, want)
	}
	if made.mediaType, err = image.MediaType(); err != nil {
		return manifested{}, err
	}
	made.layers = parsed.Layers
	found, err := l.sizes(ctx, layers, known)
	if err != nil || len(found) == 0 {
		made.id = sumOf(made.manifest)
		return made, err
	}
	parsed = parsed.DeepCopy()
	made.layers = parsed.Layers
	for i, layer := range layers {
		if d, away := found[layer.diffID]; away {
			d.MediaType = cmp.Or(d.MediaType, parsed.Layers[i].MediaType)
			parsed.Layers[i] = d
		}
	}
	made.manifest, err = json.Marshal(parsed)
	made.id = sumOf(made.manifest)
	return made, err
}

// sizes are the layers, by diffID, that only the daemon has: as they are known,
// else as they come out of it or of the cache.
func (l *loading) sizes(ctx context.Context, layers []layered, known map[string]v1.Descriptor) (map[string]v1.Descriptor, error) {
	found := map[string]v1.Descriptor{}
	var unknown []layered
	for _, layer := range layers {
		away, err := elsewhere(layer)
		if err != nil {
			return nil, err
		}
		if _, seen := found[layer.diffID]; !away || seen {
			continue
		}
		d, is := known[layer.diffID]
		if found[layer.diffID] = d; !is {
			unknown = append(unknown, layer)
		}
	}
	files, err := l.contents(ctx, unknown)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		digest, err := v1.NewHash(f.name)
		if err != nil {
			return nil, err
		}
		found[f.name] = v1.Descriptor{Size: f.size, Digest: digest}
	}
	return found, nil
}

// layout sends an image as an OCI layout, without the blobs that are known, and
// returns how many bytes that took.
func (l *loading) layout(ctx context.Context, made manifested, layers []layered, known map[string]v1.Descriptor) (int64, error) {
	var missing []layered
	for i, layer := range layers {
		if old, found := known[layer.diffID]; !found || old.Digest != made.layers[i].Digest {
			missing = append(missing, layer)
		}
	}
	files, err := l.contents(ctx, missing)
	if err != nil {
		return 0, err
	}
	digests := map[string]string{}
	for i, layer := range layers {
		digests[layer.diffID] = made.layers[i].Digest.String()
	}
	for i := range files {
		files[i].name = blobName(digests[files[i].name])
	}
	digest, err := v1.NewHash(made.id)
	if err != nil {
		return 0, err
	}
	index, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{
		{MediaType: made.mediaType, Size: int64(len(made.manifest)), Digest: digest},
	}})
	if err != nil {
		return 0, err
	}
	files = append(files, text(blobName(sumOf(made.config)), made.config), text(blobName(made.id), made.manifest),
		text("index.json", index), text("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)))
	sent, err := l.send(ctx, files)
	if refused(err) {
		// The daemon may have the image, without what it is made of. Who looks for it
		// next must not take it for whole.
		_ = l.exporter.Client.Remove(ctx, made.id)
	}
	if err != nil {
		return sent, err
	}
	there, err := l.exporter.Client.whole(ctx, made.id)
	if err == nil && !there {
		err = &LoadError{"it says that it did, and has not all of the image " + made.id}
	}
	return sent, err
}

// blobName is where a blob is in a layout.
func blobName(digest string) string {
	_, sum, _ := strings.Cut(digest, ":")
	return "blobs/sha256/" + sum
}
