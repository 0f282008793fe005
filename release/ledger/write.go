package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/stack/flock"
)

// turn is the turn of an app.
type turn struct {
	ledger *Ledger
	app    string
	lock   *os.File
}

var _ release.Turn = (*turn)(nil)

// died is why a release failed whose process is gone.
const died = "slugc ended before its release phase did"

// Turn waits for the turn of an app.
func (l *Ledger) Turn(ctx context.Context, app string, waiting func()) (release.Turn, error) {
	file, err := l.lockFile(app)
	if err != nil {
		return nil, err
	}
	lock, err := flock.Lock(ctx, file, waiting)
	if err != nil {
		return nil, fmt.Errorf("waiting for the turn of %s: %w", app, err)
	}
	t := &turn{l, app, lock}
	if err := t.bury(ctx); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// lockFile is the file of the turn of an app. It stays.
func (l *Ledger) lockFile(app string) (string, error) {
	if err := release.CheckApp(app); err != nil {
		return "", err
	}
	dir := filepath.Join(l.dir, "locks")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making the locks of the ledger: %w", err)
	}
	return filepath.Join(dir, app+".lock"), nil
}

// Close ends the turn.
func (t *turn) Close() error { return t.lock.Close() }

// buryDead has the pending releases of processes that died fail.
func (l *Ledger) buryDead(ctx context.Context) error {
	rows, err := l.db.QueryContext(ctx, "SELECT DISTINCT apps.name FROM releases JOIN apps ON apps.id = releases.app WHERE status = 'pending' AND destroyed_at IS NULL")
	if err != nil {
		return err
	}
	var apps []string
	for rows.Next() {
		var app string
		if err := rows.Scan(&app); err != nil {
			return errors.Join(err, rows.Close())
		}
		apps = append(apps, app)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, app := range apps {
		file, err := l.lockFile(app)
		if err != nil {
			return err
		}
		f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		free, err := flock.Try(f)
		if err == nil && free {
			t := &turn{l, app, f}
			err = t.bury(ctx)
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// bury has the pending releases of the app fail: who has the turn knows that
// nobody is making them any more.
func (t *turn) bury(ctx context.Context) error {
	pending, _, err := t.ledger.releases(ctx, t.ledger.db, selectReleases+" AND status = 'pending'", t.app)
	if err != nil {
		return t.ledger.explain("reading the ledger", err)
	}
	for _, r := range pending {
		if _, err := t.end(ctx, r, release.Failed, died, nil); err != nil {
			return err
		}
	}
	return nil
}

// Add makes the next release.
func (t *turn) Add(ctx context.Context, d release.Draft) (release.Release, error) {
	l := t.ledger
	// Nothing is sealed while others wait.
	var snapshot sealedConfig
	if d.Config != nil || d.Snapshot == 0 {
		key, err := l.key(ctx)
		if err == nil {
			snapshot, err = newSnapshot(key, t.app, d.Config)
		}
		if err != nil {
			return release.Release{}, l.explain("sealing the config of "+t.app, err)
		}
	}
	artifact, err := json.Marshal(d.Artifact)
	if err != nil {
		return release.Release{}, fmt.Errorf("noting the artifact: %w", err)
	}
	r := row{
		App: t.app, Artifact: string(artifact), Snapshot: d.Snapshot, Description: d.Description, Author: d.Author,
		Created: l.timestamp(), Status: string(release.Succeeded),
	}
	if d.Pending {
		r.Status = string(release.Pending)
	}
	err = transaction(ctx, l.db, func(tx *sql.Tx) error {
		app, err := l.ensureApp(ctx, tx, t.app)
		if err != nil {
			return err
		}
		if snapshot.sealed != nil {
			if r.Snapshot, err = snapshot.insert(ctx, tx, app); err != nil {
				return err
			}
		}
		if err := tx.QueryRowContext(ctx, "SELECT names FROM snapshots WHERE id = ? AND app = ? AND sealed IS NOT NULL", r.Snapshot, app).Scan(&r.Names); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, "SELECT 1 + coalesce(max(number), 0) FROM releases WHERE app = ?", app).Scan(&r.Number); err != nil {
			return err
		}
		sum, err := checksum(r)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO releases (app, number, artifact, digest, snapshot, description, author, created_at, status, reason, output, checksum)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', NULL, ?)`,
			app, r.Number, r.Artifact, d.Artifact.Digest, r.Snapshot, r.Description, r.Author, r.Created, r.Status, sum)
		return err
	})
	if err != nil {
		return release.Release{}, l.explain("releasing "+t.app, err)
	}
	l.backupDaily(ctx)
	made, err := r.release()
	made.Current = made.Status == release.Succeeded
	return made, err
}

// End says how a pending release ended.
func (t *turn) End(ctx context.Context, r release.Release, status release.Status, reason string, output []byte) (release.Release, error) {
	var sealed []byte
	if len(output) > 0 {
		key, err := t.ledger.key(ctx)
		if err == nil {
			sealed, err = seal(key.Recipient(), output)
		}
		if err != nil {
			return r, t.ledger.explain("sealing the output of "+r.App, err)
		}
	}
	return t.end(ctx, r, status, reason, sealed)
}

func (t *turn) end(ctx context.Context, r release.Release, status release.Status, reason string, sealed []byte) (release.Release, error) {
	l := t.ledger
	err := transaction(ctx, l.db, func(tx *sql.Tx) error {
		app, err := l.appID(ctx, tx, r.App)
		if err != nil {
			return err
		}
		was := row{App: r.App, Number: r.Number, Status: string(status), Reason: reason, Output: sealed}
		if err := tx.QueryRowContext(ctx, `SELECT artifact, snapshot, names, description, author, created_at FROM releases
			JOIN snapshots ON snapshots.id = releases.snapshot WHERE releases.app = ? AND number = ?`, app, r.Number).
			Scan(&was.Artifact, &was.Snapshot, &was.Names, &was.Description, &was.Author, &was.Created); err != nil {
			return err
		}
		sum, err := checksum(was)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE releases SET status = ?, reason = ?, output = ?, checksum = ? WHERE app = ? AND number = ?",
			was.Status, reason, sealed, sum, app, r.Number)
		return err
	})
	if err != nil {
		return r, l.explain(fmt.Sprintf("ending %s of %s", r.Version(), r.App), err)
	}
	r.Status, r.Reason, r.Current = status, reason, status == release.Succeeded
	return r, nil
}

// CreateApp makes an app without releases. It returns false when there is one of
// the name.
func (l *Ledger) CreateApp(ctx context.Context, app string) (made bool, err error) {
	if err := release.CheckApp(app); err != nil {
		return false, err
	}
	err = transaction(ctx, l.db, func(tx *sql.Tx) error {
		_, err := l.appID(ctx, tx, app)
		if made = is[*release.UnknownError](err); !made {
			return err
		}
		_, err = l.ensureApp(ctx, tx, app)
		return err
	})
	return made, l.explain("making the app "+app, err)
}

// ensureApp finds an app, or makes it.
func (l *Ledger) ensureApp(ctx context.Context, tx *sql.Tx, app string) (id int64, err error) {
	if id, err = l.appID(ctx, tx, app); !is[*release.UnknownError](err) {
		return id, err
	}
	made, err := tx.ExecContext(ctx, "INSERT INTO apps (name, created_at) VALUES (?, ?)", app, l.timestamp())
	if err != nil {
		return 0, err
	}
	return made.LastInsertId()
}

// DestroyApp ends an app: its configs are overwritten, its name is free. It waits
// for the turn of the app.
func (l *Ledger) DestroyApp(ctx context.Context, app string, waiting func()) (err error) {
	if _, err := l.appID(ctx, l.db, app); err != nil {
		return l.explain("destroying "+app, err)
	}
	mine, err := l.Turn(ctx, app, waiting)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, mine.Close()) }()
	err = transaction(ctx, l.db, func(tx *sql.Tx) error {
		id, err := l.appID(ctx, tx, app)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE apps SET destroyed_at = ? WHERE id = ?", l.timestamp(), id); err != nil {
			return err
		}
		if err := dropRule(ctx, tx, app); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE snapshots SET sealed = NULL WHERE app = ?", id)
		return err
	})
	if err == nil {
		// What was sealed is to be gone from the write-ahead log too.
		_, err = l.db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	}
	return l.explain("destroying "+app, err)
}

