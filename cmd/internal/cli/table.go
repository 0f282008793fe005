package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/slugc/slugc/build/base"
	"github.com/slugc/slugc/build/builder"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/rebase"
	"github.com/slugc/slugc/build/slug"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/fetch"
	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/check"
	"github.com/slugc/slugc/release/deploy"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/release/hook"
	"github.com/slugc/slugc/release/hook/receive"
	"github.com/slugc/slugc/release/queue"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian"
	"github.com/slugc/slugc/stack/debian/repository"
	"github.com/slugc/slugc/stack/debian/resolve"
	"github.com/slugc/slugc/stack/download"
	"github.com/slugc/slugc/stack/sandbox"
)

// Faults is the table of slugc: every error that has a meaning of its own to a
// person, from the most to the least specific.
//
// Long: it is one table; a row is one kind of error, and the first that matches counts.
func Faults() Table {
	return Table{
		{Match: is(context.Canceled), Class: Interrupted},
		{Match: as[*InterruptError](nil), Class: Interrupted},
		{Match: as[*UsageError](nil), Class: Usage, Next: usageHint},
		{Match: as[*release.NeedsError](nil), Class: Usage, Next: nextOf},
		{Match: as[*release.NameError](nil), Class: Usage},
		{Match: as[*release.ConfigError](nil), Class: Usage},
		{Match: as[*release.UnknownError](nil), Class: Usage, Next: nextIs("slugc apps list")},
		{Match: as[*release.RollbackError](nil), Class: Usage},
		{Match: as[*queue.UnknownError](nil), Class: Usage, Next: nextIs("slugc builds list")},
		{Match: as[*receive.RejectedError](nil), Class: Usage, Status: rejectedStatus, Next: nextOf},
		{Match: as[*receive.SettingError](nil), Class: Usage},
		{Match: as[*receive.RepositoryError](nil), Class: Usage},
		{Match: as[*hook.NoRuleError](nil), Class: Usage, Next: nextIs("slugc hooks list")},
		{Match: as[*release.ArtifactError](nil), Class: Usage},
		{Match: as[*release.KeyError](nil), Class: Usage},
		{Match: as[*release.DamagedError](nil), Class: Ours, Fault: machine},
		{Match: as[*release.NewerError](nil), Class: Usage},
		{Match: as[*release.SlugError](nil), Class: Ours, Fault: machine},
		{Match: as[*release.ImageError](nil), Class: Ours, Fault: machine},
		{Match: as[*sandbox.SetupError](nil), Class: Ours, Fault: machine, Next: setupHint},
		{Match: as[*detect.SourceError](nil), Class: Usage, Fault: source},
		{Match: as[*slug.FileError](nil), Class: Usage},
		{Match: as[*slug.TooLargeError](nil), Class: PackFailed, Fault: size},
		{Match: as[*slug.NoSpaceError](nil), Class: PackFailed, Fault: disk},
		{Match: as[*stack.NoFitError](nil), Class: Usage},
		{Match: as[*base.RefError](nil), Class: Usage, Next: nextIs("slugc stack list")},
		{Match: as[*deploy.ProcessError](nil), Class: Usage},
		{Match: as[*deploy.PinError](nil), Class: Usage},
		{Match: as[*formation.UnknownTypeError](nil), Class: Usage},
		{Match: as[*stack.UnknownError](nil), Class: Usage, Next: nextIs("slugc stack list")},
		{Match: as[*stack.NameError](nil), Class: Usage, Next: nextIs("slugc stack list")},
		{Match: as[*debian.LockError](nil), Class: Usage},
		{Match: as[*repository.NoMirrorError](nil), Class: Usage},
		{Match: as[*repository.OfflineError](nil), Class: Ours, Fault: cache},
		{Match: as((*repository.CacheError).Full), Class: Ours, Fault: disk},
		{Match: as[*repository.CacheError](nil), Class: Ours, Fault: machine},
		{Match: as[*fetch.OfflineError](nil), Class: Ours, Fault: cache},
		{Match: as[*resolve.UnsatisfiableError](nil), Class: Ours, Fault: archive},
		{Match: as[*resolve.UnknownPackageError](nil), Class: Ours, Fault: archive},
		{Match: as[*detect.CycleError](nil), Class: Usage},
		{Match: as[*detect.MissingError](nil), Class: Usage},
		{Match: as[*detect.SizeError](nil), Class: Usage},
		{Match: as((*detect.NoMatchError).Broken), Class: DetectBroken},
		{Match: as[*detect.NoMatchError](nil), Class: NoMatch, Next: nextIs("slugc build -b BUILDPACK")},
		{Match: as[*MirrorError](nil), Class: Temporary, Next: nextIs(
			"the same again later, or with another mirror: export SLUGC_DEBIAN_MIRROR=URL SLUGC_DEBIAN_SECURITY_MIRROR=URL")},
		{Match: as(temporary.Temporary), Class: Temporary},
		{Match: as[*oci.OpenError](nil), Class: Usage},
		{Match: as[*rebase.NotRebasableError](nil), Class: Usage},
		{Match: as[*rebase.RefusedError](nil), Class: Usage},
		{Match: as[*buildpacks.CompileError](nil), Class: CompileFailed},
		{Match: as[*check.MissError](nil), Class: CompileFailed, Fault: app},
		{Match: as[*release.PhaseError](nil), Class: CompileFailed, Fault: phase, Next: nextOf},
		{Match: as[*deploy.LeakError](nil), Class: CompileFailed},
		{Match: as[*deploy.LeftError](nil), Class: CompileFailed},
		{Match: as[*deploy.TestError](nil), Status: testStatus, Fault: tests},
		{Match: as[*deploy.NoTestsError](nil), Class: Usage, Next: nextIs("slugc test -- COMMAND")},
		{Match: unreachable, Class: Temporary},
		{Match: misserved, Class: Ours, Fault: mirror},
		{Match: as[*fetch.RefError](nil), Class: Usage},
		{Match: as[*builder.PackageError](nil), Class: Usage},
		{Match: as[*builder.CreateError](nil), Class: Usage},
		{Match: as[*builder.NoBuilderError](nil), Class: Usage},
		{Match: as[*deploy.PackError](nil), Class: PackFailed},
	}
}

