// Oracle answers, for cases of detection, what the reference lifecycle chooses.
//
// It reads one JSON case per line and writes one JSON answer per line. It links
// the detector of the reference as it is and gives it buildpacks that are not
// on disk. It is a module of its own, so that the reference and all that it
// needs stay out of slugc.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/buildpacks/lifecycle/api"
	"github.com/buildpacks/lifecycle/buildpack"
	"github.com/buildpacks/lifecycle/log"
	"github.com/buildpacks/lifecycle/phase"
	"github.com/buildpacks/lifecycle/platform"
	"github.com/buildpacks/lifecycle/platform/files"
)

// testCase is what is to be detected.
type testCase struct {
	Target  files.TargetMetadata
	ExecEnv string
	Order   order
	// System stand before and behind each group.
	System struct{ Pre, Post []files.SystemBuildpack }
	// Buildpacks are those there are, by id@version, and Extensions the image
	// extensions.
	Buildpacks, Extensions map[string]module
	// ExtensionOrder is the order of the extensions.
	ExtensionOrder order
}

type order [][]struct {
	ID, Version string
	Optional    bool
}

// module is a composite buildpack, when it has an order, or a component.
type module struct {
	ID, Version string
	API         string
	Order       order
	Targets     []buildpack.TargetMetadata
	ExecEnvs    []string
	// Code is the exit status of bin/detect, Plans what it offers.
	Code  int
	Plans []struct {
		Provides []string
		Requires []requirement
	}
}

type requirement struct {
	Name     string
	Metadata map[string]any
}

// answer is what was detected.
type answer struct {
	Passed     bool
	Group      []string
	Extensions []string
	Entries    []entry
}

type entry struct {
	Name       string
	Providers  []string
	Extensions []string
	Requires   []requirement
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	cases, answers := json.NewDecoder(bufio.NewReader(in)), bufio.NewWriter(out)
	for {
		var c testCase
		err := cases.Decode(&c)
		if errors.Is(err, io.EOF) {
			return answers.Flush()
		}
		if err != nil {
			return err
		}
		a, err := c.detect()
		if err != nil {
			return err
		}
		if err := json.NewEncoder(answers).Encode(a); err != nil {
			return err
		}
	}
}

func (c testCase) detect() (answer, error) {
	logger := log.NewDefaultLogger(io.Discard)
	factory := phase.NewHermeticFactory(api.MustParse("0.15"), anyAPI{}, handler{c: c}, c)
	detector, err := factory.NewDetector(platform.LifecycleInputs{ExecEnv: c.ExecEnv}, logger)
	if err != nil {
		return answer{}, err
	}
	detector.Executor, detector.Resolver = c, phase.NewDefaultDetectResolver(logger)
	// See reference: merging leaves room too.
	for i, group := range detector.Order {
		detector.Order[i].Group = slices.Clip(group.Group)
	}
	group, plan, err := detector.DetectOrder(detector.Order)
	var failed *buildpack.Error
	if errors.As(err, &failed) {
		return answer{}, nil
	}
	if err != nil {
		return answer{}, err
	}
	a := answer{Passed: true}
	for _, el := range group.Group {
		a.Group = append(a.Group, el.String())
	}
	for _, el := range group.GroupExtensions {
		a.Extensions = append(a.Extensions, el.String())
	}
	// The reference writes the entries in the order of a map.
	for _, e := range plan.Entries {
		one := entry{Name: e.Requires[0].Name}
		for _, p := range e.Providers {
			if p.Extension {
				one.Extensions = append(one.Extensions, p.ID)
				continue
			}
			one.Providers = append(one.Providers, p.ID)
		}
		for _, r := range e.Requires {
			one.Requires = append(one.Requires, requirement{r.Name, r.Metadata})
		}
		a.Entries = append(a.Entries, one)
	}
	slices.SortFunc(a.Entries, func(a, b entry) int { return cmp.Compare(a.Name, b.Name) })
	return a, nil
}

// handler reads the files of a case, which are none.
type handler struct {
	phase.ConfigHandler
	c testCase
}

