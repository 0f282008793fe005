package pack

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/slugc/slugc/stack"
)

// Part is what a segment is made of: a directory, some entries of one, or
// files that are not on disk.
type Part struct {
	// Name says which part of the tree it is: "app", "<buildpack>:<layer>".
	Name string
	// Dir is the directory. It is empty for files that are not on disk.
	Dir string
	// Index is the entries to pack, in order, from Walk of Dir. Without one,
	// Pack walks Dir itself.
	Index Index
	// Exclude leaves entries out when Pack walks Dir.
	Exclude func(rel string, isDir bool) bool
	// Files are the entries of a part that is not on disk, in order.
	Files []File
	// Attributes are owners and modes that entries have in the archive instead
	// of those of the Shape and of the disk, by their paths in the part.
	Attributes stack.Attributes
}

// File is an entry that is not on disk.
type File struct {
	// Path is relative to the root of the part.
	Path string
	// Mode is type and permissions: a directory, a symbolic link or a
	// regular file.
	Mode fs.FileMode
	// Content is that of a regular file.
	Content []byte
	// Gzip is one gzip member that holds the content, in place of Content; nil for
	// none. It is read when it is needed, so that nobody has to hold it in memory,
	// and unpacked when the file is packed, not to see that this was done before.
	Gzip *io.SectionReader
	// Link is the target of a symbolic link.
	Link string
}

// content is that of the file.
func (f *File) content() (content []byte, err error) {
	if f.Gzip == nil {
		return f.Content, nil
	}
	unzipped, err := gzip.NewReader(io.NewSectionReader(f.Gzip, 0, f.Gzip.Size()))
	if err != nil {
		return nil, err
	}
	// A member ends with the size of what it holds (RFC 1952, section 2.3.1).
	var end [4]byte
	if _, err := f.Gzip.ReadAt(end[:], f.Gzip.Size()-int64(len(end))); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(end[:])
	// Room for one read more, which finds the end and checks the sum.
	buf := bytes.NewBuffer(make([]byte, 0, min(int64(size), maxUnzipped)+bytes.MinRead))
	_, err = buf.ReadFrom(unzipped)
	return buf.Bytes(), err
}

// maxUnzipped limits the memory that a size in a gzip member alone can ask for.
const maxUnzipped = 64 << 20

// Job is a part and the shapes in which it is wanted.
type Job struct {
	Part   Part
	Shapes []Shape
}

// Key is the sha256 of everything that decides the bytes of a segment, apart
// from the state of a directory.
type Key [sha256.Size]byte

// String is the key in hexadecimal.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// NewKey makes a key of an identity of any number of words.
func NewKey(words ...string) Key {
	k := newKeyHash()
	for _, word := range words {
		k.word(word)
	}
	return k.key()
}

// format is the version of how entries become members. A change of it leaves
// all earlier segments alone.
const format = "4"

// Key is the key under which Pack keeps the segment of the part in a shape.
func (p *Part) Key(s Shape) Key {
	k := newKeyHash()
	k.word("segment")
	k.word(format)
	k.number(int64(s.level()))
	k.word(p.Name)
	k.word(s.Name)
	k.word(s.Prefix)
	k.number(int64(s.UID))
	k.number(int64(s.GID))
	k.word(s.ModTime.UTC().Format(time.RFC3339Nano))
	k.flag(s.Root)
	k.flag(s.Slash)
	k.flag(s.NoSetID)
	k.flag(s.Trailer)
	k.number(int64(len(s.Parents)))
	for _, p := range s.Parents {
		k.word(p.Name)
		k.number(int64(p.Mode))
		k.number(int64(p.UID))
		k.number(int64(p.GID))
	}
	k.flag(p.Dir == "")
	for _, f := range p.Files {
		k.word(f.Path)
		k.number(int64(f.Mode))
		k.word(f.Link)
		k.flag(f.Gzip != nil)
		if f.Gzip == nil {
			k.number(int64(len(f.Content)))
			k.hash.Write(f.Content)
			continue
		}
		k.number(f.Gzip.Size())
		// Who packs what cannot be read hears of it then.
		_, err := io.Copy(k.hash, io.NewSectionReader(f.Gzip, 0, f.Gzip.Size()))
		k.flag(err == nil)
	}
	p.attributes(k)
	return k.key()
}

// attributes adds the attributes of a part to its key, if it has any.
func (p *Part) attributes(k keyHash) {
	if len(p.Attributes) == 0 {
		return
	}
	// No path is that long, so this is no file.
	k.number(-1)
	k.number(int64(len(p.Attributes)))
	for _, path := range slices.Sorted(maps.Keys(p.Attributes)) {
		a := p.Attributes[path]
		k.word(path)
		k.number(int64(a.UID))
		k.number(int64(a.GID))
		k.number(int64(a.Mode))
	}
}

// keyHash hashes words so that no two lists of words give the same bytes.
type keyHash struct{ hash hash.Hash }

func newKeyHash() keyHash { return keyHash{sha256.New()} }

func (k keyHash) number(n int64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	k.hash.Write(b[:])
}

func (k keyHash) word(s string) {
	k.number(int64(len(s)))
	k.hash.Write([]byte(s))
}

func (k keyHash) flag(b bool) {
	n := int64(0)
	if b {
		n = 1
	}
	k.number(n)
}

func (k keyHash) key() Key { return Key(k.hash.Sum(nil)) }
