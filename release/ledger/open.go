package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	sqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/slugc/slugc/build/beside"
	"github.com/slugc/slugc/release"
)

const (
	fileName = "ledger.db"
	// magic begins every SQLite file ("Database File Format").
	magic = "SQLite format 3\x00"
	// patience is how long a writer waits for another.
	patience = 30 * time.Second
)

// Ledger is the ledger in a directory. Several processes may have it open at once.
type Ledger struct {
	dir        string
	keys       Keys
	warn       func(error)
	now        func() time.Time
	migrations []string
	db         *sql.DB
}

var _ release.Book = (*Ledger)(nil)

// Settings say where a ledger is and how its configs are sealed.
type Settings struct {
	// Dir holds the ledger and all that belongs to it.
	Dir  string
	Keys Keys
	// Warn is told what went wrong and is no reason to stop.
	Warn func(error)
	// Now is the time; time.Now when nil.
	Now func() time.Time
}

// Open opens the ledger of a directory, and makes it if there is none. Errors are a
// *release.DamagedError, a *release.NewerError, a *release.BusyError, or the
// system's.
func Open(ctx context.Context, s Settings) (*Ledger, error) {
	return openWith(ctx, s, migrations)
}

func openWith(ctx context.Context, s Settings, migrations []string) (l *Ledger, err error) {
	l = &Ledger{dir: s.Dir, keys: s.Keys, warn: s.Warn, now: s.Now, migrations: migrations}
	if l.now == nil {
		l.now = time.Now
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the ledger: %w", err)
	}
	if err := l.ensure(ctx); err != nil {
		return nil, l.explain("opening the ledger", err)
	}
	if l.db, err = connect(l.file()); err == nil {
		if err = l.check(ctx); err == nil {
			err = l.migrate(ctx)
		}
		if err == nil {
			err = l.buryDead(ctx)
		}
		if err != nil {
			err = errors.Join(err, l.db.Close())
		}
	}
	if err != nil {
		return nil, l.explain("opening the ledger", err)
	}
	return l, nil
}

// Close lets go of the file.
func (l *Ledger) Close() error { return l.explain("closing the ledger", l.db.Close()) }

func (l *Ledger) file() string { return filepath.Join(l.dir, fileName) }

// connect opens a file that is there. Nothing is read yet.
func connect(file string) (*sql.DB, error) {
	settings := url.Values{"mode": {"rw"}, "_txlock": {"immediate"}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", patience.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "secure_delete(1)", "trusted_schema(0)",
	}}
	address := url.URL{Scheme: "file", Path: file, RawQuery: settings.Encode()}
	db, err := sql.Open("sqlite", address.String())
	if err != nil {
		return nil, err
	}
	return db, nil
}

// ensure makes a new ledger if there is none, whole or not at all.
func (l *Ledger) ensure(ctx context.Context) (err error) {
	if _, err := os.Lstat(l.file()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if last := l.lastBackup(); last != "" {
		return &release.DamagedError{
			What: "the ledger " + l.file(), Err: errors.New("it is gone"),
			Remedy: restoreFrom(last, l.file()) + fmt.Sprintf(", or begin anew: mv %s ELSEWHERE", filepath.Dir(last)),
		}
	}
	f, err := os.CreateTemp(l.dir, beside.Prefix) // mode 0600
	if err != nil {
		return err
	}
	fresh := f.Name()
	defer func() {
		for _, name := range []string{fresh, fresh + "-wal", fresh + "-shm", fresh + "-journal"} {
			if removeErr := os.Remove(name); removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) {
				err = errors.Join(err, removeErr)
			}
		}
	}()
	if err := f.Close(); err != nil {
		return err
	}
	db, err := connect(fresh)
	if err != nil {
		return err
	}
	err = l.fill(ctx, db)
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := syncFile(fresh); err != nil {
		return err
	}
	// Another slugc may have been first.
	if err := os.Link(fresh, l.file()); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return beside.SyncDir(l.dir)
}

// fill makes the schema of an empty file.
func (l *Ledger) fill(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID)); err != nil {
		return err
	}
	return l.change(ctx, db, 0)
}

// change brings the schema of a database from a version to the one that is
// expected, in one transaction.
func (l *Ledger) change(ctx context.Context, db *sql.DB, from int) error {
	return transaction(ctx, db, func(tx *sql.Tx) error {
		var has int
		if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&has); err != nil || has != from {
			return err // another slugc did it meanwhile
		}
		for _, migration := range l.migrations[from:] {
			if _, err := tx.ExecContext(ctx, migration); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(l.migrations)))
		return err
	})
}

