package configure_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"
)

func testDatabase(t *testing.T, _ spec.G, it spec.S) {
	it("has a file for each package as distroless images have", func() {
		f := newFixture(t)
		f.add("zlib1g", map[string]string{"/usr/share/doc/zlib1g/copyright": ""}, "Description: compression", " with a long text")
		f.add("empty", nil)
		f.apply()
		for name, want := range map[string]string{
			"zlib1g":         "Package: zlib1g\nVersion: 1.0\nArchitecture: amd64\nDescription: compression\n with a long text\n",
			"zlib1g.md5sums": "d41d8cd98f00b204e9800998ecf8427e  usr/share/doc/zlib1g/copyright\n",
			"empty":          "Package: empty\nVersion: 1.0\nArchitecture: amd64\n",
			"empty.md5sums":  "",
		} {
			if diff := cmp.Diff(want, f.text("/var/lib/dpkg/status.d/"+name)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		if _, err := os.Stat(filepath.Join(f.dir, "var/lib/dpkg/status")); err == nil {
			t.Error("expected packages to be listed once")
		}
	})

	it("has dpkg's own database, and only that, where dpkg is", func() {
		f := newFixture(t)
		f.add("libz", map[string]string{"/usr/lib/libz.so": ""}, "Multi-Arch: same")
		f.add("dpkg", nil, "Essential: yes")
		f.apply()
		for name, want := range map[string]string{
			"status": "Package: dpkg\nStatus: install ok installed\nVersion: 1.0\nArchitecture: amd64\nEssential: yes\n\n" +
				"Package: libz\nStatus: install ok installed\nVersion: 1.0\nArchitecture: amd64\nMulti-Arch: same\n\n",
			"info/format":             "1\n",
			"info/libz:amd64.list":    "/.\n/usr\n/usr/lib\n/usr/lib/libz.so\n",
			"info/libz:amd64.md5sums": "d41d8cd98f00b204e9800998ecf8427e  usr/lib/libz.so\n",
			"info/dpkg.list":          "/.\n",
		} {
			if diff := cmp.Diff(want, f.text("/var/lib/dpkg/"+name)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		if _, err := os.Stat(filepath.Join(f.dir, "var/lib/dpkg/status.d")); err == nil {
			t.Error("expected packages to be listed once")
		}
	})

	it("refuses names that are no names of files, and packages that are there twice", func() {
		f := newFixture(t)
		f.add("good", nil)
		f.request.Packages[0].Package = "../../../etc/cron.d/evil"
		f.refuse("../../../etc/cron.d/evil")
		f = newFixture(t)
		f.add("twin", nil)
		f.add("twin", nil)
		f.refuse("twin", "twice")
	})
}
