package base

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/rootfs"
)

// Stacks finds what a person calls a stack: "host", the id of a stack that
// slugc makes, a directory with a root filesystem, or an image as oci.Opener
// names them. What has to be made or unpacked for it is, once. What it found
// stays on the shelf until it is closed.
type Stacks struct {
	// Shelf opens the shelf, for who needs it.
	Shelf func() (Shelf, error)
	// Images opens the store of root filesystems of images.
	Images func() (rootfs.Store, error)
	// Opener opens images; its Target is the one to build for.
	Opener oci.Opener
	// Making is told what is about to be made. It may be nil.
	Making func(id, variant string)

	inUse []Made
}

// Close says that nothing that was found is used any more.
func (s *Stacks) Close() error {
	var err error
	for _, m := range s.inUse {
		err = errors.Join(err, m.Close())
	}
	s.inUse = nil
	return err
}

// ensure finds or makes a root filesystem and keeps it from being removed.
func (s *Stacks) ensure(ctx context.Context, id, variant string) (Made, error) {
	shelf, err := s.Shelf()
	if err != nil {
		return Made{}, err
	}
	arch := s.Opener.Target.Arch
	m, found, err := shelf.Find(id, variant, arch)
	if err == nil && !found {
		if s.Making != nil {
			s.Making(id, variant)
		}
		m, err = shelf.Ensure(ctx, id, variant, arch)
	}
	if err != nil {
		return Made{}, err
	}
	s.inUse = append(s.inUse, m)
	return m, nil
}

// RefError says that a reference names no stack.
type RefError struct {
	Ref string
	Err error
}

func (e *RefError) Error() string { return fmt.Sprintf("stack %s: %v", e.Ref, e.Err) }

// Unwrap returns the cause.
func (e *RefError) Unwrap() error { return e.Err }

// kind is what a reference names.
type kind int

const (
	host kind = iota
	made
	directory
	image
)

// kindOf tells what a reference names.
func kindOf(ref string) (kind, error) {
	if ref == stack.HostID {
		return host, nil
	}
	for _, transport := range []string{"oci:", "oci-archive:", "docker://"} {
		if strings.HasPrefix(ref, transport) {
			return image, nil
		}
	}
	_, err := stack.Find(ref)
	if err == nil {
		return made, nil
	}
	if _, unknown := errors.AsType[*stack.UnknownError](err); !unknown {
		return 0, err
	}
	info, statErr := os.Stat(ref)
	switch {
	case statErr == nil && info.IsDir():
		if _, err := os.Stat(filepath.Join(ref, "oci-layout")); err == nil {
			return image, nil
		}
		return directory, nil
	case statErr == nil:
		return 0, &RefError{ref, errors.New("it is a file; an archive of an image is oci-archive:FILE")}
	}
	return 0, &RefError{ref, fmt.Errorf("%w, a directory, oci:DIR[:TAG], oci-archive:FILE or docker://REF", err)}
}

// Build returns the stack on which buildpacks build.
func (s *Stacks) Build(ctx context.Context, ref string) (stack.Stack, error) {
	return s.find(ctx, ref, stack.Build)
}

// Run returns the stack on which processes run.
func (s *Stacks) Run(ctx context.Context, ref string) (stack.Stack, error) {
	return s.find(ctx, ref, stack.Run)
}

func (s *Stacks) find(ctx context.Context, ref, variant string) (stack.Stack, error) {
	is, err := kindOf(ref)
	if err != nil {
		return stack.Stack{}, err
	}
	switch is {
	case host:
		return stack.Host()
	case directory:
		found, err := stack.Directory(ref, ref)
		if err != nil {
			return stack.Stack{}, &RefError{ref, err}
		}
		return found, nil
	case image:
		return s.unpack(ctx, ref)
	}
	m, err := s.ensure(ctx, ref, variant)
	if err != nil {
		return stack.Stack{}, err
	}
	return m.Stack(), nil
}

// unpack returns the stack of an image.
func (s *Stacks) unpack(ctx context.Context, ref string) (stack.Stack, error) {
	opened, err := s.Opener.Open(ctx, ref)
	if err != nil {
		return stack.Stack{}, err
	}
	store, err := s.Images()
	if err != nil {
		return stack.Stack{}, err
	}
	dir, err := store.Unpack(ctx, opened.Image)
	if err != nil {
		return stack.Stack{}, &RefError{ref, err}
	}
	id := ref
	config, err := opened.Image.ConfigFile()
	if err != nil {
		return stack.Stack{}, &RefError{ref, err}
	}
	if named := config.Config.Labels["io.buildpacks.stack.id"]; named != "" {
		id = named
	}
	return stack.Stack{ID: id, Root: dir, Target: opened.Target}, nil
}

// Image returns the image on which images of apps are made that were built on
// a stack. For the host it is the one of the stack that fits.
func (s *Stacks) Image(ctx context.Context, ref string) (oci.Base, error) {
	is, err := kindOf(ref)
	if err != nil {
		return oci.Base{}, err
	}
	switch is {
	case directory:
		return oci.Base{}, &RefError{ref, errors.New("a directory is no image; name the base of the image, --run-image REF")}
	case image:
		return s.Opener.Open(ctx, ref)
	case host:
		if ref, err = fitting(); err != nil {
			return oci.Base{}, err
		}
	}
	return s.image(ctx, ref, stack.Run)
}

// RunImage returns the image of a run image: that of a stack that slugc makes,
// as ID or ID:VARIANT, or one as oci.Opener names it.
func (s *Stacks) RunImage(ctx context.Context, ref string) (oci.Base, error) {
	if !Ours(ref) {
		return s.Opener.Open(ctx, ref)
	}
	id, variant, named := strings.Cut(ref, ":")
	if !named {
		variant = stack.Run
	}
	return s.image(ctx, id, variant)
}

// Ours tells whether a reference of a run image, ID or ID:VARIANT, names a
// stack that slugc makes.
func Ours(ref string) bool {
	id, _, _ := strings.Cut(ref, ":")
	_, err := stack.Find(id)
	return err == nil
}

// image is the image of a stack that slugc makes.
func (s *Stacks) image(ctx context.Context, id, variant string) (oci.Base, error) {
	m, err := s.ensure(ctx, id, variant)
	if err != nil {
		return oci.Base{}, err
	}
	shelf, err := s.Shelf()
	if err != nil {
		return oci.Base{}, err
	}
	return shelf.Image(ctx, m)
}

// fitting is the id of the stack that runs what is built on this machine.
func fitting() (string, error) {
	machine, err := stack.Host()
	if err != nil {
		return "", err
	}
	glibc, err := stack.Glibc("/")
	if err != nil {
		return "", err
	}
	d, err := stack.Fitting(machine.Target, glibc)
	return d.ID, err
}
