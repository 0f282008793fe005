package worker

import (
	"context"
	"io"
	"math"
	"time"
)

// growth is how often the output is looked at.
const growth = 50 * time.Millisecond

// Stream copies what the build prints.
func (r *run) Stream(ctx context.Context, w io.Writer) error {
	// Each stream reads the file at a place of its own.
	text := io.NewSectionReader(r.out, 0, math.MaxInt64)
	ticks := time.NewTicker(growth)
	defer ticks.Stop()
	for ended := false; ; {
		if _, err := io.Copy(w, text); err != nil || ended {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.done:
			ended = true
		case <-ticks.C:
		}
	}
}
