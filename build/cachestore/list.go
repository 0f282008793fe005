package cachestore

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/stack/flock"
	"github.com/slugc/slugc/stack/sandbox"
)

// Info describes an entry to people.
type Info struct {
	App
	// Dir is where the entry is.
	Dir string `json:"dir"`
	// Size is what it takes on disk, in bytes.
	Size int64 `json:"size"`
	// Used is when it was last opened.
	Used time.Time `json:"used"`
	// Busy says that a build is using it now.
	Busy bool `json:"busy"`
}

// List describes the entries below a cache root, by name.
func List(ctx context.Context, root string) ([]Info, error) {
	dirs, err := os.ReadDir(filepath.Join(root, "apps"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing the cache: %w", err)
	}
	var all []Info
	for _, d := range dirs {
		if strings.HasPrefix(d.Name(), goingPrefix) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		info := Info{Dir: filepath.Join(root, "apps", d.Name())}
		note := filepath.Join(info.Dir, "app.json")
		data, err := os.ReadFile(note)
		if err != nil || json.Unmarshal(data, &info.App) != nil {
			// Not made by a build that got as far as saying whose it is.
			info.Name = d.Name()
		}
		if at, err := os.Stat(note); err == nil {
			info.Used = at.ModTime()
		}
		info.Size = diskUse(info.Dir)
		info.Busy = flock.Held(filepath.Join(info.Dir, "lock"))
		all = append(all, info)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Dir < all[j].Dir })
	return all, nil
}

// Prune removes the entries below a cache root that nobody has opened since a
// time and that no build is using, and returns them.
func Prune(ctx context.Context, root string, unused time.Time) ([]Info, error) {
	all, err := List(ctx, root)
	if err != nil {
		return nil, err
	}
	if err := removeGoing(root); err != nil {
		return nil, fmt.Errorf("pruning the cache: %w", err)
	}
	var gone []Info
	for _, info := range all {
		if info.Busy || info.Used.After(unused) {
			continue
		}
		removed, err := remove(info.Dir)
		if err != nil {
			return gone, fmt.Errorf("pruning the cache of %s: %w", info.Name, err)
		}
		if removed {
			gone = append(gone, info)
		}
	}
	return gone, nil
}

// Segments that no build used for keepSegments are dropped; a build that added
// none looks for them at most every trimInterval.
const (
	keepSegments = 7 * 24 * time.Hour
	trimInterval = 24 * time.Hour
)

// Trim drops packed segments that others have replaced or that no build has
// used for a week. Grown says that this build added some.
func (e *Entry) Trim(ctx context.Context, grown bool) error {
	note := e.path("trimmed")
	if at, err := os.Stat(note); err == nil && !grown && time.Since(at.ModTime()).Abs() < trimInterval {
		return nil
	}
	if _, err := (pack.DirStore{Dir: e.Packed()}).Prune(ctx, keepSegments); err != nil {
		return fmt.Errorf("trimming the cache: %w", err)
	}
	if err := os.WriteFile(note, nil, 0o644); err != nil {
		return fmt.Errorf("trimming the cache: %w", err)
	}
	now := time.Now()
	return os.Chtimes(note, now, now)
}

// goingPrefix begins the names of entries that are being removed.
const goingPrefix = ".going-"

// removeGoing removes what a prune that was killed left.
func removeGoing(root string) error {
	left, err := os.ReadDir(filepath.Join(root, "apps"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, d := range left {
		if !strings.HasPrefix(d.Name(), goingPrefix) {
			continue
		}
		if err := sandbox.Remove(filepath.Join(root, "apps", d.Name())); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes an entry while it holds its lock; an entry that has become
// busy stays.
func remove(dir string) (removed bool, err error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if locked, err := flock.Try(lock); !locked {
		return false, err
	}
	// A build that comes now finds no entry and begins a new one, in which
	// nothing is removed.
	going := filepath.Join(filepath.Dir(dir), goingPrefix+rand.Text())
	if err := os.Rename(dir, going); err != nil {
		return false, err
	}
	return true, sandbox.Remove(going)
}

// diskUse adds up the blocks of a tree; what cannot be looked at counts
// nothing.
func diskUse(dir string) (total int64) {
	seen := map[uint64]bool{}
	// The callback never fails, so neither does the walk.
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return nil
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && !seen[st.Ino] {
			seen[st.Ino] = true
			total += st.Blocks * 512
		}
		return nil
	})
	return total
}
