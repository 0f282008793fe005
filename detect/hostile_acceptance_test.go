//go:build acceptance

package detect_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/detect"
)

func TestExpandHostile(t *testing.T) {
	// Each doubles what the one before it makes; 2^40 groups.
	doubling := map[string]string{"O0": "a; b"}
	for i := range 40 {
		doubling[fmt.Sprintf("O%d", i+1)] = fmt.Sprintf("O%d x%d; O%d y%d", i, i, i, i)
	}
	long := map[string]string{"O": strings.TrimSpace(strings.Repeat("a ", 200_000))}
	// Ten of ten groups each in one group: 10^10.
	wide := map[string]string{}
	for i := range 10 {
		wide[fmt.Sprintf("O%d", i)] = strings.Join(strings.Fields("a b c d e f g h i j"), fmt.Sprintf("%d; ", i))
	}
	for name, tt := range map[string]struct {
		order      string
		composites map[string]string
		want       string
	}{
		"deep":     {"O40", doubling, "more than 10000 groups"},
		"long":     {"O", long, "a group of more than 500 buildpacks"},
		"wide":     {"O0 O1 O2 O3 O4 O5 O6 O7 O8 O9", wide, "more than 10000 groups"},
		"optional": {strings.Repeat("O40? ", 20), doubling, "more than 1000000 members"},
		"large":    {"O12 " + numbered(400), doubling, "more than 1000000 members"},
	} {
		start := time.Now()
		_, err := detect.Expand(order(tt.order), composites(tt.composites))
		var size *detect.SizeError
		if !errors.As(err, &size) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, expected %q", name, err, tt.want)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s took %s", name, took)
		}
	}
}

// numbered are n members of different names.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "n%d ", i)
	}
	return b.String()
}

func TestResolveHostile(t *testing.T) {
	// Every alternative of each fails only at the last member: 200^20 trials.
	found := map[string]buildpacks.Detection{}
	var names []string
	for i := range 20 {
		var plans []string
		for j := range 200 {
			plans = append(plans, fmt.Sprintf("+x%d", j))
		}
		names = append(names, fmt.Sprintf("b%d", i))
		found[fmt.Sprintf("b%d@1", i)] = buildpacks.Detection{Verdict: buildpacks.Pass, Plans: plan(strings.Join(plans, "|"))}
	}
	var wants []string
	for j := range 200 {
		wants = append(wants, fmt.Sprintf("-x%d", j))
	}
	found["last@1"] = buildpacks.Detection{Verdict: buildpacks.Pass, Plans: plan(strings.Join(wants, " "))}
	found["ok@1"] = buildpacks.Detection{Verdict: buildpacks.Pass}

	start := time.Now()
	r := detect.Resolve(order(strings.Join(names, " ")+" last"), found)
	if r.Passed || !strings.Contains(strings.Join(r.Reasons, "\n"), "too many combinations of build plans") {
		t.Errorf("got %+v", r)
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("it took %s", took)
	}
	t.Logf("gave up after %s", time.Since(start))

	// What a member cannot get from those before it fails without trying what
	// comes after it.
	found["early@1"] = buildpacks.Detection{Verdict: buildpacks.Pass, Plans: plan("-none|-never|-x199")}
	r = detect.Resolve(order("early "+strings.Join(names, " ")+"; ok"), found)
	if len(r.Group) != 1 || r.Group[0].ID != "ok" {
		t.Errorf("got %+v", r)
	}
}
