package project_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/project"
)

func TestParseWants(t *testing.T) {
	text := func(s string) *string { return &s }
	for name, c := range map[string]struct {
		text string
		want project.Wants
		err  string
	}{
		"nothing": {`{}`, project.Wants{}, ""},
		"env": {`{"env": {
			"B": "x",
			"A": {"description": "a", "required": false},
			"S": {"generator": "secret"},
			"V": {"value": ""},
			"R": {"description": "r"}}}`, project.Wants{Variables: []project.ConfigVar{
			{Name: "B", Value: text("x"), Required: true}, {Name: "A"}, {Name: "S", Generator: "secret", Required: true},
			{Name: "V", Value: text(""), Required: true}, {Name: "R", Required: true},
		}}, ""},
		"addons":          {`{"addons": ["heroku-postgresql:mini", {"plan": "heroku-redis", "as": "CACHE"}]}`, project.Wants{Addons: []string{"heroku-postgresql:mini", "heroku-redis"}}, ""},
		"a number":        {"{\"env\": {\n\"A\": 3}}", project.Wants{}, `line 2: env.A is a number; expected text: write it in quotes, "3"`},
		"a generator":     {`{"env": {"A": {"generator": "uuid"}}}`, project.Wants{}, `is unknown; expected "secret"`},
		"required":        {`{"env": {"A": {"required": "yes"}}}`, project.Wants{}, "expected true or false"},
		"no list":         {`{"addons": "heroku-redis"}`, project.Wants{}, "expected a list of add-ons"},
		"an empty add-on": {`{"addons": [" "]}`, project.Wants{}, "expected a list of add-ons"},
		"no plan":         {`{"addons": [{}]}`, project.Wants{}, "expected a list of add-ons"},
		"no object":       {`[]`, project.Wants{}, "expected an object"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := project.ParseWants(c.text)
			switch {
			case c.err == "" && err != nil, c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("got %v, want %q", err, c.err)
			case err == nil:
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			}
		})
	}
}

func FuzzParseWants(f *testing.F) {
	f.Add(`{"env": {"A": {"value": "x", "required": true, "generator": "secret"}, "B": "y"}, "addons": ["a", {"plan": "b"}]}`)
	f.Add(`{"env": {"": null}, "addons": [null]}`)
	f.Fuzz(func(t *testing.T, text string) {
		wants, err := project.ParseWants(text)
		if err != nil {
			return
		}
		for _, addon := range wants.Addons {
			if strings.TrimSpace(addon) == "" {
				t.Errorf("an add-on without a name in %q", text)
			}
		}
	})
}
