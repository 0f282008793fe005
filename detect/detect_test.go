package detect_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/stack"
)

// prober is a buildpack that answers what it was given to answer.
type prober struct {
	descriptor buildpacks.Descriptor
	detection  buildpacks.Detection
	err        error
	// hangs: it answers when the context ends.
	hangs bool
	asked atomic.Int32
}

func (p *prober) Descriptor() buildpacks.Descriptor { return p.descriptor }

func (p *prober) Probe(ctx context.Context, _ buildpacks.Site) (buildpacks.Detection, error) {
	p.asked.Add(1)
	if p.hangs {
		<-ctx.Done()
		return buildpacks.Detection{}, ctx.Err()
	}
	return p.detection, p.err
}

func TestDetect(t *testing.T) { spec.Run(t, "Detect", testDetect) }

func testDetect(t *testing.T, when spec.G, it spec.S) {
	var (
		all  map[string]*prober
		site buildpacks.Site
	)
	it.Before(func() {
		all = map[string]*prober{}
		site = buildpacks.Site{Stack: stack.Stack{Target: stack.Target{
			OS: "linux", Arch: "amd64", DistroName: "debian", DistroVersion: "13",
		}}}
	})

	// has adds a buildpack: "no: why", "broke: why", or its plans.
	has := func(id, answer string) *prober {
		p := &prober{descriptor: buildpacks.Descriptor{ID: id, Version: "1"}}
		switch verdict, why, _ := strings.Cut(answer, ": "); verdict {
		case "no":
			p.detection = buildpacks.Detection{Verdict: buildpacks.Fail, Reason: why, Code: 100}
		case "broke":
			p.detection = buildpacks.Detection{Verdict: buildpacks.Error, Reason: why, Code: 1}
		default:
			p.detection = buildpacks.Detection{Verdict: buildpacks.Pass, Plans: plan(answer)}
		}
		all[id+"@1"] = p
		return p
	}
	run := func(o string) (detect.Plan, error) {
		probers := map[string]detect.Prober{}
		for key, p := range all {
			probers[key] = p
		}
		return detect.Detect(t.Context(), site, order(o), probers)
	}
	// told is what a person reads of each buildpack, in order.
	told := func(plan detect.Plan) string {
		var lines []string
		for _, a := range plan.Answers {
			lines = append(lines, strings.TrimSuffix(fmt.Sprintf("%s %s: %s", a.ID, a.Verdict, a.Reason), ": "))
		}
		return strings.Join(lines, "\n")
	}
	expect := func(o, group, answers string) {
		t.Helper()
		plan, err := run(o)
		var none *detect.NoMatchError
		if err != nil && (group != "" || !errors.As(err, &none)) {
			t.Fatal(err)
		}
		var ids []string
		for _, c := range plan.Group {
			ids = append(ids, c.ID)
		}
		if got := strings.Join(ids, " "); got != group {
			t.Errorf("group %q, expected %q", got, group)
		}
		if diff := cmp.Diff(answers, told(plan)); diff != "" {
			t.Errorf("answers (-expected +got):\n%s", diff)
		}
		for key, p := range all {
			if n := p.asked.Load(); n > 1 {
				t.Errorf("%s was asked %d times", key, n)
			}
		}
	}

	when("a group passes", func() {
		it("says why each other buildpack does not build", func() {
			has("a", "no: no a.txt")
			has("b", "+x")
			has("c", "-x")
			has("d", "+y")
			has("e", "broke: out of luck")
			has("z", "")
			expect("a b; b? e; b c d? e?; z b", "b c", `a fail: no a.txt
b pass
e error: out of luck
c pass
d pass: passed, but d provides y, which no buildpack requires
z skip: was not asked, because a group that stands before its own in the order builds`)
		})
		it("says of those that passed in another group why that did not pass", func() {
			has("a", "+x")
			has("b", "")
			expect("a; b", "b", "a pass: passed, but a provides x, which no buildpack requires\nb pass")
		})
		it("asks nobody who comes later than needed, and waits for nobody", func() {
			has("a", "")
			order := "a"
			for i := range 200 {
				id := fmt.Sprintf("slow%d", i)
				has(id, "").hangs = true
				order += "; " + id
			}
			done := make(chan error, 1)
			go func() {
				_, err := run(order)
				done <- err
			}()
			select {
			case err := <-done:
				if err != nil {
					t.Fatal(err)
				}
			case <-time.After(time.Minute):
				t.Fatal("it waits for a buildpack that nobody needs")
			}
			if n := all["slow199@1"].asked.Load(); n != 0 {
				t.Error("the last one was asked")
			}
		})
		it("takes no notice of trouble with those that nobody needs", func() {
			has("a", "")
			has("b", "").err = errors.New("no sandbox")
			expect("a; b", "a", "a pass\nb skip: was not asked, because a group that stands before its own in the order builds")
		})
	})

	when("targets differ", func() {
		var arm *prober
		it.Before(func() {
			arm = has("arm", "")
			arm.descriptor.Targets = []buildpacks.Target{{OS: "linux", Arch: "arm64"}}
			has("b", "")
		})
		it("does not ask a required buildpack that is for another one", func() {
			expect("arm; b", "b", "arm fail: is for linux/arm64, this build is for linux/amd64\nb pass")
			if arm.asked.Load() != 0 {
				t.Error("it was asked")
			}
		})
		it("says so when nothing else passes", func() {
			_, err := run("arm")
			var none *detect.NoMatchError
			if !errors.As(err, &none) || none.Broken() || !strings.Contains(err.Error(), "arm: fail: is for linux/arm64, this build is for linux/amd64") {
				t.Errorf("got %v", err)
			}
		})
		it("asks an optional one, which builds if it passes", func() {
			expect("arm? b", "arm b", "arm pass\nb pass")
		})
		it("blames the target when an optional one does not pass", func() {
			arm.detection = buildpacks.Detection{Verdict: buildpacks.Error, Reason: "exec format error"}
			expect("arm? b", "b", "arm fail: is for linux/arm64, this build is for linux/amd64\nb pass")
		})
		it("does not ask an optional one that was required in vain", func() {
			expect("arm; arm? b", "b", "arm fail: is for linux/arm64, this build is for linux/amd64\nb pass")
			if arm.asked.Load() != 0 {
				t.Error("it was asked")
			}
		})
		ubuntu := []buildpacks.Target{
			{OS: "linux", Arch: "amd64", Distros: []buildpacks.Distro{{Name: "ubuntu", Version: "22.04"}, {Name: "ubuntu", Version: "24.04"}}},
		}
		it("names the distribution when that is what differs", func() {
			arm.descriptor.Targets = ubuntu
			expect("arm; b", "b", "arm fail: is for linux/amd64 on ubuntu 22.04 or ubuntu 24.04, this build is for linux/amd64 on debian 13\nb pass")
		})
		it("says that the distribution is not known", func() {
			arm.descriptor.Targets = ubuntu
			site.Stack.Target.DistroName, site.Stack.Target.DistroVersion = "", ""
			expect("arm; b", "b", "arm fail: is for linux/amd64 on ubuntu 22.04 or ubuntu 24.04, this build is for linux/amd64 on an unknown distribution\nb pass")
		})
	})

	when("execution environments differ", func() {
		it.Before(func() {
			has("tests", "+x").descriptor.ExecEnvs = []string{"test"}
			has("b", "")
		})
		it("goes on without the buildpack, required or not", func() {
			expect("tests b", "b", "tests skip: is for execution environment test, this build is for production\nb pass")
		})
		it("takes the next group when nobody is left", func() {
			expect("tests; b", "b", "tests skip: is for execution environment test, this build is for production\nb pass")
		})
		it("asks it in its own", func() {
			site.ExecEnv = "test"
			expect("tests b; b", "b", "tests pass: passed, but tests provides x, which no buildpack requires\nb pass")
		})
		it("obeys the order's own word", func() {
			probers := map[string]detect.Prober{"b@1": all["b@1"], "tests@1": all["tests@1"]}
			o := order("b; tests")
			o[0][0].ExecEnvs = buildpacks.NewExecEnvs([]string{"test"})
			o[1][0].ExecEnvs = o[0][0].ExecEnvs
			_, err := detect.Detect(t.Context(), site, o, probers)
			if err == nil || !strings.Contains(err.Error(), "b: skip: is for execution environment test, this build is for production") ||
				strings.Count(err.Error(), "group: it has no buildpack for this build") != 1 {
				t.Errorf("got %v", err)
			}
		})
	})

	when("the order is not in order", func() {
		it("names the buildpack that is not there", func() {
			has("a", "")
			second := has("b", "")
			second.descriptor.Version = "2"
			all["b@2"] = second
			delete(all, "b@1")
			for o, want := range map[string]string{
				"a; c": "the order names buildpack c@1, which is not there",
				"a b":  "the order names buildpack b@1; expected one of the versions that are there: 2",
			} {
				var missing *detect.MissingError
				if _, err := run(o); !errors.As(err, &missing) || err.Error() != want {
					t.Errorf("%s: got %v, expected %q", o, err, want)
				}
			}
		})
		it("finds the only version of an id", func() {
			b := has("b", "")
			plan, err := detect.Detect(t.Context(), site, buildpacks.Order{{{ID: "b"}}}, map[string]detect.Prober{"b@1": b})
			if err != nil || len(plan.Group) != 1 || plan.Group[0].Version != "1" {
				t.Errorf("%+v, %v", plan, err)
			}
		})
		it("takes the first of an id in a group", func() {
			has("a", "")
			second := &prober{descriptor: buildpacks.Descriptor{ID: "a", Version: "2"}}
			plan, err := detect.Detect(t.Context(), site,
				buildpacks.Order{{{ID: "a", Version: "1"}, {ID: "a", Version: "2"}}},
				map[string]detect.Prober{"a@1": all["a@1"], "a@2": second})
			if err != nil || len(plan.Group) != 1 || told(plan) != "a pass\na skip: version 1 of it stands before it in its group" || second.asked.Load() != 0 {
				t.Errorf("%s, %v", told(plan), err)
			}
		})
	})

	when("somebody cannot be asked", func() {
		it("says so", func() {
			has("a", "no: not mine")
			has("b", "").err = errors.New("no sandbox")
			if _, err := run("a; b"); err == nil || err.Error() != "no sandbox" {
				t.Errorf("got %v", err)
			}
		})
		it("ends with the context", func() {
			p := has("a", "")
			p.hangs = true
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			if _, err := detect.Detect(ctx, site, order("a"), map[string]detect.Prober{"a@1": p}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
	})

	it("tells who watches of each group that it tries", func() {
		has("a", "no: nothing here")
		has("b", "")
		has("c", "").descriptor.Targets = []buildpacks.Target{{OS: "windows"}}
		has("z", "")
		probers := map[string]detect.Prober{}
		for key, p := range all {
			probers[key] = p
		}
		var told []string
		_, err := detect.Watch(t.Context(), site, order("a b; c b; a? b; z"), probers, func(group []detect.Seat) {
			for _, s := range group {
				told = append(told, fmt.Sprintf("%s %v %v %q", s.ID, s.Optional, s.Asked, s.Detection.Verdict))
			}
			told = append(told, "")
		})
		if err != nil {
			t.Fatal(err)
		}
		want := `a false true "fail", b false true "pass", , c false false "", b false true "pass", , a true true "fail", b false true "pass", `
		if diff := cmp.Diff(want, strings.Join(told, ", ")); diff != "" {
			t.Error(diff)
		}
	})
	it("tells the reasons of many groups in few lines", func() {
		has("a", "+x")
		has("b", "no: not mine")
		for i := range 30 {
			has(fmt.Sprintf("c%d", i), fmt.Sprintf("-x%d", i))
		}
		o := strings.Repeat("a; b; ", 50)
		for i := range 30 {
			o += fmt.Sprintf("c%d; ", i)
		}
		_, err := run(strings.TrimSuffix(o, "; "))
		if err == nil || strings.Count(err.Error(), "\ngroup: ") != 12 || !strings.Contains(err.Error(), "and 20 other reasons") {
			t.Errorf("got %v", err)
		}
	})
}
