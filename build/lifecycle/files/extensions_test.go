package files

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/detect"
)

// TestExtensions writes extensions beside buildpacks, one of which has the same id, and
// reads them again.
func TestExtensions(t *testing.T) {
	plan := detect.Plan{
		Group:      []detect.Choice{{Descriptor: buildpacks.Descriptor{ID: "a", Version: "1", Dialect: buildpacks.CNB, API: "0.10"}}},
		Extensions: []detect.Choice{{Descriptor: buildpacks.Descriptor{ID: "a", Version: "2", Dialect: buildpacks.CNB, API: "0.9", Homepage: "h", Extension: true}}},
		Entries: []detect.Entry{
			{Name: "both", Providers: []string{"a"}, Extensions: []string{"a"}, Requires: []buildpacks.Requirement{{Name: "both"}}},
			{Name: "one", Extensions: []string{"a"}, Requires: []buildpacks.Requirement{{Name: "one"}}},
		},
	}
	same(t, "group", `[[group]]
  id = "a"
  version = "1"
  api = "0.10"

[[group-extensions]]
  id = "a"
  version = "2"
  api = "0.9"
  homepage = "h"
`, text(t, NewGroup(plan)))
	same(t, "plan", `[[entries]]

  [[entries.providers]]
    id = "a"
    version = "2"
    extension = true

  [[entries.providers]]
    id = "a"
    version = "1"

  [[entries.requires]]
    name = "both"

[[entries]]

  [[entries.providers]]
    id = "a"
    version = "2"
    extension = true

  [[entries.requires]]
    name = "one"
`, text(t, NewPlan(plan)))
	if diff := cmp.Diff(plan, Resolved(NewGroup(plan), NewPlan(plan))); diff != "" {
		t.Errorf("plan (-written +read):\n%s", diff)
	}
}
