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
