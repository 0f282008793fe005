package xz

import (
	"bufio"
	"errors"
	"io"
	"sync"
)

// ahead is how much is read at a time.
const ahead = 64 << 10

// Reader is what is in an .xz file.
type Reader struct {
	// limit is the largest dictionary.
	limit int64
	// next reads the next part, of which there may be content in the window.
	next func() error
	err  error
	// stream is that which is being read, and block the block of it.
	stream stream
	block  block
	*memory
}

// stream is a stream that is being read.
type stream struct {
	kind   byte
	check  check
	blocks records
}

// block is a block that is being read.
type block struct {
	blockHeader
	// start is where it is in the file, and content where that is which is
	// after its header.
	start, content int64
	// sofar is how much of its content was decoded.
	sofar int64
}

// memory is what readers have one after another, since it is large.
type memory struct {
	source source
	chunks chunks
}

var memories = sync.Pool{New: func() any {
	return &memory{source: source{Reader: bufio.NewReaderSize(nil, ahead)}}
}}

// NewReader returns what is in an .xz file, in all of its streams, whose
// dictionaries may have so many bytes. Reading is buffered.
func NewReader(from io.Reader, dictionary int64) *Reader {
	r := &Reader{limit: dictionary, memory: memories.Get().(*memory)}
	r.next = r.beginStream
	r.source.begin(from)
	r.chunks.window.reset(0, unstated)
	return r
}

// Read implements io.Reader. What was read is as it was packed when io.EOF
// comes: checksums are at the end.
func (r *Reader) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	for {
		if n := r.chunks.window.read(p); n > 0 {
			return n, nil
		}
		if r.err = r.next(); r.err != nil {
			r.release()
			return 0, r.err
		}
	}
}

// release has another reader have the memory.
func (r *Reader) release() {
	r.source.begin(nil)
	memories.Put(r.memory)
	r.memory, r.next = nil, nil
}

// beginStream reads the header of a stream.
func (r *Reader) beginStream() error {
	var header [edge]byte
	if err := r.source.fill(header[:]); err != nil {
		return err
	}
	kind, err := parseStreamHeader(header[:])
	if err != nil {
		return err
	}
	sum, err := newCheck(kind)
	if err != nil {
		return err
	}
	r.stream, r.next = stream{kind, sum, newRecords()}, r.beginBlock
	return nil
}

// beginBlock reads the header of a block, or the index, which begins with a
// zero.
func (r *Reader) beginBlock() error {
	start := r.source.count
	size, err := r.source.ReadByte()
	if err != nil {
		return err
	}
	if size == 0 {
		return r.endStream()
	}
	header, err := readBlockHeader(size, &r.source)
	if err != nil {
		return err
	}
	if header.dictionary > r.limit {
		return unsupported("it needs a dictionary of %d bytes; at most %d are allowed", header.dictionary, r.limit)
	}
	r.stream.check.reset()
	r.chunks.begin(int(header.dictionary), header.plain)
	r.block, r.next = block{blockHeader: header, start: start, content: r.source.count}, r.decode
	return nil
}

// decode decodes a part of a block.
func (r *Reader) decode() error {
	err := r.chunks.decode(&r.source)
	if errors.Is(err, io.EOF) {
		return r.endBlock()
	}
	if err != nil {
		return err
	}
	content := r.chunks.window.unread()
	r.stream.check.add(content)
	r.block.sofar += int64(len(content))
	if more(r.block.sofar, r.block.plain) || more(r.source.count-r.block.content, r.block.packed) {
		return damaged("a block is larger than it says")
	}
	return nil
}

// more tells whether a size is larger than one that may be stated.
func more(size, stated int64) bool { return stated != unstated && size > stated }

// endBlock reads what comes after the content of a block (3.3 and 3.4 of the
// specification).
func (r *Reader) endBlock() error {
	b, end := r.block, r.source.count
	if other(b.sofar, b.plain) || other(end-b.content, b.packed) {
		return damaged("a block is not as large as it says")
	}
	if err := r.source.align(b.start, &r.source); err != nil {
		return err
	}
	if err := r.stream.check.verify(&r.source); err != nil {
		return err
	}
	r.stream.blocks.add(end-b.start+r.stream.check.size(), b.sofar)
	r.next = r.beginBlock
	return nil
}

// other tells whether a size is not the one that may be stated.
func other(size, stated int64) bool { return stated != unstated && size != stated }

// endStream reads the index and the footer of a stream.
func (r *Reader) endStream() error {
	size, err := readIndex(&r.source, r.stream.blocks)
	if err != nil {
		return err
	}
	var footer [edge]byte
	if err := r.source.fill(footer[:]); err != nil {
		return err
	}
	index, kind, err := parseStreamFooter(footer[:])
	if err != nil {
		return err
	}
	if index != size || kind != r.stream.kind {
		return damaged("the footer contradicts what comes before")
	}
	r.next = r.afterStream
	return nil
}

// afterStream reads the padding after a stream (2.2 of the specification);
// io.EOF when there is nothing more.
func (r *Reader) afterStream() error {
	zeros := 0
	for {
		b, err := r.source.Peek(1)
		if err != nil || b[0] != 0 {
			if zeros%alignment != 0 {
				return damaged("what comes after a stream is not aligned")
			}
			r.next = r.beginStream
			return err
		}
		if _, err := r.source.Discard(1); err != nil {
			return err
		}
		zeros++
	}
}
