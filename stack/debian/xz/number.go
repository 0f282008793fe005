package xz

import "io"

// number reads an integer of at most 63 bits, 7 in each byte, in its shortest
// form (1.2 of the specification).
func number(from io.ByteReader) (int64, error) {
	var n int64
	for shift := 0; shift < 63; shift += 7 {
		b, err := from.ReadByte()
		if err != nil {
			return 0, err
		}
		n |= int64(b&0x7f) << shift
		if b >= 0x80 {
			continue
		}
		if b == 0 && shift > 0 {
			return 0, damaged("a number is longer than it has to be")
		}
		return n, nil
	}
	return 0, damaged("a number is too large")
}
