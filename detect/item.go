package detect

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"sort"
	"strconv"

	"golang.org/x/sys/unix"
)

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

func stampOf(st *unix.Stat_t) stamp {
	return stamp{Dev: st.Dev, Ino: st.Ino, Size: st.Size, Mtime: st.Mtim.Nano(), Ctime: st.Ctim.Nano()}
}

// lstat is os.Lstat without what that makes of the answer: a tree has thousands of
// files, and each is looked at several times.
func lstat(path string) (st unix.Stat_t, err error) {
	if err := retry(func() error { return unix.Lstat(path, &st) }); err != nil {
		return st, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	return st, nil
}

// holds tells whether a file still is what the last copy made of the item, and
// if so hands checksum and stamp on. A file that was moved about or touched is
// looked into.
func (was item) holds(file string, now *item) bool {
	st, err := lstat(file)
	if err != nil {
		return false
	}
	current := stampOf(&st)
	if current != was.Copy {
		if st.Nlink != 1 || st.Mode != unix.S_IFREG|uint32(was.Mode.Perm()) || current.Size != was.Copy.Size {
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

// digest is the sha256 over everything that the copy keeps of a tree.
func digest(items []item) string {
	sorted := make([]*item, len(items))
	for i := range items {
		sorted[i] = &items[i]
	}
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Path < sorted[j].Path })
	sum := sha256.New()
	var text []byte
	for _, it := range sorted {
		text = field(text[:0], it.Path)
		text = field(text, it.Mode.String())
		text = field(text, it.Link)
		if it.Mode.IsRegular() {
			text = append(text, it.Sum[:]...)
		}
		sum.Write(text)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}

// field appends a string with its length, so that no two trees look alike.
func field(text []byte, s string) []byte {
	text = append(strconv.AppendInt(text, int64(len(s)), 10), ':')
	return append(text, s...)
}
