package pack

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"golang.org/x/sys/unix"
)

// root is an open directory whose files are reached by their path below it.
type root struct {
	dir string
	fd  int
}

// openRoot opens dir. A symbolic link is refused: a buildpack could have put
// it in the place of its layer.
func openRoot(dir string) (*root, error) {
	fd := -1
	err := retry(func() (err error) {
		fd, err = unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		return err
	})
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
		return nil, fmt.Errorf("%s is not a directory", dir)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	return &root{dir: dir, fd: fd}, nil
}

func (r *root) close(err *error) { closeFD(r.fd, err) }

// path is the path of an entry for messages.
func (r *root) path(rel string) string {
	if rel == "" {
		return r.dir
	}
	return r.dir + "/" + rel
}

// open opens an entry for reading. It does not wait for the other end should
// a named pipe have taken the entry's place.
func (r *root) open(rel string, flags int) (int, error) {
	if rel == "" {
		rel = "."
	}
	fd := -1
	err := retry(func() (err error) {
		fd, err = unix.Openat(r.fd, rel, flags|unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
		return err
	})
	return fd, err
}

// stat returns the mode and fingerprint of an entry as it is now.
func (r *root) stat(rel string) (Entry, error) {
	var st unix.Stat_t
	err := retry(func() error { return unix.Fstatat(r.fd, rel, &st, unix.AT_SYMLINK_NOFOLLOW) })
	if err != nil {
		return Entry{}, err
	}
	return Entry{Path: rel, Mode: modeOf(uint32(st.Mode)), Fingerprint: fingerprint(&st)}, nil
}

// read fills buf from offset of a regular file and makes sure that the file
// is, then, still the one of the index.
func (r *root) read(e *Entry, offset int64, buf []byte) (err error) {
	fd, err := r.open(e.Path, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENXIO) {
		return fmt.Errorf("%s %w", r.path(e.Path), ErrChanged)
	}
	if err != nil {
		return &fs.PathError{Op: "open", Path: r.path(e.Path), Err: err}
	}
	defer closeFD(fd, &err)
	failed := readFull(fd, buf, offset)
	var st unix.Stat_t
	if err := retry(func() error { return unix.Fstat(fd, &st) }); err != nil {
		return &fs.PathError{Op: "stat", Path: r.path(e.Path), Err: err}
	}
	if modeOf(uint32(st.Mode)) != e.Mode || fingerprint(&st) != e.Fingerprint {
		return fmt.Errorf("%s %w", r.path(e.Path), ErrChanged)
	}
	if failed != nil {
		return &fs.PathError{Op: "read", Path: r.path(e.Path), Err: failed}
	}
	return nil
}

func readFull(fd int, buf []byte, offset int64) error {
	for len(buf) > 0 {
		n := 0
		err := retry(func() (err error) { n, err = unix.Pread(fd, buf, offset); return err })
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		buf, offset = buf[n:], offset+int64(n)
	}
	return nil
}

// readlink reads the target of a symbolic link whose size is a hint.
func readlink(fd int, name string, size int64) (string, error) {
	for buf := make([]byte, max(size, 0)+1); ; buf = make([]byte, 2*len(buf)) {
		n := 0
		err := retry(func() (err error) { n, err = unix.Readlinkat(fd, name, buf); return err })
		if err != nil {
			return "", err
		}
		if n < len(buf) {
			return string(buf[:n]), nil
		}
	}
}

// closeFD closes a file that was only read and keeps the error that came
// first.
func closeFD(fd int, err *error) {
	if failed := unix.Close(fd); failed != nil && *err == nil {
		*err = fmt.Errorf("closing a file that was read: %w", failed)
	}
}
