package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// The exit status of a shell for a program that cannot be started.
const (
	notExecutable = 126
	notFound      = 127
)

// start starts the target. When that is not possible it is an *ExitError, as
// if a shell had tried.
func start(req startRequest) (pid int, err error) {
	dir, err := os.Stat(req.Dir)
	if err == nil && !dir.IsDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return 0, &SetupError{Op: "changing to the working directory", Path: req.Dir, Err: errnoOf(err)}
	}
	program, err := lookUp(req)
	if err != nil {
		return 0, err
	}
	pid, err = syscall.ForkExec(program, req.Args, &syscall.ProcAttr{
		Dir:   req.Dir,
		Env:   req.Env,
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setsid: !req.Interactive},
	})
	if err != nil {
		return 0, notStarted(program, err)
	}
	return pid, nil
}

// lookUp finds the program in the way of a shell.
func lookUp(req startRequest) (string, error) {
	name := req.Args[0]
	if strings.Contains(name, "/") {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(req.Dir, path)
		}
		return path, executable(path)
	}
	dirs := searchPath(req.Env)
	var denied error
	for _, dir := range dirs {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(req.Dir, dir)
		}
		path := filepath.Join(dir, name)
		err := executable(path)
		if err == nil {
			return path, nil
		}
		if exit, ok := errors.AsType[*ExitError](err); ok && exit.Code == notExecutable && denied == nil {
			denied = err
		}
	}
	if denied != nil {
		return "", denied
	}
	if len(dirs) == 0 {
		return "", &ExitError{Code: notFound, Reason: fmt.Sprintf("%s: not found, PATH is empty", name)}
	}
	return "", &ExitError{
		Code:   notFound,
		Reason: fmt.Sprintf("%s: not found in PATH (%s)", name, strings.Join(dirs, ":")),
	}
}

// searchPath is the directories of the last PATH in env.
func searchPath(env []string) []string {
	path := ""
	for _, variable := range env {
		if value, ok := strings.CutPrefix(variable, "PATH="); ok {
			path = value
		}
	}
	if path == "" {
		return nil
	}
	return filepath.SplitList(path)
}

// executable says why a file cannot be executed.
func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
		return &ExitError{Code: notFound, Reason: path + ": not found"}
	case err != nil:
		return &ExitError{Code: notExecutable, Reason: fmt.Sprintf("%s: %s", path, errnoOf(err))}
	case info.IsDir():
		return &ExitError{Code: notExecutable, Reason: path + ": is a directory"}
	case unix.Access(path, unix.X_OK) != nil:
		return &ExitError{Code: notExecutable, Reason: fmt.Sprintf("%s: not executable; run chmod +x on it", path)}
	}
	return nil
}

// notStarted says why a file that looked executable was not executed.
func notStarted(path string, err error) *ExitError {
	exit := &ExitError{Code: notExecutable, Reason: fmt.Sprintf("%s: %s", path, err)}
	switch {
	case errors.Is(err, syscall.ENOENT):
		exit.Code = notFound
		exit.Reason = path + ": its interpreter is not there; look at the first line of the script, " +
			"or at what the program is linked against"
	case errors.Is(err, syscall.ENOEXEC):
		exit.Reason = path + `: neither a program for this machine nor a script that begins with "#!"`
	}
	return exit
}

// errnoOf is what the system said, without the call and the path.
func errnoOf(err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	return err
}
