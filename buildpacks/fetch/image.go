package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/untar"
	"github.com/slugc/slugc/stack/workbench"
)

// Labels of a buildpackage (CNB Distribution API, "Buildpackage", "Labels"), and
// one of a builder image.
const (
	packageLabel    = "io.buildpacks.buildpackage.metadata"
	layersLabel     = "io.buildpacks.buildpack.layers"
	extensionsLabel = "io.buildpacks.extension.layers"
	builderLabel    = "io.buildpacks.builder.metadata"
)

// maxMembers bounds how many buildpacks a buildpackage may have.
const maxMembers = 1000

// layersAtOnce is how many layers are read at a time.
const layersAtOnce = 4

// opener opens the compressed bytes of a layer.
type opener func(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error)

// contents is what the labels of a buildpackage say.
type contents struct {
	// paths are the directories of buildpacks, that of the root first.
	paths []string
	// places are the paths again.
	places map[string]bool
	// names are id@version of them.
	names []string
	// layers are the diffIDs that have them, each once.
	layers []v1.Hash
}

// buildpackage keeps the buildpackage that an image is.
func (f Fetcher) buildpackage(ctx context.Context, b *workbench.Bench, image v1.Image, blobs opener) (kept, error) {
	digest, err := image.Digest()
	if err != nil {
		return kept{}, err
	}
	if k, found, err := f.find(digest.String()); found || err != nil {
		return k, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return kept{}, fmt.Errorf("reading its config: %w", err)
	}
	c, err := parseLabels(config.Config.Labels)
	if err != nil {
		return kept{}, err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return kept{}, fmt.Errorf("reading its manifest: %w", err)
	}
	if len(manifest.Layers) != len(config.RootFS.DiffIDs) {
		return kept{}, fmt.Errorf("its manifest has %d layers, its config %d", len(manifest.Layers), len(config.RootFS.DiffIDs))
	}
	dir, err := b.Folder("image")
	if err != nil {
		return kept{}, err
	}
	tree, err := b.Folder("image/" + treeName)
	if err != nil {
		return kept{}, err
	}
	wanted := make(map[v1.Hash]v1.Descriptor, len(c.layers))
	for _, diffID := range c.layers {
		i := slices.Index(config.RootFS.DiffIDs, diffID)
		if i < 0 {
			return kept{}, fmt.Errorf("its label %s names the layer %s, which the image does not have", layersLabel, diffID)
		}
		wanted[diffID] = manifest.Layers[i]
	}
	if err := f.layers(ctx, c, wanted, blobs, tree); err != nil {
		return kept{}, err
	}
	if err := c.check(tree); err != nil {
		return kept{}, err
	}
	return f.finish(b, dir, digest.String(), c.paths)
}

// parseLabels reads the labels of an image.
func parseLabels(labels map[string]string) (contents, error) {
	type info struct {
		ID      string `json:"id"`
		Version string `json:"version"`
	}
	var root info
	switch text := labels[packageLabel]; {
	case text == "" && labels[builderLabel] != "":
		return contents{}, errors.New("it is a builder image; name one of the buildpackages that it is made of")
	case text == "":
		return contents{}, fmt.Errorf("the image is no buildpackage: it has no label %s", packageLabel)
	default:
		if err := json.Unmarshal([]byte(text), &root); err != nil {
			return contents{}, fmt.Errorf("reading its label %s: %w", packageLabel, err)
		}
	}
	var layers map[string]map[string]struct {
		DiffID string `json:"layerDiffID"`
	}
	if text := labels[layersLabel]; text != "" {
		if err := json.Unmarshal([]byte(text), &layers); err != nil {
			return contents{}, fmt.Errorf("reading its label %s: %w", layersLabel, err)
		}
	}
	if _, found := layers[root.ID][root.Version]; !found {
		if strings.Contains(labels[extensionsLabel], `"`+root.ID+`"`) {
			return contents{}, fmt.Errorf("%s is an image extension, which changes a base image and is no buildpack", root.ID)
		}
		return contents{}, fmt.Errorf("its label %s does not have %s@%s, which it is a package of", layersLabel, root.ID, root.Version)
	}
	c := contents{places: map[string]bool{}}
	for _, id := range slices.Sorted(maps.Keys(layers)) {
		for _, version := range slices.Sorted(maps.Keys(layers[id])) {
			name := launch.EscapeID(id)
			if name == "" || name == "." || name == ".." || version == "" || version == "." || version == ".." || strings.ContainsAny(version, "/\x00") || strings.ContainsRune(id, 0) {
				return contents{}, fmt.Errorf("its label %s names the buildpack %q in version %q; expected names of directories", layersLabel, id, version)
			}
			diffID, err := v1.NewHash(layers[id][version].DiffID)
			if err != nil || diffID.Algorithm != "sha256" {
				return contents{}, fmt.Errorf("its label %s has %q as the layer of %s@%s; expected sha256:HEX", layersLabel, layers[id][version].DiffID, id, version)
			}
			if len(c.paths) == maxMembers {
				return contents{}, fmt.Errorf("its label %s names more than %d buildpacks", layersLabel, maxMembers)
			}
			at, full := path.Join("cnb/buildpacks", name, version), id+"@"+version
			c.places[at] = true
			if id == root.ID && version == root.Version {
				c.paths, c.names = slices.Insert(c.paths, 0, at), slices.Insert(c.names, 0, full)
			} else {
				c.paths, c.names = append(c.paths, at), append(c.names, full)
			}
			if !slices.Contains(c.layers, diffID) {
				c.layers = append(c.layers, diffID)
			}
		}
	}
	return c, nil
}

