package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/slugc/slugc/build/beside"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/stack/flock"
)

// Status is what there is to know of a formation.
type Status struct {
	// PID is the process that runs it.
	PID int `json:"pid"`
	// URL is where its web processes are reached.
	URL string `json:"url"`
	// Wanted is how many processes of each type there are to be.
	Wanted    map[string]int      `json:"formation"`
	Processes []formation.Process `json:"processes"`
}

// Subject is the formation that is served; see the methods of formation.Formation.
type Subject interface {
	Scale(scale map[string]int) error
	Restart(name string) (int, error)
	Wanted() map[string]int
	Processes() []formation.Process
}

// The files of a directory.
const (
	lockFile   = "lock"
	socketFile = "socket"
	scaleFile  = "formation.json"
)

// largest is the largest request, in bytes.
const largest = 1 << 20

// BusyError says that another process has the directory.
type BusyError struct{ Dir string }

func (e *BusyError) Error() string { return "it runs already, with " + e.Dir }

// AbsentError says that nobody runs a formation there.
type AbsentError struct{ Dir string }

func (e *AbsentError) Error() string { return "it does not run" }

// Seat is the right to run the formation of a directory.
type Seat struct {
	dir  string
	lock *os.File
}

// Take takes the seat of a directory, which is made. The error is a *BusyError
// when somebody else has it.
func Take(dir string) (*Seat, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making room for the formation: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the formation: %w", err)
	}
	free, err := flock.Try(lock)
	if err == nil && !free {
		err = &BusyError{dir}
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &Seat{dir: dir, lock: lock}, nil
}

// Close gives the seat up.
func (s *Seat) Close() error {
	err := os.Remove(filepath.Join(s.dir, socketFile))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, s.lock.Close())
}

// Kept is how many processes of each type there were when somebody last scaled
// the formation; nil when nobody has.
func (s *Seat) Kept() (map[string]int, error) {
	content, err := os.ReadFile(filepath.Join(s.dir, scaleFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the formation: %w", err)
	}
	var scale map[string]int
	if err := json.Unmarshal(content, &scale); err != nil {
		file := filepath.Join(s.dir, scaleFile)
		return nil, fmt.Errorf("reading how many processes there are to be: %s: %w; remove it, and say so with -m TYPE=N", file, err)
	}
	return scale, nil
}

// Keep remembers how many processes there are to be.
func (s *Seat) Keep(scale map[string]int) (err error) {
	content, err := json.Marshal(scale)
	if err != nil {
		return err
	}
	err = beside.Write(s.dir, filepath.Join(s.dir, scaleFile), func(f *os.File) error {
		_, err := f.Write(append(content, '\n'))
		return err
	})
	if err != nil {
		return fmt.Errorf("keeping the formation: %w", err)
	}
	return nil
}

// Serve answers for a formation until ctx ends. The URL is where its web processes
// are reached.
func (s *Seat) Serve(ctx context.Context, url string, subject Subject) error {
	err := os.Remove(filepath.Join(s.dir, socketFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("opening the formation's socket: %w", err)
	}
	var listener net.Listener
	err = inside(s.dir, func(socket string) (err error) {
		listener, err = (&net.ListenConfig{}).Listen(ctx, "unix", socket)
		return err
	})
	if err != nil {
		return fmt.Errorf("opening the formation's socket: %w", err)
	}
	// Its name is another one by now (inside), and Close removes the file.
	if unixListener, is := listener.(*net.UnixListener); is {
		unixListener.SetUnlinkOnClose(false)
	}
	server := &http.Server{Handler: s.handler(url, subject), ReadHeaderTimeout: 10 * time.Second}
	closed := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { closed <- server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return fmt.Errorf("answering for the formation: %w", err)
	}
	return <-closed
}

// inside calls f with a name of the socket that is short enough for the kernel,
// however deep the directory is (unix(7), "sun_path").
func inside(dir string, f func(socket string) error) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return f("/proc/self/fd/" + strconv.Itoa(int(d.Fd())) + "/" + socketFile)
}

func (s *Seat) handler(url string, subject Subject) http.Handler {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		// Who asked may be gone.
		_ = json.NewEncoder(w).Encode(Status{PID: os.Getpid(), URL: url, Wanted: subject.Wanted(), Processes: subject.Processes()})
	}
	refuse := func(w http.ResponseWriter, err error) { http.Error(w, err.Error(), http.StatusConflict) }
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { answer(w) })
	mux.HandleFunc("POST /scale", func(w http.ResponseWriter, req *http.Request) {
		var scale map[string]int
		err := json.NewDecoder(http.MaxBytesReader(w, req.Body, largest)).Decode(&scale)
		if err == nil {
			err = subject.Scale(scale)
		}
		if err == nil {
			err = s.Keep(subject.Wanted())
		}
		if err != nil {
			refuse(w, err)
			return
		}
		answer(w)
	})
	mux.HandleFunc("POST /restart", func(w http.ResponseWriter, req *http.Request) {
		name := req.URL.Query().Get("process")
		count, err := subject.Restart(name)
		if err == nil && count == 0 {
			err = fmt.Errorf("there is no process %s", name)
		}
		if err != nil {
			refuse(w, err)
			return
		}
		answer(w)
	})
	return mux
}

// Client asks the formation of a directory. Every call returns an *AbsentError
// when none runs there.
type Client struct{ Dir string }

// Status asks for the processes.
func (c Client) Status(ctx context.Context) (Status, error) {
	return c.do(ctx, http.MethodGet, "/", nil)
}

// Scale changes how many processes of some types there are.
func (c Client) Scale(ctx context.Context, scale map[string]int) (Status, error) {
	return c.do(ctx, http.MethodPost, "/scale", scale)
}

// Restart replaces one process, those of a type, or with an empty name all.
func (c Client) Restart(ctx context.Context, name string) (Status, error) {
	return c.do(ctx, http.MethodPost, "/restart?process="+url.QueryEscape(name), nil)
}

func (c Client) do(ctx context.Context, method, path string, body any) (status Status, err error) {
	content, err := json.Marshal(body)
	if err != nil {
		return status, err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://formation"+path, bytes.NewReader(content))
	if err != nil {
		return status, err
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (conn net.Conn, err error) {
		err = inside(c.Dir, func(socket string) (err error) {
			conn, err = (&net.Dialer{}).DialContext(ctx, "unix", socket)
			return err
		})
		return conn, err
	}}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return status, &AbsentError{c.Dir}
	}
	if err != nil {
		return status, fmt.Errorf("asking the formation: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return status, fmt.Errorf("asking the formation: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return status, errors.New(string(bytes.TrimSpace(answer)))
	}
	if err := json.Unmarshal(answer, &status); err != nil {
		return status, fmt.Errorf("asking the formation: %w", err)
	}
	return status, nil
}
