package configure

import (
	_ "embed"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/slugc/slugc/stack/debian/control"
)

//go:embed alternatives.toml
var alternativesTable string

// alternative is what one package offers for a link that several could have,
// see update-alternatives(1).
type alternative struct {
	Name     string              `toml:"name"`
	Link     string              `toml:"link"`
	Package  string              `toml:"package"`
	Target   string              `toml:"target"`
	Priority int                 `toml:"priority"`
	Slaves   map[string][]string `toml:"slaves"`
}

// knownAlternatives reads the table.
func knownAlternatives() ([]alternative, error) {
	var table struct {
		Alternatives []alternative `toml:"alternative"`
	}
	meta, err := toml.Decode(alternativesTable, &table)
	if err != nil {
		return nil, fmt.Errorf("reading the table of alternatives: %w", err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("reading the table of alternatives: unknown key %s", unknown[0])
	}
	for _, a := range table.Alternatives {
		for name, pair := range a.Slaves {
			if len(pair) != 2 {
				return nil, fmt.Errorf("reading the table of alternatives: %s of %s: expected a link and a target", name, a.Name)
			}
		}
	}
	return table.Alternatives, nil
}

// alternatives makes the links of the packages that are there, and the files
// from which update-alternatives(1) goes on later.
func (s system) alternatives() error {
	known, err := knownAlternatives()
	if err != nil {
		return err
	}
	offers := map[string][]alternative{}
	for _, a := range known {
		if !s.packages[a.Package] {
			continue
		}
		offer, found, err := s.offer(a)
		if err != nil {
			return err
		}
		if found {
			offers[a.Name] = append(offers[a.Name], offer)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(offers)) {
		if err := s.choose(name, offers[name]); err != nil {
			return fmt.Errorf("the alternative %s: %w", name, err)
		}
	}
	return nil
}

// offer is what a package really offers in this root: with versions in place of
// the *, without slaves that are not there. It is not found when its target is
// missing.
func (s system) offer(a alternative) (alternative, bool, error) {
	version := ""
	if dir, pattern := path.Split(a.Target); strings.Contains(pattern, "*") {
		entries, err := s.list(dir)
		if err != nil {
			return a, false, err
		}
		version = highest(entries, pattern)
		if version == "" {
			return a, false, nil
		}
	}
	expand := func(target string) string { return strings.Replace(target, "*", version, 1) }
	a.Target = expand(a.Target)
	if found, err := s.exists(a.Target); err != nil || !found {
		return a, false, err
	}
	slaves := map[string][]string{}
	for name, pair := range a.Slaves {
		target := expand(pair[1])
		found, err := s.exists(target)
		if err != nil {
			return a, false, err
		}
		if found {
			slaves[name] = []string{pair[0], target}
		}
	}
	a.Slaves = slaves
	return a, true, nil
}

// highest is the highest version that stands for the * of a pattern in the
// names of a directory.
func highest(entries []fs.DirEntry, pattern string) string {
	before, after, _ := strings.Cut(pattern, "*")
	best := ""
	for _, e := range entries {
		version, found := strings.CutPrefix(e.Name(), before)
		if !found || !strings.HasSuffix(version, after) {
			continue
		}
		version = strings.TrimSuffix(version, after)
		if version != "" && (best == "" || control.Compare(version, best) > 0) {
			best = version
		}
	}
	return best
}

// choose makes the links of the offer with the highest priority.
func (s system) choose(name string, offers []alternative) error {
	slices.SortStableFunc(offers, func(a, b alternative) int { return strings.Compare(a.Target, b.Target) })
	best := offers[0]
	for _, o := range offers[1:] {
		if o.Priority > best.Priority {
			best = o
		}
	}
	links := map[string][]string{name: {best.Link, best.Target}}
	maps.Copy(links, best.Slaves)
	for name, pair := range links {
		if err := s.link(pair[0], "/etc/alternatives/"+name); err != nil {
			return err
		}
		if err := s.link("etc/alternatives/"+name, pair[1]); err != nil {
			return err
		}
	}
	return s.write(dpkgDir+"/alternatives/"+name, []byte(administration(best.Link, offers)), 0o644)
}

// administration is the file in which update-alternatives(1) remembers a link:
// its mode, the link, the slaves as name and link, an empty line; then for each
// offer the target, the priority and the target of each slave; at last an empty
// line.
func administration(link string, offers []alternative) string {
	slaves := map[string]string{}
	for _, o := range offers {
		for name, pair := range o.Slaves {
			slaves[name] = pair[0]
		}
	}
	names := slices.Sorted(maps.Keys(slaves))
	lines := []string{"auto", link}
	for _, name := range names {
		lines = append(lines, name, slaves[name])
	}
	lines = append(lines, "")
	for _, o := range offers {
		lines = append(lines, o.Target, strconv.Itoa(o.Priority))
		for _, name := range names {
			target := ""
			if pair := o.Slaves[name]; pair != nil {
				target = pair[1]
			}
			lines = append(lines, target)
		}
	}
	return strings.Join(append(lines, ""), "\n") + "\n"
}
