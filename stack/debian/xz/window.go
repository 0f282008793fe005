package xz

import "encoding/binary"

const (
	// step is how many bytes are copied at a time. The last step goes farther
	// than it has to.
	step = 8
	// gap is how much larger a full ring is than the dictionary, so that what a
	// step overwrites is not of the dictionary. It is also what the size of a
	// ring is a multiple of: it divides all that positions are taken modulo of.
	gap = 16
	// least is the first size of a ring.
	least = 64 << 10
)

// window is a ring with the last bytes of the content: the dictionary of LZMA,
// and the bytes that were not read yet. The ring grows until it is as large as
// the dictionary, which most content is not.
type window struct {
	// bytes are the ring, and a step.
	bytes []byte
	// size is that of the ring, and full that which it may have.
	size, full int
	// dictionary is how far back bytes are repeated.
	dictionary int
	// start is the place of the first byte that was not read, and end that of
	// the first that was not written.
	start, end int
	// turned tells that what is behind the end was written before.
	turned bool
}

// reset makes an empty window for content whose size may be stated.
func (w *window) reset(dictionary int, size int64) {
	w.dictionary, w.full = dictionary, ring(dictionary)
	w.size = min(max(len(w.bytes)-step, 0)&^(gap-1), w.full)
	w.forget()
	if size != unstated {
		w.grow(ring(int(min(size, int64(dictionary)))))
	}
}

// ring is the size of a ring for so many bytes.
func ring(n int) int { return (n + 2*gap - 1) &^ (gap - 1) }

// forget makes what was written unknown. All of it was read.
func (w *window) forget() {
	w.start, w.end, w.turned = 0, 0, false
	if w.size > 0 {
		// It counts as the byte before the first.
		w.bytes[w.size-1] = 0
	}
}

// grow makes the ring larger, if it is not.
func (w *window) grow(size int) {
	if size <= w.size {
		return
	}
	bytes := make([]byte, size+step)
	copy(bytes, w.bytes[:w.end])
	w.bytes, w.size = bytes, size
}

// unread are the bytes that were not read.
func (w *window) unread() []byte { return w.bytes[w.start:w.end] }

// read reads bytes that were not read.
func (w *window) read(p []byte) int {
	n := copy(p, w.unread())
	w.start += n
	return n
}

// room makes room for some bytes, at most so many, and returns their number.
// All bytes were read.
func (w *window) room(most int) int {
	if w.end == w.size && w.size < w.full {
		w.grow(min(max(2*w.size, least), w.full))
	}
	if w.end == w.size {
		w.start, w.end, w.turned = 0, 0, true
	}
	return min(most, w.size-w.end)
}

// extend returns the place of bytes that are appended. There is room for them.
func (w *window) extend(n int) []byte {
	w.end += n
	return w.bytes[w.end-n : w.end]
}

// back is the place of the byte at a distance, which is 0 for the last byte.
func (w *window) back(distance uint32) int {
	place := w.end - int(distance) - 1
	if place < 0 {
		place += w.size
	}
	return place
}

// known tells whether there is a byte at a distance.
func (w *window) known(distance uint32) bool {
	return int64(distance) < int64(w.end) || w.turned && int64(distance) < int64(w.dictionary)
}

// repeat appends the bytes from a distance on. There is room for them.
func (w *window) repeat(distance uint32, n int) error {
	if !w.known(distance) {
		return damaged("it repeats what is not there")
	}
	from, to := w.back(distance), w.end
	w.end += n
	if apart := to - from; from+n <= w.size && (apart >= step || apart < 0) {
		for i := 0; i < n; i += step {
			binary.LittleEndian.PutUint64(w.bytes[to+i:], binary.LittleEndian.Uint64(w.bytes[from+i:]))
		}
		return nil
	}
	for ; to < w.end; to++ {
		w.bytes[to] = w.bytes[from]
		if from++; from == w.size {
			from = 0
		}
	}
	return nil
}
