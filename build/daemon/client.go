package daemon

import (
	"bufio"
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
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// oldest is the oldest version of the API that has what this package needs:
	// that of Docker 20.10.
	oldest = version(1_041)
	// newest is the newest that it knows.
	newest = version(1_048)
	// maxAnswer bounds an answer in JSON, in bytes.
	maxAnswer = 32 << 20
)

// Client asks a daemon, by the Docker Engine API. An answer that says no is an *Error,
// a daemon that does not talk a *ConnectionError.
type Client struct {
	// Cached finds a layer that is in an image of the daemon, by its diffID, as a file
	// with its tar. It may be nil. What it does not find is read from the daemon.
	Cached func(diffID string) (file string, found bool)

	host    string
	http    *http.Client
	url     *url.URL
	socket  string
	version version
	// held are connections that were opened before anybody asked for them.
	held chan net.Conn

	once  sync.Once
	info  Info
	wrong error
}

// Dial looks for a daemon, and agrees with it on a version of the API.
func Dial(ctx context.Context, config Config) (*Client, error) {
	c := &Client{host: config.host(), held: make(chan net.Conn, 16)}
	wrong := func(err error) (*Client, error) {
		if _, told := errors.AsType[*ConnectionError](err); !told {
			err = &ConnectionError{c.host, err}
		}
		return nil, err
	}
	transport, at, socket, err := config.connect(c.dial)
	if err != nil {
		return wrong(err)
	}
	c.url, c.socket, c.http = at, socket, &http.Client{Transport: transport}
	theirs, err := c.ping(ctx)
	if err != nil {
		return wrong(err)
	}
	c.version = min(theirs, newest)
	asked := ""
	if config.Version != "" {
		if c.version, err = parseVersion(config.Version); err != nil {
			return wrong(fmt.Errorf("DOCKER_API_VERSION: %w", err))
		}
		asked = ", asked for by DOCKER_API_VERSION,"
	}
	if c.version < oldest {
		return wrong(fmt.Errorf("the API %s%s is too old: expected %s or newer, which Docker has from 20.10", c.version, asked, oldest))
	}
	c.url = c.url.JoinPath("v" + c.version.String())
	return c, nil
}

// ConnectionError says why there is no talking to a daemon.
type ConnectionError struct {
	// Host is where it should be.
	Host string
	Err  error
}

func (e *ConnectionError) Error() string {
	advice := ""
	switch {
	case errors.Is(e.Err, fs.ErrNotExist), errors.Is(e.Err, syscall.ECONNREFUSED):
		advice = "; start it, or name another in DOCKER_HOST"
	case errors.Is(e.Err, fs.ErrPermission):
		advice = "; be a user who may open it, such as a member of its group"
	case slices.ContainsFunc([]error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.EPIPE, syscall.ECONNRESET}, func(end error) bool {
		return errors.Is(e.Err, end)
	}):
		advice = "; it went away in the middle"
	}
	return fmt.Sprintf("the Docker daemon at %s: %v%s", e.Host, e.Err, advice)
}

// Unwrap returns the cause.
func (e *ConnectionError) Unwrap() error { return e.Err }

// Hold opens connections to a socket now, for a process that may not later. Each
// serves one request at a time, any number of them one after another.
func (c *Client) Hold(ctx context.Context, connections int) error {
	for range connections {
		if c.socket == "" || len(c.held) == cap(c.held) {
			return nil
		}
		conn, err := greeted(ctx, c.socket)
		if err != nil {
			return &ConnectionError{c.host, err}
		}
		c.held <- conn
	}
	return nil
}

// greeted opens a connection and asks something, because a daemon closes one
// that is new if nobody does within minutes, and waits for ever after that.
func greeted(ctx context.Context, socket string) (_ net.Conn, err error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = conn.Close()
		}
	}()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/_ping", nil)
	if err != nil {
		return nil, err
	}
	if err := request.Write(conn); err != nil {
		return nil, err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		return nil, err
	}
	drain(answer)
	if answer.Close {
		return nil, errors.New("it closes connections after each answer")
	}
	return conn, nil
}

// Close closes connections that nobody uses.
func (c *Client) Close() {
	c.http.CloseIdleConnections()
	for {
		select {
		case conn := <-c.held:
			_ = conn.Close()
		default:
			return
		}
	}
}

// dial opens a connection or, where the process may not, takes one that is held.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if c.socket != "" {
		network, address = "unix", c.socket
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if !errors.Is(err, fs.ErrPermission) {
		return conn, err
	}
	select {
	case held := <-c.held:
		return held, nil
	default:
		return nil, err
	}
}

// ping asks a daemon which version of the API is its newest.
func (c *Client) ping(ctx context.Context) (version, error) {
	answer, err := c.send(ctx, http.MethodGet, "_ping", nil, nil)
	if err != nil {
		return 0, err
	}
	defer drain(answer)
	text := answer.Header.Get("Api-Version")
	if text == "" {
		return 0, errors.New("what answers there is no Docker daemon: it names no version of the API")
	}
	return parseVersion(text)
}

// version is one of the API: a thousand times the major plus the minor number.
type version int

func (v version) String() string { return fmt.Sprintf("%d.%d", int(v)/1000, int(v)%1000) }

// parseVersion reads MAJOR.MINOR.
func parseVersion(text string) (version, error) {
	var major, minor int
	var rest string
	n, _ := fmt.Sscanf(text+" ", "%d.%d%s", &major, &minor, &rest)
	if n != 2 || major < 0 || minor < 0 || minor > 999 {
		return 0, fmt.Errorf("%q is no version of the API; expected MAJOR.MINOR, such as %s", text, oldest)
	}
	return version(major*1000 + minor), nil
}

// Error is an answer of a daemon that says no.
type Error struct {
	// Asked is what was asked for: a method and a path.
	Asked string
	// Status is that of HTTP.
	Status int
	// Message is what the daemon says about it.
	Message string
}

func (e *Error) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("the Docker daemon answers %s with %d %s", e.Asked, e.Status, http.StatusText(e.Status))
	}
	return "the Docker daemon: " + e.Message
}

// missing says that there is no such image.
func missing(err error) bool {
	answer, ok := errors.AsType[*Error](err)
	return ok && answer.Status == http.StatusNotFound
}

// send sends a request. An answer that is an error is an *Error, no answer a
// *ConnectionError.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, body io.Reader) (*http.Response, error) {
	at := *c.url
	at.Path = strings.TrimSuffix(at.Path, "/") + "/" + path
	at.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, method, at.String(), body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/x-tar")
	}
	answer, err := c.http.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		// The address in the library's error is made up.
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return nil, &ConnectionError{c.host, err}
	}
	if answer.StatusCode < http.StatusBadRequest {
		return answer, nil
	}
	defer drain(answer)
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, &ConnectionError{c.host, err}
	}
	var said struct{ Message string }
	if json.Unmarshal(text, &said) != nil {
		said.Message = string(bytes.TrimSpace(text[:min(len(text), 1000)]))
	}
	return nil, &Error{Asked: method + " " + path, Status: answer.StatusCode, Message: said.Message}
}

// drain reads what is left of an answer, so that its connection serves the next
// request.
func drain(answer *http.Response) {
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer))
	_ = answer.Body.Close()
}

// get asks for JSON.
func (c *Client) get(ctx context.Context, path string, query url.Values, to any) error {
	answer, err := c.send(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return err
	}
	defer drain(answer)
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)).Decode(to); err != nil {
		return fmt.Errorf("reading the answer of the Docker daemon to %s: %w", path, err)
	}
	return nil
}
