package detect

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/buildpacks"
)

// inquiry is a buildpack that is asked at most once, and what came of it.
type inquiry struct {
	prober     Prober
	descriptor buildpacks.Descriptor
	// misfit says why it does not fit the target; empty when it does.
	misfit string
	// left says why it has no seat where the order names it.
	left string
	// called: it has a seat in a group that was tried.
	called bool
	// blame says why it does not build although it passed: why the first group
	// with it did not pass, or why it was dropped from the one that did.
	blame string
	// used: a group that was tried needed the answer.
	used bool
	// answered is closed when detection, or err, is there.
	answered  chan struct{}
	detection buildpacks.Detection
	err       error
}

// asking asks the buildpacks in their order, as many at a time as there are
// processors, for as long as use runs. Use waits for the answers that it needs;
// those that nobody needs any more are given up when it returns.
func asking(ctx context.Context, site buildpacks.Site, inquiries []*inquiry, use func() error) error {
	probing, giveUp := context.WithCancel(ctx)
	defer giveUp()
	var probes errgroup.Group
	probes.SetLimit(1 + runtime.GOMAXPROCS(0)) // the one that starts the others, and they
	probes.Go(func() error {
		for _, q := range inquiries {
			if probing.Err() != nil {
				break
			}
			probes.Go(func() error {
				q.detection, q.err = q.prober.Probe(probing, site)
				close(q.answered)
				return nil
			})
		}
		return nil
	})
	err := use()
	giveUp()
	return errors.Join(err, probes.Wait())
}

// wait waits for the answer.
func (q *inquiry) wait(ctx context.Context) error {
	q.used = true
	select {
	case <-q.answered:
		return q.err
	case <-ctx.Done():
		return fmt.Errorf("asking %s: %w", q.descriptor, ctx.Err())
	}
}

// answer is what it said, as far as that mattered.
func (q *inquiry) answer() Answer {
	a := Answer{Descriptor: q.descriptor}
	switch {
	case q.used && (q.misfit == "" || q.detection.Verdict == buildpacks.Pass):
		a.Verdict, a.Reason = q.detection.Verdict, strings.TrimSpace(q.detection.Reason)
	case q.called:
		a.Verdict, a.Reason = buildpacks.Fail, q.misfit
	case q.left != "":
		a.Verdict, a.Reason = buildpacks.Skip, q.left
	default:
		a.Verdict, a.Reason = buildpacks.Skip, Unasked
	}
	return a
}

// Unasked is the reason in the answer of a buildpack that nobody had to ask.
const Unasked = "was not asked, because a group that stands before its own in the order builds"
