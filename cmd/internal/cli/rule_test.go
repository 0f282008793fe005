package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/rebase"
	"github.com/slugc/slugc/build/slug"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/deploy"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian"
	"github.com/slugc/slugc/stack/debian/repository"
	"github.com/slugc/slugc/stack/debian/resolve"
	"github.com/slugc/slugc/stack/download"
	"github.com/slugc/slugc/stack/sandbox"
)

// exitCode is that of a program which ends with an error.
func exitCode(err error) int {
	return Report(New(Settings{Out: io.Discard, Err: io.Discard, Env: func(string) string { return "" }}), err)
}

func TestExitCode(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"nothing wrong":                     {nil, 0},
		"an error nobody knows":             {errors.New("odd"), 1},
		"a wrapped usage error":             {fmt.Errorf("x: %w", &UsageError{Command: "slugc build", Err: errors.New("odd")}), 2},
		"a cancelled context":               {fmt.Errorf("compiling: %w", context.Canceled), 130},
		"an interrupt":                      {fmt.Errorf("x: %w", &InterruptError{Signal: syscall.SIGTERM}), 130},
		"joined with an interrupt":          {errors.Join(errors.New("odd"), context.Canceled), 130},
		"a sandbox that is not allowed":     {fmt.Errorf("x: %w", &sandbox.SetupError{Op: "unshare", Err: syscall.EPERM}), 1},
		"a failed compile":                  {fmt.Errorf("x: %w", &buildpacks.CompileError{Status: 3, Err: &sandbox.ExitError{Code: 3}}), 51},
		"a compile that took too long":      {&buildpacks.CompileError{Status: -1, Err: context.DeadlineExceeded}, 51},
		"a compile to try again":            {&buildpacks.CompileError{Status: buildpacks.TemporaryStatus, Err: &sandbox.ExitError{Code: 75}}, 75},
		"a sandbox that fails in a compile": {&buildpacks.CompileError{Err: &sandbox.SetupError{Err: syscall.EPERM}}, 1},
		"tests that do not pass":            {fmt.Errorf("x: %w", &deploy.TestError{Status: 3, Err: &sandbox.ExitError{Code: 3}}), 3},
		"tests that took too long":          {&deploy.TestError{Status: 124, Err: &sandbox.TimeoutError{}}, 124},
		"an app without tests":              {fmt.Errorf("x: %w", &deploy.NoTestsError{App: "a"}), 2},
		"a connection reset":                {fmt.Errorf("x: %w", &net.OpError{Op: "read", Err: syscall.ECONNRESET}), 75},
		"a network that timed out":          {fmt.Errorf("x: %w", context.DeadlineExceeded), 75},
		"a file that is no slug":            {fmt.Errorf("x: %w", &slug.FileError{File: "a", Err: errors.New("odd")}), 2},
		"a slug that is too large":          {&deploy.PackError{Err: &slug.TooLargeError{Size: 2, Max: 1}}, 62},
		"an image that is not there":        {&oci.OpenError{Ref: "oci:a", Err: errors.New("odd")}, 2},
		"a base that does not fit":          {fmt.Errorf("x: %w", &rebase.RefusedError{}), 2},
		"an image of another tool":          {fmt.Errorf("x: %w", &rebase.NotRebasableError{Reason: "odd"}), 2},
		"an unknown stack":                  {fmt.Errorf("x: %w", &stack.UnknownError{ID: "slugc-1"}), 2},
		"an unknown variant":                {fmt.Errorf("x: %w", &stack.NameError{ID: "slugc-13", What: "variant", Name: "x"}), 2},
		"a lock of another stack":           {&debian.LockError{File: "stack.lock.toml", Err: errors.New("odd")}, 2},
		"a Debian mirror that is silent":    {fmt.Errorf("x: %w", &MirrorError{Err: errors.New("refused")}), 75},
		"no mirror":                         {fmt.Errorf("x: %w", &repository.NoMirrorError{Archive: "debian"}), 2},
		"a package that is not cached":      {fmt.Errorf("x: %w", &repository.OfflineError{Missing: []string{"bash"}}), 1},
		"a full disk while a mirror sends":  {&download.Error{Fault: download.Registry, Err: &repository.CacheError{Err: syscall.ENOSPC}}, 1},
		"packages that do not fit":          {fmt.Errorf("x: %w", &resolve.UnsatisfiableError{}), 1},
		"a package that is nowhere":         {fmt.Errorf("x: %w", &resolve.UnknownPackageError{}), 1},
		"a mirror that does not answer":     {fmt.Errorf("x: %w", &download.Error{Fault: download.Passing, Err: errors.New("stalled")}), 75},
		"a mirror that was tampered with":   {fmt.Errorf("x: %w", &download.Error{Fault: download.Registry, Err: &repository.MismatchError{File: "a"}}), 1},
		"a release phase that failed":       {fmt.Errorf("x: %w", &release.PhaseError{Err: &sandbox.ExitError{Code: 3}}), 51},
		"a release phase cut short":         {&release.PhaseError{Err: context.Canceled}, 130},
		"a release phase without a stack":   {&release.PhaseError{Err: &MirrorError{Err: errors.New("refused")}}, 75},
		"a config that lacks something":     {fmt.Errorf("x: %w", &release.NeedsError{App: "a", Missing: []string{"A"}}), 2},
		"an app that is not there":          {&release.UnknownError{App: "a", NoApp: true}, 2},
		"a ledger that is damaged":          {fmt.Errorf("x: %w", &release.DamagedError{Err: errors.New("odd")}), 1},
		"a ledger of a newer slugc":         {&release.NewerError{}, 2},
		"a ledger that others have":         {&release.BusyError{Err: errors.New("odd")}, 75},
		"a slug that was changed":           {&release.SlugError{}, 1},
		"an unknown host":                   {&net.DNSError{Err: "no such host", IsNotFound: true}, 1},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%s: exit code %d, want %d", name, got, c.want)
		}
	}
}

