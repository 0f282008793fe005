package classic

import (
	"testing"

	"github.com/slugc/slugc/buildpacks"
)

func FuzzParseRelease(f *testing.F) {
	for _, seed := range []string{
		"", "--- {}", "---\ndefault_process_types:\n  web: a\n", "addons: [a, {plan: b}]\nconfig_vars: {A: 1}", ":addons: ~",
		"a: &a {b: *a}", "x: *y", "? {a: b}\n: c", "\x00", "- - - -", "default_process_types: &x\n  web: *x",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, printed []byte) {
		head := &buildpacks.Head{Limit: maxRelease}
		if _, err := head.Write(printed); err != nil {
			t.Fatal(err)
		}
		r, _, err := parseRelease(head)
		if err != nil {
			return
		}
		for name, command := range r.types {
			if !isType(name) || command == "" {
				t.Errorf("process type %q: %q", name, command)
			}
		}
		for name := range r.ConfigVars {
			if !isVariable(name) {
				t.Errorf("variable %q", name)
			}
		}
	})
}

func FuzzIdentify(f *testing.F) {
	for _, seed := range []string{"", "/", "https://a/b/c.git#d", "a@b:c/d", "file://", "..", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		if id := Identify(address); !idForm.MatchString(id) {
			t.Errorf("%q became %q", address, id)
		}
	})
}
