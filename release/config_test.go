package release_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slugc/slugc/release"
)

func TestConfigCheck(t *testing.T) {
	full := release.Config{"A": strings.Repeat("x", release.MaxConfig-1)}
	over := release.Config{"A": strings.Repeat("x", release.MaxConfig-2), "BIG": ""}
	for name, c := range map[string]struct {
		config release.Config
		says   string
	}{
		"none":             {nil, ""},
		"empty value":      {release.Config{"A": ""}, ""},
		"as much as fits":  {full, ""},
		"a byte more":      {over, "the config has 32770 bytes in all, more than the 32768 that it may have; the largest is A with 32766"},
		"a zero byte":      {release.Config{"A": "x\x00hidden"}, "the value of A has a zero byte"},
		"no text":          {release.Config{"A": "hidden\xff"}, "the value of A is no text in UTF-8"},
		"several lines":    {release.Config{"A": "x\ny"}, ""},
		"no name":          {release.Config{"A-B": "hidden"}, `"A-B" is no name of a config var`},
		"given by slugc":   {release.Config{"PORT": "1"}, `"PORT" is where a web process listens`},
		"other characters": {release.Config{"A": "ä☃"}, ""},
	} {
		err := c.config.Check()
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
		if err != nil && strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: the error shows a value: %v", name, err)
		}
	}
}

func TestDiff(t *testing.T) {
	for _, c := range []struct {
		before, after release.Config
		want          release.Change
		words         string
	}{
		{nil, release.Config{"A": "1"}, release.Change{Set: release.Config{"A": "1"}}, "Set A config vars"},
		{release.Config{"A": "1"}, release.Config{"A": "1"}, release.Change{}, ""},
		{release.Config{"A": "1", "B": "2"}, release.Config{"A": "2", "C": ""}, release.Change{Set: release.Config{"A": "2", "C": ""}, Unset: []string{"B"}}, "Set A, C and unset B config vars"},
		{release.Config{"B": "1", "A": "2"}, nil, release.Change{Unset: []string{"A", "B"}}, "Unset A, B config vars"},
	} {
		got := release.Diff(c.before, c.after)
		if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if got.Empty() != (c.words == "") || !got.Empty() && got.String() != c.words {
			t.Errorf("%v: %q, want %q", got, got, c.words)
		}
		if diff := cmp.Diff(c.after, c.before.Apply(got), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("the change does not lead there: -want +got:\n%s", diff)
		}
	}
}

func TestApplyCopies(t *testing.T) {
	before := release.Config{"A": "1"}
	before.Apply(release.Change{Set: release.Config{"A": "2"}})
	if before["A"] != "1" {
		t.Error("the config changed")
	}
}

func TestSecrets(t *testing.T) {
	config := release.Config{
		"NODE_ENV": "production", "WEB_CONCURRENCY": "2", "LOG_LEVEL": "debug", "HOST": "http://shop.example",
		"API_KEY": "abc", "PGPASSWORD": "pw", "DATABASE": "pg://u:p@h", "BLOB": "0123456789abcdef",
	}
	want := []string{"abc", "0123456789abcdef", "pg://u:p@h", "http://shop.example", "pw"}
	if diff := cmp.Diff(want, config.Secrets()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestNewSecret(t *testing.T) {
	a, b := release.NewSecret(), release.NewSecret()
	if len(a) != 64 || a == b || strings.Trim(a, "0123456789abcdef") != "" {
		t.Errorf("got %q and %q", a, b)
	}
}
