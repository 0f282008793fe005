package platform_test

import (
	"testing"

	"github.com/slugc/slugc/build/lifecycle/platform"
)

func TestHasTargets(t *testing.T) {
	for version, want := range map[string]bool{
		"": false, "odd": false, "0.3": false, "0.11": false, "0.12": true, "0.15": true, "0.16": true, "1.0": true, "v1": true,
	} {
		if got := platform.HasTargets(version); got != want {
			t.Errorf("%q: got %t", version, got)
		}
	}
}
