package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Fetcher downloads. What is temporary is tried again: a refused or dropped
// connection, a server's error 5xx, "too many requests", silence.
type Fetcher struct {
	Client *http.Client
	// Tries is how often in a row something is tried without a byte of
	// progress.
	Tries int
	// Pause is the time to wait before the n-th repetition, from 1. A server's
	// Retry-After prolongs it, up to MaxPause.
	Pause    func(n int) time.Duration
	MaxPause time.Duration
	// Stall is how long a server may send nothing.
	Stall time.Duration
	// Agent is the User-Agent.
	Agent string
}

// NewFetcher returns a Fetcher for ordinary lines: five tries within about
// four seconds of pauses, and half a minute of silence, three times in a row at
// most.
func NewFetcher(client *http.Client) *Fetcher {
	return &Fetcher{
		Client:   client,
		Tries:    5,
		Pause:    func(n int) time.Duration { return 250 * time.Millisecond << (n - 1) },
		MaxPause: 30 * time.Second,
		Stall:    30 * time.Second,
		Agent:    "slugc",
	}
}

// Request is what to download.
type Request struct {
	URL string
	// Header is sent with it: what to accept, and credentials, which http.Client
	// does not hand on to another host.
	Header http.Header
	// Limit is the most bytes that are accepted.
	Limit int64
	// Progress, when set, is told the bytes that arrived and how many there
	// will be, -1 when that is not known.
	Progress func(done, total int64)
}

// Document downloads a small document into memory.
func (f *Fetcher) Document(ctx context.Context, r Request) ([]byte, error) {
	body, err := f.open(ctx, r, false)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	return data, nil
}

// Open starts a download. The reader goes on by itself after a break, at the
// byte where it broke.
func (f *Fetcher) Open(ctx context.Context, r Request) (io.ReadCloser, error) {
	return f.open(ctx, r, true)
}

func (f *Fetcher) open(ctx context.Context, r Request, identity bool) (*body, error) {
	b := &body{fetcher: f, ctx: ctx, request: r, identity: identity, total: -1}
	if err := b.connect(nil); err != nil {
		return nil, err
	}
	return b, nil
}

// StatusError says that a server answered, but not with what was asked for.
type StatusError struct {
	// URL is the address without credentials.
	URL string
	// Code is the status of HTTP.
	Code int
	// RetryAfter is what the server asks a client to wait, 0 if it does not.
	RetryAfter time.Duration
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("GET %s: %d %s", e.URL, e.Code, http.StatusText(e.Code))
}

// NotFound tells whether an error is a server's word that it does not have a
// thing.
func NotFound(err error) bool {
	var status *StatusError
	return errors.As(err, &status) && (status.Code == http.StatusNotFound || status.Code == http.StatusGone)
}

// Redacted is an address without the credentials that may be in it.
func Redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "(an address that cannot be read)"
	}
	u.User = nil
	u.RawQuery = ""
	return u.String()
}

// retryAfter reads a Retry-After header: seconds, or a date
// (RFC 9110, "Retry-After").
func retryAfter(value string) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(date))
	}
	return 0
}
