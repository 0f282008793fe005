package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/classic"
	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/download"
	"github.com/slugc/slugc/stack/sandbox"
	"github.com/slugc/slugc/stack/untar"
)

// Fetcher fetches buildpacks. Several may share a directory, in one process or
// in many.
type Fetcher struct {
	// Dir is where what was fetched is kept. It is made when it is missing.
	Dir string
	// Base is the directory at which relative paths start, as those of a file
	// do that names buildpacks; the working directory when empty.
	Base string
	// Download downloads; nil stands for one without settings.
	Download *download.Fetcher
	// Keychain has the credentials for registries; nil means anonymous.
	Keychain authn.Keychain
	// Transport reaches registries; that of Download's client when nil.
	Transport http.RoundTripper
	// Runner runs git, on Stack.
	Runner sandbox.Runner
	Stack  stack.Stack
	// Git is what git gets to see besides.
	Git Git
	// Offline forbids the network: what is not kept is an error that says so.
	Offline bool
	// Target chooses among the images of an index. Empty fields stand for this
	// machine.
	Target stack.Target
	// Limits bound what is fetched for one reference; see defaultLimits.
	Limits untar.Limits
	// Progress is called at the start of a long step; what it returns is told
	// how far the step is, in bytes and -1 for what is not known, and when it
	// ended. It may be nil.
	Progress func(label string) (tell func(done, total int64), end func())
}

// Git is what git gets to see besides the repository: the socket of an ssh
// agent with SSH_AUTH_SOCK, a proxy, a file of certificates.
type Git struct {
	Mounts []sandbox.Mount
	// Env is variables as NAME=value.
	Env []string
}

// Package is what a reference led to.
type Package struct {
	// Ref is the reference, without credentials.
	Ref string
	// Root is the buildpack that was meant.
	Root buildpacks.Member
	// Buildpacks are those that run, and Composites the orders of others, each
	// id and version once.
	Buildpacks []*cnb.Buildpack
	Composites []buildpacks.Composite
	// Classic is the buildpack that was meant where it is a classic one; then
	// there are no others.
	Classic *classic.Buildpack
	// Dirs are the directories of all of them.
	Dirs map[buildpacks.Member]string
	// Digest is that of what was fetched: sha256:HEX of a file or of a
	// manifest, git:COMMIT, or "" for a directory.
	Digest string
}

// RefError says why a buildpack reference does not lead to a buildpack.
type RefError struct {
	// Ref is the reference, without credentials.
	Ref string
	Err error
}

func (e *RefError) Error() string { return fmt.Sprintf("buildpack %s: %v", e.Ref, e.Err) }

// Unwrap returns the cause.
func (e *RefError) Unwrap() error { return e.Err }

// Temporary says that the same reference may lead to a buildpack later.
func (e *RefError) Temporary() bool {
	var cause interface{ Temporary() bool }
	return errors.As(e.Err, &cause) && cause.Temporary()
}

// Fetch opens what a reference names and fetches it before, where it is not on
// this machine. An error is a *RefError.
func (f Fetcher) Fetch(ctx context.Context, ref string) (Package, error) {
	if f.Dir == "" {
		return Package{}, &RefError{redacted(ref), errors.New("there is no directory to keep what is fetched in")}
	}
	dir, err := filepath.Abs(f.Dir)
	if err != nil {
		return Package{}, &RefError{redacted(ref), err}
	}
	f.Dir = dir
	if f.Download == nil {
		f.Download = download.NewFetcher(&http.Client{})
	}
	if f.Target.OS == "" {
		f.Target.OS = "linux"
	}
	if f.Target.Arch == "" {
		f.Target.Arch = runtime.GOARCH
	}
	f.Limits = defaultLimits(f.Limits)
	return f.fetch(ctx, ref, trail{base: f.Base})
}

// trail is the way to a reference: a composite names others, which may be
// composites again.
type trail struct {
	// base is the directory of the package.toml that named the reference.
	base string
	// within is set when that came from elsewhere: it may name only what lies
	// in this directory, and what is fetched too.
	within string
	// names are the references on the way.
	names []string
}

// deepest is how many package.toml files may lead to one another.
const deepest = 16

// through is the trail past a reference.
func (t trail) through(name string) (trail, error) {
	if slices.Contains(t.names, name) {
		return trail{}, fmt.Errorf("it needs itself: %s", strings.Join(append(t.names, name), " needs "))
	}
	if len(t.names) == deepest {
		return trail{}, fmt.Errorf("more than %d packages need one another: %s", deepest, strings.Join(append(t.names, name), " needs "))
	}
	t.names = append(slices.Clone(t.names), name)
	return t, nil
}

// fetch follows one reference. An error is a *RefError.
func (f Fetcher) fetch(ctx context.Context, ref string, t trail) (Package, error) {
	shown := redacted(ref)
	p, err := f.open(ctx, ref, t)
	if err != nil {
		return Package{}, &RefError{shown, err}
	}
	p.Ref = shown
	if p.Classic != nil {
		p.identify(ref)
	}
	return p, nil
}

// identify names a classic buildpack, which does not say who it is, by the
// reference that led to it and the digest of what was fetched.
func (p *Package) identify(ref string) {
	if abs, err := filepath.Abs(ref); err == nil && filepath.Clean(p.Classic.Dir()) == abs {
		ref = abs // of "." the name says nothing
	}
	_, version, _ := strings.Cut(p.Digest, ":")
	const short = 12
	p.Classic = p.Classic.Named(classic.Identify(ref), version[:min(len(version), short)])
	d := p.Classic.Descriptor()
	p.Root = buildpacks.Member{ID: d.ID, Version: d.Version}
	p.place(p.Root, p.Classic.Dir())
}

// open chooses the medium of a reference.
func (f Fetcher) open(ctx context.Context, ref string, t trail) (Package, error) {
	r, err := parse(ref)
	if err != nil {
		return Package{}, err
	}
	if t.within != "" && r.medium.ofThisMachine() {
		return Package{}, errors.New("a package that was fetched may name docker:// images, https:// files and what lies in it, and nothing else of this machine")
	}
	var found kept
	switch r.medium {
	case localPath:
		return f.local(ctx, r.at, t)
	case imageLayout:
		found, err = f.layout(ctx, r.at)
	case imageArchive:
		found, err = f.layoutArchive(ctx, r.at)
	case registryImage:
		found, err = f.image(ctx, r.at)
	case webFile:
		found, err = f.web(ctx, r)
	case gitRepository:
		found, err = f.repository(ctx, r)
	}
	if err != nil {
		return Package{}, err
	}
	return f.load(ctx, found, ref, t)
}

// progress starts a step.
func (f Fetcher) progress(label string) (tell func(done, total int64), end func()) {
	if f.Progress == nil {
		return func(int64, int64) {}, func() {}
	}
	return f.Progress(label)
}

// defaultLimits bound a package: the largest that are known, buildpacks with
// all their dependencies for many languages, have some 3 GiB and 50 000 files.
func defaultLimits(l untar.Limits) untar.Limits {
	if l.Entries == 0 {
		l.Entries = 200_000
	}
	if l.Bytes == 0 {
		l.Bytes = 8 << 30
	}
	if l.FileBytes == 0 {
		l.FileBytes = 4 << 30
	}
	return l
}
