package sandbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
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

// message is what a frame carries: words, which may hold any bytes, since
// arguments, variables and file names do. A stage lives for some milliseconds;
// to prepare encoding/gob or encoding/json for these few types would take it one.
type message interface {
	words() []string
	// read takes what words gave.
	read(*reading)
}

func (r *setupRequest) words() []string {
	words := []string{r.Root, flag(r.Become), flag(r.Network), flag(r.Interactive), flag(r.Remount)}
	for _, s := range r.Steps {
		words = append(words, strconv.Itoa(int(s.Kind)), s.Path, s.Source, flag(s.Writable), s.Text, flag(s.Own))
	}
	return words
}

func (r *setupRequest) read(from *reading) {
	*r = setupRequest{Root: from.text(), Become: from.flag(), Network: from.flag(), Interactive: from.flag(), Remount: from.flag()}
	for from.more() {
		r.Steps = append(r.Steps, step{
			Kind: kind(from.number()), Path: from.text(), Source: from.text(), Writable: from.flag(), Text: from.text(), Own: from.flag(),
		})
	}
}

func (r *startRequest) words() []string {
	words := []string{r.Dir, flag(r.Interactive), strconv.Itoa(len(r.Args))}
	return append(append(words, r.Args...), r.Env...)
}

func (r *startRequest) read(from *reading) {
	*r = startRequest{Dir: from.text(), Interactive: from.flag()}
	for n := from.number(); n > 0 && from.err == nil; n-- {
		r.Args = append(r.Args, from.text())
	}
	for from.more() {
		r.Env = append(r.Env, from.text())
	}
}

func (r *report) words() []string {
	words := []string{strconv.Itoa(r.Code), strconv.Itoa(int(r.Signal)), r.Reason}
	if f := r.Fault; f != nil {
		words = append(words, f.Op, f.Path, strconv.Itoa(int(f.Errno)), f.Text)
	}
	return words
}

func (r *report) read(from *reading) {
	*r = report{Code: from.number(), Signal: syscall.Signal(from.number()), Reason: from.text()}
	if from.more() {
		r.Fault = &fault{Op: from.text(), Path: from.text(), Errno: syscall.Errno(from.number()), Text: from.text()}
	}
}

// flag is a truth as a word.
func flag(is bool) string {
	if is {
		return "1"
	}
	return ""
}

// reading takes a frame apart, word by word.
type reading struct {
	rest []byte
	err  error
}

// more is whether there is another word.
func (r *reading) more() bool { return r.err == nil && len(r.rest) > 0 }

func (r *reading) text() string {
	if r.err != nil {
		return ""
	}
	size, header := binary.Uvarint(r.rest)
	if header <= 0 || size > uint64(len(r.rest)-header) {
		r.err = errors.New("a frame ends in the middle of a word")
		return ""
	}
	end := header + int(size)
	word := string(r.rest[header:end])
	r.rest = r.rest[end:]
	return word
}

func (r *reading) flag() bool { return r.text() != "" }

func (r *reading) number() int {
	word := r.text()
	if r.err != nil {
		return 0
	}
	n, err := strconv.Atoi(word)
	r.err = err
	return n
}

// writeFrame writes a message as one frame.
func writeFrame(w io.Writer, m message) error {
	frame := make([]byte, frameHeader)
	for _, word := range m.words() {
		frame = append(binary.AppendUvarint(frame, uint64(len(word))), word...)
	}
	size := len(frame) - frameHeader
	if size > maxFrame {
		return fmt.Errorf("arguments and environment of %d bytes: %w", size, syscall.E2BIG)
	}
	binary.BigEndian.PutUint32(frame, uint32(size))
	_, err := w.Write(frame)
	return err
}

// frameHeader is the length of a frame's own length.
const frameHeader = 4

// readFrame reads one frame and not a byte more: the next one is for the next
// stage.
func readFrame(r io.Reader, m message) error {
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
	from := &reading{rest: body}
	m.read(from)
	if from.more() {
		return errors.New("a frame goes on after its last word")
	}
	return from.err
}
