package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"
)

// Exporter takes images to a daemon.
type Exporter struct {
	Client *Client
	// Near are images of the daemon, by name or id, that may have layers of the new
	// one. Those that are not there do not matter. Nobody has to name those that
	// layers of the new one are from, and those that have its names now.
	Near []string
	// Temp is the directory for layers that have to be read from the daemon; that of
	// the system when empty.
	Temp string
	// Memory is a file that says which blobs a daemon with containerd has. It may be
	// empty, and then every blob is sent.
	Memory string
	// Warn hears of trouble with the memory, which costs time at the next export. It
	// may be nil.
	Warn func(error)
	// Progress is told how many of the bytes of layers that have to be sent are. It
	// may be nil.
	Progress func(done, total int64)
}

// Saved is what became of an image.
type Saved struct {
	// ID names the image in the daemon: "sha256:<hex>".
	ID string
	// Sent is the number of bytes that went to the daemon to load it.
	Sent  int64
	Names []Outcome
}

// Outcome is what became of a name: Err is nil where it names the image now.
type Outcome struct {
	Name string
	Err  error
}

// Export loads an image and gives it names. What became of each name is in Saved,
// also when some failed; the error is for what failed for all, and then no name
// changed.
//
// A layer of the size 0 is one that only the daemon has; see Client.Image.
func (e Exporter) Export(ctx context.Context, image v1.Image, names []string) (Saved, error) {
	info, err := e.Client.Info(ctx)
	if err != nil {
		return Saved{}, err
	}
	load := e.toGraphDriver
	if info.Containerd {
		load = e.toContainerd
	}
	saved, err := load(ctx, image, names)
	if err != nil {
		return Saved{}, err
	}
	for _, name := range names {
		saved.Names = append(saved.Names, Outcome{name, e.Client.Tag(ctx, saved.ID, name)})
		if ctx.Err() != nil {
			return Saved{}, context.Cause(ctx)
		}
	}
	return saved, nil
}

// toGraphDriver loads an image without a name.
func (e Exporter) toGraphDriver(ctx context.Context, image v1.Image, names []string) (Saved, error) {
	config, err := image.RawConfigFile()
	if err != nil {
		return Saved{}, err
	}
	id, err := image.ConfigName()
	if err != nil {
		return Saved{}, err
	}
	layers, err := layersOf(image)
	if err != nil {
		return Saved{}, err
	}
	there, near, err := e.look(ctx, id.String(), layers, names)
	saved := Saved{ID: id.String()}
	if err != nil || there {
		return saved, err
	}
	l := loading{exporter: e, near: near, shelf: shelf{temp: e.Temp}}
	defer l.shelf.clear()
	known := shared(layers, near)
	saved.Sent, err = l.dockerArchive(ctx, config, layers, known)
	if refused(err) && (known > 0 || l.fromCache) {
		// What was there is not any more, or what was here is damaged.
		l.uncached = true
		var more int64
		more, err = l.dockerArchive(ctx, config, layers, 0)
		saved.Sent += more
	}
	if err != nil {
		return Saved{}, err
	}
	return saved, e.loaded(ctx, saved.ID)
}

// look asks whether an image is there, if its id is known, and for the layers of
// those near it.
func (e Exporter) look(ctx context.Context, id string, layers []layered, names []string) (there bool, near []Inspected, err error) {
	images := slices.Concat(e.Near, names)
	for _, layer := range layers {
		images = append(images, imageOf(layer.Layer))
	}
	slices.Sort(images)
	images = slices.Compact(images)
	found := make([]Inspected, len(images))
	group, asking := errgroup.WithContext(ctx)
	group.SetLimit(4)
	group.Go(func() (err error) {
		if id != "" {
			_, there, err = e.Client.Inspect(asking, id)
		}
		return err
	})
	for i, name := range images {
		if name == "" {
			continue
		}
		group.Go(func() (err error) {
			found[i], _, err = e.Client.Inspect(asking, name)
			return err
		})
	}
	err = group.Wait()
	return there, slices.DeleteFunc(found, func(about Inspected) bool { return about.ID == "" }), err
}

// loaded makes sure that a daemon has what it says that it loaded.
func (e Exporter) loaded(ctx context.Context, id string) error {
	_, there, err := e.Client.Inspect(ctx, id)
	if err == nil && !there {
		err = &LoadError{"it says that it did, and has no image " + id}
	}
	return err
}

// refused says that a daemon read an archive and did not like it: Docker says so in
// an answer of its own kind, others with a status.
func refused(err error) bool {
	if _, ok := errors.AsType[*LoadError](err); ok {
		return true
	}
	answer, ok := errors.AsType[*Error](err)
	return ok && answer.Status >= http.StatusInternalServerError
}

// layered is a layer and its diffID.
type layered struct {
	v1.Layer
	diffID string
}

// layersOf are the layers of an image from the bottom.
func layersOf(image v1.Image) ([]layered, error) {
	all, err := image.Layers()
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	if got, want := len(all), len(config.RootFS.DiffIDs); got != want {
		return nil, fmt.Errorf("the image is damaged: it has %d layers and names %d", got, want)
	}
	layers := make([]layered, len(all))
	for i, l := range all {
		layers[i] = layered{l, config.RootFS.DiffIDs[i].String()}
	}
	return layers, nil
}

// shared is the number of layers, from the bottom, that an image near by has.
func shared(layers []layered, near []Inspected) int {
	most := 0
	for _, other := range near {
		n := 0
		for n < len(layers) && n < len(other.RootFS.Layers) && layers[n].diffID == other.RootFS.Layers[n] {
			n++
		}
		most = max(most, n)
	}
	return most
}

// stream writes an archive into the daemon and returns how many bytes it took.
func (c *Client) stream(ctx context.Context, write func(io.Writer) error) (sent int64, err error) {
	r, w := io.Pipe()
	counted := &counter{w: w}
	written := errUnread
	var group errgroup.Group
	group.Go(func() error {
		// Whatever becomes of the writer, nobody waits for it for ever.
		defer func() { _ = w.CloseWithError(written) }()
		written = write(counted)
		return nil
	})
	err = c.Load(ctx, r)
	// Who still writes has nobody who reads.
	_ = r.CloseWithError(errUnread)
	_ = group.Wait()
	if written != nil && !errors.Is(written, errUnread) && !errors.Is(written, io.ErrClosedPipe) {
		err = written
	}
	return counted.n, err
}

var errUnread = errors.New("the Docker daemon does not read on")

// counter counts bytes.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
