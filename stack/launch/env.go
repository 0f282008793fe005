package launch

import (
	"maps"
	"slices"
	"strings"
)

// Env is an environment, by name.
type Env map[string]string

// NewEnv reads NAME=value words; of two with one name the last wins, and a
// word without "=" is none.
func NewEnv(environ []string) Env {
	env := make(Env, len(environ))
	for _, word := range environ {
		if name, value, found := strings.Cut(word, "="); found && name != "" {
			env[name] = value
		}
	}
	return env
}

// Get is the value of a name, empty when it is not set.
func (e Env) Get(name string) string { return e[name] }

// Set gives a name a value.
func (e Env) Set(name, value string) { e[name] = value }

// Clone is a copy that can be changed on its own.
func (e Env) Clone() Env {
	if e == nil {
		return Env{}
	}
	return maps.Clone(e)
}

// List is the environment as NAME=value words, sorted by name.
func (e Env) List() []string {
	words := make([]string, 0, len(e))
	for _, name := range slices.Sorted(maps.Keys(e)) {
		words = append(words, name+"="+e[name])
	}
	return words
}

// largest is the name of the variable that takes most room, empty when there
// is none.
func (e Env) largest() string {
	largest := ""
	for _, name := range slices.Sorted(maps.Keys(e)) {
		if len(e[name]) > len(e[largest]) {
			largest = name
		}
	}
	return largest
}
