package oci

import (
	"context"
	"time"
)

// Again does something with a registry, and does it again while it fails for now, so
// many times at the most. It waits for a time before the second attempt, and three
// times as long before each of the others.
func Again(ctx context.Context, attempts int, wait time.Duration, passing func(error) bool, do func() error) error {
	for attempt := 1; ; attempt++ {
		err := do()
		if err == nil || attempt == attempts || ctx.Err() != nil || !passing(err) {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		wait *= 3
	}
}
