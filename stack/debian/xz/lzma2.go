package xz

import (
	"encoding/binary"
	"io"
)

// Control bytes of chunks (the description of LZMA2). From packedChunk on they
// are compressed; five bits are of their size, and the others say what does not
// go on as before: the state, also the properties, also the dictionary.
const (
	lastChunk     = 0x00
	newPlain      = 0x01
	plainChunk    = 0x02
	packedChunk   = 0x80
	newState      = 0xa0
	newProperties = 0xc0
	newDictionary = 0xe0
)

// chunks decodes LZMA2, which is chunks of LZMA and of plain bytes.
type chunks struct {
	decoder decoder
	window  window
	// left is the size of what was not decoded of the content of a chunk, and
	// plain tells that it is not compressed.
	left  int
	plain bool
	// started tells that there was a dictionary, and able that there were
	// properties since.
	started, able bool
}

// begin begins with the first chunk. The size of the content of all may be
// stated.
func (c *chunks) begin(dictionary int, size int64) {
	c.window.reset(dictionary, size)
	c.left, c.started, c.able = 0, false, false
}

// decode appends to the window what there is room for; io.EOF after the last
// chunk. What is in the window was read.
func (c *chunks) decode(from *source) error {
	if c.left == 0 {
		if err := c.next(from); err != nil {
			return err
		}
	}
	n := c.window.room(c.left)
	c.left -= n
	if c.plain {
		return from.fill(c.window.extend(n))
	}
	if err := c.decoder.decode(&c.window, n); err != nil {
		return err
	}
	if c.left == 0 && !c.decoder.done() {
		return damaged("a chunk goes on after its content")
	}
	return nil
}

// next reads the header of a chunk, and what is compressed.
func (c *chunks) next(from *source) error {
	control, err := from.ReadByte()
	switch {
	case err != nil:
		return err
	case control == lastChunk:
		return io.EOF
	case control == newPlain || control >= newDictionary:
		c.window.forget()
		c.started, c.able = true, false
	case control > plainChunk && control < packedChunk:
		return damaged("a chunk is of no known kind")
	case !c.started:
		return damaged("the first chunk needs one before")
	}
	if c.plain = control < packedChunk; c.plain {
		c.left, err = chunkSize(from)
		return err
	}
	return c.load(control, from)
}

// load reads the rest of the header of a compressed chunk, and the chunk.
func (c *chunks) load(control byte, from *source) error {
	plain, err := chunkSize(from)
	if err != nil {
		return err
	}
	packed, err := chunkSize(from)
	if err != nil {
		return err
	}
	c.left = plain + int(control&0x1f)<<16
	if control >= newProperties {
		properties, err := from.ReadByte()
		if err != nil {
			return err
		}
		if err := c.decoder.configure(properties); err != nil {
			return err
		}
		c.able = true
	}
	if !c.able {
		return damaged("a chunk has no properties")
	}
	if control >= newState {
		c.decoder.reset()
	}
	return c.decoder.load(from, packed)
}

// chunkSize reads a size, or the lower bits of one.
func chunkSize(from *source) (int, error) {
	var size [2]byte
	err := from.fill(size[:])
	return int(binary.BigEndian.Uint16(size[:])) + 1, err
}
