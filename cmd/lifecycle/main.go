// Command lifecycle is the lifecycle of Cloud Native Buildpacks, for platforms such
// as pack, kpack and Tekton: all phases in one program, which is told by its name
// which one it is, or by its first argument (CNB Platform API, "Operations").
//
// A phase is a row of flags (flags.go) and a constructor (phases.go); all it does
// is in build/lifecycle. Root's phases read credentials and become the user that
// builds before they do anything else (connect.go).
//
// Tests make every mistake with the reference lifecycle v0.21.0 too. Exit codes
// differ from it, each time on purpose, where
//   - a registry cannot be reached or refuses: that is a failure of the analyzer (32)
//     or the exporter (62), and not of the program (1);
//   - all run images of a run.toml are missing from their registries: no image can be
//     chosen (3), where the reference goes on until its exporter misses one;
//   - the exporter finds no analyzed.toml: it says so (3), and does not panic (2).
//
// A phase that is told to end (SIGTERM, SIGINT) clears away what it began, and ends
// with the code of its failures.
//
// Each exit code is provoked by a test:
//
//	0 done                       TestPhases, TestCreator, TestReferencePhases
//	1 anything else              TestReferenceMistakes, TestFullDisk, TestPhasesRefuseRoot
//	2 flags, 3 arguments         TestReferenceMistakes
//	11, 12 APIs                  TestReferenceMistakes, TestRun
//	20, 21, 22 detect            TestReferenceMistakes; told to end: TestPhasesStop
//	32 analyze                   TestReferenceMistakes, TestPhasesStop
//	42 restore                   TestReferenceMistakes, TestPhasesStopRestore
//	51, 52 build                 TestReferenceMistakes, TestPhasesStop, TestFullDisk
//	62 export                    TestReferenceMistakes, TestPhasesStop, TestFullDisk
//	72 rebase                    TestRebaser, TestRebaserStops, lifecycle.TestRebaseReference
//	82 launch                    launch.TestLauncher, cmd/launcher.TestLauncher
//	91, 92 generate              TestReferenceExtensions
//	102 extend                   TestReferenceExtenderMistakes, TestExtender
//
// and so is what goes wrong outside of it: caches (TestCacheGoesOn, TestCacheOnABadDisk,
// cache.TestVolumeConforms and TestImageConforms), labels and a previous image that is
// gone (TestReferenceCreator, lifecycle.TestExportReferencePrevious), a daemon that
// restarts (daemon.TestDaemon).
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/slugc/slugc/build/lifecycle/target"
)

// A platform gives a container of a lifecycle less memory than time: what is garbage
// is collected sooner than by default, in percent of what is in use.
const garbage = 45

func main() {
	debug.SetGCPercent(garbage)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// Whoever asks a second time need not wait for what is being cleared away.
	context.AfterFunc(ctx, stop)
	environ := os.Environ()
	// Nothing that a phase starts has the credentials from it. A name without "="
	// can always be unset.
	_ = os.Unsetenv(target.AuthVariable)
	code := run(ctx, os.Args, environ, os.Stdout)
	stop()
	os.Exit(code)
}
