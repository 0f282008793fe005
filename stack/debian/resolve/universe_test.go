package resolve_test

import (
	"iter"
	"maps"
	"strings"
	"testing"

	"github.com/slugc/slugc/stack/debian/control"
	"github.com/slugc/slugc/stack/debian/resolve"
)

// archive is a universe of Packages files.
type archive struct {
	arch            string
	named, provided map[string][]listed
}

// listed is a stanza with the archive that has it.
type listed struct {
	control.Paragraph
	archive string
}

func newArchive(arch string) archive {
	return archive{arch: arch, named: map[string][]listed{}, provided: map[string][]listed{}}
}

// add takes the stanzas of a Packages file in.
func (a archive) add(t testing.TB, name string, packages []byte) {
	t.Helper()
	for p := range control.Paragraphs(packages) {
		a.named[p.Get("Package")] = append(a.named[p.Get("Package")], listed{p, name})
		provides, err := control.ParseProvides(p.Get("Provides"))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range provides {
			a.provided[v.Name] = append(a.provided[v.Name], listed{p, name})
		}
	}
}

func (a archive) Named(name string) ([]resolve.Candidate, error) { return a.candidates(a.named[name]) }

func (a archive) Providing(name string) ([]resolve.Candidate, error) {
	return a.candidates(a.provided[name])
}

func (a archive) Names() iter.Seq[string] { return maps.Keys(a.named) }

func (a archive) candidates(those []listed) ([]resolve.Candidate, error) {
	var all []resolve.Candidate
	for _, l := range those {
		c, err := resolve.ParseCandidate(l.Paragraph, l.archive, a.arch)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// names are the packages as "name version", or as "name" with versions left out.
func names(packages []control.Package, versions bool) string {
	var all []string
	for _, p := range packages {
		if versions {
			all = append(all, p.Name+" "+p.Version)
		} else {
			all = append(all, p.Name)
		}
	}
	return strings.Join(all, ", ")
}
