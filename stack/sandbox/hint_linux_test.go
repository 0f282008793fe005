package sandbox

import (
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"
)

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
		{"mounts in a root directory", opRoot, unix.EINVAL, nil, "umount it"},
		{"a root directory of somebody's making", opClaim, unix.ENOTEMPTY, nil, "fresh root directory"},
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
