package serve

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/queue"
)

// watch follows a queue for all who want to know of changes.
type watch struct {
	store queue.Store
	voice release.Voice

	mu sync.Mutex
	// changed is closed at the next change, and over when there is none any more.
	changed chan struct{}
	over    bool

	// of the builds that have not ended, and the newest of all
	last   map[int64]queue.Status
	newest int64
	mark   queue.Mark
}

func newWatch(store queue.Store, voice release.Voice) *watch {
	return &watch{store: store, voice: voice, changed: make(chan struct{})}
}

// next is closed at the next change; over is whether the watch has ended.
func (w *watch) next() (changed <-chan struct{}, over bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed, w.over
}

func (w *watch) tell(over bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.changed)
	w.changed, w.over = make(chan struct{}), over
}

// watchPause is the time before another look after one that went wrong.
const watchPause = time.Second

func (w *watch) run(ctx context.Context, observers ...func(queue.Build)) error {
	defer w.tell(true)
	for ctx.Err() == nil {
		changed, err := w.look(ctx)
		for _, b := range changed {
			for _, observe := range observers {
				observe(b)
			}
		}
		if err == nil {
			err = w.wait(ctx)
		}
		if err != nil && ctx.Err() == nil {
			w.voice.Warningf("Looking at the builds: %v", err)
			select {
			case <-ctx.Done():
			case <-time.After(watchPause):
			}
		}
		w.tell(false)
	}
	return nil
}

// glance is how often builds are looked at although nothing was written: one whose owner is
// killed is found by looking.
const glance = 2 * time.Second

// wait waits until something may have changed.
func (w *watch) wait(ctx context.Context) error {
	short, stop := context.WithTimeout(ctx, glance)
	defer stop()
	mark, err := w.store.Changed(short, w.mark)
	if short.Err() != nil {
		return nil
	}
	w.mark = mark
	return err
}

// recent is how long a build has ended at most that is told of although it ended before
// the first look: whoever ran it may have been killed before it could tell.
const recent = 15 * time.Minute

// newBuilds is how many builds are looked at in one go.
const newBuilds = 50

// look finds the builds whose status is another than at the last look, the oldest
// first. The first look finds those that have not ended.
func (w *watch) look(ctx context.Context) (changed []queue.Build, err error) {
	open, err := w.store.Builds(ctx, queue.Filter{Statuses: []queue.Status{queue.Waiting, queue.Running}})
	if err != nil {
		return nil, err
	}
	all := map[int64]queue.Build{}
	for _, b := range open {
		all[b.ID] = b
	}
	// Those that came and ended between two looks.
	before, newest := int64(0), w.newest
	for {
		page, err := w.store.Builds(ctx, queue.Filter{Before: before, Limit: newBuilds})
		if err != nil {
			return nil, err
		}
		for _, b := range page {
			newest = max(newest, b.ID)
			if w.last == nil && time.Since(b.Finished) < recent || w.last != nil && b.ID > w.newest {
				all[b.ID] = b
			}
		}
		if len(page) < newBuilds || w.last == nil || page[len(page)-1].ID <= w.newest {
			break
		}
		before = page[len(page)-1].ID
	}
	// Those that ended.
	for id := range w.last {
		if _, still := all[id]; !still {
			b, err := w.store.Build(ctx, id)
			if err != nil {
				return nil, err
			}
			all[id] = b
		}
	}
	next := map[int64]queue.Status{}
	for id, b := range all {
		if w.last[id] != b.Status {
			changed = append(changed, b)
		}
		if !b.Status.Ended() {
			next[id] = b.Status
		}
	}
	w.last, w.newest = next, newest
	sortBuilds(changed)
	return changed, nil
}

// news are builds that have not been told of, each once.
type news struct {
	more chan struct{}

	mu     sync.Mutex
	builds []queue.Build
}

func (n *news) add(b queue.Build) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i := slices.IndexFunc(n.builds, func(old queue.Build) bool { return old.ID == b.ID }); i >= 0 {
		n.builds[i] = b
	} else if len(n.builds) < mostNews {
		n.builds = append(n.builds, b)
	}
	select {
	case n.more <- struct{}{}:
	default:
	}
}

// mostNews is how many builds wait to be told of: a forge that is silent costs no more
// memory than that.
const mostNews = 1000

func (n *news) take() (b queue.Build, some bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.builds) == 0 {
		return b, false
	}
	b, n.builds = n.builds[0], n.builds[1:]
	return b, true
}
