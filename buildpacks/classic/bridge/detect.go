package bridge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/stack/sandbox"
)

// Detect returns bin/detect (CNB Buildpack API, "Phase #1: Detection"): it asks
// the classic one. A classic buildpack that can build the app provides and
// requires nothing. One that breaks is an error, not a no.
func Detect(ctx context.Context, h Helpers) libcnb.DetectFunc {
	return func(c libcnb.DetectContext) (result libcnb.DetectResult, err error) {
		b, err := open(c.Buildpack)
		if err != nil {
			return libcnb.DetectResult{}, err
		}
		scratch, err := os.MkdirTemp("", "classic-")
		if err != nil {
			return libcnb.DetectResult{}, fmt.Errorf("making room for bin/detect: %w", err)
		}
		defer func() { err = errors.Join(err, sandbox.Remove(scratch)) }()
		site, err := h.site(scratch, c.ApplicationPath, c.Platform)
		if err != nil {
			return libcnb.DetectResult{}, fmt.Errorf("making room for bin/detect: %w", err)
		}
		found, err := b.InPlace().Probe(ctx, site)
		switch {
		case err != nil:
			return libcnb.DetectResult{}, err
		case found.Verdict == buildpacks.Error:
			return libcnb.DetectResult{}, fmt.Errorf("buildpack %s: %s", b.Descriptor(), found.Reason)
		}
		printer := report.New(h.Out, time.Now)
		if found.Reason != "" {
			printer.Detail("%s", found.Reason)
		}
		return libcnb.DetectResult{Pass: found.Verdict == buildpacks.Pass}, printer.Err()
	}
}
