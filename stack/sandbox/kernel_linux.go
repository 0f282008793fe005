package sandbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// mountProc mounts a fresh /proc. Like container runtimes it hides what tells
// about the machine and makes read-only what would change it.
func (r *newRoot) mountProc() error {
	if err := r.mount("proc", "/proc", noSUID|noDev|noExec, ""); err != nil {
		return err
	}
	// A process that may make a user namespace of its own is root in it, and
	// so gets to parts of the kernel that only root can attack.
	if err := r.present("sys/user/max_user_namespaces", func(f *os.File, _ string) error {
		return os.WriteFile(handle(f), []byte("0"), 0)
	}); err != nil {
		return err
	}
	for _, name := range []string{"bus", "fs", "irq", "sys", "sysrq-trigger"} {
		if err := r.present(name, r.fix); err != nil {
			return err
		}
	}
	for _, name := range []string{
		"acpi", "asound", "interrupts", "kcore", "keys", "latency_stats",
		"sched_debug", "scsi", "timer_list", "timer_stats",
	} {
		if err := r.present(name, r.mask); err != nil {
			return err
		}
	}
	return nil
}

// present calls do for a file of /proc, if the kernel has it.
func (r *newRoot) present(name string, do func(*os.File, string) error) error {
	path := filepath.Join("/proc", name)
	f, err := r.find(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return do(f, path)
}

// fix makes a part of /proc read-only.
func (r *newRoot) fix(f *os.File, path string) error {
	return r.bind(f, path, readOnly|noSUID|noDev|noExec)
}

// mask puts nothing in the place of a part of /proc.
func (r *newRoot) mask(f *os.File, path string) error {
	dir, err := isDir(f)
	if err != nil {
		return err
	}
	if dir {
		return unix.Mount("tmpfs", handle(f), "tmpfs", readOnly|noSUID|noDev|noExec, "mode=0555")
	}
	return r.bindOld("/dev/null", path, readOnly|noSUID|noExec)
}

// mountDev makes a /dev with the devices that every program may use, and no
// other. A terminal, if it is not nil, is shown as /dev/console, so that
// programs find the name of the terminal that they run on.
func (r *newRoot) mountDev(terminal string) error {
	if err := r.mount("tmpfs", "/dev", noSUID|noExec, "mode=0755"); err != nil {
		return err
	}
	dev, err := r.find("/dev")
	if err != nil {
		return err
	}
	defer dev.Close()
	if err := r.seal(dev); err != nil {
		return err
	}
	for _, name := range []string{"full", "null", "random", "tty", "urandom", "zero"} {
		if err := r.bindOld("/dev/"+name, "/dev/"+name, noSUID|noExec); err != nil {
			return setupError("showing the device", "/dev/"+name, err)
		}
	}
	if terminal != "" {
		if err := r.bindOld(terminal, "/dev/console", noSUID|noExec); err != nil {
			return setupError("showing the terminal at", "/dev/console", err)
		}
	}
	for path, to := range map[string]string{
		"/dev/fd":     "/proc/self/fd",
		"/dev/ptmx":   "pts/ptmx",
		"/dev/stderr": "/proc/self/fd/2",
		"/dev/stdin":  "/proc/self/fd/0",
		"/dev/stdout": "/proc/self/fd/1",
	} {
		if err := r.link(to, path); err != nil {
			return setupError("making", path, err)
		}
	}
	if err := r.mount("devpts", "/dev/pts", noSUID|noExec, "newinstance,mode=0620,ptmxmode=0666"); err != nil {
		return err
	}
	return r.mount("tmpfs", "/dev/shm", noSUID|noDev|noExec, "mode=1777")
}

// terminalName is the name on this machine of the terminal that a standard
// stream is, empty when there is none, or when it has no name here as with a
// terminal of another container.
func (r *newRoot) terminalName() string {
	for fd := range 3 {
		if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err != nil {
			continue
		}
		var stream, named unix.Stat_t
		name, err := os.Readlink(filepath.Join(oldDir, "proc/self/fd", string(rune('0'+fd))))
		if err != nil || unix.Fstat(fd, &stream) != nil {
			continue
		}
		f, err := r.old.find(name)
		if err != nil {
			continue
		}
		defer f.Close()
		if unix.Fstat(int(f.Fd()), &named) == nil && named.Rdev == stream.Rdev && named.Dev == stream.Dev {
			return name
		}
	}
	return ""
}
