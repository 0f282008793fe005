package repository_test

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/stack/debian/repository"
)

func TestAptSources(t *testing.T) {
	const keyring = "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
	for name, test := range map[string]struct {
		files map[string]string
		want  repository.Sources
	}{
		"nothing": {},
		"one line each": {
			files: map[string]string{"sources.list": "# deb http://commented.test/debian trixie main\n" +
				"deb-src http://source.test/debian trixie main\n" +
				"deb [ arch=amd64 signed-by=/k.gpg ] http://mirror.test/debian/ trixie main contrib # with more\n" +
				"deb http://security.test/debian-security trixie-security main\n"},
			want: repository.Sources{Debian: "http://mirror.test/debian", Security: "http://security.test/debian-security"},
		},
		"stanzas": {
			files: map[string]string{"sources.list.d/debian.sources": "Types: deb deb-src\n# a comment\nURIs: http://mirror.test/debian\n" +
				"Suites: trixie\n trixie-updates\nComponents: main\n" + keyring +
				"\nTypes: deb\nURIs: https://mirror.test/debian-security https://other.test/x\nSuites: trixie-security\nComponents: main\n"},
			want: repository.Sources{Debian: "http://mirror.test/debian", Security: "https://mirror.test/debian-security"},
		},
		"disabled ones and sources alone": {
			files: map[string]string{"sources.list.d/a.sources": "Types: deb\nURIs: http://off.test/debian\nSuites: trixie\nComponents: main\nEnabled: no\n" +
				"\nTypes: deb-src\nURIs: http://src.test/debian\nSuites: trixie\nComponents: main\n"},
		},
		"one base for both": {
			files: map[string]string{"sources.list": "deb http://mirror.test/all bookworm-backports main\ndeb http://mirror.test/all stable/updates main\n"},
			want:  repository.Sources{Debian: "http://mirror.test/all", Security: "http://mirror.test/all"},
		},
		"others that sound like Debian": {
			files: map[string]string{
				"sources.list.d/a-docker.list":    "deb https://docker.test/linux/debian trixie stable\n",
				"sources.list.d/b-browser.list":   "deb [arch=amd64] https://browser.test/deb/ stable main\n",
				"sources.list.d/c-pgdg.list":      "deb https://pgdg.test/pub/repos/apt trixie-pgdg main\n",
				"sources.list.d/d-mirror.list":    "deb http://plain.test/debian trixie main\n",
				"sources.list.d/e-debian.sources": "Types: deb\nURIs: http://signed.test/x\nSuites: trixie\nComponents: main\n" + keyring,
				"sources.list.d/f-off.sources~":   "Types: deb\nURIs: http://backup.test/debian\nSuites: trixie\nComponents: main\n" + keyring,
			},
			want: repository.Sources{Debian: "http://signed.test/x"},
		},
		"Ubuntu": {
			files: map[string]string{"sources.list": "deb http://ubuntu.test/ubuntu noble main\ndeb http://ubuntu.test/ubuntu noble-security main\n"},
		},
		"what cannot be fetched": {
			files: map[string]string{"sources.list": "deb cdrom:[Debian]/ trixie main\ndeb mirror+file:/etc/mirrors trixie main\n" +
				"deb trixie main\ndeb http://[bad trixie main\ndeb file:///srv/debian trixie main\n"},
			want: repository.Sources{Debian: "file:///srv/debian"},
		},
		"a snapshot": {
			files: map[string]string{"sources.list": "deb https://snap.test/debian/@SNAPSHOTID@/ trixie main\n"},
			want:  repository.Sources{Debian: "https://snap.test/debian/@SNAPSHOTID@"},
		},
		"credentials": {
			files: map[string]string{
				"sources.list": "deb https://mirror.test/debian trixie main\ndeb http://mirror.test/debian-security trixie-security main\n",
				"auth.conf": "# for everybody\nmachine other.test login o password p\n" +
					"machine mirror.test/elsewhere login no password no\nmachine mirror.test login me password s/cret\n",
			},
			want: repository.Sources{Debian: "https://me:s%2Fcret@mirror.test/debian", Security: "http://mirror.test/debian-security"},
		},
		"credentials of parts": {
			files: map[string]string{
				"sources.list":          "deb https://own:pass@mirror.test/debian trixie main\ndeb http://mirror.test:81/debian-security trixie-security main\n",
				"auth.conf.d/some.conf": "machine http://mirror.test:81/debian-security\nlogin me\npassword secret\nmachine mirror.test login no password no\n",
			},
			want: repository.Sources{Debian: "https://own:pass@mirror.test/debian", Security: "http://me:secret@mirror.test:81/debian-security"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{}
			for name, text := range test.files {
				files["etc/apt/"+name] = &fstest.MapFile{Data: []byte(text)}
			}
			got, err := repository.AptSources(files)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBase(t *testing.T) {
	for name, test := range map[string]struct {
		sources repository.Sources
		archive string
		want    string
		// err are words of the error.
		err []string
	}{
		"plain":        {repository.Sources{Debian: "https://m.test/debian/"}, "debian", "https://m.test/debian", nil},
		"on disk":      {repository.Sources{Security: "file:///srv/security"}, "debian-security", "file:///srv/security", nil},
		"snapshot":     {repository.Sources{Debian: "https://m.test/@SNAPSHOTID@/debian", Snapshot: "20260701T000000Z"}, "debian", "https://m.test/20260701T000000Z/debian", nil},
		"none":         {repository.Sources{}, "debian", "", []string{"--mirror", "SLUGC_DEBIAN_MIRROR"}},
		"no security":  {repository.Sources{Debian: "https://m.test"}, "debian-security", "", []string{"--security-mirror", "SLUGC_DEBIAN_SECURITY_MIRROR"}},
		"unknown":      {repository.Sources{}, "ubuntu", "", []string{`"ubuntu"`, "debian-security"}},
		"scheme":       {repository.Sources{Debian: "ftp://m.test/debian"}, "debian", "", []string{"expected http://HOST/PATH", "--mirror"}},
		"no URL":       {repository.Sources{Debian: "http://me:se cret@[m.test"}, "debian", "", []string{"cannot be read", "--mirror"}},
		"no place":     {repository.Sources{Debian: "https://m.test", Snapshot: "20260701T000000Z"}, "debian", "", []string{"20260701T000000Z", "@SNAPSHOTID@", "--mirror"}},
		"no snapshot":  {repository.Sources{Debian: "https://m.test/@SNAPSHOTID@"}, "debian", "", []string{"--snapshot"}},
		"bad snapshot": {repository.Sources{Debian: "https://m.test/@SNAPSHOTID@", Snapshot: "../x"}, "debian", "", []string{`"../x"`, "--snapshot 20260701T000000Z"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := test.sources.Base(test.archive)
			if len(test.err) > 0 {
				says(t, err, test.err...)
			} else if err != nil {
				t.Fatal(err)
			}
			equal(t, got, test.want)
		})
	}
}
