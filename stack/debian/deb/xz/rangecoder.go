package xz

const (
	// probBits is the number of bits of a probability, probInit one half of it
	// and probMove how slowly it learns.
	probBits = 11
	probInit = 1 << (probBits - 1)
	probMove = 5
	// top is the range below which another byte is read.
	top = 1 << 24
	// spare is the number of bytes that may be read beyond the end of a chunk
	// before the end is looked at: a symbol has at most 48 bits, and each
	// reads at most one byte.
	spare = 64
)

// rangeDecoder decodes the bits of a chunk. Its methods work on copies of its
// fields, which the compiler keeps in registers.
type rangeDecoder struct {
	// in is the chunk, with spare zeros after it.
	in          []byte
	at          int
	width, code uint32
}

// start begins a chunk; it is false when its first bytes are none.
func (d *rangeDecoder) start(in []byte) bool {
	d.in, d.at, d.width = in, 5, 0xffffffff
	d.code = uint32(in[1])<<24 | uint32(in[2])<<16 | uint32(in[3])<<8 | uint32(in[4])
	return in[0] == 0
}

// normalize reads a byte if one is due.
func (d *rangeDecoder) normalize() {
	if d.width < top {
		d.width <<= 8
		d.code = d.code<<8 | uint32(d.in[d.at])
		d.at++
	}
}

// bit decodes one bit with its probability.
func (d *rangeDecoder) bit(prob *uint16) uint32 {
	width, code := d.width, d.code
	if width < top {
		width <<= 8
		code = code<<8 | uint32(d.in[d.at])
		d.at++
	}
	p := uint32(*prob)
	bound := width >> probBits * p
	if code < bound {
		d.width, d.code = bound, code
		*prob = uint16(p + (1<<probBits-p)>>probMove)
		return 0
	}
	d.width, d.code = width-bound, code-bound
	*prob = uint16(p - p>>probMove)
	return 1
}

// tree decodes a symbol, its high bits first, until it reaches the limit; its
// first bit is a 1 that was not coded.
func (d *rangeDecoder) tree(probs []uint16, limit uint32) uint32 {
	in, at, width, code := d.in, d.at, d.width, d.code
	symbol := uint32(1)
	for symbol < limit {
		if width < top {
			width <<= 8
			code = code<<8 | uint32(in[at])
			at++
		}
		p := uint32(probs[symbol])
		bound := width >> probBits * p
		if code < bound {
			width = bound
			probs[symbol] = uint16(p + (1<<probBits-p)>>probMove)
			symbol <<= 1
		} else {
			width -= bound
			code -= bound
			probs[symbol] = uint16(p - p>>probMove)
			symbol = symbol<<1 | 1
		}
	}
	d.at, d.width, d.code = at, width, code
	return symbol
}

// matched decodes a literal after a match, whose byte foretells it as long as
// both agree.
func (d *rangeDecoder) matched(probs []uint16, foretold uint32) byte {
	in, at, width, code := d.in, d.at, d.width, d.code
	symbol, offset := uint32(1), uint32(0x100)
	for symbol < 0x100 {
		if width < top {
			width <<= 8
			code = code<<8 | uint32(in[at])
			at++
		}
		foretold <<= 1
		is := foretold & offset
		prob := &probs[offset+is+symbol]
		p := uint32(*prob)
		bound := width >> probBits * p
		if code < bound {
			width = bound
			*prob = uint16(p + (1<<probBits-p)>>probMove)
			symbol <<= 1
			offset &^= foretold
		} else {
			width -= bound
			code -= bound
			*prob = uint16(p - p>>probMove)
			symbol = symbol<<1 | 1
			offset &= foretold
		}
	}
	d.at, d.width, d.code = at, width, code
	return byte(symbol)
}

// reverse decodes so many bits, the low ones first.
func (d *rangeDecoder) reverse(probs []uint16, bits uint32) uint32 {
	in, at, width, code := d.in, d.at, d.width, d.code
	symbol, number := uint32(1), uint32(0)
	for i := range bits {
		if width < top {
			width <<= 8
			code = code<<8 | uint32(in[at])
			at++
		}
		prob := &probs[symbol]
		p := uint32(*prob)
		bound := width >> probBits * p
		symbol <<= 1
		if code < bound {
			width = bound
			*prob = uint16(p + (1<<probBits-p)>>probMove)
		} else {
			width -= bound
			code -= bound
			*prob = uint16(p - p>>probMove)
			symbol |= 1
			number |= 1 << i
		}
	}
	d.at, d.width, d.code = at, width, code
	return number
}

// direct decodes so many bits that have no probability.
func (d *rangeDecoder) direct(bits uint32) uint32 {
	in, at, width, code := d.in, d.at, d.width, d.code
	number := uint32(0)
	for range bits {
		if width < top {
			width <<= 8
			code = code<<8 | uint32(in[at])
			at++
		}
		width >>= 1
		code -= width
		// All ones when the subtraction went below zero.
		mask := uint32(int32(code) >> 31)
		code += width & mask
		number = number<<1 + mask + 1
	}
	d.at, d.width, d.code = at, width, code
	return number
}
