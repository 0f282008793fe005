package detect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks"
)

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

// maxReasons is how many different reasons of groups a person is told.
const maxReasons = 12

func (e *NoMatchError) Error() string {
	var b strings.Builder
	b.WriteString("no buildpack can build this app")
	for _, a := range e.Answers {
		fmt.Fprintf(&b, "\n%s: %s", a.ID, a.Verdict)
		if a.Reason != "" {
			fmt.Fprintf(&b, ": %s", firstLines(a.Reason, 4))
		}
	}
	// Groups of an order that was expanded differ in little.
	var reasons []string
	for _, reason := range e.Reasons {
		if (len(e.Reasons) > 1 || !strings.HasSuffix(reason, "did not pass")) && !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	for i, reason := range reasons {
		if i == maxReasons {
			fmt.Fprintf(&b, "\nand %d other reasons", len(reasons)-i)
			break
		}
		fmt.Fprintf(&b, "\ngroup: %s", reason)
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
	return slices.ContainsFunc(e.Answers, func(a Answer) bool { return a.Verdict == buildpacks.Error })
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

// CycleError says that a composite buildpack contains itself.
type CycleError struct {
	// Chain are the composites, each of which names the next; the last is the
	// first again.
	Chain []string
}

func (e *CycleError) Error() string {
	return fmt.Sprintf("the order of buildpack %s contains itself: %s", e.Chain[0], strings.Join(e.Chain, " > "))
}

// MissingError says that an order names a buildpack that is not there, or one
// of several without saying which.
type MissingError struct {
	// Member is the buildpack that is named, as id@version or as an id.
	Member string
	// By is the composite whose order names it; empty when the order itself
	// does, or when that is not known.
	By string
	// Have are the versions of that id that are there.
	Have []string
}

func (e *MissingError) Error() string {
	by := "the order"
	if e.By != "" {
		by = "the order of buildpack " + e.By
	}
	if len(e.Have) == 0 {
		return fmt.Sprintf("%s names buildpack %s, which is not there", by, e.Member)
	}
	return fmt.Sprintf("%s names buildpack %s; expected one of the versions that are there: %s", by, e.Member, strings.Join(e.Have, ", "))
}

// SizeError says that an order expands to more than detect looks through.
type SizeError struct {
	// Over says how much is too much: "more than 10000 groups".
	Over string
}

func (e *SizeError) Error() string {
	return "the order expands to " + e.Over + "; expected fewer composite buildpacks in one group"
}
