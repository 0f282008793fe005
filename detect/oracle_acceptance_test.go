//go:build acceptance

package detect_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/stack"
)

// casesPerSeed times two seeds are compared with the reference lifecycle.
const casesPerSeed = 3000

// maxGroups bounds what an order expands to: the reference has no limit, and
// needs hours for what Expand refuses.
const maxGroups = 100

// TestReference compares what Expand, Detect and Resolve choose with what the
// detector of the reference lifecycle chooses: group, plan entries, and whether
// anything passes. One seed is always the same, the other is new each time.
//
// No case has these quirks of the reference (lifecycle v0.21.0,
// phase/detector.go), which are not copied:
//   - a composite that contains itself, on which it recurses for ever (FIXME in
//     detectGroup);
//   - slices with room left, which it appends to in place while they are in use
//     (FIXME in detectOrder; the oracle gives it slices without);
//   - a target whose distribution is unknown, for which it reads the os-release
//     of the machine that it runs on.
func TestReference(t *testing.T) {
	oracle := filepath.Join(t.TempDir(), "oracle")
	// Its go.sum is complete, so that no checksum database is asked.
	build := exec.CommandContext(t.Context(), "go", "build", "-mod=readonly", "-buildvcs=false", "-o", oracle, ".")
	build.Dir = filepath.Join("testdata", "oracle")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the oracle: %v\n%s", err, out)
	}

	for _, seed := range []uint64{1, uint64(time.Now().UnixNano())} {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			cases := make([]oracleCase, casesPerSeed)
			var lines bytes.Buffer
			encoder := json.NewEncoder(&lines)
			for i := range cases {
				for cases[i] = randomCase(r); cases[i].groups() > maxGroups; {
					cases[i] = randomCase(r)
				}
				if err := encoder.Encode(cases[i]); err != nil {
					t.Fatal(err)
				}
			}
			reference := exec.CommandContext(t.Context(), oracle)
			reference.Stdin, reference.Stderr = &lines, os.Stderr
			out, err := reference.Output()
			if err != nil {
				t.Fatal(err)
			}
			answers := json.NewDecoder(bufio.NewReader(bytes.NewReader(out)))
			passed, entries := 0, 0
			for i, c := range cases {
				var want oracleAnswer
				if err := answers.Decode(&want); err != nil {
					t.Fatal(err)
				}
				if want.Passed {
					passed++
				}
				entries += len(want.Entries)
				for way, got := range map[string]oracleAnswer{"Detect": c.detect(t), "Resolve": c.resolve(t)} {
					if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
						text, err := json.Marshal(c)
						if err != nil {
							t.Fatal(err)
						}
						t.Fatalf("case %d: %s (-reference +slugc):\n%s\n%s", i, way, diff, text)
					}
				}
			}
			t.Logf("%d cases, of which %d pass, with %d plan entries", len(cases), passed, entries)
			// Cases that all fail would agree too.
			if passed < casesPerSeed/4 || passed > casesPerSeed*3/4 || entries < casesPerSeed/4 {
				t.Error("the cases are too much alike to show anything")
			}
		})
	}
}

// oracleCase is one case in the form of testdata/oracle.
type oracleCase struct {
	Target     oracleTarget
	ExecEnv    string
	Order      oracleOrder
	System     oracleSystem
	Buildpacks map[string]oracleModule
	// Extensions and their order; some have the ids of buildpacks.
	Extensions     map[string]oracleModule
	ExtensionOrder oracleOrder
}

// oracleSystem is system buildpacks, none of which the reference takes for
// optional.
type oracleSystem struct{ Pre, Post []oracleMember }

type oracleOrder [][]oracleMember

type oracleMember struct {
	ID, Version string
	Optional    bool
}

// oracleTarget is a target in the JSON form of the reference: of a run image,
// with one distribution, or of a buildpack, with several.
type oracleTarget struct {
	OS      string         `json:"os"`
	Arch    string         `json:"arch"`
	Variant string         `json:"arch-variant,omitempty"`
	Distro  *oracleDistro  `json:"distro,omitempty"`
	Distros []oracleDistro `json:"distros,omitempty"`
}

