//go:build acceptance

package sandbox_test

import (
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"github.com/slugc/slugc/stack/sandbox"
)

func TestRootOnOldKernel(t *testing.T) {
	testRoots(t, "on an old kernel, a root directory with ", sandbox.OnOldKernel(sandbox.Namespaces{}))
}

// TestOrdinaryUser runs all the tests as a user without any rights, when they
// run as root.
func TestOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		return
	}
	// Nobody has this id, and it owns no range of ids.
	const user = 61001
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	home := tempDir(t)
	// The test binary often lies in a directory of root's.
	binary := filepath.Join(home, "sandbox.test")
	if err := os.WriteFile(binary, content, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(home, user, user); err != nil {
		t.Fatal(err)
	}
	cmd := outside(t)
	cmd.Path, cmd.Dir = binary, home
	cmd.Args = []string{binary, "-test.v", "-test.run=^Test"}
	cmd.Env = []string{"HOME=" + home, "TMPDIR=" + home, "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	out, err := cmd.CombinedOutput()
	if err != nil || regexp.MustCompile(`(?m)^\s*--- (FAIL|SKIP)`).Match(out) || !regexp.MustCompile(`(?m)^PASS$`).Match(out) {
		// What passed would bury the rest.
		passed := regexp.MustCompile(`(?m)^\s*(=== (RUN|CONT|PAUSE)|--- PASS:) .*\n`)
		t.Errorf("as an ordinary user: %v\n%s", err, passed.ReplaceAll(out, nil))
	}
}
