package builder_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/build/builder"
)

func TestDescribe(t *testing.T) {
	dir := t.TempDir()
	component("test/one", "name = \"One\"\ndescription = \"Does one\"\nkeywords = [\"k\"]\n[[buildpack.licenses]]\ntype = \"MIT\"\n[[targets]]\nos = \"linux\"\narch = \"amd64\"\n").write(t, filepath.Join(dir, "one"))
	inner := composite("test/inner", []string{"test/one"}, "../one")
	inner["buildpack.toml"] += "optional = true\n"
	inner.write(t, filepath.Join(dir, "inner"))
	composite("test/all", []string{"test/inner", "test/inner", "test/other"}, "../inner").write(t, filepath.Join(dir, "all"))
	p, err := fetcher(t).Fetch(t.Context(), filepath.Join(dir, "all"))
	must(t, err)
	got, err := builder.Describe(t.Context(), p)
	must(t, err)
	want := builder.Contents{
		About: builder.About{ID: "test/all", Version: "1.0.0", API: "0.10", Targets: []string{}, Composite: true, Files: 2},
		Order: []builder.Group{{
			{ID: "test/inner", Version: "1.0.0", Order: []builder.Group{{{ID: "test/one", Version: "1.0.0", Optional: true}}}},
			{ID: "test/inner", Version: "1.0.0", Again: true},
			{ID: "test/other", Version: "1.0.0", Missing: true},
		}},
		Buildpacks: []builder.About{
			{ID: "test/inner", Version: "1.0.0", API: "0.10", Targets: []string{}, Composite: true, Files: 2},
			{
				ID: "test/one", Version: "1.0.0", Name: "One", Description: "Does one", API: "0.10", Targets: []string{"linux/amd64"},
				Keywords: []string{"k"}, Licenses: []builder.License{{Type: "MIT"}}, Files: 3,
			},
		},
	}
	for _, a := range append([]*builder.About{&got.About}, &got.Buildpacks[0], &got.Buildpacks[1]) {
		if a.Size == 0 {
			t.Errorf("%s has no size", a)
		}
		a.Size = 0
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
