package bridge

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/stack/launch"
)

// profiled is the variable by which the first bridge of a group tells the
// others that it gives processes what .profile.d exports.
const profiled = "SLUGC_CLASSIC_PROFILE"

// variable is the name of a variable as a file of an env directory can be
// called: what stands behind a dot there says what to do with it.
var variable = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`) })

// exported adds what an export made of an environment to the changes of a layer
// (CNB Buildpack API, "Environment Variable Modification Rules").
func exported(changes libcnb.Environment, before, after launch.Env) {
	names := slices.Collect(maps.Keys(after))
	for name := range before {
		if _, still := after[name]; !still {
			names = append(names, name)
		}
	}
	for _, name := range names {
		old, was := before[name]
		value, is := after[name]
		if was && is && old == value || !variable().MatchString(name) {
			continue
		}
		front, back, longer := prolonged(old, value)
		if !longer {
			changes.Override(name, value)
			continue
		}
		if front != "" {
			changes.Prepend(name, listSeparator, front)
		}
		if back != "" {
			changes.Append(name, listSeparator, back)
		}
	}
}

// listSeparator stands between the directories of PATH and its like.
const listSeparator = ":"

// prolonged is what stands before and behind an old list in a new one, if it is
// still there as a whole.
func prolonged(old, value string) (front, back string, is bool) {
	if old == "" {
		return "", "", false
	}
	front, back, is = strings.Cut(listSeparator+value+listSeparator, listSeparator+old+listSeparator)
	return strings.TrimPrefix(front, listSeparator), strings.TrimSuffix(back, listSeparator), is
}
