package resolve

// levels is a set of decisions, numbered from 0. Values are not changed.
type levels []uint64

func (l levels) has(n int) bool { return n/64 < len(l) && l[n/64]&(1<<(n%64)) != 0 }

func (l levels) with(n int) levels {
	return l.union(append(make(levels, n/64), 1<<(n%64)))
}

func (l levels) without(n int) levels {
	if !l.has(n) {
		return l
	}
	rest := append(levels(nil), l...)
	rest[n/64] &^= 1 << (n % 64)
	return rest
}

func (l levels) union(other levels) levels {
	if len(l) < len(other) {
		l, other = other, l
	}
	if len(other) == 0 {
		return l
	}
	all := append(levels(nil), l...)
	for i, bits := range other {
		all[i] |= bits
	}
	return all
}
