package resolve_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/stack/debian/control"
	"github.com/slugc/slugc/stack/debian/resolve"
)

func TestResolve(t *testing.T) { spec.Run(t, "resolve", testResolve) }

// published is an archive of packages as "name version; Field: value; ...". A
// version may have an architecture, "1_all".
func published(t testing.TB, packages ...string) archive {
	t.Helper()
	a := newArchive("amd64")
	for _, text := range packages {
		head, fields, _ := strings.Cut(text, ";")
		name, version, _ := strings.Cut(head, " ")
		version, arch, found := strings.Cut(version, "_")
		if !found {
			arch = "amd64"
		}
		stanza := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\nFilename: pool/%s.deb\nSize: 1\nSHA256: %064d\n",
			name, version, arch, name, 0)
		for field := range strings.SplitSeq(fields, ";") {
			if field != "" {
				stanza += strings.TrimSpace(field) + "\n"
			}
		}
		a.add(t, "debian", []byte(stanza))
	}
	return a
}

// A name that very many packages provide takes no longer than they are many.
func TestManyProviders(t *testing.T) {
	var packages []string
	for i := range 40_000 {
		packages = append(packages, fmt.Sprintf("p%d 1; Provides: x", i))
	}
	u := published(t, packages...)
	start := time.Now()
	got, err := resolve.Resolve(u, resolve.Request{Arch: "amd64", Wanted: []string{"x"}})
	if err != nil || len(got) != 1 || got[0].Name != "p0" {
		t.Errorf("selected %v, %v", got, err)
	}
	// Were each compared with each, it would be ten times as much.
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
}

