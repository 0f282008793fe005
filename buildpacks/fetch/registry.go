package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/slugc/slugc/stack/download"
	"github.com/slugc/slugc/stack/workbench"
)

// image fetches a buildpackage of a registry.
func (f Fetcher) image(ctx context.Context, at string) (k kept, err error) {
	ref, err := name.ParseReference(at, name.WeakValidation)
	if err != nil {
		return kept{}, fmt.Errorf("expected docker://REGISTRY/REPO:TAG or docker://REGISTRY/REPO@sha256:HEX: %w", err)
	}
	known := "image " + ref.Name() + " " + f.Target.String()
	_, pinned := ref.(name.Digest)
	if pinned || f.Offline {
		if k, found, err := f.noted(known); found || err != nil {
			return k, err
		}
	}
	if f.Offline {
		return kept{}, notKept("the image " + ref.Name())
	}
	b, err := workbench.Open(f.Dir)
	if err != nil {
		return kept{}, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	r := registry{repository: ref.Context(), keychain: f.Keychain, transport: f.transport(), fetcher: f}
	image, err := r.image(ctx, ref)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = &download.Error{Fault: download.Passing, Err: err}
	}
	if err != nil {
		return kept{}, r.explain(err)
	}
	k, err = f.buildpackage(ctx, b, image, r.blob)
	if err != nil {
		return kept{}, r.explain(err)
	}
	return k, f.remember(known, k)
}

// transport reaches registries.
func (f Fetcher) transport() http.RoundTripper {
	switch {
	case f.Transport != nil:
		return f.Transport
	case f.Download.Client != nil && f.Download.Client.Transport != nil:
		return f.Download.Client.Transport
	}
	return remote.DefaultTransport
}

// registry is a repository of one.
type registry struct {
	repository name.Repository
	keychain   authn.Keychain
	transport  http.RoundTripper
	fetcher    Fetcher
}

// image reads the manifest and the config of the image for the target.
func (r registry) image(ctx context.Context, ref name.Reference) (v1.Image, error) {
	pauses := r.fetcher.Download
	options := []remote.Option{
		remote.WithContext(ctx), remote.WithTransport(r.transport),
		remote.WithRetryBackoff(remote.Backoff{Duration: pauses.Pause(1), Factor: 2, Steps: pauses.Tries, Cap: pauses.MaxPause}),
	}
	if r.keychain != nil {
		options = append(options, remote.WithAuthFromKeychain(r.keychain))
	}
	found, err := remote.Get(ref, options...)
	if err != nil {
		return nil, err
	}
	choose := r.fetcher.chooser(notLarge)
	if found.MediaType.IsIndex() {
		index, err := found.ImageIndex()
		if err != nil {
			return nil, err
		}
		manifest, err := index.IndexManifest()
		if err != nil {
			return nil, fmt.Errorf("reading its index: %w", err)
		}
		return choose.image(index, manifest.Manifests)
	}
	if !found.MediaType.IsImage() {
		return nil, fmt.Errorf("it is a %q; expected an image", found.MediaType)
	}
	image, err := found.Image()
	if err != nil {
		return nil, err
	}
	return image, choose.check(found.Descriptor, image)
}

// notLarge bounds what is read into memory.
func notLarge(d v1.Descriptor) error {
	if d.Size > maxJSON {
		return fmt.Errorf("%s is said to have %d bytes; at most %d are read", d.Digest, d.Size, maxJSON)
	}
	return nil
}

// blob downloads a layer (OCI Distribution, "Pulling blobs"). It goes on where a
// connection broke, which a registry's own client does not.
func (r registry) blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	auth := authn.Anonymous
	if r.keychain != nil {
		var err error
		if auth, err = authn.Resolve(ctx, r.keychain, r.repository); err != nil {
			return nil, fmt.Errorf("reading the credentials for %s: %w", r.repository.RegistryStr(), err)
		}
	}
	authorized, err := transport.NewWithContext(ctx, r.repository.Registry, auth, r.transport, []string{r.repository.Scope(transport.PullScope)})
	if err != nil {
		return nil, err
	}
	downloads := *r.fetcher.Download
	downloads.Client = &http.Client{Transport: authorized}
	address := fmt.Sprintf("%s://%s/v2/%s/blobs/%s", r.repository.Scheme(), r.repository.RegistryStr(), r.repository.RepositoryStr(), d.Digest)
	return downloads.Open(ctx, download.Request{URL: address, Limit: min(d.Size, r.fetcher.Limits.Bytes)})
}

// explain says what a registry answered, for people, and whether it may pass.
func (r registry) explain(err error) error {
	code := 0
	if answer, ok := errors.AsType[*transport.Error](err); ok {
		code = answer.StatusCode
	} else if status, ok := errors.AsType[*download.StatusError](err); ok {
		code = status.Code
	}
	switch {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return &said{fmt.Sprintf("the registry does not let you: log in with \"docker login %s\", or ask for the right to pull", r.repository.RegistryStr()), err}
	case code == http.StatusNotFound:
		return &said{"the registry has no such image", err}
	case code == http.StatusTooManyRequests:
		return &download.Error{Fault: download.Passing, Err: &said{"the registry has had too many requests from here; wait a little and try again", err}}
	case code == http.StatusRequestTimeout || code >= http.StatusInternalServerError:
		return &download.Error{Fault: download.Passing, Err: fmt.Errorf("the registry is not well: %w", err)}
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return &download.Error{Fault: download.Passing, Err: &said{"there is no host " + dns.Name, err}}
	}
	if operation, ok := errors.AsType[*net.OpError](err); ok && operation.Addr != nil {
		if number, ok := errors.AsType[syscall.Errno](operation); ok {
			return &download.Error{Fault: download.Passing, Err: &said{fmt.Sprintf("%s: %s", operation.Addr, number), err}}
		}
	}
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	if _, sent := errors.AsType[*url.Error](err); sent && !untrusted && !errors.Is(err, context.Canceled) {
		return &download.Error{Fault: download.Passing, Err: err}
	}
	return err
}

// said is an error in other words.
type said struct {
	text string
	err  error
}

func (s *said) Error() string { return s.text }

func (s *said) Unwrap() error { return s.err }
