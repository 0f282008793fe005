package sandbox_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"
	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/stack/sandbox"
)

// outside is the probe as a process of this machine.
func outside(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Args = append([]string{probeName}, args...)
	return cmd
}

// copyOfProbe is the probe in a directory of its own.
func copyOfProbe(t *testing.T, mode os.FileMode) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(tempDir(t), probeName)
	if err := os.WriteFile(program, content, mode); err != nil {
		t.Fatal(err)
	}
	return program
}

func TestIsolation(t *testing.T) {
	spec.Run(t, "isolation", func(t *testing.T, when spec.G, it spec.S) {
		testIsolation(t, when, it, sandbox.Namespaces{})
		testProgram(t, when, it)
		it("shows the root read-only", func() {
			if code, out := status(t, sandbox.Namespaces{}, script("echo x > /file")); code == 0 || !strings.Contains(out, "Read-only") {
				t.Errorf("writing to it says %q", out)
			}
		})
	})
}

func TestIsolationInRoot(t *testing.T) {
	spec.Run(t, "isolation in a root directory", func(t *testing.T, when spec.G, it spec.S) {
		testIsolation(t, when, it, inRoot{t: t})
	})
}

// testIsolation tests box, which runs commands in namespaces.
func testIsolation(t *testing.T, when spec.G, it spec.S, box sandbox.Runner) {
	// fails runs a command that is to fail and returns what it printed.
	fails := func(c sandbox.Command) string {
		t.Helper()
		code, out := status(t, box, c)
		if code == 0 {
			t.Errorf("%q succeeded: %s", c.Args, out)
		}
		return out
	}

	when("it comes to files", func() {
		it("shows the stack read-only", func() {
			for _, place := range []string{"/usr", "/usr/bin", "/etc", "/home", "/var", "/run", "/dev"} {
				if out := fails(script("echo x > " + path.Join(place, "file"))); !strings.Contains(out, "Read-only") {
					t.Errorf("writing to %s says %q", place, out)
				}
			}
		})

		it("gives private scratch space", func() {
			name := filepath.Join(os.TempDir(), filepath.Base(tempDir(t)))
			lines := "set -e; for d in /tmp /var/tmp /dev/shm; do echo hi > $d/file; cat $d/file; done; ls " + name
			code, out := status(t, box, script(lines))
			if code == 0 || !strings.HasPrefix(out, "hi\nhi\nhi\n") {
				t.Errorf("status %d: %s", code, out)
			}
		})

		it("hides the secrets of the machine", func() {
			if out := run(t, box, script("ls -A /home /root /run /var/run/ /opt /srv /mnt")); strings.Contains(out, "-test") {
				t.Errorf("there is something in them:\n%s", out)
			}
			for _, place := range []string{"/home", "/root", "/run", "/var/run", "/opt", "/srv", "/var/lib", os.Getenv("HOME"), os.TempDir()} {
				dir, err := os.MkdirTemp(place, "sandbox-test-")
				if err != nil {
					continue
				}
				t.Cleanup(func() {
					if err := os.RemoveAll(dir); err != nil {
						t.Error(err)
					}
				})
				if err := os.Chmod(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				key := write(t, filepath.Join(dir, ".ssh", "id_ed25519"), "secret")
				socket := filepath.Join(dir, "docker.sock")
				listener, err := net.Listen("unix", socket)
				if err != nil {
					t.Fatal(err)
				}
				defer listener.Close()
				go greet(listener)
				if err := os.Chmod(socket, 0o777); err != nil {
					t.Fatal(err)
				}
				fails(command("cat", key))
				c := probing(t, "connect", socket)
				c.Network = true
				fails(c)
			}
		})

		it("shows what programs need of /etc and nothing else", func() {
			allowed := []string{
				"alpine-release", "alternatives", "crypto-policies", "debian_version", "gai.conf", "group", "host.conf",
				"hostname", "hosts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "lsb-release", "mime.types",
				"mtab", "networks", "nsswitch.conf", "os-release", "passwd", "pki", "protocols", "redhat-release",
				"resolv.conf", "services", "ssl", "timezone",
			}
			for _, name := range strings.Fields(run(t, box, command("ls", "-A", "/etc"))) {
				family := strings.HasPrefix(name, "ca-certificates") || strings.HasPrefix(name, "java-")
				if !family && !slices.Contains(allowed, name) {
					t.Errorf("/etc/%s is there", name)
				}
			}
			for _, name := range []string{"shadow", "ssl/private", "machine-id", "ssh", "sudoers", "pki/tls/private"} {
				fails(command("ls", "/etc/"+name))
			}
		})

		it("resolves names and trusts authorities", func() {
			for _, name := range []string{"/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt", "/etc/nsswitch.conf"} {
				want, err := os.ReadFile(name)
				if err != nil {
					continue
				}
				if got := run(t, box, command("cat", name)); got != string(want) {
					t.Errorf("%s is not that of the machine", name)
				}
			}
			for _, name := range []string{"localhost", "slugc"} {
				if got := run(t, box, command("getent", "hosts", name)); got == "" {
					t.Errorf("%s has no address", name)
				}
			}
		})

		it("leaves the target no descriptor but its streams", func() {
			leak, err := unix.Open(write(t, filepath.Join(tempDir(t), "leak"), "secret"), unix.O_RDONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := unix.Close(leak); err != nil {
					t.Error(err)
				}
			}()
			// The shell opens a directory to list it.
			out := strings.Fields(run(t, box, script("cd /proc/$$/fd && echo *")))
			if diff := cmp.Diff([]string{"0", "1", "2"}, out[:min(len(out), 3)]); diff != "" || len(out) > 4 {
				t.Errorf("open are %q", out)
			}
			if out := run(t, box, command("ls", "-l", "/proc/self/fd")); strings.Contains(out, "leak") {
				t.Errorf("a file of the parent is open:\n%s", out)
			}
		})
	})

	when("it comes to power", func() {
		it("runs as an ordinary user without capabilities", func() {
			want := "slugc slugc 1000 1000 1000 slugc\n"
			got := run(t, box, script("echo $(id -un) $(id -gn) $(id -u) $(id -g) $(id -G | cut -d' ' -f1) $(hostname)"))
			if got != want {
				t.Errorf("it is %q, not %q", got, want)
			}
			state := run(t, box, command("cat", "/proc/self/status"))
			for _, line := range []string{
				"CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000",
				"CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1",
			} {
				if !strings.Contains(state, line+"\n") {
					t.Errorf("the status lacks %q:\n%s", line, state)
				}
			}
		})

		it("has no group of root", func() {
			if os.Geteuid() != 0 {
				return
			}
			cmd := outside(t, "groups")
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Groups: []uint32{0, 4, 27}}}
			if got, err := cmd.Output(); err != nil || string(got) != "1000\n" {
				t.Errorf("the groups are %q: %v", got, err)
			}
		})

		it("gains nothing by set-user-ID programs", func() {
			program := copyOfProbe(t, 0o755)
			if err := os.Chmod(program, 0o755|os.ModeSetuid|os.ModeSetgid); err != nil {
				t.Fatal(err)
			}
			c := command(probeInside, "ids")
			c.Mounts = []sandbox.Mount{{Source: program, Target: probeInside}}
			if got := run(t, box, c); got != "1000 1000 1000 1000\n" {
				t.Errorf("the ids are %s", got)
			}
		})

		it("cannot mount, make namespaces or change the kernel", func() {
			fails(probing(t, "mount"))
			fails(probing(t, "namespace"))
			fails(command("unshare", "--user", "--map-root-user", "true"))
			for _, name := range []string{"sys/kernel/hostname", "sys/user/max_user_namespaces", "sysrq-trigger"} {
				fails(script("echo 1 > /proc/" + name))
			}
			for _, name := range []string{"keys", "timer_list", "interrupts", "kcore"} {
				if _, got := status(t, box, command("head", "-c", "1", "/proc/"+name)); len(got) == 1 {
					t.Errorf("/proc/%s tells something", name)
				}
			}
			mounts := run(t, box, command("cat", "/proc/self/mounts"))
			for _, place := range []string{"/proc/sys", "/proc/bus", "/usr", "/dev"} {
				if !regexp.MustCompile(`(?m)^\S+ ` + place + ` \S+ ro,nosuid`).MatchString(mounts) {
					t.Errorf("%s can be written:\n%s", place, mounts)
				}
			}
		})

		it("cannot get at the first process", func() {
			fails(probing(t, "trace"))
			for _, name := range []string{"exe", "environ", "mem", "maps", "fd/3", "root/", "cwd/"} {
				fails(command("head", "-c", "1", "/proc/1/"+name))
				fails(command("ls", "/proc/1/"+name+"/."))
			}
			if got := run(t, box, script("for s in HUP INT QUIT SEGV ABRT TERM TSTP STOP KILL; do kill -$s 1; done; echo alive")); got != "alive\n" {
				t.Errorf("it printed %q", got)
			}
		})

		it("dumps no core", func() {
			var old unix.Rlimit
			if err := unix.Getrlimit(unix.RLIMIT_CORE, &old); err != nil {
				t.Fatal(err)
			}
			if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: old.Max, Max: old.Max}); err != nil {
				t.Fatal(err)
			}
			if got := run(t, box, script("ulimit -c")); got != "0\n" {
				t.Errorf("the limit is %q", got)
			}
			if err := unix.Setrlimit(unix.RLIMIT_CORE, &old); err != nil {
				t.Fatal(err)
			}
		})

		it("makes files for everybody to read", func() {
			old := unix.Umask(0o077)
			defer unix.Umask(old)
			if got := run(t, box, script("umask; cat /etc/passwd > /dev/null")); got != "0022\n" {
				t.Errorf("the umask is %q", got)
			}
		})

		it("does not possess the keys of the session", func() {
			// The thread ends with the test, and the keyring with the thread.
			runtime.LockOSThread()
			const name = "sandbox-test"
			_, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0)
			if err == nil {
				_, err = unix.AddKey("user", name, []byte("secret"), unix.KEY_SPEC_SESSION_KEYRING)
			}
			if err != nil {
				t.Logf("this machine has no keyrings: %v", err)
				return
			}
			if out, err := outside(t, "key", name).CombinedOutput(); err != nil {
				t.Fatalf("the key is not there: %v\n%s", err, out)
			}
			fails(probing(t, "key", name))
		})
	})

	when("it comes to other processes", func() {
		it("begins to count at 1 and sees nobody else", func() {
			me := os.Getpid()
			out := run(t, box, script("cat /proc/1/comm; for p in /proc/[0-9]*; do echo ${p#/proc/}; done"))
			lines := strings.Fields(out)
			if lines[0] != "slugc-sandbox-i" && lines[0] != "exe" {
				t.Errorf("the first process is %s", lines[0])
			}
			if len(lines) > 3 || !slices.Contains(lines, "1") {
				t.Errorf("the processes are %q", lines)
			}
			if me > 1000 {
				fails(command("kill", "-0", fmt.Sprint(me)))
			}
		})
	})

	when("it comes to the network", func() {
		var addr string
		it.Before(func() {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { listener.Close() })
			go greet(listener)
			addr = listener.Addr().String()
		})

		it("keeps it when asked", func() {
			c := probing(t, "connect", addr)
			c.Network = true
			if got := run(t, box, c); got != greeting {
				t.Errorf("it got %q", got)
			}
		})

		it("is without it otherwise, except for loopback", func() {
			fails(probing(t, "connect", addr))
			if got := run(t, box, probing(t, "exchange")); got != greeting {
				t.Errorf("over loopback it got %q", got)
			}
		})

		it("does not reach abstract sockets", func() {
			listener, err := net.Listen("unix", fmt.Sprintf("@sandbox-test-%d", os.Getpid()))
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			go greet(listener)
			fails(probing(t, "connect", listener.Addr().String()))
			version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
			if errno == 0 && version >= 6 {
				c := probing(t, "connect", listener.Addr().String())
				c.Network = true
				fails(c)
			}
		})
	})

}

