package router

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// failure is an answer of the router's own, with Heroku's code for it.
type failure struct {
	code, desc string
	status     int
}

func (f *failure) Error() string { return f.code + " " + f.desc }

// statusClientGone is what proxies log for a client that hung up.
const statusClientGone = 499

var (
	crashed       = &failure{"H10", "App crashed", http.StatusServiceUnavailable}
	tooSlow       = &failure{"H12", "Request timeout", http.StatusServiceUnavailable}
	noResponse    = &failure{"H13", "Connection closed without response", http.StatusServiceUnavailable}
	idleResponse  = &failure{"H15", "Idle connection", http.StatusServiceUnavailable}
	noProcesses   = &failure{"H14", "No web processes running", http.StatusServiceUnavailable}
	interrupted   = &failure{"H18", "Server Request Interrupted", http.StatusServiceUnavailable}
	stillStarting = &failure{"H20", "App boot timeout", http.StatusServiceUnavailable}
	hungUp        = &failure{"H21", "Backend connection refused", http.StatusServiceUnavailable}
	idleClient    = &failure{"H28", "Client Connection Idle", statusClientGone}
	clientGone    = &failure{"H27", "Client Request Interrupted", statusClientGone}
)

// exchange is one request on its way.
type exchange struct {
	backend *Backend
	// asked is when the process was first asked; connect is how long it took to
	// be heard.
	asked   time.Time
	connect time.Duration
	failure *failure
	// idle is set when nothing was sent for too long; giveUp then ends the wait for
	// what the client has not sent.
	idle   atomic.Bool
	giveUp func()
}

type exchangeKey struct{}

// Handler is what an HTTP server hands requests to.
func (r *Router) Handler() http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite:       rewrite,
		Transport:     &backends{router: r, transport: r.transport()},
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
		ErrorHandler:  answer,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		x := &exchange{}
		id := requestID(req.Header.Get("X-Request-Id"))
		req.Header.Set("X-Request-Id", id)
		counted := &counter{ResponseWriter: w}
		// A connection that was handed over has no deadline, and needs none.
		x.giveUp = func() { _ = http.NewResponseController(w).SetReadDeadline(time.Now()) }
		defer func() {
			if x.backend != nil {
				x.backend.release()
			}
			// This is how a response ends whose process went away in the middle.
			abort := recover()
			switch {
			case x.failure != nil:
			case x.idle.Load():
				x.failure = idleResponse
			case abort != nil && req.Context().Err() != nil:
				x.failure = clientGone
			case abort != nil:
				x.failure = interrupted
			}
			r.Say(line(req, x, id, counted))
			if abort != nil {
				panic(abort)
			}
		}()
		proxy.ServeHTTP(counted, req.WithContext(context.WithValue(req.Context(), exchangeKey{}, x)))
	})
}

func (r *Router) transport() *http.Transport {
	return &http.Transport{
		DialContext:           r.dial,
		DisableKeepAlives:     true,
		DisableCompression:    true,
		ResponseHeaderTimeout: r.FirstByte,
	}
}

// rewrite tells the process who asked. What another proxy on this machine says
// of that counts; what anybody else says does not.
func rewrite(p *httputil.ProxyRequest) {
	p.Out.URL.Scheme = "http"
	p.Out.URL.Host = "process"
	p.Out.Host = p.In.Host
	client, _, err := net.SplitHostPort(p.In.RemoteAddr)
	if err != nil {
		client = p.In.RemoteAddr
	}
	proto, port := "http", ""
	if address, isAddress := p.In.Context().Value(http.LocalAddrContextKey).(net.Addr); isAddress {
		_, port, _ = net.SplitHostPort(address.String())
	}
	if ip := net.ParseIP(client); ip != nil && ip.IsLoopback() {
		if said := p.In.Header.Get("X-Forwarded-Proto"); said != "" {
			proto = said
		}
		if said := p.In.Header.Get("X-Forwarded-Port"); said != "" {
			port = said
		}
	}
	p.Out.Header["X-Forwarded-For"] = []string{forwardedFor(p.In, client)}
	p.Out.Header.Set("X-Forwarded-Proto", proto)
	if port != "" {
		p.Out.Header.Set("X-Forwarded-Port", port)
	}
	p.Out.Header.Set("X-Request-Start", strconv.FormatInt(time.Now().UnixMilli(), 10))
	p.Out.Header.Add("Via", "1.1 slugc")
}

func forwardedFor(req *http.Request, client string) string {
	return strings.Join(append(req.Header.Values("X-Forwarded-For"), client), ", ")
}

