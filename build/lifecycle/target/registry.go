package target

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/stack"
)

// Registry is images in registries.
type Registry struct {
	// Keychain has the credentials; nil means anonymous.
	Keychain authn.Keychain
	// Transport reaches registries; that of the library when nil.
	Transport http.RoundTripper
	// Backoff is the wait before the second attempt to write; see oci.Registry.
	Backoff time.Duration
}

var (
	_ Target  = Registry{}
	_ Checker = Registry{}
)

// asked is how many layers a registry is asked about at a time.
const asked = 8

// Find opens an image for this machine.
func (r Registry) Find(ctx context.Context, image string) (Found, error) {
	opener := oci.Opener{Keychain: r.Keychain, Transport: r.Transport, Target: stack.Target{OS: "linux", Arch: runtime.GOARCH}}
	base, err := opener.OpenNearest(ctx, "docker://"+image)
	if failed, ok := errors.AsType[*oci.OpenError](err); ok && failed.Missing() {
		return Found{Base: oci.Base{Name: image}}, nil
	}
	if err != nil {
		return Found{}, err
	}
	return Found{There: true, Base: base, ID: base.Reference}, nil
}

// Access asks all registries at once.
func (r Registry) Access(ctx context.Context, read, write []string) error {
	group, asking := errgroup.WithContext(ctx)
	group.SetLimit(len(read) + len(write) + 1)
	for _, image := range once(read) {
		group.Go(func() error {
			if _, err := r.Find(asking, image); err != nil {
				return noRead(image, err)
			}
			return nil
		})
	}
	for _, image := range once(write) {
		group.Go(func() error {
			to, err := r.to(image)
			if err == nil {
				err = to.Check(asking)
			}
			if err != nil {
				return fmt.Errorf("validating registry write access: failed to ensure registry read/write access to %s: %w", image, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// Check asks for all layers at once, without reading them: registries lose layers of
// images that they still name.
func (r Registry) Check(ctx context.Context, found Found) error {
	layers, err := found.Image.Layers()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(asked)
	for _, layer := range layers {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			there, err := partial.Exists(layer)
			if err == nil && !there {
				err = errors.New("a layer is not there")
			}
			return err
		})
	}
	return group.Wait()
}

// Reach reports whether an image is there and can be read.
func (r Registry) Reach(ctx context.Context, image string) bool {
	found, err := r.Find(ctx, image)
	return err == nil && found.There
}

// Export pushes an image under all of its names.
func (r Registry) Export(ctx context.Context, image oci.Image, names []string) (Saved, error) {
	digest, err := image.Digest()
	if err != nil {
		return Saved{}, err
	}
	size, err := image.Size()
	if err != nil {
		return Saved{}, err
	}
	saved := Saved{Digest: digest.String(), ManifestSize: size}
	var first *name.Tag
	for _, as := range names {
		to, err := r.to(as)
		to.Beside = first
		if err == nil {
			_, err = to.Export(ctx, image)
		}
		if ctx.Err() != nil {
			return Saved{}, context.Cause(ctx)
		}
		if err == nil && first == nil {
			first = &to.Tag
		}
		saved.Names = append(saved.Names, Outcome{as, err})
	}
	return saved, nil
}

// to is a tag to write to.
func (r Registry) to(image string) (oci.Registry, error) {
	tag, err := name.NewTag(image, name.WeakValidation)
	return oci.Registry{Tag: tag, Keychain: r.Keychain, Transport: r.Transport, Backoff: r.Backoff}, err
}
