package sandbox

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestFault(t *testing.T) {
	sent := &SetupError{Op: "showing /a at", Path: "/b", Err: &syscallError{"mount", unix.EPERM}}
	got := newFault(sent).error()
	if got.Op != sent.Op || got.Path != sent.Path || !errors.Is(got, unix.EPERM) || !strings.Contains(got.Error(), "mount") {
		t.Errorf("it arrived as %v", got)
	}
	if got := newFault(errors.New("strange")).error(); !strings.Contains(got.Error(), "strange") {
		t.Errorf("it arrived as %v", got)
	}
}

func TestFrames(t *testing.T) {
	for _, sent := range []message{
		&setupRequest{},
		&setupRequest{Root: "/r", Become: true, Network: true, Interactive: true, Remount: true, Steps: []step{
			{Kind: bind, Path: "/a b", Source: "\xff", Writable: true}, {}, {Kind: text, Path: "/t", Text: "one\ntwo\x00", Own: true},
		}},
		&setupRequest{Steps: []step{{}}},
		&startRequest{},
		&startRequest{Args: []string{"a", "", "\xff\n"}, Dir: "/d", Interactive: true},
		&startRequest{Args: []string{"a"}, Env: []string{"A=", "", "B=" + strings.Repeat("x", 100_000)}},
		&report{},
		&report{Code: -1, Signal: unix.SIGKILL, Reason: "because"},
		&report{Fault: &fault{}},
		&report{Fault: &fault{Op: "op", Path: "/p", Errno: unix.EPERM, Text: "text"}},
	} {
		var pipe bytes.Buffer
		if err := errors.Join(writeFrame(&pipe, sent), writeFrame(&pipe, &report{Code: 7})); err != nil {
			t.Fatal(err)
		}
		got := reflect.New(reflect.TypeOf(sent).Elem()).Interface().(message)
		if err := readFrame(&pipe, got); err != nil || !reflect.DeepEqual(got, sent) {
			t.Errorf("%+v arrived as %+v (%v)", sent, got, err)
		}
		var next report
		if err := readFrame(&pipe, &next); err != nil || next.Code != 7 {
			t.Errorf("after %+v came %+v (%v)", sent, next, err)
		}
	}
}

func FuzzFrames(f *testing.F) {
	for _, m := range []message{
		&setupRequest{Root: "/r", Steps: []step{{Kind: bind, Path: "/a", Source: "/b"}}},
		&startRequest{Args: []string{"a"}, Env: []string{"A=b"}},
		&report{Code: 3, Fault: &fault{Op: "op"}},
	} {
		var pipe bytes.Buffer
		if err := writeFrame(&pipe, m); err != nil {
			f.Fatal(err)
		}
		f.Add(pipe.Bytes())
		f.Add(pipe.Bytes()[:pipe.Len()-1])
	}
	f.Add([]byte{0, 0, 0, 3, 0, 0, 200})
	f.Add([]byte{0, 0, 0, 21, 0, 0, 19, '9', '2', '2', '3', '3', '7', '2', '0', '3', '6', '8', '5', '4', '7', '7', '5', '8', '0'})
	f.Fuzz(func(t *testing.T, frame []byte) {
		for _, m := range []message{&setupRequest{}, &startRequest{}, &report{}} {
			if readFrame(bytes.NewReader(frame), m) != nil {
				continue
			}
			var pipe bytes.Buffer
			again := reflect.New(reflect.TypeOf(m).Elem()).Interface().(message)
			if err := errors.Join(writeFrame(&pipe, m), readFrame(&pipe, again)); err != nil || !reflect.DeepEqual(m, again) {
				t.Errorf("%+v arrived as %+v (%v)", m, again, err)
			}
		}
	})
}

type syscallError struct {
	call string
	err  error
}

func (e *syscallError) Error() string { return e.call + ": " + e.err.Error() }
func (e *syscallError) Unwrap() error { return e.err }
