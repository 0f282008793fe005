package resolve_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/stack/debian/control"
	"github.com/slugc/slugc/stack/debian/resolve"
)

const perl = "Package: perl\nVersion: 5.40.1-6\nArchitecture: amd64\nMulti-Arch: allowed\nEssential: yes\nPriority: standard\n" +
	"Pre-Depends: dpkg (>= 1.17.17)\nDepends: perl-base (= 5.40.1-6),\n libc6 [amd64], libc6.1 [alpha]\n" +
	"Conflicts: libjson-pp-perl (<< 2.27200-2)\nBreaks: perl-doc (<< 5.40.1-1)\nProvides: libjson-pp-perl (= 4.16), perl-openssl-abi-3\n" +
	"Filename: pool/main/p/perl/perl_5.40.1-6_amd64.deb\nSize: 267000\n" +
	"SHA256: 5c64a4e3bd3ed4ab4ae8b8a2bbbe4fd0a2dbb5ff43ec5cb0ae5a1c7f2b4f3f0c\n"

func candidate(text string) (resolve.Candidate, error) {
	for p := range control.Paragraphs([]byte(text)) {
		return resolve.ParseCandidate(p, "debian", "amd64")
	}
	return resolve.Candidate{}, nil
}

func TestParseCandidate(t *testing.T) {
	relation := func(name, op, version string) control.Relation {
		return control.Relation{Alternatives: []control.Possibility{{Name: name, Op: op, Version: version}}}
	}
	want := resolve.Candidate{
		Package: control.Package{
			Name: "perl", Version: "5.40.1-6", Architecture: "amd64", Archive: "debian", Size: 267000,
			Filename: "pool/main/p/perl/perl_5.40.1-6_amd64.deb",
			SHA256:   "5c64a4e3bd3ed4ab4ae8b8a2bbbe4fd0a2dbb5ff43ec5cb0ae5a1c7f2b4f3f0c",
		},
		PreDepends: []control.Relation{relation("dpkg", ">=", "1.17.17")},
		Depends:    []control.Relation{relation("perl-base", "=", "5.40.1-6"), relation("libc6", "", "")},
		Conflicts:  []control.Relation{relation("libjson-pp-perl", "<<", "2.27200-2")},
		Breaks:     []control.Relation{relation("perl-doc", "<<", "5.40.1-1")},
		Provides:   []control.Provided{{Name: "libjson-pp-perl", Version: "4.16"}, {Name: "perl-openssl-abi-3"}},
		MultiArch:  "allowed", Essential: true, Priority: "standard",
	}
	got, err := candidate(perl)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseCandidateNamesWhatIsWrong(t *testing.T) {
	for bad, says := range map[string]string{
		strings.Replace(perl, "(>= 1.17.17)", "(>= )", 1): "reading Pre-Depends of perl_5.40.1-6_amd64",
		strings.Replace(perl, "(= 4.16)", "(>= 4)", 1):    "reading Provides of perl_5.40.1-6_amd64",
		strings.Replace(perl, "Size: ", "Length: ", 1):    "reading the stanza of perl: Size",
	} {
		if got, err := candidate(bad); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, %v; expected an error that says %q", got, err, says)
		}
	}
}
