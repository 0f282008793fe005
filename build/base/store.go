package base

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian"
	"github.com/slugc/slugc/stack/flock"
)

// Store is where the stacks of this machine are. Several processes may use one
// at a time.
type Store struct {
	// Dir is the directory of the store.
	Dir string
	// Maker makes root filesystems; debian.Maker is one. It is needed by Create
	// and Ensure.
	Maker Maker
	// Warn hears of what is wrong with the store and was, or will be, put
	// right. It may be nil.
	Warn func(error)
	// Making is called before a root filesystem is made, or found to be of the
	// wanted packages already. It may be nil.
	Making func(id, variant, arch string)
	// Waiting is called when another process makes the same stack and has to
	// finish first. It may be nil.
	Waiting func()
	// Progress is called at the start of a long step; what it returns is told
	// how far the step is, and when it ended. It may be nil.
	Progress func(label string) (tell func(done, total int64), end func(error))
}

// Maker makes root filesystems of packages.
type Maker interface {
	// Resolve says of which packages a root filesystem is to be made now.
	Resolve(ctx context.Context, d stack.Definition, variant, arch string) (debian.LockedImage, error)
	// Make makes it. The directory appears when it is whole.
	Make(ctx context.Context, d stack.Definition, variant string, image debian.LockedImage, dir string) (stack.Attributes, error)
}

// Request says what to create.
type Request struct {
	// ID, Variant and Arch name it: "slugc-13", "run", "amd64".
	ID, Variant, Arch string
	// Lock has the packages; nil takes those of the moment.
	Lock *debian.Lock
}

// Find returns the current root filesystem of a variant of a stack, if it was
// made. Who is done with it closes it.
func (s Store) Find(id, variant, arch string) (Made, bool, error) {
	d, err := stack.Define(id, variant, arch)
	if err != nil {
		return Made{}, false, err
	}
	// Who makes it anew hears why.
	return s.place(d, variant, arch).find(func(error) {})
}

// Ensure returns the current root filesystem of a variant of a stack and makes
// it if there is none. Who is done with it closes it.
func (s Store) Ensure(ctx context.Context, id, variant, arch string) (Made, error) {
	if m, found, err := s.Find(id, variant, arch); found || err != nil {
		return m, err
	}
	return s.change(ctx, Request{ID: id, Variant: variant, Arch: arch}, func(p place) (Made, bool, error) {
		return p.find(func(err error) {
			s.warn(fmt.Errorf("the stack %s (%s, %s) has to be made anew: %w", id, variant, arch, err))
		})
	})
}

// Create makes the root filesystem of a variant of a stack, of the packages of
// a lock or of the moment, and makes it the current one. One that is there and
// has the same packages stays. Who is done with it closes it.
func (s Store) Create(ctx context.Context, r Request) (Made, error) {
	return s.change(ctx, r, func(place) (Made, bool, error) { return Made{}, false, nil })
}

// change makes a root filesystem current unless another process has meanwhile
// made one that will do.
func (s Store) change(ctx context.Context, r Request, will func(place) (Made, bool, error)) (made Made, err error) {
	d, err := stack.Define(r.ID, r.Variant, r.Arch)
	if err != nil {
		return Made{}, err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("making the stack %s (%s, %s): %w", r.ID, r.Variant, r.Arch, err)
		}
	}()
	if s.Making != nil {
		s.Making(r.ID, r.Variant, r.Arch)
	}
	p := s.place(d, r.Variant, r.Arch)
	if err := p.ready(); err != nil {
		return Made{}, err
	}
	lock, err := flock.Lock(ctx, filepath.Join(p.dir, "lock"), s.Waiting)
	if err != nil {
		return Made{}, err
	}
	defer lock.Close()
	if m, found, err := will(p); found || err != nil {
		return m, err
	}
	s.warn(p.sweep())
	image, err := s.packages(ctx, d, r)
	if err != nil {
		return Made{}, err
	}
	digest, err := image.Digest(d, r.Variant)
	if err != nil {
		return Made{}, err
	}
	m, err := p.keep(digest)
	if err != nil {
		m, err = p.make(ctx, digest, image)
	}
	if err != nil {
		return Made{}, err
	}
	if err := p.publish(m.Digest); err != nil {
		return Made{}, errors.Join(err, m.Close())
	}
	s.warn(p.retire(m.Digest))
	m.Superseded = false
	return m, p.date(&m)
}

// packages are those to make a root filesystem of.
func (s Store) packages(ctx context.Context, d stack.Definition, r Request) (debian.LockedImage, error) {
	if r.Lock == nil {
		return s.Maker.Resolve(ctx, d, r.Variant, r.Arch)
	}
	if r.Lock.Stack != r.ID || r.Lock.Variant != r.Variant {
		return debian.LockedImage{}, fmt.Errorf("the lock is for %s (%s)", r.Lock.Stack, r.Lock.Variant)
	}
	return r.Lock.Image(r.Arch)
}

// List returns all root filesystems that are there, the current one of each
// variant before those that it superseded. They need not be closed: nothing
// keeps them from being removed.
func (s Store) List(ctx context.Context) ([]Made, error) {
	definitions, err := stack.Definitions()
	if err != nil {
		return nil, err
	}
	var all []Made
	for _, d := range definitions {
		for _, variant := range slices.Sorted(maps.Keys(d.Variants)) {
			for _, arch := range d.Archs {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				there, err := s.place(d, variant, arch).list()
				if err != nil {
					return nil, err
				}
				all = append(all, there...)
			}
		}
	}
	return all, nil
}

// place is where the root filesystems of a variant of a stack are.
func (s Store) place(d stack.Definition, variant, arch string) place {
	return place{
		store: s, definition: d, variant: variant, arch: arch,
		dir: filepath.Join(s.Dir, d.ID, arch, variant),
	}
}

func (s Store) warn(err error) {
	if err != nil && s.Warn != nil {
		s.Warn(err)
	}
}

// step starts a long step.
func (s Store) step(label string) (tell func(done, total int64), end func(error)) {
	if s.Progress == nil {
		return nil, func(error) {}
	}
	return s.Progress(label)
}
