package detect

import (
	"context"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/buildpacks"
)

// Prober is a buildpack that can be asked whether it can build an app.
// An error of its own making is a Detection with the verdict Error; the
// returned error is for what keeps anyone from asking: the context ended, or
// the sandbox could not start.
type Prober interface {
	Descriptor() buildpacks.Descriptor
	Probe(ctx context.Context, site buildpacks.Site) (buildpacks.Detection, error)
}

// NoMatchError says that no group of the order can build the app.
type NoMatchError struct {
	// Answers are what each buildpack said.
	Answers []Answer
	// Reasons say, group by group, why it did not pass.
	Reasons []string
	// Root are the names in the app's root directory, for the person who
	// wonders what was looked at.
	Root []string
}

func (e *NoMatchError) Error() string {
	var b strings.Builder
	b.WriteString("no buildpack can build this app")
	for _, a := range e.Answers {
		fmt.Fprintf(&b, "\n%s: %s", a.ID, a.Verdict)
		if a.Reason != "" {
			fmt.Fprintf(&b, ": %s", firstLines(a.Reason, 4))
		}
	}
	for _, reason := range e.Reasons {
		if len(e.Reasons) > 1 || !strings.HasSuffix(reason, "did not pass") {
			fmt.Fprintf(&b, "\ngroup: %s", reason)
		}
	}
	if len(e.Root) > 0 {
		fmt.Fprintf(&b, "\nthe app's root holds: %s", strings.Join(e.Root, ", "))
	} else {
		b.WriteString("\nthe app's root is empty")
	}
	return b.String()
}

// Broken reports whether a buildpack broke while it was asked, so that the
// lack of a match may not be the app's doing.
func (e *NoMatchError) Broken() bool {
	for _, a := range e.Answers {
		if a.Verdict == buildpacks.Error {
			return true
		}
	}
	return false
}

// Detect asks every buildpack of the order once, several at a time, and
// resolves the order. It returns a *NoMatchError when no group passes.
func Detect(ctx context.Context, site buildpacks.Site, order buildpacks.Order, probers map[string]Prober) (Plan, error) {
	var asked []buildpacks.Member
	index := map[string]int{}
	for _, group := range order {
		for _, m := range group {
			if _, ok := index[Key(m)]; ok {
				continue
			}
			if probers[Key(m)] == nil {
				return Plan{}, fmt.Errorf("the order names buildpack %s, which is not there", Key(m))
			}
			index[Key(m)] = len(asked)
			asked = append(asked, m)
		}
	}

	detections := make([]buildpacks.Detection, len(asked))
	probes, probeCtx := errgroup.WithContext(ctx)
	probes.SetLimit(runtime.GOMAXPROCS(0))
	for i, m := range asked {
		probes.Go(func() (err error) {
			detections[i], err = probers[Key(m)].Probe(probeCtx, site)
			return err
		})
	}
	if err := probes.Wait(); err != nil {
		return Plan{}, err
	}

	found := map[string]buildpacks.Detection{}
	for i, m := range asked {
		found[Key(m)] = detections[i]
	}
	resolved := Resolve(order, found)

	plan := Plan{Entries: resolved.Entries}
	chosen := map[string]bool{}
	for _, m := range resolved.Group {
		chosen[Key(m)] = true
		plan.Group = append(plan.Group, Choice{probers[Key(m)].Descriptor(), m.Optional})
	}
	for i, m := range asked {
		a := Answer{Descriptor: probers[Key(m)].Descriptor(), Verdict: detections[i].Verdict, Reason: strings.TrimSpace(detections[i].Reason)}
		if resolved.Passed && a.Verdict == buildpacks.Pass && !chosen[Key(m)] {
			a.Reason = "passed, but another group that stands before its own in the order builds, or nobody needs what it provides"
		}
		plan.Answers = append(plan.Answers, a)
	}
	if !resolved.Passed {
		return plan, &NoMatchError{Answers: plan.Answers, Reasons: resolved.Reasons}
	}
	return plan, nil
}

// firstLines keeps at most n lines of s, as one paragraph indented under its
// first line.
func firstLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	if len(lines) > n {
		lines = append(lines[:n], "...")
	}
	return strings.Join(lines, "\n  ")
}
