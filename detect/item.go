package detect

import (
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"sort"
	"syscall"
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

func stampOf(info fs.FileInfo) stamp {
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return stamp{Size: -1}
	}
	return stamp{Dev: sys.Dev, Ino: sys.Ino, Size: sys.Size, Mtime: sys.Mtim.Nano(), Ctime: sys.Ctim.Nano()}
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
