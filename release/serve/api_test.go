package serve_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/queue"
	"github.com/slugc/slugc/release/serve"
)

// TestAPI: what a program asks, and what it is told.
func TestAPI(t *testing.T) {
	s := newSite(t, nil)
	s.deploy("1one")
	s.configure("shop", "PASSWORD", "a-value-that-nobody-sees")
	s.deploy("2two")
	s.order()
	s.run("shop")
	archive := string(archiveOf(t, map[string]string{"Procfile": "web: ./web\n"}))
	for _, c := range []struct {
		method, path, body string
		headers            []string
		status             int
		says               string
	}{
		{"GET", "/healthz", "", nil, 200, `"ok"`},
		{"GET", "/apps", "", nil, 200, `"name": "shop"`},
		{"GET", "/apps/shop", "", nil, 200, `"PASSWORD"`},
		{"GET", "/apps/none", "", nil, 404, "there is no app none"},
		{"GET", "/apps/NONE", "", nil, 400, "lower case"},
		{"GET", "/nowhere", "", nil, 404, "there is nothing at"},
		{"DELETE", "/apps/shop", "", nil, 405, "is for GET"},
		{"GET", "/builds?app=shop&status=waiting", "", nil, 200, `"Sell`},
		{"GET", "/builds?app=cart", "", nil, 200, `"builds": []`},
		{"GET", "/builds?status=done", "", nil, 400, "is no status"},
		{"GET", "/builds?before=x", "", nil, 400, "number of a build"},
		{"GET", "/builds/1", "", nil, 200, `"status": "waiting"`},
		{"GET", "/builds/0", "", nil, 400, "is no build"},
		{"GET", "/builds/99", "", nil, 404, "there is no build 99"},
		{"GET", "/builds/1/log", "", nil, 200, ""},
		{"GET", "/builds/1/log?from=-1", "", nil, 400, "number of bytes"},
		{"POST", "/apps/shop/scale", `{"web": 3}`, nil, 200, `"web": 3`},
		{"POST", "/apps/shop/scale", `{"none": 3}`, nil, 409, "no process type none"},
		{"POST", "/apps/shop/scale", `{"web": -1}`, nil, 400, "from 0 to 100"},
		{"POST", "/apps/shop/scale", `{"web": [1]}`, nil, 400, "expected a number"},
		{"POST", "/apps/shop/scale", `{`, nil, 400, "no JSON object"},
		{"POST", "/apps/shop/scale", `{}`, nil, 400, "nothing to scale"},
		{"POST", "/apps/cart/scale", `{"web": 1}`, nil, 409, "slugc start cart"},
		{"POST", "/apps/shop/restart", `{"process": "web"}`, nil, 200, `"web.1"`},
		{"POST", "/apps/shop/restart", `{"process": "x y"}`, nil, 400, "is no process"},
		{"POST", "/apps/shop/restart", `{"process": "none"}`, nil, 409, "no process none"},
		{"POST", "/apps/shop/rollback", `{"version": "v1"}`, nil, 200, "Rollback to v1"},
		{"POST", "/apps/shop/rollback", `{"version": 9}`, nil, 404, "no release v9"},
		{"POST", "/apps/shop/rollback", `{"number": 9}`, nil, 400, "expected version"},
		{"POST", "/apps/none/rollback", ``, nil, 404, "there is no app none"},
		{"POST", "/builds/1/cancel", "", nil, 200, `"status": "cancelled"`},
		{"POST", "/builds/1/again", "", nil, 202, `"build": 2`},
		{"POST", "/apps/shop/builds", archive, []string{"Idempotency-Key: x"}, 202, `"build": 3`},
		{"POST", "/apps/shop/builds", archive, []string{"Idempotency-Key: x"}, 202, `"again": true`},
		{"POST", "/apps/shop/builds?directory=../..", archive, nil, 400, "expected one of the archive"},
		{"POST", "/apps/shop/builds", "#!/bin/sh", nil, 415, "no source archive"},
		{"POST", "/apps/shop/builds", "", nil, 415, "no source archive"},
		{"POST", "/apps/shop/builds", "\x1f\x8b" + strings.Repeat("x", 2<<20), nil, 413, "more than 1 MB"},
		{"POST", "/apps/..%2f..%2fetc/builds", archive, nil, 400, "is no name of an app"},
		{"GET", "/metrics", "", nil, 200, `slugc_queue_length 2`},
		{"GET", "/metrics", "", nil, 200, `slugc_http_requests_total{method="POST",route="/apps/{app}/scale",code="200"} 1`},
	} {
		got := s.ask(program(), c.method, c.path, strings.NewReader(c.body), append(c.headers, bearer)...)
		if got.status != c.status || !strings.Contains(got.body, c.says) {
			t.Errorf("%s %s %.60s: %d %s", c.method, c.path, c.body, got.status, got.body)
		}
		if strings.Contains(got.body, "a-value-that-nobody-sees") {
			t.Errorf("%s %s shows a value of the config", c.method, c.path)
		}
		if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("%s %s has the policy %q", c.method, c.path, policy)
		}
	}
	sources, err := filepath.Glob(filepath.Join(s.home, "sources", "shop", "*"))
	must(t, err)
	if len(sources) != 1 {
		t.Fatalf("the archives that are kept are %v", sources)
	}
	info, err := os.Stat(sources[0])
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("%s has mode %v", sources[0], info.Mode())
	}
	if len(s.heard.lines) > 0 {
		t.Errorf("it warned of %q", s.heard.lines)
	}
}

