package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/slugc/slugc/build/beside"
)

const (
	backupDir = "backups"
	// daily begins the names of the backups of each day, before the time.
	daily = "ledger-"
	// stamp makes names that sort by time.
	stamp = "20060102-150405"
	// keptBackups is how many of each kind stay.
	keptBackups = 7
)

// backup makes a whole copy of the ledger. Its name begins with the kind.
func (l *Ledger) backup(ctx context.Context, kind string) error {
	dir := filepath.Join(l.dir, backupDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	fresh := filepath.Join(dir, beside.Prefix+randomName())
	_, err := l.db.ExecContext(ctx, "VACUUM INTO ?", fresh)
	if err == nil {
		err = errors.Join(os.Chmod(fresh, 0o600), syncFile(fresh))
	}
	if err == nil {
		err = os.Rename(fresh, filepath.Join(dir, kind+l.now().UTC().Format(stamp)+".db"))
	}
	if err != nil {
		if removed := os.Remove(fresh); removed != nil && !errors.Is(removed, fs.ErrNotExist) {
			err = errors.Join(err, removed)
		}
		return err
	}
	if err := errors.Join(beside.SyncDir(dir), beside.Sweep(dir), beside.Sweep(l.dir)); err != nil {
		return err
	}
	all := l.backups(kind)
	for _, old := range all[:max(0, len(all)-keptBackups)] {
		if err := os.Remove(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// backupDaily makes a copy unless there is one of today. Without it the ledger is
// as good as with it, so what goes wrong is a warning.
func (l *Ledger) backupDaily(ctx context.Context) {
	all := l.backups(daily)
	today := daily + l.now().UTC().Format(stamp[:8])
	if len(all) > 0 && filepath.Base(all[len(all)-1])[:len(today)] >= today {
		return
	}
	if err := l.backup(ctx, daily); err != nil && l.warn != nil {
		l.warn(fmt.Errorf("the day's backup of the ledger was not made: %w", err))
	}
}

// backups are the copies of a kind, the oldest first.
func (l *Ledger) backups(kind string) []string {
	found, err := filepath.Glob(filepath.Join(escapePattern(l.dir), backupDir, kind+"[0-9]*-[0-9]*.db"))
	if err != nil {
		return nil
	}
	slices.Sort(found)
	return found
}

// lastBackup is the newest copy, empty where there is none.
func (l *Ledger) lastBackup() string {
	all := append(l.backups(daily), l.backups("schema-[0-9]*-")...)
	last, at := "", time.Time{}
	for _, name := range all {
		if info, err := os.Stat(name); err == nil && info.ModTime().After(at) {
			last, at = name, info.ModTime()
		}
	}
	return last
}

// escapePattern makes a pattern that is met by a path alone.
func escapePattern(path string) string {
	var escaped []byte
	for i := range len(path) {
		if slices.Contains([]byte(`*?[\`), path[i]) {
			escaped = append(escaped, '\\')
		}
		escaped = append(escaped, path[i])
	}
	return string(escaped)
}
