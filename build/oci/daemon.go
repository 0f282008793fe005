package oci

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/daemon"
)

// DaemonKind is the transport of a Docker daemon.
const DaemonKind = "docker-daemon"

// Daemon is a name in a Docker daemon: docker-daemon:REPO:TAG. Layers that the image
// there has are not sent; see the package daemon.
type Daemon struct {
	Name string
	// Config says which daemon.
	Config daemon.Config
	// Memory is a file that says which blobs a daemon with containerd has; without one
	// all are sent. Warn hears of trouble with it, and may be nil.
	Memory string
	Warn   func(error)
	// Progress is told of the bytes that were sent. It may be nil.
	Progress func(done, total int64)
}

// Export loads the image. The digest of the artifact is the id that the daemon gives
// it.
func (d Daemon) Export(ctx context.Context, image Image) (artifact.Artifact, error) {
	c, err := contentOf(image)
	var id string
	if err == nil {
		id, err = d.load(ctx, image)
	}
	if err != nil {
		return artifact.Artifact{}, d.failed(err)
	}
	made := c.artifact(DaemonKind, d.Name, image)
	made.Digest = id
	return made, nil
}

// load returns the id of the image.
func (d Daemon) load(ctx context.Context, image Image) (string, error) {
	client, err := daemon.Dial(ctx, d.Config)
	if err != nil {
		return "", err
	}
	defer client.Close()
	saved, err := daemon.Exporter{Client: client, Memory: d.Memory, Warn: d.Warn, Progress: d.Progress}.Export(ctx, image, []string{d.Name})
	if err != nil {
		return "", err
	}
	return saved.ID, saved.Names[0].Err
}

func (d Daemon) failed(err error) error {
	return fmt.Errorf("writing to %s:%s: %w", DaemonKind, d.Name, err)
}

// Check says what would keep an image from getting there.
func (d Daemon) Check(ctx context.Context) error {
	client, err := daemon.Dial(ctx, d.Config)
	if err != nil {
		return d.failed(err)
	}
	client.Close()
	return nil
}

// Open opens the image that has the name, if there is one, as a base or a previous
// image of one that goes to the same daemon: its layers are there and nowhere else,
// and nothing but a Daemon takes an image of them.
func (d Daemon) Open(ctx context.Context) (base Base, found bool, err error) {
	client, err := daemon.Dial(ctx, d.Config)
	if err != nil {
		return Base{}, false, err
	}
	defer client.Close()
	return InDaemon(ctx, client, d.Name)
}

// InDaemon opens an image of a daemon, by name or id, for Daemon.Open. Reference is
// its id.
func InDaemon(ctx context.Context, client *daemon.Client, image string) (base Base, found bool, err error) {
	opened, id, found, err := client.Image(ctx, image)
	if err != nil || !found {
		return Base{}, false, err
	}
	config, err := opened.ConfigFile()
	if err != nil {
		return Base{}, false, err
	}
	return Base{Image: opened, Reference: id, Target: TargetOf(config)}, true, nil
}

// parseDaemon reads REPO[:TAG]. A name without a tag means the tag latest.
func parseDaemon(text string) (string, error) {
	tag, err := name.NewTag(text, name.WeakValidation)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(text, "/") {
		return "", errors.New("the name of an image does not begin with a slash")
	}
	if !strings.HasSuffix(text, ":"+tag.TagStr()) {
		text += ":" + tag.TagStr()
	}
	return text, nil
}
