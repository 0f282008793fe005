package builder

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/download"
)

// lifecycleOf brings the lifecycle that a builder.toml names.
func (c Creator) lifecycleOf(ctx context.Context, config builderConfig, t stack.Target) (LifecycleArchive, error) {
	uri := config.at(config.lifecycle.URI)
	switch scheme, _, addressed := strings.Cut(uri, "://"); {
	case uri == "":
		return c.ownLifecycle(config.lifecycle.Version, t.Arch)
	case oci.HasTransport(uri):
		return c.lifecycleIn(ctx, uri, t)
	case scheme == "https" && addressed:
		return c.downloadLifecycle(ctx, uri)
	case addressed && scheme != "file":
		return nil, fmt.Errorf("uri %.200q: expected https://, docker://, oci:, oci-archive: or a file", uri)
	}
	file := strings.TrimPrefix(uri, "file://")
	if !filepath.IsAbs(file) {
		file = filepath.Join(config.base, file)
	}
	return readLifecycle(file)
}

// ownLifecycle is slugc's own, in whatever version it has.
func (c Creator) ownLifecycle(version, arch string) (LifecycleArchive, error) {
	if c.Lifecycle == nil {
		return nil, errors.New("there is no lifecycle of slugc's own here; name one with uri")
	}
	own, err := c.Lifecycle(arch)
	if err != nil || version == "" {
		return own, err
	}
	l, err := own.read(arch)
	if err != nil {
		return nil, err
	}
	if l.Version != version {
		return nil, fmt.Errorf("slugc brings version %s and no other; for %.100s write uri = \"...\" with its archive or its image", l.Version, version)
	}
	return own, nil
}

// readLifecycle reads the archive in a file.
func readLifecycle(file string) (LifecycleArchive, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxLifecycleBytes+1))
	if err == nil && len(data) > maxLifecycleBytes {
		err = fmt.Errorf("%s is larger than %d MiB", file, maxLifecycleBytes>>20)
	}
	return data, err
}

// downloadLifecycle fetches the archive from an address.
func (c Creator) downloadLifecycle(ctx context.Context, address string) (LifecycleArchive, error) {
	if c.Offline {
		return nil, fmt.Errorf("%s may not be fetched without the network; name a file", address)
	}
	if c.Fetcher.Download == nil {
		return nil, errors.New("there is nothing to download with")
	}
	return c.Fetcher.Download.Document(ctx, download.Request{URL: address, Limit: maxLifecycleBytes})
}

// lifecycleIn takes the lifecycle out of an image that has one, such as those of
// slugc builder lifecycle.
func (c Creator) lifecycleIn(ctx context.Context, ref string, t stack.Target) (_ LifecycleArchive, err error) {
	opener := c.Opener
	opener.Target = t
	opened, err := opener.Open(ctx, ref)
	if err != nil {
		return nil, err
	}
	files := mutate.Extract(opened.Image)
	defer func() { err = errors.Join(err, files.Close()) }()
	var archive bytes.Buffer
	to := tar.NewWriter(&archive)
	inside := func(name string) string { return strings.TrimPrefix(strings.TrimPrefix(name, "/"), "cnb/") }
	wanted := func(name string) bool {
		return inside(name) == lifecycleFile || strings.HasPrefix(inside(name), "lifecycle/")
	}
	err = eachEntry(files, wanted, func(name string, h *tar.Header, content []byte) error {
		h.Name = inside(name)
		if err := to.WriteHeader(h); err != nil {
			return err
		}
		_, err := to.Write(content)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading image %s: %w", ref, err)
	}
	if err := to.Close(); err != nil {
		return nil, err
	}
	return archive.Bytes(), nil
}
