package xz

import (
	"errors"
	"hash"
	"io"
	"math"
)

// buffered is how much is read at a time.
const buffered = 128 << 10

// input is the compressed data. It counts what is read of it.
type input struct {
	from   io.Reader
	buffer []byte
	ready  []byte
	count  int64
	// index has a sum of what is read by ReadByte and bytes, when it is set.
	index hash.Hash32
	err   error
}

func (i *input) Read(p []byte) (int, error) {
	if len(i.ready) == 0 {
		if err := i.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, i.ready)
	i.count += int64(n)
	i.ready = i.ready[n:]
	return n, nil
}

// fill reads on when nothing is ready.
func (i *input) fill() error {
	for len(i.ready) == 0 {
		if i.err != nil {
			return i.err
		}
		var n int
		n, i.err = i.from.Read(i.buffer)
		i.ready = i.buffer[:n]
	}
	return nil
}

// ReadByte implements io.ByteReader.
func (i *input) ReadByte() (byte, error) {
	one, err := i.bytes(1)
	if err != nil {
		return 0, err
	}
	return one[0], nil
}

// bytes reads so many bytes; an end before them is unexpected.
func (i *input) bytes(n int) ([]byte, error) {
	p := make([]byte, n)
	if _, err := io.ReadFull(i, p); err != nil {
		return nil, unexpected(err)
	}
	if i.index != nil {
		i.index.Write(p)
	}
	return p, nil
}

// varint reads a number as the xz format writes them: seven bits a byte, the
// low ones first, 63 in all.
func varint(r io.ByteReader) (int64, error) {
	var number uint64
	for shift := 0; shift < 63; shift += 7 {
		b, err := r.ReadByte()
		if err != nil {
			return 0, errors.Join(errDamaged, err)
		}
		number |= uint64(b&0x7f) << shift
		if b&0x80 != 0 {
			continue
		}
		if b == 0 && shift > 0 || number > math.MaxInt64 {
			return 0, errDamaged
		}
		return int64(number), nil
	}
	return 0, errDamaged
}
