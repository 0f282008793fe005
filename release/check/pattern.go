package check

import (
	"regexp"
	"sync"
)

// pattern is a regular expression that is compiled when it is first needed: most
// commands of a program need none of them.
type pattern struct{ compiled func() *regexp.Regexp }

func re(text string) *pattern {
	return &pattern{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })}
}

func (p *pattern) in(s string) bool          { return p.compiled().MatchString(s) }
func (p *pattern) find(s string) string      { return p.compiled().FindString(s) }
func (p *pattern) groups(s string) []string  { return p.compiled().FindStringSubmatch(s) }
func (p *pattern) all(s string) [][]string   { return p.compiled().FindAllStringSubmatch(s, -1) }
func (p *pattern) cut(s, with string) string { return p.compiled().ReplaceAllString(s, with) }
