package configure

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"testing"
)

// SharedObject makes the smallest ELF shared object with a DT_SONAME, or none
// where soname is empty.
func SharedObject(t testing.TB, machine elf.Machine, soname string) []byte {
	t.Helper()
	const head, program = 64, 56
	names := "\x00" + soname + "\x00"
	dynamic := []uint64{uint64(elf.DT_STRTAB), 0x1000 + head + 2*program, uint64(elf.DT_STRSZ), uint64(len(names))}
	if soname != "" {
		dynamic = append(dynamic, uint64(elf.DT_SONAME), 1)
	}
	dynamic = append(dynamic, uint64(elf.DT_NULL), 0)
	at := uint64(head + 2*program + len(names))
	size := at + uint64(8*len(dynamic))
	header := elf.Header64{
		Type: uint16(elf.ET_DYN), Machine: uint16(machine), Version: 1,
		Phoff: head, Ehsize: head, Phentsize: program, Phnum: 2,
	}
	copy(header.Ident[:], elf.ELFMAG)
	header.Ident[elf.EI_CLASS] = byte(elf.ELFCLASS64)
	header.Ident[elf.EI_DATA] = byte(elf.ELFDATA2LSB)
	header.Ident[elf.EI_VERSION] = 1
	var out bytes.Buffer
	for _, part := range []any{
		header,
		elf.Prog64{Type: uint32(elf.PT_LOAD), Vaddr: 0x1000, Filesz: size, Memsz: size},
		elf.Prog64{Type: uint32(elf.PT_DYNAMIC), Off: at, Vaddr: 0x1000 + at, Filesz: size - at, Memsz: size - at},
		[]byte(names),
		dynamic,
	} {
		if err := binary.Write(&out, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}
