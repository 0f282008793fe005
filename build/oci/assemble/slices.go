package assemble

import (
	"fmt"
	"path"
	"path/filepath"

	"github.com/slugc/slugc/build/pack"
)

// divide splits the entries of an app directory into those of each slice and,
// as the last, the rest (CNB Buildpack API, "launch.toml"; Platform API,
// "Exporter"). A slice takes what its globs match as filepath.Match has it,
// with all below a directory, unless an earlier slice has it. It begins with
// the directories above what it takes. A directory of which slices took
// everything is not in the rest. A slice that takes nothing is empty.
//
// The entries are looked at once, whatever the number of globs; a directory
// comes before what it holds.
func divide(app pack.Index, slices [][]string) ([]pack.Index, error) {
	globs, err := compile(slices)
	if err != nil {
		return nil, err
	}
	d := division{app: app, rest: len(slices), first: make([]int, len(app)), done: make([]int, len(app)), above: make([]int, len(app))}
	if err := d.match(globs); err != nil {
		return nil, err
	}
	d.settle()
	return d.indexes(), nil
}

// glob is a pattern and the number of its slice.
type glob struct {
	pattern string
	slice   int
}

// compile checks the globs and puts them into one list, by slice.
func compile(slices [][]string) ([]glob, error) {
	var globs []glob
	for i, patterns := range slices {
		for _, pattern := range patterns {
			// A pattern is checked to its end even if nothing can match it.
			if _, err := filepath.Match(pattern, ""); err != nil {
				return nil, fmt.Errorf("the app slice %d has the glob %q, expected what Go's filepath.Match takes: %w", i+1, pattern, err)
			}
			globs = append(globs, glob{filepath.Clean(pattern), i})
		}
	}
	return globs, nil
}

// division is an app directory while it is divided.
type division struct {
	app pack.Index
	// rest is the number of the slice of what no glob matches.
	rest int
	// first is the first slice that matches an entry or a directory above it.
	first []int
	// done is the slice after which nothing of an entry is left.
	done []int
	// above is the position of the directory that holds an entry, -1 for the
	// root.
	above []int
}

// match finds the first slice of each entry.
func (d *division) match(globs []glob) error {
	dirs := map[string]int{}
	for i := range d.app {
		e := &d.app[i]
		d.first[i], d.above[i] = d.rest, -1
		if e.Path == "" {
			dirs[""] = i
			continue
		}
		if up, found := dirs[parentOf(e.Path)]; found {
			d.above[i], d.first[i] = up, d.first[up]
		}
		if e.Mode.IsDir() {
			dirs[e.Path] = i
		}
		for _, g := range globs {
			if g.slice >= d.first[i] {
				break
			}
			matched, err := filepath.Match(g.pattern, e.Path)
			if err != nil {
				return fmt.Errorf("the app slice %d: %w", g.slice+1, err)
			}
			if matched {
				d.first[i] = g.slice
			}
		}
	}
	return nil
}

// settle finds the slice after which nothing of an entry is left: for a
// directory that no glob matched the last of those that took from it.
func (d *division) settle() {
	const nothing = -1
	last := make([]int, len(d.app))
	for i := range last {
		last[i] = nothing
	}
	for i := len(d.app) - 1; i >= 0; i-- {
		d.done[i] = d.first[i]
		if last[i] != nothing {
			d.done[i] = min(d.first[i], last[i])
		}
		if up := d.above[i]; up >= 0 {
			last[up] = max(last[up], d.done[i])
		}
	}
}

// indexes are the entries of each slice and of the rest.
func (d *division) indexes() []pack.Index {
	all := make([]pack.Index, d.rest+1)
	for n := range all {
		all[n] = pack.Index{}
	}
	in := make([]bool, len(d.app))
	for n := range d.rest {
		clear(in)
		for i := len(d.app) - 1; i >= 0; i-- {
			in[i] = in[i] || d.first[i] == n && d.done[i] == n
			if up := d.above[i]; in[i] && up >= 0 {
				in[up] = true
			}
		}
		for i, takes := range in {
			if takes {
				all[n] = append(all[n], d.app[i])
			}
		}
	}
	for i := range d.app {
		if d.done[i] == d.rest {
			all[d.rest] = append(all[d.rest], d.app[i])
		}
	}
	return all
}

// parentOf is the directory of an entry, "" for the root.
func parentOf(entry string) string {
	if dir := path.Dir(entry); dir != "." {
		return dir
	}
	return ""
}
