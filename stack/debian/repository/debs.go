package repository

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/stack/debian/control"
	"github.com/slugc/slugc/stack/download"
)

// connections is how many files are fetched at a time.
const connections = 6

// Debs brings packages into the cache and returns their files, in the order of
// the packages. Every file is verified, also one that was there. An error may
// be a *MismatchError, a *GoneError or an *OfflineError.
func (r Repository) Debs(ctx context.Context, packages []control.Package) ([]string, error) {
	dir, err := r.shelf(debShelf)
	if err != nil {
		return nil, err
	}
	files := make([]string, len(packages))
	for i, p := range packages {
		if err := p.Check(); err != nil {
			return nil, err
		}
		files[i] = filepath.Join(dir, p.SHA256+".deb")
	}
	missing, err := absent(ctx, packages, files)
	if err != nil {
		return nil, err
	}
	if r.Offline && len(missing) > 0 {
		names := make([]string, len(missing))
		for i, at := range missing {
			names[i] = packages[at].String()
		}
		return nil, &OfflineError{Missing: names, Cache: r.Cache}
	}
	m := &meter{tell: r.Progress}
	for _, i := range missing {
		m.expect(packages[i].Size)
	}
	// The longest first, so that none of them is alone at the end.
	slices.SortStableFunc(missing, func(a, b int) int { return cmp.Compare(packages[b].Size, packages[a].Size) })
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(connections)
	for _, i := range missing {
		group.Go(func() error { return r.fetchDeb(ctx, packages[i], files[i], m) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return files, nil
}

// absent are the packages, by their index, whose files are not in the cache as
// they should be. A file that is wanted twice is absent once.
func absent(ctx context.Context, packages []control.Package, files []string) ([]int, error) {
	there := make([]bool, len(packages))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, p := range packages {
		group.Go(func() (err error) {
			if err := ctx.Err(); err != nil {
				return err
			}
			there[i], err = intact(files[i], content{size: p.Size, sha256: p.SHA256})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var missing []int
	seen := map[string]bool{}
	for i, file := range files {
		if !there[i] && !seen[file] {
			seen[file] = true
			missing = append(missing, i)
		}
	}
	return missing, nil
}

func (r Repository) fetchDeb(ctx context.Context, p control.Package, file string, m *meter) error {
	base, err := r.Sources.Base(p.Archive)
	if err != nil {
		return fmt.Errorf("fetching %s: %w", p, err)
	}
	address, err := within(base, p.Filename)
	if err != nil {
		return fmt.Errorf("fetching %s: %w", p, err)
	}
	err = put(file, func(to io.Writer) error {
		from, err := r.check(ctx, address, content{size: p.Size, sha256: p.SHA256})
		if err != nil {
			return err
		}
		defer from.Close()
		if _, err := io.Copy(io.MultiWriter(to, m), from); err != nil {
			return err
		}
		return from.finish()
	})
	if notFound(err) {
		return refuse(&GoneError{Package: p, File: download.Redacted(address)})
	}
	if err != nil {
		return fmt.Errorf("fetching %s: %w", p, err)
	}
	return nil
}
