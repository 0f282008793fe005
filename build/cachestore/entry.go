package cachestore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/flock"
	"github.com/slugc/slugc/stack/sandbox"
)

// Entry is the locked cache of one app.
type Entry struct {
	dir  string
	lock *os.File
	// restored are the indexes of what Restore left in its place, by layer id.
	restored map[string]pack.Index
	// looking is the look that was begun and not asked for so far; nil for none.
	looking *look
}

// Restored are the indexes of the layers that Restore gave back, by layer id:
// what they were before the buildpacks.
func (e *Entry) Restored() map[string]pack.Index { return e.restored }

// App is what an entry was made for.
type App struct {
	// Name is the app's name, for people.
	Name string `json:"name"`
	// Source is the directory it is built from.
	Source string `json:"source"`
	// Subdir is the directory of Source that is the app; empty where that is all of
	// it.
	Subdir string `json:"subdir,omitempty"`
	// Named says that the name alone tells which app it is, wherever it is built
	// from: a service checks out each version somewhere else.
	Named bool `json:"named,omitempty"`
	// ExecEnv is the execution environment that it is built for, "production"
	// when empty. What builds for one leave is of no use to those for another.
	ExecEnv string `json:"exec_env,omitempty"`
}

// maxName is how much of an app's name goes into that of its entry, in bytes;
// file systems take 255 together.
const maxName = 100

// dirName is the name of an app's entry below a cache root.
func (a App) dirName() string {
	key, name := a.Source+"\x00"+a.Name, strings.ReplaceAll(a.Name, "/", "_")
	if a.Named {
		key = "\x00" + a.Name
	}
	if a.Subdir != "" {
		key += "\x00\x00" + a.Subdir
	}
	if a.ExecEnv != "" && a.ExecEnv != buildpacks.DefaultExecEnv {
		key, name = key+"\x00"+a.ExecEnv, name+"-"+a.ExecEnv
	}
	sum := sha256.Sum256([]byte(key))
	return name[:min(len(name), maxName)] + "-" + hex.EncodeToString(sum[:6])
}

// Open locks the entry of an app below a cache root and makes it if it is not
// there. While someone else holds the lock it waits until the context ends;
// waiting is called once when it has to.
func Open(ctx context.Context, root string, app App, waiting func()) (*Entry, error) {
	dir := filepath.Join(root, "apps", app.dirName())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("opening the cache: %w", err)
	}
	for {
		lock, err := flock.Lock(ctx, filepath.Join(dir, "lock"), waiting)
		if err != nil {
			return nil, fmt.Errorf("opening the cache: %w", err)
		}
		// A prune may have removed the entry between opening and locking.
		if !flock.Named(lock, filepath.Join(dir, "lock")) {
			if err := errors.Join(lock.Close(), os.MkdirAll(dir, 0o755)); err != nil {
				return nil, fmt.Errorf("opening the cache: %w", err)
			}
			continue
		}
		e := &Entry{dir: dir, lock: lock}
		if err := e.begin(app); err != nil {
			return nil, errors.Join(err, e.Close())
		}
		return e, nil
	}
}

// begin notes whose entry it is and clears what the last build left lying.
func (e *Entry) begin(app App) error {
	data, err := json.Marshal(app)
	if err != nil {
		return fmt.Errorf("opening the cache: %w", err)
	}
	if err := sandbox.Remove(e.path("tmp")); err != nil {
		return fmt.Errorf("opening the cache: %w", err)
	}
	if err := os.MkdirAll(e.path("tmp"), 0o755); err != nil {
		return fmt.Errorf("opening the cache: %w", err)
	}
	if err := e.replace("app.json", append(data, '\n')); err != nil {
		return fmt.Errorf("opening the cache: %w", err)
	}
	if !e.ours() {
		return e.Clear()
	}
	return nil
}

// ours tells whether what earlier builds left belongs to the user that
// processes of the sandbox now run as; those of another cannot be written.
func (e *Entry) ours() bool {
	info, err := os.Lstat(e.AppDir())
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err != nil {
		return false
	}
	sys, ok := info.Sys().(*syscall.Stat_t)
	uid, _ := sandbox.Owner()
	return ok && int(sys.Uid) == uid
}

// Close removes the scratch space and unlocks the entry.
func (e *Entry) Close() error {
	if e.looking != nil {
		e.looking.stop()
		e.looking.end()
	}
	err := sandbox.Remove(e.path("tmp"))
	return errors.Join(err, e.lock.Close())
}

// Clear forgets everything that earlier builds left.
func (e *Entry) Clear() error {
	for _, name := range []string{recordFile, indexDir, sbomDir, "pack", "source.state", "app"} {
		if err := sandbox.Remove(e.path(name)); err != nil {
			return fmt.Errorf("clearing the cache: %w", err)
		}
	}
	return nil
}

func (e *Entry) path(names ...string) string {
	return filepath.Join(append([]string{e.dir}, names...)...)
}

// AppDir is where the app is built.
func (e *Entry) AppDir() string { return e.path("app") }

// SourceState is where detect.Source.CopyTo keeps its notes.
func (e *Entry) SourceState() string { return e.path("source.state") }

// DaemonState is the file for what a Docker daemon has of the app.
func (e *Entry) DaemonState() string { return e.path("daemon.json") }

// Packed is where pack.DirStore keeps its blobs.
func (e *Entry) Packed() string { return e.path("pack") }

// Temp is a directory that is empty at the beginning of a build and gone at
// its end. The name tells what it is for.
func (e *Entry) Temp(name string) string { return e.path("tmp", name) }

// Work are the directories in which the build under way works. Who moves them
// away takes them from the entry, which is cold then.
func (e *Entry) Work() []string { return []string{e.AppDir(), e.path("tmp")} }

// replace writes a file of the entry in its scratch space and renames it, so
// that the name never holds half of it and a kill leaves nothing lying.
func (e *Entry) replace(name string, data []byte) (err error) {
	f, err := os.CreateTemp(e.path("tmp"), "new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			if removeErr := os.Remove(f.Name()); !errors.Is(removeErr, fs.ErrNotExist) {
				err = errors.Join(err, removeErr)
			}
		}
	}()
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), e.path(name))
}
