package untar

import (
	"context"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/slugc/slugc/stack"
)

// Tree is a directory that is being filled.
type Tree struct {
	root    *os.Root
	options Options
	limits  Limits
	entries atomic.Int64
	bytes   atomic.Int64
	// mu guards what follows, and that the disk agrees with claims.
	mu     sync.Mutex
	claims map[string]*claim
	// found are directories that were there before, also those that a stream
	// has claimed.
	found map[string]bool
	names map[int]string
}

// New returns a tree that is filled below root. What is there stays, unless a
// stream has the same file.
func New(root *os.Root, o Options) *Tree {
	return &Tree{
		root:    root,
		options: o,
		limits:  o.Limits.orDefault(),
		claims:  map[string]*claim{"": {kind: isDir, order: before}},
		found:   map[string]bool{"": true},
		names:   map[int]string{},
	}
}

// Finish gives directories their modes, and times if wanted, when all streams
// are unpacked. It returns what the disk does not hold.
func (t *Tree) Finish(ctx context.Context) (stack.Attributes, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	attributes := stack.Attributes{}
	// The innermost first: making times right changes no directory above.
	for _, where := range slices.Backward(slices.Sorted(maps.Keys(t.claims))) {
		c := t.claims[where]
		if c.attribute != nil {
			attributes[where] = *c.attribute
		}
		if c.kind != isDir || c.order == before {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := t.root.Chmod(where, c.mode); err != nil {
			return nil, err
		}
		if t.options.Times && !c.time.IsZero() {
			if err := t.root.Chtimes(where, c.time, c.time); err != nil {
				return nil, err
			}
		}
	}
	return attributes, nil
}
