package cachestore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/slugc/slugc/build/oci"
)

// Registry is a tag of a registry at which builds of an app on several machines
// leave things for each other. A registry on the loopback interface is asked by
// http, any other by https.
type Registry struct {
	Tag name.Tag
	// Keychain has the credentials; nil means anonymous.
	Keychain authn.Keychain
	// Transport reaches the registry; remote.DefaultTransport when nil.
	Transport http.RoundTripper
	// Backoff is the wait before the second attempt at something that failed
	// for now; it triples with every attempt. 0.3 s when zero: waiting longer costs
	// more than a cache saves.
	Backoff time.Duration
	// Patience is how long nothing may be heard of a transfer before it is
	// given up. One minute when zero.
	Patience time.Duration
	// Progress is told of the bytes that travelled. It may be nil.
	Progress func(done, total int64)
}

// Defaults of a Registry.
const (
	attempts     = 3
	backoff      = 300 * time.Millisecond
	patience     = time.Minute
	blobsAtOnce  = 4
	dockerScheme = "docker://"
)

// IsRegistry tells whether a place of caches is a registry, not a directory.
func IsRegistry(ref string) bool { return strings.HasPrefix(ref, dockerScheme) }

// ParseRegistry reads docker://REGISTRY/REPO[:TAG].
func ParseRegistry(ref string, keychain authn.Keychain) (Registry, error) {
	rest, found := strings.CutPrefix(ref, dockerScheme)
	tag, err := name.NewTag(rest, name.WeakValidation)
	if !found {
		err = errors.New("unknown transport")
	}
	if err != nil {
		return Registry{}, fmt.Errorf("the cache %q: %w; expected a directory or docker://REGISTRY/REPO:TAG", ref, err)
	}
	return Registry{Tag: tag, Keychain: keychain}, nil
}

// String is the reference of the registry.
func (r Registry) String() string { return dockerScheme + r.Tag.String() }

// options are those of every request.
func (r Registry) options(ctx context.Context) []remote.Option {
	options := []remote.Option{
		remote.WithContext(ctx), remote.WithJobs(blobsAtOnce),
		// Attempts are counted here, where a wait ends with the context.
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}), remote.WithRetryStatusCodes(),
	}
	if r.Keychain != nil {
		options = append(options, remote.WithAuthFromKeychain(r.Keychain))
	}
	if r.Transport != nil {
		options = append(options, remote.WithTransport(r.Transport))
	}
	return options
}

// try does something that talks with the registry, again while it fails for
// now. What it does says through alive that something was heard.
func (r Registry) try(ctx context.Context, do func(ctx context.Context, alive func()) error) error {
	return oci.Again(ctx, attempts, cmp.Or(r.Backoff, backoff), passing, func() error { return r.watch(ctx, do) })
}

// errSilent is why a transfer was given up.
var errSilent = errors.New("the registry stopped answering")

// watch does something and calls it off when nothing is heard of it.
func (r Registry) watch(ctx context.Context, do func(ctx context.Context, alive func()) error) error {
	watched, giveUp := context.WithCancelCause(ctx)
	limit := cmp.Or(r.Patience, patience)
	timer := time.AfterFunc(limit, func() { giveUp(errSilent) })
	defer giveUp(nil)
	defer timer.Stop()
	err := do(watched, func() { timer.Reset(limit) })
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(watched), errSilent) {
		return errSilent
	}
	return err
}

// passing says that another attempt may succeed.
func passing(err error) bool {
	_, foreign := errors.AsType[*foreignError](err)
	return !foreign && oci.Passing(err)
}

// foreignError says that a registry holds something else than a cache, or a
// damaged one.
type foreignError struct{ err error }

func (e *foreignError) Error() string { return e.err.Error() }

func (e *foreignError) Unwrap() error { return e.err }

// RegistryError says what a cache in a registry could not do, and why. It costs
// time and nothing else.
type RegistryError struct {
	// Ref is the cache, with its transport.
	Ref string
	// Doing says what could not be done: "reading", "writing".
	Doing string
	Err   error
}

func (e *RegistryError) Error() string {
	return fmt.Sprintf("%s the cache %s: %s", e.Doing, e.Ref, explain(e.Err))
}

// Unwrap returns the cause.
func (e *RegistryError) Unwrap() error { return e.Err }

// explain is what was wrong, for people, with the next step where one is known.
func explain(err error) string {
	got, answered := errors.AsType[*transport.Error](err)
	switch {
	case !answered:
		return oci.Explain(err)
	case got.StatusCode == http.StatusUnauthorized || got.StatusCode == http.StatusForbidden:
		host := ""
		if got.Request != nil && got.Request.URL != nil {
			host = " " + got.Request.URL.Host
		}
		return fmt.Sprintf("the registry does not let you (%d): log in with \"docker login%s\", or ask for the right", got.StatusCode, host)
	case got.StatusCode == http.StatusNotFound:
		return "the registry does not have it any more"
	case got.StatusCode == http.StatusTooManyRequests:
		return "the registry has had too many requests (429); the next build may have more luck"
	}
	return fmt.Sprintf("the registry answered %d %s", got.StatusCode, http.StatusText(got.StatusCode))
}

// absent says that a registry does not have what it was asked for.
func absent(err error) bool {
	got, answered := errors.AsType[*transport.Error](err)
	return answered && got.StatusCode == http.StatusNotFound
}
