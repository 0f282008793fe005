package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// streams connects the standard streams of a command. Output goes through
// pipes even where the caller has a file: an open file of this machine is a
// handle on more than its end.
type streams struct {
	// child are the ends of the command.
	child [3]*os.File
	// opened are those of them that were opened here.
	opened  []*os.File
	input   *input
	outputs []*output
	// uid and gid are who has to be able to open /dev/stdin, /dev/stdout and
	// /dev/stderr.
	uid, gid int
}

func connect(c Command) (*streams, error) {
	s := &streams{}
	s.uid, s.gid = Owner()
	err := s.connectInput(c.Stdin)
	if err == nil {
		err = s.connectOutput(1, c.Stdout, c.Interactive)
	}
	switch {
	case err != nil:
	case c.Stderr != nil && same(c.Stdout, c.Stderr):
		s.child[2] = s.child[1]
	default:
		err = s.connectOutput(2, c.Stderr, c.Interactive)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connecting the standard streams: %w", err), s.close())
	}
	return s, nil
}

// same is whether two writers are one, so that what is written to them stays
// in order.
func same(a, b io.Writer) bool {
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

func (s *streams) connectInput(r io.Reader) error {
	if f, ok := r.(*os.File); ok {
		s.child[0] = f
		return nil
	}
	if r == nil {
		return s.openNull(0, os.O_RDONLY)
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		return err
	}
	s.child[0], s.opened = theirs, append(s.opened, theirs)
	s.input = &input{from: r, to: ours, done: make(chan error, 1)}
	return theirs.Chown(s.uid, s.gid)
}

func (s *streams) connectOutput(fd int, w io.Writer, asIs bool) error {
	if f, ok := w.(*os.File); ok && asIs {
		s.child[fd] = f
		return nil
	}
	if w == nil {
		return s.openNull(fd, os.O_WRONLY)
	}
	ours, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	s.child[fd], s.opened = theirs, append(s.opened, theirs)
	s.outputs = append(s.outputs, &output{from: ours, to: w})
	return theirs.Chown(s.uid, s.gid)
}

func (s *streams) openNull(fd, mode int) error {
	null, err := os.OpenFile(os.DevNull, mode, 0)
	if err != nil {
		return err
	}
	s.child[fd], s.opened = null, append(s.opened, null)
	return nil
}

// release closes the command's ends once it has them.
func (s *streams) release() error {
	var errs error
	for _, f := range s.opened {
		errs = errors.Join(errs, f.Close())
	}
	s.opened = nil
	return errs
}

// close closes everything, without having copied anything.
func (s *streams) close() error {
	errs := s.release()
	if s.input != nil {
		errs = errors.Join(errs, s.input.to.Close())
	}
	for _, out := range s.outputs {
		errs = errors.Join(errs, out.from.Close())
	}
	return errs
}

// copy copies in the background.
func (s *streams) copy(group *errgroup.Group) {
	if s.input != nil {
		// Nobody can make a foreign Read return, so nobody waits for it.
		go s.input.copy()
	}
	for _, out := range s.outputs {
		group.Go(out.copy)
	}
}

// end is to be called when the last process of the command is gone.
func (s *streams) end() error {
	var errs error
	if s.input != nil {
		errs = s.input.end()
	}
	for _, out := range s.outputs {
		errs = errors.Join(errs, out.end())
	}
	return errs
}

// input feeds a command.
type input struct {
	from io.Reader
	to   *os.File
	done chan error
}

func (in *input) copy() {
	_, err := io.Copy(in.to, in.from)
	// A command does not have to read its input.
	if errors.Is(err, unix.EPIPE) || errors.Is(err, os.ErrClosed) {
		err = nil
	}
	if closeErr := in.to.Close(); !errors.Is(closeErr, os.ErrClosed) {
		err = errors.Join(err, closeErr)
	}
	in.done <- err
}

// end stops the feeding and returns what went wrong with it so far.
func (in *input) end() error {
	select {
	case err := <-in.done:
		if err != nil {
			return fmt.Errorf("reading the input: %w", err)
		}
		return nil
	default:
	}
	if err := in.to.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// lastWords is how long to wait for output when nobody is left who could write
// any. Only somebody outside, to whom the pipe was passed on, can cause such a
// wait.
const lastWords = 2 * time.Second

// output takes what a command prints.
type output struct {
	from  *os.File
	to    io.Writer
	ended atomic.Bool
}

func (out *output) copy() error {
	_, err := io.Copy(out.to, out)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	// A command whose output nobody takes any more must not wait for it.
	err = errors.Join(err, out.from.Close())
	if err != nil {
		return fmt.Errorf("writing the output: %w", err)
	}
	return nil
}

// Read waits for as long as there are processes, and then never long. A reader
// that is slow to take what there is still gets all of it.
func (out *output) Read(p []byte) (int, error) {
	if out.ended.Load() {
		if err := out.hurry(); err != nil {
			return 0, err
		}
	}
	return out.from.Read(p)
}

func (out *output) hurry() error { return out.from.SetReadDeadline(time.Now().Add(lastWords)) }

func (out *output) end() error {
	out.ended.Store(true)
	if out.hurry() == nil {
		return nil
	}
	// It is closed already, or else that is what ends the reading.
	if err := out.from.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}
