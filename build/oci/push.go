package oci

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/build/artifact"
)

// Defaults of a push.
const (
	pushAttempts = 4
	pushBackoff  = time.Second
)

// Registry is a tag in a registry: docker://REGISTRY/REPO:TAG. A registry on
// the loopback interface is asked by http, any other by https.
type Registry struct {
	Tag name.Tag
	// Keychain has the credentials; nil means anonymous.
	Keychain authn.Keychain
	// Transport reaches the registry; remote.DefaultTransport when nil.
	Transport http.RoundTripper
	// Beside is an image that was pushed before and has the same layers: where
	// it is another repository of the same registry, they are mounted from
	// there, and where it is in the same repository nobody asks about them. It may
	// be nil.
	Beside *name.Tag
	// Backoff is the wait before the second attempt at something that failed
	// for now; it triples with every attempt. One second when zero.
	Backoff time.Duration
	// Progress is told of the bytes of blobs that are in the registry. It may
	// be nil.
	Progress func(done, total int64)
}

// Export pushes the image. Blobs that the registry has, or has in another
// repository that the base came from, are not sent. An error is a *PushError
// unless ctx ended.
func (r Registry) Export(ctx context.Context, image Image) (artifact.Artifact, error) {
	c, err := contentOf(image)
	if err == nil {
		err = r.push(ctx, image, c, image)
	}
	return r.made(ctx, c, err, image)
}

// made is the artifact that images became, or the error for why they did not.
func (r Registry) made(ctx context.Context, c content, err error, images ...Image) (artifact.Artifact, error) {
	if err != nil {
		return artifact.Artifact{}, r.failed(ctx, err)
	}
	return c.artifact("docker", r.Tag.String(), images...), nil
}

// Check says whether the registry lets the image be pushed: it begins an upload
// and gives it up (CNB Platform API, "Analyzer", has the same check). An error
// is a *PushError unless ctx ended.
func (r Registry) Check(ctx context.Context) error {
	transport := r.Transport
	if transport == nil {
		transport = remote.DefaultTransport
	}
	keychain := r.Keychain
	if keychain == nil {
		keychain = authn.NewMultiKeychain()
	}
	err := r.retry(ctx, func() error {
		return remote.CheckPushPermission(r.Tag, keychain, boundTransport{ctx, transport})
	})
	if err != nil {
		return r.failed(ctx, err)
	}
	return nil
}

// boundTransport ends what a caller without a context asks when one ends.
type boundTransport struct {
	ctx context.Context
	to  http.RoundTripper
}

// RoundTrip sends a request.
func (b boundTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	return b.to.RoundTrip(r.WithContext(b.ctx))
}

// failed is the error of a push.
func (r Registry) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("pushing to docker://%s: %w", r.Tag, context.Cause(ctx))
	}
	return &PushError{Ref: r.Tag.String(), Registry: r.Tag.RegistryStr(), Reason: reasonOf(err), Err: err}
}

// push sends what is to have the tag, unless it has it: an image or an index.
func (r Registry) push(ctx context.Context, tagged remote.Taggable, c content, images ...Image) error {
	now, err := r.tagged(ctx)
	if err != nil || now.digest == c.descriptor.Digest {
		return err
	}
	if r.Beside != nil && r.Beside.Context() == r.Tag.Context() {
		if err := r.put(ctx, tagged); reasonOf(err) != Refused || !isAnswer(err) {
			return err
		}
	}
	image, single := tagged.(v1.Image)
	if !single || len(now.layers) == 0 {
		return r.send(ctx, r.Tag, tagged, c, images...)
	}
	err = r.replace(ctx, image, c, now)
	if reasonOf(err) == Refused && isAnswer(err) {
		// A registry may have lost blobs of an image that it still names.
		err = r.send(ctx, r.Tag, tagged, c, images...)
	}
	return err
}

// put has the tag name what the repository has all blobs of.
func (r Registry) put(ctx context.Context, tagged remote.Taggable) error {
	pusher, err := remote.NewPusher(r.options(ctx)...)
	if err != nil {
		return err
	}
	return r.retry(ctx, func() error { return pusher.Put(ctx, r.Tag, tagged) })
}

// isAnswer says whether an error is what a registry answered.
func isAnswer(err error) bool {
	_, answered := errors.AsType[*transport.Error](err)
	return answered
}

// options are those of every request. Attempts are counted here, where a wait
// ends with the context.
func (r Registry) options(ctx context.Context) []remote.Option {
	return append(remoteOptions(ctx, r.Keychain, r.Transport),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}), remote.WithRetryStatusCodes(), remote.WithJobs(blobsAtOnce))
}

// send sends the layers of images and, as the last, what a reference is to name.
func (r Registry) send(ctx context.Context, ref name.Reference, tagged remote.Taggable, c content, images ...Image) error {
	var layers []v1.Layer
	for _, image := range images {
		more, err := image.Layers()
		if err != nil {
			return err
		}
		layers = append(layers, more...)
	}
	pusher, err := remote.NewPusher(r.options(ctx)...)
	if err != nil {
		return err
	}
	if err := r.upload(ctx, pusher, layers, newProgress(r.Progress, c.size())); err != nil {
		return err
	}
	return r.retry(ctx, func() error { return pusher.Push(ctx, ref, tagged) })
}

