package detect_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/detect"
)

// written is an order as the text that order reads.
func written(o buildpacks.Order) string {
	groups := make([]string, len(o))
	for i, g := range o {
		var members []string
		for _, m := range g {
			name := m.ID
			if m.Version != "1" {
				name += "@" + m.Version
			}
			if m.ExecEnvs != "" {
				name += "/" + string(m.ExecEnvs)
			}
			if m.Optional {
				name += "?"
			}
			members = append(members, name)
		}
		groups[i] = strings.Join(members, " ")
	}
	return strings.Join(groups, "; ")
}

// composites reads the order of each.
func composites(orders map[string]string) map[string]buildpacks.Composite {
	all := map[string]buildpacks.Composite{}
	for id, text := range orders {
		c := buildpacks.Composite{Descriptor: buildpacks.Descriptor{ID: id, Version: "1"}, Order: order(text)}
		all[c.String()] = c
	}
	return all
}

func TestExpand(t *testing.T) {
	for _, tt := range []struct {
		name, order string
		composites  map[string]string
		want        string
	}{
		{"nothing", "", nil, ""},
		{"components stay", "a b?; c", nil, "a b?; c"},
		{
			// The matrices of "Order Resolution" in the specification.
			"a composite multiplies the group", "e O f", map[string]string{"O": "a b; c d"},
			"e a b f; e c d f",
		},
		{
			"an optional one may be left out, last", "e O? f", map[string]string{"O": "a b; c d"},
			"e a b f; e c d f; e f",
		},
		{
			"an order may have several groups", "O P; g h", map[string]string{"O": "a b; c d", "P": "e; f"},
			"a b e; a b f; c d e; c d f; g h",
		},
		{
			"composites nest", "O z", map[string]string{"O": "a P?; b", "P": "c; Q", "Q": "d e?"},
			"a c z; a d e? z; a z; b z",
		},
		{"what comes twice counts once", "a O a? b?", map[string]string{"O": "b? a"}, "a b?"},
		{"an optional one does not stand for a required one", "a? O", map[string]string{"O": "a"}, "a? a"},
		{"a composite may come twice", "O b O", map[string]string{"O": "a; c"}, "a b; a b c; c b a; c b"},
		{"a group may be empty", "O; b", map[string]string{"O": "; a"}, "; a; b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var o buildpacks.Order
			if tt.order != "" {
				o = order(tt.order)
			}
			got, err := detect.Expand(o, composites(tt.composites))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, written(got)); diff != "" {
				t.Errorf("order (-expected +got):\n%s", diff)
			}
		})
	}
}

func TestExpandVersions(t *testing.T) {
	all := composites(map[string]string{"O": "a", "P": "b"})
	second := buildpacks.Composite{Descriptor: buildpacks.Descriptor{ID: "P", Version: "2"}, Order: order("c")}
	all[second.String()] = second

	got, err := detect.Expand(buildpacks.Order{{{ID: "O"}, {ID: "P", Version: "2"}, {ID: "P", Version: "3"}}}, all)
	if want := "a c P@3"; err != nil || written(got) != want {
		t.Errorf("%q, %v, expected %q", written(got), err, want)
	}
	all["Q@1"] = buildpacks.Composite{Descriptor: buildpacks.Descriptor{ID: "Q", Version: "1"}, Order: buildpacks.Order{{{ID: "P"}}}}
	for o, want := range map[string]string{
		"P": "the order names buildpack P; expected one of the versions that are there: 1, 2",
		"Q": "the order of buildpack Q@1 names buildpack P; expected one of the versions that are there: 1, 2",
	} {
		var missing *detect.MissingError
		if _, err := detect.Expand(buildpacks.Order{{{ID: o}}}, all); !errors.As(err, &missing) || err.Error() != want {
			t.Errorf("got %v, expected %q", err, want)
		}
	}
}

func TestExpandExecEnvs(t *testing.T) {
	all := composites(map[string]string{"O": "a b"})
	all["O@1"].Order[0][0].ExecEnvs = buildpacks.NewExecEnvs([]string{"test"})
	in := func(envs ...string) buildpacks.Order {
		return buildpacks.Order{{{ID: "O", Version: "1", ExecEnvs: buildpacks.NewExecEnvs(envs)}, {ID: "c", Version: "1"}}}
	}
	for envs, want := range map[string]string{
		"":                "a/test b c",
		"production":      "b/production c",
		"production test": "a/test b/production,test c",
	} {
		got, err := detect.Expand(in(strings.Fields(envs)...), all)
		if err != nil || written(got) != want {
			t.Errorf("%s: %q, %v, expected %q", envs, written(got), err, want)
		}
	}
}

func TestExpandCycle(t *testing.T) {
	for _, tt := range []struct {
		composites map[string]string
		chain      string
	}{
		{map[string]string{"O": "O"}, "O@1 > O@1"},
		{map[string]string{"O": "a; b P?", "P": "c Q", "Q": "d; O"}, "O@1 > P@1 > Q@1 > O@1"},
		{map[string]string{"O": "P", "P": "Q", "Q": "P"}, "P@1 > Q@1 > P@1"},
	} {
		var cycle *detect.CycleError
		_, err := detect.Expand(order("a O b"), composites(tt.composites))
		if !errors.As(err, &cycle) || strings.Join(cycle.Chain, " > ") != tt.chain || !strings.Contains(err.Error(), "contains itself: "+tt.chain) {
			t.Errorf("got %v, expected %s", err, tt.chain)
		}
	}
}

func TestExpandMarked(t *testing.T) {
	flat, optional, err := detect.ExpandMarked(order("a O? P b"), nil, composites(map[string]string{"O": "c; Q", "P": "d", "Q": "e; f"}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("a c d b; a e d b; a f d b; a d b", written(flat)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]bool{true, true, true, false}, optional); diff != "" {
		t.Error(diff)
	}
}
