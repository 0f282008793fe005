package base

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/flock"
)

// Removal is what became of the root filesystems of a variant of a stack that
// were to be removed.
type Removal struct {
	// Gone were removed, InUse are used by somebody and stay.
	Gone, InUse []Made
	// Freed is the number of bytes that those took that are gone.
	Freed int64
}

// Remove removes the root filesystems of a variant of a stack and their images,
// except those that somebody uses.
func (s Store) Remove(ctx context.Context, id, variant, arch string) (r Removal, err error) {
	d, err := stack.Define(id, variant, arch)
	if err != nil {
		return Removal{}, err
	}
	p := s.place(d, variant, arch)
	if _, err := os.Stat(p.dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return Removal{}, nil
		}
		return Removal{}, err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("removing the stack %s (%s, %s): %w", id, variant, arch, err)
		}
	}()
	if err := p.ready(); err != nil {
		return Removal{}, err
	}
	lock, err := flock.Lock(ctx, filepath.Join(p.dir, "lock"), s.Waiting)
	if err != nil {
		return Removal{}, err
	}
	defer lock.Close()
	there, err := p.list()
	if err != nil {
		return Removal{}, err
	}
	sizes := map[string]int64{}
	for _, m := range there {
		if sizes[m.Digest], err = m.Usage(ctx); err != nil {
			return Removal{}, err
		}
	}
	if err := p.discard(); err != nil {
		return Removal{}, err
	}
	for _, m := range there {
		if _, err := os.Stat(m.Dir); err == nil {
			r.InUse = append(r.InUse, m)
			continue
		}
		r.Gone = append(r.Gone, m)
		r.Freed += sizes[m.Digest]
	}
	return r, nil
}

// discard removes all that nobody uses. The current one loses its name first,
// so that nobody finds it half removed; one that is in use keeps it.
func (p place) discard() error {
	current, err := p.current()
	if err != nil && !errors.Is(err, errNoDigest) {
		return err
	}
	if current != "" {
		release, claimed, err := claim(p.path(current))
		if err != nil {
			return err
		}
		if !claimed {
			return p.retire(current)
		}
		if err := release(); err != nil {
			return err
		}
	}
	if err := os.Remove(filepath.Join(p.dir, currentFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return p.retire("")
}
