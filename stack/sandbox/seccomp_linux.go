package sandbox

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ioctlCall is the number of ioctl(2) in one of the calling conventions that a
// machine understands.
type ioctlCall struct{ arch, number uint32 }

// x32 marks system calls of the x32 convention.
const x32 = 0x40000000

// ioctlCalls are all ways to call ioctl on a machine, those of 32-bit programs
// included.
func ioctlCalls(goarch string) []ioctlCall {
	switch goarch {
	case "amd64":
		return []ioctlCall{
			{unix.AUDIT_ARCH_X86_64, 16}, {unix.AUDIT_ARCH_X86_64, x32 | 514}, {unix.AUDIT_ARCH_X86_64, x32 | 16},
			{unix.AUDIT_ARCH_I386, 54},
		}
	case "arm64":
		return []ioctlCall{{unix.AUDIT_ARCH_AARCH64, 29}, {unix.AUDIT_ARCH_ARM, 54}}
	case "386":
		return []ioctlCall{{unix.AUDIT_ARCH_I386, 54}}
	case "arm":
		return []ioctlCall{{unix.AUDIT_ARCH_ARM, 54}}
	case "riscv64":
		return []ioctlCall{{unix.AUDIT_ARCH_RISCV64, 29}}
	case "loong64":
		return []ioctlCall{{unix.AUDIT_ARCH_LOONGARCH64, 29}}
	case "ppc64le":
		return []ioctlCall{{unix.AUDIT_ARCH_PPC64LE, 54}}
	case "s390x":
		return []ioctlCall{{unix.AUDIT_ARCH_S390X, 54}, {unix.AUDIT_ARCH_S390, 54}}
	}
	return nil
}

// Offsets of fields of struct seccomp_data (seccomp(2)).
const (
	dataNumber = 0
	dataArch   = 4
	dataArg1   = 24
)

// protectTerminal keeps a process that shares the caller's terminal from
// typing on it, which would make commands for the caller's shell: kernels
// allow it that are older than 6.2 or have dev.tty.legacy_tiocsti set.
func protectTerminal() error {
	calls := ioctlCalls(runtime.GOARCH)
	if len(calls) == 0 {
		return fmt.Errorf("no filter is known for %s: %w", runtime.GOARCH, unix.ENOTSUP)
	}
	program := terminalFilter(calls, littleEndian())
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall6(unix.SYS_PRCTL, unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER,
		uintptr(unsafe.Pointer(&filter)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// terminalFilter is the program that refuses TIOCSTI and TIOCLINUX.
func terminalFilter(calls []ioctlCall, little bool) []unix.SockFilter {
	request := uint32(dataArg1)
	if !little {
		request += 4
	}
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	equal := func(value uint32, yes, no int) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: value, Jt: uint8(yes), Jf: uint8(no)}
	}
	end := func(verdict uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: verdict}
	}
	var program []unix.SockFilter
	for i, call := range calls {
		// From the end of a rule to the check of the request: the rules that
		// follow, of four instructions each, and the verdict below.
		check := 4*(len(calls)-1-i) + 1
		program = append(program,
			load(dataArch), equal(call.arch, 0, 2),
			load(dataNumber), equal(call.number, check, 0))
	}
	return append(program,
		end(unix.SECCOMP_RET_ALLOW),
		load(request),
		equal(unix.TIOCSTI, 1, 0),
		equal(unix.TIOCLINUX, 0, 1),
		end(unix.SECCOMP_RET_ERRNO|uint32(unix.EPERM)),
		end(unix.SECCOMP_RET_ALLOW))
}

func littleEndian() bool {
	one := uint16(1)
	return *(*byte)(unsafe.Pointer(&one)) == 1
}
