package pack

import (
	"context"
	"crypto/sha256"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Contents reads a directory whose index was just taken. The sum, as
// "sha256:<hex>", is of all that a copy of the directory has too: paths, types,
// modes, targets of links and the bytes of files, but no times and no inodes.
// The index that it returns has the sums of all files; a file whose sum the index
// has already is not read. A directory that is written to meanwhile is an error
// that wraps ErrChanged.
func Contents(ctx context.Context, dir string, ix Index) (sum string, summed Index, err error) {
	root, err := openRoot(dir)
	if err != nil {
		return "", nil, err
	}
	defer root.close(&err)
	summed = slices.Clone(ix)
	var next atomic.Int64
	group, reading := errgroup.WithContext(ctx)
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error {
			buf := make([]byte, memberSize)
			for i := next.Add(1) - 1; i < int64(len(summed)); i = next.Add(1) - 1 {
				e := &summed[i]
				if !e.Mode.IsRegular() || e.Sum != (Sum{}) {
					continue
				}
				var err error
				if e.Sum, err = root.sum(reading, e, buf); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return "", nil, err
	}
	whole := newKeyHash()
	whole.word("contents")
	for i := range summed {
		e := &summed[i]
		whole.word(e.Path)
		whole.number(int64(e.Mode))
		whole.word(e.Link)
		if e.Mode.IsRegular() {
			whole.number(e.Size)
			whole.hash.Write(e.Sum[:])
		}
	}
	return "sha256:" + whole.key().String(), summed, nil
}

// sum reads a file of the index, a buffer at a time.
func (r *root) sum(ctx context.Context, e *Entry, buf []byte) (sum Sum, err error) {
	hash := sha256.New()
	for offset := int64(0); offset < e.Size; offset += int64(len(buf)) {
		if err := ctx.Err(); err != nil {
			return sum, err
		}
		piece := buf[:min(int64(len(buf)), e.Size-offset)]
		if err := r.read(e, offset, piece); err != nil {
			return sum, err
		}
		hash.Write(piece)
	}
	return Sum(hash.Sum(nil)[:len(Sum{})]), nil
}
