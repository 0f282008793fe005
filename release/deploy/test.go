package deploy

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/slugc/slugc/build"
	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/classic"
	"github.com/slugc/slugc/buildpacks/project"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Names that an app gives to what tests it: scripts of its app.json, and a
// process type.
const (
	testScript      = "test"
	testSetupScript = "test-setup"
	testType        = "test"
)

// Tests are how the tests of an app run.
type Tests struct {
	// Command is run in place of the app's own tests: a program and its
	// arguments. It is empty where they are wanted.
	Command []string
	// Timeout ends tests that hang; zero waits for ever.
	Timeout time.Duration
}

// Tested says what the tests of an app were.
type Tested struct {
	// By is who says how to test the app, empty for the person who asked.
	By string `json:"by,omitempty"`
	// Command is what ran, as a shell takes it, and Setup what prepared it.
	Command string `json:"command"`
	Setup   string `json:"setup,omitempty"`
}

// Test builds an app for its tests and runs them. They run where it was built,
// on the stack it was built on, as a process of a slug would; no artifact is
// made. The error for tests that do not pass is a *TestError, and for an app
// that has none a *NoTestsError.
func (d Deploy) Test(ctx context.Context, req Request, tests Tests) (tested Tested, err error) {
	req.ExecEnv = project.TestEnvironment
	work, err := d.open(ctx, req)
	if err != nil {
		return tested, err
	}
	defer func() { err = errors.Join(err, work.close()) }()

	d.Voice.Stepf("Building %s for its tests on the %s stack", work.what(), work.site.Stack.ID)
	plan, tree, err := d.assemble(ctx, work, req)
	if err != nil {
		return tested, err
	}
	layers, err := build.WalkLayers(ctx, tree, work.entry.Restored())
	if err != nil {
		return tested, whoseFault(tree, err)
	}
	saved := build.Walked{Layers: layers}
	d.sayBigCache(saved)
	if err := guard(ctx, tree, saved, req.Secrets); err != nil {
		return tested, whoseFault(tree, work.forget(err))
	}
	d.save(ctx, work, tree, saved)
	trial, err := findTrial(work, plan.selection, tree, tests.Command)
	if err != nil {
		return tested, err
	}
	return trial.Tested, d.try(ctx, work, tree, trial, tests.Timeout)
}

// trial is a way to test an app.
type trial struct {
	Tested
	// args are the program that runs, with its arguments, and mounts what it
	// needs beside the app.
	args   []string
	mounts []sandbox.Mount
}

// findTrial finds out how an app is tested: by the command that the person
// names, else by the script of its app.json, by bin/test of the last classic
// buildpack that has one, or by the process type "test". What app.json says of
// preparing tests is done before any of them.
func findTrial(work workplace, chosen selection, tree artifact.Tree, command []string) (trial, error) {
	scripts := work.wishes.app.ForTest().Scripts
	t := trial{Tested: Tested{Setup: strings.TrimSpace(scripts[testSetupScript])}}
	if len(command) > 0 {
		t.args, t.Command = command, release.Quote(command...)
		return t, nil
	}
	if line := strings.TrimSpace(scripts[testScript]); line != "" {
		t.By, t.Command, t.args = project.AppJSONFile, line, shell(line)
		return t, nil
	}
	for _, by := range slices.Backward(tree.Buildpacks) {
		b, is := chosen.found[detect.Key(buildpacks.Member{ID: by.ID, Version: by.Version})].(*classic.Buildpack)
		if !is {
			continue
		}
		if args, mount, ok := b.Test(work.site); ok {
			t.By, t.Command, t.args = "buildpack "+by.String(), classic.TestScript, args
			t.mounts = append(t.mounts, mount)
			return t, nil
		}
	}
	if process, ok := tree.Metadata.Find(testType); ok {
		line := release.Line(process)
		t.By, t.Command, t.args = "process type "+testType, line, shell(line)
		return t, nil
	}
	return t, &NoTestsError{App: work.app}
}

func shell(line string) []string { return []string{"bash", "-c", line} }

