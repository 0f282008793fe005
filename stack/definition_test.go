package stack_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/slugc/slugc/stack"
)

func TestDefinitions(t *testing.T) {
	all, err := stack.Definitions()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		for _, name := range []string{stack.Run, stack.RunMinimal, stack.Build} {
			v, err := d.Variant(name)
			if err != nil {
				t.Errorf("%s: %v", d.ID, err)
				continue
			}
			if doubled := doubles(v.Packages); len(doubled) > 0 {
				t.Errorf("%s %s names %s twice", d.ID, name, strings.Join(doubled, ", "))
			}
		}
		run, build := d.Variants[stack.Run], d.Variants[stack.Build]
		for _, name := range run.Packages {
			if !slices.Contains(build.Packages, name) {
				t.Errorf("%s: what is built with %s runs without it", d.ID, name)
			}
		}
		if d.User.UID == 0 || d.User.GID == 0 {
			t.Errorf("%s: its user is root", d.ID)
		}
		if got, err := stack.Find(d.ID); err != nil || got.Codename != d.Codename {
			t.Errorf("Find(%s) = %s, %v", d.ID, got.Codename, err)
		}
	}
}

func doubles(names []string) []string {
	var twice []string
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			twice = append(twice, name)
		}
	}
	return twice
}

func TestFind(t *testing.T) {
	_, err := stack.Find("slugc-1")
	var unknown *stack.UnknownError
	if !errors.As(err, &unknown) || !slices.Contains(unknown.Known, "slugc-13") {
		t.Errorf("Find of what there is not: %v", err)
	}
}

func TestParseDefinition(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"a key that is mistyped": {`pakages = ["x"]`, "unknown key pakages"},
		"extends nothing":        {"[variant.a]\nextends = \"b\"", "there is no variant b to extend"},
		"extends itself":         {"[variant.a]\nextends = \"b\"\n[variant.b]\nextends = \"a\"", "extends itself"},
	} {
		if _, err := stack.ParseDefinition(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	d, err := stack.ParseDefinition("[variant.a]\npackages = [\"x\"]\nomit = [\"o\"]\n[variant.b]\nextends = \"a\"\npackages = [\"y\"]")
	if err != nil {
		t.Fatal(err)
	}
	if b := d.Variants["b"]; !slices.Equal(b.Packages, []string{"x", "y"}) || !slices.Equal(b.Omit, []string{"o"}) {
		t.Errorf("a variant that extends another is %+v", b)
	}
}

func TestFitting(t *testing.T) {
	target := func(name, version string) stack.Target {
		return stack.Target{OS: "linux", Arch: "amd64", DistroName: name, DistroVersion: version}
	}
	for name, c := range map[string]struct {
		machine stack.Target
		glibc   string
		want    string
	}{
		"its own distribution":        {target("debian", "13"), "2.41", "slugc-13"},
		"an older one of its own":     {target("debian", "12"), "2.36", "slugc-12"},
		"another one, older library":  {target("ubuntu", "22.04"), "2.35", "slugc-12"},
		"a much older library":        {target("centos", "6"), "2.9", "slugc-12"},
		"between two":                 {target("other", "1"), "2.36.1", "slugc-13"},
		"another one, newer library":  {target("ubuntu", "24.04"), "2.39", "slugc-13"},
		"newer than all":              {target("fedora", "50"), "3.0", ""},
		"another C library":           {target("alpine", "3.22"), "", ""},
		"an architecture without any": {stack.Target{OS: "linux", Arch: "s390x"}, "2.36", ""},
	} {
		got, err := stack.Fitting(c.machine, c.glibc)
		var none *stack.NoFitError
		if got.ID != c.want || (c.want == "") != errors.As(err, &none) {
			t.Errorf("%s: got %q, %v; want %q", name, got.ID, err, c.want)
		}
	}
}
