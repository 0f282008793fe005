package npm_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/runtime/npm"
)

func TestRange(t *testing.T) {
	versions := []string{
		"0.0.3", "0.0.4", "0.2.3", "0.2.9", "0.3.0", "16.20.2", "18.0.0", "18.17.0", "18.20.8", "19.9.0", "20.0.0", "20.5.1", "20.20.2",
		"21.7.3", "22.1.0", "22.23.3", "24.0.0", "24.21.0", "26.10.0", "27.0.0-rc.1", "nonsense",
	}
	for _, test := range []struct{ text, want string }{
		{"", "26.10.0"},
		{"*", "26.10.0"},
		{"x", "26.10.0"},
		{">=18", "26.10.0"},
		{">= 18", "26.10.0"},
		{">=18 <21", "20.20.2"},
		{">=18.0.0 <20.5.0", "20.0.0"},
		{">18", "26.10.0"},
		{">18 <20", "19.9.0"},
		{">20.5 <21", "20.20.2"},
		{"<=18", "18.20.8"},
		{"<18", "16.20.2"},
		{"<=20.5", "20.5.1"},
		{"18", "18.20.8"},
		{"v18", "18.20.8"},
		{"=18", "18.20.8"},
		{"18.x", "18.20.8"},
		{"18.x.x", "18.20.8"},
		{"18.X", "18.20.8"},
		{"18.*", "18.20.8"},
		{"18.17", "18.17.0"},
		{"18.17.x", "18.17.0"},
		{"18.17.0", "18.17.0"},
		{"v18.17.0", "18.17.0"},
		{"=18.17.0", "18.17.0"},
		{"= v18.17.0", "18.17.0"},
		{"^18.1.0", "18.20.8"},
		{"^18", "18.20.8"},
		{"~18.17", "18.17.0"},
		{"~18", "18.20.8"},
		{"~> 18.17", "18.17.0"},
		{"^0.2.3", "0.2.9"},
		{"^0.0.3", "0.0.3"},
		{"~0.2.3", "0.2.9"},
		{"^0", "0.3.0"},
		{"18 || 20", "20.20.2"},
		{"18||20", "20.20.2"},
		{"^18.0.0 || ^20.0.0 || >=99", "20.20.2"},
		{"18 - 20", "20.20.2"},
		{"18.0.0 - 20.0.0", "20.0.0"},
		{"18.1 - 20.5", "20.5.1"},
		{"18 - 20 || 22.1", "22.1.0"},
		{"99", ""},
		{">=99", ""},
		{"99.0.0", ""},
		{"27.0.0-rc.1", "27.0.0-rc.1"},
		{"27", ""},
		{">=27.0.0-rc.0", ""},
		{"<21.0.0-0", "20.20.2"},
		{"  >=18   <19  ", "18.20.8"},
	} {
		r, err := npm.ParseRange(test.text)
		if err != nil {
			t.Errorf("%q: %v", test.text, err)
			continue
		}
		if got := r.Best(versions); got != test.want {
			t.Errorf("%q: best is %q, expected %q", test.text, got, test.want)
		}
	}
	for _, text := range []string{"latest", "lts/*", "18.beta", ">=", "github:a/b", "1.2.3.4"} {
		if _, err := npm.ParseRange(text); err == nil {
			t.Errorf("%q: is a range, expected an error", text)
		}
	}
}

func TestRangeNearest(t *testing.T) {
	versions := []string{"18.0.0", "20.0.0", "22.1.0", "22.3.0", "24.0.0", "26.0.0", "26.0.0-rc.1"}
	for text, want := range map[string][]string{
		"99.0.0":  {"22.3.0", "24.0.0", "26.0.0"},
		"22.2.0":  {"22.1.0", "22.3.0", "24.0.0"},
		"^12":     {"18.0.0", "20.0.0", "22.1.0"},
		">=99 <3": {"22.3.0", "24.0.0", "26.0.0"},
	} {
		r, err := npm.ParseRange(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, r.Nearest(versions, 3)); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
	r, err := npm.ParseRange("1")
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Nearest(nil, 3); got != nil {
		t.Errorf("of no versions %v are nearest", got)
	}
}

func FuzzParseRange(f *testing.F) {
	for _, text := range []string{"", "^1.2.3", ">=18 <21 || 24", "1 - 2", "v1.2.3-rc.1+build", "~>1", "x.x.x", "||", "1 -  -"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := npm.ParseRange(text)
		if err != nil {
			return
		}
		versions := []string{"1.2.3", "18.0.0", "24.1.0"}
		best := r.Best(versions)
		if best != "" && !r.Allows(best) {
			t.Errorf("%q: best is %q, which it does not allow", text, best)
		}
		r.Nearest(versions, 2)
	})
}
