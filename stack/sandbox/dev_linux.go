package sandbox

import (
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// mountDev makes a /dev with the devices that every program may use, and no
// other. A terminal, if there is one, is shown as /dev/console, so that
// programs find the name of the terminal that they run on.
func (r *newRoot) mountDev(terminal string) error {
	if err := r.mountSealed("/dev", noSUID|noExec); err != nil {
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
		name, err := os.Readlink(filepath.Join(oldDir, "proc/self/fd", strconv.Itoa(fd)))
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
