package detect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/stack/sandbox"
)

// Copy says where a source tree is copied to.
type Copy struct {
	// Dir receives the tree. Whatever else is in it is removed, Keep excepted.
	Dir string
	// Keep is a name in the root of Dir that is not the source's business.
	Keep string
	// Exclude are absolute paths that are no part of the source although they
	// lie in it: what an earlier build wrote there.
	Exclude []string
	// State remembers what was copied, so that the next copy into the same
	// directory only touches what changed.
	State string
	// UID and GID own the copies; negative leaves the caller's.
	UID, GID int
}

// Copied tells what a copy did.
type Copied struct {
	// Source is the source with its digest.
	Source Source
	// Files and Bytes count the whole tree, Written the files that had to be
	// written.
	Files, Written int
	Bytes          int64
	// Warnings are oddities that do not keep anyone from building.
	Warnings []string
}

// item is one object of a source tree.
type item struct {
	Path string // relative, with slashes
	Mode fs.FileMode
	Link string
	Size int64
	// Sum is the sha256 of a file's content; Source and Copy are the
	// fingerprints of the file it was read from and of the file it became.
	Sum          [sha256.Size]byte
	Source, Copy stamp
}

// stamp tells whether a file may have changed since it was taken.
type stamp struct {
	Dev, Ino     uint64
	Size         int64
	Mtime, Ctime int64
}

// maxDepth and maxPath keep a tree within what every program that will look at
// it can open by name (PATH_MAX is 4096, and the build's own prefix is added).
const (
	maxDepth = 512
	maxPath  = 3500
)

// UnfinishedPrefix begins the names under which artifacts are written until
// they are whole. A build that was killed may have left one in its source, of
// which it is no part.
const UnfinishedPrefix = ".slugc-"

// CopyTo makes the directory an exact copy of the source: regular files with
// mode 0755 if anyone may execute them, else 0644, as git keeps them;
// directories 0755; symbolic links as they are. Version control directories
// (.git) stay behind. Files that are as the last copy left them are not read.
//
// It returns a *SourceError for what cannot be built from: device files,
// sockets and FIFOs, links that climb out of the tree, trees too deep.
func (s Source) CopyTo(ctx context.Context, to Copy) (Copied, error) {
	items, warnings, err := s.settled(ctx, to.Exclude)
	if err != nil {
		return Copied{}, err
	}
	out := Copied{Warnings: warnings}
	if len(items) == 0 {
		return out, &SourceError{Path: s.Dir, Problem: "the directory is empty",
			Next: "Name the directory that holds the app: slugc build DIRECTORY"}
	}
	last := readState(to.State)
	if err := empty(to, items, last); err != nil {
		return out, err
	}

	writes, ctx := errgroup.WithContext(ctx)
	writes.SetLimit(2 * runtime.GOMAXPROCS(0))
	for i := range items {
		it := &items[i]
		target := filepath.Join(to.Dir, it.Path)
		switch {
		case it.Mode.IsDir():
			// Directories come before what is in them, so this is not parallel.
			if err := to.mkdir(target); err != nil {
				return out, err
			}
			continue
		case it.Mode&fs.ModeSymlink != 0:
			if err := to.symlink(it.Link, target); err != nil {
				return out, err
			}
			continue
		}
		out.Files++
		out.Bytes += it.Size
		if was, ok := last[it.Path]; ok && was.Source == it.Source && was.Mode == it.Mode && was.holds(target, it) {
			continue
		}
		out.Written++
		writes.Go(func() error { return to.file(ctx, filepath.Join(s.Dir, it.Path), target, it) })
	}
	if err := writes.Wait(); err != nil {
		return out, err
	}
	if err := writeState(to.State, items); err != nil {
		out.Warnings = append(out.Warnings, fmt.Sprintf("%v\nThe next build will copy every file.", err))
	}
	s.Digest = digest(items)
	out.Source = s
	return out, nil
}

// holds tells whether a file still is what the last copy made of the item, and
// if so hands checksum and stamp on. A file that was moved about or touched is
// looked into.
func (was item) holds(file string, now *item) bool {
	info, err := os.Lstat(file)
	if err != nil {
		return false
	}
	current := stampOf(info)
	if current != was.Copy {
		sys, ok := info.Sys().(*syscall.Stat_t)
		if !ok || sys.Nlink != 1 || info.Mode() != was.Mode || current.Size != was.Copy.Size {
			return false
		}
		if sum, err := checksum(file); err != nil || sum != was.Sum {
			return false
		}
	}
	now.Sum, now.Copy = was.Sum, current
	return true
}

func checksum(file string) (sum [sha256.Size]byte, err error) {
	f, err := os.Open(file)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return sum, err
	}
	return [sha256.Size]byte(hash.Sum(nil)), nil
}

