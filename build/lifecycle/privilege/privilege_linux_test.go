package privilege_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/slugc/slugc/build/lifecycle/privilege"
)

// asUser is set in a process of the test that drops its privileges.
const asUser = "PRIVILEGE_TEST_DROP"

func TestMain(m *testing.M) {
	if os.Getenv(asUser) == "" {
		os.Exit(m.Run())
	}
	if err := privilege.Drop(1234, 2345); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	groups, err := os.Getgroups()
	fmt.Println(os.Getuid(), os.Geteuid(), os.Getgid(), groups, err, privilege.Root())
	// A process of the same user looks.
	look := exec.Command("cat", fmt.Sprintf("/proc/%d/environ", os.Getpid()))
	look.Env = []string{"PATH=/usr/bin:/bin"}
	out, err := look.CombinedOutput()
	fmt.Println(len(out) > 0, err != nil)
	os.Exit(0)
}

func TestDrop(t *testing.T) {
	if !privilege.Root() {
		t.Skip("only root has privileges to drop")
	}
	c := exec.CommandContext(t.Context(), "/proc/self/exe")
	c.Env = append(os.Environ(), asUser+"=yes")
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Groups: []uint32{0, 7}}}
	out, err := c.CombinedOutput()
	if want := "1234 1234 2345 [] <nil> false\ntrue true\n"; err != nil || string(out) != want {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestEnsureOwner(t *testing.T) {
	if !privilege.Root() {
		t.Skip("only root gives files away")
	}
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"closed": 0o755, "open": 0o777} {
		if err := os.MkdirAll(filepath.Join(dir, name, "in"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "closed/link")); err != nil {
		t.Fatal(err)
	}
	if err := privilege.EnsureOwner(1234, 2345, filepath.Join(dir, "closed"), filepath.Join(dir, "open"), filepath.Join(dir, "none"), ""); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]uint32{"closed": 1234, "closed/in": 1234, "closed/link": 1234, "open": 0, "open/in": 0, "/etc/passwd": 0} {
		path := name
		if !filepath.IsAbs(name) {
			path = filepath.Join(dir, name)
		}
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); !ok || stat.Uid != want {
			t.Errorf("%s belongs to %d", name, stat.Uid)
		}
	}
}

func TestHome(t *testing.T) {
	home, name, err := privilege.Home(0)
	if err != nil || home != "/root" || name != "root" {
		t.Errorf("got %q, %q, %v", home, name, err)
	}
}
