package xz

import (
	"errors"
	"io"
)

const (
	// mostContent is the largest number of bytes in a chunk, mostChunk what it
	// may take compressed.
	mostContent = 1 << 21
	mostChunk   = 1 << 16
	// smallWindow is the room that a window has at first.
	smallWindow = 1 << 18
)

// Control bytes of chunks; above copied those of compressed ones begin.
const (
	ended       = 0
	copiedReset = 1
	copied      = 2
	compressed  = 0x80
	resetState  = 0xa0
	resetProps  = 0xc0
	resetAll    = 0xe0
)

// lzma2 reads the chunks of LZMA2.
type lzma2 struct {
	in      *input
	decoder *decoder
	// window is how large the window may become.
	window int
	// read is how much of the window was read.
	read  int
	chunk []byte
	// begun is set when the dictionary was reset, able when there were
	// properties since.
	begun, able bool
	ended       bool
}

// newLZMA2 returns a reader of chunks. The size of what they hold bounds
// memory; below zero it is not known.
func newLZMA2(in *input, dictionary int, size int64) *lzma2 {
	window := dictionary + max(dictionary, mostContent)
	if size >= 0 {
		window = int(min(int64(window), size))
	}
	return &lzma2{in: in, decoder: &decoder{dictionary: dictionary}, window: window, chunk: make([]byte, mostChunk+spare)}
}

// Read returns io.EOF after the last chunk, and reads nothing beyond.
func (l *lzma2) Read(p []byte) (int, error) {
	for l.read == len(l.decoder.out) {
		if l.ended {
			return 0, io.EOF
		}
		if err := l.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, l.decoder.out[l.read:])
	l.read += n
	return n, nil
}

// next decodes the next chunk.
func (l *lzma2) next() error {
	control, err := l.in.ReadByte()
	if err != nil {
		return unexpected(err)
	}
	if control == ended {
		l.ended = true
		return nil
	}
	if control == copiedReset || control >= resetAll {
		l.begun, l.able, l.decoder.total = true, false, 0
	}
	if !l.begun || control > copied && control < compressed {
		return errDamaged
	}
	if control < compressed {
		return l.copied()
	}
	return l.compressed(control)
}

// copied reads a chunk that is not compressed.
func (l *lzma2) copied() error {
	head, err := l.in.bytes(2)
	if err != nil {
		return err
	}
	size := int(head[0])<<8 + int(head[1]) + 1
	if err := l.room(size); err != nil {
		return err
	}
	d := l.decoder
	start := len(d.out)
	d.out = d.out[:start+size]
	d.total += size
	_, err = io.ReadFull(l.in, d.out[start:])
	return unexpected(err)
}

// compressed decodes a chunk.
func (l *lzma2) compressed(control byte) error {
	head, err := l.in.bytes(4)
	if err != nil {
		return err
	}
	content := int(control&0x1f)<<16 + int(head[0])<<8 + int(head[1]) + 1
	size := int(head[2])<<8 + int(head[3]) + 1
	if control >= resetProps {
		properties, err := l.in.ReadByte()
		if err != nil {
			return unexpected(err)
		}
		if !l.decoder.properties(properties) {
			return errDamaged
		}
		l.able = true
	}
	if !l.able {
		return errDamaged
	}
	if control >= resetState {
		l.decoder.reset()
	}
	if err := l.room(content); err != nil {
		return err
	}
	chunk := l.chunk[:size+spare]
	if _, err := io.ReadFull(l.in, chunk[:size]); err != nil {
		return unexpected(err)
	}
	clear(chunk[size:])
	if !l.decoder.chunk(chunk, content) {
		return errDamaged
	}
	return nil
}

// room makes room in the window, which was read to its end.
func (l *lzma2) room(size int) error {
	d := l.decoder
	if cap(d.out)-len(d.out) >= size {
		return nil
	}
	keep := d.out[len(d.out)-min(len(d.out), d.dictionary):]
	need := len(keep) + size
	if need > l.window {
		return errDamaged
	}
	// Growing by doubling, and at its full size moving by at least as much
	// as is kept, cost as much as is decoded.
	out := d.out
	if need > cap(out) || cap(out) < l.window {
		out = make([]byte, 0, min(l.window, max(2*need, smallWindow)))
	}
	d.out = append(out[:0], keep...)
	l.read = len(d.out)
	return nil
}

// unexpected says that an end in the middle is none.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
