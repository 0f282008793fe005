package ledger

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slugc/slugc/release"
)

// interval is how often Watch looks.
const interval = 200 * time.Millisecond

// querier is the database, or a transaction of it.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Apps are the apps that there are, by name.
func (l *Ledger) Apps(ctx context.Context) ([]release.App, error) {
	apps, err := l.apps(ctx, l.db)
	return apps, l.explain("reading the ledger", err)
}

func (l *Ledger) apps(ctx context.Context, from querier) (apps []release.App, err error) {
	rows, err := from.QueryContext(ctx, `SELECT name, created_at,
		(SELECT coalesce(max(number), 0) FROM releases WHERE app = apps.id AND status = 'succeeded')
		FROM apps WHERE destroyed_at IS NULL ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var a release.App
		var created string
		if err := rows.Scan(&a.Name, &created, &a.Current); err != nil {
			return nil, err
		}
		if a.Created, err = time.Parse(time.RFC3339Nano, created); err != nil {
			return nil, l.damaged(err)
		}
		apps = append(apps, a)
	}
	return apps, rows.Err()
}

// appID finds an app.
func (l *Ledger) appID(ctx context.Context, from querier, app string) (id int64, err error) {
	err = from.QueryRowContext(ctx, "SELECT id FROM apps WHERE name = ? AND destroyed_at IS NULL", app).Scan(&id)
	if !errors.Is(err, sql.ErrNoRows) {
		return id, err
	}
	all, err := l.apps(ctx, from)
	if err != nil {
		return 0, err
	}
	unknown := &release.UnknownError{App: app, NoApp: true}
	for _, a := range all {
		unknown.Apps = append(unknown.Apps, a.Name)
	}
	return 0, unknown
}

// row is a release as the ledger has it.
type row struct {
	App         string `json:"app"`
	Number      int    `json:"number"`
	Artifact    string `json:"artifact"`
	Snapshot    int64  `json:"snapshot"`
	Names       string `json:"names"`
	Description string `json:"description"`
	Author      string `json:"author"`
	Created     string `json:"created"`
	Status      string `json:"status"`
	Reason      string `json:"reason"`
	Output      []byte `json:"output"`
}

// checksum is that of all of a row.
func checksum(row any) (string, error) {
	text, err := json.Marshal(row)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}

const selectReleases = `SELECT apps.name, number, artifact, snapshot, names, description, author, releases.created_at, status, reason, output, checksum
	FROM releases JOIN apps ON apps.id = releases.app JOIN snapshots ON snapshots.id = releases.snapshot
	WHERE apps.name = ? AND apps.destroyed_at IS NULL`

// releases are those that a query finds, none of them current yet.
func (l *Ledger) releases(ctx context.Context, from querier, query string, args ...any) (found []release.Release, outputs [][]byte, err error) {
	rows, err := from.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r row
		var want string
		if err := rows.Scan(&r.App, &r.Number, &r.Artifact, &r.Snapshot, &r.Names, &r.Description, &r.Author, &r.Created, &r.Status, &r.Reason, &r.Output, &want); err != nil {
			return nil, nil, err
		}
		if got, err := checksum(r); err != nil || got != want {
			return nil, nil, l.damaged(fmt.Errorf("its release v%d of %s is not what was written", r.Number, r.App))
		}
		one, err := r.release()
		if err != nil {
			return nil, nil, l.damaged(fmt.Errorf("its release v%d of %s: %w", r.Number, r.App, err))
		}
		found, outputs = append(found, one), append(outputs, r.Output)
	}
	return found, outputs, rows.Err()
}

func (r row) release() (release.Release, error) {
	one := release.Release{
		App: r.App, Number: r.Number, Description: r.Description, Author: r.Author,
		Status: release.Status(r.Status), Reason: r.Reason, Snapshot: r.Snapshot,
	}
	created, err := time.Parse(time.RFC3339Nano, r.Created)
	one.Created = created
	return one, errors.Join(err, json.Unmarshal([]byte(r.Artifact), &one.Artifact), json.Unmarshal([]byte(r.Names), &one.Names))
}

// Releases are those of an app, the newest first.
func (l *Ledger) Releases(ctx context.Context, app string) ([]release.Release, error) {
	found, _, err := l.releases(ctx, l.db, selectReleases+" ORDER BY number DESC", app)
	if err == nil && len(found) == 0 {
		_, err = l.appID(ctx, l.db, app)
	}
	if err != nil {
		return nil, l.explain("reading the ledger", err)
	}
	if at := slices.IndexFunc(found, func(r release.Release) bool { return r.Status == release.Succeeded }); at >= 0 {
		found[at].Current = true
	}
	return found, nil
}

// Release is the release of a number. A number or an app that there is not is a
// *release.UnknownError.
func (l *Ledger) Release(ctx context.Context, app string, number int) (release.Release, error) {
	all, err := l.Releases(ctx, app)
	if err != nil {
		return release.Release{}, err
	}
	for _, r := range all {
		if r.Number == number {
			return r, nil
		}
	}
	return release.Release{}, &release.UnknownError{App: app, Number: number}
}

// Current is the last release of an app that succeeded.
func (l *Ledger) Current(ctx context.Context, app string) (release.Release, error) {
	return l.current(ctx, l.db, app)
}

func (l *Ledger) current(ctx context.Context, from querier, app string) (release.Release, error) {
	found, _, err := l.releases(ctx, from, selectReleases+" AND status = 'succeeded' ORDER BY number DESC LIMIT 1", app)
	if err == nil && len(found) == 0 {
		if _, err = l.appID(ctx, from, app); err == nil {
			err = &release.UnknownError{App: app}
		}
	}
	if err != nil {
		return release.Release{}, l.explain("reading the ledger", err)
	}
	found[0].Current = true
	return found[0], nil
}

// Watch waits for a current release of an app that is not the known one, or for its
// end.
func (l *Ledger) Watch(ctx context.Context, app string, known int) (r release.Release, err error) {
	// data_version is one connection's: it changes when another commits (SQLite,
	// "PRAGMA data_version").
	c, err := l.db.Conn(ctx)
	if err != nil {
		return r, l.explain("watching the ledger", err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	for seen := int64(-1); ; {
		var version int64
		if err := c.QueryRowContext(ctx, "PRAGMA data_version").Scan(&version); err != nil {
			return r, l.explain("watching the ledger", err)
		}
		if version != seen {
			seen = version
			switch r, err = l.current(ctx, c, app); {
			case err == nil && r.Number != known:
				return r, nil
			case err != nil && (known > 0 || !is[*release.UnknownError](err)):
				// What had a release has none any more: it was destroyed.
				return r, err
			}
		}
		select {
		case <-ctx.Done():
			return release.Release{}, ctx.Err()
		case <-ticks.C:
		}
	}
}

// Config is the config of a release, unsealed. One that was sealed with another key is a
// *release.KeyError.
func (l *Ledger) Config(ctx context.Context, r release.Release) (release.Config, error) {
	var recipient string
	var sealed []byte
	err := l.db.QueryRowContext(ctx, "SELECT recipient, sealed FROM snapshots WHERE id = ?", r.Snapshot).Scan(&recipient, &sealed)
	if err != nil {
		return nil, l.explain("reading the config of "+r.App, err)
	}
	text, err := l.open(ctx, sealed, recipient)
	if err != nil {
		return nil, l.explain("reading the config of "+r.App, err)
	}
	var c content
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, l.damaged(fmt.Errorf("its config of %s: %w", r.App, err))
	}
	if c.App != r.App || !slices.Equal(c.Config.Names(), r.Names) {
		return nil, l.damaged(fmt.Errorf("its config of %s %s is another's", r.App, r.Version()))
	}
	return c.Config, nil
}

// Output is what the release phase of a release printed.
func (l *Ledger) Output(ctx context.Context, r release.Release) ([]byte, error) {
	_, outputs, err := l.releases(ctx, l.db, selectReleases+" AND number = ?", r.App, r.Number)
	if err != nil || len(outputs) == 0 || len(outputs[0]) == 0 {
		return nil, l.explain("reading the output of "+r.App, err)
	}
	text, err := l.open(ctx, outputs[0], "")
	return text, l.explain("reading the output of "+r.App, err)
}

// open unseals what was sealed for a recipient.
func (l *Ledger) open(ctx context.Context, sealed []byte, recipient string) ([]byte, error) {
	key, err := l.key(ctx)
	if err != nil {
		return nil, err
	}
	if own := key.Recipient().String(); recipient != "" && recipient != own {
		return nil, &release.KeyError{Problem: fmt.Sprintf("it was sealed for the key of %s; the key here is that of %s: name the right one with SLUGC_KEY_FILE or SLUGC_KEY", recipient, own)}
	}
	text, err := unseal(key, sealed)
	if err != nil {
		return nil, l.damaged(fmt.Errorf("what was sealed cannot be opened: %w", err))
	}
	return text, nil
}
