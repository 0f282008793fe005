package control_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/stack/debian/control"
)

// bash is a stanza as archives publish it.
const bash = `Package: bash
Version: 5.2.37-2+b5
Installed-Size: 7216
Architecture: amd64
Essential: yes
Pre-Depends: libc6 (>= 2.38), libtinfo6 (>= 6)
Depends: base-files (>= 2.1.12), debianutils (>= 5.6-0.1)
Tag: admin::TODO, role::program,
 scope::utility,
	suite::gnu
Filename: pool/main/b/bash/bash_5.2.37-2+b5_amd64.deb
Size: 1497976
SHA256: 5c64a4e3bd3ed4ab4ae8b8a2bbbe4fd0a2dbb5ff43ec5cb0ae5a1c7f2b4f3f0c
`

func first(t *testing.T, text string) control.Paragraph {
	t.Helper()
	for p := range control.Paragraphs([]byte(text)) {
		return p
	}
	t.Fatal("there is no stanza")
	return control.Paragraph{}
}

func TestParagraphs(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"none":                   {"", nil},
		"blank lines alone":      {"\n\n \t\n", nil},
		"one":                    {"A: 1\n", []string{"A: 1\n"}},
		"one without a line end": {"A: 1", []string{"A: 1"}},
		"several blank lines":    {"\n\nA: 1\nB: 2\n\n\nA: 3\n\n", []string{"A: 1\nB: 2\n", "A: 3\n"}},
		"lines of blanks":        {"A: 1\n \t\nA: 2\r\n\r\nA: 3", []string{"A: 1\n", "A: 2\r\n", "A: 3"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for p := range control.Paragraphs([]byte(c.text)) {
				got = append(got, p.Text())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("as many as are asked for", func(t *testing.T) {
		n := 0
		for range control.Paragraphs([]byte("A: 1\n\nA: 2\n\nA: 3\n")) {
			if n++; n == 2 {
				break
			}
		}
		if n != 2 {
			t.Errorf("walked over %d", n)
		}
	})
}

func TestGet(t *testing.T) {
	const text = "Package:  a b \r\nEmpty:\n# a comment\nFolded: one,\n two,\n# another\n\tthree \nFolded: again\n" +
		"Description: short\n long\n .\n  verbatim\nno field\nPackages: not it\n: nameless"
	for field, want := range map[string]string{
		"Package": "a b", "package": "a b", "PACKAGE": "a b", "Empty": "", "Missing": "", "": "", "# a comment": "",
		"Folded":      "one,\ntwo,\nthree",
		"Description": "short\nlong\n.\n verbatim",
		"no field":    "", "Pack": "", "Packages": "not it",
	} {
		if got := first(t, text).Get(field); got != want {
			t.Errorf("%q is %q, expected %q", field, got, want)
		}
	}
}

func TestParsePackage(t *testing.T) {
	want := control.Package{
		Name: "bash", Version: "5.2.37-2+b5", Architecture: "amd64", Archive: "debian",
		Filename: "pool/main/b/bash/bash_5.2.37-2+b5_amd64.deb", Size: 1497976,
		SHA256:        "5c64a4e3bd3ed4ab4ae8b8a2bbbe4fd0a2dbb5ff43ec5cb0ae5a1c7f2b4f3f0c",
		InstalledSize: 7216 * 1024,
	}
	got, err := control.ParsePackage(first(t, bash), "debian")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.String() != "bash_5.2.37-2+b5_amd64" {
		t.Error(got)
	}
}

func TestParsePackageRefuses(t *testing.T) {
	for name, c := range map[string]struct{ old, bad, says string }{
		"no name":                {"Package: bash", "Package:", "name of a package is missing"},
		"a name that is a path":  {"Package: bash", "Package: ../bash", "no name of a package"},
		"a name with a slash":    {"Package: bash", "Package: a/b", "no name of a package"},
		"no version":             {"Version: 5", "Version: ", "the version"},
		"a version that is none": {"Version: 5.2.37-2+b5", "Version: 1/../2", "the version"},
		"no architecture":        {"Architecture: amd64", "Architecture:", "no architecture"},
		"an architecture's path": {"Architecture: amd64", "Architecture: a/b", "no architecture"},
		"no file name":           {"Filename: pool", "Path: pool", "no path below an archive"},
		"an absolute file name":  {"Filename: pool", "Filename: /pool", "no path below an archive"},
		"a file name outside":    {"Filename: pool", "Filename: ../pool", "no path below an archive"},
		"a file name of a query": {"bash_5", "bash?5", "no path below an archive"},
		"no size":                {"Size: 1497976", "Bytes: 1", "Size is"},
		"a size of nothing":      {"Size: 1497976", "Size: 0", "size is 0"},
		"a negative size":        {"Size: 1497976", "Size: -1", "size is -1"},
		"an impossible size":     {"Installed-Size: 7216", "Installed-Size: 9223372036854775807", "Installed-Size is"},
		"half a checksum":        {"SHA256: 5c64", "SHA256: ", "SHA256 is"},
		"a checksum of words":    {"SHA256: 5c64", "SHA256: xyzz", "SHA256 is"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(bash, c.old, c.bad, 1)
			if text == bash {
				t.Fatal("nothing was changed")
			}
			got, err := control.ParsePackage(first(t, text), "debian")
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, %v; expected an error that says %q", got, err, c.says)
			}
		})
	}
}

func TestCompare(t *testing.T) {
	// Each is earlier than the next (Policy 5.6.12, dpkg's own examples).
	order := []string{
		"~~", "~~a", "~", "0", "0.9", "1.0~beta1~svc1", "1.0~beta1", "1.0", "1.0-1", "1.0-1+b1", "1.0-1.1", "1.0-2",
		"1.0-10", "1.0a", "1.0+dfsg", "1.0.1", "1.2", "1.10", "2", "1:0.1", "1:0.2", "2:0",
	}
	for i, a := range order {
		for j, b := range order {
			got := control.Compare(a, b)
			if want := i - j; got < 0 != (want < 0) || got > 0 != (want > 0) {
				t.Errorf("%q beside %q is %d", a, b, got)
			}
		}
	}
	if control.Compare("1.0", "01.00") != 0 || control.Compare("0:1", "1-0") != 0 {
		t.Error("leading zeros, an epoch of 0 or a revision of 0 make a difference")
	}
	if !slices.IsSortedFunc([]string{"", "not a version", "\xff"}, control.Compare) {
		t.Error("what is no version has no order")
	}
}

func TestParseRelations(t *testing.T) {
	type p = control.Possibility
	for text, want := range map[string][][]p{
		"":                                {},
		" \n , ,":                         {},
		"bash":                            {{{Name: "bash"}}},
		"libc6 (>= 2.38), libtinfo6(>=6)": {{{Name: "libc6", Op: ">=", Version: "2.38"}}, {{Name: "libtinfo6", Op: ">=", Version: "6"}}},
		"default-mta | mail-transport-agent,\n exim4": {{{Name: "default-mta"}, {Name: "mail-transport-agent"}}, {{Name: "exim4"}}},
		"python3:any (<< 3.14), python3 (>=\t3.13~)":  {{{Name: "python3", Arch: "any", Op: "<<", Version: "3.14"}}, {{Name: "python3", Op: ">=", Version: "3.13~"}}},
		"libc6:amd64 ( = 1:2.41-12 ), foo:native":     {{{Name: "libc6", Arch: "amd64", Op: "=", Version: "1:2.41-12"}}, {{Name: "foo", Arch: "native"}}},
		"a [amd64 arm64], b [!amd64], c [arm64] | d":  {{{Name: "a"}}, {{Name: "d"}}},
		"a[linux-any], b [any-amd64], c [hurd-any]":   {{{Name: "a"}}, {{Name: "b"}}},
		"a (>> 1) [!i386 !hurd-any] <!nocheck> <b c>": {{{Name: "a", Op: ">>", Version: "1"}}},
		"a (< 1), b (> 2)":                            {{{Name: "a", Op: "<=", Version: "1"}}, {{Name: "b", Op: ">=", Version: "2"}}},
	} {
		t.Run(text, func(t *testing.T) {
			relations, err := control.ParseRelations(text, "amd64")
			if err != nil {
				t.Fatal(err)
			}
			got := [][]p{}
			for _, r := range relations {
				got = append(got, r.Alternatives)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseRelationsRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"a |":                      "name of a package is missing",
		"| a":                      "name of a package is missing",
		"../a":                     "no name of a package",
		"a b":                      `"b" was not expected`,
		"ä":                        "no name of a package",
		"a\x00b":                   "no name of a package",
		"a:":                       "no architecture",
		"a:b:c":                    "no architecture",
		"a (1)":                    "no comparison",
		"a (=> 1)":                 "no comparison",
		"a ()":                     "no comparison",
		"a (>= )":                  "the version",
		"a (>= 1 2)":               "the version",
		"a (>= 1":                  "has no end",
		"a (>= 1) (<< 2)":          "twice",
		"a [amd64] [arm64]":        "twice",
		"a [amd64 !arm64]":         "exclamation mark",
		"a []":                     "no architecture",
		"a [a/b]":                  "no architecture",
		"a <!nocheck":              "has no end",
		"${misc:Depends}":          "no name of a package",
		strings.Repeat("a ", 1000): "...",
	} {
		t.Run(text[:min(len(text), 20)], func(t *testing.T) {
			got, err := control.ParseRelations(text, "amd64")
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("got %v, %v; expected an error that says %q", got, err, says)
			}
			if err != nil && len(err.Error()) > 400 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestAdmits(t *testing.T) {
	for relation, want := range map[string]string{
		"a": "1 2 3", "a (<< 2)": "1", "a (<= 2)": "1 2", "a (= 2)": "2", "a (>= 2)": "2 3", "a (>> 2)": "3",
	} {
		relations, err := control.ParseRelations(relation, "amd64")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, version := range []string{"1", "2", "3"} {
			if relations[0].Alternatives[0].Admits(version) {
				got = append(got, version)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s admits %v, expected %s", relation, got, want)
		}
	}
}

func TestParseProvides(t *testing.T) {
	got, err := control.ParseProvides("awk, libfoo (= 1:1.2-3),\n perlapi-5.40.0")
	if err != nil {
		t.Fatal(err)
	}
	want := []control.Provided{{Name: "awk"}, {Name: "libfoo", Version: "1:1.2-3"}, {Name: "perlapi-5.40.0"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{"a (>= 1)", "a | b", "a [amd64]", "a:any", "a (= )", "(= 1)"} {
		if got, err := control.ParseProvides(text); err == nil {
			t.Errorf("%s is read as %v", text, got)
		}
	}
}

// What is read is written the same, and read again.
func FuzzParseRelations(f *testing.F) {
	for _, text := range []string{
		"bash", "a (>= 1), b | c:any [amd64 arm64] <!nocheck>", "a [!amd64", "a (<< 1:2~3-4)", "a\x00", "a:native (= 1)|", "[<(",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		relations, err := control.ParseRelations(text, "amd64")
		if err != nil {
			return
		}
		var written []string
		for _, r := range relations {
			written = append(written, r.String())
		}
		again, err := control.ParseRelations(strings.Join(written, ", "), "amd64")
		if err != nil {
			t.Fatalf("%q was written as %q: %v", text, written, err)
		}
		if diff := cmp.Diff(relations, again); diff != "" {
			t.Errorf("%q was written as %q and read again:\n%s", text, written, diff)
		}
	})
}

// No line is lost, and no field of a stanza is found in another one.
func FuzzParagraphs(f *testing.F) {
	for _, text := range []string{bash, bash + "\n" + bash, "\n\nA:\n B\n\n", ":", "A", "A:\r\n\r\n", " x\n#\nA:1", "\x00\n\n\x00"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		kept := 0
		for p := range control.Paragraphs(data) {
			kept += letters(p.Text())
			if letters(p.Text()) == 0 {
				t.Error("a stanza is empty")
			}
			if p.Get("A") != p.Get("a") {
				t.Error("the case of letters counts")
			}
			if pkg, err := control.ParsePackage(p, "debian"); err == nil && pkg.Check() != nil {
				t.Errorf("%s was let through: %v", pkg, pkg.Check())
			}
		}
		if want := letters(string(data)); kept != want {
			t.Errorf("the stanzas have %d of %d letters", kept, want)
		}
	})
}

// letters is how many bytes are no blanks.
func letters(text string) int {
	return len(text) - strings.Count(text, " ") - strings.Count(text, "\t") - strings.Count(text, "\r") - strings.Count(text, "\n")
}

// BenchmarkNames is what an index does first: the name of each stanza.
func BenchmarkNames(b *testing.B) {
	data := []byte(strings.Repeat(bash+"\n", 10_000))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		n := 0
		for p := range control.Paragraphs(data) {
			if p.Get("Package") == "bash" {
				n++
			}
		}
		if n != 10_000 {
			b.Fatal(n)
		}
	}
}
