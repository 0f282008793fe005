package pack

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
)

const (
	// bodySize is the size from which the body of a file has members of its
	// own.
	bodySize = 16 << 10
	// memberSize is the most that a member holds. Larger ones take memory, of
	// which many are under way at a time; four times this compresses 1 % better.
	memberSize = 256 << 10
	// mixedSize is the size from which a mixed member may end before it is
	// full.
	mixedSize = memberSize / 4
	// maxMember is more than any member takes: deflate adds 5 bytes to a
	// block of 64 KiB that it cannot compress.
	maxMember = memberSize + memberSize>>8
	// memberTrailer is the length of checksum and size at a member's end
	// (RFC 1952, section 2.3.1).
	memberTrailer = 8
)

// memberCount is the number of members of a body of size bytes.
func memberCount(size int64) int { return int((size + memberSize - 1) / memberSize) }

// cuts says whether a mixed member that is large enough ends before the entry
// at path. One path in 64 decides so by itself, so that after a file that grew
// or is new the members soon hold what they held before.
func cuts(path string) bool { return crc32.ChecksumIEEE([]byte(path))%64 == 0 }

// holds says whether the end of a member names the checksum and size of raw.
func holds(member, raw []byte) bool {
	if len(member) < memberTrailer {
		return false
	}
	end := member[len(member)-memberTrailer:]
	return binary.LittleEndian.Uint32(end[4:]) == uint32(len(raw)) &&
		binary.LittleEndian.Uint32(end) == crc32.ChecksumIEEE(raw)
}

// memberHeader begins a member that says nothing of time and file: a time of
// zero is none (RFC 1952, section 2.3.1).
var memberHeader = [...]byte{0: 0x1f, 1: 0x8b, 2: 8, 9: 255}

// press makes members.
type press struct {
	deflate *flate.Writer
	buf     bytes.Buffer
}

func newPress(level int) (*press, error) {
	var p press
	z, err := flate.NewWriter(&p.buf, level)
	if err != nil {
		return nil, err
	}
	p.deflate = z
	return &p, nil
}

// member returns raw as one gzip member.
func (p *press) member(raw []byte) ([]byte, error) {
	p.buf.Reset()
	p.buf.Write(memberHeader[:])
	p.deflate.Reset(&p.buf)
	for rest := raw; len(rest) > 0; {
		n, dense := run(rest)
		add := p.deflate.Write
		if dense {
			add = p.store
		}
		if _, err := add(rest[:n]); err != nil {
			return nil, err
		}
		rest = rest[n:]
	}
	if err := p.deflate.Close(); err != nil {
		return nil, err
	}
	trailer := binary.LittleEndian.AppendUint32(p.buf.AvailableBuffer(), crc32.ChecksumIEEE(raw))
	p.buf.Write(binary.LittleEndian.AppendUint32(trailer, uint32(len(raw))))
	return bytes.Clone(p.buf.Bytes()), nil
}

// store adds raw, of at most maxRun bytes, as they are. The compressor does not
// get to see them, and begins anew behind them.
func (p *press) store(raw []byte) (int, error) {
	// What is flushed ends in a stored block of no bytes (RFC 1951, section
	// 3.2.4), which becomes theirs: its end is its length, and the complement.
	if err := p.deflate.Flush(); err != nil {
		return 0, err
	}
	p.buf.Truncate(p.buf.Len() - 4)
	size := binary.LittleEndian.AppendUint16(p.buf.AvailableBuffer(), uint16(len(raw)))
	p.buf.Write(binary.LittleEndian.AppendUint16(size, ^uint16(len(raw))))
	p.buf.Write(raw)
	p.deflate.Reset(&p.buf)
	return len(raw), nil
}

// unpacker unpacks members.
type unpacker struct {
	inflate io.ReadCloser
	buf     []byte
}

// unpacks says whether a member that press made holds exactly raw.
func (u *unpacker) unpacks(member, raw []byte) bool {
	if len(member) < len(memberHeader) {
		return false
	}
	if u.inflate == nil {
		u.inflate, u.buf = flate.NewReader(nil), make([]byte, 32<<10)
	}
	if err := u.inflate.(flate.Resetter).Reset(bytes.NewReader(member[len(memberHeader):]), nil); err != nil {
		return false
	}
	for {
		n, err := u.inflate.Read(u.buf)
		if !bytes.HasPrefix(raw, u.buf[:n]) {
			return false
		}
		raw = raw[n:]
		if err != nil {
			return errors.Is(err, io.EOF) && len(raw) == 0
		}
	}
}

const (
	// pieceSize is what is looked at to tell whether it can be compressed.
	pieceSize = 4 << 10
	// maxRun is as many pieces as a stored block, of less than 64 KiB, has room for.
	maxRun = 15 * pieceSize
	// probes of probeSize bytes each are looked at of a piece.
	probes    = 8
	probeSize = 64
)

// run is how much of raw, from its beginning on, is all dense or all not.
func run(raw []byte) (n int, dense bool) {
	dense = isDense(raw)
	n = pieceSize
	for n < min(len(raw), maxRun) && isDense(raw[n:]) == dense {
		n += pieceSize
	}
	return min(n, len(raw)), dense
}

// isDense says whether the piece at the beginning of raw is such that a compressor
// would find next to nothing in it, as in what is compressed already. It costs a
// hundredth of an attempt.
//
// Of n bytes at random, n*n/512 pairs are equal, give or take n/23. Four times that
// more, of 512 bytes, is what Huffman's code makes 3 % smaller.
func isDense(raw []byte) bool {
	if len(raw) < pieceSize {
		return false
	}
	var seen [256]uint8
	equal, n := 0, 0
	for at := 0; at < pieceSize; at += pieceSize / probes {
		for _, b := range raw[at:][:probeSize] {
			equal += int(seen[b])
			seen[b]++
		}
		if n += probeSize; equal > n*n/512+n/6 {
			return false
		}
	}
	return true
}
