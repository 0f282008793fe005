package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/slugc/slugc/stack/flock"
)

const (
	// unfinished begins the names of directories in which something is made.
	unfinished = ".unfinished-"
	// settled is the age from which on an unfinished directory without a lock
	// is nobody's; its maker locks it right after making it.
	settled = time.Minute
	// notes is the directory with what names stood for.
	notes = "names"
)

// kept is a package that is in the store.
type kept struct {
	digest string
	// dir holds the tree and the record of it.
	dir string
}

// digestForm is a digest of the store: sha256:HEX or git:COMMIT.
var digestForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(sha256:[0-9a-f]{64}|git:([0-9a-f]{40}|[0-9a-f]{64}))$`)
})

// place is where a package of a digest is.
func (f Fetcher) place(digest string) string {
	algorithm, hash, _ := strings.Cut(digest, ":")
	return filepath.Join(f.Dir, algorithm, hash)
}

// find looks for a package by its digest.
func (f Fetcher) find(digest string) (kept, bool, error) {
	if !digestForm().MatchString(digest) {
		return kept{}, false, nil
	}
	k := kept{digest: digest, dir: f.place(digest)}
	_, err := os.Stat(k.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return kept{}, false, nil
	}
	return k, err == nil, err
}

// noted looks for a package by a name that it had.
func (f Fetcher) noted(name string) (kept, bool, error) {
	digest, err := os.ReadFile(f.note(name))
	if errors.Is(err, fs.ErrNotExist) {
		return kept{}, false, nil
	}
	if err != nil {
		return kept{}, false, err
	}
	return f.find(strings.TrimSpace(string(digest)))
}

// note is the file for a name. Names have credentials in them, so that only
// their sum is written.
func (f Fetcher) note(name string) string {
	sum := sha256.Sum256([]byte(name))
	return filepath.Join(f.Dir, notes, hex.EncodeToString(sum[:]))
}

// remember writes what a name stands for.
func (f Fetcher) remember(name string, k kept) (err error) {
	file := f.note(name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	beside, err := os.CreateTemp(filepath.Dir(file), unfinished)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ignoreMissing(os.Remove(beside.Name()))) }()
	_, err = beside.WriteString(k.digest + "\n")
	if err = errors.Join(err, beside.Close()); err != nil {
		return err
	}
	return os.Rename(beside.Name(), file)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// bench is a directory of the store in which something is made. It is removed
// with all that is still in it when it is closed.
type bench struct {
	dir  string
	lock *os.File
}

// newBench makes a bench, and removes those of processes that were killed.
func (f Fetcher) newBench() (*bench, error) {
	if err := os.MkdirAll(f.Dir, 0o755); err != nil {
		return nil, err
	}
	if err := f.sweep(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(f.Dir, unfinished)
	if err != nil {
		return nil, err
	}
	b := &bench{dir: dir}
	if b.lock, err = os.Open(dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := flock.Share(b.lock); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *bench) close() error {
	return errors.Join(os.RemoveAll(b.dir), b.lock.Close())
}

// folder makes a directory on the bench, whatever the umask is: scripts run as
// another user.
func (b *bench) folder(name string) (string, error) {
	dir := filepath.Join(b.dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

// publish moves a directory of a bench to its place, unless another process
// was faster.
func (f Fetcher) publish(b *bench, dir, digest string) (kept, error) {
	k := kept{digest: digest, dir: f.place(digest)}
	if err := os.MkdirAll(filepath.Dir(k.dir), 0o755); err != nil {
		return kept{}, err
	}
	if err := flush(b.lock); err != nil {
		return kept{}, fmt.Errorf("flushing %s to disk: %w", b.dir, err)
	}
	err := os.Rename(dir, k.dir)
	if err == nil {
		return k, nil
	}
	if _, found, findErr := f.find(digest); findErr == nil && found {
		return k, nil
	}
	return kept{}, err
}

// sweep removes what killed processes left.
func (f Fetcher) sweep() error {
	left, err := filepath.Glob(filepath.Join(f.Dir, unfinished+"*"))
	if err != nil {
		return err
	}
	for _, dir := range left {
		if err := ignoreMissing(sweepOne(dir)); err != nil {
			return fmt.Errorf("removing an unfinished package: %w", err)
		}
	}
	return nil
}

func sweepOne(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	info, err := d.Stat()
	if err != nil || time.Since(info.ModTime()) < settled {
		return err
	}
	if free, err := flock.Try(d); err != nil || !free {
		return err
	}
	return os.RemoveAll(dir)
}

// notKept is the error for what Offline does not let be fetched.
func notKept(what string) error {
	return &OfflineError{What: what}
}

// OfflineError says that something is not kept and may not be fetched now.
type OfflineError struct {
	// What is missing, without credentials.
	What string
}

func (e *OfflineError) Error() string {
	return fmt.Sprintf("%s was never fetched to this machine, and the network may not be used now; build once without --offline", e.What)
}
