package sandbox

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"syscall"
)

// The descriptors that a stage is started with, after the three of every
// process. None of them reaches the target.
const (
	requestFD = 3
	reportFD  = 4
)

// The requests pipe carries one frame for each stage. After them every byte is
// a signal for all processes inside, and its end is the end of the parent.
type (
	// setupRequest is for the set-up stage.
	setupRequest struct {
		// Root is a directory of this machine, or empty.
		Root  string
		Steps []step
		// Become says that set-up runs as root inside and has to become UID.
		Become      bool
		Network     bool
		Interactive bool
		Remount     bool
	}
	// startRequest is for the init stage.
	startRequest struct {
		Args        []string
		Dir         string
		Env         []string
		Interactive bool
	}
)

// report is what the stages have to say: why there is no sandbox, or how the
// target ended.
type report struct {
	Fault  *fault
	Code   int
	Signal syscall.Signal
	Reason string
}

// fault is a SetupError on its way to the parent.
type fault struct {
	Op, Path string
	Errno    syscall.Errno
	Text     string
}

func newFault(err error) *fault {
	f := &fault{Op: "setting up"}
	if setup, ok := errors.AsType[*SetupError](err); ok {
		f.Op, f.Path, err = setup.Op, setup.Path, setup.Err
	}
	f.Text = err.Error()
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		f.Errno = errno
	}
	return f
}

func (f *fault) error() *SetupError {
	err := &SetupError{Op: f.Op, Path: f.Path, Err: f.Errno}
	switch {
	case f.Errno == 0:
		err.Err = errors.New(f.Text)
	case f.Text != f.Errno.Error():
		err.Err = fmt.Errorf("%s (%w)", f.Text, f.Errno)
	}
	return err
}

// maxFrame bounds a frame, in bytes; Linux bounds arguments and environment at
// a fraction of it.
const maxFrame = 64 << 20

// writeFrame uses gob because arguments, variables and file names are bytes:
// JSON would replace those that are not UTF-8.
func writeFrame(w io.Writer, v any) error {
	frame := bytes.NewBuffer(make([]byte, frameHeader))
	if err := gob.NewEncoder(frame).Encode(v); err != nil {
		return err
	}
	size := frame.Len() - frameHeader
	if size > maxFrame {
		return fmt.Errorf("arguments and environment of %d bytes: %w", size, syscall.E2BIG)
	}
	binary.BigEndian.PutUint32(frame.Bytes(), uint32(size))
	_, err := w.Write(frame.Bytes())
	return err
}

// frameHeader is the length of a frame's own length.
const frameHeader = 4

// readFrame reads one frame and not a byte more: the next one is for the next
// stage.
func readFrame(r io.Reader, v any) error {
	var header [frameHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(header[:])
	if size > maxFrame {
		return fmt.Errorf("a frame of %d bytes is over the limit of %d", size, maxFrame)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return err
	}
	return gob.NewDecoder(bytes.NewReader(body)).Decode(v)
}
