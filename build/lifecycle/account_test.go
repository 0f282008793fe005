package lifecycle

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/detect"
)

// TestAccount shows what the detector says of a group, all of it and what is said
// when it passes.
func TestAccount(t *testing.T) {
	seat := func(id string, optional bool, d buildpacks.Detection) detect.Seat {
		return detect.Seat{Choice: detect.Choice{Descriptor: buildpacks.Descriptor{ID: id, Version: "1"}, Optional: optional}, Asked: true, Detection: d}
	}
	passed := func(plans ...buildpacks.Alternative) buildpacks.Detection {
		return buildpacks.Detection{Verdict: buildpacks.Pass, Plans: plans}
	}
	requires := func(name string) buildpacks.Alternative {
		return buildpacks.Alternative{Requires: []buildpacks.Requirement{{Name: name}}}
	}
	provides := func(name string) buildpacks.Alternative { return buildpacks.Alternative{Provides: []string{name}} }
	failed := buildpacks.Detection{Verdict: buildpacks.Fail, Code: 100, Output: "no\n"}
	broke := buildpacks.Detection{Verdict: buildpacks.Error, Code: 7, Output: "oh no\n"}
	misfit := seat("misfit", false, buildpacks.Detection{})
	misfit.Asked, misfit.Targets = false, []buildpacks.Target{{OS: "linux", Arch: "arm64", Distros: []buildpacks.Distro{{Name: "debian"}}}}
	for name, c := range map[string]struct {
		seats []detect.Seat
		// all is everything, said what is said besides on level info.
		all, said string
		broken    bool
	}{
		"passes": {
			[]detect.Seat{seat("a", false, passed())},
			"======== Results ========\npass: a@1\nResolving plan... (try #1)\n", "", false,
		},
		"says no": {
			[]detect.Seat{seat("a", false, failed), seat("b", true, failed)},
			"======== Output: a@1 ========\nno\n======== Output: b@1 ========\nno\n======== Results ========\nfail: a@1\nskip: b@1\n", "", false,
		},
		"breaks": {
			[]detect.Seat{seat("a", false, broke)},
			"======== Output: a@1 ========\noh no\n======== Results ========\nerr:  a@1 (7)\n",
			"======== Output: a@1 ========\noh no\nerr:  a@1 (7)\n", true,
		},
		"breaks and is optional": {
			[]detect.Seat{seat("a", true, broke)},
			"======== Output: a@1 ========\noh no\n======== Results ========\nerr:  a@1 (7)\nfail: no viable buildpacks in group\n",
			"======== Output: a@1 ========\noh no\nerr:  a@1 (7)\n", false,
		},
		"is at fault": {
			[]detect.Seat{seat("a", false, buildpacks.Detection{Verdict: buildpacks.Error, Fault: "line 1"})},
			"======== Error: a@1 ========\nline 1\n======== Results ========\nerr:  a@1\n",
			"======== Error: a@1 ========\nline 1\nerr:  a@1\n", true,
		},
		"does not fit": {
			[]detect.Seat{misfit},
			"======== Error: misfit@1 ========\nunable to satisfy target os/arch constraints; run image: {\"os\":\"linux\",\"arch\":\"amd64\"}, " +
				"buildpack: [{\"os\":\"linux\",\"arch\":\"arm64\",\"distros\":[{\"name\":\"debian\",\"version\":\"\"}]}]\n======== Results ========\nerr:  misfit@1\n",
			"======== Error: misfit@1 ========\nunable to satisfy target os/arch constraints; run image: {\"os\":\"linux\",\"arch\":\"amd64\"}, " +
				"buildpack: [{\"os\":\"linux\",\"arch\":\"arm64\",\"distros\":[{\"name\":\"debian\",\"version\":\"\"}]}]\nerr:  misfit@1\n", true,
		},
		"drops, and tries again": {
			[]detect.Seat{seat("a", true, passed(requires("x"))), seat("b", false, passed(provides("x"), provides("y"))), seat("c", false, passed(requires("y")))},
			"======== Results ========\npass: a@1\npass: b@1\npass: c@1\n" +
				"Resolving plan... (try #1)\nskip: a@1 requires x\nfail: c@1 requires y\nResolving plan... (try #2)\nskip: a@1 requires x\n", "", false,
		},
		"drops all": {
			[]detect.Seat{seat("a", true, passed(provides("x")))},
			"======== Results ========\npass: a@1\nResolving plan... (try #1)\nskip: a@1 provides unused x\nfail: no viable buildpacks in group\n", "", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := account{runImage: &files.Target{OS: "linux", Arch: "amd64"}}
			a.group(c.seats)
			for all, want := range map[bool]string{true: c.all, false: c.said} {
				var out bytes.Buffer
				a.tell(&platform.Log{Out: &out, Level: platform.Info}, all)
				if diff := cmp.Diff(want, out.String()); diff != "" {
					t.Errorf("all %v (-expected +got):\n%s", all, diff)
				}
			}
			if a.broken != c.broken {
				t.Errorf("broken %v", a.broken)
			}
			spare := account{optional: []bool{true}}
			if spare.group(c.seats); spare.broken {
				t.Error("a group that there is again is broken")
			}
		})
	}
}

// TestAccountEnds makes a group of which there are more trials than anybody reads.
func TestAccountEnds(t *testing.T) {
	var plans []buildpacks.Alternative
	for range 50 {
		plans = append(plans, buildpacks.Alternative{Provides: []string{"x"}})
	}
	var seats []detect.Seat
	for _, id := range strings.Split("abcdefgh", "") {
		seats = append(seats, detect.Seat{
			Choice: detect.Choice{Descriptor: buildpacks.Descriptor{ID: id}}, Asked: true, Detection: buildpacks.Detection{Verdict: buildpacks.Pass, Plans: plans},
		})
	}
	var a account
	a.group(seats)
	if n := len(a.lines); n > 3*maxTrials {
		t.Errorf("%d lines", n)
	}
}

// TestAccountChosen shows the lines of those who build.
func TestAccountChosen(t *testing.T) {
	choice := func(id string) detect.Choice {
		return detect.Choice{Descriptor: buildpacks.Descriptor{ID: id, Version: "1.2"}}
	}
	var out bytes.Buffer
	a := account{done: 3}
	a.chosen([]detect.Choice{choice("test/a"), choice("test/longer")})
	a.tell(&platform.Log{Out: &out, Level: platform.Info}, false)
	if diff := cmp.Diff("2 of 3 buildpacks participating\ntest/a      1.2\ntest/longer 1.2\n", out.String()); diff != "" {
		t.Error(diff)
	}
}
