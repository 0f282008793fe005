package pack

import (
	"bytes"
	"encoding/binary"

	"github.com/slugc/slugc/build/artifact"
)

// recordMagic starts the file form of a Record. Its last byte is a version.
const recordMagic = "slugcrec\x03"

// maxMembers limits what parseRecord accepts.
const maxMembers = 1 << 24

// appendRecord appends the file form of r, which says under which key it
// rests: a record that got under another name is not taken for what it is not.
func appendRecord(b []byte, key Key, r *Record) []byte {
	b = append(b, recordMagic...)
	b = append(b, key[:]...)
	s := &r.Segment
	for _, word := range []string{s.Name, s.DiffID, s.Digest, s.File} {
		b = appendString(b, word)
	}
	b = binary.AppendVarint(b, s.Size)
	b = binary.AppendVarint(b, s.RawSize)
	b = appendFingerprint(b, r.File, Fingerprint{})
	b = binary.AppendUvarint(b, uint64(len(r.Members)))
	end := int64(0)
	for _, m := range r.Members {
		b = binary.AppendVarint(b, m.Offset-end)
		b = binary.AppendVarint(b, m.Size)
		b = append(b, m.Sum[:]...)
		end = m.Offset + m.Size
	}
	return seal(appendIndex(b, r.Index))
}

// parseRecord reads what appendRecord wrote under key.
func parseRecord(b []byte, key Key) (Record, error) {
	d, err := unseal(b, recordMagic)
	if err != nil {
		return Record{}, err
	}
	if !bytes.Equal(d.bytes(len(key)), key[:]) {
		return Record{}, ErrCorrupt
	}
	r := Record{Segment: artifact.Segment{
		Name:   d.string(),
		DiffID: d.string(),
		Digest: d.string(),
		File:   d.string(),
	}}
	r.Segment.Size = d.varint()
	r.Segment.RawSize = d.varint()
	r.File = d.fingerprint(Fingerprint{})
	end := int64(0)
	for range d.count(maxMembers) {
		m := Member{Offset: d.varint() + end, Size: d.varint()}
		copy(m.Sum[:], d.bytes(len(m.Sum)))
		if m.Size <= 0 || m.Offset < end || m.Offset > r.Segment.Size-m.Size {
			return Record{}, ErrCorrupt
		}
		end = m.Offset + m.Size
		r.Members = append(r.Members, m)
	}
	r.Index = d.index()
	return r, d.end()
}
