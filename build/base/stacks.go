package base

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/rootfs"
)

// Stacks finds what a person calls a stack: "host", the id of a stack that
// slugc makes, a directory with a root filesystem, or an image as oci.Opener
// names them. What has to be made or unpacked for it is, once. What it found
// stays in the store until it is closed.
type Stacks struct {
	// Store opens the store of stacks, which the host and a directory do
	// without.
	Store func() (Store, error)
	// Images opens the store of root filesystems of images.
	Images func() (rootfs.Store, error)
	// Opener opens images; its Target is the one to build for.
	Opener oci.Opener

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
func (s *Stacks) ensure(ctx context.Context, id, variant string) (Store, Made, error) {
	store, err := s.Store()
	if err != nil {
		return Store{}, Made{}, err
	}
	m, err := store.Ensure(ctx, id, variant, s.Opener.Target.Arch)
	if err != nil {
		return Store{}, Made{}, err
	}
	s.inUse = append(s.inUse, m)
	return store, m, nil
}

// RefError says that a reference names no stack.
type RefError struct {
	Ref string
	Err error
}

func (e *RefError) Error() string { return fmt.Sprintf("%q: %v", e.Ref, e.Err) }

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
	if oci.HasTransport(ref) {
		return image, nil
	}
	_, err := stack.Find(ref)
	if err == nil {
		return made, nil
	}
	unknown, ok := errors.AsType[*stack.UnknownError](err)
	if !ok {
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
	if id, _, _ := strings.Cut(ref, ":"); Ours(ref) {
		return 0, &RefError{ref, fmt.Errorf("a stack is named without its variant, as %s", id)}
	}
	return 0, &RefError{ref, fmt.Errorf("there is no such stack or directory; expected %s, %s, a directory, %s",
		stack.HostID, strings.Join(unknown.Known, ", "), imageForms)}
}

// imageForms are the ways to name an image, in messages.
const imageForms = "oci:DIR[:TAG], oci-archive:FILE or docker://REF"

// CheckRunImage looks for a mistyped run image: a word that names neither a
// stack, nor anything on disk, nor an image of a registry with its address.
func CheckRunImage(ref string) error {
	if oci.HasTransport(ref) || Ours(ref) || ref == "scratch" || strings.Contains(ref, "/") {
		return nil
	}
	if _, err := os.Stat(ref); err == nil {
		return nil
	}
	definitions, err := stack.Definitions()
	if err != nil {
		return err
	}
	var known []string
	for _, d := range definitions {
		known = append(known, d.ID)
	}
	return &RefError{ref, fmt.Errorf("there is no such stack or directory; expected scratch, %s, %s", strings.Join(known, ", "), imageForms)}
}

// Build returns the stack on which buildpacks build.
func (s *Stacks) Build(ctx context.Context, ref string) (stack.Stack, error) {
	return s.find(ctx, ref, stack.Build)
}

// Run returns the stack on which processes run.
func (s *Stacks) Run(ctx context.Context, ref string) (stack.Stack, error) {
	return s.find(ctx, ref, stack.Run)
}

// Recorded returns the stack on which processes run of an artifact that says
// itself what it was built on; nothing is the host. Whoever made the artifact
// shall not choose which directory of this machine its processes see, nor which
// registry is asked: stacks that slugc does not make are for a person to name.
func (s *Stacks) Recorded(ctx context.Context, id string) (stack.Stack, error) {
	if id == "" {
		id = stack.HostID
	}
	if id != stack.HostID && !Ours(id) {
		return stack.Stack{}, &RefError{id, errors.New("the artifact says that it was built on this, which is no stack of slugc's; name the stack to run it on, --stack STACK")}
	}
	return s.Run(ctx, id)
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
	_, m, err := s.ensure(ctx, ref, variant)
	if err != nil {
		return stack.Stack{}, err
	}
	return m.Stack(), nil
}

// idForm is how an image may call its stack. Artifacts repeat it, buildpacks get
// it in their environment, and people read it.
var idForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// longestID is the most characters that it may have.
const longestID = 128

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
	if named := config.Config.Labels["io.buildpacks.stack.id"]; idForm.MatchString(named) && len(named) <= longestID && named != stack.HostID {
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
		fitting, err := stack.FittingHost()
		if err != nil {
			return oci.Base{}, err
		}
		ref = fitting.ID
	}
	return s.image(ctx, ref, stack.Run)
}

// RunImage returns the image of a run image: that of a stack that slugc makes,
// as ID or ID:VARIANT, or one as oci.Opener names it.
func (s *Stacks) RunImage(ctx context.Context, ref string) (oci.Base, error) {
	if err := CheckRunImage(ref); err != nil {
		return oci.Base{}, err
	}
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
	store, m, err := s.ensure(ctx, id, variant)
	if err != nil {
		return oci.Base{}, err
	}
	return store.Image(ctx, m)
}
