package ledger

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/queue"
	"github.com/slugc/slugc/stack/flock"
)

const (
	// buildsDir has the logs and the locks of builds.
	buildsDir = "builds"
	// keptLogs is how many ended builds of an app keep their logs when nobody says, and
	// keptRows how many times as many stay as records: forges may deliver an order again
	// days later.
	keptLogs = 100
	keptRows = 10
	// seeking is for how long a build has a place kept that was sought by the process whose own it
	// is; who waits for a turn seeks it each second.
	seeking = 5 * time.Second
	// attempts is how often a build is begun that is abandoned each time.
	attempts = 3
	// repeatable is how long an abandoned build may be ordered again by itself.
	repeatable = 24 * time.Hour
)

// Queue is the builds that a ledger keeps.
type Queue struct {
	ledger *Ledger
	dir    string
	keep   int

	// writing has one who writes at a time: SQLite has those who meet wait for longer than it takes.
	writing chan struct{}

	mu sync.Mutex
	// own are the locks of builds that this process ordered for itself and that wait.
	own map[int64]*os.File

	watching sync.Mutex
	// watch is the connection whose data_version tells that others wrote; seen is the last of
	// it, at when.
	watch *sql.Conn
	seen  int64
	at    time.Time
	mark  queue.Mark
}

var _ queue.Store = (*Queue)(nil)

// Queue is the builds of the ledger. The logs of the last keep ended builds of each app
// stay; 0 is 100. It is closed before the ledger.
func (l *Ledger) Queue(keep int) (*Queue, error) {
	q := &Queue{ledger: l, dir: filepath.Join(l.dir, buildsDir), keep: cmp.Or(keep, keptLogs), own: map[int64]*os.File{}, writing: make(chan struct{}, 1)}
	if err := os.MkdirAll(q.dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the builds: %w", err)
	}
	return q, nil
}

// Close gives up what this process ordered for itself and has not begun.
func (q *Queue) Close() (err error) {
	q.mu.Lock()
	for _, lock := range q.own {
		err = errors.Join(err, q.unlock(lock))
	}
	clear(q.own)
	q.mu.Unlock()
	q.watching.Lock()
	defer q.watching.Unlock()
	if q.watch != nil {
		err = errors.Join(err, q.watch.Close())
		q.watch = nil
	}
	return err
}

// Dir is the directory of the builds: their logs and locks.
func (q *Queue) Dir() string { return q.dir }

func (q *Queue) logFile(id int64) string { return filepath.Join(q.dir, fmt.Sprintf("%d.log", id)) }

func (q *Queue) lockFile(id int64) string { return filepath.Join(q.dir, fmt.Sprintf("%d.lock", id)) }