// archiveOf is a tar.gz with files.
func archiveOf(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	archive := tar.NewWriter(zipped)
	for name, content := range files {
		must(t, archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}))
		_, err := io.WriteString(archive, content)
		must(t, err)
	}
	must(t, archive.Close())
	must(t, zipped.Close())
	return b.Bytes()
}

// TestSourcesAreSwept: of archives whose builds have ended, the last few stay.
func TestSourcesAreSwept(t *testing.T) {
	s := newSite(t, nil)
	archive := archiveOf(t, map[string]string{"Procfile": "web: ./web\n"})
	const orders = 6
	for range orders {
		got := s.ask(program(), "POST", "/apps/shop/builds", bytes.NewReader(archive), bearer)
		if got.status != http.StatusAccepted {
			t.Fatal(got)
		}
		c, claimed, err := s.store.Claim(t.Context(), 0, 0)
		must(t, err)
		if !claimed {
			t.Fatal("nothing to build")
		}
		must(t, c.Log().Close())
		_, err = c.End(t.Context(), queue.Succeeded, queue.Result{})
		must(t, err)
	}
	sources, err := filepath.Glob(filepath.Join(s.home, "sources", "shop", "*"))
	must(t, err)
	if len(sources) != 4 { // three that have ended and the one that waited at the last look
		t.Errorf("%d archives are kept", len(sources))
	}
	if got := s.ask(program(), "POST", "/builds/1/again", nil, bearer); got.status != http.StatusConflict || !strings.Contains(got.body, "is not kept any more") {
		t.Errorf("building again what is gone: %d %s", got.status, got.body)
	}
}

// event is one of a stream.
type event struct{ id, kind, data string }

// follow reads the events of a build until they end.
func (s *site) follow(path string, headers ...string) <-chan event {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), "GET", s.url+path, nil)
	must(s.t, err)
	for _, h := range append(headers, bearer) {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	events := make(chan event, 100)
	go func() {
		defer close(events)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return // who waits for an event says so
		}
		defer resp.Body.Close()
		var e event
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				e.id = value
			case "event":
				e.kind = value
			case "data":
				e.data = value
			case "":
				events <- e
				e = event{}
			}
		}
	}()
	return events
}

// next is the next event of a kind.
func next(t *testing.T, events <-chan event, kind string) event {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		select {
		case e, more := <-events:
			if !more {
				t.Fatalf("no event %s", kind)
			}
			if e.kind == kind {
				return e
			}
		case <-limit:
			t.Fatalf("no event %s", kind)
		}
	}
}

