package logs

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"
)

// The limits of a drain.
const (
	// MaxDrain is how many bytes of lines wait for a server that is slow or away.
	MaxDrain = 8 << 20
	// MaxDrainLine is the length in bytes of what is sent of a line; servers
	// refuse longer ones.
	MaxDrainLine = 10_000
	// drainTimeout is the time that a server has to take a batch.
	drainTimeout = 10 * time.Second
	// drainPause is the time before a server that is away is called again; it
	// doubles up to drainPauseMost.
	drainPause     = time.Second
	drainPauseMost = time.Minute
)

// Drain sends a log to a syslog server over TCP, in the frames of RFC 6587
// section 3.4.1 and the format of Heroku's drains: RFC 5424 without structured
// data, with facility user, severity notice. It runs until it is closed.
type Drain struct {
	network, address string
	host             string
	tls              *tls.Config
	stop             context.CancelFunc
	done             chan struct{}

	mu      sync.Mutex
	waiting bytes.Buffer
	// lost counts the lines that had no room, since the time lostSince.
	lost      int
	lostSince time.Time
	closed    bool
	more      chan struct{}
}

// NewDrain starts a drain to syslog://HOST:PORT or, with TLS,
// syslog+tls://HOST:PORT. That nobody answers there is no error.
func NewDrain(target string) (*Drain, error) {
	u, err := url.Parse(target)
	if err != nil || u.Port() == "" || u.Hostname() == "" || u.Path != "" || u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("the log drain %q: expected syslog://HOST:PORT or syslog+tls://HOST:PORT", target)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "-"
	}
	d := &Drain{network: "tcp", address: u.Host, host: host, more: make(chan struct{}, 1), done: make(chan struct{})}
	switch u.Scheme {
	case "syslog":
	case "syslog+tls":
		d.tls = &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	default:
		return nil, fmt.Errorf("the log drain %q: expected syslog://HOST:PORT or syslog+tls://HOST:PORT", target)
	}
	ctx, stop := context.WithCancel(context.Background())
	d.stop = stop
	go d.run(ctx)
	return d, nil
}

// Write takes lines to be sent; those that find no room are lost, and counted.
func (d *Drain) Write(lines []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for line := range bytes.Lines(lines) {
		parsed, ok := Parse(line)
		if !ok {
			continue
		}
		frame := d.frame(parsed)
		if d.waiting.Len()+len(frame) > MaxDrain {
			if d.lost == 0 {
				d.lostSince = parsed.Time
			}
			d.lost++
			continue
		}
		d.waiting.Write(frame)
	}
	select {
	case d.more <- struct{}{}:
	default:
	}
	return len(lines), nil
}

// frame is a line as it is sent.
func (d *Drain) frame(line Line) []byte {
	text := line.Text
	if len(text) > MaxDrainLine {
		text = text[:MaxDrainLine]
	}
	message := fmt.Appendf(nil, "<13>1 %s %s %s %s - - ", line.Time.Format(TimeFormat), d.host, line.Source, line.Process)
	message = append(message, text...)
	message = append(message, '\n')
	return append(strconv.AppendInt(nil, int64(len(message)), 10), append([]byte{' '}, message...)...)
}

// take is what is to be sent next, and whether there will be more.
func (d *Drain) take() (batch []byte, more bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	batch = bytes.Clone(d.waiting.Bytes())
	d.waiting.Reset()
	if d.lost > 0 {
		batch = append(batch, d.frame(Line{
			Time: time.Now().UTC(), Source: Platform, Process: "logplex",
			Text: fmt.Appendf(nil, "Error L10 (output buffer overflow): drain dropped %d messages since %s", d.lost, d.lostSince.Format(TimeFormat)),
		})...)
		d.lost = 0
	}
	return batch, !d.closed
}

func (d *Drain) run(ctx context.Context) {
	defer close(d.done)
	wait := drainPause
	var conn net.Conn
	defer func() {
		if conn != nil {
			conn.Close()
		}
	}()
	for {
		batch, more := d.take()
		for len(batch) > 0 {
			var err error
			if conn == nil {
				conn, err = d.dial(ctx)
			}
			if err == nil {
				err = send(conn, batch)
			}
			if err == nil {
				wait = drainPause
				break
			}
			if conn != nil {
				conn.Close()
				conn = nil
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
				wait = min(2*wait, drainPauseMost)
			}
		}
		if !more && len(batch) == 0 {
			return
		}
		if !more {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-d.more:
		}
	}
}

func (d *Drain) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	if d.tls != nil {
		return (&tls.Dialer{Config: d.tls}).DialContext(ctx, d.network, d.address)
	}
	return (&net.Dialer{}).DialContext(ctx, d.network, d.address)
}

// send writes a batch to a server that has not hung up: the kernel takes what
// is written to one that has.
func send(conn net.Conn, batch []byte) error {
	if err := conn.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		return err
	}
	if _, err := conn.Read(make([]byte, 1)); errors.Is(err, io.EOF) {
		return err
	}
	if err := conn.SetWriteDeadline(time.Now().Add(drainTimeout)); err != nil {
		return err
	}
	_, err := conn.Write(batch)
	return err
}

// Close sends what waits, for at most as long as ctx lasts.
func (d *Drain) Close(ctx context.Context) error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	select {
	case d.more <- struct{}{}:
	default:
	}
	defer d.stop()
	select {
	case <-d.done:
	case <-ctx.Done():
		return fmt.Errorf("the log drain %s did not take the last lines: %w", d.address, ctx.Err())
	}
	return nil
}
