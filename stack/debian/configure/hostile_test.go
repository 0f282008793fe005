package configure_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sclevine/spec"
)

func testHostile(t *testing.T, _ spec.G, it spec.S) {
	// outside is a directory that links of packages try to reach.
	outside := func(t *testing.T, f *fixture) (dir string, untouched func()) {
		dir = t.TempDir()
		secret := filepath.Join(dir, "passwd")
		if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir, func() {
			t.Helper()
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(secret)
			if err != nil || string(content) != "secret" || len(entries) != 1 {
				t.Errorf("something outside of %s was changed: %q, %v", f.dir, content, entries)
			}
		}
	}

	it("replaces links in place of files that it writes", func() {
		f := system(t)
		dir, untouched := outside(t, f)
		f.put("/etc/passwd", "-> "+dir+"/passwd")
		f.put("/etc/group", "-> ../../../../../../.."+dir+"/passwd")
		f.put("/etc/ld.so.cache", "-> /etc/profile")
		f.apply()
		untouched()
		if got := f.text("/etc/passwd"); !strings.HasPrefix(got, "root:") {
			t.Errorf("got %q, expected a file of accounts", got)
		}
		if got := f.text("/etc/profile"); got != "# system profile\n" {
			t.Errorf("got %q, expected what the link pointed to as it was", got)
		}
	})

	it("stays inside with directories that are links", func() {
		f := system(t)
		dir, untouched := outside(t, f)
		f.put("/etc/alternatives", "-> "+dir)
		f.put("/var/lib/dpkg", "-> ../../../../../../../../../.."+dir)
		f.put("/etc/ssl", "-> /no/such/place")
		f.put("/usr/share/ca-certificates/a.crt", certificateOf(t, 1, isrg()))
		f.apply()
		untouched()
		if got := f.text(filepath.Join(dir, "awk")); got != "-> /usr/bin/mawk" {
			t.Errorf("got %q, expected the link below the root", got)
		}
		if got := f.text("/no/such/place/certs/4042bcee.0"); got != "-> a.pem" {
			t.Errorf("got %q, expected the directory that the link names", got)
		}
	})

	it("reads nothing outside", func() {
		f := system(t)
		dir, untouched := outside(t, f)
		f.put("/etc/ld.so.conf", "-> "+dir+"/passwd")
		if err := os.Remove(filepath.Join(f.dir, "usr/share/base-passwd/passwd.master")); err != nil {
			t.Fatal(err)
		}
		f.put("/usr/share/base-passwd/passwd.master", "-> "+dir+"/passwd")
		f.apply()
		untouched()
		if got := f.text("/etc/passwd"); strings.Contains(got, "secret") {
			t.Errorf("got %q, expected nothing from outside", got)
		}
	})

	it("refuses links that lead in a circle", func() {
		f := system(t)
		f.put("/etc/ld.so.conf", "-> ld.so.conf")
		f.refuse("too many symbolic links", "ld.so.conf")
	})

	it("does not wait for a FIFO in place of a file", func() {
		f := system(t)
		place := filepath.Join(f.dir, "usr/share/readline/inputrc")
		if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(place, 0o644); err != nil {
			t.Fatal(err)
		}
		f.refuse("usr/share/readline/inputrc", "regular file")
	})

	it("says so when a directory is where a file belongs", func() {
		f := system(t)
		f.put("/etc/passwd/file", "")
		f.refuse("/etc/passwd", "found a directory")
	})
}
