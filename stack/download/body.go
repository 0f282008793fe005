package download

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxRequests bounds the requests for one file, for a server that breaks off
// after every few bytes.
const maxRequests = 100

// errStalled ends a request whose server went silent.
var errStalled = errors.New("the server sent nothing")

// body is a download in progress, over as many connections as it takes.
type body struct {
	fetcher *Fetcher
	// ctx is that of the whole download: it is a reader, whose method has
	// no room for one.
	ctx      context.Context
	request  Request
	identity bool

	response *http.Response
	cancel   context.CancelCauseFunc
	watchdog *time.Timer
	// offset is the number of bytes handed out, total the size of the file.
	offset, total int64
	// skip is how much of the present answer was handed out before.
	skip int64
	// tag is the validator of the file's version for the next part of it.
	tag string
	// failures counts what went wrong since the last byte, asked all requests.
	failures, asked int
	err             error
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	for b.err == nil {
		n, err := b.read(p)
		if n > 0 {
			b.failures = 0
			b.offset += int64(n)
			if b.offset > b.request.Limit {
				b.err = fmt.Errorf("reading %s: larger than the limit of %d bytes", Redacted(b.request.URL), b.request.Limit)
				return 0, b.err
			}
			if b.request.Progress != nil {
				b.request.Progress(b.offset, b.total)
			}
			return n, nil
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			b.err = io.EOF
		default:
			b.err = b.connect(err)
		}
	}
	return 0, b.err
}

// read reads from the present answer, without what was handed out before.
func (b *body) read(p []byte) (int, error) {
	for {
		b.watchdog.Reset(b.fetcher.Stall)
		n, err := b.response.Body.Read(p)
		if errors.Is(context.Cause(b.response.Request.Context()), errStalled) {
			err = fmt.Errorf("%w for %s", errStalled, b.fetcher.Stall)
		}
		skipped := int(min(b.skip, int64(n)))
		b.skip -= int64(skipped)
		if n > skipped {
			return copy(p, p[skipped:n]), nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// Close ends the download.
func (b *body) Close() error {
	if b.err == nil {
		b.err = errors.New("the download was closed")
	}
	return b.disconnect()
}

func (b *body) disconnect() error {
	if b.response == nil {
		return nil
	}
	b.watchdog.Stop()
	b.cancel(nil)
	err := b.response.Body.Close()
	b.response = nil
	return err
}

// connect asks the server for the rest of the file, again and again while that
// makes sense. Cause is what broke the connection before, nil at the start.
func (b *body) connect(cause error) error {
	for {
		if cause != nil {
			// A broken connection may well fail to close.
			if err := b.disconnect(); err != nil {
				cause = errors.Join(cause, err)
			}
			if err := b.pause(cause); err != nil {
				return err
			}
		}
		if cause = b.ask(); cause == nil {
			return nil
		}
	}
}

// pause waits before the next try. It returns the error to give up with.
func (b *body) pause(cause error) error {
	if err := b.ctx.Err(); err != nil {
		return context.Cause(b.ctx)
	}
	b.failures++
	if errors.Is(cause, errStalled) {
		// Each one takes as long as all the other tries together.
		b.failures++
	}
	if !temporary(cause) {
		return b.explain(cause)
	}
	if b.failures >= b.fetcher.Tries || b.asked >= maxRequests {
		return &Error{Fault: Passing, Err: b.explain(cause)}
	}
	wait := b.fetcher.Pause(b.failures)
	var status *StatusError
	if errors.As(cause, &status) {
		wait = max(wait, status.RetryAfter)
	}
	timer := time.NewTimer(min(wait, b.fetcher.MaxPause))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-b.ctx.Done():
		return context.Cause(b.ctx)
	}
}

// explain says what was read from where, and what to do about a certificate
// that is not trusted.
func (b *body) explain(cause error) error {
	var status *StatusError
	if errors.As(cause, &status) {
		return cause
	}
	var sent *url.Error
	if errors.As(cause, &sent) {
		cause = sent.Err
	}
	err := fmt.Errorf("GET %s: %w", Redacted(b.request.URL), cause)
	var unknown x509.UnknownAuthorityError
	if errors.As(cause, &unknown) {
		return fmt.Errorf("%w\nthe server's certificate is signed by an authority that this machine does not know, such as a company's own.\n"+
			"Name its certificate file:\n  export SSL_CERT_FILE=/path/to/ca.pem NODE_EXTRA_CA_CERTS=/path/to/ca.pem", err)
	}
	return err
}

// ask sends one request for what is missing.
func (b *body) ask() error {
	b.asked++
	ctx, cancel := context.WithCancelCause(b.ctx)
	watchdog := time.AfterFunc(b.fetcher.Stall, func() { cancel(errStalled) })
	fail := func(err error) error {
		watchdog.Stop()
		if errors.Is(context.Cause(ctx), errStalled) {
			err = fmt.Errorf("%w for %s", errStalled, b.fetcher.Stall)
		}
		cancel(nil)
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.request.URL, http.NoBody)
	if err != nil {
		return fail(err)
	}
	for name, values := range b.request.Header {
		request.Header[name] = values
	}
	request.Header.Set("User-Agent", b.fetcher.Agent)
	if b.identity {
		// With a coding on top, the bytes and the ranges would be those of the
		// coded form.
		request.Header.Set("Accept-Encoding", "identity")
	}
	if b.identity && b.offset > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", b.offset))
		if b.tag != "" {
			request.Header.Set("If-Range", b.tag)
		}
	}
	response, err := b.fetcher.Client.Do(request)
	if err != nil {
		return fail(err)
	}
	if err := b.accept(response); err != nil {
		return fail(errors.Join(err, response.Body.Close()))
	}
	b.response, b.cancel, b.watchdog = response, cancel, watchdog
	return nil
}

// accept takes an answer as the rest of the file, or as the file from its
// start when the server does not do ranges.
func (b *body) accept(response *http.Response) error {
	switch {
	case response.StatusCode == http.StatusOK:
		b.skip, b.total = b.offset, response.ContentLength
	case response.StatusCode == http.StatusPartialContent && b.offset > 0:
		var from, to, size int64
		rest := response.Header.Get("Content-Range")
		if _, err := fmt.Sscanf(rest, "bytes %d-%d/%d", &from, &to, &size); err != nil || from != b.offset {
			return fmt.Errorf("asked for bytes from %d, was offered %q", b.offset, rest)
		}
		b.skip = 0
	default:
		return &StatusError{
			URL:        Redacted(b.request.URL),
			Code:       response.StatusCode,
			RetryAfter: retryAfter(response.Header.Get("Retry-After")),
		}
	}
	if tag := response.Header.Get("ETag"); !strings.HasPrefix(tag, "W/") {
		b.tag = tag
	}
	return nil
}

// temporary tells whether a failure may be gone at the next try.
func temporary(err error) bool {
	var status *StatusError
	if errors.As(err, &status) {
		return status.Code >= http.StatusInternalServerError && status.Code != http.StatusNotImplemented ||
			status.Code == http.StatusRequestTimeout ||
			status.Code == http.StatusTooEarly ||
			status.Code == http.StatusTooManyRequests
	}
	var certificate *tls.CertificateVerificationError
	return !errors.As(err, &certificate)
}
