package ledger

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slugc/slugc/release"
)

// TestSchemaChanges: before a newer schema there is a copy of the older one.
func TestSchemaChanges(t *testing.T) {
	home := t.TempDir()
	s := Settings{Dir: home, Keys: Keys{File: filepath.Join(home, "key")}, Now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }}
	ctx := t.Context()
	l, err := Open(ctx, s)
	if err == nil {
		_, err = l.CreateApp(ctx, "shop")
	}
	if err = errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	newer := append(append([]string{}, migrations...), "ALTER TABLE apps ADD COLUMN owner TEXT")
	if l, err = openWith(ctx, s, newer); err != nil {
		t.Fatal(err)
	}
	if _, err := l.db.ExecContext(ctx, "SELECT owner FROM apps"); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = Open(ctx, s)
	if _, is := errors.AsType[*release.NewerError](err); !is {
		t.Errorf("got %v", err)
	}
	backup := filepath.Join(home, "backups", fmt.Sprintf("schema-%d-20260102-030405.db", len(migrations)))
	if got := l.lastBackup(); got != backup {
		t.Errorf("the backup is %q, want %q", got, backup)
	}
	old, err := connect(backup)
	if err != nil {
		t.Fatal(err)
	}
	var version, apps int
	if err := errors.Join(old.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version),
		old.QueryRowContext(ctx, "SELECT count(*) FROM apps").Scan(&apps), old.Close()); err != nil || version != len(migrations) || apps != 1 {
		t.Errorf("version %d with %d apps, %v", version, apps, err)
	}

	// One that cannot be made leaves what there was.
	broken := append(append([]string{}, newer...), "ALTER TABLE apps ADD COLUMN more TEXT; ALTER TABLE none ADD COLUMN more TEXT")
	if _, err := openWith(ctx, s, broken); err == nil || !strings.Contains(err.Error(), "no such table") {
		t.Errorf("got %v", err)
	}
	if l, err = openWith(ctx, s, newer); err != nil {
		t.Fatal(err)
	}
	if _, err := l.db.ExecContext(ctx, "SELECT more FROM apps"); err == nil {
		t.Error("half of a change is there")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDailyBackup: there is one a day, and the last seven stay.
func TestDailyBackup(t *testing.T) {
	home := t.TempDir()
	day := 0
	s := Settings{Dir: home, Now: func() time.Time { return time.Date(2026, 1, 1+day, 12, 0, 0, 0, time.UTC) }}
	l, err := Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	for day = range 10 {
		l.backupDaily(t.Context())
		l.backupDaily(t.Context())
	}
	var names []string
	for _, name := range l.backups(daily) {
		names = append(names, filepath.Base(name)[len(daily):len(daily)+8])
	}
	if got := strings.Join(names, " "); got != "20260104 20260105 20260106 20260107 20260108 20260109 20260110" {
		t.Errorf("got %s", got)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
