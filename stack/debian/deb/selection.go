package deb

import (
	"path"
	"strings"

	"github.com/slugc/slugc/stack"
)

// Selection returns the Keep of a variant: what one of its patterns excludes
// and none keeps is left out. A pattern that path.Match does not understand is
// the path that it spells.
func Selection(v stack.Variant) func(path string) bool {
	exclude, keep := patterns(v.Exclude), patterns(v.Keep)
	return func(path string) bool { return !matchAny(exclude, path) || matchAny(keep, path) }
}

// pattern is a pattern of path.Match.
type pattern struct {
	text string
	// plain is set when it stands for itself.
	plain bool
	// names is the number of names in the path of a directory, with which all
	// below is meant; 0 for others.
	names int
}

func patterns(texts []string) []pattern {
	all := make([]pattern, 0, len(texts))
	for _, text := range texts {
		p := pattern{text: text}
		if dir, below := strings.CutSuffix(text, "/"); below {
			p.text, p.names = dir, strings.Count(dir, "/")
		}
		_, err := path.Match(p.text, "")
		p.plain = err != nil || !strings.ContainsAny(p.text, `*?[\`)
		all = append(all, p)
	}
	return all
}

func matchAny(all []pattern, name string) bool {
	for _, p := range all {
		if p.match(name) {
			return true
		}
	}
	return false
}

func (p pattern) match(name string) bool {
	if p.names > 0 {
		name = first(name, p.names)
	}
	if p.plain {
		return name == p.text
	}
	matched, err := path.Match(p.text, name)
	return err == nil && matched
}

// first returns the beginning of an absolute path with so many names.
func first(name string, names int) string {
	for i := 1; i < len(name); i++ {
		if name[i] != '/' {
			continue
		}
		if names--; names == 0 {
			return name[:i]
		}
	}
	return name
}
