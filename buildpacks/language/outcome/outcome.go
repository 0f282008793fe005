package outcome

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/buildpacks/libcnb/v2"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/buildpacks/language/layer"
)

const (
	// filesDir has what is new or different, removedFile names what is gone.
	filesDir    = "files"
	removedFile = "removed.json"
	// platformDir is what the platform has in an app.
	platformDir = ".slugc"
	// maxSize bounds an outcome that is kept, in bytes.
	maxSize = 1 << 30
)

// Outcome is what a build makes of an app.
type Outcome struct {
	app     string
	scratch layer.Scratch
	slot    layer.Slot
	before  map[string]stamp
	source  string
}

// stamp tells whether a file was written or replaced.
type stamp struct {
	mode         fs.FileMode
	size         int64
	mtime, ctime int64
	inode        uint64
}

// Open looks at an app before anything is made in it. Name is the layer for the
// outcome, layout the version of what the buildpack does.
func Open(app string, layers libcnb.Layers, scratch layer.Scratch, name, layout string) (*Outcome, error) {
	slot, err := layer.Open(layers, name, libcnb.LayerTypes{Cache: true}, layout)
	if err != nil {
		return nil, err
	}
	o := &Outcome{app: app, scratch: scratch, slot: slot}
	if o.before, err = look(app); err != nil {
		return nil, fmt.Errorf("looking at the app: %w", err)
	}
	if o.source, err = o.sum(); err != nil {
		return nil, fmt.Errorf("looking at the app: %w", err)
	}
	return o, nil
}

// look is what is in a directory now.
func look(dir string) (map[string]stamp, error) {
	seen := map[string]stamp{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if rel == "." {
			return nil
		}
		if rel == platformDir {
			return fs.SkipDir
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		s := stamp{mode: info.Mode()}
		if !info.IsDir() {
			s.size, s.mtime = info.Size(), info.ModTime().UnixNano()
			if stat, is := info.Sys().(*syscall.Stat_t); is {
				s.ctime, s.inode = stat.Ctim.Nano(), stat.Ino
			}
		}
		seen[rel] = s
		return nil
	})
	return seen, err
}

