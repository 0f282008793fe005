package configure

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"math"
)

// Sizes in bytes of what is read of a shared library.
const (
	programSize = 56
	dynamicSize = 16
	// maxDynamic bounds the dynamic section; one has some dozens of entries.
	maxDynamic = 1 << 20
	// maxName bounds a name.
	maxName = 4096
)

// errNoLibrary says that a file is not a shared library for a machine: a
// linker script, one for another machine, or damaged.
var errNoLibrary = errors.New("not a shared library of this machine")

// soname reads the name by which programs ask for a shared library, DT_SONAME,
// "" when it has none. It reads what the loader reads (the program headers), so
// that a library without section headers counts too. An error is errNoLibrary
// or one of reading.
func soname(r io.ReaderAt, machine elf.Machine) (string, error) {
	programs, err := programHeaders(r, machine)
	if err != nil {
		return "", err
	}
	var entries []byte
	for _, p := range programs {
		if elf.ProgType(p.Type) != elf.PT_DYNAMIC {
			continue
		}
		if entries, err = section(r, p.Off, p.Filesz, maxDynamic); err != nil {
			return "", err
		}
	}
	if entries == nil {
		return "", errNoLibrary
	}
	values := map[uint64]uint64{}
	for ; len(entries) >= dynamicSize; entries = entries[dynamicSize:] {
		tag := binary.LittleEndian.Uint64(entries)
		if tag == uint64(elf.DT_NULL) {
			break
		}
		values[tag] = binary.LittleEndian.Uint64(entries[8:])
	}
	name, found := values[uint64(elf.DT_SONAME)]
	if !found {
		return "", nil
	}
	return stringAt(r, programs, values[uint64(elf.DT_STRTAB)], values[uint64(elf.DT_STRSZ)], name)
}

// programHeaders reads the program headers of a shared object of a machine of
// 64 bits.
func programHeaders(r io.ReaderAt, machine elf.Machine) ([]elf.Prog64, error) {
	head := make([]byte, binary.Size(elf.Header64{}))
	if err := readAt(r, head, 0); err != nil {
		return nil, err
	}
	var header elf.Header64
	if err := binary.Read(bytes.NewReader(head), binary.LittleEndian, &header); err != nil {
		return nil, err
	}
	ident := header.Ident
	if string(ident[:4]) != elf.ELFMAG || elf.Class(ident[elf.EI_CLASS]) != elf.ELFCLASS64 ||
		elf.Data(ident[elf.EI_DATA]) != elf.ELFDATA2LSB ||
		elf.Machine(header.Machine) != machine || elf.Type(header.Type) != elf.ET_DYN {
		return nil, errNoLibrary
	}
	if header.Phentsize != programSize {
		return nil, errNoLibrary
	}
	size := uint64(header.Phnum) * programSize
	table, err := section(r, header.Phoff, size, size)
	if err != nil {
		return nil, err
	}
	programs := make([]elf.Prog64, header.Phnum)
	if err := binary.Read(bytes.NewReader(table), binary.LittleEndian, programs); err != nil {
		return nil, err
	}
	return programs, nil
}

// stringAt reads a string of the table of names, which is told by its address
// in memory.
func stringAt(r io.ReaderAt, programs []elf.Prog64, table, size, at uint64) (string, error) {
	for _, p := range programs {
		if elf.ProgType(p.Type) != elf.PT_LOAD || table < p.Vaddr || table-p.Vaddr >= p.Filesz {
			continue
		}
		if at >= size {
			return "", errNoLibrary
		}
		start := p.Off + (table - p.Vaddr) + at
		text, err := section(r, start, min(size-at, maxName), maxName)
		if err != nil {
			return "", err
		}
		name, _, ended := bytes.Cut(text, []byte{0})
		if !ended {
			return "", errNoLibrary
		}
		return string(name), nil
	}
	return "", errNoLibrary
}

// section reads a part of a file that the file itself tells about.
func section(r io.ReaderAt, offset, size, limit uint64) ([]byte, error) {
	if size > limit || offset > math.MaxInt64 {
		return nil, errNoLibrary
	}
	data := make([]byte, size)
	return data, readAt(r, data, int64(offset))
}

// readAt fills data; a file that ends before is no library.
func readAt(r io.ReaderAt, data []byte, offset int64) error {
	n, err := r.ReadAt(data, offset)
	switch {
	case n == len(data):
		return nil
	case errors.Is(err, io.EOF):
		return errNoLibrary
	}
	return err
}
