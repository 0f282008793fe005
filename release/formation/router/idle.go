package router

import (
	"context"
	"net"
	"sync/atomic"
	"time"
)

// idle watches the connection to a process: when nothing went over it for a time, in
// neither direction, it ends (Heroku Dev Center, "Request Timeout").
type idle struct {
	net.Conn
	after  time.Duration
	timer  *time.Timer
	closed atomic.Bool
}

// watchIdle watches the connection of an exchange.
func watchIdle(conn net.Conn, after time.Duration, x *exchange) net.Conn {
	c := &idle{Conn: conn, after: after}
	c.timer = time.AfterFunc(after, func() {
		if c.closed.Load() {
			return
		}
		x.idle.Store(true)
		// Whoever reads or writes finds out.
		_ = conn.Close()
		x.giveUp()
	})
	return c
}

// Read begins the time anew for each byte.
func (c *idle) Read(b []byte) (int, error) { return c.went(c.Conn.Read(b)) }

// Write begins the time anew for each byte.
func (c *idle) Write(b []byte) (int, error) { return c.went(c.Conn.Write(b)) }

func (c *idle) went(n int, err error) (int, error) {
	// A timer that has run out, or was stopped, has closed the connection.
	if n > 0 && err == nil && c.timer.Stop() {
		c.timer.Reset(c.after)
	}
	return n, err
}

// Close ends the watch.
func (c *idle) Close() error {
	c.closed.Store(true)
	c.timer.Stop()
	return c.Conn.Close()
}

// dial connects to a process for the exchange of a context.
func (r *Router) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, address)
	x, known := ctx.Value(exchangeKey{}).(*exchange)
	if err != nil || !known {
		return conn, err
	}
	return watchIdle(conn, r.Idle, x), nil
}