// list walks the tree in lexical order.
func (s Source) list(ctx context.Context, exclude []string) (items []item, warnings []string, err error) {
	excluded := map[string]bool{}
	for _, path := range exclude {
		excluded[path] = true
	}
	var walk func(rel string, depth int) error
	walk = func(rel string, depth int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if depth > maxDepth || len(rel) > maxPath {
			return &SourceError{Path: rel, Problem: fmt.Sprintf("nested too deep: more than %d directories or %d bytes of path", maxDepth, maxPath),
				Next: "Remove the directory; it is most likely a link or copy that contains itself."}
		}
		entries, err := os.ReadDir(filepath.Join(s.Dir, rel))
		if err != nil {
			return &SourceError{Path: at(rel), Problem: reason(err), Next: "Make it readable, or remove it.", Err: err}
		}
		for _, entry := range entries {
			if entry.Name() == ".git" || (rel == "" && entry.Name() == ".slugc") || strings.HasPrefix(entry.Name(), UnfinishedPrefix) {
				continue
			}
			path := filepath.Join(rel, entry.Name())
			if excluded[filepath.Join(s.Dir, path)] {
				continue
			}
			info, err := entry.Info()
			if err != nil {
				return &SourceError{Path: path, Problem: reason(err), Err: err}
			}
			it := item{Path: path, Mode: info.Mode().Type(), Size: info.Size()}
			switch mode := info.Mode(); {
			case mode.IsDir():
				it.Size = 0
				items = append(items, it)
				if err := walk(path, depth+1); err != nil {
					return err
				}
				continue
			case mode.IsRegular():
				it.Mode |= 0o644
				if mode&0o111 != 0 {
					it.Mode |= 0o111
				}
				it.Source = stampOf(info)
			case mode&fs.ModeSymlink != 0:
				if it.Link, err = os.Readlink(filepath.Join(s.Dir, path)); err != nil {
					return &SourceError{Path: path, Problem: reason(err), Err: err}
				}
				warning, err := s.checkLink(path, it.Link)
				if err != nil {
					return err
				}
				if warning != "" {
					warnings = append(warnings, warning)
				}
				it.Size = 0
			default:
				return &SourceError{Path: path, Problem: "is a " + kind(mode) + ", which no app can be built from",
					Next: "Remove it from the tree."}
			}
			items = append(items, it)
		}
		return nil
	}
	err = walk("", 0)
	return items, warnings, err
}

// checkLink refuses links whose target cannot be there once the tree stands
// alone, and warns of those that point at the machine that runs the app.
func (s Source) checkLink(path, target string) (warning string, err error) {
	outside := &SourceError{Path: path, Problem: fmt.Sprintf("is a link that points outside the tree, to %s", quotePath(target)),
		Next: "Put a copy in its place, or build from the directory that holds both."}
	if !filepath.IsAbs(target) {
		if !filepath.IsLocal(filepath.Join(filepath.Dir(path), target)) {
			return "", outside
		}
		return "", nil
	}
	clean := filepath.Clean(target)
	if clean == s.Dir || strings.HasPrefix(clean, s.Dir+"/") {
		outside.Problem = fmt.Sprintf("is a link to %s, a path that only this machine has", quotePath(target))
		outside.Next = "Make the link relative: ln -sfrn TARGET LINK"
		return "", outside
	}
	return fmt.Sprintf("%s is a link to %s: it will point at whatever is there where the app runs", quotePath(path), quotePath(target)), nil
}

