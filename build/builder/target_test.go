package builder_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/build/builder"
	"github.com/slugc/slugc/buildpacks"
)

func TestParseTarget(t *testing.T) {
	for text, want := range map[string]buildpacks.Target{
		"linux":            {OS: "linux"},
		"linux/amd64":      {OS: "linux", Arch: "amd64"},
		"linux/arm64/v8":   {OS: "linux", Arch: "arm64", Variant: "v8"},
		"linux/arm:debian": {OS: "linux", Arch: "arm", Distros: []buildpacks.Distro{{Name: "debian"}}},
		"linux:debian@12@13;ubuntu@24.04": {OS: "linux", Distros: []buildpacks.Distro{
			{Name: "debian", Version: "12"}, {Name: "debian", Version: "13"}, {Name: "ubuntu", Version: "24.04"},
		}},
	} {
		got, err := builder.ParseTarget(text)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	for text, want := range map[string]string{
		"":               "expected OS",
		"linux/":         "expected OS",
		"linux/a/b/c":    "expected OS",
		"linux/..":       "cannot be a part",
		"windows/amd64":  "slugc builds for linux only",
		"linux:":         "expected OS",
		"linux:debian@":  "expected OS",
		"linux/amd64\n:": "cannot be a part",
	} {
		if _, err := builder.ParseTarget(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}
