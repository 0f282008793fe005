package assemble_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/assemble"
	"github.com/slugc/slugc/build/oci/ocitest"
	"github.com/slugc/slugc/build/pack"
)

// sliced is a recipe for an app with slices.
func sliced(t *testing.T, files []string, globs ...[]string) assemble.Recipe {
	t.Helper()
	dir := t.TempDir()
	r := ocitest.Recipe(t, dir)
	r.Tree.App.Host = t.TempDir()
	content := map[string]string{}
	for _, file := range files {
		content[file] = file
	}
	ocitest.Write(t, r.Tree.App.Host, content)
	index, err := pack.Walk(t.Context(), r.Tree.App.Host, pack.WalkOptions{})
	must(t, err)
	r.AppIndex, r.Tree.Slices = index.ByPath(), globs
	return r
}

// appLayers are the entries of the app layers, without those above the app.
func appLayers(t *testing.T, image oci.Image) [][]string {
	t.Helper()
	var all [][]string
	for _, segment := range image.Segments {
		if segment.Name != oci.AppPart && !strings.HasPrefix(segment.Name, oci.AppPart+" slice ") {
			continue
		}
		names := []string{}
		for _, h := range entries(t, layerOf(t, image, segment.Name)) {
			names = append(names, strings.TrimPrefix(h.Name, "/app"))
		}
		all = append(all, names)
	}
	return all
}

func TestSlices(t *testing.T) {
	files := []string{"a.js", "b.txt", "lib/x.js", "lib/deep/y.js", "lib-2/z.js", "public/i.html", "public/css/c.css", "void/"}
	rest := func(without ...string) []string {
		all := []string{"", "/a.js", "/b.txt", "/lib", "/lib-2", "/lib-2/z.js", "/lib/deep", "/lib/deep/y.js", "/lib/x.js",
			"/public", "/public/css", "/public/css/c.css", "/public/i.html", "/void"}
		return slices.DeleteFunc(all, func(name string) bool { return slices.Contains(without, name) })
	}
	for _, test := range []struct {
		what  string
		files []string
		globs [][]string
		want  [][]string
	}{
		{"no slice", files, nil, [][]string{rest()}},
		{"files", files, [][]string{{"*.js"}}, [][]string{{"", "/a.js"}, rest("/a.js")}},
		{"no more than one level", files, [][]string{{"*/*.js"}}, [][]string{
			{"", "/lib", "/lib-2", "/lib-2/z.js", "/lib/x.js"}, rest("/lib-2", "/lib-2/z.js", "/lib/x.js"),
		}},
		{"a directory with all below it", files, [][]string{{"public"}}, [][]string{
			{"", "/public", "/public/css", "/public/css/c.css", "/public/i.html"},
			rest("/public", "/public/css", "/public/css/c.css", "/public/i.html"),
		}},
		{"the first slice that matches", files, [][]string{{"lib/deep"}, {"lib", "lib/*/*"}}, [][]string{
			{"", "/lib", "/lib/deep", "/lib/deep/y.js"}, {"", "/lib", "/lib/x.js"}, rest("/lib", "/lib/deep", "/lib/deep/y.js", "/lib/x.js"),
		}},
		{"directories that are used up", files, [][]string{{"public/css/*"}, {"public/*"}, {"public"}}, [][]string{
			{"", "/public", "/public/css", "/public/css/c.css"}, {"", "/public", "/public/i.html"}, {},
			rest("/public", "/public/css", "/public/css/c.css", "/public/i.html"),
		}},
		{"an empty directory", files, [][]string{{"void"}, {"void/*"}}, [][]string{{"", "/void"}, {}, rest("/void")}},
		{"nothing", files, [][]string{{"nope", "/a.js", "../*", ""}, nil}, [][]string{{}, {}, rest()}},
		{"everything", files, [][]string{{"*"}}, [][]string{rest(), {}}},
		{"unclean globs", files, [][]string{{"./lib//deep/", "public/../a.js"}}, [][]string{
			{"", "/a.js", "/lib", "/lib/deep", "/lib/deep/y.js"}, rest("/a.js", "/lib/deep", "/lib/deep/y.js"),
		}},
		{"an empty app", nil, [][]string{{"*"}}, [][]string{{}, {""}}},
	} {
		t.Run(test.what, func(t *testing.T) {
			image := ocitest.Make(t, sliced(t, test.files, test.globs...))
			ocitest.Valid(t, image)
			if diff := cmp.Diff(test.want, appLayers(t, image)); diff != "" {
				t.Error(diff)
			}
		})
	}

	t.Run("names", func(t *testing.T) {
		image := ocitest.Make(t, sliced(t, files, []string{"*.js"}, []string{"nope"}))
		var history []string
		for _, h := range configOf(t, image).History {
			if strings.HasPrefix(h.CreatedBy, "Application") {
				history = append(history, h.CreatedBy)
			}
		}
		want := []string{"Application Slice: 1", "Application Slice: 2", "Application Slice: 3"}
		if diff := cmp.Diff(want, history); diff != "" {
			t.Error(diff)
		}
		described, err := oci.Inspect(image)
		must(t, err)
		ids := diffIDs(image)
		for _, name := range []string{"app slice 1", "app slice 2", "app slice 3"} {
			at := slices.IndexFunc(described.Layers, func(l oci.LayerInfo) bool { return l.Name == name })
			if at < 0 || described.Layers[at].DiffID != ids[name] {
				t.Errorf("the layer %s is not where the label has it: %v", name, described.Layers)
			}
		}
		// The reference makes the same tar of nothing: its two blocks of zeros.
		if empty := "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"; ids["app slice 2"] != empty {
			t.Errorf("an empty slice is %s, want %s", ids["app slice 2"], empty)
		}
	})

	t.Run("a malformed glob", func(t *testing.T) {
		if _, err := sliced(t, files, []string{"ok"}, []string{"[a"}).Jobs(); err == nil || !strings.Contains(err.Error(), `the app slice 2 has the glob "[a"`) {
			t.Errorf("got the error %v", err)
		}
	})
}
