package sandbox

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestTerminalFilter runs the filter for every machine, not only for this one.
func TestTerminalFilter(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64", "386", "arm", "riscv64", "loong64", "ppc64le", "s390x"} {
		calls := ioctlCalls(arch)
		if len(calls) == 0 {
			t.Errorf("%s has no ioctl", arch)
		}
		for _, little := range []bool{true, false} {
			program := terminalFilter(calls, little)
			for _, call := range calls {
				for request, want := range map[uint64]bool{
					unix.TIOCSTI:         false,
					unix.TIOCLINUX:       false,
					unix.TIOCSTI | 1<<32: false,
					unix.TCGETS:          true,
					unix.TIOCGWINSZ:      true,
				} {
					if got := allowed(t, program, call, request, little); got != want {
						t.Errorf("%s: ioctl %#x by call %d: allowed is %v", arch, request, call.number, got)
					}
				}
				other := ioctlCall{call.arch, call.number + 1}
				if !allowed(t, program, other, unix.TIOCSTI, little) {
					t.Errorf("%s: call %d is not ioctl, but not allowed", arch, other.number)
				}
			}
		}
	}
}

// allowed runs a filter as the kernel does.
func allowed(t *testing.T, program []unix.SockFilter, call ioctlCall, request uint64, little bool) bool {
	t.Helper()
	low, high := uint32(request), uint32(request>>32)
	if !little {
		low, high = high, low
	}
	data := map[uint32]uint32{dataNumber: call.number, dataArch: call.arch, dataArg1: low, dataArg1 + 4: high}
	var loaded uint32
	for at := 0; at < len(program); at++ {
		switch in := program[at]; in.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			loaded = data[in.K]
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			if loaded == in.K {
				at += int(in.Jt)
			} else {
				at += int(in.Jf)
			}
		case unix.BPF_RET | unix.BPF_K:
			return in.K == unix.SECCOMP_RET_ALLOW
		default:
			t.Fatalf("there is no instruction %#x", in.Code)
		}
	}
	t.Fatal("the filter has no end")
	return false
}
