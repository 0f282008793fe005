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

	"github.com/slugc/slugc/stack/workbench"
)

const (
	// unfinished begins the names of notes that are being written.
	unfinished = ".unfinished-"
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

// publish moves a directory of a bench to its place, unless another process
// was faster.
func (f Fetcher) publish(b *workbench.Bench, dir, digest string) (kept, error) {
	k := kept{digest: digest, dir: f.place(digest)}
	if err := os.MkdirAll(filepath.Dir(k.dir), 0o755); err != nil {
		return kept{}, err
	}
	if err := b.Flush(); err != nil {
		return kept{}, err
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
