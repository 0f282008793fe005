package cnb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/sandbox"
)

const (
	// failStatus is how bin/detect says no (CNB Buildpack API, "Detection").
	failStatus = 100
	// detectTimeout ends a bin/detect that hangs.
	detectTimeout = 2 * time.Minute
	// maxReason bounds what is kept of a script's output, in bytes.
	maxReason = 16 << 10
	// planDir is where scripts find the file for their build plan.
	planDir = "/plan"
)

// Probe runs bin/detect (CNB Buildpack API, "Phase #1: Detection"). It can be
// called for several buildpacks of a site at once.
func (b *Buildpack) Probe(ctx context.Context, site buildpacks.Site) (d buildpacks.Detection, err error) {
	plans, err := planScratch(site)
	if err != nil {
		return d, fmt.Errorf("asking %s: %w", b.descriptor, err)
	}
	defer func() { err = errors.Join(err, sandbox.Remove(plans)) }()
	planPath := planPath(site, plans)
	env, err := b.environment(site, nil, map[string]string{"CNB_BUILD_PLAN_PATH": planPath})
	if err != nil {
		return d, fmt.Errorf("asking %s: %w", b.descriptor, err)
	}
	timeout := cmp.Or(b.DetectTimeout, detectTimeout)
	if site.InPlace {
		timeout = b.DetectTimeout // a platform ends the whole phase when it likes
	}
	output := &buildpacks.Head{Limit: maxReason}
	err = site.Runner.Run(ctx, sandbox.Command{
		Stack:   site.Stack,
		Mounts:  b.mounts(site, false, sandbox.Mount{Source: plans, Target: planDir, Writable: true}),
		Args:    []string{path.Join(b.root(site), "bin/detect"), site.Platform.Path, planPath},
		Dir:     site.AppDir().Path,
		Env:     env,
		Stdout:  output,
		Stderr:  output,
		Timeout: timeout,
	})
	return b.detection(err, output.String(), plans)
}

// detection is what bin/detect said: by how it ended, with what it printed, and
// with the build plan in a directory of this machine.
func (b *Buildpack) detection(err error, output, plans string) (d buildpacks.Detection, _ error) {
	var exit *sandbox.ExitError
	var late *sandbox.TimeoutError
	switch {
	case errors.As(err, &exit) && exit.Code == failStatus:
		return buildpacks.Detection{Verdict: buildpacks.Fail, Code: failStatus, Reason: output, Output: output}, nil
	case errors.As(err, &exit):
		broken := broken(exit.Code, fmt.Sprintf("bin/detect: %v\n%s", err, output), output)
		if exit.Reason != "" {
			broken.Fault = exit.Reason
		}
		return broken, nil
	case errors.As(err, &late):
		broken := broken(-1, fmt.Sprintf("bin/detect: %v\n%s", err, output), output)
		broken.Fault = err.Error()
		return broken, nil
	case err != nil:
		return d, fmt.Errorf("asking %s: %w", b.descriptor, err)
	}
	data, err := sandbox.ReadFile(filepath.Join(plans, planFile), maxTOML)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		d.Plans, err = parsePlan(data)
	}
	if err != nil {
		broken := broken(0, fmt.Sprintf("bin/detect left a build plan that is not in order: %v\n%s", err, output), output)
		broken.Fault = err.Error()
		return broken, nil
	}
	d.Verdict, d.Reason, d.Output = buildpacks.Pass, output, output
	return d, nil
}

func broken(code int, reason, output string) buildpacks.Detection {
	return buildpacks.Detection{Verdict: buildpacks.Error, Code: code, Reason: strings.TrimSpace(reason), Output: output}
}

// planFile is the build plan in its directory.
const planFile = "plan.toml"

// planScratch makes a directory of the build with an empty build plan, for one
// script. As with the reference lifecycle the file is there: scripts append to
// it, and read it.
func planScratch(site buildpacks.Site) (string, error) {
	if err := os.MkdirAll(site.Scratch, 0o755); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(site.Scratch, "detect-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, planFile)
	return dir, errors.Join(
		os.Chmod(dir, 0o755), os.WriteFile(file, nil, 0o644), site.Give(dir), site.Give(file))
}

// planPath is where a script finds the plan file that lies in a directory on this
// machine.
func planPath(site buildpacks.Site, dir string) string {
	if site.InPlace {
		return filepath.Join(dir, planFile)
	}
	return path.Join(planDir, planFile)
}
