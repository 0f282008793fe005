package serve_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/slugc/slugc/release/queue"
)

// memory is a queue in memory.
type memory struct {
	dir string

	mu      sync.Mutex
	builds  []queue.Build
	changes chan struct{}
}

var _ queue.Store = (*memory)(nil)

func newMemory(t testing.TB) *memory {
	return &memory{dir: t.TempDir(), changes: make(chan struct{}, 1)}
}

func (m *memory) logFile(id int64) string {
	return filepath.Join(m.dir, strconv.FormatInt(id, 10)+".log")
}

func (m *memory) changed() {
	select {
	case m.changes <- struct{}{}:
	default:
	}
}

func (m *memory) Order(_ context.Context, o queue.Order) (queue.Build, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.builds {
		if o.Key != "" && b.Key == o.Key {
			return b, false, nil
		}
	}
	b := queue.Build{ID: int64(len(m.builds) + 1), Order: o, Status: queue.Waiting, Ordered: time.Now()}
	m.builds = append(m.builds, b)
	m.changed()
	return b, true, nil
}

func (m *memory) Build(_ context.Context, id int64) (queue.Build, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if id < 1 || id > int64(len(m.builds)) {
		return queue.Build{}, &queue.UnknownError{ID: id}
	}
	return m.builds[id-1], nil
}

func (m *memory) Builds(_ context.Context, f queue.Filter) ([]queue.Build, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []queue.Build
	for _, b := range slices.Backward(m.builds) {
		if (f.App == "" || b.App == f.App) && (len(f.Statuses) == 0 || slices.Contains(f.Statuses, b.Status)) &&
			(f.Before == 0 || b.ID < f.Before) && (f.Limit == 0 || len(found) < f.Limit) {
			found = append(found, b)
		}
	}
	return found, nil
}

func (m *memory) Claim(context.Context, int64) (queue.Claim, bool, error) { return nil, false, nil }

func (m *memory) Cancel(_ context.Context, id int64) (queue.Build, error) {
	return m.set(id, func(b *queue.Build) {
		if !b.Status.Ended() {
			b.Status, b.Finished = queue.Cancelled, time.Now()
		}
	})
}

func (m *memory) Changed(ctx context.Context) error {
	select {
	case <-m.changes:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// set changes a build.
func (m *memory) set(id int64, f func(*queue.Build)) (queue.Build, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if id < 1 || id > int64(len(m.builds)) {
		return queue.Build{}, &queue.UnknownError{ID: id}
	}
	f(&m.builds[id-1])
	m.changed()
	return m.builds[id-1], nil
}

// print adds to the log of a build.
func (m *memory) print(t testing.TB, id int64, text string) {
	t.Helper()
	f, err := os.OpenFile(m.logFile(id), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(f, text)
	if err != nil || f.Close() != nil {
		t.Fatal(err)
	}
}
