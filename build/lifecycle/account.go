package lifecycle

import (
	"fmt"
	"maps"
	"slices"

	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/detect"
)

// account is what the detector says of the groups that it tries, in the words of
// the reference lifecycle. It is told at the end: all of it when no group passes,
// and otherwise what the level of the log lets through.
type account struct {
	// runImage is the target that is built for.
	runImage *files.Target
	// checks are the targets that were looked at to see who may be asked.
	checks []buildpacks.Target
	lines  []accountLine
	// broken says that a group did not pass in which a buildpack broke. That of a
	// group which there is again without an optional composite does not count;
	// optional tells of each group whether it is one.
	broken   bool
	optional []bool
	// done is how many buildpacks the last group has.
	done int
}

type accountLine struct {
	level platform.Level
	text  string
}

func (a *account) debugf(format string, args ...any) {
	a.lines = append(a.lines, accountLine{platform.Debug, fmt.Sprintf(format, args...)})
}

func (a *account) infof(format string, args ...any) {
	a.lines = append(a.lines, accountLine{platform.Info, fmt.Sprintf(format, args...)})
}

// tell prints the account, and before it what is for debugging alone.
func (a *account) tell(log *platform.Log, all bool) {
	for _, t := range a.checks {
		log.Debugf("Checking for match against descriptor: {%s %s %s %v}", t.OS, t.Arch, t.Variant, t.Distros)
	}
	for _, line := range a.lines {
		if line.level == platform.Debug && !all {
			log.Debugf("%s", line.text)
			continue
		}
		log.Infof("%s", line.text)
	}
}

// Exit codes of an answer that is none.
const (
	passCode = 0
	failCode = 100
	noCode   = -1
)

// answer is the exit code and the words of a seat.
func (a *account) answer(s detect.Seat) (code int, output, fault string) {
	d := s.Detection
	switch {
	case !s.Asked:
		return noCode, "", fmt.Sprintf("unable to satisfy target os/arch constraints; run image: %s, buildpack: %s", jsonOf(a.runImage), jsonOf(targets(s.Targets)))
	case d.Verdict == buildpacks.Pass:
		return passCode, d.Output, ""
	case d.Verdict == buildpacks.Fail:
		return failCode, d.Output, ""
	case d.Fault != "":
		return noCode, d.Output, d.Fault
	}
	return d.Code, d.Output, ""
}

// group tells of a group whose buildpacks have answered.
func (a *account) group(seats []detect.Seat) {
	spare := len(a.optional) > 0 && a.optional[0]
	a.optional = a.optional[min(1, len(a.optional)):]
	a.done = len(seats)
	for _, s := range seats {
		a.check(s.Targets)
	}
	for _, s := range seats {
		a.words(s)
	}
	a.debugf("======== Results ========")
	passed, broken, builds := true, false, false
	var members []candidate
	for _, s := range seats {
		code, _, _ := a.answer(s)
		switch code {
		case passCode:
			a.debugf("pass: %s", s)
			builds = builds || !s.Extension
			plans := s.Detection.Plans
			if len(plans) == 0 {
				plans = []buildpacks.Alternative{{}}
			}
			members = append(members, candidate{s, plans})
			continue
		case failCode:
			word := "fail"
			if s.Optional {
				word = "skip"
			}
			a.debugf("%s: %s", word, s)
		case noCode:
			a.infof("err:  %s", s)
			broken = true
		default:
			a.infof("err:  %s (%d)", s, code)
			broken = true
		}
		passed = passed && s.Optional
	}
	switch {
	case !passed:
		a.broken = a.broken || broken && !spare
	case !builds:
		a.debugf("fail: no viable buildpacks in group")
	default:
		a.trials(members)
	}
}

// words tells what a buildpack said.
func (a *account) words(s detect.Seat) {
	say := a.debugf
	code, output, fault := a.answer(s)
	if code != passCode && code != failCode {
		say = a.infof
	}
	if output != "" {
		say("======== Output: %s ========", s)
		say("%s", output)
	}
	if fault != "" {
		say("======== Error: %s ========", s)
		say("%s", fault)
	}
}

