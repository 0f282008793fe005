package version

import (
	"fmt"
	"strings"
)

// Stacks are the release lines of a language in the distributions that stacks are of,
// each of which has one. The oldest is first.
type Stacks []struct {
	// Distro is the distribution, such as "debian 13", and Stack the stack of slugc's
	// that is of it.
	Distro string `toml:"distro"`
	Stack  string `toml:"stack"`
	Line   string `toml:"line"`
	// Lacks are parts of the language that it does not have.
	Lacks []string `toml:"lacks"`
}

// On is the line of a distribution, "" for one that is not known.
func (s Stacks) On(distro string) string {
	for _, stack := range s {
		if stack.Distro == distro {
			return stack.Line
		}
	}
	return ""
}

// Here is the line of a distribution, the newest one where it is not known.
func (s Stacks) Here(distro string) string {
	if line := s.On(distro); line != "" {
		return line
	}
	return s[len(s)-1].Line
}

// Say names the stacks with their lines of a language: "slugc-13 has PHP 8.4".
func (s Stacks) Say(language string) string {
	all := make([]string, len(s))
	for i, stack := range s {
		all[i] = fmt.Sprintf("%s has %s %s", stack.Stack, language, stack.Line)
	}
	return strings.Join(all, ", ")
}
