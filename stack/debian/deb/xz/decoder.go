package xz

const (
	states = 12
	// firstMatched is the first state in which the last symbol was a match.
	firstMatched = 7
	// mostPosition is the number of positions that probabilities may tell
	// apart.
	mostPosition = 16
	// literalSize is the number of probabilities for a literal, mostLiterals
	// that of the kinds of literals in LZMA2 (lc + lp <= 4).
	literalSize  = 0x300
	mostLiterals = 16
	// shortest is the length of the shortest match.
	shortest = 2
)

// decoder is LZMA with the state that lasts from chunk to chunk.
type decoder struct {
	rangeDecoder
	// out is the window: what was decoded since the dictionary was reset, as
	// far as it is kept.
	out []byte
	// total is the number of bytes since the dictionary was reset, dictionary
	// how far back a match may lie.
	total, dictionary int

	literalContext        uint
	literalMask, position int

	state uint32
	// rep are the distances of the last matches, less one.
	rep [4]uint32
	probs
}

// probs are all probabilities.
type probs struct {
	isMatch, isRep0Long           [states * mostPosition]uint16
	isRep, isRep0, isRep1, isRep2 [states]uint16
	slot                          [4][64]uint16
	special                       [115]uint16
	align                         [16]uint16
	length, repLength             lengths
	literal                       [literalSize * mostLiterals]uint16
}

// lengths are the probabilities of the length of a match.
type lengths struct {
	choice   [2]uint16
	low, mid [mostPosition][8]uint16
	high     [256]uint16
}

func fill(all ...[]uint16) {
	for _, probs := range all {
		for i := range probs {
			probs[i] = probInit
		}
	}
}

func (l *lengths) reset() {
	fill(l.choice[:], l.high[:])
	for i := range mostPosition {
		fill(l.low[i][:], l.mid[i][:])
	}
}

// reset forgets all but the window.
func (d *decoder) reset() {
	d.state, d.rep = 0, [4]uint32{}
	fill(d.isMatch[:], d.isRep0Long[:], d.isRep[:], d.isRep0[:], d.isRep1[:], d.isRep2[:],
		d.slot[0][:], d.slot[1][:], d.slot[2][:], d.slot[3][:], d.special[:], d.align[:], d.literal[:])
	d.length.reset()
	d.repLength.reset()
}

// properties sets lc, lp and pb; it is false when they are not those of LZMA2.
func (d *decoder) properties(b byte) bool {
	lc, lp, pb := uint(b%9), uint(b/9%5), uint(b/45)
	d.literalContext, d.literalMask, d.position = lc, 1<<lp-1, 1<<pb-1
	return pb <= 4 && lc+lp <= 4
}

// chunk decodes so many bytes from a chunk with spare zeros after it. It is
// false when the chunk is damaged. The window has the room.
func (d *decoder) chunk(in []byte, size int) bool {
	if !d.start(in) {
		return false
	}
	end := len(d.out) + size
	for len(d.out) < end {
		if d.at > len(in)-spare {
			return false
		}
		position := uint32(d.total & d.position)
		if d.bit(&d.isMatch[d.state*mostPosition+position]) == 0 {
			d.literalByte()
			continue
		}
		length := d.match(position)
		distance := int(d.rep[0]) + 1
		if length > end-len(d.out) || distance > d.total || distance > d.dictionary {
			return false
		}
		d.copy(distance, length)
	}
	d.normalize()
	return d.at == len(in)-spare && d.code == 0
}

// literalByte decodes a byte that is no match.
func (d *decoder) literalByte() {
	last := uint32(0)
	if d.total > 0 {
		last = uint32(d.out[len(d.out)-1])
	}
	kind := (d.total&d.literalMask)<<d.literalContext + int(last>>(8-d.literalContext))
	probs := d.literal[kind*literalSize : (kind+1)*literalSize]
	var b byte
	if d.state < firstMatched {
		b = byte(d.tree(probs, 0x100))
	} else {
		b = d.matched(probs, uint32(d.out[len(d.out)-1-int(d.rep[0])]))
	}
	d.out = append(d.out, b)
	d.total++
	switch {
	case d.state < 4:
		d.state = 0
	case d.state < 10:
		d.state -= 3
	default:
		d.state -= 6
	}
}

// match decodes a match into rep and returns its length.
func (d *decoder) match(position uint32) int {
	if d.bit(&d.isRep[d.state]) == 0 {
		length := d.long(&d.length, position)
		d.rep[3], d.rep[2], d.rep[1] = d.rep[2], d.rep[1], d.rep[0]
		d.rep[0] = d.distance(length)
		d.enter(7)
		return int(length) + shortest
	}
	if d.bit(&d.isRep0[d.state]) == 0 {
		if d.bit(&d.isRep0Long[d.state*mostPosition+position]) == 0 {
			d.enter(9)
			return 1
		}
	} else {
		d.again()
	}
	length := d.long(&d.repLength, position)
	d.enter(8)
	return int(length) + shortest
}

// enter changes the state after a match: to the given one after a literal.
func (d *decoder) enter(state uint32) {
	switch {
	case d.state < firstMatched:
		d.state = state
	case state == 7:
		d.state = 10
	default:
		d.state = 11
	}
}

// again decodes which of the earlier distances comes again, and puts it first.
func (d *decoder) again() {
	distance := d.rep[1]
	if d.bit(&d.isRep1[d.state]) != 0 {
		distance = d.rep[2]
		if d.bit(&d.isRep2[d.state]) != 0 {
			distance = d.rep[3]
			d.rep[3] = d.rep[2]
		}
		d.rep[2] = d.rep[1]
	}
	d.rep[1] = d.rep[0]
	d.rep[0] = distance
}

// long decodes a length, less the shortest.
func (d *decoder) long(l *lengths, position uint32) uint32 {
	if d.bit(&l.choice[0]) == 0 {
		return d.tree(l.low[position][:], 8) - 8
	}
	if d.bit(&l.choice[1]) == 0 {
		return d.tree(l.mid[position][:], 8)
	}
	return d.tree(l.high[:], 256) - 256 + 16
}

// distance decodes the distance of a match of a length, both less the least.
func (d *decoder) distance(length uint32) uint32 {
	slot := d.tree(d.slot[min(length, 3)][:], 64) - 64
	if slot < 4 {
		return slot
	}
	bits := slot>>1 - 1
	distance := (2 | slot&1) << bits
	if slot < 14 {
		return distance + d.reverse(d.special[distance-slot:], bits)
	}
	return distance + d.direct(bits-4)<<4 + d.reverse(d.align[:], 4)
}

// copy repeats what lies so far back.
func (d *decoder) copy(distance, length int) {
	at := len(d.out)
	from, end := at-distance, at+length
	d.out = d.out[:end]
	for at < end {
		// What was copied may be copied again.
		at += copy(d.out[at:], d.out[from:at])
	}
	d.total += length
}
