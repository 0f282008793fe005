package deb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian/control"
	"github.com/slugc/slugc/stack/untar"
)

// Unpacked is a package that was unpacked.
type Unpacked struct {
	// Package is its name.
	Package string
	// Control is its control file, MD5Sums the sums of its files as it has
	// them; nil when it has none.
	Control control.Paragraph
	MD5Sums []byte
	// Files is the number of its files and links, without those that were
	// left out.
	Files int
}

// Options say how packages are unpacked.
type Options struct {
	// Keep tells whether a path, such as "/usr/share/doc", is wanted; nil
	// keeps all. See Selection.
	Keep func(path string) bool
	// Limits bound all packages together.
	Limits untar.Limits
	// Workers is the number of packages at a time; one for each processor,
	// and at least two, by default.
	Workers int
	// Progress is told how many bytes of the .debs are done and how many
	// there are; one call at a time.
	Progress func(done, total int64)
}

// Unpack unpacks .deb files into a root filesystem. What it returns is in the
// order of the files; of what two have, the later wins. The attributes are of
// what belongs to others than root or has special bits.
func Unpack(ctx context.Context, debs []string, root *os.Root, o Options) ([]Unpacked, stack.Attributes, error) {
	total, order, err := measure(debs)
	if err != nil {
		return nil, nil, err
	}
	tree := untar.New(root, untar.Options{Keep: o.Keep, Limits: o.Limits})
	meter := &meter{tell: o.Progress, total: total}
	all := make([]Unpacked, len(debs))
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(cmp.Or(max(o.Workers, 0), max(2, runtime.GOMAXPROCS(0))))
	for _, i := range order {
		group.Go(func() (err error) {
			if all[i], err = unpack(working, debs[i], i, tree, meter); err != nil {
				return fmt.Errorf("unpacking %s: %w", strings.TrimSpace(all[i].Package+" "+debs[i]), err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	attributes, err := tree.Finish(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("unpacking packages: %w", err)
	}
	return all, attributes, nil
}

// measure returns the size of all files, and their places with the biggest
// first, so that no big one is left for the end.
func measure(debs []string) (total int64, order []int, err error) {
	sizes := make([]int64, len(debs))
	for i, file := range debs {
		info, err := os.Stat(file)
		if err != nil {
			return 0, nil, fmt.Errorf("unpacking packages: %w", err)
		}
		sizes[i] = info.Size()
		total += sizes[i]
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sizes[b], sizes[a]) })
	return total, order, nil
}

// unpack unpacks one .deb, which has a place among all. With an error it
// returns what is known of the package.
func unpack(ctx context.Context, file string, place int, tree *untar.Tree, meter *meter) (Unpacked, error) {
	if err := ctx.Err(); err != nil {
		return Unpacked{}, err
	}
	f, err := os.Open(file)
	if err != nil {
		return Unpacked{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Unpacked{}, err
	}
	p, err := open(f, info.Size())
	if err != nil {
		return Unpacked{}, err
	}
	u, err := readControl(p.control)
	if err != nil {
		return Unpacked{}, fmt.Errorf("%s: %w", p.control.name, err)
	}
	counted := meter.reader(p.data)
	u.Files, err = readData(ctx, p.data.name, counted, u.Package, place, tree)
	if err != nil {
		return u, fmt.Errorf("%s: %w", p.data.name, err)
	}
	// What is neither data nor counted.
	meter.add(info.Size() - counted.count)
	return u, nil
}

// readData unpacks data.tar and returns the number of its files.
func readData(ctx context.Context, name string, from io.Reader, pkg string, place int, tree *untar.Tree) (files int, err error) {
	content, err := decompress(name, from)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	return tree.Unpack(ctx, untar.Stream{Reader: content, Order: place, Name: "the package " + pkg})
}
