package launch_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/stack/launch"
)

func TestEnv(t *testing.T) {
	env := launch.NewEnv([]string{"B=2", "A=1=1", "B=3", "junk", "=x", "EMPTY="})
	env.Set("C", "4")
	if diff := cmp.Diff([]string{"A=1=1", "B=3", "C=4", "EMPTY="}, env.List()); diff != "" {
		t.Error(diff)
	}
	clone := env.Clone()
	clone.Set("A", "changed")
	if got := env.Get("A"); got != "1=1" {
		t.Errorf("a change of a clone changed the original: A=%s", got)
	}
}