// sum is a checksum of the whole app.
func (o *Outcome) sum() (string, error) {
	names := sorted(o.before)
	sums := make([]string, len(names))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range names {
		path := filepath.Join(o.app, name)
		switch mode := o.before[name].mode; {
		case mode&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return "", err
			}
			sums[i] = target
		case mode.IsRegular():
			group.Go(func() error {
				data, err := os.ReadFile(path)
				sums[i] = layer.Sum(data)
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		return "", err
	}
	var k layer.Key
	for i, name := range names {
		k.Add(o.before[name].mode.String()+" "+name, sums[i])
	}
	return k.Sum(), nil
}

func sorted(seen map[string]stamp) []string {
	names := make([]string, 0, len(seen))
	for name := range seen {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// inputs adds the source to what a buildpack says.
func (o *Outcome) inputs(of map[string]string) map[string]string {
	all := map[string]string{"source": o.source}
	for name, value := range of {
		all[name] = value
	}
	return all
}

// Keeps tells whether an earlier build made its outcome of the same source and
// the same inputs. Why says what is different.
func (o *Outcome) Keeps(inputs map[string]string) (kept bool, why string) {
	return o.slot.Keeps(o.inputs(inputs))
}

// Apply makes of the app what the earlier build made of it, and returns the
// layer, which stays as it is.
func (o *Outcome) Apply(inputs map[string]string) (libcnb.Layer, error) {
	if err := o.apply(); err != nil {
		return libcnb.Layer{}, fmt.Errorf("restoring what an earlier build made of the app: %w", err)
	}
	return o.slot.Describe(o.inputs(inputs), nil), nil
}

func (o *Outcome) apply() error {
	text, err := os.ReadFile(filepath.Join(o.slot.Layer.Path, removedFile))
	if err != nil {
		return err
	}
	var removed []string
	if err := json.Unmarshal(text, &removed); err != nil {
		return fmt.Errorf("%s: %w", removedFile, err)
	}
	for _, name := range removed {
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%s: %q is no path of the app", removedFile, name)
		}
		if err := os.RemoveAll(filepath.Join(o.app, name)); err != nil {
			return err
		}
	}
	from := filepath.Join(o.slot.Layer.Path, filesDir)
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil || rel == "." {
			return err
		}
		return put(path, filepath.Join(o.app, rel), entry)
	})
}

// put copies an entry to a path, in the place of what is there. Its mode is the
// same whatever this process takes away from those of new files.
func put(from, to string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	there, err := os.Lstat(to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case there.IsDir() && entry.IsDir():
		return os.Chmod(to, info.Mode().Perm()|0o700)
	default:
		if err := os.RemoveAll(to); err != nil {
			return err
		}
	}
	switch {
	case entry.IsDir():
		if err := os.Mkdir(to, 0o700); err != nil {
			return err
		}
		return os.Chmod(to, info.Mode().Perm()|0o700)
	case entry.Type()&fs.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	if err := layer.CopyFile(from, to, 0o600); err != nil {
		return err
	}
	return os.Chmod(to, info.Mode().Perm())
}

// Part is where a file or directory rests that the earlier build made, by its path in
// the app; "" when it made none. It is to be read only.
func (o *Outcome) Part(name string) string {
	path := filepath.Join(o.slot.Layer.Path, filesDir, name)
	if _, err := os.Lstat(path); err != nil || !filepath.IsLocal(name) {
		return ""
	}
	return path
}

// Keep keeps what was made of the app since Open, and returns the layer. One that
// is too large is not kept: ok is false.
func (o *Outcome) Keep(inputs map[string]string) (kept libcnb.Layer, ok bool, err error) {
	after, err := look(o.app)
	if err != nil {
		return libcnb.Layer{}, false, fmt.Errorf("looking at what was made of the app: %w", err)
	}
	fresh := o.scratch.Path("outcome")
	ok, err = o.collect(after, fresh)
	if err == nil && ok {
		err = o.scratch.Replace(o.slot.Layer.Path, "", fresh)
	}
	if err != nil {
		return libcnb.Layer{}, false, fmt.Errorf("keeping what was made of the app: %w", err)
	}
	return o.slot.Describe(o.inputs(inputs), nil), ok, nil
}

func (o *Outcome) collect(after map[string]stamp, fresh string) (ok bool, err error) {
	var changed, removed []string
	var size int64
	for _, name := range sorted(after) {
		if after[name] != o.before[name] {
			changed = append(changed, name)
			if after[name].mode.IsRegular() {
				size += after[name].size
			}
		}
	}
	if size > maxSize {
		return false, nil
	}
	for _, name := range sorted(o.before) {
		inside := len(removed) > 0 && strings.HasPrefix(name, removed[len(removed)-1]+"/")
		if _, there := after[name]; !there && !inside {
			removed = append(removed, name)
		}
	}
	if err := os.MkdirAll(filepath.Join(fresh, filesDir), 0o755); err != nil {
		return false, err
	}
	for _, name := range changed {
		from, to := filepath.Join(o.app, name), filepath.Join(fresh, filesDir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return false, err
		}
		info, err := os.Lstat(from)
		if err != nil {
			return false, err
		}
		if mode := info.Mode(); !mode.IsDir() && !mode.IsRegular() && mode&fs.ModeSymlink == 0 {
			continue // a socket or a pipe that a script left behind
		}
		if err := put(from, to, fs.FileInfoToDirEntry(info)); err != nil {
			return false, err
		}
	}
	text, err := json.Marshal(append([]string{}, removed...))
	if err != nil {
		return false, err
	}
	return true, os.WriteFile(filepath.Join(fresh, removedFile), text, 0o644)
}