// lock takes the lock of a build. While it is held, the build is its holder's.
func (q *Queue) lock(id int64) (*os.File, error) {
	f, err := os.OpenFile(q.lockFile(id), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	locked, err := flock.Try(f)
	if err == nil && !locked {
		err = fmt.Errorf("%s is locked, and nobody has that build", f.Name())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// has is whether somebody has the lock of a build. Where that cannot be known, as when this
// process has too many files open, somebody has it.
func (q *Queue) has(id int64) bool {
	f, err := os.Open(q.lockFile(id))
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	defer f.Close()
	free, err := flock.Try(f)
	return err != nil || !free
}

// unlock lets go of a build that ended.
func (q *Queue) unlock(lock *os.File) error {
	err := os.Remove(lock.Name())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, lock.Close())
}

// buildRow is a build as the ledger has it.
type buildRow struct {
	queue.Build
	// turn counts claims; it is 0 before. most is how many builds its claimer has run at once.
	turn int64
	most int
}

// checksum is that of all of a row.
func (r buildRow) checksum() (record, sum string, err error) {
	text, err := json.Marshal(r.Build)
	hash := sha256.Sum256(fmt.Appendf(nil, "%d %d %s", r.turn, r.most, text))
	return string(text), hex.EncodeToString(hash[:]), err
}

const selectBuilds = "SELECT id, turn, most, record, checksum FROM builds "

// builds are those that a query finds.
func (q *Queue) builds(ctx context.Context, from querier, where string, args ...any) (found []buildRow, err error) {
	rows, err := from.QueryContext(ctx, selectBuilds+where, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r buildRow
		var id int64
		var record, sum string
		if err := rows.Scan(&id, &r.turn, &r.most, &record, &sum); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(record), &r.Build); err != nil {
			return nil, q.ledger.damaged(fmt.Errorf("its build %d: %w", id, err))
		}
		if _, got, err := r.checksum(); err != nil || got != sum || r.ID != id {
			return nil, q.ledger.damaged(fmt.Errorf("its build %d is not what was written", id))
		}
		found = append(found, r)
	}
	return found, rows.Err()
}

// build is one, or an *queue.UnknownError.
func (q *Queue) build(ctx context.Context, from querier, id int64) (buildRow, error) {
	found, err := q.builds(ctx, from, "WHERE id = ?", id)
	if err == nil && len(found) == 0 {
		err = &queue.UnknownError{ID: id}
	}
	if err != nil {
		return buildRow{}, err
	}
	return found[0], nil
}

// update writes a build that is there already.
func (q *Queue) update(ctx context.Context, tx querier, r buildRow) error {
	record, sum, err := r.checksum()
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "UPDATE builds SET status = ?, turn = ?, most = ?, record = ?, checksum = ?, ended_at = ? WHERE id = ?",
		string(r.Status), r.turn, r.most, record, sum, ended(r.Build), r.ID)
	return err
}

// ended is when a build ended, as the seconds of Unix; nil before.
func ended(b queue.Build) any {
	if !b.Status.Ended() {
		return nil
	}
	return b.Finished.Unix()
}

// end has a build end.
func (q *Queue) end(ctx context.Context, tx querier, r buildRow, s queue.Status, result queue.Result) (buildRow, error) {
	r.Status, r.Result, r.Finished, r.Owner, r.Cancelling = s, result, q.ledger.now().UTC(), "", false
	return r, q.update(ctx, tx, r)
}

// Order adds a build that waits.
func (q *Queue) Order(ctx context.Context, o queue.Order) (b queue.Build, made bool, err error) {
	if err := release.CheckApp(o.App); err != nil {
		return b, false, err
	}
	err = q.write(ctx, "ordering a build of "+o.App, func(tx *sql.Tx) error {
		b, made, err = q.order(ctx, tx, o)
		return err
	})
	if err != nil {
		q.forget(b.ID)
		return queue.Build{}, false, err
	}
	return b, made, nil
}

func (q *Queue) order(ctx context.Context, tx *sql.Tx, o queue.Order) (b queue.Build, made bool, err error) {
	if o.Key != "" {
		found, err := q.builds(ctx, tx, "WHERE key = ?", o.Key)
		if err != nil || len(found) > 0 {
			return append(found, buildRow{})[0].Build, false, err
		}
	}
	// sqlite_sequence never goes back, also when the last builds are not kept any more.
	if err := tx.QueryRowContext(ctx, "SELECT 1 + coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'builds'), 0)").Scan(&b.ID); err != nil {
		return b, false, err
	}
	b.Order, b.Status, b.Ordered = o, queue.Waiting, q.ledger.now().UTC()
	older, err := q.builds(ctx, tx, "WHERE app = ? AND branch = ? AND status = 'waiting'", o.App, o.Source.Branch)
	if err != nil {
		return b, false, err
	}
	for _, r := range older {
		if _, err := q.end(ctx, tx, r, queue.Superseded, queue.Result{Reason: fmt.Sprintf("build %d was ordered after it", b.ID)}); err != nil {
			return b, false, err
		}
	}
	if o.Mine {
		lock, err := q.lock(b.ID)
		if err != nil {
			return b, false, err
		}
		q.mu.Lock()
		q.own[b.ID] = lock
		q.mu.Unlock()
	}
	record, sum, err := buildRow{Build: b}.checksum()
	if err != nil {
		return b, false, err
	}
	var key any
	if o.Key != "" {
		key = o.Key
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO builds (id, app, branch, key, again, mine, status, turn, most, record, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?)",
		b.ID, o.App, o.Source.Branch, key, o.Again, o.Mine, string(b.Status), record, sum)
	return b, true, err
}

