package detect

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// stateMagic begins the file with what a copy left. Its last byte is a version.
const stateMagic = "slugcsrc\x02"

// readState returns what the last copy left, by path; nothing when it cannot
// be read, which only makes the next copy slower.
func readState(file string) map[string]*item {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	items, err := parseState(data)
	if err != nil {
		return nil
	}
	state := make(map[string]*item, len(items))
	for i := range items {
		state[items[i].Path] = &items[i]
	}
	return state
}

// writeState records what a copy left.
func writeState(file string, items []item) error {
	next := file + ".new"
	err := os.WriteFile(next, sealed(appendState(nil, items)), 0o600)
	if err == nil {
		err = os.Rename(next, file)
	}
	if err != nil {
		return fmt.Errorf("recording the source: %w", err)
	}
	return nil
}

// recorded says whether a state is that of the items.
func recorded(state map[string]*item, items []item) bool {
	for i := range items {
		if was := state[items[i].Path]; was == nil || *was != items[i] {
			return false
		}
	}
	return len(state) == len(items)
}

// appendState appends items, of which a source has thousands: encoding/gob takes
// several times as long.
func appendState(b []byte, items []item) []byte {
	b = binary.AppendUvarint(b, uint64(len(items)))
	for i := range items {
		it := &items[i]
		b = appendText(b, it.Path)
		b = binary.AppendUvarint(b, uint64(it.Mode))
		b = appendText(b, it.Link)
		b = binary.AppendVarint(b, it.Size)
		b = append(b, it.Sum[:]...)
		for _, s := range []*stamp{&it.Source, &it.Copy} {
			b = binary.AppendUvarint(b, s.Dev)
			b = binary.AppendUvarint(b, s.Ino)
			b = binary.AppendVarint(b, s.Size)
			b = binary.AppendVarint(b, s.Mtime)
			b = binary.AppendVarint(b, s.Ctime)
		}
	}
	return b
}

// sealed is the content of a state's file.
func sealed(body []byte) []byte {
	file := append([]byte(stateMagic), body...)
	sum := sha256.Sum256(file)
	return append(file, sum[:]...)
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

var errBadState = errors.New("the record of the source is damaged")

// parseState reads what appendState wrote.
func parseState(data []byte) ([]item, error) {
	body := len(data) - sha256.Size
	if body < len(stateMagic) || string(data[:len(stateMagic)]) != stateMagic {
		return nil, errBadState
	}
	if sum := sha256.Sum256(data[:body]); !bytes.Equal(sum[:], data[body:]) {
		return nil, errBadState
	}
	p := stateParser{rest: data[len(stateMagic):body]}
	n := p.uvarint()
	// An item takes more bytes than its checksum.
	if n > uint64(len(p.rest)/sha256.Size) {
		return nil, errBadState
	}
	items := make([]item, n)
	for i := range items {
		it := &items[i]
		it.Path = p.text()
		it.Mode = fs.FileMode(p.uvarint())
		it.Link = p.text()
		it.Size = p.varint()
		copy(it.Sum[:], p.bytes(len(it.Sum)))
		for _, s := range []*stamp{&it.Source, &it.Copy} {
			*s = stamp{Dev: p.uvarint(), Ino: p.uvarint(), Size: p.varint(), Mtime: p.varint(), Ctime: p.varint()}
		}
	}
	if p.bad || len(p.rest) > 0 {
		return nil, errBadState
	}
	return items, nil
}

// stateParser reads the parts of a state. After the first that is not there, all
// are zero.
type stateParser struct {
	rest []byte
	bad  bool
}

func (p *stateParser) bytes(n int) []byte {
	if n < 0 || n > len(p.rest) {
		p.bad, p.rest = true, nil
		return nil
	}
	b := p.rest[:n]
	p.rest = p.rest[n:]
	return b
}

func (p *stateParser) uvarint() uint64 {
	v, n := binary.Uvarint(p.rest)
	if n <= 0 {
		n = -1
	}
	p.bytes(n)
	return v
}

func (p *stateParser) varint() int64 {
	v, n := binary.Varint(p.rest)
	if n <= 0 {
		n = -1
	}
	p.bytes(n)
	return v
}

func (p *stateParser) text() string {
	n := p.uvarint()
	if n > uint64(len(p.rest)) {
		p.bad, p.rest = true, nil
		return ""
	}
	return string(p.bytes(int(n)))
}
