package extend

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Snapshot is the state of a file system: what is there, by path.
type Snapshot map[string]stamp

// stamp tells whether a file changed.
type stamp struct {
	mode              fs.FileMode
	uid, gid          uint32
	size              int64
	modified, changed int64
	inode             uint64
	// node is the number of a device file.
	node uint64
	// link is the target of a link.
	link string
	// shared is the file system of a file that has more names than one.
	shared uint64
}

// tick is how far apart two changes may be that a file system gives the same time, in
// the kernels that keep fractions of a second.
const tick = 11 * time.Millisecond

// Take looks at all that is below a directory, without what is below others, which are
// absolute. It returns when the clock has passed the last change, so that a later one
// shows.
func Take(ctx context.Context, root string, ignore []string) (Snapshot, error) {
	s := Snapshot{}
	last := int64(0)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, fs.ErrNotExist):
			return nil // it went meanwhile
		case err != nil:
			return err
		case path == root:
			return nil
		case slices.Contains(ignore, path):
			return skip(entry)
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode()&fs.ModeSocket != 0 {
			return nil
		}
		if err != nil {
			return err
		}
		one, err := newStamp(path, info)
		if err != nil {
			return err
		}
		last = max(last, one.changed)
		s[path] = one
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, settle(ctx, time.Unix(0, last))
}

// skip leaves a file out, or a directory with all that is below it.
func skip(entry fs.DirEntry) error {
	if entry.IsDir() {
		return filepath.SkipDir
	}
	return nil
}

// settle waits until the clock has passed a change that just was. One in the future is
// of another clock, which nobody can wait for.
func settle(ctx context.Context, last time.Time) error {
	wait := time.Until(last.Add(tick))
	if wait <= 0 || wait > tick {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func newStamp(path string, info fs.FileInfo) (stamp, error) {
	s := stamp{mode: info.Mode(), size: info.Size()}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		s.uid, s.gid, s.inode = stat.Uid, stat.Gid, stat.Ino
		s.modified, s.changed = stat.Mtim.Nano(), stat.Ctim.Nano()
		if info.Mode()&fs.ModeDevice != 0 {
			s.node = stat.Rdev
		}
		if stat.Nlink > 1 && info.Mode().IsRegular() {
			s.shared = stat.Dev
		}
	}
	switch {
	case info.Mode().IsDir():
		// What is in it counts for itself.
		s.size, s.modified, s.changed, s.inode = 0, 0, 0, 0
	case info.Mode()&fs.ModeSymlink != 0:
		var err error
		if s.link, err = os.Readlink(path); err != nil {
			return s, err
		}
	}
	return s, nil
}

// same reports whether nothing happened to a file from one snapshot to the next.
func (s stamp) same(before stamp) bool {
	s.shared, before.shared = 0, 0
	return s == before
}

// Since are the files that are new or changed since an earlier snapshot, and those that
// are gone, sorted. Of a directory that is gone, only itself is.
func (s Snapshot) Since(before Snapshot) (changed, gone []string) {
	for path, one := range s {
		if old, was := before[path]; !was || !one.same(old) {
			changed = append(changed, path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(before)) {
		if _, there := s[path]; there {
			continue
		}
		above := filepath.Dir(path)
		_, wasAbove := before[above]
		if parent, there := s[above]; wasAbove && (!there || !parent.mode.IsDir()) {
			continue
		}
		gone = append(gone, path)
	}
	slices.Sort(changed)
	return changed, gone
}

// Mounts are the places of the calling process where something is mounted over the
// root file system (proc(5), "/proc/pid/mountinfo").
func Mounts() ([]string, error) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var all []string
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		const at = 4 // the mount point is the fifth field
		if fields := strings.Fields(lines.Text()); len(fields) > at && fields[at] != "/" {
			all = append(all, unescape(fields[at]))
		}
	}
	return all, lines.Err()
}

// unescape puts characters in the place of backslashes with three octal digits.
func unescape(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		const octal, digits = 8, 3
		if text[i] == '\\' && i+digits < len(text) {
			if c, err := strconv.ParseUint(text[i+1:i+1+digits], octal, 8); err == nil {
				out.WriteByte(byte(c))
				i += digits
				continue
			}
		}
		out.WriteByte(text[i])
	}
	return out.String()
}