type oracleDistro struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type oracleModule struct {
	ID, Version string
	API         string
	Order       oracleOrder
	Targets     []oracleTarget
	ExecEnvs    []string
	Code        int
	Plans       []oraclePlan
}

type oraclePlan struct {
	Provides []string
	Requires []oracleRequirement
}

type oracleRequirement struct {
	Name     string
	Metadata map[string]any
}

type oracleAnswer struct {
	Passed     bool
	Group      []string
	Extensions []string
	Entries    []oracleEntry
}

type oracleEntry struct {
	Name       string
	Providers  []string
	Extensions []string
	Requires   []oracleRequirement
}

// randomCase makes up to six buildpacks, some of them in two versions, up to
// four composites of them and of each other, and an order of them all.
func randomCase(r *rand.Rand) oracleCase {
	c := oracleCase{Buildpacks: map[string]oracleModule{}, ExecEnv: "production"}
	one := func(of ...string) string { return of[r.IntN(len(of))] }
	chance := func(percent int) bool { return r.IntN(100) < percent }
	c.Target = oracleTarget{
		OS: "linux", Arch: one("amd64", "arm64"), Variant: one("", "v8"),
		Distro: &oracleDistro{one("debian", "ubuntu"), one("12", "22.04", "")},
	}
	if chance(20) {
		c.ExecEnv = "test"
	}
	restricted := chance(40) // by targets and execution environments
	names := []string{"node", "npm", "jdk", "jar"}[:1+r.IntN(4)]

	var members []oracleMember
	for i := range 1 + r.IntN(6) {
		m := oracleModule{ID: string(rune('a' + i)), Version: "1", API: one("0.7", "0.10", "0.12")}
		for range 1 + r.IntN(100)/85 {
			m.Code = 0
			if chance(15) {
				m.Code = []int{100, 1, -1}[r.IntN(3)]
			}
			m.Plans = nil
			for range []int{1, 1, 1, 2, 2, 3, 4}[r.IntN(7)] {
				var p oraclePlan
				for range []int{0, 0, 1, 1, 2}[r.IntN(5)] {
					p.Provides = append(p.Provides, one(names...))
				}
				for range []int{0, 0, 1, 1, 2, 3}[r.IntN(6)] {
					p.Requires = append(p.Requires, oracleRequirement{one(names...), map[string]any{"n": float64(r.IntN(100))}})
				}
				if chance(30) { // what it provides, it requires
					for _, name := range p.Provides {
						p.Requires = append(p.Requires, oracleRequirement{Name: name})
					}
				}
				m.Plans = append(m.Plans, p)
			}
			m.Targets, m.ExecEnvs = nil, nil
			for range []int{0, 1, 2}[r.IntN(3)] {
				if !restricted {
					break
				}
				target := oracleTarget{OS: one("", "linux", "linux", "windows"), Arch: one("", "", "amd64", "arm64"), Variant: one("", "", "v8", "v9")}
				for range r.IntN(3) {
					target.Distros = append(target.Distros, oracleDistro{one("", "debian", "ubuntu"), one("", "12", "22.04")})
				}
				m.Targets = append(m.Targets, target)
			}
			if restricted && chance(40) {
				m.ExecEnvs = [][]string{{"production"}, {"test"}, {"test", "production"}, {"*"}, {"development", "*"}}[r.IntN(5)]
			}
			c.Buildpacks[m.ID+"@"+m.Version] = m
			members = append(members, oracleMember{ID: m.ID, Version: m.Version})
			m.Version = "2"
		}
	}
	group := func(most int) (g []oracleMember) {
		for range 1 + r.IntN(most) {
			m := members[r.IntN(len(members))]
			m.Optional = chance(40)
			g = append(g, m)
		}
		return g
	}
	groups := func(most int) (o oracleOrder) {
		for range 1 + r.IntN(most) {
			o = append(o, group(4))
		}
		return o
	}
	for i := range r.IntN(5) {
		m := oracleModule{ID: fmt.Sprintf("meta%d", i), Version: "1", API: "0.10", Order: groups(2)}
		if restricted && chance(20) { // which composites may have and nobody looks at
			m.Targets, m.ExecEnvs = []oracleTarget{{OS: "windows"}}, []string{"test"}
		}
		c.Buildpacks[m.ID+"@"+m.Version] = m
		members = append(members, oracleMember{ID: m.ID, Version: m.Version})
	}
	c.Order = groups(3)
	if chance(40) {
		c.extend(r, names, restricted)
	}
	if chance(40) {
		for _, list := range []*[]oracleMember{&c.System.Pre, &c.System.Post} {
			for range r.IntN(3) {
				*list = append(*list, members[r.IntN(len(members))])
			}
		}
	}
	return c
}

