package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Info is what a daemon says of itself.
type Info struct {
	// Containerd says that images are in containerd, not in a graph driver.
	Containerd bool
}

// Info asks for it once.
func (c *Client) Info(ctx context.Context) (Info, error) {
	c.once.Do(func() {
		var said struct{ DriverStatus [][2]string }
		if c.wrong = c.get(ctx, "info", nil, &said); c.wrong != nil {
			return
		}
		for _, row := range said.DriverStatus {
			if row == [2]string{"driver-type", "io.containerd.snapshotter.v1"} {
				c.info.Containerd = true
			}
		}
	})
	return c.info, c.wrong
}

// Inspected is an image as a daemon describes it.
type Inspected struct {
	// ID is the digest of the config, or in containerd of the manifest:
	// "sha256:<hex>".
	ID string `json:"Id"`
	// Created is RFC 3339, or empty.
	Created                                      string
	Author, Os, OsVersion, Architecture, Variant string
	Config                                       *v1.Config
	RootFS                                       struct {
		Type string
		// Layers are the diffIDs from the bottom.
		Layers []string
	}
	// Manifests are those of an image in containerd, if they were asked for.
	Manifests []struct {
		ID        string
		Available bool
	}
}

// whole says whether a daemon with containerd has all of an image, as far as it
// says so: from version 1.48 of the API on.
func (c *Client) whole(ctx context.Context, id string) (bool, error) {
	if c.version < 1_048 {
		_, found, err := c.Inspect(ctx, id)
		return found, err
	}
	about, found, err := c.inspect(ctx, id, url.Values{"manifests": {"1"}})
	for _, m := range about.Manifests {
		if m.ID == id && !m.Available {
			return false, err
		}
	}
	return found, err
}

// Inspect asks for an image, by name or id. There is none if found is false.
func (c *Client) Inspect(ctx context.Context, image string) (about Inspected, found bool, err error) {
	return c.inspect(ctx, image, nil)
}

func (c *Client) inspect(ctx context.Context, image string, query url.Values) (about Inspected, found bool, err error) {
	if err := c.get(ctx, "images/"+image+"/json", query, &about); err != nil {
		if missing(err) {
			return Inspected{}, false, nil
		}
		return Inspected{}, false, err
	}
	return about, true, nil
}

// Step is an entry of the history of an image.
type Step struct {
	// Created is in seconds since 1970.
	Created            int64
	CreatedBy, Comment string
}

// History asks how an image came to be, the last step first.
func (c *Client) History(ctx context.Context, image string) ([]Step, error) {
	var steps []Step
	err := c.get(ctx, "images/"+image+"/history", nil, &steps)
	return steps, err
}

// Tag gives an image, by id, a name: REPO[:TAG].
func (c *Client) Tag(ctx context.Context, id, name string) error {
	if strings.Contains(name, "@") {
		return fmt.Errorf("naming an image %s: a digest cannot be given to an image", name)
	}
	repo, tag := name, "latest"
	if at := strings.LastIndexByte(name, ':'); at > strings.LastIndexByte(name, '/') {
		repo, tag = name[:at], name[at+1:]
	}
	answer, err := c.send(ctx, http.MethodPost, "images/"+id+"/tag", url.Values{"repo": {repo}, "tag": {tag}}, nil)
	if err != nil {
		return fmt.Errorf("naming an image %s: %w", name, err)
	}
	drain(answer)
	return nil
}

// Remove removes an image, by name or id.
func (c *Client) Remove(ctx context.Context, image string) error {
	answer, err := c.send(ctx, http.MethodDelete, "images/"+image, nil, nil)
	if err != nil {
		return fmt.Errorf("removing the image %s: %w", image, err)
	}
	drain(answer)
	return nil
}

// Save reads an image as a tar: of an OCI layout, or as older daemons write it.
func (c *Client) Save(ctx context.Context, image string) (io.ReadCloser, error) {
	answer, err := c.send(ctx, http.MethodGet, "images/"+image+"/get", nil, nil)
	if err != nil {
		return nil, fmt.Errorf("reading the image %s: %w", image, err)
	}
	return answer.Body, nil
}

// LoadError is the error in an answer that as such is none: the daemon read the
// archive and could not use it.
type LoadError struct{ Message string }

func (e *LoadError) Error() string { return "the Docker daemon cannot load the image: " + e.Message }

// unpackingFailed is how a daemon with containerd says in passing that it has taken an
// image that it cannot run.
const unpackingFailed = "Error unpacking image "

// Load has the daemon take the images of an archive, as "docker load" does (Engine API,
// "Import images"). An archive that it cannot use is a *LoadError.
func (c *Client) Load(ctx context.Context, archive io.Reader) error {
	answer, err := c.send(ctx, http.MethodPost, "images/load", url.Values{"quiet": {"1"}}, io.NopCloser(archive))
	if err != nil {
		return err
	}
	defer drain(answer)
	for lines := json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)); ; {
		var line struct {
			Stream, Error string
			ErrorDetail   struct{ Message string }
		}
		err := lines.Decode(&line)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return &ConnectionError{c.host, fmt.Errorf("reading what it says about the image: %w", err)}
		}
		if message := line.ErrorDetail.Message + line.Error; message != "" {
			if line.ErrorDetail.Message != "" {
				message = line.ErrorDetail.Message
			}
			return &LoadError{message}
		}
		if _, why, failed := strings.Cut(line.Stream, unpackingFailed); failed {
			return &LoadError{"unpacking " + strings.TrimSpace(why)}
		}
	}
}
