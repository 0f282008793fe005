package runtime_test

import (
	"strings"
	"testing"

	"github.com/slugc/slugc/buildpacks/runtime"
)

func TestConstraint(t *testing.T) {
	for _, test := range []struct {
		dialect         runtime.Dialect
		text            string
		allows, refuses string
	}{
		{runtime.NPM, "", "1.0.0 22.1.3", ""},
		{runtime.NPM, "22.x", "22.0.0 22.9.1", "21.9.9 23.0.0"},
		{runtime.NPM, "22", "22.0.0 22.9.1", "21.9.9 23.0.0"},
		{runtime.NPM, "^20.1 || ^22", "20.2.0 22.0.0", "20.0.9 21.0.0"},
		{runtime.NPM, ">=18 <21", "18.0.0 20.9.9", "17.0.0 21.0.0"},
		{runtime.NPM, ">= 18.1, < 21", "18.1.0 20.9.9", "18.0.0 21.0.0"},
		{runtime.NPM, "18 - 20", "18.0.0 20.9.9", "21.0.0"},
		{runtime.NPM, "~8.2", "8.2.0 8.2.9", "8.3.0"},
		{runtime.NPM, "v22.1.0", "22.1.0", "22.1.1"},
		{runtime.NPM, "go1.25.3", "1.25.3", "1.25.4"},
		{runtime.NPM, "go1.25", "1.25.0 1.25.9", "1.26.0"},
		{runtime.NPM, "go1.26rc1", "1.26.0-rc1", "1.26.0"},
		{runtime.NPM, "17", "17.0.0 17.0.19", "18.0.0"},
		{runtime.PEP440, ">=3.11", "3.11.0 3.14.1", "3.10.9"},
		{runtime.PEP440, ">=3.10,<3.13,!=3.11.2", "3.10.0 3.11.3 3.12.9", "3.11.2 3.13.0"},
		{runtime.PEP440, "~=3.11", "3.11.0 3.14.0", "3.10.9 4.0.0"},
		{runtime.PEP440, "~=3.11.2", "3.11.2 3.11.9", "3.11.1 3.12.0"},
		{runtime.PEP440, "==3.11.*", "3.11.0 3.11.9", "3.12.0"},
		{runtime.PEP440, "==3.11.4", "3.11.4", "3.11.5"},
		{runtime.PEP440, "3.12", "3.12.0 3.12.7", "3.13.0"},
		{runtime.Gem, "~> 3.3", "3.3.0 3.9.0", "3.2.9 4.0.0"},
		{runtime.Gem, "~> 3.3.1", "3.3.1 3.3.9", "3.3.0 3.4.0"},
		{runtime.Gem, ">= 3.1, < 3.4", "3.1.0 3.3.9", "3.4.0"},
		{runtime.Gem, "3.1.2", "3.1.2", "3.1.3"},
		{runtime.Composer, "^8.2", "8.2.0 8.4.0", "8.1.9 9.0.0"},
		{runtime.Composer, "~8.2", "8.2.0 8.9.0", "9.0.0"},
		{runtime.Composer, "~8.2.0", "8.2.0 8.2.9", "8.3.0"},
		{runtime.Composer, "8.2.*", "8.2.0 8.2.9", "8.3.0"},
		{runtime.Composer, ">=7.4 <8.3", "7.4.0 8.2.9", "8.3.0"},
		{runtime.Composer, "^7.4|^8.1", "7.4.1 8.2.0", "8.0.9"},
	} {
		t.Run(string(test.dialect)+" "+test.text, func(t *testing.T) {
			c, err := runtime.ParseConstraint(test.dialect, test.text)
			if err != nil {
				t.Fatal(err)
			}
			for version := range strings.FieldsSeq(test.allows) {
				if !c.Allows(version) {
					t.Errorf("does not allow %s", version)
				}
			}
			for version := range strings.FieldsSeq(test.refuses) {
				if c.Allows(version) {
					t.Errorf("allows %s", version)
				}
			}
		})
	}
}

func TestConstraintThatIsNone(t *testing.T) {
	for _, text := range []string{"newest please", ">=", "~> x", "3.1 and 4", "💎", ">= 3, <"} {
		if c, err := runtime.ParseConstraint(runtime.Gem, text); err == nil && text != ">= 3, <" {
			t.Errorf("%q is read as %v", text, c)
		} else if err != nil && !strings.Contains(err.Error(), "does not say which versions") {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func FuzzParseConstraint(f *testing.F) {
	for _, text := range []string{"~> 3.3", ">=3.11,<4", "go1.26rc1", "^8.2|^9", "1 - 2", "==3.*", "!=1", "~", "~>99999999999999999999"} {
		f.Add(text)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		for _, dialect := range []runtime.Dialect{runtime.NPM, runtime.PEP440, runtime.Gem, runtime.Composer} {
			if c, err := runtime.ParseConstraint(dialect, text); err == nil {
				c.Allows("3.11.2")
			}
		}
	})
}
