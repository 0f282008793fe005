package xz

import "math/bits"

// shortest is the least length of a match.
const shortest = 2

// decoder decodes the symbols of LZMA: bytes, and matches, which repeat what is
// in the window.
type decoder struct {
	in input
	// end is where the input ends.
	end   uint
	coder coder
	model model
	// context (lc) is how many bits of the byte before, and literalMask (lp)
	// which of the position, the probabilities of a byte depend on;
	// positionMask (pb) is for all others.
	context                   uint8
	literalMask, positionMask uint
	// state tells what kinds the last symbols were of.
	state uint8
	// distances are those of the last matches, the last first; 0 is that of
	// the byte before.
	distances [4]uint32
	// left is the length of what is not in the window yet of a match.
	left int
}

// configure takes the properties of LZMA, which are one number.
func (d *decoder) configure(properties byte) error {
	lc, lp, pb := properties%9, properties/9%5, properties/(9*5)
	if pb > 4 || lc+lp > 4 {
		return damaged("the properties of a chunk are not valid")
	}
	d.context, d.literalMask, d.positionMask = lc, 1<<lp-1, 1<<pb-1
	return nil
}

// reset makes it as it was before the first symbol.
func (d *decoder) reset() {
	d.state, d.distances, d.model = 0, [4]uint32{}, *blank
}

// load reads what is compressed of a chunk.
func (d *decoder) load(from *source, size int) error {
	if size < coderHeader {
		return damaged("a chunk is too short")
	}
	if err := from.fill(d.in[:size]); err != nil {
		return err
	}
	clear(d.in[size : size+margin])
	d.end, d.coder, d.left = uint(size), newCoder(&d.in), 0
	return nil
}

// done tells whether nothing is left of a chunk.
func (d *decoder) done() bool {
	c := d.coder.filled(&d.in)
	return d.left == 0 && c.at == d.end && c.code == 0
}

// decode appends so many bytes to the window. There is room for them.
func (d *decoder) decode(w *window, n int) error {
	c, to := d.coder, w.end+n
	for length := d.left; w.end < to; length = d.left {
		if length == 0 {
			if c.at > d.end {
				return damaged("a chunk ends within a symbol")
			}
			var match bool
			position := uint(w.end) & d.positionMask
			if c, match = c.bit(&d.in, &d.model.match[at(d.state, position)]); !match {
				c = d.literal(c, w)
				continue
			}
			c, length = d.match(c, position)
		}
		now := min(length, to-w.end)
		d.left = length - now
		if err := w.repeat(d.distances[0], now); err != nil {
			return err
		}
	}
	d.coder = c
	return nil
}

// at is where the probability is that depends on a state and a position.
func at(state uint8, position uint) uint { return (uint(state)*positions + position) % statesAt }

// literal decodes a byte. After a match it is beside the one that comes next at
// its distance.
func (d *decoder) literal(c coder, w *window) coder {
	before := w.bytes[w.back(0)]
	context := uint(w.end)&d.literalMask<<d.context + uint(before>>(8-d.context))
	probs := &d.model.literals[context%contexts]
	if d.state < byteStates {
		var symbol uint32
		c, symbol = c.tree(&d.in, probs[:0x100])
		w.bytes[w.end] = byte(symbol)
	} else {
		c, w.bytes[w.end] = c.byteBeside(&d.in, probs, w.bytes[w.back(d.distances[0])])
	}
	w.end++
	d.state = afterByte[d.state%states]
	return c
}

// match decodes a match. Its distance becomes the first.
func (d *decoder) match(c coder, position uint) (_ coder, length int) {
	in, m, state, last := &d.in, &d.model, d.state%states, d.distances
	c, earlier := c.bit(in, &m.earlier[state])
	if !earlier {
		d.state = afterMatch[state]
		c, length = m.lengths.decode(c, in, position)
		c, distance := m.distance(c, in, length)
		d.distances = [4]uint32{distance, last[0], last[1], last[2]}
		return c, length
	}
	var other bool
	if c, other = c.bit(in, &m.second[state]); !other {
		var more bool
		if c, more = c.bit(in, &m.more[at(state, position)]); !more {
			d.state = afterSingle[state]
			return c, 1
		}
	} else if c, other = c.bit(in, &m.third[state]); !other {
		d.distances = [4]uint32{last[1], last[0], last[2], last[3]}
	} else if c, other = c.bit(in, &m.fourth[state]); !other {
		d.distances = [4]uint32{last[2], last[0], last[1], last[3]}
	} else {
		d.distances = [4]uint32{last[3], last[0], last[1], last[2]}
	}
	d.state = afterEarlier[state]
	return m.earlierLengths.decode(c, in, position)
}

// decode decodes the length of a match.
func (l *lengthProbs) decode(c coder, in *input, position uint) (coder, int) {
	var symbol uint32
	c, notShort := c.bit(in, &l.notShort)
	if !notShort {
		c, symbol = c.tree(in, l.short[position%positions][:])
		return c, shortest + int(symbol) - len(l.short[0])
	}
	c, long := c.bit(in, &l.long)
	if !long {
		c, symbol = c.tree(in, l.middle[position%positions][:])
		return c, shortest + len(l.short[0]) + int(symbol) - len(l.middle[0])
	}
	c, symbol = c.tree(in, l.longs[:])
	return c, shortest + len(l.short[0]) + len(l.middle[0]) + int(symbol) - len(l.longs)
}

// distance decodes the distance of a match of a length. Its slot is its two
// upper bits and the number of the others, the last four of which come in the
// other order, as do all of a near one.
func (m *model) distance(c coder, in *input, length int) (coder, uint32) {
	c, symbol := c.tree(in, m.slots[min(length-shortest, lengthGroups-1)][:])
	slot := symbol % 64
	if slot < nearSlot {
		return c, slot
	}
	n := slot/2 - 1
	distance := (2 | slot%2) << n
	if slot < farSlot {
		c, low := c.tree(in, m.near[slot-nearSlot][:1<<n])
		return c, distance + reversed(low, n)
	}
	c, middle := c.direct(in, n-4)
	c, low := c.tree(in, m.align[:])
	return c, distance + middle<<4 + reversed(low, 4)
}

// reversed returns the last bits of a symbol in the other order.
func reversed(symbol, n uint32) uint32 { return bits.Reverse32(symbol) >> (32 - n) }