// Report prints err by the table of slugc and returns the exit code.
func Report(p *Printer, err error) int { return Faults().Report(p, err) }

// UsageError is a command line that makes no sense.
type UsageError struct {
	// Command is the command as typed, without arguments: "slugc build".
	Command string
	Err     error
	// Next is what to type, the command's help if empty.
	Next string
}

func (e *UsageError) Error() string { return fmt.Sprintf("%s: %s", e.Command, e.Err) }

// Unwrap is the reason.
func (e *UsageError) Unwrap() error { return e.Err }

// MirrorError is a mirror of Debian that does not answer.
type MirrorError struct{ Err error }

func (e *MirrorError) Error() string { return e.Err.Error() }

// Unwrap is what happened.
func (e *MirrorError) Unwrap() error { return e.Err }

func usageHint(err error) []string {
	if usage, ok := errors.AsType[*UsageError](err); ok {
		return []string{cmp.Or(usage.Next, usage.Command+" --help")}
	}
	return nil
}

// unreachable is whether a connection was not made or was lost.
func unreachable(err error) bool {
	number, ok := errors.AsType[syscall.Errno](err)
	return ok && slices.Contains([]syscall.Errno{
		syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED,
		syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ETIMEDOUT,
	}, number)
}

// misserved is whether a mirror or a registry served something else than it
// should.
func misserved(err error) bool { return download.FaultOf(err) == download.Registry }

// nextIs makes a Next that is always the same.
func nextIs(commands ...string) func(error) []string {
	return func(error) []string { return commands }
}

func source(error) string { return "the source tree" }

func size(error) string { return "the size of the app" }

func app(error) string { return "the app" }

func phase(error) string { return "the app, whose release phase failed" }

// nextOf are the commands that an error knows itself.
func nextOf(err error) []string {
	if known, is := errors.AsType[interface {
		error
		Next() []string
	}](err); is {
		return known.Next()
	}
	return nil
}

func disk(error) string { return "this machine, whose disk is full" }

func cache(error) string { return "the cache, which lacks what may not be fetched now" }

func tests(error) string { return "the app, or its tests" }

func testStatus(err error) int {
	failed, _ := errors.AsType[*deploy.TestError](err)
	return failed.Status
}

// rejectedStatus is that of the build because of which a push was rejected.
func rejectedStatus(err error) int {
	rejected, _ := errors.AsType[*receive.RejectedError](err)
	return cmp.Or(rejected.Build.Code, int(Ours))
}

func archive(error) string { return "the archive, or what the stack asks of it" }

func mirror(error) string { return "the mirror, or what lies between it and this machine" }

func machine(error) string { return "this machine, not the app" }

func setupHint(err error) []string {
	if setup, ok := errors.AsType[*sandbox.SetupError](err); ok && setup.Hint != "" {
		return []string{setup.Hint}
	}
	return nil
}

// temporary is what errors of the network, of registries and of buildpacks say
// about themselves. The outermost error that has an opinion counts.
type temporary interface {
	error
	Temporary() bool
}
