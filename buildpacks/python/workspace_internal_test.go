package python

import "testing"

func TestGlobMatches(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"services/*", "services/api", true},
		{"services/*/", "services/api", true},
		{"./services/*", "services/api", true},
		{"services/api", "services/api", true},
		{"services/*", "services/api/web", false},
		{"services/*", "services", false},
		{"services/**", "services/api/web", true},
		{"**/api", "services/eu/api", true},
		{"**/api", "services/eu/web", false},
		{"services/[ab]*", "services/api", true},
		{"services/[", "services/[", false},
		{"*", "services/api", false},
	} {
		if got := globMatches(test.pattern, test.name); got != test.want {
			t.Errorf("%s matches %s: got %t", test.pattern, test.name, got)
		}
	}
}
