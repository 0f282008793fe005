package oci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/slugc/slugc/stack"
)

// Opener opens images.
type Opener struct {
	// Keychain has the credentials for registries; nil means anonymous.
	Keychain authn.Keychain
	// Transport reaches registries; remote.DefaultTransport when nil.
	Transport http.RoundTripper
	// Target chooses among the images of an index, and has to fit the image.
	// Empty fields fit anything.
	Target stack.Target
}

// Open opens an image: oci:DIR[:TAG], oci-archive:FILE[:TAG], docker://REF, a
// directory with an OCI layout, a reference of a registry, or "scratch". It
// reads manifest and config; layers are read when somebody asks for them,
// until ctx ends. An error is an *OpenError.
func (o Opener) Open(ctx context.Context, ref string) (Base, error) {
	base, err := o.open(ctx, ref)
	if err != nil {
		return Base{}, &OpenError{ref, err}
	}
	config, err := base.Image.ConfigFile()
	if err != nil {
		return Base{}, &OpenError{ref, fmt.Errorf("reading its config: %w", err)}
	}
	base.Target = TargetOf(config)
	if !Runs(base.Target, o.Target) {
		return Base{}, &OpenError{ref, &otherPlatformError{fmt.Errorf("it is for %s, expected %s", base.Target, o.Target)}}
	}
	return base, nil
}

// OpenNearest opens the image for the target or, where ref has none, the one
// that it has.
func (o Opener) OpenNearest(ctx context.Context, ref string) (Base, error) {
	base, err := o.Open(ctx, ref)
	if failed, ok := errors.AsType[*OpenError](err); !ok || failed.Temporary() {
		return base, err
	}
	o.Target = stack.Target{}
	if other, otherErr := o.Open(ctx, ref); otherErr == nil {
		return other, nil
	}
	return Base{}, err
}

// OpenError says why an image cannot be opened.
type OpenError struct {
	// Ref is the image as it was named.
	Ref string
	Err error
}

func (e *OpenError) Error() string { return fmt.Sprintf("image %s: %v", e.Ref, e.Err) }

// Unwrap returns the cause.
func (e *OpenError) Unwrap() error { return e.Err }

// Temporary says that the same image may be opened later.
func (e *OpenError) Temporary() bool {
	_, asked := errors.AsType[*registryError](e.Err)
	return asked && reasonOf(e.Err) == Temporary
}

// Missing says that there is no such image, rather than that it cannot be
// read.
func (e *OpenError) Missing() bool {
	if _, missing := errors.AsType[*missingError](e.Err); missing {
		return true
	}
	got, answered := errors.AsType[*transport.Error](e.Err)
	return answered && got.StatusCode == http.StatusNotFound
}

// missingError says that what was asked for is not where other images are.
type missingError struct{ err error }

func (e *missingError) Error() string { return e.err.Error() }

func (e *missingError) Unwrap() error { return e.err }

// OtherPlatform says that what is there is for other platforms.
func (e *OpenError) OtherPlatform() bool {
	_, other := errors.AsType[*otherPlatformError](e.Err)
	return other
}

// otherPlatformError says that there are images, and none for the target.
type otherPlatformError struct{ err error }

func (e *otherPlatformError) Error() string { return e.err.Error() }

func (e *otherPlatformError) Unwrap() error { return e.err }

func (o Opener) open(ctx context.Context, ref string) (Base, error) {
	if ref == "scratch" {
		return Scratch(o.Target)
	}
	if rest, found := strings.CutPrefix(ref, "oci:"); found {
		dir, tag := splitTag(rest)
		return o.fromDir(dir, tag)
	}
	if rest, found := strings.CutPrefix(ref, "oci-archive:"); found {
		file, tag := splitTag(rest)
		if file == "" {
			return Base{}, errors.New("it names no file; expected oci-archive:FILE[:TAG]")
		}
		archive, err := openArchive(file)
		if err != nil {
			return Base{}, err
		}
		return o.fromFiles(archive, tag)
	}
	if rest, found := strings.CutPrefix(ref, "docker://"); found {
		return o.fromRegistry(ctx, rest)
	}
	switch info, err := os.Stat(ref); {
	case err == nil && info.IsDir():
		return o.fromDir(ref, "")
	case err == nil:
		return Base{}, errors.New("it is a file; an archive of an OCI layout is oci-archive:FILE")
	}
	return o.fromRegistry(ctx, ref)
}

// fromDir opens an image of an OCI layout in a directory.
func (o Opener) fromDir(dir, tag string) (Base, error) {
	switch info, err := os.Stat(dir); {
	case dir == "":
		return Base{}, errors.New("it names no directory; expected oci:DIR[:TAG]")
	case errors.Is(err, fs.ErrNotExist):
		return Base{}, &missingError{fmt.Errorf("there is no directory %s", dir)}
	case err != nil:
		return Base{}, err
	case !info.IsDir():
		return Base{}, errors.New("it is a file; an archive of an OCI layout is oci-archive:FILE")
	}
	return o.fromFiles(os.DirFS(dir), tag)
}

// fromRegistry opens an image of a registry.
func (o Opener) fromRegistry(ctx context.Context, ref string) (Base, error) {
	parsed, err := name.ParseReference(ref, name.WeakValidation)
	if err != nil {
		return Base{}, fmt.Errorf("expected oci:DIR[:TAG], oci-archive:FILE, docker://REGISTRY/REPO:TAG or a directory: %w", err)
	}
	platform := v1.Platform{
		OS: cmp.Or(o.Target.OS, "linux"), Architecture: cmp.Or(o.Target.Arch, runtime.GOARCH), Variant: o.Target.Variant,
	}
	found, err := remote.Get(parsed, append(remoteOptions(ctx, o.Keychain, o.Transport), remote.WithPlatform(platform))...)
	var image v1.Image
	if err == nil && found.MediaType.IsIndex() {
		err = anyFor(platform, found.Manifest)
	}
	if err == nil {
		image, err = found.Image()
	}
	if _, other := errors.AsType[*otherPlatformError](err); other {
		return Base{}, err
	}
	if err != nil && reasonOf(err) == Denied {
		return Base{}, fmt.Errorf("the registry does not let you: log in with \"docker login %s\", or ask for the right to pull: %w",
			parsed.Context().RegistryStr(), &registryError{err})
	}
	if err != nil {
		return Base{}, &registryError{err}
	}
	digest, err := image.Digest()
	if err != nil {
		return Base{}, err
	}
	return Base{
		Image: image, Name: ref, Reference: parsed.Context().Digest(digest.String()).String(),
		Place: Place{Index: found.MediaType.IsIndex()},
	}, nil
}

// anyFor fails for an index without an image for a platform.
func anyFor(platform v1.Platform, manifest []byte) error {
	index, err := parseIndex(manifest)
	if err != nil {
		return err
	}
	for _, d := range index.Manifests {
		if d.Platform == nil || d.Platform.Satisfies(platform) {
			return nil
		}
	}
	return &missingError{&otherPlatformError{fmt.Errorf("it has no image for %s%s", platform, platformList(index.Manifests))}}
}

// remoteOptions are the options of go-containerregistry for who asks and how.
func remoteOptions(ctx context.Context, keychain authn.Keychain, transport http.RoundTripper) []remote.Option {
	options := []remote.Option{remote.WithContext(ctx)}
	if keychain != nil {
		options = append(options, remote.WithAuthFromKeychain(keychain))
	}
	if transport != nil {
		options = append(options, remote.WithTransport(transport))
	}
	return options
}