// forget lets go of a build that was this process's own.
func (q *Queue) forget(id int64) {
	q.mu.Lock()
	lock := q.own[id]
	delete(q.own, id)
	q.mu.Unlock()
	if lock != nil {
		q.warn(q.unlock(lock))
	}
}

func (q *Queue) warn(err error) {
	if err != nil && q.ledger.warn != nil {
		q.ledger.warn(err)
	}
}

// write does all of it or nothing.
func (q *Queue) write(ctx context.Context, doing string, do func(tx *sql.Tx) error) error {
	select {
	case q.writing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-q.writing }()
	err := transaction(ctx, q.ledger.db, do)
	if is[*queue.UnknownError](err) {
		return err
	}
	return q.ledger.explain(doing, err)
}

// Repeat orders abandoned builds again.
func (q *Queue) Repeat(ctx context.Context) (again []queue.Build, err error) {
	if err := q.mend(ctx); err != nil {
		return nil, err
	}
	const which = `WHERE status = 'abandoned' AND mine = 0 AND ended_at >= ?
		AND NOT EXISTS (SELECT 1 FROM builds AS later WHERE later.app = builds.app AND later.branch = builds.branch AND later.id > builds.id)
		ORDER BY id`
	since := q.ledger.now().Add(-repeatable).Unix()
	found, err := q.builds(ctx, q.ledger.db, which, since)
	if err != nil || len(found) == 0 {
		return nil, q.ledger.explain("looking for abandoned builds", err)
	}
	err = q.write(ctx, "ordering abandoned builds again", func(tx *sql.Tx) error {
		again = nil
		found, err := q.builds(ctx, tx, which, since)
		if err != nil {
			return err
		}
		for _, r := range found {
			enough, err := q.attempted(ctx, tx, r.Build)
			if err != nil {
				return err
			}
			if enough {
				continue
			}
			o := r.Order
			o.Trigger, o.Again, o.Key = "again", r.ID, ""
			b, _, err := q.order(ctx, tx, o)
			if err != nil {
				return err
			}
			again = append(again, b)
		}
		return nil
	})
	return again, err
}

