package cache

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slugc/slugc/build/artifact"
)

// Launch is a launch cache: a volume without metadata, with the layers of an image that
// is in a Docker daemon, which hands out no layer alone (CNB Platform API, "launch
// cache").
type Launch struct{ volume *Volume }

// OpenLaunch opens the launch cache in a directory, which has to be there.
func OpenLaunch(dir string) (*Launch, error) {
	volume, err := OpenVolume(dir)
	if err != nil {
		return nil, err
	}
	return &Launch{volume}, nil
}

// Memory is a file beside the layers for what is known of the daemon.
func (l *Launch) Memory() string { return filepath.Join(l.volume.dir, "slugc", "v1", "daemon.json") }

// Find finds the tar of a layer. Nobody has looked into it.
func (l *Launch) Find(diffID string) (path string, found bool) {
	name, err := file(diffID)
	if err != nil {
		return "", false
	}
	path = filepath.Join(l.volume.committed(), name)
	info, err := os.Lstat(path)
	return path, err == nil && info.Mode().IsRegular()
}

// Replace makes layers the state of the cache. They are files with tars, by diffID,
// which are linked where they can be; one without a file is kept if it is there.
func (l *Launch) Replace(ctx context.Context, layers map[string]string) error {
	next, err := l.volume.Begin(ctx)
	if err != nil {
		return err
	}
	u := next.(*update)
	for diffID, path := range layers {
		if path != "" {
			err = u.Add(ctx, artifact.Segment{DiffID: diffID, Digest: diffID, File: path})
		} else if err = u.Keep(ctx, diffID, true); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		if err != nil {
			return errors.Join(err, u.Abort())
		}
	}
	if err := u.sweep(); err != nil {
		return err
	}
	return u.exchange()
}
