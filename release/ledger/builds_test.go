package ledger_test

import (
	"testing"

	"github.com/slugc/slugc/release/queue"
	"github.com/slugc/slugc/release/queue/queuetest"
)

// openQueue opens the builds of a home.
func openQueue(t *testing.T, home string, keep int) queue.Store {
	t.Helper()
	q, err := open(t, home).Queue(keep)
	must(t, err)
	t.Cleanup(func() { must(t, q.Close()) })
	return q
}

func TestQueue(t *testing.T) {
	queuetest.Run(t, func(t *testing.T) queuetest.Open {
		home := t.TempDir()
		return func() queue.Store { return openQueue(t, home, 0) }
	})
}
