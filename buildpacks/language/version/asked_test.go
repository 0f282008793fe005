package version_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/language/version"
)

func TestFirst(t *testing.T) {
	variable := version.Asked{Text: "22", Name: "BP_NODE_VERSION"}
	field := version.Asked{Text: "20.x", Name: "engines.node", File: "package.json"}
	file := version.Asked{Text: "20.x", Name: ".nvmrc"}
	silent := version.Asked{Name: ".node-version"}
	for name, test := range map[string]struct {
		all   []version.Asked
		first string
		over  []version.Asked
	}{
		"none":                     {},
		"nobody asks":              {all: []version.Asked{silent}},
		"one":                      {all: []version.Asked{silent, field}, first: `engines.node "20.x" in package.json`},
		"two that agree":           {all: []version.Asked{field, file}, first: `engines.node "20.x" in package.json`},
		"others that say else":     {all: []version.Asked{variable, field, silent, file}, first: `BP_NODE_VERSION "22"`, over: []version.Asked{field, file}},
		"a file before a variable": {all: []version.Asked{file, variable}, first: `.nvmrc "20.x"`, over: []version.Asked{variable}},
	} {
		t.Run(name, func(t *testing.T) {
			got := version.First(test.all...)
			if got.String() != test.first {
				t.Errorf("got %s", got)
			}
			if diff := cmp.Diff(test.over, got.Passed); diff != "" {
				t.Error(diff)
			}
		})
	}
	if got := field.Source() + ", " + file.Source(); got != "engines.node in package.json, .nvmrc" {
		t.Error(got)
	}
}
