package cnb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/sandbox"
)

// JointScript is the script below bin that answers for several buildpacks at
// once: AnswerJointly.
const JointScript = "detect-jointly"

// What AnswerJointly leaves for a buildpack beside the build plan: what was printed, and
// the exit status as text.
const (
	outputFile = "output"
	statusFile = "status"
)

// maxStatus bounds what is read of an exit status, in bytes.
const maxStatus = 8

// Joint is a buildpack that is asked in one go with others: a sandbox and the start of
// a program cost more than what bin/detect of ours does in it.
type Joint struct {
	*Buildpack
	with *joint
}

// joint are buildpacks that are asked in one go.
type joint struct {
	all    []*Buildpack
	asked  sync.Once
	broken error
	found  map[*Buildpack]buildpacks.Detection
}

// Jointly has all of some buildpacks asked when the first of them is. They are of one
// program, which all see and which the first has as bin/detect-jointly, and differ in
// nothing but their directory. They can be asked about one site, as it is then, and
// not again.
func Jointly(all []*Buildpack) []*Joint {
	with := &joint{all: all}
	joints := make([]*Joint, len(all))
	for i, b := range all {
		joints[i] = &Joint{Buildpack: b, with: with}
	}
	return joints
}

// Probe is Buildpack.Probe. Where asking all did not come to an end, be it for the
// fault of another, the buildpack is asked alone.
func (j *Joint) Probe(ctx context.Context, site buildpacks.Site) (buildpacks.Detection, error) {
	j.with.asked.Do(func() { j.with.found, j.with.broken = j.with.ask(ctx, site) })
	if j.with.broken != nil {
		return j.Buildpack.Probe(ctx, site)
	}
	return j.with.found[j.Buildpack], nil
}

// ask runs the script for all.
func (j *joint) ask(ctx context.Context, site buildpacks.Site) (found map[*Buildpack]buildpacks.Detection, err error) {
	first := j.all[0]
	if err := os.MkdirAll(site.Scratch, 0o755); err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp(site.Scratch, "detect-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sandbox.Remove(scratch)) }()
	if err := errors.Join(os.Chmod(scratch, 0o755), site.Give(scratch)); err != nil {
		return nil, err
	}
	env, err := first.environment(site, nil, nil)
	if err != nil {
		return nil, err
	}
	mounts := first.mounts(site, false, sandbox.Mount{Source: scratch, Target: planDir, Writable: true})
	args := []string{path.Join(first.root(site), "bin", JointScript), site.Platform.Path, planDir}
	for _, b := range j.all {
		args = append(args, b.root(site))
		for _, m := range b.mounts(site, false) {
			if !slices.Contains(mounts, m) {
				mounts = append(mounts, m)
			}
		}
	}
	err = site.Runner.Run(ctx, sandbox.Command{
		Stack: site.Stack, Mounts: mounts, Args: args, Dir: site.AppDir().Path, Env: env,
		Stdout: io.Discard, Stderr: io.Discard, Timeout: detectTimeout,
	})
	if err != nil {
		return nil, err
	}
	found = map[*Buildpack]buildpacks.Detection{}
	for i, b := range j.all {
		if found[b], err = b.answered(filepath.Join(scratch, strconv.Itoa(i))); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// answered is the answer that AnswerJointly left in a directory.
func (b *Buildpack) answered(dir string) (d buildpacks.Detection, err error) {
	text, err := sandbox.ReadFile(filepath.Join(dir, statusFile), maxStatus)
	if err != nil {
		return d, err
	}
	status, err := strconv.Atoi(string(text))
	if err != nil {
		return d, fmt.Errorf("reading an exit status: %w", err)
	}
	printed, err := sandbox.ReadFile(filepath.Join(dir, outputFile), 2*maxReason)
	if err != nil {
		return d, err
	}
	output := &buildpacks.Head{Limit: maxReason}
	if _, err := output.Write(printed); err != nil {
		return d, err
	}
	var exit error
	if status != 0 {
		exit = &sandbox.ExitError{Code: status}
	}
	return b.detection(exit, output.String(), dir)
}

// AnswerJointly is the script of buildpacks that are asked in one go: args are its
// own, and answer is bin/detect of the buildpack in a directory, which prints to
// out and returns its exit status.
func AnswerJointly(args []string, answer func(dir, platform, plan string, out io.Writer) int) error {
	if len(args) < 3 {
		return fmt.Errorf("%s PLATFORM PLANS BUILDPACK...: expected at least one buildpack, got %q", JointScript, args)
	}
	platform, plans := args[1], args[2]
	for i, dir := range args[3:] {
		own := filepath.Join(plans, strconv.Itoa(i))
		plan := filepath.Join(own, planFile)
		if err := errors.Join(os.Mkdir(own, 0o755), os.WriteFile(plan, nil, 0o644)); err != nil {
			return err
		}
		var out bytes.Buffer
		status := answer(dir, platform, plan, &out)
		printed := out.Bytes()[:min(out.Len(), 2*maxReason)]
		err := errors.Join(
			os.WriteFile(filepath.Join(own, outputFile), printed, 0o644),
			os.WriteFile(filepath.Join(own, statusFile), []byte(strconv.Itoa(status)), 0o644))
		if err != nil {
			return err
		}
	}
	return nil
}
