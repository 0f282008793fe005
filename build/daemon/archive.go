package daemon

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/build/pack"
)

// bufferSize is how much goes to a daemon at a time.
const bufferSize = 1 << 20

// loading is an image on its way.
type loading struct {
	exporter Exporter
	// near are images of the daemon that may have what is not here.
	near  []Inspected
	shelf shelf
	// asIs keeps layers as their digests have them.
	asIs bool
	// uncached leaves the cache alone; fromCache says that something came from it.
	uncached, fromCache bool
}

// file is an entry of an archive.
type file struct {
	name string
	size int64
	open func() (io.ReadCloser, error)
}

// text is a file whose content is at hand.
func text(name string, content []byte) file {
	return file{name, int64(len(content)), func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(string(content))), nil
	}}
}

// dockerArchive sends an image as docker save writes one, without the layers that are
// known, and returns how many bytes that took.
func (l *loading) dockerArchive(ctx context.Context, config []byte, layers []layered, known int) (int64, error) {
	files, err := l.contents(ctx, layers[known:])
	if err != nil {
		return 0, err
	}
	for i := range files {
		files[i].name = layerName(files[i].name)
	}
	names := make([]string, len(layers))
	for i, layer := range layers {
		names[i] = layerName(layer.diffID)
	}
	_, id, _ := strings.Cut(sumOf(config), ":")
	manifest, err := json.Marshal([]struct {
		Config           string
		RepoTags, Layers []string
	}{{Config: id + ".json", Layers: names}})
	if err != nil {
		return 0, err
	}
	return l.send(ctx, append(files, text(id+".json", config), text("manifest.json", manifest)))
}

// layerName is the name of the file of a layer.
func layerName(diffID string) string {
	_, sum, _ := strings.Cut(diffID, ":")
	return sum + ".tar"
}

// contents finds what layers hold, each once, in the form that is at hand: a daemon
// unpacks gzip too. The files have the diffIDs for names.
func (l *loading) contents(ctx context.Context, layers []layered) ([]file, error) {
	var files []file
	wanted := map[string]bool{}
	seen := map[string]bool{}
	for _, layer := range layers {
		if seen[layer.diffID] {
			continue
		}
		seen[layer.diffID] = true
		found, err := l.here(ctx, layer)
		if err != nil {
			return nil, fmt.Errorf("the layer %s: %w", layer.diffID, err)
		}
		if found.open == nil {
			wanted[layer.diffID] = true
		}
		files = append(files, found)
	}
	if err := l.read(ctx, wanted); err != nil {
		return nil, err
	}
	for i := range files {
		if files[i].open == nil {
			found, err := l.shelf.file(files[i].name)
			if err != nil {
				return nil, err
			}
			files[i] = found
		}
	}
	return files, nil
}

// here finds a layer on this machine, as Client.cached does.
func (l *loading) here(ctx context.Context, layer layered) (file, error) {
	away, err := elsewhere(layer)
	if err != nil {
		return file{}, err
	}
	if away {
		found := file{name: layer.diffID}
		if !l.uncached {
			found = l.exporter.Client.cached(layer.diffID)
		}
		l.fromCache = l.fromCache || found.open != nil
		return found, nil
	}
	kind, err := layer.MediaType()
	if err != nil {
		return file{}, err
	}
	if l.asIs || kind != types.OCILayerZStd {
		size, err := layer.Size()
		return file{layer.diffID, size, layer.Compressed}, err
	}
	// Not every daemon reads zstd.
	packed, err := layer.Compressed()
	if err != nil {
		return file{}, err
	}
	defer packed.Close()
	if _, err := l.shelf.put(&contextReader{ctx, packed}, map[string]bool{layer.diffID: true}); err != nil {
		return file{}, err
	}
	return l.shelf.file(layer.diffID)
}

// cached finds a layer in the cache. Where it is not, the file has its diffID for a
// name and does not open.
func (c *Client) cached(diffID string) file {
	none := file{name: diffID}
	if c.Cached == nil {
		return none
	}
	path, found := c.Cached(diffID)
	if !found {
		return none
	}
	info, err := os.Stat(path)
	if err != nil {
		return none // it is no more than a cache
	}
	return file{diffID, info.Size(), func() (io.ReadCloser, error) { return os.Open(path) }}
}

// read reads layers from images of the daemon.
func (l *loading) read(ctx context.Context, wanted map[string]bool) error {
	for _, image := range l.near {
		here := map[string]bool{}
		for _, diffID := range image.RootFS.Layers {
			if wanted[diffID] && l.shelf.files[diffID] == nil {
				here[diffID] = true
			}
		}
		if len(here) == 0 {
			continue
		}
		if err := l.shelf.fetch(ctx, l.exporter.Client, image.ID, here); err != nil && !missing(err) {
			return err
		}
	}
	return nil
}

// file is a layer on the shelf.
func (s *shelf) file(diffID string) (file, error) {
	found := s.files[diffID]
	if found == nil {
		return file{}, fmt.Errorf("the layer %s is in no image of the Docker daemon any more, and nowhere else: build again with an empty cache", diffID)
	}
	info, err := found.Stat()
	if err != nil {
		return file{}, err
	}
	return file{diffID, info.Size(), func() (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(found, 0, info.Size())), nil
	}}, nil
}

// send sends files as a tar.
func (l *loading) send(ctx context.Context, files []file) (int64, error) {
	progress := progress{tell: l.exporter.Progress}
	for _, f := range files {
		progress.total += f.size
	}
	return l.exporter.Client.stream(ctx, func(w io.Writer) error {
		buffered := bufio.NewWriterSize(w, bufferSize)
		archive := tar.NewWriter(buffered)
		buf := make([]byte, bufferSize)
		for _, f := range files {
			if err := f.write(ctx, archive, buf, &progress); err != nil {
				return err
			}
		}
		if err := archive.Close(); err != nil {
			return err
		}
		return buffered.Flush()
	})
}

// write adds a file to a tar.
func (f file) write(ctx context.Context, to *tar.Writer, buf []byte, p *progress) error {
	header := &tar.Header{Name: f.name, Typeflag: tar.TypeReg, Mode: 0o644, Size: f.size, ModTime: pack.Epoch()}
	if err := to.WriteHeader(header); err != nil {
		return err
	}
	content, err := f.open()
	if err != nil {
		return err
	}
	defer content.Close()
	n, err := io.CopyBuffer(io.MultiWriter(to, p), &contextReader{ctx, content}, buf)
	if err == nil && n < f.size {
		err = fmt.Errorf("%s has %d bytes, expected %d", f.name, n, f.size)
	}
	return err
}

// progress counts bytes and tells of them.
type progress struct {
	tell        func(done, total int64)
	done, total int64
}

func (p *progress) Write(b []byte) (int, error) {
	p.done += int64(len(b))
	if p.tell != nil {
		p.tell(p.done, p.total)
	}
	return len(b), nil
}

// contextReader reads until a context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}

// sumOf is the digest of content.
func sumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}
