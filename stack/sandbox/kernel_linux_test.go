package sandbox

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestExchange(t *testing.T) {
	for _, test := range []struct {
		name, idMap string
		want        []syscall.SysProcIDMap
	}{
		{
			name: "all ids", idMap: "         0          0 4294967295\n",
			want: []syscall.SysProcIDMap{
				{ContainerID: 0, HostID: 0, Size: 1000},
				{ContainerID: 61000, HostID: 1000, Size: 1},
				{ContainerID: 1001, HostID: 1001, Size: 59999},
				{ContainerID: 1000, HostID: 61000, Size: 1},
				{ContainerID: 61001, HostID: 61001, Size: 2147483647 - 61001},
			},
		},
		{
			name: "a rootless container", idMap: "0 1000 1\n1 100000 65536\n",
			want: []syscall.SysProcIDMap{
				{ContainerID: 0, HostID: 0, Size: 1},
				{ContainerID: 1, HostID: 1, Size: 999},
				{ContainerID: 61000, HostID: 1000, Size: 1},
				{ContainerID: 1001, HostID: 1001, Size: 59999},
				{ContainerID: 1000, HostID: 61000, Size: 1},
				{ContainerID: 61001, HostID: 61001, Size: 4536},
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			extents, err := parseExtents([]byte(test.idMap))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, exchange(extents, 1000, 61000)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := parseExtents([]byte("0 0\n")); err == nil {
		t.Error("a broken map is no error")
	}
}

func TestHint(t *testing.T) {
	sysctl := func(name, value string) fstest.MapFS {
		return fstest.MapFS{"proc/sys/" + name: {Data: []byte(value + "\n")}}
	}
	for _, test := range []struct {
		name    string
		op      string
		err     error
		machine fstest.MapFS
		want    string
	}{
		{"Debian of old", opNamespaces, unix.EPERM, sysctl("kernel/unprivileged_userns_clone", "0"), "sysctl -w kernel.unprivileged_userns_clone=1"},
		{"Ubuntu", "keeping mounts private", unix.EACCES, sysctl("kernel/apparmor_restrict_unprivileged_userns", "1"), "kernel.apparmor_restrict_unprivileged_userns=0"},
		{"no namespaces", opNamespaces, unix.ENOSPC, sysctl("user/max_user_namespaces", "0"), "sysctl -w user.max_user_namespaces="},
		{"no network namespaces", opNamespaces, unix.ENOSPC, sysctl("user/max_net_namespaces", "0"), "sysctl -w user.max_net_namespaces="},
		{"too many namespaces", opNamespaces, unix.ENOSPC, nil, "user.max_user_namespaces"},
		{"Docker", opNamespaces, unix.EPERM, fstest.MapFS{".dockerenv": {}}, "--security-opt seccomp=unconfined"},
		{"Kubernetes", opMountProc, unix.EPERM, fstest.MapFS{"proc/self/status": {Data: []byte("A:\t1\nSeccomp:\t2\n")}}, "procMount Unmasked"},
		{"a covered /proc", opMountProc, unix.EPERM, nil, "findmnt -R /proc"},
		{"a private program", opStartInit, unix.EACCES, nil, "chmod o+x"},
		{"an old kernel", opNamespaces, unix.EINVAL, nil, "CONFIG_USER_NS"},
		{"too deep", opNamespaces, unix.EUSERS, nil, "inside each other"},
		{"too many keys", "making a session keyring", unix.EDQUOT, nil, "kernel.keys.maxkeys"},
		{"anything else", opNamespaces, unix.ENOMEM, nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := hint(&SetupError{Op: test.op, Err: test.err}, test.machine)
			if !strings.Contains(got, test.want) || (test.want == "" && got != "") {
				t.Errorf("the hint is %q, without %q", got, test.want)
			}
		})
	}
}

func TestFault(t *testing.T) {
	sent := &SetupError{Op: "showing /a at", Path: "/b", Err: &syscallError{"mount", unix.EPERM}}
	got := newFault(sent).error()
	if got.Op != sent.Op || got.Path != sent.Path || !errors.Is(got, unix.EPERM) || !strings.Contains(got.Error(), "mount") {
		t.Errorf("it arrived as %v", got)
	}
	if got := newFault(errors.New("strange")).error(); !strings.Contains(got.Error(), "strange") {
		t.Errorf("it arrived as %v", got)
	}
}

type syscallError struct {
	call string
	err  error
}

func (e *syscallError) Error() string { return e.call + ": " + e.err.Error() }
func (e *syscallError) Unwrap() error { return e.err }

func TestMountPoints(t *testing.T) {
	const info = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw - ext4 /dev/vda rw
30 27 0:9 / /a\040b\134c\011 rw shared:1 - tmpfs tmpfs rw
31 27 0:9 / /end\04 rw - tmpfs tmpfs rw
short
`
	got, err := mountPoints(strings.NewReader(info))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/proc", "/", "/a b\\c\t", `/end\04`}, got); diff != "" {
		t.Error(diff)
	}
}

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
