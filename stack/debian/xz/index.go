package xz

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"hash/crc32"
)

// records are the sizes of blocks. They are summed up, so that they need no
// memory however many there are.
type records struct {
	count int64
	sum   hash.Hash
}

func newRecords() records { return records{sum: sha256.New()} }

// add appends a block, by its size without padding and that of its content.
func (r *records) add(unpadded, plain int64) {
	r.count++
	record := binary.LittleEndian.AppendUint64(make([]byte, 0, 16), uint64(unpadded))
	r.sum.Write(binary.LittleEndian.AppendUint64(record, uint64(plain)))
}

func (r *records) equal(o records) bool {
	return r.count == o.count && string(r.sum.Sum(nil)) == string(o.sum.Sum(nil))
}

// summed is a source whose bytes are summed up.
type summed struct {
	from *source
	sum  hash.Hash32
}

// ReadByte reads one byte.
func (s *summed) ReadByte() (byte, error) {
	b, err := s.from.ReadByte()
	if err == nil {
		s.sum.Write([]byte{b})
	}
	return b, err
}

// readIndex reads an index (4 of the specification), whose first byte was read,
// and makes sure that it lists the blocks that there are. It returns its size.
func readIndex(from *source, blocks records) (size int64, err error) {
	start := from.count - 1
	text := &summed{from: from, sum: crc32.NewIEEE()}
	text.sum.Write([]byte{0})
	if err := readRecords(text, blocks); err != nil {
		return 0, err
	}
	if err := from.align(start, text); err != nil {
		return 0, err
	}
	var sum [4]byte
	if err := from.fill(sum[:]); err != nil {
		return 0, err
	}
	if binary.LittleEndian.Uint32(sum[:]) != text.sum.Sum32() {
		return 0, damaged("the checksum of the index is wrong")
	}
	return from.count - start, nil
}

// readRecords makes sure that a list in an index is that of the blocks.
func readRecords(text *summed, blocks records) error {
	count, err := number(text)
	if err != nil {
		return err
	}
	listed := newRecords()
	// With another number the list need not be read.
	for range min(count, blocks.count) {
		unpadded, err := number(text)
		if err != nil {
			return err
		}
		plain, err := number(text)
		if err != nil {
			return err
		}
		listed.add(unpadded, plain)
	}
	if count != blocks.count || !listed.equal(blocks) {
		return damaged("the index does not list the blocks that there are")
	}
	return nil
}
