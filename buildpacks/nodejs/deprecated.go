package nodejs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/nodejs/lock"
)

// mostDeprecated bounds how many of them are told.
const mostDeprecated = 5

// tellDeprecated warns of packages whose authors advise against them: those that
// the app asks for itself come first.
func (t *moduleTree) tellDeprecated() {
	if t.app.lock == nil {
		return
	}
	found := t.app.lock.Deprecated()
	if len(found) == 0 {
		return
	}
	wants := map[string]bool{}
	for _, dir := range t.installed() {
		for _, w := range t.app.members[dir].needs().Wants() {
			wants[w.Name] = true
		}
	}
	for _, w := range t.app.manifest.needs().Wants() {
		wants[w.Name] = true
	}
	place := func(d lock.Deprecation) int {
		if wants[d.Name] {
			return 0
		}
		return 1
	}
	slices.SortFunc(found, func(a, b lock.Deprecation) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	found = slices.Compact(found)
	lines := []string{"The authors of these packages advise against them:"}
	for _, d := range found[:min(mostDeprecated, len(found))] {
		lines = append(lines, fmt.Sprintf("  %s %s: %s", d.Name, d.Version, d.Reason))
	}
	if more := len(found) - mostDeprecated; more > 0 {
		lines = append(lines, fmt.Sprintf("  and %d more", more))
	}
	t.b.Print.Warn("%s", strings.Join(lines, "\n"))
}
