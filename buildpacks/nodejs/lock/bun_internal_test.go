package lock

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBun(t *testing.T) {
	l, err := ReadBun([]byte(`{
		"lockfileVersion": 1, // the form
		"workspaces": {"": {"dependencies": {"ms": "^2"}}, "packages/a": {"devDependencies": {"ms": "2.1.3"}}},
		"packages": {"ms": ["ms@2.1.3", "", {}, "sha512-abc"], "a": ["a@workspace:packages/a"]},
	}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Package{{Name: "ms", Version: "2.1.3", Integrity: "sha512-abc"}}, l.Packages()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"packages/a"}, l.Workspaces()); diff != "" {
		t.Error(diff)
	}
	want := []string{"ms: packages/a/package.json wants ^2, bun.lock was made for 2.1.3"}
	if diff := cmp.Diff(want, l.Differences("packages/a", Manifest{Dependencies: map[string]string{"ms": "^2"}})); diff != "" {
		t.Error(diff)
	}
	if l.MayCompile() || !BinaryBun(nil).MayCompile() {
		t.Error("it is not known whether packages are compiled")
	}
}

func TestPlainJSON(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": [1, 2,], }`:          `{"a": [1, 2 ]  }`,
		"{ // no\n\"a\": 1, /**/ }": "{      \n\"a\": 1       }",
		`{"a": "//, ]", "b": ","}`:  `{"a": "//, ]", "b": ","}`,
		"/* a\n */1":                "    \n   1",
		`"\",]"`:                    `"\",]"`,
		"/*":                        "  ",
	} {
		if got := string(PlainJSON([]byte(text))); got != want {
			t.Errorf("%q became %q, expected %q", text, got, want)
		}
	}
}
