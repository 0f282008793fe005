package version_test

import (
	"testing"

	"github.com/slugc/slugc/buildpacks/language/version"
)

func TestNumber(t *testing.T) {
	for text, want := range map[string]struct {
		number bool
		line   string
	}{
		"3": {true, "3"}, "3.3": {true, "3.3"}, "3.3.8": {true, "3.3"}, "3.10.0": {true, "3.10"}, "1.2.3.4": {false, "1.2"}, "~> 3.3": {false, "~> 3.3"}, "latest": {false, "latest"}, "": {false, ""},
	} {
		if got := version.IsNumber(text); got != want.number {
			t.Errorf("%q is a number: %t", text, got)
		}
		if got := version.Line(text); got != want.line {
			t.Errorf("the line of %q is %q", text, got)
		}
	}
}
