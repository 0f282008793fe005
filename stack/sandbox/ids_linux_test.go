package sandbox

import (
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
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
