package repository

import (
	"fmt"
	"iter"
	"strings"

	"github.com/slugc/slugc/stack/debian/control"
	"github.com/slugc/slugc/stack/debian/resolve"
)

// Index is what the packages of some suites are, for one architecture. A
// stanza is read when its package is asked for. It can be used by several
// goroutines.
type Index struct {
	arch     string
	releases []Release
	tables   []*table
}

// Index is what dependencies are resolved in.
var (
	_ resolve.Universe = (*Index)(nil)
	_ resolve.Lister   = (*Index)(nil)
)

// Releases are what the indexes of the suites say of themselves, in the order
// in which the suites were asked for.
func (x *Index) Releases() []Release { return x.releases }

// Names walks over the names of all packages, in no order; one that is in
// several suites comes several times.
func (x *Index) Names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, t := range x.tables {
			for name := range t.named {
				if !yield(name) {
					return
				}
			}
		}
	}
}

// Named returns the packages of a name: all versions in all suites.
func (x *Index) Named(name string) ([]resolve.Candidate, error) {
	return x.find(func(t *table) chain { return t.named[name] })
}

// Providing returns the packages that provide a virtual package.
func (x *Index) Providing(name string) ([]resolve.Candidate, error) {
	return x.find(func(t *table) chain { return t.providing[name] })
}

func (x *Index) find(start func(t *table) chain) ([]resolve.Candidate, error) {
	var found []resolve.Candidate
	for _, t := range x.tables {
		for stanza := range t.walk(start(t)) {
			if arch := stanza.Get("Architecture"); arch != x.arch && arch != "all" {
				continue
			}
			c, err := resolve.ParseCandidate(stanza, t.archive, x.arch)
			if err != nil {
				return nil, refuse(fmt.Errorf("reading the packages of %s: %w", t.suite, err))
			}
			found = append(found, c)
		}
	}
	return found, nil
}

// table finds stanzas in a Packages file.
type table struct {
	archive, suite string
	links          []link
	// named and providing are chains by the name of a package and of a
	// virtual package.
	named, providing map[string]chain
}

// chain is the last stanza of those that belong together: one more than its
// place among the links, 0 for none.
type chain int32

// link is a stanza in a chain.
type link struct {
	stanza control.Paragraph
	before chain
}

// tabulate makes the table of a Packages file, which it keeps.
func tabulate(data []byte, archive, suite string) *table {
	// A stanza has a thousand bytes, a bit more or less.
	guess := len(data)/900 + 16
	t := &table{
		archive:   archive,
		suite:     suite,
		links:     make([]link, 0, guess+guess/4),
		named:     make(map[string]chain, guess),
		providing: make(map[string]chain, guess/4),
	}
	for stanza := range control.Paragraphs(data) {
		t.add(t.named, stanza.Get("Package"), stanza)
		provides := stanza.Get("Provides")
		for provides != "" {
			var member string
			member, provides, _ = strings.Cut(provides, ",")
			member = strings.TrimSpace(member)
			if end := strings.IndexAny(member, " \t\n(:["); end >= 0 {
				member = member[:end]
			}
			t.add(t.providing, member, stanza)
		}
	}
	return t
}

func (t *table) add(to map[string]chain, name string, stanza control.Paragraph) {
	t.links = append(t.links, link{stanza: stanza, before: to[name]})
	to[name] = chain(len(t.links))
}

// walk goes along a chain, from its end.
func (t *table) walk(c chain) iter.Seq[control.Paragraph] {
	return func(yield func(control.Paragraph) bool) {
		for c > 0 && yield(t.links[c-1].stanza) {
			c = t.links[c-1].before
		}
	}
}