// TestEvents: who watches a build sees its status and its log as they come, and goes on
// where the connection broke.
func TestEvents(t *testing.T) {
	s := newSite(t, nil)
	s.order()
	events := s.follow("/builds/1/events")
	if e := next(t, events, "status"); !strings.Contains(e.data, `"status":"waiting"`) {
		t.Errorf("%+v", e)
	}
	c, claimed, err := s.store.Claim(t.Context(), 1, 0)
	must(t, err)
	if !claimed {
		t.Fatal("it may not run")
	}
	if e := next(t, events, "status"); !strings.Contains(e.data, `"status":"running"`) {
		t.Errorf("%+v", e)
	}
	log := c.Log()
	_, err = io.WriteString(log, "-----> One\n\x1b[31mred\x1b[0m <b>\nhalf")
	must(t, err)
	first := next(t, events, "log")
	if want := `{"lines":[{"text":"-----\u003e One","spans":[{"class":"step","text":"-----\u003e One"}]},{"text":"red \u003cb\u003e","spans":[{"class":"c1","text":"red"},{"text":" \u003cb\u003e"}]}]}`; first.data != want {
		t.Errorf("the log is\n%s\nwant\n%s", first.data, want)
	}
	_, err = io.WriteString(log, " a line\nend")
	must(t, err)
	if e := next(t, events, "log"); e.data != `{"lines":[{"text":"half a line"}]}` {
		t.Errorf("%+v", e)
	}
	must(t, log.Close())
	_, err = c.End(t.Context(), queue.Succeeded, queue.Result{Release: 7})
	must(t, err)
	if e := next(t, events, "log"); e.data != `{"lines":[{"text":"end"}]}` {
		t.Errorf("%+v", e)
	}
	if e := next(t, events, "end"); !strings.Contains(e.data, `"release":7`) {
		t.Errorf("%+v", e)
	}
	if e, more := <-events; more {
		t.Errorf("after the end comes %+v", e)
	}
	again := s.follow("/builds/1/events", "Last-Event-ID: "+first.id)
	if e := next(t, again, "log"); e.data != `{"lines":[{"text":"half a line"}]}` {
		t.Errorf("%+v", e)
	}
	if e := next(t, again, "log"); e.data != `{"lines":[{"text":"end"}]}` {
		t.Errorf("%+v", e)
	}
	next(t, again, "end")
	from, err := strconv.Atoi(first.id)
	must(t, err)
	whole := s.ask(program(), "GET", "/builds/1/log", nil, bearer).body
	for _, c := range []struct {
		path, header, want string
		status             int
	}{
		{"/builds/1/log?from=" + first.id, "Accept: */*", whole[from:], 200},
		{"/builds/1/log", "Range: bytes=7-9", "One", 206},
		{"/builds/1/log?from=7", "Range: bytes=0-2", "One", 206},
		{"/builds/1/log", "Range: bytes=-3", "end", 206},
		{"/builds/1/log?from=100000", "Accept: */*", "", 200},
	} {
		if got := s.ask(program(), "GET", c.path, nil, c.header, bearer); got.status != c.status || got.body != c.want {
			t.Errorf("%s %s: %d %q, want %q", c.path, c.header, got.status, got.body, c.want)
		}
	}
}

// TestPages: the page shows the same, harmlessly.
func TestPages(t *testing.T) {
	s := newSite(t, nil)
	s.deploy("1one")
	s.configure("shop", "PASSWORD", "a-value-that-nobody-sees")
	s.order()
	c, _, err := s.store.Claim(t.Context(), 1, 0)
	must(t, err)
	_, err = io.WriteString(c.Log(), "\x1b]0;x\x07<script>alert(1)</script>\n")
	must(t, err)
	must(t, c.Log().Close())
	_, err = c.End(t.Context(), queue.Failed, queue.Result{Code: 51, Reason: "<script>alert(2)</script>", Steps: []queue.Step{{Name: "<i>Packing</i>", Duration: time.Second}},
		Reuse: []queue.Reuse{{Name: "<u>", Reused: true}}})
	must(t, err)
	browser, word := s.signIn()
	for _, path := range []string{"/", "/apps", "/apps/shop", "/builds", "/builds?app=shop", "/builds/1", "/sign-in?to=//evil.example.com", "/apps/none", "/nowhere"} {
		got := s.ask(browser, "GET", path, nil, "Accept: text/html")
		for _, bad := range []string{"<script>a", "<i>", "<u>", "<b>things", "a-value-that-nobody-sees", "\x1b", testToken, "style=", "onclick"} {
			if strings.Contains(got.body, bad) {
				t.Errorf("%s has %q", path, bad)
			}
		}
		if got.status == http.StatusInternalServerError {
			t.Errorf("%s: %s", path, got.body)
		}
	}
	form := []string{"Content-Type: application/x-www-form-urlencoded", "Accept: text/html", "Sec-Fetch-Site: same-origin"}
	if got := s.ask(browser, "POST", "/apps/shop/rollback", strings.NewReader("version=1&word="+word), form...); got.status != http.StatusSeeOther || got.header.Get("Location") != "/apps/shop" {
		t.Errorf("rolling back by a form: %d %s", got.status, got.body)
	}
	if r, err := s.book.Current(t.Context(), "shop"); err != nil || r.Author != "Ada" {
		t.Errorf("the release is by %s (%v)", r.Author, err)
	}
	if got := s.ask(program(), "GET", "/builds/1?x=1", nil, "Accept: text/html"); got.header.Get("Location") != "/sign-in?to=%2Fbuilds%2F1%3Fx%3D1" {
		t.Errorf("who is not signed in is sent to %s", got.header.Get("Location"))
	}
	cookies := browser.Jar.Cookies(mustURL(t, s.url))
	if got := s.ask(browser, "POST", "/sign-out", strings.NewReader("word="+word), form...); got.status != http.StatusSeeOther {
		t.Errorf("signing out: %d %s", got.status, got.body)
	}
	// A cookie that somebody kept is of no use then.
	if got := s.ask(program(), "GET", "/", nil, "Accept: text/html", "Cookie: "+cookies[0].String()); got.status != http.StatusSeeOther {
		t.Errorf("a session that was ended: %d", got.status)
	}
}