// Digests are the digests of artifacts that apps may still run: all of the apps'
// but those of the named one, of which only the last keep artifacts count, with
// its current and its pending one. No limit is 0.
func (l *Ledger) Digests(ctx context.Context, app string, keep int) (map[string]bool, error) {
	used := map[string]bool{}
	apps, err := l.Apps(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range apps {
		all, err := l.Releases(ctx, a.Name)
		if err != nil {
			return nil, err
		}
		own := map[string]bool{}
		for _, r := range all {
			full := a.Name == app && keep > 0 && len(own) >= keep
			useless := full || a.Name == app && keep > 0 && r.Status == release.Failed
			if r.Artifact.None() || useless && !r.Current && r.Status != release.Pending {
				continue
			}
			own[r.Artifact.Digest] = true
			used[r.Artifact.Digest] = true
		}
	}
	return used, nil
}

// key is the key that configs are sealed with.
func (l *Ledger) key(ctx context.Context) (*age.X25519Identity, error) {
	return l.keys.identity(func() (bool, error) {
		var sealed int
		err := l.db.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM snapshots WHERE sealed IS NOT NULL) + (SELECT count(*) FROM hooks)").Scan(&sealed)
		return sealed == 0, err
	})
}

func (l *Ledger) timestamp() string { return l.now().UTC().Format(time.RFC3339Nano) }

// sealedConfig is a snapshot before the ledger has it.
type sealedConfig struct {
	names, recipient string
	sealed           []byte
}

func newSnapshot(key *age.X25519Identity, app string, config release.Config) (s sealedConfig, err error) {
	names, err := json.Marshal(config.Names())
	if err != nil {
		return s, err
	}
	s.names, s.recipient = string(names), key.Recipient().String()
	s.sealed, err = sealConfig(key, app, config)
	return s, err
}

func (s sealedConfig) insert(ctx context.Context, tx *sql.Tx, app int64) (int64, error) {
	made, err := tx.ExecContext(ctx, "INSERT INTO snapshots (app, names, recipient, sealed) VALUES (?, ?, ?, ?)", app, s.names, s.recipient, s.sealed)
	if err != nil {
		return 0, err
	}
	return made.LastInsertId()
}
