package pack

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"testing"
)

func TestPress(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	noise := func(n int) []byte {
		b := make([]byte, n)
		_, _ = random.Read(b)
		return b
	}
	text := func(n int) []byte { return bytes.Repeat([]byte("let value = require('./value');\n"), n/32+1)[:n] }
	var mixed, turns []byte
	for range memberSize / (16 << 10) {
		mixed = append(append(mixed, noise(5<<10)...), text(11<<10)...)
		turns = append(append(turns, noise(pieceSize)...), make([]byte, pieceSize)...)
	}
	for _, tt := range []struct {
		name string
		raw  []byte
		// most is the largest size at level 1.
		most int
	}{
		{"nothing", nil, 32},
		{"a byte", []byte("a"), 32},
		{"text", text(memberSize), memberSize / 50},
		{"less than a piece of noise", noise(pieceSize - 1), pieceSize + 64},
		{"noise", noise(memberSize), memberSize + memberSize/1000},
		{"noise that ends in a part of a piece", noise(100_001), 100_201},
		{"noise and zeros in turn", turns, len(turns)/2 + len(turns)/200},
		{"noise within text", mixed, len(mixed) * 2 / 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, level := range []int{1, 6, 9} {
				p, err := newPress(level)
				if err != nil {
					t.Fatal(err)
				}
				first, err := p.member(tt.raw)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := p.member(noise(pieceSize)); err != nil {
					t.Fatal(err)
				}
				again, err := p.member(tt.raw)
				if err != nil || !bytes.Equal(first, again) {
					t.Errorf("level %d: other bytes after another member (%v)", level, err)
				}
				if len(first) > tt.most || !holds(first, tt.raw) {
					t.Errorf("level %d: %d bytes became %d; expected at most %d that say what they hold", level, len(tt.raw), len(first), tt.most)
				}
				if got := unpress(t, first); !bytes.Equal(got, tt.raw) {
					t.Errorf("level %d: the member holds something else", level)
				}
			}
		})
	}
}

// TestIsDense has a hundred pieces of each kind: what is worth compressing must
// not be stored, and little of what is not may be tried.
func TestIsDense(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct {
		name     string
		at       func(i int) byte
		min, max int
	}{
		{"any bytes", func(int) byte { return byte(random.Uint32()) }, 99, 100},
		{"seven bits", func(int) byte { return byte(random.Uint32()) & 0x7f }, 0, 0},
		{"every second byte the same", func(i int) byte { return byte(random.Uint32()) * byte(i%2) }, 0, 0},
		{"a zero in ten", func(int) byte { return byte(random.Uint32()) * byte(min(1, random.IntN(10))) }, 0, 0},
		{"any bytes, then zeros", func(i int) byte { return byte(random.Uint32()) * byte(1-i/(pieceSize-pieceSize/probes)) }, 0, 0},
		{"counting", func(i int) byte { return byte(i / 4 >> (i % 4 * 8)) }, 0, 0},
	} {
		dense := 0
		for range 100 {
			piece := make([]byte, pieceSize)
			for i := range piece {
				piece[i] = tt.at(i)
			}
			if isDense(piece) {
				dense++
			}
		}
		if dense < tt.min || dense > tt.max {
			t.Errorf("%s: %d of 100 pieces are dense; expected %d to %d", tt.name, dense, tt.min, tt.max)
		}
	}
	if isDense(make([]byte, pieceSize-1)) || isDense(nil) {
		t.Error("less than a piece is dense")
	}
}

// A checksum can be the same by chance, or because somebody wants it to be.
func TestUnpacks(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	p, err := newPress(6)
	if err != nil {
		t.Fatal(err)
	}
	var z unpacker
	for _, size := range []int{0, 1, 5000, pieceSize * 7, memberSize} {
		raw := make([]byte, size)
		for i := range raw {
			raw[i] = byte(random.IntN(1 + i%256))
		}
		member, err := p.member(raw)
		if err != nil {
			t.Fatal(err)
		}
		if !z.unpacks(member, raw) {
			t.Errorf("a member of %d bytes is said to hold something else", size)
		}
		if z.unpacks(member, append(bytes.Clone(raw), 0)) || z.unpacks(member[:len(member)/2], raw) && size > 0 {
			t.Errorf("a member of %d bytes is said to hold more, or half of it all", size)
		}
		if size == 0 {
			continue
		}
		other := bytes.Clone(raw)
		other[size/2]++
		forged := append(bytes.Clone(member[:len(member)-memberTrailer]), binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(other)), uint32(size))...)
		if !holds(forged, other) || z.unpacks(forged, other) {
			t.Errorf("what has the checksum of %d bytes is taken for them", size)
		}
	}
}

// FuzzPress has members of pieces of any bytes, some of them over and over.
func FuzzPress(f *testing.F) {
	f.Add([]byte("\x00abc"), uint16(3), uint64(7))
	f.Add([]byte{}, uint16(60), uint64(0))
	f.Fuzz(func(t *testing.T, words []byte, pieces uint16, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 0))
		var raw []byte
		for len(raw) < memberSize && pieces > 0 {
			pieces--
			piece := make([]byte, 1+random.IntN(3*pieceSize))
			for i := range piece {
				switch {
				case len(words) > 0 && pieces%2 == 0:
					piece[i] = words[i%len(words)]
				default:
					piece[i] = byte(random.Uint32())
				}
			}
			raw = append(raw, piece...)
		}
		raw = raw[:min(len(raw), memberSize)]
		p, err := newPress(1)
		if err != nil {
			t.Fatal(err)
		}
		member, err := p.member(raw)
		if err != nil {
			t.Fatal(err)
		}
		if len(member) > maxMember || !bytes.Equal(unpress(t, member), raw) {
			t.Errorf("%d bytes became a member of %d that holds something else or is too large", len(raw), len(member))
		}
	})
}

// unpress has the standard library take a member apart.
func unpress(t *testing.T, member []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(member))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
