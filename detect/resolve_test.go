package detect_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/detect"
)

// plan reads "+a" as provides a and "-a" as requires a; alternatives are
// parted by "|".
func plan(text string) []buildpacks.Alternative {
	var all []buildpacks.Alternative
	for alternative := range strings.SplitSeq(text, "|") {
		var a buildpacks.Alternative
		for word := range strings.FieldsSeq(alternative) {
			switch name := word[1:]; word[0] {
			case '+':
				a.Provides = append(a.Provides, name)
			case '-':
				a.Requires = append(a.Requires, buildpacks.Requirement{Name: name})
			}
		}
		all = append(all, a)
	}
	return all
}

// order reads groups parted by ";"; a member that ends in "?" is optional.
func order(text string) buildpacks.Order {
	var o buildpacks.Order
	for group := range strings.SplitSeq(text, ";") {
		var g buildpacks.Group
		for name := range strings.FieldsSeq(group) {
			id, optional := strings.CutSuffix(name, "?")
			g = append(g, buildpacks.Member{ID: id, Version: "1", Optional: optional})
		}
		o = append(o, g)
	}
	return o
}

func TestResolve(t *testing.T) {
	for _, tt := range []struct {
		name    string
		order   string
		passed  map[string]string // id to plan; the others fail
		group   string
		entries []detect.Entry
		reasons []string
	}{
		{
			name: "the first group that passes wins", order: "a; b; c",
			passed: map[string]string{"b": "", "c": ""}, group: "b",
			reasons: []string{"a did not pass"},
		},
		{
			name: "an optional member that fails is left out", order: "a? b",
			passed: map[string]string{"b": ""}, group: "b",
		},
		{
			name: "a group of optional members needs one that passes", order: "a? b?; c",
			passed: map[string]string{"c": ""}, group: "c",
			reasons: []string{"none of its optional buildpacks passed"},
		},
		{
			name: "what is required is provided by the same or an earlier one", order: "a b",
			passed: map[string]string{"a": "+node", "b": "+npm -npm -node"}, group: "a b",
			entries: []detect.Entry{{Name: "node", Providers: []string{"a"}}, {Name: "npm", Providers: []string{"b"}}},
		},
		{
			name: "a later one comes too late", order: "a b",
			passed:  map[string]string{"a": "-node", "b": "+node -node"},
			reasons: []string{"a requires node, which no buildpack before it provides"},
		},
		{
			name: "what nobody requires keeps a group from passing", order: "a",
			passed:  map[string]string{"a": "+node"},
			reasons: []string{"a provides node, which no buildpack requires"},
		},
		{
			name: "an optional member whose provision nobody wants is dropped", order: "a? b",
			passed: map[string]string{"a": "+node", "b": ""}, group: "b",
		},
		{
			name: "dropping one may drop the next", order: "a? b? c",
			passed: map[string]string{"a": "+x -y", "b": "-x", "c": ""}, group: "c",
		},
		{
			name: "alternatives are tried left to right", order: "a b",
			passed: map[string]string{"a": "+node", "b": "-ruby|-node"}, group: "a b",
			entries: []detect.Entry{{Name: "node", Providers: []string{"a"}}},
		},
		{
			name: "an optional member may be dropped at its last alternative only", order: "a? b",
			passed: map[string]string{"a": "-x|+y", "b": ""}, group: "b",
		},
		{
			name: "several provide the same", order: "a b c",
			passed: map[string]string{"a": "+node", "b": "+node", "c": "-node"}, group: "a b c",
			entries: []detect.Entry{{Name: "node", Providers: []string{"a", "b"}}},
		},
		{
			name: "an id counts once in a group", order: "a a",
			passed: map[string]string{"a": ""}, group: "a",
		},
		{name: "no order, no match"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := map[string]buildpacks.Detection{}
			for id, text := range tt.passed {
				found[id+"@1"] = buildpacks.Detection{Verdict: buildpacks.Pass, Plans: plan(text)}
			}
			var o buildpacks.Order
			if tt.order != "" {
				o = order(tt.order)
			}
			r := detect.Resolve(o, found)
			var ids []string
			for _, m := range r.Group {
				ids = append(ids, m.ID)
			}
			if got := strings.Join(ids, " "); got != tt.group || r.Passed != (tt.group != "") {
				t.Errorf("group %q (passed %v), expected %q", got, r.Passed, tt.group)
			}
			ignore := cmpopts.IgnoreFields(detect.Entry{}, "Requires")
			if diff := cmp.Diff(tt.entries, r.Entries, ignore, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("entries (-expected +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.reasons, r.Reasons, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("reasons (-expected +got):\n%s", diff)
			}
		})
	}
}

func TestJobFor(t *testing.T) {
	p := detect.Plan{Entries: []detect.Entry{
		{Name: "node", Providers: []string{"a", "b"}, Requires: []buildpacks.Requirement{{Name: "node"}}},
		{Name: "npm", Providers: []string{"b"}, Requires: []buildpacks.Requirement{{Name: "npm"}}},
	}}
	names := func(reqs []buildpacks.Requirement) (all []string) {
		for _, r := range reqs {
			all = append(all, r.Name)
		}
		return all
	}
	if got := names(p.JobFor("a", nil)); !cmp.Equal(got, []string{"node"}) {
		t.Errorf("a is to meet %v", got)
	}
	if got := names(p.JobFor("b", map[string]bool{"node": true})); !cmp.Equal(got, []string{"npm"}) {
		t.Errorf("b is to meet %v once node is met", got)
	}
	if got := names(p.JobFor("c", nil)); len(got) != 0 {
		t.Errorf("c is to meet %v", got)
	}
}