// ReadAnalyzed implements phase.ConfigHandler.
func (h handler) ReadAnalyzed(string, log.Logger) (files.Analyzed, error) {
	return files.Analyzed{RunImage: &files.RunImage{TargetMetadata: &h.c.Target}}, nil
}

// ReadOrder implements phase.ConfigHandler.
func (h handler) ReadOrder(string) (buildpack.Order, buildpack.Order, error) {
	extensions := h.c.ExtensionOrder.reference()
	for _, group := range extensions {
		for i := range group.Group {
			group.Group[i].Extension = true
		}
	}
	return h.c.Order.reference(), extensions, nil
}

// ReadSystem implements phase.ConfigHandler.
func (h handler) ReadSystem(string, log.Logger) (files.System, error) {
	return files.System{
		Pre:  files.SystemBuildpacks{Buildpacks: h.c.System.Pre},
		Post: files.SystemBuildpacks{Buildpacks: h.c.System.Post},
	}, nil
}

// anyAPI takes buildpacks of every API.
type anyAPI struct{}

// VerifyBuildpackAPI implements phase.BuildpackAPIVerifier.
func (anyAPI) VerifyBuildpackAPI(_, _, _ string, _ log.Logger) error { return nil }

// reference is the order as the reference has it. The slices have no room
// left: the reference appends to them in place, and says that it should not.
func (o order) reference() buildpack.Order {
	groups := make(buildpack.Order, len(o))
	for i, group := range o {
		groups[i].Group = make([]buildpack.GroupElement, len(group))
		for j, m := range group {
			groups[i].Group[j] = buildpack.GroupElement{ID: m.ID, Version: m.Version, Optional: m.Optional}
		}
	}
	return groups
}

// LookupBp implements phase.DirStore.
func (c testCase) LookupBp(id, version string) (*buildpack.BpDescriptor, error) {
	m, ok := c.Buildpacks[id+"@"+version]
	if !ok {
		return nil, fmt.Errorf("no buildpack %s@%s", id, version)
	}
	return &buildpack.BpDescriptor{
		WithAPI:   m.API,
		Buildpack: buildpack.BpInfo{BaseInfo: buildpack.BaseInfo{ID: id, Version: version, ExecEnv: m.ExecEnvs}},
		Order:     m.Order.reference(),
		Targets:   m.Targets,
	}, nil
}

// Lookup implements phase.DirStore.
func (c testCase) Lookup(kind, id, version string) (buildpack.Descriptor, error) {
	if kind == buildpack.KindExtension {
		return c.LookupExt(id, version)
	}
	return c.LookupBp(id, version)
}

// LookupExt implements phase.DirStore.
func (c testCase) LookupExt(id, version string) (*buildpack.ExtDescriptor, error) {
	m, ok := c.Extensions[id+"@"+version]
	if !ok {
		return nil, fmt.Errorf("no extension %s@%s", id, version)
	}
	return &buildpack.ExtDescriptor{
		WithAPI:   m.API,
		Extension: buildpack.ExtInfo{BaseInfo: buildpack.BaseInfo{ID: id, Version: version, ExecEnv: m.ExecEnvs}},
		Targets:   m.Targets,
	}, nil
}

// Detect implements buildpack.DetectExecutor.
func (c testCase) Detect(d buildpack.Descriptor, _ buildpack.DetectInputs, _ log.Logger) buildpack.DetectOutputs {
	var m module
	switch d := d.(type) {
	case *buildpack.ExtDescriptor:
		m = c.Extensions[d.Extension.ID+"@"+d.Extension.Version]
	case *buildpack.BpDescriptor:
		m = c.Buildpacks[d.Buildpack.ID+"@"+d.Buildpack.Version]
	}
	out := buildpack.DetectOutputs{Code: m.Code}
	for i, p := range m.Plans {
		var sections buildpack.PlanSections
		for _, name := range p.Provides {
			sections.Provides = append(sections.Provides, buildpack.Provide{Name: name})
		}
		for _, r := range p.Requires {
			sections.Requires = append(sections.Requires, buildpack.Require{Name: r.Name, Metadata: r.Metadata})
		}
		if i == 0 {
			out.PlanSections = sections
		} else {
			out.Or = append(out.Or, sections)
		}
	}
	return out
}
