package golang

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCommandName(t *testing.T) {
	for path, want := range map[string]string{
		"example.com/hello": "hello", "example.com/hello/v2": "hello", "example.com/hello/v2/cmd/web": "web", "example.com/hello/v1": "v1",
		"hello": "hello", "v2": "v2", "example.com/v": "v", "example.com/hello/v02": "v02",
	} {
		if got := commandName(path); got != want {
			t.Errorf("%s is called %s, want %s", path, got, want)
		}
	}
}

func TestSplit(t *testing.T) {
	for text, want := range map[string][]string{
		"":                             nil,
		"  -v  -x ":                    {"-v", "-x"},
		`-ldflags='-s -w' -tags="a b"`: {"-ldflags=-s -w", "-tags=a b"},
		`a\ b "c\"d" 'e\f' ""`:         {"a b", `c"d`, `e\f`, ""},
	} {
		got, err := split(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v %s", text, err, diff)
		}
	}
	for _, text := range []string{`'`, `a"b`, `\`} {
		if got, err := split(text); err == nil {
			t.Errorf("%q is %q", text, got)
		}
	}
}

func TestParseVendor(t *testing.T) {
	got := parseVendor([]byte("## workspace\n# a.test/a v1.0.0\n## explicit; go 1.21\na.test/a\na.test/a/b\n# a.test/b v2.0.0 => ./b\n## explicit\n# a.test/c => a.test/d v3.0.0\n# \n"))
	want := vendored{
		versions:  map[string]string{"a.test/a": "v1.0.0", "a.test/b": "v2.0.0"},
		replaced:  map[string]string{"a.test/b v2.0.0": "./b", "a.test/c": "a.test/d v3.0.0"},
		explicit:  map[string]bool{"a.test/a": true, "a.test/b": true},
		workspace: true,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(vendored{})); diff != "" {
		t.Error(diff)
	}
}

func FuzzParseVendor(f *testing.F) {
	f.Add([]byte("# a.test/a v1.0.0 => ./a\n## explicit; go 1.21\na.test/a\n"))
	f.Add([]byte("## workspace\n#  => \n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for path := range parseVendor(data).versions {
			if path == "" || strings.ContainsAny(path, " \n") {
				t.Errorf("a module is called %q", path)
			}
		}
	})
}

func FuzzSums(f *testing.F) {
	f.Add([]byte("a.test/a v1.0.0 h1:x\na.test/a v1.0.0/go.mod h1:y\n"))
	f.Add([]byte("\r\n\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := sums{zips: map[string]bool{}, mods: map[string]bool{}, versions: map[string][]string{}}
		if err := s.add(sumFile, data); err != nil {
			return
		}
		for path, versions := range s.versions {
			for _, version := range versions {
				if !s.zips[path+" "+version] {
					t.Errorf("%s %s has no checksum", path, version)
				}
			}
		}
	})
}

func FuzzDirectives(f *testing.F) {
	f.Add("// +heroku install ./cmd/... ./x\nmodule a\n", "install")
	f.Fuzz(func(t *testing.T, text, name string) {
		for _, word := range directives([]byte(text), name) {
			if word == "" || !strings.Contains(text, word) {
				t.Errorf("%q is no word of %q", word, text)
			}
		}
	})
}

func FuzzSettings(f *testing.F) {
	f.Add("-tags a,b -ldflags='-s -w' -race")
	f.Add("--mod=mod -o x")
	f.Fuzz(func(t *testing.T, flags string) {
		s, err := readSettings(map[string]string{"BP_GO_BUILD_FLAGS": flags})
		if err != nil {
			return
		}
		for _, flag := range s.rest {
			if !strings.HasPrefix(flag, "-") || strings.HasPrefix(flag, "-o=") || flag == "-o" {
				t.Errorf("%q became the flag %q", flags, flag)
			}
		}
	})
}