// testProgram tests what a Namespaces is told, and what it has to say.
func testProgram(t *testing.T, when spec.G, it spec.S) {
	it("shows a bundle of certificates of one's own", func() {
		bundle := write(t, filepath.Join(tempDir(t), "company.pem"), "our own authority")
		n := sandbox.Namespaces{CACert: bundle}
		if got := run(t, n, command("cat", "/etc/ssl/certs/ca-certificates.crt")); got != "our own authority" {
			t.Errorf("the bundle is %q", got)
		}
	})

	when("the machine does not allow it", func() {
		it("names the limit on namespaces", func() {
			code, out := status(t, sandbox.Namespaces{}, probing(t, "run"))
			if code == 0 || !strings.Contains(out, "op: creating namespaces") || !strings.Contains(out, "user.max_user_namespaces") {
				t.Errorf("it says:\n%s", out)
			}
		})

		it("says that the program must be everybody's, where it must", func() {
			exe := copyOfProbe(t, 0o700)
			err := sandbox.Namespaces{Exe: exe}.Run(t.Context(), command("true"))
			var setup *sandbox.SetupError
			switch {
			case os.Geteuid() != 0:
				if err != nil {
					t.Errorf("for its owner: %v", err)
				}
			case !errors.As(err, &setup) || !strings.Contains(setup.Hint, "chmod o+x"):
				t.Errorf("Run returned %v", err)
			}
			if err := os.Chmod(exe, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(filepath.Dir(exe), 0o700); err != nil {
				t.Fatal(err)
			}
			run(t, sandbox.Namespaces{Exe: exe}, command("true"))
		})

		it("notices a program without this package", func() {
			err := sandbox.Namespaces{Exe: "/bin/true"}.Run(t.Context(), command("true"))
			var setup *sandbox.SetupError
			if !errors.As(err, &setup) || !strings.Contains(setup.Hint, "package sandbox") {
				t.Errorf("Run returned %v", err)
			}
		})

		it("names what covers /proc", func() {
			cmd := outside(t, "mask", "/proc/uptime")
			cmd.SysProcAttr = &syscall.SysProcAttr{
				Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS,
				UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
				GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
			}
			out, err := cmd.CombinedOutput()
			if err == nil || !bytes.Contains(out, []byte("op: mounting proc at\npath: /proc\nhint: ")) ||
				bytes.Contains(out, []byte("hint: \n")) {
				t.Errorf("it says: %v\n%s", err, out)
			}
		})
	})
}
