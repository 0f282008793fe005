package xz

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

const (
	magic, footerMagic = "\xfd7zXZ\x00", "YZ"
	// edge is the size of the header of a stream and of its footer.
	edge = 12
	// alignment is what the size of each part is a multiple of.
	alignment = 4
	// unstated stands for a size that a file does not state.
	unstated = -1
)

// filters are the names of filters (5.3 of the specification).
var filters = map[int64]string{
	0x03: "Delta", 0x04: "BCJ x86", 0x05: "BCJ PowerPC", 0x06: "BCJ IA-64", 0x07: "BCJ ARM", 0x08: "BCJ ARM-Thumb",
	0x09: "BCJ SPARC", 0x0a: "BCJ ARM64", 0x0b: "BCJ RISC-V", filterLZMA2: "LZMA2",
}

// filterLZMA2 is the only filter that is supported.
const filterLZMA2 = 0x21

// parseStreamHeader returns the kind of the checks of a stream, by its header
// (2.1.1 of the specification).
func parseStreamHeader(header []byte) (kind byte, err error) {
	if string(header[:len(magic)]) != magic {
		return 0, damaged("it does not begin as xz data does")
	}
	flags, sum := header[6:8], header[8:]
	if crc32.ChecksumIEEE(flags) != binary.LittleEndian.Uint32(sum) {
		return 0, damaged("the checksum of the header is wrong")
	}
	return parseStreamFlags(flags)
}

// parseStreamFooter returns the size of the index of a stream and the kind of
// its checks, by its footer (2.1.2 of the specification).
func parseStreamFooter(footer []byte) (index int64, kind byte, err error) {
	if string(footer[10:]) != footerMagic {
		return 0, 0, damaged("it does not end as xz data does")
	}
	sum, size, flags := footer[:4], footer[4:8], footer[8:10]
	if crc32.ChecksumIEEE(footer[4:10]) != binary.LittleEndian.Uint32(sum) {
		return 0, 0, damaged("the checksum of the footer is wrong")
	}
	kind, err = parseStreamFlags(flags)
	return (int64(binary.LittleEndian.Uint32(size)) + 1) * alignment, kind, err
}

func parseStreamFlags(flags []byte) (kind byte, err error) {
	if flags[0] != 0 || flags[1] > 15 {
		return 0, unsupported("its flags are %x", flags)
	}
	return flags[1], nil
}

// blockHeader is what a block says of itself.
type blockHeader struct {
	// packed and plain are the sizes of what it is and what it holds, or
	// unstated.
	packed, plain int64
	// dictionary is the size of the dictionary.
	dictionary int64
}

// readBlockHeader reads the header of a block (3.1 of the specification), whose
// first byte was read.
func readBlockHeader(size byte, from *source) (blockHeader, error) {
	text := make([]byte, (int(size)+1)*alignment)
	text[0] = size
	if err := from.fill(text[1:]); err != nil {
		return blockHeader{}, err
	}
	text, sum := text[:len(text)-4], text[len(text)-4:]
	if crc32.ChecksumIEEE(text) != binary.LittleEndian.Uint32(sum) {
		return blockHeader{}, damaged("the checksum of the header of a block is wrong")
	}
	h, err := parseBlockHeader(text[1], bytes.NewReader(text[2:]))
	if errors.Is(err, io.EOF) {
		return blockHeader{}, damaged("the header of a block ends too early")
	}
	return h, err
}

func parseBlockHeader(flags byte, text *bytes.Reader) (h blockHeader, err error) {
	if flags&0x3c != 0 {
		return blockHeader{}, unsupported("a block has the flags %#02x", flags)
	}
	if h.packed, err = parseSize(flags&0x40 != 0, text); err != nil {
		return blockHeader{}, err
	}
	if h.plain, err = parseSize(flags&0x80 != 0, text); err != nil {
		return blockHeader{}, err
	}
	// Of several filters the first cannot be LZMA2.
	if h.dictionary, err = parseFilter(text); err != nil {
		return blockHeader{}, err
	}
	for text.Len() > 0 {
		if b, err := text.ReadByte(); err != nil || b != 0 {
			return blockHeader{}, damaged("the header of a block does not end")
		}
	}
	return h, nil
}

// parseSize reads a size if it is stated.
func parseSize(stated bool, text io.ByteReader) (int64, error) {
	if !stated {
		return unstated, nil
	}
	return number(text)
}

// parseFilter returns the size of the dictionary of the filter LZMA2 (5.3.1 of
// the specification).
func parseFilter(text io.ByteReader) (dictionary int64, err error) {
	id, err := number(text)
	if err != nil {
		return 0, err
	}
	if id != filterLZMA2 {
		return 0, unsupported("it has the filter %#x %s; expected %s alone", id, filters[id], filters[filterLZMA2])
	}
	size, err := number(text)
	if err != nil {
		return 0, err
	}
	bits, err := text.ReadByte()
	switch {
	case err != nil:
		return 0, err
	case size != 1 || bits > 40:
		return 0, damaged("the size of a dictionary is not valid")
	case bits == 40:
		return 1<<32 - 1, nil
	}
	return int64(2|bits&1) << (bits/2 + 11), nil
}
