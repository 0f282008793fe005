package xz

import "encoding/binary"

const (
	// mostPacked is the largest size of what is compressed of a chunk.
	mostPacked = 64 << 10
	// margin is more than the 20 bytes that the 22 bits with probabilities and
	// 26 without of the longest symbol may take, so that the end of the input is
	// looked for once in a symbol.
	margin = 32
	// coderHeader is the number of bytes that a coder starts with.
	coderHeader = 5
	// certain is the probability of what is certain; half of it is the first of
	// all.
	certain = 1 << 11
	// pace is the binary logarithm of the part by which a probability gets
	// nearer to what was the case.
	pace = 5
)

// input is what is compressed of a chunk, and zeros.
type input [mostPacked + margin]byte

// prob is the probability of a 0.
type prob = uint16

// coder is the state of the range decoder. Its methods return the next one, so
// that it is in registers of the processor: they are small enough to be inlined
// where that counts.
type coder struct {
	// width is the size of the range, and code the place in it.
	width, code uint32
	// at is the place of the next byte of the input.
	at uint
}

// newCoder returns the coder at the beginning of a chunk. Of its header the
// first byte means nothing.
func newCoder(in *input) coder {
	return coder{width: 1<<32 - 1, code: binary.BigEndian.Uint32(in[1:coderHeader]), at: coderHeader}
}

// filled returns the coder when the range is large enough for a bit.
func (c coder) filled(in *input) coder {
	if c.width < 1<<24 {
		c.width <<= 8
		c.code = c.code<<8 | uint32(in[c.at])
		c.at++
	}
	return c
}

// bit decodes a bit that can often be foreseen by the processor. It begins as
// filled does, which would make it too large to be inlined.
func (c coder) bit(in *input, p *prob) (coder, bool) {
	if c.width < 1<<24 {
		c.width <<= 8
		c.code = c.code<<8 | uint32(in[c.at])
		c.at++
	}
	bound := c.width / certain * uint32(*p)
	if c.code < bound {
		c.width = bound
		*p += (certain - *p) >> pace
		return c, false
	}
	c.width -= bound
	c.code -= bound
	*p -= *p >> pace
	return c, true
}

// flat decodes a bit that cannot be foreseen, without a branch, from a coder
// that is filled. All bits of zero are set when it is 0. It also returns what
// the probability becomes.
func (c coder) flat(p uint32) (_ coder, zero, learned uint32) {
	bound := c.width / certain * p
	place := uint64(c.code) - uint64(bound)
	zero = uint32(place >> 32)
	rest := c.width - bound
	// Shifting rounds down, so that with a 0 this is (certain-p)>>pace more.
	toward := (1<<pace - 1 - certain) & int32(zero)
	learned = p - uint32((int32(p)+toward)>>pace)
	return coder{rest + (bound-rest)&zero, uint32(place) + bound&zero, c.at}, zero, learned
}

// tree decodes as many bits as the probabilities are for. They are those of the
// first bit, at 1, of the second after a 0 and after a 1, and so on. Both that
// may come next are read before it is known which: reading takes long. Above
// the bits that it returns is a 1.
func (c coder) tree(in *input, probs []prob) (coder, uint32) {
	symbol, zero, learned := uint(1), uint32(0), uint32(0)
	p := uint32(probs[1])
	for symbol*2+1 < uint(len(probs)) {
		after0, after1 := uint32(probs[symbol*2]), uint32(probs[symbol*2+1])
		c, zero, learned = c.filled(in).flat(p)
		probs[symbol] = prob(learned)
		symbol, p = symbol*2+uint(1+zero), after1-(after1-after0)&zero
	}
	c, zero, learned = c.filled(in).flat(p)
	probs[symbol] = prob(learned)
	return c, uint32(symbol)*2 + 1 + zero
}

// byteBeside decodes a byte beside another, which it is probably not. As long
// as the bits are the same the probabilities are others: those at 0x100 and
// more where the other has a 0, and at 0x200 and more where it has a 1.
func (c coder) byteBeside(in *input, probs *literalProbs, other byte) (coder, byte) {
	var zero, learned uint32
	symbol, bits, same := uint32(1), uint32(other), uint32(0x100)
	for symbol < 0x100 {
		bits <<= 1
		bit := bits & same
		p := &probs[same+bit+symbol]
		c, zero, learned = c.filled(in).flat(uint32(*p))
		*p = prob(learned)
		symbol = symbol*2 + 1 + zero
		same &= bit ^ zero
	}
	return c, byte(symbol)
}

// direct decodes bits that have no probabilities.
func (c coder) direct(in *input, n uint32) (coder, uint32) {
	number := uint32(0)
	for range n {
		c = c.filled(in)
		c.width /= 2
		c.code -= c.width
		zero := -(c.code >> 31)
		c.code += c.width & zero
		number = number*2 + 1 + zero
	}
	return c, number
}