// keep is whether a path of a layer belongs to a buildpack of the labels.
func (c contents) keep(name string) bool {
	parts := strings.SplitN(strings.TrimPrefix(name, "/"), "/", 5)
	return len(parts) >= 4 && c.places[path.Join(parts[:4]...)]
}

// check says whether the directories hold what the label says.
func (c contents) check(tree string) error {
	var p Package
	for i, at := range c.paths {
		if _, err := os.Lstat(filepath.Join(tree, at)); err != nil {
			return fmt.Errorf("its label %s has %s, and there is no /%s in the layer", layersLabel, c.names[i], at)
		}
		m, err := p.add(filepath.Join(tree, at))
		if err != nil {
			return fmt.Errorf("/%s: %w", at, &inside{filepath.Join(tree, at), err})
		}
		if m.ID+"@"+m.Version != c.names[i] {
			return fmt.Errorf("its label %s has %s, and the layer has %s@%s there", layersLabel, c.names[i], m.ID, m.Version)
		}
	}
	return nil
}

// layers writes the layers of a buildpackage below one directory.
func (f Fetcher) layers(ctx context.Context, c contents, wanted map[v1.Hash]v1.Descriptor, blobs opener, dir string) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	tree := untar.New(root, untar.Options{Rooted: true, Keep: c.keep, Limits: f.Limits})
	var (
		mu          sync.Mutex
		total, done int64
	)
	for _, d := range wanted {
		total += d.Size
	}
	tell, end := f.progress("Fetching " + c.names[0])
	defer end()
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(layersAtOnce)
	for i, diffID := range c.layers {
		group.Go(func() error {
			read := func(n int) {
				mu.Lock()
				defer mu.Unlock()
				done += int64(n)
				tell(done, total)
			}
			blob, err := blobs(within, wanted[diffID])
			if err == nil {
				err = errors.Join(layer(within, tree, &watched{blob, read}, i, diffID), blob.Close())
			}
			if err != nil {
				return fmt.Errorf("the layer %s: %w", diffID, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if _, err := tree.Finish(ctx); err != nil {
		return err
	}
	return share(ctx, root)
}

// layer writes one layer, and checks that it is the one of the diffID.
func layer(ctx context.Context, tree *untar.Tree, packed io.Reader, order int, diffID v1.Hash) (err error) {
	content, err := decompress(packed)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	sum := sha256.New()
	if _, err := tree.Unpack(ctx, untar.Stream{Reader: io.TeeReader(content, sum), Order: order, Name: diffID.String()}); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != diffID.Hex {
		return fmt.Errorf("it is sha256:%s unpacked, which is not what the image's config says", got)
	}
	return nil
}

// watched is a reader that tells how much was read.
type watched struct {
	io.Reader
	read func(n int)
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.read(n)
	return n, err
}
