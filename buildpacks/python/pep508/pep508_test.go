package pep508_test

import (
	"slices"
	"testing"

	"github.com/slugc/slugc/buildpacks/python/pep508"
)

// The order is that of the example in PEP 440, "Summary of permitted suffixes
// and relative ordering", with epochs and local versions.
func TestCompare(t *testing.T) {
	sorted := []string{
		"1.dev0", "1.0.dev456", "1.0a1", "1.0a2.dev456", "1.0a12.dev456", "1.0a12", "1.0b1.dev456", "1.0b2", "1.0b2.post345.dev456",
		"1.0b2.post345", "1.0rc1.dev456", "1.0rc1", "1.0", "1.0+abc.5", "1.0+abc.7", "1.0+5", "1.0.post456.dev34", "1.0.post456", "1.0.15", "1.1.dev1", "1!0.1",
	}
	for i, a := range sorted {
		for j, b := range sorted {
			va, errA := pep508.ParseVersion(a)
			vb, errB := pep508.ParseVersion(b)
			if errA != nil || errB != nil {
				t.Fatal(errA, errB)
			}
			want := 0
			switch {
			case i < j:
				want = -1
			case i > j:
				want = 1
			}
			if got := va.Compare(vb); got != want {
				t.Errorf("%s and %s compare as %d, not %d", a, b, got, want)
			}
		}
	}
	for _, same := range [][]string{{"1.0", "1.0.0", "v1", "1"}, {"1.0a1", "1.0alpha1", "1.0.a.1", "1.0-A1"}, {"1.0rc1", "1.0c1", "1.0-pre1"}, {"1.0.post1", "1.0-1", "1.0.r1"}} {
		for _, text := range same {
			a, errA := pep508.ParseVersion(same[0])
			b, errB := pep508.ParseVersion(text)
			if errA != nil || errB != nil || a.Compare(b) != 0 {
				t.Errorf("%s is not %s: %v %v", same[0], text, errA, errB)
			}
		}
	}
	for _, text := range []string{"", "abc", "1..2", "1.0-", "==1"} {
		if _, err := pep508.ParseVersion(text); err == nil {
			t.Errorf("%q is read as a version", text)
		}
	}
}

