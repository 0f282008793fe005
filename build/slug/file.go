package slug

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// FileError says that a file is no slug, or none that can be used: what is
// wrong is the file, not this machine.
type FileError struct {
	// File is the file as it was named.
	File string
	Err  error
}

func (e *FileError) Error() string { return fmt.Sprintf("slug %s: %v", e.File, e.Err) }

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// open opens a slug for reading. What it cannot read is a *FileError.
func open(file string) (*os.File, error) {
	f, err := os.Open(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &FileError{file, fmt.Errorf("there is no such file; slugc build -o slug:%s makes one", file)}
	case errors.Is(err, fs.ErrPermission):
		return nil, &FileError{file, errors.New("you may not read it")}
	case err != nil:
		return nil, fmt.Errorf("reading the slug: %w", err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		err = fmt.Errorf("reading the slug: %w", err)
	case info.IsDir():
		err = &FileError{file, fmt.Errorf("it is a directory; name a file, as in %s", filepath.Join(file, "slug.tgz"))}
	case info.Mode().IsRegular() && info.Size() == 0:
		err = &FileError{file, errors.New("it is empty")}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// about says of an error that reading a slug met whose it is: the system and
// the context know theirs, all else is in the file.
func about(doing, file string, err error) error {
	var number syscall.Errno
	if errors.As(err, &number) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s the slug %s: %w", doing, file, err)
	}
	return &FileError{file, err}
}

// damaged is an error of a decoder, for people.
func damaged(err error) error {
	var number syscall.Errno
	switch {
	case errors.As(err, &number):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("damaged: it ends too early")
	}
	return fmt.Errorf("damaged: %w", err)
}
