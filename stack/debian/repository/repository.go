package repository

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/download"
)

// Repository is Debian's archives with a cache before them. It can be used by
// several goroutines, as far as its Progress can, and the cache by several
// processes.
type Repository struct {
	Sources Sources
	// Fetcher fetches by http and https. Offline it is not used.
	Fetcher *download.Fetcher
	// Cache is the directory for what was fetched, by checksum. It is made
	// when it is not there.
	Cache string
	// Keyring are the OpenPGP keys that may sign, in binary form; nil for
	// Debian's own, which are part of slugc.
	Keyring []byte
	// Now is the clock, nil for time.Now.
	Now func() time.Time
	// Offline has nothing fetched: what is not in the cache is an error. The
	// index of a suite is then used even when it has expired.
	Offline bool
	// Progress, when set, is told the bytes that arrived in the call that is
	// in progress, and how many there will be as far as is known.
	Progress func(done, total int64)
}

func (r Repository) now() time.Time {
	if r.Now == nil {
		return time.Now()
	}
	return r.Now()
}

// Update brings the indexes of suites for an architecture ("amd64", as Debian
// calls it), verified from the signature down. Of what did not change since the
// last time nothing but the InRelease files is fetched. An error may be a
// *NoMirrorError, *SignatureError, *ExpiredError, *FutureError, *SuiteError,
// *MismatchError or *OfflineError.
func (r Repository) Update(ctx context.Context, suites []stack.Suite, arch string) (*Index, error) {
	x := &Index{arch: arch, releases: make([]Release, len(suites))}
	tables := make([][]*table, len(suites))
	m := &meter{tell: r.Progress}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(connections)
	for i, suite := range suites {
		group.Go(func() (err error) {
			x.releases[i], tables[i], err = r.suite(ctx, suite, arch, m)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, of := range tables {
		x.tables = append(x.tables, of...)
	}
	return x, nil
}

// suite brings the index of one suite. A mirror may change between its
// InRelease file and the files that are listed in it, so these are tried a
// second time with what the suite is then.
func (r Repository) suite(ctx context.Context, suite stack.Suite, arch string, m *meter) (Release, []*table, error) {
	base, err := r.Sources.Base(suite.Archive)
	if err != nil {
		return Release{}, nil, fmt.Errorf("fetching the suite %s: %w", suite.Name, err)
	}
	for first := true; ; first = false {
		found, err := r.release(ctx, base, suite)
		if err != nil {
			return Release{}, nil, err
		}
		tables, err := r.tables(ctx, base, found, suite, arch, m)
		if err == nil || !first || !changing(err) {
			return found.Release, tables, err
		}
	}
}

// changing tells whether an error may come from a mirror that is being changed.
func changing(err error) bool {
	var mismatch *MismatchError
	return notFound(err) || errors.As(err, &mismatch)
}

// tables brings the Packages files of a suite.
func (r Repository) tables(ctx context.Context, base string, in release, suite stack.Suite, arch string, m *meter) ([]*table, error) {
	lists, err := in.lists(suite.Components, arch)
	if err != nil {
		return nil, refuse(fmt.Errorf("reading the index of %s: %w", suite.Name, err))
	}
	tables := make([]*table, len(lists))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(connections)
	for i, l := range lists {
		group.Go(func() error {
			data, err := r.packages(ctx, base, in, l, m)
			if err != nil {
				return err
			}
			tables[i] = tabulate(data, suite.Archive, suite.Name)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return tables, nil
}
