package serve_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/release/formation/control"
	"github.com/slugc/slugc/release/ledger"
	"github.com/slugc/slugc/release/queue"
	"github.com/slugc/slugc/release/serve"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The secrets of the tests.
var (
	testToken  = strings.Repeat("a-token-", 5)
	testSecret = "a-secret-of-a-webhook"
)

// heard is a voice that remembers warnings.
type heard struct {
	mu    sync.Mutex
	lines []string
}

func (h *heard) Stepf(string, ...any)   {}
func (h *heard) Detailf(string, ...any) {}
func (h *heard) Warningf(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, fmt.Sprintf(format, args...))
}

// slugFiles has a slug of every digest.
type slugFiles struct{ dir string }

func (s slugFiles) Path(_ context.Context, digest string) (string, error) {
	return filepath.Join(s.dir, digest), nil
}

// noPhase is the release phase of an app that has none.
type noPhase struct{}

func (noPhase) Run(context.Context, release.Release, string, release.Config, io.Writer) error {
	return nil
}
func (noPhase) Output([]string) io.WriteCloser { return nil }

// crew is a formation without processes.
type crew struct {
	mu     sync.Mutex
	wanted map[string]int
}

func (c *crew) Scale(scale map[string]int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, n := range scale {
		if _, is := c.wanted[name]; !is {
			return fmt.Errorf("there is no process type %s", name)
		}
		c.wanted[name] = n
	}
	return nil
}
func (c *crew) Restart(name string) (int, error) { return map[string]int{"": 2, "web": 2}[name], nil }
func (c *crew) Wanted() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	wanted := map[string]int{}
	for name, n := range c.wanted {
		wanted[name] = n
	}
	return wanted
}
func (c *crew) Processes() (all []formation.Process) {
	for name, n := range c.Wanted() {
		for i := range n {
			all = append(all, formation.Process{Name: fmt.Sprintf("%s.%d", name, i+1), State: formation.Up, Since: time.Now(), Release: "v2", Command: "./" + name})
		}
	}
	return all
}

// site is a server of tests.
type site struct {
	t     testing.TB
	home  string
	store *ledger.Queue
	book  *ledger.Ledger
	heard heard
	url   string
	*serve.Server
}

func newSite(t testing.TB, change func(*serve.Settings)) *site {
	t.Helper()
	s := &site{t: t, home: t.TempDir()}
	var err error
	s.book, err = ledger.Open(t.Context(), ledger.Settings{Dir: s.home, Keys: ledger.Keys{File: filepath.Join(s.home, "key")}})
	must(t, err)
	t.Cleanup(func() { must(t, s.book.Close()) })
	s.store, err = s.book.Queue(0)
	must(t, err)
	t.Cleanup(func() { must(t, s.store.Close()) })
	settings := serve.Settings{
		Store: s.store, Book: s.book, Voice: &s.heard, Token: testToken, Author: "api", LargestSource: 1 << 20, Rules: s.book,
		Maker: func(author string, voice release.Voice) release.Maker {
			return release.Maker{Book: s.book, Slugs: slugFiles{s.home}, Phase: noPhase{}, Author: author, Voice: voice}
		},
		Formation: func(app string) control.Client { return control.Client{Dir: filepath.Join(s.home, "run", app)} },
		Slug:      slugFiles{s.home}.Path,
		Sources:   filepath.Join(s.home, "sources"), Sizes: filepath.Join(s.home, "sizes"),
	}
	if change != nil {
		change(&settings)
	}
	s.Server, err = serve.New(settings)
	must(t, err)
	s.NoDelay()
	ctx, stop := context.WithCancel(context.Background())
	watched := make(chan error, 1)
	go func() { watched <- s.Watch(ctx) }()
	server := httptest.NewUnstartedServer(s.Handler())
	server.Start()
	s.url = server.URL
	t.Cleanup(func() {
		stop()
		must(t, <-watched)
		server.Close()
	})
	return s
}

// deploy makes a release of the shop.
func (s *site) deploy(name string) {
	s.t.Helper()
	m := release.Maker{Book: s.book, Slugs: slugFiles{s.home}, Phase: noPhase{}, Author: "ada", Voice: &s.heard}
	artifact := release.Artifact{Kind: release.SlugKind, Digest: "sha256:" + name, Size: 1 << 20, Commit: strings.Repeat(name[:1], 40), ProcessTypes: map[string]string{"web": "./web", "worker": "./worker"}}
	_, err := m.Deploy(s.t.Context(), "shop", release.Offer{Artifact: artifact})
	must(s.t, err)
}

func (s *site) configure(app, name, value string) {
	s.t.Helper()
	m := release.Maker{Book: s.book, Slugs: slugFiles{s.home}, Phase: noPhase{}, Author: "ada", Voice: &s.heard}
	_, _, err := m.Configure(s.t.Context(), app, release.Change{Set: release.Config{name: value}})
	must(s.t, err)
}

// run lets a formation of an app be asked.
func (s *site) run(app string) {
	s.t.Helper()
	seat, err := control.Take(filepath.Join(s.home, "run", app))
	must(s.t, err)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- seat.Serve(ctx, "http://127.0.0.1:1", &crew{wanted: map[string]int{"web": 2, "worker": 1}})
	}()
	client := control.Client{Dir: filepath.Join(s.home, "run", app)}
	for {
		if _, err := client.Status(s.t.Context()); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	s.t.Cleanup(func() {
		stop()
		must(s.t, <-served)
		must(s.t, seat.Close())
	})
}

