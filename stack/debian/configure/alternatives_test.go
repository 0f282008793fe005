package configure_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"
)

func testAlternatives(t *testing.T, _ spec.G, it spec.S) {
	it("links what a package offers, and remembers it", func() {
		f := system(t)
		f.apply()
		for name, want := range map[string]string{
			"/usr/bin/awk": "-> /etc/alternatives/awk", "/etc/alternatives/awk": "-> /usr/bin/mawk",
			"/usr/bin/nawk": "-> /etc/alternatives/nawk", "/etc/alternatives/nawk": "-> /usr/bin/mawk",
			"/usr/bin/which": "-> /etc/alternatives/which", "/usr/bin/cc": "",
			"/var/lib/dpkg/alternatives/awk": "auto\n/usr/bin/awk\nnawk\n/usr/bin/nawk\n\n" +
				"/usr/bin/mawk\n5\n/usr/bin/mawk\n\n",
			"/var/lib/dpkg/alternatives/which": "auto\n/usr/bin/which\n\n/usr/bin/which.debianutils\n0\n\n",
		} {
			if diff := cmp.Diff(want, f.text(name)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	})

	it("takes the offer with the highest priority", func() {
		f := system(t)
		f.add("gawk", map[string]string{"/usr/bin/gawk": ""})
		f.apply()
		if got := f.text("/etc/alternatives/awk"); got != "-> /usr/bin/gawk" {
			t.Errorf("got %q, expected gawk", got)
		}
		want := "auto\n/usr/bin/awk\nnawk\n/usr/bin/nawk\n\n/usr/bin/gawk\n10\n/usr/bin/gawk\n/usr/bin/mawk\n5\n/usr/bin/mawk\n\n"
		if diff := cmp.Diff(want, f.text("/var/lib/dpkg/alternatives/awk")); diff != "" {
			t.Error(diff)
		}
	})

	it("finds the version that is there, and writes through the link of merged /usr", func() {
		f := system(t)
		f.add("automake", map[string]string{
			"/usr/bin/automake-1.9": "", "/usr/bin/automake-1.17": "", "/usr/bin/aclocal-1.17": "",
		})
		f.add("cpp", map[string]string{"/usr/bin/cpp": "-> cpp-14"})
		f.put("/usr/bin/cpp-14", "")
		f.apply()
		for name, want := range map[string]string{
			"/etc/alternatives/automake": "-> /usr/bin/automake-1.17",
			"/etc/alternatives/aclocal":  "-> /usr/bin/aclocal-1.17",
			"/usr/lib/cpp":               "-> /etc/alternatives/cpp",
		} {
			if got := f.text(name); got != want {
				t.Errorf("%s: got %q, expected %q", name, got, want)
			}
		}
	})

	it("leaves out what was not unpacked", func() {
		f := newFixture(t)
		f.add("mawk", nil)
		f.apply()
		if got := f.text("/usr/bin/awk"); got != "" {
			t.Errorf("got %q, expected no link that leads nowhere", got)
		}
	})
}