// check tells of the targets of a buildpack up to the first that fits.
func (a *account) check(targets []buildpacks.Target) {
	for _, t := range targets {
		a.checks = append(a.checks, t)
		if t.Fits(a.runImage.Stack()) {
			return
		}
	}
}

// candidate is a buildpack that passed, with the plans that it offers.
type candidate struct {
	detect.Seat
	plans []buildpacks.Alternative
}

// maxTrials is how many trials of a group are told: the plans that buildpacks
// offer multiply.
const maxTrials = 1000

// trials tells how the plans of a group fit together, in the order in which they
// are tried, up to the first that do.
func (a *account) trials(members []candidate) {
	tries := 0
	var walk func(trial []choice, rest []candidate) bool
	walk = func(trial []choice, rest []candidate) bool {
		if len(rest) == 0 {
			tries++
			return tries > maxTrials || a.trial(tries, trial)
		}
		for i, plan := range rest[0].plans {
			droppable := rest[0].Optional && i == len(rest[0].plans)-1
			if walk(append(slices.Clip(trial), choice{rest[0].Seat, plan, droppable}), rest[1:]) {
				return true
			}
		}
		return false
	}
	walk(nil, members)
}

// choice is a buildpack with one of its plans.
type choice struct {
	detect.Seat
	plan      buildpacks.Alternative
	droppable bool
}

// name tells a buildpack from an extension of the same id.
func (c choice) name() string {
	return detect.Name(buildpacks.Member{ID: c.ID, Extension: c.Extension})
}

// trial tells of one trial and reports whether it holds.
func (a *account) trial(number int, trial []choice) bool {
	a.debugf("Resolving plan... (try #%d)", number)
	for {
		unmet, unused := loose(trial)
		gone := map[string]bool{}
		for _, kind := range []struct {
			words string
			loose map[string][]choice
		}{{"requires", unmet}, {"provides unused", unused}} {
			for _, name := range slices.Sorted(maps.Keys(kind.loose)) {
				for _, c := range kind.loose[name] {
					if !c.droppable {
						a.debugf("fail: %s %s %s", c, kind.words, name)
						return false
					}
					a.debugf("skip: %s %s %s", c, kind.words, name)
					gone[c.name()] = true
				}
			}
		}
		if len(gone) == 0 {
			break
		}
		trial = slices.DeleteFunc(slices.Clone(trial), func(c choice) bool { return gone[c.name()] })
	}
	if len(trial) == 0 {
		a.debugf("fail: no viable buildpacks in group")
		return false
	}
	return true
}

// loose are those who require what nobody before them provides, and those who
// provide what nobody behind them requires, by name.
func loose(trial []choice) (unmet, unused map[string][]choice) {
	unmet, unused = map[string][]choice{}, map[string][]choice{}
	provided := map[string]bool{}
	for _, c := range trial {
		for _, name := range c.plan.Provides {
			unused[name] = append(unused[name], c)
		}
		for _, req := range c.plan.Requires {
			provided[req.Name] = provided[req.Name] || len(unused[req.Name]) > 0
			delete(unused, req.Name)
			if !provided[req.Name] {
				unmet[req.Name] = append(unmet[req.Name], c)
			}
		}
	}
	return unmet, unused
}

// chosen tells who builds.
func (a *account) chosen(group []detect.Choice) {
	if len(group) != a.done {
		a.infof("%d of %d buildpacks participating", len(group), a.done)
	}
	width := 0
	for _, c := range group {
		width = max(width, len(c.ID))
	}
	for _, c := range group {
		a.infof("%-*s %s", width, c.ID, c.Version)
	}
}

// targets are targets as the reference lifecycle prints them.
func targets(all []buildpacks.Target) any {
	type distro struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	type target struct {
		OS      string   `json:"os"`
		Arch    string   `json:"arch"`
		Variant string   `json:"arch-variant,omitempty"`
		Distros []distro `json:"distros,omitempty"`
	}
	printed := make([]target, len(all))
	for i, t := range all {
		printed[i] = target{OS: t.OS, Arch: t.Arch, Variant: t.Variant}
		for _, d := range t.Distros {
			printed[i].Distros = append(printed[i].Distros, distro{d.Name, d.Version})
		}
	}
	return printed
}
