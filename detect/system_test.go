package detect_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/detect"
)

func TestSystem(t *testing.T) {
	group := func(ids ...string) (g buildpacks.Group) {
		for _, id := range ids {
			g = append(g, buildpacks.Member{ID: id, Version: "1"})
		}
		return g
	}
	for _, test := range []struct {
		name   string
		system detect.System
		group  buildpacks.Group
		want   buildpacks.Group
	}{
		{"none", detect.System{}, group("a", "b"), group("a", "b")},
		{"both", detect.System{Pre: group("p", "q"), Post: group("r", "s")}, group("a"), group("p", "q", "a", "r", "s")},
		{"what the group has itself stays where it is", detect.System{Pre: group("p", "a"), Post: group("b", "r")}, group("a", "b"), group("p", "a", "b", "r")},
		{"another version counts as well", detect.System{Pre: group("a")}, buildpacks.Group{{ID: "a", Version: "2"}}, buildpacks.Group{{ID: "a", Version: "2"}}},
		// Of the two that are left in the group the first counts; see Detect.
		{"one before and behind", detect.System{Pre: group("p"), Post: group("p")}, group("a"), group("p", "a", "p")},
		{"optional", detect.System{Pre: buildpacks.Group{{ID: "p", Optional: true}}}, group("a"), buildpacks.Group{{ID: "p", Optional: true}, {ID: "a", Version: "1"}}},
		{"an empty group", detect.System{Pre: group("p")}, nil, group("p")},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, test.system.Around(test.group)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
