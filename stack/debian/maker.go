package debian

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian/configure"
	"github.com/slugc/slugc/stack/debian/control"
	"github.com/slugc/slugc/stack/debian/deb"
	"github.com/slugc/slugc/stack/debian/repository"
	"github.com/slugc/slugc/stack/debian/resolve"
)

// Maker makes root filesystems.
type Maker struct {
	Repository repository.Repository
	// Progress begins a long step and returns how to tell how far it is, in
	// bytes, and how to end it, with the error of a step that failed. It may be
	// nil.
	Progress func(label string) (tell func(done, total int64), end func(error))
}

// Resolve finds out which packages a variant of a stack is made of today.
func (m Maker) Resolve(ctx context.Context, d stack.Definition, variant, arch string) (LockedImage, error) {
	v, err := d.Variant(variant)
	if err != nil {
		return LockedImage{}, err
	}
	repository := m.Repository
	tell, end := m.step("Fetching the index of " + d.Codename)
	repository.Progress = tell
	index, err := repository.Update(ctx, d.Suites, arch)
	end(err)
	if err != nil {
		return LockedImage{}, err
	}
	packages, err := resolve.Resolve(index, resolve.Request{Arch: arch, Wanted: v.Packages, Omit: v.Omit})
	if err != nil {
		return LockedImage{}, fmt.Errorf("the %s variant of %s: %w", variant, d.ID, err)
	}
	return LockedImage{Arch: arch, Packages: packages}, nil
}

// Make makes the root filesystem of a lock in a directory, which must not
// exist, and returns what the disk cannot hold of it. When it fails, the
// directory does not exist.
func (m Maker) Make(ctx context.Context, d stack.Definition, variant string, image LockedImage, dir string) (attributes stack.Attributes, err error) {
	v, err := d.Variant(variant)
	if err != nil {
		return nil, err
	}
	repository := m.Repository
	tell, end := m.step("Fetching packages")
	repository.Progress = tell
	debs, err := repository.Debs(ctx, image.Packages)
	end(err)
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making a root filesystem: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("making a root filesystem: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if err := configure.Skeleton(root); err != nil {
		return nil, err
	}
	tell, end = m.step("Unpacking")
	unpacked, attributes, err := deb.Unpack(ctx, debs, root, deb.Options{Keep: deb.Selection(v), Progress: tell})
	end(err)
	if err != nil {
		return nil, err
	}
	if err := agree(image.Packages, unpacked); err != nil {
		return nil, err
	}
	return configure.Apply(ctx, root, configure.Request{
		User: d.User, Arch: image.Arch, Packages: unpacked, Attributes: attributes,
	})
}

// agree makes sure that .debs are the packages that a lock calls them, because
// what is in a root filesystem is told by the lock.
func agree(locked []control.Package, unpacked []deb.Unpacked) error {
	for i, u := range unpacked {
		is := control.Package{Name: u.Package, Version: u.Control.Get("Version"), Architecture: u.Control.Get("Architecture")}
		if want := locked[i]; is.String() != want.String() {
			return fmt.Errorf("the package with the sha256 %s is %s; expected %s", want.SHA256, is, want)
		}
	}
	return nil
}

// step begins a long step.
func (m Maker) step(label string) (tell func(done, total int64), end func(error)) {
	if m.Progress == nil {
		return nil, func(error) {}
	}
	return m.Progress(label)
}