// extend adds up to three extensions, and an order of them.
func (c *oracleCase) extend(r *rand.Rand, names []string, restricted bool) {
	c.Extensions = map[string]oracleModule{}
	var members []oracleMember
	for range 1 + r.IntN(3) {
		m := oracleModule{ID: []string{"a", "b", "x", "y"}[r.IntN(4)], Version: "1", API: []string{"0.9", "0.12"}[r.IntN(2)]}
		if r.IntN(100) < 15 {
			m.Code = []int{100, 1, -1}[r.IntN(3)]
		}
		for range []int{1, 1, 1, 2, 3}[r.IntN(5)] {
			var p oraclePlan
			for range []int{0, 1, 1, 2}[r.IntN(4)] {
				p.Provides = append(p.Provides, names[r.IntN(len(names))])
			}
			m.Plans = append(m.Plans, p)
		}
		if restricted && r.IntN(3) == 0 {
			m.Targets = []oracleTarget{{OS: []string{"linux", "windows"}[r.IntN(2)]}}
		}
		if restricted && r.IntN(3) == 0 {
			m.ExecEnvs = []string{"test"}
		}
		c.Extensions[m.ID+"@"+m.Version] = m
		members = append(members, oracleMember{ID: m.ID, Version: m.Version})
	}
	for range 1 + r.IntN(2) {
		var group []oracleMember
		for range 1 + r.IntN(3) {
			group = append(group, members[r.IntN(len(members))])
		}
		c.ExtensionOrder = append(c.ExtensionOrder, group)
	}
}

func (o oracleOrder) order() buildpacks.Order {
	groups := make(buildpacks.Order, len(o))
	for i, group := range o {
		for _, m := range group {
			groups[i] = append(groups[i], buildpacks.Member{ID: m.ID, Version: m.Version, Optional: m.Optional})
		}
	}
	return groups
}

func (m oracleModule) descriptor() buildpacks.Descriptor {
	d := buildpacks.Descriptor{ID: m.ID, Version: m.Version, Dialect: buildpacks.CNB, API: m.API}
	for _, t := range m.Targets {
		target := buildpacks.Target{OS: t.OS, Arch: t.Arch, Variant: t.Variant}
		for _, distro := range t.Distros {
			target.Distros = append(target.Distros, buildpacks.Distro(distro))
		}
		d.Targets = append(d.Targets, target)
	}
	// Which Buildpack API knows execution environments is the dialect's
	// business.
	if m.API == "0.12" {
		d.ExecEnvs = m.ExecEnvs
	}
	return d
}

func (m oracleModule) detection() buildpacks.Detection {
	d := buildpacks.Detection{Code: m.Code, Verdict: buildpacks.Error}
	switch m.Code {
	case 0:
		d.Verdict = buildpacks.Pass
	case 100:
		d.Verdict = buildpacks.Fail
	}
	for _, p := range m.Plans {
		a := buildpacks.Alternative{Provides: p.Provides}
		for _, req := range p.Requires {
			a.Requires = append(a.Requires, buildpacks.Requirement(req))
		}
		d.Plans = append(d.Plans, a)
	}
	return d
}

// Descriptor implements detect.Prober.
func (m oracleModule) Descriptor() buildpacks.Descriptor { return m.descriptor() }

// Probe implements detect.Prober.
func (m oracleModule) Probe(context.Context, buildpacks.Site) (buildpacks.Detection, error) {
	return m.detection(), nil
}