// attempted is whether a build was begun often enough.
func (q *Queue) attempted(ctx context.Context, tx querier, b queue.Build) (bool, error) {
	for range attempts - 1 {
		if b.Again == 0 {
			return false, nil
		}
		before, err := q.build(ctx, tx, b.Again)
		if is[*queue.UnknownError](err) || err == nil && before.Status != queue.Abandoned {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		b = before.Build
	}
	return true, nil
}

// Build is the build of an id, or a *queue.UnknownError.
func (q *Queue) Build(ctx context.Context, id int64) (queue.Build, error) {
	if err := q.mend(ctx); err != nil {
		return queue.Build{}, err
	}
	r, err := q.build(ctx, q.ledger.db, id)
	if err != nil && !is[*queue.UnknownError](err) {
		err = q.ledger.explain("reading the builds", err)
	}
	return r.Build, err
}

// Builds are those that a filter picks, the newest first.
func (q *Queue) Builds(ctx context.Context, f queue.Filter) ([]queue.Build, error) {
	if err := q.mend(ctx); err != nil {
		return nil, err
	}
	where, args := "WHERE true", []any{}
	if f.App != "" {
		where, args = where+" AND app = ?", append(args, f.App)
	}
	if len(f.Statuses) > 0 {
		where += " AND status IN (?" + strings.Repeat(", ?", len(f.Statuses)-1) + ")"
		for _, s := range f.Statuses {
			args = append(args, string(s))
		}
	}
	if f.Before > 0 {
		where, args = where+" AND id < ?", append(args, f.Before)
	}
	where += " ORDER BY id DESC"
	if f.Limit > 0 {
		where, args = where+" LIMIT ?", append(args, f.Limit)
	}
	found, err := q.builds(ctx, q.ledger.db, where, args...)
	all := make([]queue.Build, len(found))
	for i, r := range found {
		all[i] = r.Build
	}
	return all, q.ledger.explain("reading the builds", err)
}

// Cancel takes back a build, or asks its owner to stop it.
func (q *Queue) Cancel(ctx context.Context, id int64) (b queue.Build, err error) {
	if err := q.mend(ctx); err != nil {
		return b, err
	}
	err = q.write(ctx, fmt.Sprintf("cancelling build %d", id), func(tx *sql.Tx) error {
		r, err := q.build(ctx, tx, id)
		if err != nil {
			return err
		}
		switch {
		case r.Status == queue.Waiting:
			r, err = q.end(ctx, tx, r, queue.Cancelled, queue.Result{Reason: "it was cancelled before it began"})
		case r.Status == queue.Running && !r.Cancelling:
			r.Cancelling = true
			err = q.update(ctx, tx, r)
		}
		b = r.Build
		return err
	})
	return b, err
}

// held is a condition on builds that somebody has to have the lock of.
const held = "WHERE status = 'running' OR status = 'waiting' AND mine"

// mend has the builds end as abandoned that nobody has any more.
func (q *Queue) mend(ctx context.Context) error {
	lost := false
	open, err := q.builds(ctx, q.ledger.db, held)
	for _, r := range open {
		lost = lost || !q.has(r.ID)
	}
	if err != nil || !lost {
		return q.ledger.explain("reading the builds", err)
	}
	return q.write(ctx, "ending abandoned builds", func(tx *sql.Tx) error { return q.bury(ctx, tx) })
}

// bury is mend in a transaction: nobody takes or lets go of a build meanwhile without having
// written so before.
func (q *Queue) bury(ctx context.Context, tx *sql.Tx) error {
	open, err := q.builds(ctx, tx, held)
	if err != nil {
		return err
	}
	for _, r := range open {
		if q.has(r.ID) {
			continue
		}
		reason := "the process that ran it ended before it did"
		if r.Status == queue.Waiting {
			reason = "the process that ordered it ended before it began"
		}
		if _, err := q.end(ctx, tx, r, queue.Abandoned, queue.Result{Code: 1, Reason: reason}); err != nil {
			return err
		}
		if err := os.Remove(q.lockFile(r.ID)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Changed waits until something may have changed since a mark.
func (q *Queue) Changed(ctx context.Context, since queue.Mark) (queue.Mark, error) {
	ticks := time.NewTicker(interval / 2)
	defer ticks.Stop()
	for {
		mark, err := q.look(ctx)
		if err != nil || mark != since {
			return mark, q.ledger.explain("watching the ledger", err)
		}
		select {
		case <-ctx.Done():
			return mark, ctx.Err()
		case <-ticks.C:
		}
	}
}

// look is the mark of this moment. However many watch, the file is looked at every now and
// then only.
func (q *Queue) look(ctx context.Context) (queue.Mark, error) {
	q.watching.Lock()
	defer q.watching.Unlock()
	if q.watch != nil && time.Since(q.at) < interval/4 {
		return q.mark, nil
	}
	if q.watch == nil {
		// The connection outlives the one who asked first.
		c, err := q.ledger.db.Conn(context.WithoutCancel(ctx))
		if err != nil {
			return q.mark, err
		}
		q.watch = c
	}
	var version int64
	if err := q.watch.QueryRowContext(context.WithoutCancel(ctx), "PRAGMA data_version").Scan(&version); err != nil {
		return q.mark, err
	}
	if version != q.seen || q.mark == 0 {
		q.seen = version
		q.mark++
	}
	q.at = time.Now()
	return q.mark, nil
}
