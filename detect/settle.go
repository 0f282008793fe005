package detect

import (
	"context"
	"path/filepath"
	"time"
)

// The clock that stamps files ticks at most this often, in the kernels and
// file systems that keep fractions of a second and in those that do not.
const (
	tick       = 11 * time.Millisecond
	coarseTick = time.Second + tick
)

// settleRounds limits how often a tree is listed that someone keeps writing to.
const settleRounds = 5

// settled lists the tree when the clock has passed the newest change in it, so
// that a later edit cannot hide behind an equal stamp.
func (s Source) settled(ctx context.Context, exclude []string, wanted func(path string, isDir bool) bool) (items []item, warnings []string, err error) {
	for range settleRounds {
		if items, warnings, err = s.list(ctx, exclude, wanted); err != nil {
			return nil, nil, err
		}
		calm, err := s.calm(ctx, items)
		if err != nil {
			return nil, nil, err
		}
		if calm {
			break
		}
	}
	return items, warnings, nil
}

// calm waits until the clock has passed the newest stamp of the items, and
// tells whether those that were young then are still as they were listed.
func (s Source) calm(ctx context.Context, items []item) (bool, error) {
	now := time.Now()
	var young []*item
	var until time.Time
	for i := range items {
		it := &items[i]
		changed, step := time.Unix(0, it.Source.Ctime), tick
		if it.Source.Ctime%int64(time.Second) == 0 {
			step = coarseTick
		}
		// A time that lies ahead comes from another clock, which no wait here
		// can catch up with.
		if !it.Mode.IsRegular() || changed.Add(step).Before(now) || changed.After(now.Add(coarseTick)) {
			continue
		}
		young = append(young, it)
		if changed.Add(step).After(until) {
			until = changed.Add(step)
		}
	}
	if len(young) == 0 {
		return true, nil
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	for _, it := range young {
		info, err := lstat(filepath.Join(s.Dir, it.Path))
		if err != nil || stampOf(&info) != it.Source {
			return false, nil // what is gone shows when the tree is listed again
		}
	}
	return true, nil
}
