package configure

import (
	"debug/elf"
	"fmt"
)

// machine is what Debian, the loader and ELF call an architecture.
type machine struct {
	// triplet names the directories of its libraries.
	triplet string
	// elf is the machine of its object files, which are all of 64 bits and
	// little-endian.
	elf elf.Machine
	// flags mark its libraries in the cache of the loader (FLAG_* of glibc's
	// ldconfig.h).
	flags int64
}

// flagLibc6 marks an ELF library for glibc 2 (FLAG_ELF_LIBC6).
const flagLibc6 = 0x0003

// machineOf returns the machine of a GOARCH.
func machineOf(arch string) (machine, error) {
	switch arch {
	case "amd64":
		return machine{triplet: "x86_64-linux-gnu", elf: elf.EM_X86_64, flags: 0x0300 | flagLibc6}, nil
	case "arm64":
		return machine{triplet: "aarch64-linux-gnu", elf: elf.EM_AARCH64, flags: 0x0a00 | flagLibc6}, nil
	}
	return machine{}, fmt.Errorf("there is no root filesystem for %s; expected amd64 or arm64", arch)
}
