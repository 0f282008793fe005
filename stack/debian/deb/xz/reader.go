package xz

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
)

const (
	magic       = "\xfd7zXZ\x00"
	footerMagic = "YZ"
	// filterLZMA2 is the number of the one filter that is known.
	filterLZMA2 = 0x21
	// mostDictionary is the largest dictionary: that of xz -9.
	mostDictionary = 64 << 20
)

// errDamaged is for what only damaged data has.
var errDamaged = errors.New("the xz data is damaged")

// Reader reads what is compressed in one stream: its blocks one after the
// other, each with its checksum, the index and the footer.
type Reader struct {
	in    *input
	flags []byte
	block *openBlock
	// records are the blocks so far, as the index must have them.
	records []record
	err     error
}

// record is the size of a block without its padding, and of its content.
type record struct {
	unpadded, content int64
}

// openBlock is the block that is being read.
type openBlock struct {
	lzma *lzma2
	sum  hash.Hash
	// start is where its header begins, data where its content does.
	start, data int64
	content     int64
	// compressed and uncompressed are the sizes that its header has, or -1.
	compressed, uncompressed int64
	// dictionary is its size in bytes.
	dictionary int
}

// NewReader returns a reader of what is compressed. Nothing may follow the one
// stream.
func NewReader(r io.Reader) (*Reader, error) {
	x := &Reader{in: &input{from: r, buffer: make([]byte, buffered)}}
	header, err := x.in.bytes(12)
	if err != nil {
		return nil, err
	}
	flags := header[6:8]
	if string(header[:6]) != magic || !summed(flags, header[8:]) {
		return nil, errDamaged
	}
	if flags[0] != 0 || newCheck(flags[1]) == nil {
		return nil, fmt.Errorf("the xz data has flags %x, which are not known", flags)
	}
	x.flags = flags
	return x, nil
}

// summed says whether data has the CRC32 that follows it.
func summed(data, sum []byte) bool {
	return crc32.ChecksumIEEE(data) == binary.LittleEndian.Uint32(sum)
}

// Read implements io.Reader. It returns io.EOF when all was in order.
func (x *Reader) Read(p []byte) (int, error) {
	for x.err == nil && len(p) > 0 {
		if x.block == nil {
			x.err = x.next()
			continue
		}
		n, ended, err := x.block.read(p)
		if err == nil && ended {
			err = x.end()
		}
		x.err = err
		if n > 0 && err == nil {
			return n, nil
		}
	}
	return 0, x.err
}

// next begins the next block. After the last one it is io.EOF, once index and
// footer were checked.
func (x *Reader) next() error {
	start := x.in.count
	size, err := x.in.bytes(1)
	if err != nil {
		return err
	}
	if size[0] == 0 {
		if err := x.index(start); err != nil {
			return err
		}
		return io.EOF
	}
	rest, err := x.in.bytes(int(size[0])*4 + 3)
	if err != nil {
		return err
	}
	header := append(size, rest...)
	end := len(header) - 4
	if !summed(header[:end], header[end:]) {
		return errDamaged
	}
	x.block, err = newBlock(header[1:end])
	if err != nil {
		return err
	}
	x.block.start, x.block.data, x.block.sum = start, x.in.count, newCheck(x.flags[1])
	x.block.lzma = newLZMA2(x.in, x.block.dictionary, x.block.uncompressed)
	return nil
}

// newBlock reads the fields of a block's header.
func newBlock(header []byte) (*openBlock, error) {
	b := &openBlock{compressed: -1, uncompressed: -1}
	fields := bytes.NewReader(header[1:])
	var err error
	if header[0]&0x40 != 0 {
		b.compressed, err = varint(fields)
	}
	if err == nil && header[0]&0x80 != 0 {
		b.uncompressed, err = varint(fields)
	}
	if err != nil {
		return nil, err
	}
	filter := make([]byte, 3)
	if _, err := io.ReadFull(fields, filter); err != nil {
		return nil, errDamaged
	}
	if header[0]&0x3f != 0 || filter[0] != filterLZMA2 || filter[1] != 1 {
		return nil, errors.New("the xz data went through a filter that is not known; expected LZMA2 alone")
	}
	if filter[2] > 40 {
		return nil, errDamaged
	}
	size := dictionarySize(filter[2])
	if size > mostDictionary {
		return nil, fmt.Errorf("the xz data needs a dictionary of %d bytes; at most %d are allowed", size, mostDictionary)
	}
	b.dictionary = int(size)
	return b, nil
}

// dictionarySize is a size as a filter has it: 2 or 3 times a power of two, and
// at the end 4 GiB less one.
func dictionarySize(bits byte) int64 {
	if bits == 40 {
		return 1<<32 - 1
	}
	return int64(2|bits&1) << (bits/2 + 11)
}

// read reads content and tells whether it was the last.
func (b *openBlock) read(p []byte) (n int, ended bool, err error) {
	n, err = b.lzma.Read(p)
	b.sum.Write(p[:n])
	b.content += int64(n)
	if b.uncompressed >= 0 && b.content > b.uncompressed {
		return 0, false, errDamaged
	}
	if errors.Is(err, io.EOF) {
		return n, true, nil
	}
	return n, false, err
}

// end checks what follows the data of a block.
func (x *Reader) end() error {
	b := x.block
	x.block = nil
	compressed := x.in.count - b.data
	if b.compressed >= 0 && b.compressed != compressed || b.uncompressed >= 0 && b.uncompressed != b.content {
		return errDamaged
	}
	if err := x.zeros(-compressed & 3); err != nil {
		return err
	}
	sum, err := x.in.bytes(b.sum.Size())
	if err != nil {
		return err
	}
	if !bytes.Equal(sum, b.sum.Sum(nil)) {
		return errDamaged
	}
	x.records = append(x.records, record{b.data - b.start + compressed + int64(b.sum.Size()), b.content})
	return nil
}

// index checks the index, whose first byte was read, and the footer. Nothing
// may follow.
func (x *Reader) index(start int64) error {
	x.in.index = crc32.NewIEEE()
	x.in.index.Write([]byte{0})
	count, err := varint(x.in)
	if err != nil {
		return err
	}
	if count != int64(len(x.records)) {
		return errDamaged
	}
	for _, want := range x.records {
		unpadded, err := varint(x.in)
		if err != nil {
			return err
		}
		content, err := varint(x.in)
		if err != nil {
			return err
		}
		if want != (record{unpadded, content}) {
			return errDamaged
		}
	}
	if err := x.zeros(-(x.in.count - start) & 3); err != nil {
		return err
	}
	want := x.in.index.Sum32()
	x.in.index = nil
	size := x.in.count - start + 4
	tail, err := x.in.bytes(16)
	if err != nil {
		return err
	}
	footer := tail[4:]
	backward := (int64(binary.LittleEndian.Uint32(footer[4:])) + 1) * 4
	if binary.LittleEndian.Uint32(tail) != want || !summed(footer[4:10], footer) ||
		backward != size || !bytes.Equal(footer[8:10], x.flags) || string(footer[10:]) != footerMagic {
		return errDamaged
	}
	switch err := x.in.fill(); {
	case err == nil:
		return errors.New("something follows the xz data")
	case errors.Is(err, io.EOF):
		return nil
	default:
		return err
	}
}

// zeros reads padding.
func (x *Reader) zeros(n int64) error {
	padding, err := x.in.bytes(int(n))
	if err != nil {
		return err
	}
	if !bytes.Equal(padding, make([]byte, n)) {
		return errDamaged
	}
	return nil
}
