package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"sync"
	"time"

	"github.com/slugc/slugc/release/queue"
)

// claim is a build of this process.
type claim struct {
	queue *Queue
	row   buildRow
	lock  *os.File
	log   io.WriteCloser

	cancelled chan struct{}
	// stop ends the watch for cancels, which is over when watched is.
	stop    context.CancelFunc
	watched sync.WaitGroup
}

var _ queue.Claim = (*claim)(nil)

// waiting orders the builds that are the next of their apps: those of the apps first whose
// last turn is the longest ago.
const waiting = `WHERE status = 'waiting'
	AND id = (SELECT min(id) FROM builds AS first WHERE first.app = builds.app AND first.status = 'waiting')
	AND NOT EXISTS (SELECT 1 FROM builds AS now WHERE now.app = builds.app AND now.status = 'running')
	ORDER BY (SELECT max(turn) FROM builds AS past WHERE past.app = builds.app), id`

// Claim takes the next build that may run, or the one with an id if that may.
func (q *Queue) Claim(ctx context.Context, id int64, most int) (queue.Claim, bool, error) {
	if err := q.mend(ctx); err != nil {
		return nil, false, err
	}
	if err := q.seek(id); err != nil {
		return nil, false, err
	}
	// Who finds nothing has not kept others from writing.
	if _, found, err := q.next(ctx, q.ledger.db, id, most); err != nil || !found {
		return nil, false, q.ledger.explain("looking for a build", err)
	}
	c := &claim{queue: q}
	taken, own := false, false
	err := q.write(ctx, "taking a build", func(tx *sql.Tx) (err error) {
		if err := q.bury(ctx, tx); err != nil {
			return err
		}
		c.row, taken, err = q.next(ctx, tx, id, most)
		if err != nil || !taken {
			return err
		}
		if c.lock, own = q.ownLock(c.row.ID); !own && c.row.Mine {
			taken = false // another's own
			return nil
		}
		if !own {
			if c.lock, err = q.lock(c.row.ID); err != nil {
				return err
			}
		}
		if c.log, err = newLog(q.logFile(c.row.ID)); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, "SELECT 1 + max(turn) FROM builds").Scan(&c.row.turn); err != nil {
			return err
		}
		c.row.most = most
		c.row.Status, c.row.Started, c.row.Owner = queue.Running, q.ledger.now().UTC(), fmt.Sprintf("process %d", os.Getpid())
		return q.update(ctx, tx, c.row)
	})
	if err != nil || !taken {
		return nil, false, errors.Join(err, c.drop(own))
	}
	c.cancelled = make(chan struct{})
	watch, stop := context.WithCancel(context.WithoutCancel(ctx))
	c.stop = stop
	c.watched.Go(func() { c.watch(watch) })
	return c, true, nil
}

// drop undoes a claim that came to nothing.
func (c *claim) drop(own bool) (err error) {
	if c.log != nil {
		err = c.log.Close()
	}
	if c.lock == nil {
		return err
	}
	if own {
		c.queue.mu.Lock()
		defer c.queue.mu.Unlock()
		c.queue.own[c.row.ID] = c.lock
		return err
	}
	return errors.Join(err, c.lock.Close())
}

// ownLock is the lock of a build that this process ordered for itself, if it did.
func (q *Queue) ownLock(id int64) (lock *os.File, own bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	lock, own = q.own[id]
	delete(q.own, id)
	return lock, own
}

// next is the build that may be claimed.
func (q *Queue) next(ctx context.Context, from querier, id int64, most int) (r buildRow, found bool, err error) {
	all, err := q.builds(ctx, from, waiting)
	if err != nil || len(all) == 0 {
		return r, false, err
	}
	room, err := q.room(ctx, from, most, len(all))
	if err != nil {
		return r, false, err
	}
	// Those before it have the room first that somebody seeks; whether anybody runs those that are
	// nobody's own is not known to who has one of its own.
	for _, r := range all {
		if room <= 0 {
			return buildRow{}, false, nil
		}
		if r.ID == id || id == 0 && !r.Mine {
			return r, true, nil
		}
		if r.Mine && q.sought(r.ID) {
			room--
		}
	}
	return buildRow{}, false, nil
}

// seek notes, in the time of its lock file, that this process wants to run a build of its own.
func (q *Queue) seek(id int64) error {
	q.mu.Lock()
	lock := q.own[id]
	q.mu.Unlock()
	if lock == nil {
		return nil
	}
	return os.Chtimes(lock.Name(), time.Time{}, time.Now())
}

// sought is whether a process wants to run a build of its own now. One with several may run others
// first, and would be waited for in vain.
func (q *Queue) sought(id int64) bool {
	info, err := os.Stat(q.lockFile(id))
	return err == nil && time.Since(info.ModTime()) < seeking
}

// room is how many builds may begin: as many as the one allows who would begin one, or those who
// run some, if they allow more. Else who allows few would never have a turn.
func (q *Queue) room(ctx context.Context, from querier, most, all int) (int, error) {
	running, err := q.builds(ctx, from, "WHERE status = 'running'")
	if err != nil {
		return 0, err
	}
	for _, r := range running {
		if r.most == 0 || most == 0 {
			return all, nil
		}
		most = max(most, r.most)
	}
	if most == 0 {
		return all, nil
	}
	return most - len(running), nil
}

