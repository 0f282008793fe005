package builtin_test

import (
	"slices"
	"testing"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/builtin"
)

// TestAssistants makes sure that each language but Node.js may have help by it,
// before it builds.
func TestAssistants(t *testing.T) {
	without := []string{"slugc/nodejs", "slugc/static", "slugc/deno", "slugc/binary"}
	place := func(group buildpacks.Group, id string) int {
		return slices.IndexFunc(group, func(m buildpacks.Member) bool { return m.ID == id })
	}
	for _, group := range builtin.Order() {
		at := place(group, "slugc/nodejs-assets")
		switch none := slices.ContainsFunc(without, func(id string) bool { return place(group, id) >= 0 }); {
		case none && at >= 0:
			t.Errorf("%v: Node.js helps itself or a web server", group)
		case !none && (at < 0 || !group[at].Optional || at > slices.IndexFunc(group, func(m buildpacks.Member) bool { return !m.Optional })):
			t.Errorf("%v: Node.js does not help before the language builds", group)
		}
	}
	if got := builtin.AssistantOf("slugc/nodejs"); got != "slugc/nodejs-assets" {
		t.Errorf("the assistant of Node.js is %q", got)
	}
	if got := builtin.AssistantOf("slugc/golang"); got != "" {
		t.Errorf("the assistant of Go is %q", got)
	}
}