// replace sends an image in the place of the one that the tag names now, whose
// layers the registry is not asked about.
func (r Registry) replace(ctx context.Context, image v1.Image, c content, now standing) error {
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	config, err := partial.ConfigLayer(image)
	if err != nil {
		return err
	}
	p := newProgress(r.Progress, c.size())
	var missing []v1.Layer
	for _, layer := range append(layers, config) {
		digest, err := layer.Digest()
		if err != nil {
			return err
		}
		if size, there := now.layers[digest]; there {
			p.add(size)
		} else {
			missing = append(missing, layer)
		}
	}
	pusher, err := remote.NewPusher(r.options(ctx)...)
	if err != nil {
		return err
	}
	if err := r.upload(ctx, pusher, missing, p); err != nil {
		return err
	}
	return r.retry(ctx, func() error { return pusher.Put(ctx, r.Tag, image) })
}

// upload sends layers that the registry has not.
func (r Registry) upload(ctx context.Context, pusher *remote.Pusher, layers []v1.Layer, p *progress) error {
	seen := map[v1.Hash]bool{}
	group, pushing := errgroup.WithContext(ctx)
	group.SetLimit(blobsAtOnce)
	for _, layer := range layers {
		digest, err := layer.Digest()
		if err != nil {
			return errors.Join(err, group.Wait())
		}
		if seen[digest] {
			continue
		}
		seen[digest] = true
		layer := r.mountable(layer)
		group.Go(func() error {
			if err := r.retry(pushing, func() error { return pusher.Upload(pushing, r.Tag.Context(), layer) }); err != nil {
				return err
			}
			size, err := layer.Size()
			p.add(size)
			return err
		})
	}
	return group.Wait()
}

// mountable is a layer that the registry can be told where to find.
func (r Registry) mountable(layer v1.Layer) v1.Layer {
	if r.Beside == nil || r.Beside.RegistryStr() != r.Tag.RegistryStr() || r.Beside.RepositoryStr() == r.Tag.RepositoryStr() {
		return layer
	}
	if m, ok := layer.(*remote.MountableLayer); ok {
		layer = m.Layer
	}
	return &remote.MountableLayer{Layer: layer, Reference: *r.Beside}
}

// standing is what a tag names: the digest, and the layers with their sizes if
// it is an image.
type standing struct {
	digest v1.Hash
	layers map[v1.Hash]int64
}

// tagged asks what the tag names. A registry that does not tell is taken to hold
// nothing.
func (r Registry) tagged(ctx context.Context) (now standing, err error) {
	options := r.options(ctx)
	var found *remote.Descriptor
	err = r.retry(ctx, func() (err error) {
		found, err = remote.Get(r.Tag, options...)
		return err
	})
	if isAnswer(err) && reasonOf(err) != Temporary {
		return now, nil
	}
	if err != nil {
		return now, err
	}
	now.digest = found.Digest
	if !found.MediaType.IsImage() {
		return now, nil
	}
	// What cannot be read is replaced as if it had no layers.
	if manifest, err := v1.ParseManifest(bytes.NewReader(found.Manifest)); err == nil {
		now.layers = map[v1.Hash]int64{}
		for _, layer := range manifest.Layers {
			now.layers[layer.Digest] = layer.Size
		}
	}
	return now, nil
}

// retry does something again while it fails for now.
func (r Registry) retry(ctx context.Context, do func() error) error {
	return Again(ctx, pushAttempts, cmp.Or(r.Backoff, pushBackoff), Passing, do)
}

// Reason is why a push failed.
type Reason string

// The reasons of a PushError.
const (
	// Denied: the registry wants other credentials (401, 403).
	Denied Reason = "denied"
	// Temporary: it may work later (408, 429, 5xx, connections that broke).
	Temporary Reason = "temporary"
	// Refused: anything else.
	Refused Reason = "refused"
)

// PushError says that an image did not get into a registry.
type PushError struct {
	// Ref is what was pushed to, Registry its host.
	Ref, Registry string
	Reason        Reason
	Err           error
}

func (e *PushError) Error() string {
	switch e.Reason {
	case Denied:
		return fmt.Sprintf("pushing to docker://%s: the registry does not let you: log in with \"docker login %s\", or ask for the right to push: %s",
			e.Ref, e.Registry, answer(e.Err))
	case Temporary:
		if errors.Is(e.Err, errContended) {
			return fmt.Sprintf("pushing to docker://%s: %v", e.Ref, e.Err)
		}
		return fmt.Sprintf("pushing to docker://%s: the registry does not answer as it should: try again later: %s", e.Ref, answer(e.Err))
	default:
		return fmt.Sprintf("pushing to docker://%s: %s", e.Ref, answer(e.Err))
	}
}

// Unwrap returns the cause.
func (e *PushError) Unwrap() error { return e.Err }

// Temporary says that the same push may succeed later.
func (e *PushError) Temporary() bool { return e.Reason == Temporary }

// reasonOf sorts an error of a registry.
func reasonOf(err error) Reason {
	if answer, ok := errors.AsType[*transport.Error](err); ok {
		switch code := answer.StatusCode; {
		case code == http.StatusUnauthorized || code == http.StatusForbidden:
			return Denied
		case code == http.StatusRequestTimeout || code == http.StatusTooManyRequests || code >= 500:
			return Temporary
		default:
			return Refused
		}
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsNotFound {
			return Refused
		}
		return Temporary
	}
	for _, broken := range []error{
		errContended, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE,
		syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.ENETUNREACH,
	} {
		if errors.Is(err, broken) {
			return Temporary
		}
	}
	if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() {
		return Temporary
	}
	return Refused
}