// try runs tests. They see the app as processes of its slug would, and besides
// the variables of the build as files, in ENV_DIR. What they print is one
// stream, as what buildpacks print is.
func (d Deploy) try(ctx context.Context, work workplace, tree artifact.Tree, t trial, timeout time.Duration) error {
	began := time.Now()
	site := work.site
	temp, err := site.Room("test-tmp")
	if err != nil {
		return fmt.Errorf("running the tests: %w", err)
	}
	mounts := append(formation.Mounts(site.App.Host),
		sandbox.Mount{Source: site.Platform.Host, Target: site.Platform.Path},
		sandbox.Mount{Source: temp, Target: site.Temp.Path, Writable: true})
	profile, err := profileMount(site, tree)
	if err != nil {
		return fmt.Errorf("running the tests: %w", err)
	}
	output := d.Output()
	err = d.Runner.Run(ctx, sandbox.Command{
		Stack: site.Stack, Mounts: slices.Concat(mounts, profile, t.mounts),
		Args: formation.Start(d.announce(t)...), Dir: site.AppDir().Path,
		Env: testEnv(site).List(), Network: !site.Offline,
		Stdout: output, Stderr: output,
		Timeout: timeout, Grace: formation.Grace,
	})
	if err = errors.Join(asTestError(err), output.Close()); err != nil {
		return err
	}
	d.Voice.Stepf("Tests passed in %s", report.Duration(time.Since(began)))
	return nil
}

// announce says what is about to run, and returns it. What prepares the tests
// and the tests themselves are one process after the other in one sandbox: a
// service that the first starts is there for the second.
func (d Deploy) announce(t trial) []string {
	title := "Running tests"
	if t.By != "" {
		title += ", as " + t.By + " says"
	}
	if t.Setup == "" {
		d.Voice.Stepf("%s", title)
		d.Voice.Detailf("$ %s", t.Command)
		return t.args
	}
	d.Voice.Stepf("Running %s of %s", testSetupScript, project.AppJSONFile)
	d.Voice.Detailf("$ %s", t.Setup)
	said := "-----> " + title + "\n       $ " + strings.ReplaceAll(t.Command, "\n", "\n       ")
	return append([]string{"bash", "-c", testProgram, "slugc", t.Setup, said}, t.args...)
}

// testProgram prepares tests and becomes them.
//
//go:embed test.bash
var testProgram string

// profileMount shows tests the script that gives a slug's processes the
// environment of the layers, where a slug has it.
func profileMount(site buildpacks.Site, tree artifact.Tree) ([]sandbox.Mount, error) {
	script, err := profile(tree)
	if err != nil || len(script) == 0 {
		return nil, err
	}
	room, err := site.Room("test-profile")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(room, path.Base(profileScript))
	if err := errors.Join(os.WriteFile(file, script, 0o644), sandbox.Give(file)); err != nil {
		return nil, err
	}
	if tree.Subdir != "" {
		// What the source has at its top is not the app's.
		return []sandbox.Mount{{Source: room, Target: path.Dir(path.Join(site.App.Path, profileScript))}}, nil
	}
	return []sandbox.Mount{{Source: file, Target: path.Join(site.App.Path, profileScript)}}, nil
}

// testEnv is what tests find in their environment: what every process does,
// what tells them that they are tests, and above that what the build was given.
func testEnv(site buildpacks.Site) launch.Env {
	env := formation.Env(testType + ".1")
	maps.Copy(env, launch.Env{"CI": "true", "CNB_EXEC_ENV": site.ExecEnv, "LANG": "C.UTF-8", "STACK": site.Stack.ID})
	if len(site.Bindings) > 0 {
		env["SERVICE_BINDING_ROOT"] = path.Join(site.Platform.Path, "bindings")
	}
	maps.Copy(env, site.Env)
	return env
}

// lateStatus is the status of tests that took too long, as of timeout(1).
const lateStatus = 124

// asTestError is the error of tests as a *TestError, if that is what it is.
func asTestError(err error) error {
	exit, exited := errors.AsType[*sandbox.ExitError](err)
	_, late := errors.AsType[*sandbox.TimeoutError](err)
	switch {
	case err == nil:
		return nil
	case exited && exit.Reason == "":
		return &TestError{Status: exit.Status(), Err: exit}
	case late:
		return &TestError{Status: lateStatus, Err: err}
	}
	return fmt.Errorf("running the tests: %w", err)
}

// TestError says that tests did not pass.
type TestError struct {
	// Status is how they ended, as a shell counts it.
	Status int
	Err    error
}

func (e *TestError) Error() string { return fmt.Sprintf("the tests did not pass: %v", e.Err) }

// Unwrap is how they ended.
func (e *TestError) Unwrap() error { return e.Err }

// NoTestsError says that nobody knows how to test an app.
type NoTestsError struct{ App string }

func (e *NoTestsError) Error() string {
	return fmt.Sprintf(`nothing says how to test %s; write the command to its %s:
{"environments": {"test": {"scripts": {"test": "COMMAND"}}}}
or to its Procfile:
test: COMMAND`, e.App, project.AppJSONFile)
}

// forTests is a classic buildpack that builds apps for their tests.
type forTests struct{ *classic.Buildpack }

// Compile is CompileForTest.
func (b forTests) Compile(ctx context.Context, site buildpacks.Site, job buildpacks.Job) (buildpacks.Contribution, error) {
	return b.CompileForTest(ctx, site, job)
}
