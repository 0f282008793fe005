package buildpacks

import (
	"cmp"
	"slices"
	"strings"
)

// DefaultExecEnv is the execution environment of a build that names none.
const DefaultExecEnv = "production"

// ExecEnvs is a set of execution environments, as a value that can be compared:
// their names, sorted, with commas between. The zero value is all of them
// (CNB Buildpack API 0.12, "Execution Environments").
type ExecEnvs string

// noExecEnv is the set without any.
const noExecEnv ExecEnvs = ","

// NewExecEnvs is the set with those names; without any, or with "*", it is all.
func NewExecEnvs(names []string) ExecEnvs {
	if slices.Contains(names, "*") {
		return ""
	}
	return ExecEnvs(strings.Join(slices.Compact(slices.Sorted(slices.Values(names))), ","))
}

// Has reports whether the environment that is built for, DefaultExecEnv when
// empty, is in the set.
func (e ExecEnvs) Has(env string) bool {
	return e == "" || slices.Contains(e.names(), cmp.Or(env, DefaultExecEnv))
}

// And is the set of those in both sets.
func (e ExecEnvs) And(other ExecEnvs) ExecEnvs {
	switch {
	case e == "":
		return other
	case other == "":
		return e
	}
	both := slices.DeleteFunc(e.names(), func(env string) bool { return !other.Has(env) })
	if len(both) == 0 {
		return noExecEnv
	}
	return NewExecEnvs(both)
}

// None reports whether the set is empty.
func (e ExecEnvs) None() bool { return e == noExecEnv }

// String is the set for people: production or test.
func (e ExecEnvs) String() string {
	switch {
	case e == "":
		return "any"
	case e.None():
		return "none"
	}
	return strings.Join(e.names(), " or ")
}

func (e ExecEnvs) names() []string {
	if e.None() {
		return nil
	}
	return strings.Split(string(e), ",")
}