// Long: it is one table; a row is one archive, with what is selected of it.
func testResolve(t *testing.T, _ spec.G, it spec.S) {
	for _, c := range []struct {
		name     string
		packages []string
		wanted   []string
		omit     []string
		base     []string
		// want are "name version" of what is selected, or a part of the error
		// per line.
		want  string
		fails string
	}{
		{
			name: "follows Pre-Depends and Depends, and no Recommends",
			packages: []string{
				"app 1; Pre-Depends: a; Depends: b (>= 1); Recommends: c; Suggests: d", "a 1; Depends: e", "b 1", "c 1", "d 1", "e 1",
			},
			wanted: []string{"app"}, want: "a 1, app 1, b 1, e 1",
		},
		{
			name:     "adds no Essential package unasked",
			packages: []string{"app 1", "bash 1; Essential: yes"},
			wanted:   []string{"app"}, want: "app 1",
		},
		{
			name:     "takes the highest version",
			packages: []string{"a 1.9", "a 1.10", "a 1.10~rc1"},
			wanted:   []string{"a"}, want: "a 1.10",
		},
		{
			name:     "takes another version when a relation asks for it",
			packages: []string{"a 1", "a 2", "a 3"},
			wanted:   []string{"a (<< 3)"}, want: "a 2",
		},
		{
			name:     "takes a version that all relations agree on, whichever comes first",
			packages: []string{"app 1; Depends: b, a", "b 1; Depends: c", "c 1; Depends: a (<< 3), a (>= 1)", "a 1", "a 2", "a 3; Depends: x", "x 1"},
			wanted:   []string{"app", "a"}, want: "a 2, app 1, b 1, c 1",
		},
		{
			name:     "takes no lower version because the highest one cannot be installed",
			packages: []string{"a 1", "a 2; Depends: missing"},
			wanted:   []string{"a"}, fails: "a 2 needs missing, the archive has no missing",
		},
		{
			name:     "takes packages of the architecture and of none",
			packages: []string{"a 2_arm64", "a 1", "b 1_all", "c 1_all", "c 1"},
			wanted:   []string{"a", "b", "c"}, want: "a 1, b 1, c 1",
		},
		{
			name:     "takes the first alternative that can be satisfied",
			packages: []string{"app 1; Depends: missing | broken | a | b", "broken 1; Depends: missing", "a 1", "b 1"},
			wanted:   []string{"app"}, want: "a 1, app 1",
		},
		{
			name:     "takes an alternative that is wanted",
			packages: []string{"app 1; Depends: a | b", "a 1", "b 1"},
			wanted:   []string{"app", "b"}, want: "app 1, b 1",
		},
		{
			name:     "takes an alternative that something else needs",
			packages: []string{"app 1; Depends: a | b, z", "a 1", "b 1", "z 1; Depends: y", "y 1; Depends: b"},
			wanted:   []string{"app"}, want: "app 1, b 1, y 1, z 1",
		},
		{
			name:     "takes an alternative that is there",
			packages: []string{"app 1; Depends: a | b", "a 1", "b 1"},
			wanted:   []string{"app"}, base: []string{"b 1"}, want: "app 1",
		},
		{
			name:     "knows cycles",
			packages: []string{"a 1; Depends: b", "b 1; Depends: c, a", "c 1; Depends: a, b, c"},
			wanted:   []string{"c"}, want: "a 1, b 1, c 1",
		},
		{
			name:     "takes a package before those that provide its name",
			packages: []string{"app 1; Depends: mta", "alpha 1; Provides: mta", "mta 1"},
			wanted:   []string{"app"}, want: "app 1, mta 1",
		},
		{
			name:     "takes a provider that is wanted",
			packages: []string{"app 1; Depends: mta", "mta 1", "zeta 1; Provides: mta"},
			wanted:   []string{"app", "zeta"}, want: "app 1, zeta 1",
		},
		{
			name: "takes the provider that is Essential, or has the higher priority, or the first name",
			packages: []string{
				"app 1; Depends: v1, v2, v3", "a 1; Provides: v1; Priority: required", "z 1; Provides: v1; Essential: yes",
				"b 1; Provides: v2; Priority: optional", "y 1; Provides: v2; Priority: required",
				"d 1; Provides: v3; Priority: optional", "c 1; Provides: v3; Priority: optional", "e 1; Provides: v3; Priority: extra",
			},
			wanted: []string{"app"}, want: "app 1, c 1, y 1, z 1",
		},
		{
			name:     "satisfies a version with a versioned provider alone",
			packages: []string{"app 1; Depends: v (>= 2)", "a 9; Provides: v", "b 9; Provides: v (= 1)", "c 1; Provides: v (= 2)"},
			wanted:   []string{"app"}, want: "app 1, c 1",
		},
		{
			name:     "says that no provider has the version",
			packages: []string{"app 1; Depends: v (>= 2)", "a 9; Provides: v"},
			wanted:   []string{"app"}, fails: "app 1 needs v (>= 2), the archive has no v, and no package that provides it in that version",
		},
		{
			name:     "counts a provider in its highest version",
			packages: []string{"app 1; Depends: v", "a 1; Provides: v", "a 2", "b 1; Provides: v"},
			wanted:   []string{"app"}, want: "app 1, b 1",
		},
		{
			name:     "satisfies :any with Multi-Arch: allowed",
			packages: []string{"app 1; Depends: python3:any, libc6:amd64, make:native", "python3 1; Multi-Arch: allowed", "libc6 1", "make 1_all"},
			wanted:   []string{"app"}, want: "app 1, libc6 1, make 1, python3 1",
		},
		{
			name:     "satisfies :any with nothing else",
			packages: []string{"app 1; Depends: perl:any", "perl 1; Multi-Arch: foreign"},
			wanted:   []string{"app"}, fails: "app 1 needs perl:any, the archive has no perl:any",
		},
		{
			name:     "has nothing of another architecture",
			packages: []string{"app 1; Depends: libc6:arm64", "libc6 1"},
			wanted:   []string{"app"}, fails: "app 1 needs libc6:arm64, the archive has no libc6:arm64",
		},
		{
			name:     "leaves out what is to be omitted, and what it provides",
			packages: []string{"app 1; Depends: debconf (>= 0.5) | debconf-2.0, awk, dpkg (>= 9)", "debconf 1; Depends: perl", "perl 1", "mawk 1; Provides: awk", "dpkg 1"},
			wanted:   []string{"app"}, omit: []string{"debconf", "mawk", "dpkg"}, want: "app 1",
		},
		{
			name:     "leaves nothing out that is wanted",
			packages: []string{"app 1; Depends: dpkg", "dpkg 1"},
			wanted:   []string{"app", "dpkg"}, omit: []string{"dpkg"}, want: "app 1, dpkg 1",
		},
		{
			name:     "goes to the next alternative where packages conflict",
			packages: []string{"app 1; Depends: a | b, c", "a 1; Depends: x", "x 1; Conflicts: c", "b 1", "c 1"},
			wanted:   []string{"app"}, want: "app 1, b 1, c 1",
		},
		{
			name:     "goes to the next alternative where a later one breaks",
			packages: []string{"app 1; Depends: a | b, c | d", "a 1", "b 1", "c 1; Breaks: v", "a 2; Provides: v", "d 1; Depends: missing"},
			wanted:   []string{"app"}, want: "app 1, b 1, c 1",
		},
		{
			name:     "lets packages conflict with what they provide themselves",
			packages: []string{"exim 1; Provides: mta; Conflicts: mta", "mawk 1; Breaks: awk (<< 2); Provides: awk"},
			wanted:   []string{"exim", "mawk"}, want: "exim 1, mawk 1",
		},
		{
			name:     "lets packages conflict with other versions",
			packages: []string{"a 1; Breaks: b (<< 2), v (<< 9)", "b 2; Provides: v"},
			wanted:   []string{"a", "b"}, want: "a 1, b 2",
		},
		{
			name:     "says which packages conflict and why both are needed",
			packages: []string{"one 1; Depends: a", "two 1; Depends: b", "a 1; Provides: mta; Conflicts: mta", "b 1; Provides: mta; Conflicts: mta"},
			wanted:   []string{"one", "two"},
			fails: "there are no packages that satisfy each other:\n  two is wanted\n" +
				"  two 1 needs b, b 1 conflicts with mta, which a 1 provides, and a 1 is selected, because\n  one is wanted\n  one 1 needs a",
		},
		{
			name:     "says what a package that is selected breaks",
			packages: []string{"one 1; Breaks: two (<< 2)", "two 1"},
			wanted:   []string{"one", "two"},
			fails:    "two is wanted, one 1 breaks two (<< 2), and one 1 is selected, because\n  one is wanted",
		},
		{
			name:     "prints the chain to what is missing",
			packages: []string{"python3-app 1; Depends: python3-foo", "python3-foo 3; Depends: libbar (>= 2)", "libbar 1.4"},
			wanted:   []string{"python3-app"},
			fails: "there are no packages that satisfy each other:\n  python3-app is wanted\n" +
				"  python3-app 1 needs python3-foo\n  python3-foo 3 needs libbar (>= 2), the archive has libbar 1.4",
		},
		{
			name:     "says which versions contradict each other",
			packages: []string{"one 1; Depends: a (= 1)", "two 1; Depends: a (= 2)", "a 1", "a 2"},
			wanted:   []string{"one", "two"}, fails: "two 1 needs a (= 2), a 1 is selected, because\n  one is wanted\n  one 1 needs a (= 1)",
		},
		{
			name:     "says why each alternative is none",
			packages: []string{"app 1; Depends: a (>= 2) | b", "a 1", "a 1.5"},
			wanted:   []string{"app"}, fails: "app 1 needs a (>= 2) | b, the archive has a 1.5, 1 and the archive has no b",
		},
		{
			name:     "says that a version that is wanted is not there",
			packages: []string{"a 1"},
			wanted:   []string{"a (>= 2)"}, fails: "a (>= 2) is wanted, the archive has a 1",
		},
		{
			name:     "does not select what a base has",
			packages: []string{"app 1; Depends: libc6 (>= 2), zlib", "libc6 2; Depends: libgcc", "libc6 3", "libgcc 1", "zlib 1; Depends: libc6"},
			wanted:   []string{"app", "libc6"}, base: []string{"libc6 2"}, want: "app 1, zlib 1",
		},
		{
			name:     "says that a base's package cannot be replaced",
			packages: []string{"libfoo-dev 1; Depends: libc6-dev", "libc6-dev 3; Depends: libc6 (= 3)", "libc6 3"},
			wanted:   []string{"libfoo-dev"}, base: []string{"libc6 2"},
			fails: "libc6-dev 3 needs libc6 (= 3), the base has libc6 2, which cannot be replaced",
		},
		{
			name:     "knows what a base provides, in a version that the archive has no longer too",
			packages: []string{"app 1; Depends: perlapi, awk", "perl-base 3; Provides: perlapi", "mawk 1; Provides: awk", "gawk 1; Essential: yes; Provides: awk"},
			wanted:   []string{"app"}, base: []string{"perl-base 2", "mawk 1"}, want: "app 1",
		},
		{
			name:     "does not break a base",
			packages: []string{"app 1; Breaks: base-files (<< 2)", "base-files 1"},
			wanted:   []string{"app"}, base: []string{"base-files 1"},
			fails: "app is wanted, app 1 breaks base-files (<< 2), and the base has base-files 1, which cannot be replaced",
		},
		{
			name:     "knows a base's package that the archive has no longer",
			packages: []string{"app 1; Depends: old (>= 1)"},
			wanted:   []string{"app"}, base: []string{"old 1"}, want: "app 1",
		},
		{
			name:     "offers names that are like an unknown one",
			packages: []string{"openjdk-17-jdk 1", "openjdk-17-jre 1", "openjdk-25-jdk 1", "bash 1", "gcc-17-jdk 1"},
			wanted:   []string{"openjdk-21-jdk"},
			fails:    "the archive has no package openjdk-21-jdk for amd64; the nearest are openjdk-25-jdk, openjdk-17-jdk, openjdk-17-jre",
		},
		{
			name:     "offers nothing that is far off",
			packages: []string{"bash 1"}, wanted: []string{"zsh"}, fails: "the archive has no package zsh for amd64",
		},
		{
			name:     "refuses what is no relation",
			packages: []string{"bash 1"}, wanted: []string{"bash (5)"}, fails: "reading the packages that are wanted",
		},
	} {
		it(c.name, func() {
			request := resolve.Request{Arch: "amd64", Wanted: c.wanted, Omit: c.omit}
			for _, text := range c.base {
				name, version, _ := strings.Cut(text, " ")
				request.Installed = append(request.Installed, control.Package{Name: name, Version: version, Architecture: "amd64"})
			}
			packages, err := resolve.Resolve(published(t, c.packages...), request)
			if c.fails != "" {
				if err == nil {
					t.Fatalf("selected %s", names(packages, true))
				}
				if !strings.Contains(err.Error(), c.fails) {
					t.Errorf("the error is\n%s\nexpected\n%s", err, c.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, names(packages, true)); diff != "" {
				t.Error(diff)
			}
		})
	}

	it("fails when the index does", func() {
		cause := errors.New("the disk is gone")
		if _, err := resolve.Resolve(broken{cause}, resolve.Request{Arch: "amd64", Wanted: []string{"bash"}}); !errors.Is(err, cause) {
			t.Errorf("got %v", err)
		}
	})

	it("ends soon where everything contradicts", func() {
		// Forty choices of which the last can never be made.
		packages := []string{"doom 1; Depends: never | ever", "never 1; Conflicts: app", "ever 1; Conflicts: app"}
		depends := "app 1; Depends: doom"
		for i := range 40 {
			depends += fmt.Sprintf(", a%d | b%d", i, i)
			packages = append(packages, fmt.Sprintf("a%d 1", i), fmt.Sprintf("b%d 1", i))
		}
		packages = append(packages, depends+", z | y", "z 1; Depends: missing", "y 1; Depends: missing")
		var unsatisfiable *resolve.UnsatisfiableError
		_, err := resolve.Resolve(published(t, packages...), resolve.Request{Arch: "amd64", Wanted: []string{"app"}})
		if !errors.As(err, &unsatisfiable) {
			t.Errorf("got %v", err)
		}
	})

	it("ends where each choice contradicts the one before", func() {
		// More pigeons than holes: no choice can be blamed alone.
		var packages []string
		wanted := []string{}
		for pigeon := range 13 {
			var holes []string
			for hole := range 12 {
				holes = append(holes, fmt.Sprintf("p%d-%d", pigeon, hole))
				packages = append(packages, fmt.Sprintf("p%d-%d 1; Provides: hole%d; Conflicts: hole%d", pigeon, hole, hole, hole))
			}
			packages = append(packages, fmt.Sprintf("p%d 1; Depends: %s", pigeon, strings.Join(holes, " | ")))
			wanted = append(wanted, fmt.Sprintf("p%d", pigeon))
		}
		var unsatisfiable *resolve.UnsatisfiableError
		_, err := resolve.Resolve(published(t, packages...), resolve.Request{Arch: "amd64", Wanted: wanted})
		if !errors.As(err, &unsatisfiable) {
			t.Errorf("got %v", err)
		}
	})
}

// broken is an index that cannot be read.
type broken struct{ err error }

func (b broken) Named(string) ([]resolve.Candidate, error)     { return nil, b.err }
func (b broken) Providing(string) ([]resolve.Candidate, error) { return nil, b.err }
