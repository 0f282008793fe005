package pack

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// The file form of an Index is the magic, which ends in a version, the
// entries, and the sha256 of all before it. Each entry says how many bytes of
// the path before it it shares, and times and inodes as differences from the
// entry before, all as variable-length integers.
const indexMagic = "slugcix\x02"

// Limits of what ReadIndex accepts.
const (
	maxIndexBytes   = 128 << 20
	maxIndexEntries = 1 << 21
	maxString       = 1 << 16
	maxPathBytes    = 1 << 30
)

// What an entry takes in the file form: usually, and at least.
const (
	usualEntryBytes = 48
	leastEntryBytes = 3
)

// ErrCorrupt is the error for an index or record that is not whole, or that
// this version does not read. The caller goes on as if there were none.
var ErrCorrupt = errors.New("damaged or of another version")

// WriteTo writes the file form of the index.
func (ix Index) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(seal(appendIndex([]byte(indexMagic), ix)))
	if err != nil {
		return int64(n), fmt.Errorf("writing an index: %w", err)
	}
	return int64(n), nil
}

// ReadIndex reads what WriteTo wrote. Anything else is an error that wraps
// ErrCorrupt, unless reading itself fails.
func ReadIndex(r io.Reader) (Index, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxIndexBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading an index: %w", err)
	}
	d, err := unseal(b, indexMagic)
	if err != nil {
		return nil, fmt.Errorf("reading an index: %w", err)
	}
	ix := d.index()
	if err := d.end(); err != nil {
		return nil, fmt.Errorf("reading an index: %w", err)
	}
	return ix, nil
}

// seal appends the checksum of b.
func seal(b []byte) []byte {
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// unseal checks magic and checksum and returns a decoder of what is between.
func unseal(b []byte, magic string) (*decoder, error) {
	body := len(b) - sha256.Size
	if len(b) > maxIndexBytes || body < len(magic) || string(b[:len(magic)]) != magic {
		return nil, ErrCorrupt
	}
	if sum := sha256.Sum256(b[:body]); !bytes.Equal(sum[:], b[body:]) {
		return nil, ErrCorrupt
	}
	return &decoder{rest: b[len(magic):body]}, nil
}

func appendIndex(b []byte, ix Index) []byte {
	b = slices.Grow(b, usualEntryBytes*len(ix))
	b = binary.AppendUvarint(b, uint64(len(ix)))
	var path string
	var last Fingerprint
	for i := range ix {
		e := &ix[i]
		head := uint64(sharedPrefix(path, e.Path)) << 1
		if e.Sum != (Sum{}) {
			head |= 1
		}
		b = binary.AppendUvarint(b, head)
		b = appendString(b, e.Path[head>>1:])
		path = e.Path
		b = binary.AppendUvarint(b, uint64(e.Mode))
		switch {
		case e.Mode.IsRegular():
			b = appendFingerprint(b, e.Fingerprint, last)
			last = e.Fingerprint
		case e.Mode.IsDir():
			b = appendFingerprint(b, e.Fingerprint, Fingerprint{})
		case e.Mode&fs.ModeSymlink != 0:
			b = appendString(b, e.Link)
		}
		if head&1 == 1 {
			b = append(b, e.Sum[:]...)
		}
	}
	return b
}

func appendFingerprint(b []byte, f, last Fingerprint) []byte {
	b = binary.AppendVarint(b, f.Size)
	b = binary.AppendVarint(b, f.MTime-last.MTime)
	b = binary.AppendVarint(b, f.CTime-f.MTime)
	return binary.AppendVarint(b, int64(f.Inode-last.Inode))
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func sharedPrefix(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// decoder reads what the append functions wrote. The first thing that is not
// right sets bad, and from then on everything reads as zero.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) fail() {
	d.bad, d.rest = true, nil
}

// end returns an error unless everything was read and right.
func (d *decoder) end() error {
	if d.bad || len(d.rest) > 0 {
		return ErrCorrupt
	}
	return nil
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.rest)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

// count reads a number of things that take at least one byte each.
func (d *decoder) count(limit uint64) int {
	n := d.uvarint()
	if n > limit || n > uint64(len(d.rest)) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) bytes(n int) []byte {
	if n > len(d.rest) {
		d.fail()
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) string() string { return string(d.bytes(d.count(maxString))) }

func (d *decoder) fingerprint(last Fingerprint) Fingerprint {
	var f Fingerprint
	f.Size = d.varint()
	f.MTime = d.varint() + last.MTime
	f.CTime = d.varint() + f.MTime
	f.Inode = uint64(d.varint()) + last.Inode
	if f.Size < 0 {
		d.fail()
	}
	return f
}

func (d *decoder) index() Index {
	n := d.count(maxIndexEntries)
	var ix Index
	if n > 0 {
		ix = make(Index, 0, min(n, len(d.rest)/leastEntryBytes+1))
	}
	var path string
	var paths pieces
	var total uint64
	var last Fingerprint
	for range n {
		head := d.uvarint()
		if head>>1 > uint64(len(path)) {
			d.fail()
		}
		suffix := d.bytes(d.count(maxPath))
		if total += head>>1 + uint64(len(suffix)); d.bad || total > maxPathBytes {
			d.fail()
			return nil
		}
		path = paths.join(path[:head>>1], suffix)
		e := Entry{Path: path}
		if mode := d.uvarint(); mode <= uint64(^fs.FileMode(0)) {
			e.Mode = fs.FileMode(mode)
		} else {
			d.fail()
		}
		switch e.Mode.Type() {
		case 0:
			e.Fingerprint = d.fingerprint(last)
			last = e.Fingerprint
		case fs.ModeSymlink:
			e.Link = d.string()
		case fs.ModeDir:
			if e.Fingerprint = d.fingerprint(Fingerprint{}); e.Size != 0 {
				d.fail()
			}
		default:
			d.fail()
		}
		if head&1 == 1 {
			copy(e.Sum[:], d.bytes(len(e.Sum)))
		}
		if d.bad || !validPath(path) {
			d.fail()
			return nil
		}
		ix = append(ix, e)
	}
	return ix
}

// pieces makes many strings that are pieces of few: an index has thousands, and
// each on its own has to be looked at whenever garbage is collected.
type pieces struct{ text strings.Builder }

// piecesSize is how much is made at once, in bytes.
const piecesSize = 32 << 10

func (p *pieces) join(a string, b []byte) string {
	size := len(a) + len(b)
	if p.text.Cap()-p.text.Len() < size {
		p.text = strings.Builder{}
		p.text.Grow(max(piecesSize, size))
	}
	start := p.text.Len()
	p.text.WriteString(a)
	p.text.Write(b)
	return p.text.String()[start:]
}

// validPath says whether path stays below its root.
func validPath(path string) bool {
	if path == "" {
		return true
	}
	if len(path) > maxPath || strings.IndexByte(path, 0) >= 0 {
		return false
	}
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." || name == ".." {
			return false
		}
	}
	return true
}