// answer is what came back.
type answer struct {
	status int
	body   string
	header http.Header
}

// ask sends a request and reads the answer. Headers are "Name: value".
func (s *site) ask(client *http.Client, method, path string, body io.Reader, headers ...string) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, body)
	must(s.t, err)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	must(s.t, err)
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	must(s.t, err)
	return answer{resp.StatusCode, string(content), resp.Header}
}

func program() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

var bearer = "Authorization: Bearer " + testToken

// order orders a build of the shop.
func (s *site) order() queue.Build {
	s.t.Helper()
	b, _, err := s.store.Order(s.t.Context(), queue.Order{App: "shop", Trigger: "push", By: "ada", Source: queue.Source{
		Kind: queue.Repository, Location: "https://git.example.com/shop.git", Branch: "main", Commit: strings.Repeat("c", 40), Message: "Sell <b>things</b>",
	}})
	must(s.t, err)
	return b
}

// signIn is a browser with a session, and the session's word.
func (s *site) signIn() (*http.Client, string) {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	must(s.t, err)
	client := program()
	client.Jar = jar
	in := s.ask(client, "POST", "/sign-in", strings.NewReader(url.Values{"token": {testToken}, "name": {"Ada"}}.Encode()), "Content-Type: application/x-www-form-urlencoded", "Accept: text/html", "Sec-Fetch-Site: same-origin")
	if in.status != http.StatusSeeOther {
		s.t.Fatalf("signing in: %d %s", in.status, in.body)
	}
	page := s.ask(client, "GET", "/", nil, "Accept: text/html")
	found := regexp.MustCompile(`name="word" value="([^"]+)"`).FindStringSubmatch(page.body)
	if page.status != http.StatusOK || found == nil {
		s.t.Fatalf("the first page: %d %s", page.status, page.body)
	}
	return client, found[1]
}

// routes are all addresses that are for those alone who are known.
var routes = []struct{ method, path string }{
	{"GET", "/"}, {"GET", "/metrics"}, {"GET", "/apps"}, {"GET", "/apps/shop"}, {"GET", "/apps/shop/treemap"},
	{"POST", "/apps/shop/builds"}, {"POST", "/apps/shop/rollback"}, {"POST", "/apps/shop/scale"}, {"POST", "/apps/shop/restart"},
	{"GET", "/builds"}, {"GET", "/builds/1"}, {"GET", "/builds/1/log"}, {"GET", "/builds/1/events"}, {"POST", "/builds/1/cancel"}, {"POST", "/builds/1/again"},
	{"POST", "/sign-out"},
}

// TestDoors: nobody gets in without a token, with a wrong one, with a session that is made
// up, or changes something with a session from another page.
func TestDoors(t *testing.T) {
	s := newSite(t, func(settings *serve.Settings) { settings.Now = time.Now })
	s.deploy("one")
	s.order()
	browser, word := s.signIn()
	if len(routes) != s.Known() {
		t.Errorf("%d routes are tested, there are %d", len(routes), s.Known())
	}
	for _, r := range routes {
		var wait sync.WaitGroup
		for _, c := range []struct {
			what    string
			client  *http.Client
			headers []string
			status  int
		}{
			{"no token", program(), nil, http.StatusUnauthorized},
			{"wrong token", program(), []string{"Authorization: Bearer wrong"}, http.StatusUnauthorized},
			{"token as a password", program(), []string{"Authorization: Basic " + testToken}, http.StatusUnauthorized},
			{"made-up session", program(), []string{"Cookie: slugc=x.99999999999.QWRh.QWRh"}, http.StatusUnauthorized},
			{"session without its word", browser, []string{"Sec-Fetch-Site: same-origin"}, http.StatusForbidden},
			{"session with a wrong word", browser, []string{"Sec-Fetch-Site: same-origin", "X-CSRF-Token: wrong"}, http.StatusForbidden},
			{"session from another page", browser, []string{"Sec-Fetch-Site: cross-site", "X-CSRF-Token: " + word}, http.StatusForbidden},
			{"session from another origin", browser, []string{"Origin: https://evil.example.com", "X-CSRF-Token: " + word}, http.StatusForbidden},
		} {
			if r.method == "GET" && c.status == http.StatusForbidden {
				continue
			}
			wait.Go(func() {
				got := s.ask(c.client, r.method, r.path, nil, append(c.headers, "Accept: application/json")...)
				var says struct {
					Error string   `json:"error"`
					Next  []string `json:"next"`
				}
				if err := json.Unmarshal([]byte(got.body), &says); got.status != c.status || err != nil || says.Error == "" {
					t.Errorf("%s %s, %s: %d %s (%v)", r.method, r.path, c.what, got.status, got.body, err)
				}
			})
		}
		wait.Wait()
	}
	if b, err := s.store.Build(t.Context(), 1); err != nil || b.Status != queue.Waiting {
		t.Errorf("build 1 is %s (%v)", b.Status, err)
	}
	if all, _ := s.store.Builds(t.Context(), queue.Filter{}); len(all) != 1 {
		t.Errorf("%d builds were ordered", len(all))
	}
}

func mustURL(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	must(t, err)
	return u
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	return l
}
