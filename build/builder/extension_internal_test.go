package builder

import (
	"strings"
	"testing"
)

func TestParseExtensionErrors(t *testing.T) {
	const good = "api = \"0.10\"\n[extension]\nid = \"test/ext\"\nversion = \"1.0.0+a\"\n"
	m, err := parseExtension([]byte(good))
	if err != nil || m.at() != "/cnb/extensions/test_ext/1.0.0+a" {
		t.Errorf("got %s, %v", m.at(), err)
	}
	for name, c := range map[string]struct{ from, to, want string }{
		"no TOML":       {"api", "[api", "line 1"},
		"no API":        {"api = \"0.10\"", "", "no api; write api"},
		"no id":         {"test/ext", "", `extension id ""`},
		"id of a path":  {"test/ext", "../ext", `extension id "../ext"`},
		"no version":    {"1.0.0+a", "", `extension version ""`},
		"version above": {"1.0.0+a", "1/2", `extension version "1/2"`},
		"odd target":    {"[extension]", "targets = [{os = \"..\"}]\n[extension]", "target 1"},
	} {
		if _, err := parseExtension([]byte(strings.Replace(good, c.from, c.to, 1))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}
