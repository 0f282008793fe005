package pack

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/klauspost/compress/gzip"
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

// press makes members.
type press struct {
	gzip *gzip.Writer
	buf  bytes.Buffer
}

func newPress(level int) (*press, error) {
	var p press
	z, err := gzip.NewWriterLevel(&p.buf, level)
	if err != nil {
		return nil, err
	}
	p.gzip = z
	return &p, nil
}

// member returns raw as one gzip member.
func (p *press) member(raw []byte) ([]byte, error) {
	p.buf.Reset()
	p.gzip.Reset(&p.buf)
	// This compressor writes the zero time.Time as a date; 1970 is none
	// (RFC 1952, MTIME).
	p.gzip.ModTime = time.Unix(0, 0)
	if _, err := p.gzip.Write(raw); err != nil {
		return nil, err
	}
	if err := p.gzip.Close(); err != nil {
		return nil, err
	}
	return bytes.Clone(p.buf.Bytes()), nil
}
