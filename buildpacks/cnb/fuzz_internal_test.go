package cnb

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/slugc/slugc/buildpacks"
)

// FuzzPlan checks that no build plan of a script makes slugc panic or hands on
// a name that is empty.
func FuzzPlan(f *testing.F) {
	for _, seed := range []string{
		"", "[[provides]]\nname = \"a\"\n[[requires]]\nname = \"a\"\nversion = 3\n[requires.metadata]\nx = [1, {y = 2}]\n",
		"[[or]]\n[[or.provides]]\nname = \"a\"\n[[or]]\n", "requires = [{name = \"\"}]", "or = 1", "provides = {name = \"a\"}",
		"x = '''\n[[[[\n'''\ny = \"\"\"\\\"\"\"\"", "# [[[[\n[a.b.c]\n", "\xff", "a = 'x", "a = [[[[[[",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		plans, err := parsePlan(data)
		if (err == nil) != (len(plans) > 0) {
			t.Fatalf("%d alternatives, %v", len(plans), err)
		}
		for _, plan := range plans {
			for _, name := range plan.Provides {
				if name == "" {
					t.Fatal("provides something without a name")
				}
			}
			for _, req := range plan.Requires {
				if req.Name == "" {
					t.Fatal("requires something without a name")
				}
			}
		}
	})
}

// FuzzDescriptor checks that a buildpack.toml is refused or names directories
// that stay where they belong.
func FuzzDescriptor(f *testing.F) {
	for _, seed := range []string{
		"api = \"0.10\"\n[buildpack]\nid = \"a/b\"\nversion = \"1\"\n[[targets]]\nos = \"linux\"\n[[targets.distros]]\nname = \"debian\"\n",
		"api = \"0.12\"\n[buildpack]\nid = \"a\"\nversion = \"1\"\n[[buildpack.exec-env]]\nname = \"test\"\n[[order]]\n[[order.group]]\nid = \"b\"\nexec-env = [\"*\"]\n",
		"api = \"0.7\"\nstacks = [{id = \"*\"}]\nbuildpack = {id = \"..\", version = \"/\"}\n",
		"targets = [{distros = {name = 1}}]", "buildpack = []", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := parseDescriptor(data)
		if err != nil {
			return
		}
		d := doc.descriptor()
		local(t, d.ID)
		local(t, d.Version)
		if o, err := order(doc.Order); err == nil {
			localOrder(t, o)
		}
	})
}

// FuzzExtension checks that no extension.toml makes slugc panic or leads out of a
// directory.
func FuzzExtension(f *testing.F) {
	for _, seed := range []string{
		"api = \"0.10\"\n[extension]\nid = \"a/b\"\nversion = \"1\"\n[[targets]]\nos = \"linux\"\n", "api = \"0.9\"\n[extension]\nid = \"..\"\n", "extension = 1", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if doc, err := parseExtension(data); err == nil {
			local(t, doc.descriptor().ID)
			local(t, doc.descriptor().Version)
		}
	})
}

// FuzzOrder checks the same of an order.toml.
func FuzzOrder(f *testing.F) {
	for _, seed := range []string{
		"[[order]]\n[[order.group]]\nid = \"a\"\nversion = \"1\"\noptional = true\n", "order = [{}]", "order = {group = 1}",
		"[[order]]\ngroup = [{id = \"..\"}]\n", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if o, extensions, err := parseOrder(data); err == nil {
			localOrder(t, o)
			localOrder(t, extensions)
		}
	})
}

// FuzzSystem checks the same of a system.toml.
func FuzzSystem(f *testing.F) {
	for _, seed := range []string{
		"[[system.pre.buildpacks]]\nid = \"a\"\nversion = \"1\"\n[[system.post.buildpacks]]\nuri = \"./b\"\noptional = true\n",
		"system = {pre = {buildpacks = [{id = \"..\"}]}}", "system = []", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseSystem(data)
		if err != nil {
			return
		}
		for _, b := range append(s.Pre, s.Post...) {
			if b.ID != "" {
				local(t, b.ID)
			}
			if b.Version != "" {
				local(t, b.Version)
			}
			if b.ID == "" && b.URI == "" {
				t.Fatal("a system buildpack without a name")
			}
		}
	})
}

func localOrder(t *testing.T, order buildpacks.Order) {
	t.Helper()
	for _, group := range order {
		for _, m := range group {
			local(t, m.ID)
			if m.Version != "" {
				local(t, m.Version)
			}
		}
	}
}

// local fails unless the text names something below where it is used.
func local(t *testing.T, text string) {
	t.Helper()
	if !filepath.IsLocal(text) || strings.Contains(text, "..") || strings.ContainsAny(text, "\x00\\\n") {
		t.Fatalf("%q is a name", text)
	}
}
