// Package ordinarytest lets tests see what a user without any rights sees, to
// whom the modes of files mean something. There is nothing in it for a product.
//
// It stands below the stack so that tests of every room may use it.
package ordinarytest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
)

// User is an id that nobody has, and which owns no range of ids.
const User = 61001

// Here tells whether the test is to go on in this process. Where that is root's,
// Here runs the test once more, as an ordinary user, and says no.
func Here(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() != 0 {
		return true
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	// Directories of t.TempDir, and that of the test binary, are often closed.
	home, err := os.MkdirTemp("", "ordinary")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	binary := filepath.Join(home, filepath.Base(exe))
	if err := errors.Join(os.WriteFile(binary, content, 0o755), os.Chown(home, User, User)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "-test.v", "-test.run=^"+regexp.QuoteMeta(t.Name())+"$")
	cmd.Dir = home
	cmd.Env = []string{"HOME=" + home, "TMPDIR=" + home, "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: User, Gid: User}}
	out, err := cmd.CombinedOutput()
	if err != nil || regexp.MustCompile(`(?m)^\s*--- (FAIL|SKIP)`).Match(out) || !regexp.MustCompile(`(?m)^--- PASS`).Match(out) {
		t.Errorf("as an ordinary user: %v\n%s", err, out)
	}
	return false
}
