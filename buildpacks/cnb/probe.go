package cnb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

const (
	// failStatus is how bin/detect says no (CNB Buildpack API, "Detection").
	failStatus = 100
	// probeTimeout ends a bin/detect that hangs.
	probeTimeout = 2 * time.Minute
	// maxReason bounds what is kept of a script's output, in bytes.
	maxReason = 16 << 10
	// planDir is where scripts find the file for their build plan.
	planDir = "/plan"
)

// planDoc is a build plan as bin/detect writes it.
type planDoc struct {
	section
	Or []section `toml:"or"`
}

type section struct {
	Provides []struct {
		Name string `toml:"name"`
	} `toml:"provides"`
	Requires []buildpacks.Requirement `toml:"requires"`
}

func (s section) alternative() (buildpacks.Alternative, error) {
	var a buildpacks.Alternative
	for _, p := range s.Provides {
		if p.Name == "" {
			return a, errors.New("the build plan provides something without a name")
		}
		a.Provides = append(a.Provides, p.Name)
	}
	for _, r := range s.Requires {
		if r.Name == "" {
			return a, errors.New("the build plan requires something without a name")
		}
		a.Requires = append(a.Requires, r)
	}
	return a, nil
}

// Probe runs bin/detect (CNB Buildpack API, "Phase #1: Detection").
func (b *Buildpack) Probe(ctx context.Context, site buildpacks.Site) (buildpacks.Detection, error) {
	plans, err := scratch(site, "detect-"+launch.EscapeID(b.descriptor.ID)+"-"+b.descriptor.Version)
	if err != nil {
		return buildpacks.Detection{}, err
	}
	planPath := filepath.Join(planDir, "plan.toml")
	env := b.scriptEnv(site, map[string]string{
		"HOME": "/tmp", "PATH": stack.DefaultPath, "CNB_BUILD_PLAN_PATH": planPath,
	})
	output := &head{limit: maxReason}
	err = site.Runner.Run(ctx, sandbox.Command{
		Stack:   site.Stack,
		Mounts:  append(b.mounts(site, false), sandbox.Mount{Source: plans, Target: planDir, Writable: true}),
		Args:    []string{filepath.Join(b.root(), "bin/detect"), site.Platform.Path, planPath},
		Dir:     site.App.Path,
		Env:     env,
		Stdout:  output,
		Stderr:  output,
		Timeout: probeTimeout,
	})
	d := buildpacks.Detection{Reason: output.String()}
	var exit *sandbox.ExitError
	var late *sandbox.TimeoutError
	switch {
	case errors.As(err, &exit) && exit.Code == failStatus:
		d.Verdict, d.Code = buildpacks.Fail, exit.Code
		return d, nil
	case errors.As(err, &exit), errors.As(err, &late):
		d.Verdict, d.Code = buildpacks.Error, -1
		if exit != nil {
			d.Code = exit.Code
		}
		d.Reason = strings.TrimSpace(fmt.Sprintf("bin/detect: %v\n%s", err, d.Reason))
		return d, nil
	case err != nil:
		return d, fmt.Errorf("asking %s: %w", b.descriptor, err)
	}

	d.Verdict = buildpacks.Pass
	var doc planDoc
	if err := decodeLeft(filepath.Join(plans, "plan.toml"), &doc); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return buildpacks.Detection{Verdict: buildpacks.Error, Reason: fmt.Sprintf("build plan: %v", err)}, nil
	}
	for _, s := range append([]section{doc.section}, doc.Or...) {
		a, err := s.alternative()
		if err != nil {
			return buildpacks.Detection{Verdict: buildpacks.Error, Reason: err.Error()}, nil
		}
		d.Plans = append(d.Plans, a)
	}
	return d, nil
}

// scratch makes a directory of the build for one script, empty, and writable
// for it.
func scratch(site buildpacks.Site, name string) (string, error) {
	dir := filepath.Join(site.Scratch, name)
	if err := sandbox.Remove(dir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return dir, sandbox.Give(dir)
}

// head keeps the first bytes that are written to it, and forgets the rest.
type head struct {
	kept  []byte
	limit int
	more  bool
}

func (h *head) Write(p []byte) (int, error) {
	if room := h.limit - len(h.kept); room < len(p) {
		h.kept = append(h.kept, p[:room]...)
		h.more = true
	} else {
		h.kept = append(h.kept, p...)
	}
	return len(p), nil
}

func (h *head) String() string {
	s := strings.ToValidUTF8(string(h.kept), "�")
	if h.more {
		s += "\n..."
	}
	return s
}
