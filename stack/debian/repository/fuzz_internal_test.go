package repository

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func TestArchiveKeyring(t *testing.T) {
	keys, err := Repository{}.keys()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, key := range keys {
		for name := range key.Identities {
			names = append(names, name)
		}
	}
	for _, want := range []string{"(12/bookworm)", "(13/trixie)"} {
		if !strings.Contains(strings.Join(names, "\n"), want) {
			t.Errorf("no key of %s is in it: %v", want, names)
		}
	}
}

func FuzzVerify(f *testing.F) {
	for _, text := range []string{
		"",
		beginMessage,
		beginMessage + "\nHash: SHA256\n\n" + beginSignature + "\n\n-----END PGP SIGNATURE-----\n",
		beginMessage + "\n\n\n" + beginSignature + "\n\niQ==\n-----END PGP SIGNATURE-----\n",
		beginMessage + "\r\nHash: SHA512\r\n\r\nSuite: stable\r\n- -x\r\n" + beginSignature + "\r\n\r\nwsBz\r\n=AAAA\r\n-----END PGP SIGNATURE-----\r\n",
		beginMessage + "\n\nSuite: stable\n",
	} {
		f.Add([]byte(text))
	}
	keys, err := Repository{}.keys()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if text, err := verify(data, keys, time.Unix(0, 0)); err == nil {
			t.Errorf("%q is signed by Debian", text)
		}
	})
}

func FuzzRelease(f *testing.F) {
	sum := strings.Repeat("a", 64)
	for _, text := range []string{
		"",
		"Suite: stable\nDate: Sat, 12 Sep 2026 07:55:41 UTC\nSHA256:\n " + sum + " 12 main/binary-amd64/Packages\n " + sum + " 1 main/binary-amd64/Packages.xz\n",
		"Date: Sat, 12 Sep 2026 07:55:41 +0000\nAcquire-By-Hash: yes\nArchitectures: all amd64\nSHA256: x\n",
		"Date: Sat, 12 Sep 2026 07:55:41 UTC\nSHA256:\n " + sum + " -1 ../x/Packages\n\nA: b\n",
		"Date: Sat, 12 Sep 2026 07:55:41 CEST\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseRelease(data)
		if err != nil {
			return
		}
		for path, want := range r.files {
			if !fs.ValidPath(path) || want.size < 0 || len(want.sha256) != 64 {
				t.Errorf("accepted %q, %+v", path, want)
			}
		}
		lists, err := r.lists([]string{"main"}, "amd64")
		if err != nil {
			return
		}
		for _, l := range lists {
			for _, path := range r.addresses(l) {
				if !fs.ValidPath(path) {
					t.Errorf("would fetch %q", path)
				}
			}
		}
	})
}

func FuzzTable(f *testing.F) {
	f.Add([]byte("Package: a\nProvides: b, c (= 1),\n d:any\n\nPackage: a\nProvides:,,\n"), "a")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		x := &Index{arch: "amd64", tables: []*table{tabulate(data, Debian, "trixie")}}
		if _, err := x.Named(name); err != nil {
			return
		}
		for listed := range x.Names() {
			if found, err := x.Named(listed); err == nil && len(found) > len(data) {
				t.Errorf("%q is there %d times", listed, len(found))
			}
		}
	})
}

func FuzzAptSources(f *testing.F) {
	f.Add("deb [a=b] http://u:p@m.test/debian trixie main", "Types: deb\nURIs: http://m.test/debian\nSuites: trixie\nComponents: main\n", "machine m.test login a password b")
	f.Add("deb [ http://m.test trixie main\ndeb ]", "Types:\n deb\nURIs:\n# x\n http://[\nEnabled", "machine machine login")
	f.Fuzz(func(t *testing.T, line, stanza, auth string) {
		sources, err := AptSources(fstest.MapFS{
			"etc/apt/sources.list":             {Data: []byte(line)},
			"etc/apt/sources.list.d/a.sources": {Data: []byte(stanza)},
			"etc/apt/auth.conf":                {Data: []byte(auth)},
		})
		if err != nil {
			t.Fatal(err)
		}
		sources.Snapshot = ""
		for _, address := range []string{sources.Debian, sources.Security} {
			if address == "" || strings.Contains(address, snapshotID) {
				continue
			}
			if _, err := parseBase(address); err != nil {
				t.Errorf("found %q: %v", address, err)
			}
		}
	})
}