// watch waits for somebody to cancel the build.
func (c *claim) watch(ctx context.Context) {
	var mark queue.Mark
	for {
		var err error
		if mark, err = c.queue.Changed(ctx, mark); ctx.Err() != nil {
			return
		}
		if err == nil {
			var r buildRow
			if r, err = c.queue.build(ctx, c.queue.ledger.db, c.row.ID); err == nil && (r.Cancelling || r.Status != queue.Running) {
				close(c.cancelled)
				return
			}
		}
		if err != nil && ctx.Err() == nil {
			c.queue.warn(fmt.Errorf("watching for a cancel of build %d: %w", c.row.ID, err))
			select {
			case <-ctx.Done():
			case <-time.After(interval * 5):
			}
			mark = 0
		}
	}
}

func (c *claim) Build() queue.Build { return c.row.Build }

func (c *claim) Cancelled() <-chan struct{} { return c.cancelled }

func (c *claim) Log() io.WriteCloser { return c.log }

// End writes down how the build ended.
func (c *claim) End(ctx context.Context, s queue.Status, result queue.Result) (b queue.Build, err error) {
	c.stop()
	c.watched.Wait()
	if !s.Ended() {
		return c.row.Build, errors.Join(fmt.Errorf("ending build %d: %s is no end", c.row.ID, s), c.lock.Close())
	}
	err = c.queue.write(ctx, fmt.Sprintf("ending build %d", c.row.ID), func(tx *sql.Tx) error {
		r, err := c.queue.build(ctx, tx, c.row.ID)
		if err != nil {
			return err
		}
		r, err = c.queue.end(ctx, tx, r, s, result)
		b = r.Build
		return err
	})
	if err != nil {
		return c.row.Build, errors.Join(err, c.lock.Close())
	}
	c.queue.warn(c.queue.unlock(c.lock))
	c.queue.warn(c.queue.prune(ctx, b.App))
	return b, nil
}

// prune removes the logs of builds of an app that are too old, and the records of those that
// are much older.
func (q *Queue) prune(ctx context.Context, app string) error {
	err := q.pruneBelow(ctx, app, "turn > 0", q.keep, q.removeLogs)
	if err == nil {
		err = q.pruneBelow(ctx, app, "true", q.keep*keptRows, func(ctx context.Context, app string, last int64) error {
			_, err := q.ledger.db.ExecContext(ctx, "DELETE FROM builds WHERE app = ? AND ended_at IS NOT NULL AND id <= ?", app, last)
			return err
		})
	}
	return q.ledger.explain("removing old builds", err)
}

// pruneBelow removes what there is of an app's builds up to one: the last after as many as are
// kept of those that ended and meet a condition.
func (q *Queue) pruneBelow(ctx context.Context, app, which string, keep int, remove func(ctx context.Context, app string, last int64) error) error {
	var last int64
	err := q.ledger.db.QueryRowContext(ctx, "SELECT id FROM builds WHERE app = ? AND ended_at IS NOT NULL AND "+which+" ORDER BY id DESC LIMIT 1 OFFSET ?", app, keep).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return remove(ctx, app, last)
}

// removeLogs removes the logs of an app's builds up to one.
func (q *Queue) removeLogs(ctx context.Context, app string, last int64) error {
	old, err := q.builds(ctx, q.ledger.db, "WHERE app = ? AND ended_at IS NOT NULL AND turn > 0 AND id <= ?", app, last)
	if err != nil {
		return err
	}
	for _, r := range old {
		if err := os.Remove(q.logFile(r.ID)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Forget takes back what is to be built of an app that is no more, and removes the records and
// logs of what was.
func (q *Queue) Forget(ctx context.Context, app string) error {
	open, err := q.Builds(ctx, queue.Filter{App: app, Statuses: []queue.Status{queue.Waiting, queue.Running}})
	if err != nil {
		return err
	}
	for _, b := range open {
		if _, err := q.Cancel(ctx, b.ID); err != nil {
			return err
		}
	}
	if err := q.removeLogs(ctx, app, math.MaxInt64); err != nil {
		return q.ledger.explain("removing the builds of "+app, err)
	}
	_, err = q.ledger.db.ExecContext(ctx, "DELETE FROM builds WHERE app = ? AND ended_at IS NOT NULL", app)
	return q.ledger.explain("removing the builds of "+app, err)
}

// Log is what a build printed so far.
func (q *Queue) Log(ctx context.Context, id int64) (io.ReadSeekCloser, error) {
	b, err := q.Build(ctx, id)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(q.logFile(id))
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, fs.ErrNotExist) && (b.Started.IsZero() || !b.Status.Ended()):
		return empty{bytes.NewReader(nil)}, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the log of build %d is not kept any more: %w", id, fs.ErrNotExist)
	}
	return nil, fmt.Errorf("reading the log of build %d: %w", id, err)
}

type empty struct{ *bytes.Reader }

func (empty) Close() error { return nil }
