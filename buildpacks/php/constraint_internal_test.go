package php

import (
	"strings"
	"testing"
)

func TestConstraint(t *testing.T) {
	for text, c := range map[string]struct{ allows, refuses string }{
		"*":                      {"8.4.27 0.0.1", ""},
		"8.4.27":                 {"8.4.27", "8.4.26 8.4.28"},
		"v8.4.27":                {"8.4.27", "8.4.26"},
		"==8.4.27":               {"8.4.27", "8.4.26"},
		"8.4":                    {"8.4.0", "8.4.1"},
		"8.4.*":                  {"8.4.0 8.4.27", "8.3.9 8.5.0"},
		"8.4.x":                  {"8.4.0 8.4.27", "8.5.0"},
		"8.*":                    {"8.0.0 8.4.27", "7.4.0 9.0.0"},
		"0.*":                    {"0.9.0", "1.0.0"},
		"^8.2":                   {"8.2.0 8.4.27", "8.1.9 9.0.0"},
		"^8":                     {"8.0.0 8.4.27", "9.0.0"},
		"^8.4.1":                 {"8.4.1 8.9.0", "8.4.0 9.0.0"},
		"^0.3":                   {"0.3.9", "0.4.0 0.2.9"},
		"^0.0.3":                 {"0.0.3", "0.0.4"},
		"^0":                     {"0.9.0", "1.0.0"},
		"~8.2":                   {"8.2.0 8.9.0", "9.0.0 8.1.0"},
		"~8.4.0":                 {"8.4.27", "8.5.0"},
		"~8":                     {"8.4.27", "9.0.0 7.9.0"},
		">=8.2":                  {"8.2.0 9.0.0", "8.1.99"},
		">= 8.2":                 {"8.2.0 9.0.0", "8.1.99"},
		">=8.2 <8.5":             {"8.4.27", "8.5.0"},
		">=8.2,<8.5":             {"8.4.27", "8.5.0"},
		">=8.2, <8.5":            {"8.4.27", "8.5.0"},
		">8.2 <=8.4.27":          {"8.4.27", "8.2.0 8.4.28"},
		"^7.4 || ^8.0":           {"7.4.1 8.4.27", "7.3.0 9.0.0"},
		"^7.4|^8.0":              {"7.4.1 8.4.27", "9.0.0"},
		"7.4.* || >=8.1 !=8.2.3": {"7.4.1 8.2.4", "8.0.0 8.2.3"},
		"<>8.4.1":                {"8.4.2", "8.4.1"},
		"8.1 - 8.3":              {"8.1.0 8.3.99", "8.4.0 8.0.9"},
		"8.1.0 - 8.3.2":          {"8.3.2", "8.3.3"},
		"^1.0@beta":              {"1.0.0-beta2 1.9.0", "2.0.0"},
		"@stable":                {"1.0.0", ""},
		"1.0.0-beta2":            {"1.0.0-beta2", "1.0.0 1.0.0-beta1"},
		">=1.0.0-beta2 <1.0.1":   {"1.0.0-beta2 1.0.0-RC1 1.0.0", "1.0.1 1.0.0-alpha4"},
		"<1.0":                   {"0.9.9", "1.0.0 1.0.0-dev"},
		"1.0.0 as 2.0.0":         {"1.0.0", "2.0.0"},
		"1.0.0#abcdef":           {"1.0.0", "1.0.1"},
		">=8.2-dev":              {"8.2.0-dev 8.2.0", "8.1.9"},
		"1.2.3.4":                {"1.2.3.4", "1.2.3.5"},
	} {
		got, ok, err := parseConstraint(text)
		if err != nil || !ok {
			t.Errorf("%s: %t, %v", text, ok, err)
			continue
		}
		for _, version := range strings.Fields(c.allows) {
			if n, _, is := parseNumber(version); !is || !got.allows(n) {
				t.Errorf("%s does not allow %s", text, version)
			}
		}
		for _, version := range strings.Fields(c.refuses) {
			if n, _, is := parseNumber(version); !is || got.allows(n) {
				t.Errorf("%s allows %s", text, version)
			}
		}
	}
}

func TestBrokenConstraint(t *testing.T) {
	for text, want := range map[string]string{
		"": "a part of it is empty", "newest": `"newest" is no version`, "~>8.2": "it is ~", "^8.2 ||": "a part of it is empty", "8.1 - new": `"new" is no version`,
		">=": `"" is no version`, "99999999999": "is no version",
	} {
		if _, _, err := parseConstraint(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", text, err)
		}
	}
	for _, text := range []string{"dev-main", "1.x-dev", "^1.0 || dev-main", "dev-main as 1.0.0", "2.0.x-dev#abc"} {
		if _, ok, err := parseConstraint(text); ok || err != nil {
			t.Errorf("%q: %t, %v", text, ok, err)
		}
	}
}

func TestLine(t *testing.T) {
	for text, want := range map[string]string{"^8.2": "8.2 8.3 8.4", ">=8.4.20": "8.4", "8.3.5": "8.3", "<8.3": "8.2", "~8.2.0 || ~8.4.0": "8.2 8.4", "^7.4": ""} {
		c, _, err := parseConstraint(text)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, line := range []string{"8.2", "8.3", "8.4"} {
			if c.allowsLine(line) {
				got = append(got, line)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s allows %s", text, got)
		}
	}
}

func TestPluginRules(t *testing.T) {
	for rules, c := range map[string]struct{ allows, refuses string }{
		`true`:                        {"a/b", ""},
		`false`:                       {"", "a/b"},
		`{"a/b": true}`:               {"a/b", "a/c"},
		`{"a/*": true}`:               {"a/b a/c", "b/a"},
		`{"a/b": false, "a/*": true}`: {"a/c", "a/b"},
		`{"*/plugin": true, "x*y*z/other": true}`: {"a/plugin xaybz/other", "a/plugins xz/other"},
		`[]`: {"", "a/b"},
	} {
		var p plugin
		if err := p.UnmarshalJSON([]byte(rules)); err != nil {
			t.Fatal(err)
		}
		for _, name := range strings.Fields(c.allows) {
			if !p.allows(name) {
				t.Errorf("%s refuses %s", rules, name)
			}
		}
		for _, name := range strings.Fields(c.refuses) {
			if p.allows(name) {
				t.Errorf("%s allows %s", rules, name)
			}
		}
	}
}

func FuzzReadManifest(f *testing.F) {
	for _, text := range []string{
		`{"require": {"php": "^8.2"}, "extra": {"a": [1.5, -0, 1e30, "é/\u0001"]}}`, `{"require": [], "config": {"platform": {"php": false}, "allow-plugins": {"a/*": true}}}`,
		`{"scripts": [], "license": "MIT"}`, "[", `{"a": {"0": 1, "1": 2}}`, `{"config": {"platform": []}}`, `{"a": 1} {`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := readManifest(composerJSON, []byte(text))
		if err == nil && len(m.contentHash) != 32 {
			t.Errorf("got %q", m.contentHash)
		}
		l, err := readLock(composerLock, []byte(text))
		if err == nil {
			_ = l.stale(m)
		}
	})
}

func FuzzConstraint(f *testing.F) {
	for _, text := range []string{"^8.2 || ~7.4.0", ">=1 <2", "1 - 2", "1.*", "dev-main", "^1@dev", "1.0-beta.2-dev", "v1.0+build", "* as 1"} {
		f.Add(text)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		c, ok, err := parseConstraint(text)
		if err == nil && ok {
			c.allowsLine("8.4")
		}
	})
}