// requestID is the client's own, where it is one that a log can show, or a new
// one.
func requestID(said string) string {
	good := len(said) >= 20 && len(said) <= 200
	for _, c := range said {
		good = good && (c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.ContainsRune("-+=/_.", c))
	}
	if good {
		return said
	}
	var b [16]byte
	// It never fails (crypto/rand.Read).
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// backends is the transport that asks a process.
type backends struct {
	router    *Router
	transport *http.Transport
}

// RoundTrip hands the request to a process. One that refuses the connection has
// seen nothing of it, and so another one is asked.
func (t *backends) RoundTrip(req *http.Request) (*http.Response, error) {
	x, ok := req.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return nil, errors.New("a request that did not come through the router")
	}
	refused := map[*Backend]bool{}
	for {
		b, f := t.router.pick(req.Context(), refused)
		if f != nil {
			return nil, f
		}
		x.backend, x.asked = b, time.Now()
		resp, err := t.transport.RoundTrip(t.request(req, x))
		if op, isOp := errors.AsType[*net.OpError](err); !isOp || op.Op != "dial" || req.Context().Err() != nil {
			return resp, err
		}
		b.release()
		x.backend = nil
		refused[b] = true
	}
}

func (t *backends) request(req *http.Request, x *exchange) *http.Request {
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { x.connect = time.Since(x.asked) }}
	out := req.Clone(httptrace.WithClientTrace(req.Context(), trace))
	out.URL.Host = x.backend.address
	if req.Body != nil && req.Body != http.NoBody {
		// The transport closes the body of a request that it could not even
		// begin, and it may be needed again.
		out.Body = io.NopCloser(req.Body)
	}
	return out
}

// answer is what the client gets when no process answers it.
func answer(w http.ResponseWriter, req *http.Request, err error) {
	x, _ := req.Context().Value(exchangeKey{}).(*exchange)
	f := noResponse
	timeout, isNet := errors.AsType[net.Error](err)
	switch known, isKnown := errors.AsType[*failure](err); {
	case isKnown:
		f = known
	case x.idle.Load():
		// A process that takes its time has less of it (FirstByte): what is missing
		// is the rest of the request.
		f = idleClient
	case req.Context().Err() != nil:
		f = clientGone
	case isNet && timeout.Timeout():
		f = tooSlow
	}
	x.failure = f
	if f == idleClient {
		w.Header().Set("Connection", "close")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(f.status)
	fmt.Fprintf(w, "Application error (%s %s). Whoever runs it finds more in its log.\n", f.code, f.desc)
}

// line is the line of the log for a request that is over.
func line(req *http.Request, x *exchange, id string, w *counter) string {
	var b strings.Builder
	status := w.status
	if x.failure != nil {
		fmt.Fprintf(&b, "at=error code=%s desc=%q ", x.failure.code, x.failure.desc)
		// What was begun may have had another one.
		status = x.failure.status
	} else {
		b.WriteString("at=info ")
		if status == 0 {
			// The connection was handed over.
			status = http.StatusSwitchingProtocols
		}
	}
	client, _, err := net.SplitHostPort(req.RemoteAddr)
	if err != nil {
		client = req.RemoteAddr
	}
	fmt.Fprintf(&b, "method=%s path=%s host=%s request_id=%s fwd=%s ",
		req.Method, quoted(req.RequestURI), word(req.Host), id, quoted(forwardedFor(req, client)))
	name, connect, service := "", "", ""
	if x.backend != nil {
		name = x.backend.Name
		connect = fmt.Sprintf("%dms", x.connect.Milliseconds())
		service = fmt.Sprintf("%dms", (time.Since(x.asked) - x.connect).Milliseconds())
	}
	fmt.Fprintf(&b, "dyno=%s connect=%s service=%s status=%d bytes=%d protocol=%s", name, connect, service, status, w.bytes, protocol(req))
	return b.String()
}

func protocol(req *http.Request) string {
	if req.TLS != nil {
		return "https"
	}
	return "http"
}

// quoted is a client's word for the log, in quotes that it cannot leave.
func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, "%22") + `"` }

// word is a client's word for the log, which ends at its first space.
func word(s string) string {
	if strings.ContainsAny(s, " \"=") {
		return url.QueryEscape(s)
	}
	return s
}

// counter remembers what was answered.
type counter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// Unwrap lets an http.ResponseController flush and hijack.
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *counter) WriteHeader(status int) {
	// Those below 200 come before the answer.
	if c.status < http.StatusOK {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *counter) Write(b []byte) (int, error) {
	if c.status < http.StatusOK {
		c.status = http.StatusOK
	}
	n, err := c.ResponseWriter.Write(b)
	c.bytes += int64(n)
	return n, err
}