// TestSignIn: where a person is sent after signing in is on this server, and cookies are
// for TLS alone where there is TLS.
func TestSignIn(t *testing.T) {
	for _, secure := range []bool{false, true} {
		s := newSite(t, func(settings *serve.Settings) { settings.Secure = secure })
		for to, want := range map[string]string{"/builds/1": "/builds/1", "//evil.example.com": "/", "https://evil.example.com/": "/", "/\\evil": "/", "x": "/"} {
			got := s.ask(program(), "POST", "/sign-in", strings.NewReader("token="+testToken+"&to="+to), "Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin")
			if got.status != http.StatusSeeOther || got.header.Get("Location") != want {
				t.Errorf("to %q: %d %s", to, got.status, got.header.Get("Location"))
			}
			cookie := got.header.Get("Set-Cookie")
			for _, attribute := range []string{"HttpOnly", "SameSite=Strict", "Path=/"} {
				if !strings.Contains(cookie, attribute) {
					t.Errorf("the cookie is %s", cookie)
				}
			}
			if strings.Contains(cookie, "Secure") != secure || strings.HasPrefix(cookie, "__Host-") != secure {
				t.Errorf("the cookie is %s", cookie)
			}
		}
		if got := s.ask(program(), "POST", "/sign-in", strings.NewReader("token="+testToken), "Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: cross-site"); got.status != http.StatusForbidden {
			t.Errorf("signing in from another page: %d", got.status)
		}
	}
}

// TestStreamsEnd: a stream ends with the server, not with the build.
func TestStreamsEnd(t *testing.T) {
	s := newSite(t, nil)
	s.order()
	server, err := serve.New(s.Settings)
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	listener := listen(t)
	ended := make(chan error, 2)
	go func() { ended <- server.Answer(ctx, listener) }()
	go func() { ended <- server.Watch(ctx) }()
	s.url = "http://" + listener.Addr().String()
	events := s.follow("/builds/1/events")
	next(t, events, "status")
	stop()
	for range 2 {
		must(t, <-ended)
	}
	for range events {
		continue
	}
}

// TestTell: of each build the last status is told.
func TestTell(t *testing.T) {
	s := newSite(t, nil)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	told := make(chan string, 10)
	ended := make(chan error, 1)
	go func() {
		ended <- s.Tell(ctx, func(_ context.Context, b queue.Build) { told <- fmt.Sprintf("%d %s", b.ID, b.Status) })
	}()
	s.order()
	if got := <-told; got != "1 waiting" {
		t.Errorf("told %s", got)
	}
	_, err := s.store.Cancel(t.Context(), 1)
	must(t, err)
	if got := <-told; got != "1 cancelled" {
		t.Errorf("told %s", got)
	}
	stop()
	must(t, <-ended)
}

// TestFormation: an app that is not started has no formation.
func TestFormation(t *testing.T) {
	s := newSite(t, nil)
	s.deploy("1one")
	var got struct {
		Formation *struct{} `json:"formation"`
		Releases  []release.Release
	}
	must(t, json.Unmarshal([]byte(s.ask(program(), "GET", "/apps/shop", nil, bearer).body), &got))
	if got.Formation != nil || len(got.Releases) != 1 {
		t.Errorf("%s", cmp.Diff(nil, got))
	}
}
