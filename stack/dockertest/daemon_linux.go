package dockertest

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// Daemon is a Docker daemon that runs until the test ends.
type Daemon struct {
	// Host is where it listens, as in DOCKER_HOST.
	Host string
	// APIVersion is the newest version of the API that it speaks. A client that
	// is newer and does not ask has to be told it in DOCKER_API_VERSION.
	APIVersion string

	t      testing.TB
	client *http.Client
	// program starts the daemon; its arguments are the daemon's flags.
	program []string
	dir     string
	// stop ends the daemon and waits for it.
	stop func()
}

// patience is how long the daemon may take to start, and the kernel to clear
// away what it leaves.
const patience = time.Minute

// Start starts a daemon, or skips the test where there can be none.
func Start(t testing.TB) *Daemon {
	t.Helper()
	dockerd, err := exec.LookPath("dockerd")
	if err != nil {
		t.Skip("there is no dockerd (Debian's package docker.io)")
	}
	return begin(t, script, dockerd)
}

// StartContainerd starts a daemon that keeps images in containerd's store, as newer
// ones do by default, or skips the test where there can be none. It is the Docker of
// another Debian, which make tools unpacks: only from 24.0 on it has that store.
func StartContainerd(t testing.TB) *Daemon {
	t.Helper()
	root, err := newerDocker()
	if err != nil {
		t.Skipf("there is no newer Docker (make tools, as root): %v", err)
	}
	return begin(t, rooted, root)
}

// newerDocker is the root directory of make tools with a Docker in it.
func newerDocker() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil || dir == "/" {
			root := filepath.Join(dir, "out/tools/docker")
			_, err := os.Stat(filepath.Join(root, "usr/sbin/dockerd"))
			return root, err
		}
	}
	return "", err
}

// begin starts a daemon with a script, whose $0 is given.
func begin(t testing.TB, script, argument string) *Daemon {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("a Docker daemon needs root")
	}
	// Not t.TempDir: the path of a socket is short.
	dir, err := os.MkdirTemp("", "dockertest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(removeCgroups(filepath.Base(dir)), os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
	})
	socket := filepath.Join(dir, "docker.sock")
	d := &Daemon{Host: "unix://" + socket, t: t, program: []string{"/bin/sh", "-c", script, argument}, dir: dir, client: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}}
	t.Cleanup(d.client.CloseIdleConnections)
	t.Cleanup(func() {
		d.stop()
		if t.Failed() {
			text, err := os.ReadFile(d.log())
			t.Logf("the log of dockerd (%v):\n%s", err, text)
		}
	})
	d.wait(d.start())
	return d
}

// Restart kills the daemon and starts it again, with the images that it has.
func (d *Daemon) Restart() {
	d.t.Helper()
	d.stop()
	d.client.CloseIdleConnections()
	// Processes have the same small numbers each time, and the next daemon would take
	// them for those of the one before.
	for _, left := range []string{"pid", "exec"} {
		if err := os.RemoveAll(filepath.Join(d.dir, left)); err != nil {
			d.t.Fatal(err)
		}
	}
	d.wait(d.start())
}

func (d *Daemon) log() string { return filepath.Join(d.dir, "log") }

// script shows the daemon its own processes, and hides where it would find the
// configuration of the machine or leave something.
const script = `set -e
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
[ ! -d /etc/docker ] || mount -t tmpfs tmpfs /etc/docker
exec "$0" "$@"`

// rooted does the same in a root directory that has little but the daemon. A runtime
// of containers asks for a root that is one, and not for one that chroot made.
const rooted = `set -e
mount --bind "$0" "$0"
cd "$0"
mount -t proc proc proc
for dir in sys dev; do mount --rbind /$dir $dir; done
for dir in run tmp etc/docker; do mount -t tmpfs tmpfs $dir; done
mkdir -p ".$DIR" run/old
mount --bind "$DIR" ".$DIR"
echo '{"features": {"containerd-snapshotter": true}}' >etc/docker/daemon.json
pivot_root . run/old
exec /bin/dash -c 'umount -l /run/old && exec /usr/sbin/dockerd "$@"' dockerd "$@"`

// start starts the daemon. It returns a channel that has the error with which
// the daemon ends.
func (d *Daemon) start() <-chan error {
	d.t.Helper()
	dir := d.dir
	log, err := os.OpenFile(d.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer log.Close()
	ctx, end := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, d.program[0], append(d.program[1:len(d.program):len(d.program)],
		"--host", d.Host, "--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"),
		"--pidfile", filepath.Join(dir, "pid"), "--log-level", "warn",
		"--bridge=none", "--iptables=false", "--ip-forward=false",
		"--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", "/"+filepath.Base(dir))...)
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "DIR=" + dir}
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID, Unshareflags: syscall.CLONE_NEWNS,
		Pdeathsig: syscall.SIGKILL, Setsid: true,
	}
	started, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		// The kernel kills the daemon when the thread ends that started it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(ended)
		err := c.Start()
		started <- err
		if err == nil {
			ended <- c.Wait()
		}
	}()
	d.stop = end
	if err := <-started; err != nil {
		end()
		d.t.Fatalf("%s: %v", c, err)
	}
	d.stop = func() {
		end()
		<-ended
	}
	return ended
}

// wait waits until the daemon answers.
func (d *Daemon) wait(ended <-chan error) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	for {
		err := d.ping(ctx)
		if err == nil {
			return
		}
		select {
		case end := <-ended:
			d.t.Fatalf("dockerd ended: %v", end)
		case <-ctx.Done():
			d.t.Fatalf("dockerd does not answer: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// removeCgroups removes the cgroups of the containers, which the kernel keeps
// until somebody does. In version 1 there is one in each hierarchy.
func removeCgroups(name string) error {
	const mounted = "/sys/fs/cgroup"
	all, err := filepath.Glob(filepath.Join(mounted, "*", name))
	if err != nil {
		return err
	}
	for _, top := range append(all, filepath.Join(mounted, name)) {
		for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
			err := removeCgroup(top)
			if err == nil {
				break
			}
			// It is busy until the last of its processes is gone.
			if !errors.Is(err, syscall.EBUSY) || time.Now().After(deadline) {
				return err
			}
		}
	}
	return nil
}

// removeCgroup removes a cgroup and those in it, if it is there. Their files
// cannot be removed and go with them.
func removeCgroup(top string) error {
	var dirs []string
	err := filepath.WalkDir(top, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			dirs = append(dirs, path)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	slices.Reverse(dirs)
	for _, dir := range dirs {
		err = errors.Join(err, syscall.Rmdir(dir))
	}
	return err
}