func TestReport(t *testing.T) {
	broken := errors.New("bin/compile: exit status 1\nno such script: build")
	table := append(Table{{
		Match: is(broken),
		Class: CompileFailed,
		Fault: func(error) string { return "the app" },
		Next:  func(error) []string { return []string{"npm run", "slugc check"} },
	}}, Faults()...)
	for name, c := range map[string]struct {
		err          error
		json         bool
		code         int
		stdout, err2 string
	}{
		"with fault and next steps": {fmt.Errorf("building: %w", broken), false, 51, "", "" +
			" !     building: bin/compile: exit status 1\n" +
			" !     no such script: build\n" +
			" !     At fault: the app\n" +
			"       Next: npm run\n" +
			"       Next: slugc check\n"},
		"as JSON": {broken, true, 51, "" +
			`{"type":"error","text":"bin/compile: exit status 1\nno such script: build","code":51,"fault":"the app","next":["npm run","slugc check"]}` + "\n", ""},
		"usage": {&UsageError{Command: "slugc build", Err: errors.New("unknown flag: --sorce")}, false, 2, "", "" +
			" !     slugc build: unknown flag: --sorce\n" +
			"       Next: slugc build --help\n"},
		"an unknown error": {errors.New("odd"), false, 1, "", "" +
			" !     odd\n" +
			" !     At fault: slugc or this machine, not the app\n"},
		"a next step that the error knows": {&sandbox.SetupError{
			Op: "making a namespace", Err: syscall.EPERM, Hint: "sysctl user.max_user_namespaces=1000",
		}, false, 1, "", "" +
			" !     setting up the sandbox: making a namespace: operation not permitted\n" +
			" !     At fault: this machine, not the app\n" +
			"       Next: sysctl user.max_user_namespaces=1000\n"},
		"a full disk": {&repository.CacheError{Path: "/c/lists/0", Free: 3 << 10, Err: syscall.ENOSPC}, false, 1, "", "" +
			" !     writing /c/lists/0 to the cache: no space left on device\n" +
			" !     3 KiB are free on its file system: make room, or name another place: export SLUGC_CACHE=DIR\n" +
			" !     At fault: this machine, whose disk is full\n"},
		"an interrupt": {fmt.Errorf("compiling: %w", context.Canceled), false, 130, "", " !     Interrupted\n"},
		"nothing":      {nil, false, 0, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out, err syncBuffer
			if got := table.Report(New(Settings{Out: &out, Err: &err, JSON: c.json, Env: env()}), c.err); got != c.code {
				t.Errorf("exit code %d, want %d", got, c.code)
			}
			same(t, out.String(), c.stdout)
			same(t, err.String(), c.err2)
		})
	}
}
