package xz

const (
	// states is a power of two that is not less than the number of states, 12,
	// of which the first are those after a byte that was no match.
	states, byteStates = 16, 7
	// positions is the most that positions are taken modulo of.
	positions = 16
	// statesAt is for what depends on a state and a position.
	statesAt = states * positions
	// contexts is the most that the probabilities of a byte depend on, since lc
	// and lp are 4 together.
	contexts = 16
	// lengthGroups are lengths that distances have probabilities of their own
	// for: the shortest three, and all others.
	lengthGroups = 4
	// nearSlot is the first slot of distances with more bits, and farSlot that
	// of those with bits without probabilities.
	nearSlot, farSlot = 4, 14
)

type (
	// literalProbs are the probabilities of a byte that is no match.
	literalProbs [0x300]prob
	// lengthProbs are those of lengths: of those that are not short, of those
	// of them that are long, and of the three kinds.
	lengthProbs struct {
		notShort, long prob
		short, middle  [positions][8]prob
		longs          [256]prob
	}
	// model is what is learned from the symbols so far.
	model struct {
		// Of a match, of one at an earlier distance, at another than the last,
		// than the one before, than the one before that; and of one at the last
		// that is of more than a byte.
		match                          [statesAt]prob
		earlier, second, third, fourth [states]prob
		more                           [statesAt]prob
		lengths, earlierLengths        lengthProbs
		slots                          [lengthGroups][64]prob
		near                           [farSlot - nearSlot][32]prob
		align                          [16]prob
		literals                       [contexts]literalProbs
	}
)

// blank is a model that learned nothing.
var blank = newModel()

func newModel() *model {
	m := &model{}
	even(m.match[:], m.earlier[:], m.second[:], m.third[:], m.fourth[:], m.more[:], m.align[:])
	for _, l := range []*lengthProbs{&m.lengths, &m.earlierLengths} {
		l.notShort, l.long = certain/2, certain/2
		even(l.longs[:])
		for i := range positions {
			even(l.short[i][:], l.middle[i][:])
		}
	}
	for i := range m.slots {
		even(m.slots[i][:])
	}
	for i := range m.near {
		even(m.near[i][:])
	}
	for i := range m.literals {
		even(m.literals[i][:])
	}
	return m
}

// even makes a 0 as probable as a 1.
func even(all ...[]prob) {
	for _, probs := range all {
		for i := range probs {
			probs[i] = certain / 2
		}
	}
}

// The state after another.
var (
	afterByte    = [states]uint8{0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 4, 5}
	afterMatch   = [states]uint8{7, 7, 7, 7, 7, 7, 7, 10, 10, 10, 10, 10}
	afterEarlier = [states]uint8{8, 8, 8, 8, 8, 8, 8, 11, 11, 11, 11, 11}
	afterSingle  = [states]uint8{9, 9, 9, 9, 9, 9, 9, 11, 11, 11, 11, 11}
)