// empty removes from the directory what the source does not have, or has as
// another kind of object.
func empty(to Copy, items []item, last map[string]item) error {
	if err := to.mkdir(to.Dir); err != nil {
		return err
	}
	want := make(map[string]fs.FileMode, len(items))
	for _, it := range items {
		want[it.Path] = it.Mode.Type()
	}
	var sweep func(rel string) error
	sweep = func(rel string) error {
		entries, err := os.ReadDir(filepath.Join(to.Dir, rel))
		if err != nil {
			return fmt.Errorf("clearing the app directory: %w", err)
		}
		for _, entry := range entries {
			if rel == "" && entry.Name() == to.Keep {
				continue
			}
			path := filepath.Join(rel, entry.Name())
			mode, wanted := want[path]
			_, ours := last[path]
			if !wanted || mode != entry.Type() || (!ours && !entry.IsDir()) {
				if err := sandbox.Remove(filepath.Join(to.Dir, path)); err != nil {
					return fmt.Errorf("clearing the app directory: %w", err)
				}
				continue
			}
			if entry.IsDir() {
				if err := sweep(path); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return sweep("")
}

// mkdir makes a directory, or mends its mode and owner where a build changed
// them; one that is right is not touched.
func (to Copy) mkdir(dir string) error {
	const perm = 0o755
	if info, err := os.Lstat(dir); err == nil && info.IsDir() {
		if info.Mode().Perm() != perm {
			if err := os.Chmod(dir, perm); err != nil {
				return fmt.Errorf("copying the source: %w", err)
			}
		}
		if sys, ok := info.Sys().(*syscall.Stat_t); ok && to.UID >= 0 && int(sys.Uid) == to.UID && int(sys.Gid) == to.GID {
			return nil
		}
		return to.own(dir)
	}
	if err := os.Mkdir(dir, perm); err != nil {
		return fmt.Errorf("copying the source: %w", err)
	}
	if err := os.Chmod(dir, perm); err != nil {
		return fmt.Errorf("copying the source: %w", err)
	}
	return to.own(dir)
}

func (to Copy) symlink(link, target string) error {
	if now, err := os.Readlink(target); err == nil && now == link {
		return nil
	}
	if err := sandbox.Remove(target); err != nil {
		return fmt.Errorf("copying the source: %w", err)
	}
	if err := os.Symlink(link, target); err != nil {
		return fmt.Errorf("copying the source: %w", err)
	}
	return to.own(target)
}

func (to Copy) own(path string) error {
	if to.UID < 0 {
		return nil
	}
	if err := os.Lchown(path, to.UID, to.GID); err != nil {
		return fmt.Errorf("copying the source: %w", err)
	}
	return nil
}

// file copies one regular file and fills in its checksum and stamp.
func (to Copy) file(ctx context.Context, from, target string, it *item) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	in, err := os.OpenFile(from, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return &SourceError{Path: it.Path, Problem: reason(err), Next: "Make it readable, or remove it.", Err: err}
	}
	defer in.Close()
	// The old file goes first: a build may hold another link to it, or have
	// taken its permissions away.
	if err := sandbox.Remove(target); err != nil {
		return fmt.Errorf("copying the source: %w", err)
	}
	out, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, it.Mode.Perm())
	if err != nil {
		return fmt.Errorf("copying the source: %w", err)
	}
	defer func() {
		if closeErr := out.Close(); closeErr != nil {
			err = errors.Join(err, fmt.Errorf("copying the source: %w", closeErr))
		}
		if err != nil {
			return
		}
		var info fs.FileInfo
		if info, err = os.Lstat(target); err == nil {
			it.Copy = stampOf(info)
		}
	}()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(out, sum), in); err != nil {
		return fmt.Errorf("copying %s: %w", quotePath(it.Path), err)
	}
	if err := out.Chmod(it.Mode.Perm()); err != nil {
		return fmt.Errorf("copying %s: %w", quotePath(it.Path), err)
	}
	sum.Sum(it.Sum[:0])
	return to.own(target)
}

// digest is the sha256 over everything that the copy keeps of a tree.
func digest(items []item) string {
	sorted := make([]*item, len(items))
	for i := range items {
		sorted[i] = &items[i]
	}
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Path < sorted[j].Path })
	sum := sha256.New()
	for _, it := range sorted {
		field(sum, it.Path)
		field(sum, it.Mode.String())
		field(sum, it.Link)
		if it.Mode.IsRegular() {
			sum.Write(it.Sum[:])
		}
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}

// field writes a string with its length, so that no two trees look alike.
func field(sum hash.Hash, s string) {
	fmt.Fprintf(sum, "%d:%s", len(s), s)
}

// readState returns what the last copy left, by path; nothing when it cannot
// be read, which only makes the next copy slower.
func readState(file string) map[string]item {
	data, err := os.ReadFile(file)
	if err != nil || len(data) < sha256.Size {
		return nil
	}
	sum, body := data[:sha256.Size], data[sha256.Size:]
	if now := sha256.Sum256(body); !bytes.Equal(now[:], sum) {
		return nil
	}
	var items []item
	if err := gob.NewDecoder(bytes.NewReader(body)).Decode(&items); err != nil {
		return nil
	}
	state := make(map[string]item, len(items))
	for _, it := range items {
		state[it.Path] = it
	}
	return state
}

func writeState(file string, items []item) error {
	var body bytes.Buffer
	if err := gob.NewEncoder(&body).Encode(items); err != nil {
		return fmt.Errorf("recording the source: %w", err)
	}
	sum := sha256.Sum256(body.Bytes())
	next := file + ".new"
	if err := os.WriteFile(next, append(sum[:], body.Bytes()...), 0o600); err != nil {
		return fmt.Errorf("recording the source: %w", err)
	}
	if err := os.Rename(next, file); err != nil {
		return fmt.Errorf("recording the source: %w", err)
	}
	return nil
}

func stampOf(info fs.FileInfo) stamp {
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return stamp{Size: -1}
	}
	return stamp{Dev: sys.Dev, Ino: sys.Ino, Size: sys.Size, Mtime: sys.Mtim.Nano(), Ctime: sys.Ctim.Nano()}
}

func at(rel string) string {
	if rel == "" {
		return "."
	}
	return rel
}

func kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&fs.ModeNamedPipe != 0:
		return "FIFO"
	case mode&fs.ModeDevice != 0:
		return "device file"
	}
	return "special file"
}
