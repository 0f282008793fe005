package formation_test

import (
	"bytes"
	"context"
	"sync"
	"testing"

	"github.com/slugc/slugc/build/slug/slugtest"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/sandbox"
)

// A process that is being started has the files that another one is being unpacked to,
// until it is what it is to be; nobody hears of that.
func TestManyAtOnce(t *testing.T) {
	slug := slugtest.OfTest(t, appName, "write: ./test-app write\n")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				var out bytes.Buffer
				one := formation.OneOff{
					Runner: sandbox.Namespaces{}, Slug: slug, Type: "write", Env: map[string]string{"CNB_LAYERS_DIR": "/nowhere"}, Stdout: &out, Stderr: &out,
					Stack: func(context.Context, stack.Stack) (stack.Stack, error) { return stack.Stack{ID: stack.HostID}, nil },
				}
				// The program itself misses a directory, and says so.
				if err := one.Run(t.Context()); !bytes.Contains(out.Bytes(), []byte("/nowhere")) {
					t.Errorf("%v: %s", err, &out)
				}
			}
		})
	}
	all.Wait()
}