// expand makes the flat order of the case.
func (c oracleCase) expand() (buildpacks.Order, error) {
	composites := map[string]buildpacks.Composite{}
	for key, m := range c.Buildpacks {
		if len(m.Order) > 0 {
			composites[key] = buildpacks.Composite{Descriptor: m.descriptor(), Order: m.Order.order()}
		}
	}
	system := oracleOrder{c.System.Pre, c.System.Post}.order()
	order := c.Order.order()
	for i, group := range order {
		order[i] = detect.System{Pre: system[0], Post: system[1]}.Around(group)
	}
	flat, _, err := detect.ExpandMarked(order, c.ExtensionOrder.order(), composites)
	return flat, err
}

// asExtension is an extension as what is asked.
type asExtension struct{ oracleModule }

// Descriptor implements detect.Prober.
func (x asExtension) Descriptor() buildpacks.Descriptor {
	d := x.descriptor()
	d.Extension = true
	return d
}

// groups counts those of the flat order.
func (c oracleCase) groups() int {
	flat, err := c.expand()
	if err != nil {
		return maxGroups + 1
	}
	return len(flat)
}

func (c oracleCase) target() stack.Target {
	return stack.Target{
		OS: c.Target.OS, Arch: c.Target.Arch, Variant: c.Target.Variant,
		DistroName: c.Target.Distro.Name, DistroVersion: c.Target.Distro.Version,
	}
}

func (c oracleCase) detect(t *testing.T) oracleAnswer {
	t.Helper()
	probers := map[string]detect.Prober{}
	for key, m := range c.Buildpacks {
		if len(m.Order) == 0 {
			probers[key] = m
		}
	}
	for key, m := range c.Extensions {
		probers["extension "+key] = asExtension{m}
	}
	site := buildpacks.Site{ExecEnv: c.ExecEnv, Stack: stack.Stack{Target: c.target()}}
	order, err := c.expand()
	if err != nil {
		t.Fatal(err)
	}
	plan, err := detect.Detect(t.Context(), site, order, probers)
	var none *detect.NoMatchError
	if err != nil && !errors.As(err, &none) {
		t.Fatal(err)
	}
	// Who is faster shows nowhere.
	again, errAgain := detect.Detect(t.Context(), site, order, probers)
	if diff := cmp.Diff(plan, again); diff != "" || fmt.Sprint(err) != fmt.Sprint(errAgain) {
		t.Fatalf("asked twice: %v, %v, plans (-first +second):\n%s", err, errAgain, diff)
	}
	a := oracleAnswer{Passed: err == nil, Entries: oracleEntries(plan.Entries)}
	for _, choice := range plan.Group {
		a.Group = append(a.Group, choice.String())
	}
	for _, choice := range plan.Extensions {
		a.Extensions = append(a.Extensions, choice.String())
	}
	return a
}

// resolve is detect by the pure function, for those whose every buildpack has
// no restriction.
func (c oracleCase) resolve(t *testing.T) oracleAnswer {
	t.Helper()
	found := map[string]buildpacks.Detection{}
	for key, m := range c.Buildpacks {
		if len(m.Order) > 0 {
			continue
		}
		if len(m.Targets) > 0 || len(m.ExecEnvs) > 0 {
			return c.detect(t)
		}
		found[key] = m.detection()
	}
	for key, m := range c.Extensions {
		if len(m.Targets) > 0 || len(m.ExecEnvs) > 0 {
			return c.detect(t)
		}
		found["extension "+key] = m.detection()
	}
	order, err := c.expand()
	if err != nil {
		t.Fatal(err)
	}
	resolved := detect.Resolve(order, found)
	a := oracleAnswer{Passed: resolved.Passed, Entries: oracleEntries(resolved.Entries)}
	for _, m := range resolved.Group {
		if m.Extension {
			a.Extensions = append(a.Extensions, m.ID+"@"+m.Version)
			continue
		}
		a.Group = append(a.Group, detect.Key(m))
	}
	return a
}

func oracleEntries(entries []detect.Entry) []oracleEntry {
	var all []oracleEntry
	for _, e := range entries {
		one := oracleEntry{Name: e.Name, Providers: slices.Clone(e.Providers), Extensions: e.Extensions}
		for _, req := range e.Requires {
			one.Requires = append(one.Requires, oracleRequirement(req))
		}
		all = append(all, one)
	}
	return all
}