func TestSpecifiers(t *testing.T) {
	for text, versions := range map[string]struct{ allowed, refused []string }{
		"":             {allowed: []string{"1", "2a1"}},
		"==1.4":        {allowed: []string{"1.4", "1.4.0", "1.4+local"}, refused: []string{"1.4.1", "1.4a1", "1.4.post1"}},
		"==1.4.*":      {allowed: []string{"1.4", "1.4.7", "1.4a1"}, refused: []string{"1.5", "1.40"}},
		"!=1.4.*,>1":   {allowed: []string{"1.5", "1.3"}, refused: []string{"1.4.2", "1", "1.0.post1", "1+local"}},
		"~=2.2":        {allowed: []string{"2.2", "2.9", "2.2.post3"}, refused: []string{"3.0", "2.1"}},
		"~=1.4.5":      {allowed: []string{"1.4.5", "1.4.9"}, refused: []string{"1.5.0", "1.4.4"}},
		">=3.11, <4":   {allowed: []string{"3.11", "3.13.5"}, refused: []string{"4", "4.0a1", "3.10.9"}},
		"(>=3.0,<4.0)": {allowed: []string{"3.1"}, refused: []string{"4.0"}},
		"===1.0-weird": {refused: []string{"1.0"}},
		"==1!1.0":      {allowed: []string{"1!1.0"}, refused: []string{"1.0"}},
		"==1.0+ubuntu": {allowed: []string{"1.0+ubuntu"}, refused: []string{"1.0"}},
	} {
		all, err := pep508.ParseSpecifiers(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		check(t, text, versions.allowed, versions.refused, all.Allow)
	}
	for _, text := range []string{"1.0", ">=a", "^1.2", ">=1.*", "~=1"} {
		if _, err := pep508.ParseSpecifiers(text); err == nil {
			t.Errorf("%q is read as specifiers", text)
		}
	}
}

func TestPoetry(t *testing.T) {
	for text, versions := range map[string]struct{ allowed, refused []string }{
		"^1.2.3":          {allowed: []string{"1.2.3", "1.9"}, refused: []string{"2.0", "1.2.2"}},
		"^0.2.3":          {allowed: []string{"0.2.9"}, refused: []string{"0.3", "0.2.2"}},
		"^0":              {allowed: []string{"0.9"}, refused: []string{"1"}},
		"~1.2":            {allowed: []string{"1.2.9"}, refused: []string{"1.3"}},
		"~1":              {allowed: []string{"1.9"}, refused: []string{"2"}},
		"*":               {allowed: []string{"7"}},
		"1.4":             {allowed: []string{"1.4.0"}, refused: []string{"1.4.1"}},
		"2.*":             {allowed: []string{"2.7"}, refused: []string{"3"}},
		">= 1.0 , < 2.0":  {allowed: []string{"1.5"}, refused: []string{"2.0"}},
		">=1.0 <2.0":      {allowed: []string{"1.5"}, refused: []string{"2.0"}},
		"^2.7 || ^3.6":    {allowed: []string{"2.7.18", "3.9"}, refused: []string{"3.5"}},
		">=2.7,!=3.0.*":   {allowed: []string{"3.1"}, refused: []string{"3.0.1"}},
		"~=1.4.2 || ==3a": {allowed: []string{"1.4.3", "3a0"}, refused: []string{"1.5"}},
	} {
		alternatives, err := pep508.ParsePoetry(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		check(t, text, versions.allowed, versions.refused, func(v pep508.Version) bool {
			return slices.ContainsFunc(alternatives, func(s pep508.Specifiers) bool { return s.Allow(v) })
		})
	}
}

func check(t *testing.T, text string, allowed, refused []string, allow func(pep508.Version) bool) {
	t.Helper()
	for i, version := range append(slices.Clone(allowed), refused...) {
		v, err := pep508.ParseVersion(version)
		if err != nil {
			t.Fatal(err)
		}
		if got := allow(v); got != (i < len(allowed)) {
			t.Errorf("%q allows %s: %v", text, version, got)
		}
	}
}

func TestMarker(t *testing.T) {
	linux := pep508.Linux("3.11.2", "amd64")
	for text, want := range map[string]bool{
		"":                           true,
		"python_version >= '3.9'":    true,
		"python_version < '3.9'":     false,
		"python_version > \"3.2\"":   true,
		"'3.9' <= python_version":    true,
		"python_version == '3.11'":   true,
		"python_version == '3.11.*'": true,
		"python_version != '3.11'":   false,
		"python_version ~= '3.8'":    true,
		"python_full_version < '3.11.3' and python_full_version >= '3.11.0a1'": true,
		"python_version in '3.1, 3.10'":                                        false,
		"python_version in '3.10 3.11'":                                        true,
		"python_version not in '3.10, 3.11'":                                   false,
		"sys_platform == 'win32'":                                              false,
		"sys_platform != 'win32'":                                              true,
		"'linux' in sys_platform":                                              true,
		"'win' not in sys_platform":                                            true,
		"os_name == 'nt' or os_name == 'posix'":                                true,
		"os.name == 'posix' and sys.platform == 'linux'":                       true,
		"platform_system == 'Linux' and platform_machine == 'x86_64'":          true,
		"platform_machine in 'aarch64 arm64'":                                  false,
		"platform_python_implementation != 'PyPy'":                             true,
		"implementation_name == 'cpython'":                                     true,
		"extra == 'dev'":                                                       false,
		"extra != 'dev'":                                                       true,
		"'dev' in extras":                                                      false,
		"(sys_platform == 'win32' or extra == 'x') and os_name == 'posix'":     false,
		"sys_platform == 'win32' and os_name == 'nt' or os_name == 'posix'":    true,
		"platform_release >= '20'":                                             false,
		"(((python_version >= '3')))":                                          true,
	} {
		m, err := pep508.ParseMarker(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := m.Holds(linux); got != want {
			t.Errorf("%q holds: %v", text, got)
		}
	}
	m, err := pep508.ParseMarker("extra == 'My_Extra' and platform_machine == 'aarch64'")
	if err != nil || !m.Holds(pep508.Linux("3.13.5", "arm64").With("my-extra")) || m.Holds(linux.With("my-extra")) {
		t.Errorf("extras: %v", err)
	}
	for _, text := range []string{"python_version", "python_version >", "python_version >= 3", "'a' == 'b'", "a == 'b'", "(os_name == 'nt'", "os_name == 'nt' os_name", "os_name == 'nt", "os_name * 'nt'", "os_name is 'nt'"} {
		if _, err := pep508.ParseMarker(text); err == nil {
			t.Errorf("%q is read as a marker", text)
		}
	}
}

func TestRequirement(t *testing.T) {
	r, err := pep508.ParseRequirement("Uvicorn_Standard.X[standard, Http2] (>=0.34,<1) ; python_version < '4'")
	if err != nil || r.Name != "uvicorn-standard-x" || !slices.Equal(r.Extras, []string{"standard", "http2"}) || r.Wanted.String() != "<1,>=0.34" || r.Marker.String() != "python_version < '4'" {
		t.Errorf("got %+v, %v", r, err)
	}
	r, err = pep508.ParseRequirement("demo @ git+https://example.com/demo.git@v1;x ; os_name == 'nt'")
	if err != nil || r.URL != "git+https://example.com/demo.git@v1;x" || r.Marker.String() != "os_name == 'nt'" {
		t.Errorf("got %+v, %v", r, err)
	}
	for _, text := range []string{"", "-e .", "a @", "a ^1", "[x]", "a; b"} {
		if _, err := pep508.ParseRequirement(text); err == nil {
			t.Errorf("%q is read as a requirement", text)
		}
	}
	if version, exact := must(t, "a==1.2").Exact(); version != "1.2" || !exact {
		t.Errorf("got %q %v", version, exact)
	}
	if _, exact := must(t, "a==1.*,>1").Exact(); exact {
		t.Error("a prefix is not exact")
	}
}

func must(t *testing.T, text string) pep508.Specifiers {
	t.Helper()
	r, err := pep508.ParseRequirement(text)
	if err != nil {
		t.Fatal(err)
	}
	return r.Wanted
}

func FuzzRequirement(f *testing.F) {
	for _, text := range []string{"a[b]>=1,<2; python_version < '3'", "a @ https://example.com/a.whl ; extra == 'x'", "a==1!2.0a1.post3.dev4+l.5", "a; ((os_name=='nt'))"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := pep508.ParseRequirement(text)
		if err != nil {
			return
		}
		r.Marker.Holds(pep508.Linux("3.13.5", "amd64"))
		if v, err := pep508.ParseVersion("1.0"); err == nil {
			r.Wanted.Allow(v)
		}
		if r.Name != pep508.Normal(r.Name) {
			t.Errorf("%q is not normal", r.Name)
		}
	})
}
