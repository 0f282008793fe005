package sandbox

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

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
