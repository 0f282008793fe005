package router_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sclevine/spec"

	"github.com/slugc/slugc/release/formation/router"
)

func TestRouter(t *testing.T) { spec.Run(t, "the router", testRouter) }

func testRouter(t *testing.T, _ spec.G, it spec.S) {
	var r *router.Router
	var door *httptest.Server
	var lines chan string

	it.Before(func() {
		lines = make(chan string, 10_000)
		r = router.New(func(line string) { lines <- line })
		r.Expect(router.Starting)
	})
	open := func() {
		door = httptest.NewServer(r.Handler())
		t.Cleanup(door.Close)
	}
	// process starts a process that answers with its name and what it was sent.
	process := func(name string, handler http.HandlerFunc) *router.Backend {
		if handler == nil {
			handler = func(w http.ResponseWriter, req *http.Request) {
				body, err := io.ReadAll(req.Body)
				if err != nil {
					t.Error(err)
				}
				fmt.Fprintf(w, "%s %s", name, body)
			}
		}
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		return r.Add(name, server.Listener.Addr().String())
	}
	ask := func(path, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, door.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := door.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(answer)
	}
	fails := func(code string) {
		t.Helper()
		status, text := ask("/", "")
		line := <-lines
		if status != http.StatusServiceUnavailable || !strings.Contains(text, code) || !strings.HasPrefix(line, "at=error code="+code+" desc=") || !strings.Contains(line, " status=503 ") {
			t.Errorf("expected %s: %d, %s, and in the log %s", code, status, text, line)
		}
	}

	it("spreads requests", func() {
		process("web.1", nil)
		process("web.2", nil)
		open()
		count := map[string]int{}
		for range 10 {
			_, text := ask("/", "")
			count[strings.TrimSpace(text)]++
		}
		if count["web.1"] != 5 || count["web.2"] != 5 {
			t.Errorf("they answered %v", count)
		}
	})

	it("leaves who is busy alone", func() {
		release, busy := make(chan struct{}), make(chan struct{})
		process("web.1", func(http.ResponseWriter, *http.Request) { close(busy); <-release })
		process("web.2", nil)
		open()
		done := make(chan struct{})
		go func() { defer close(done); ask("/", "") }()
		<-busy
		for range 5 {
			if _, text := ask("/", ""); text != "web.2 " {
				t.Errorf("answered: %s", text)
			}
		}
		close(release)
		<-done
	})

	it("logs a request as Heroku does", func() {
		process("web.1", nil)
		open()
		ask(`/a"b?c=d`, "four")
		line := <-lines
		want := regexp.MustCompile(`^at=info method=POST path="/a%22b\?c=d" host=127\.0\.0\.1:\d+ request_id=[0-9a-f-]{36} fwd="127\.0\.0\.1" ` +
			`dyno=web\.1 connect=\d+ms service=\d+ms status=200 bytes=10 protocol=http$`)
		if !want.MatchString(line) {
			t.Errorf("the line is %s", line)
		}
	})

	it("tells the process who asked", func() {
		var got http.Header
		var host string
		process("web.1", func(_ http.ResponseWriter, req *http.Request) { got, host = req.Header, req.Host })
		open()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, door.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "app.example.com"
		req.Header.Set("X-Forwarded-For", "10.1.2.3")
		req.Header.Set("X-Forwarded-Proto", "https")
		req.Header.Set("X-Request-Id", "0123456789-0123456789")
		resp, err := door.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		for name, want := range map[string]string{
			"X-Forwarded-For": "10.1.2.3, 127.0.0.1", "X-Forwarded-Proto": "https", "X-Request-Id": "0123456789-0123456789",
			"X-Forwarded-Port": door.URL[strings.LastIndex(door.URL, ":")+1:], "Via": "1.1 slugc",
		} {
			if got.Get(name) != want {
				t.Errorf("%s is %q, expected %q", name, got.Get(name), want)
			}
		}
		if host != "app.example.com" || got.Get("X-Request-Start") == "" {
			t.Errorf("host %q, headers %v", host, got)
		}
	})

	it("makes a request wait for the first process", func() {
		open()
		answered := make(chan string)
		go func() {
			_, text := ask("/", "hello")
			answered <- text
		}()
		select {
		case text := <-answered:
			t.Fatalf("answered too early: %s", text)
		case <-time.After(20 * time.Millisecond):
		}
		process("web.1", nil)
		if text := <-answered; text != "web.1 hello" {
			t.Errorf("answered: %s", text)
		}
	})

	it("says why nobody answers", func() {
		r.Wait, r.FirstByte = 10*time.Millisecond, 20*time.Millisecond
		open()
		fails("H20")
		r.Expect(router.Crashed)
		fails("H10")
		r.Expect(router.None)
		fails("H14")
		gone := process("web.1", nil)
		gone.Remove()
		fails("H14")
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		closed := r.Add("web.2", listener.Addr().String())
		listener.Close()
		fails("H21")
		closed.Remove()
		silent := process("web.3", func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
		fails("H12")
		silent.Remove()
		process("web.4", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		fails("H13")
	})

	it("sends a body again where the first process refused", func() {
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		r.Add("web.1", listener.Addr().String())
		listener.Close()
		process("web.2", nil)
		open()
		for range 4 {
			if status, text := ask("/", "a body"); status != http.StatusOK || text != "web.2 a body" {
				t.Errorf("answered %d: %s", status, text)
			}
		}
	})

	it("says when a process or a client hangs up in the middle", func() {
		b := process("web.1", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "half")
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			panic(http.ErrAbortHandler)
		})
		open()
		get := func(ctx context.Context) (*http.Response, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, door.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			return door.Client().Do(req)
		}
		resp, err := get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(resp.Body); err == nil {
			t.Error("the client believes that it has all of it")
		}
		resp.Body.Close()
		if line := <-lines; !strings.HasPrefix(line, "at=error code=H18 ") {
			t.Errorf("the line is %s", line)
		}
		b.Remove()

		ctx, hangUp := context.WithCancel(t.Context())
		process("web.2", func(_ http.ResponseWriter, req *http.Request) { hangUp(); <-req.Context().Done() })
		if resp, err := get(ctx); !errors.Is(err, context.Canceled) {
			resp.Body.Close()
			t.Errorf("the client got %v", err)
		}
		if line := <-lines; !strings.HasPrefix(line, "at=error code=H27 ") || !strings.Contains(line, " status=499 ") {
			t.Errorf("the line is %s", line)
		}
	})

	it("ends what nobody sends anything of", func() {
		r.Idle = 100 * time.Millisecond
		b := process("web.1", func(w http.ResponseWriter, req *http.Request) {
			send := func() {
				fmt.Fprint(w, "x")
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Error(err)
				}
			}
			send()
			if req.URL.Path == "/slow" {
				for range 10 {
					time.Sleep(r.Idle / 4)
					send()
				}
				return
			}
			<-req.Context().Done()
		})
		open()
		if status, text := ask("/slow", ""); status != http.StatusOK || len(text) != 11 {
			t.Errorf("answered %d %s", status, text)
		}
		if line := <-lines; !strings.HasPrefix(line, "at=info ") {
			t.Errorf("the line is %s", line)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, door.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := door.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(resp.Body); err == nil {
			t.Error("the client believes that it has all of it")
		}
		resp.Body.Close()
		if line := <-lines; !strings.HasPrefix(line, `at=error code=H15 desc="Idle connection" `) || !strings.Contains(line, " status=503 ") {
			t.Errorf("the line is %s", line)
		}
		b.Remove()

		// A request of which the rest never comes.
		process("web.2", func(_ http.ResponseWriter, req *http.Request) {
			if _, err := io.ReadAll(req.Body); err == nil {
				t.Error("the process believes that it has all of it")
			}
		})
		body, rest := io.Pipe()
		go func() { fmt.Fprint(rest, "half") }()
		if req, err = http.NewRequestWithContext(t.Context(), http.MethodPost, door.URL, body); err != nil {
			t.Fatal(err)
		}
		if resp, err := door.Client().Do(req); err == nil {
			resp.Body.Close()
		}
		if line := <-lines; !strings.HasPrefix(line, `at=error code=H28 desc="Client Connection Idle" `) || !strings.Contains(line, " status=499 ") {
			t.Errorf("the line is %s", line)
		}
		if err := rest.Close(); err != nil {
			t.Error(err)
		}
	})

	it("hands connections over", func() {
		r.Idle = 300 * time.Millisecond
		process("web.1", func(w http.ResponseWriter, _ *http.Request) {
			conn, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			fmt.Fprint(buffered, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
			if err := buffered.Flush(); err != nil {
				t.Error(err)
			}
			if said, err := buffered.ReadString('\n'); err == nil {
				fmt.Fprint(conn, said)
			}
		})
		open()
		u, err := url.Parse(door.URL)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		answers := bufio.NewReader(conn)
		resp, err := http.ReadResponse(answers, nil)
		if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("%v, %v", resp, err)
		}
		resp.Body.Close()
		fmt.Fprint(conn, "hello\n")
		if said, err := answers.ReadString('\n'); said != "hello\n" {
			t.Errorf("%q, %v", said, err)
		}
		conn.Close()
		if line := <-lines; !strings.Contains(line, " status=101 ") {
			t.Errorf("the line is %s", line)
		}
		// One on which nothing is said any more ends.
		if conn, err = (&net.Dialer{}).DialContext(t.Context(), "tcp", u.Host); err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Error(err)
		}
		if line := <-lines; !strings.HasPrefix(line, "at=error code=H15 ") {
			t.Errorf("the line is %s", line)
		}
	})

	it("loses no request while processes come and go", func() {
		process("web.0", nil)
		open()
		const clients, each = 8, 50
		var group sync.WaitGroup
		stop := make(chan struct{})
		group.Go(func() {
			for n := 1; ; n++ {
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
				b := r.Add(fmt.Sprintf("web.%d", n), server.Listener.Addr().String())
				time.Sleep(time.Millisecond)
				if err := b.Drain(t.Context()); err != nil {
					t.Error(err)
				}
				server.Close()
				select {
				case <-stop:
					return
				default:
				}
			}
		})
		var askers sync.WaitGroup
		for range clients {
			askers.Go(func() {
				for range each {
					if status, text := ask("/", "body"); status != http.StatusOK {
						t.Errorf("answered %d: %s", status, text)
					}
				}
			})
		}
		askers.Wait()
		close(stop)
		group.Wait()
	})

	it("does not wait for ever for who does not end", func() {
		busy := make(chan struct{})
		b := process("web.1", func(_ http.ResponseWriter, req *http.Request) { close(busy); <-req.Context().Done() })
		open()
		ctx, hangUp := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, door.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if resp, err := door.Client().Do(req); err == nil {
				resp.Body.Close()
			}
		}()
		<-busy
		short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := b.Drain(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Drain returned %v", err)
		}
		hangUp()
		<-done
		if err := b.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