// transaction does all of it or nothing.
func transaction(ctx context.Context, db *sql.DB, do func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		if undone := tx.Rollback(); undone != nil && !errors.Is(undone, sql.ErrTxDone) {
			err = errors.Join(err, undone)
		}
		return err
	}
	return tx.Commit()
}

// check makes sure that the file is a whole ledger.
func (l *Ledger) check(ctx context.Context) error {
	if err := l.checkHead(); err != nil {
		return err
	}
	var version int
	if err := l.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(l.migrations) {
		return &release.NewerError{File: l.file(), Has: version, Expect: len(l.migrations)}
	}
	if version < 1 {
		return l.damaged(errors.New("it has no schema"))
	}
	var verdict string
	if err := l.db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return l.damaged(errors.New(verdict))
	}
	return l.checkReferences(ctx)
}

// checkReferences looks for rows that name one which is not there: nobody would see them.
func (l *Ledger) checkReferences(ctx context.Context) (err error) {
	rows, err := l.db.QueryContext(ctx, "PRAGMA foreign_key_check")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if rows.Next() {
		return l.damaged(errors.New("a row names another that is not there"))
	}
	return rows.Err()
}

// headSize is the length of the header of an SQLite file, in bytes, and idAt where
// the application's id is in it.
const (
	headSize = 100
	idAt     = 68
)

// checkHead looks at the file itself: SQLite takes an empty one for a new database,
// and would change one of another program.
func (l *Ledger) checkHead() error {
	f, err := os.Open(l.file())
	if err != nil {
		return err
	}
	defer f.Close()
	head := make([]byte, headSize)
	switch n, err := io.ReadFull(f, head); {
	case n == 0 && errors.Is(err, io.EOF):
		return l.damaged(errors.New("it is empty"))
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case err != nil || string(head[:len(magic)]) != magic:
		return l.damaged(errors.New("it is no SQLite database"))
	case binary.BigEndian.Uint32(head[idAt:]) != applicationID:
		return l.damaged(errors.New("it is a database of another program"))
	}
	return nil
}

// migrate brings an older schema up to date, after a backup.
func (l *Ledger) migrate(ctx context.Context) error {
	var has int
	if err := l.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&has); err != nil {
		return err
	}
	if has == len(l.migrations) {
		return nil
	}
	if err := l.backup(ctx, fmt.Sprintf("schema-%d-", has)); err != nil {
		return fmt.Errorf("keeping a copy before the schema changes: %w", err)
	}
	return l.change(ctx, l.db, has)
}

// damaged is an error about the file, with the way back.
func (l *Ledger) damaged(err error) error {
	remedy := "There is no backup of it yet; move it away to begin anew, and its -wal and -shm with it"
	if last := l.lastBackup(); last != "" {
		remedy = restoreFrom(last, l.file())
	}
	return &release.DamagedError{What: "the ledger " + l.file(), Remedy: remedy, Err: err}
}

func restoreFrom(backup, file string) string {
	return fmt.Sprintf("Restore the backup: rm -f %s %s-wal %s-shm && cp %s %s", file, file, file, backup, file)
}

// explain gives errors of SQLite the meaning that they have for people.
func (l *Ledger) explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	if failed, found := errors.AsType[*sqlite.Error](err); found {
		switch failed.Code() & 0xff {
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT:
			return l.damaged(err)
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			return &release.BusyError{Err: err}
		case sqlite3.SQLITE_FULL:
			return fmt.Errorf("%s: the disk of %s is full: %w", doing, l.dir, err)
		case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
			return fmt.Errorf("%s %s: it has to be readable and writable for you, and its directory too: %w", doing, l.file(), err)
		}
	}
	if hasMeaning(err) {
		return err
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// hasMeaning says that an error is in people's words already.
func hasMeaning(err error) bool {
	return is[*release.DamagedError](err) || is[*release.NewerError](err) || is[*release.UnknownError](err) || is[*release.KeyError](err)
}

func is[T error](err error) bool {
	_, found := errors.AsType[T](err)
	return found
}

func syncFile(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// randomName is a name that nobody else has.
func randomName() string {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	return hex.EncodeToString(random[:])
}
