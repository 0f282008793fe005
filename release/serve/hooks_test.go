package serve_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slugc/slugc/release/hook"
	"github.com/slugc/slugc/release/queue"
)

// ruled lets pushes to a repository build an app.
func (s *site) ruled(app string, branches ...string) {
	s.t.Helper()
	must(s.t, s.book.KeepRule(s.t.Context(), hook.Rule{
		App: app, Forge: hook.GitHub, Repository: "https://git.example.com/acme/" + app + ".git", Branches: branches, Secret: testSecret,
	}))
}

// push is a delivery about a commit.
func push(app, branch, commit, message string) []byte {
	body, err := json.Marshal(map[string]any{
		"ref": "refs/heads/" + branch, "before": strings.Repeat("b", 40), "after": commit,
		"repository":  map[string]string{"clone_url": "https://git.example.com/acme/" + app + ".git"},
		"pusher":      map[string]string{"name": "ada"},
		"head_commit": map[string]any{"id": commit, "message": message, "author": map[string]string{"name": "Ada"}},
		"commits":     []any{map[string]any{"id": commit, "message": message, "modified": []string{"web/main.go"}}},
	})
	if err != nil {
		panic(err)
	}
	return body
}

func sign(body []byte, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "X-Hub-Signature-256: sha256=" + hex.EncodeToString(mac.Sum(nil))
}

var aCommit = strings.Repeat("a", 40)

// TestHooks: what is signed and is a push of the rule is built, once; everything else is
// answered with why not.
func TestHooks(t *testing.T) {
	s := newSite(t, nil)
	s.ruled("shop", "main")
	good := push("shop", "main", aCommit, "Sell things")
	for _, c := range []struct {
		what    string
		app     string
		body    []byte
		headers []string
		status  int
		says    string
	}{
		{"no signature", "shop", good, []string{"X-Github-Event: push"}, 401, "not signed"},
		{"a wrong signature", "shop", good, []string{"X-Github-Event: push", sign(good, "wrong")}, 401, "not signed"},
		{"the signature of another body", "shop", append(bytes.Clone(good), ' '), []string{"X-Github-Event: push", sign(good, testSecret)}, 401, "not signed"},
		{"a signature of the old kind", "shop", good, []string{"X-Github-Event: push", "X-Hub-Signature: sha1=00"}, 401, "not signed"},
		{"an app without a webhook", "other", good, []string{"X-Github-Event: push", sign(good, testSecret)}, 401, "not signed"},
		{"an empty secret", "other", good, []string{"X-Github-Event: push", sign(good, "")}, 401, "not signed"},
		{"no name of an app", "..%2f..", good, []string{"X-Github-Event: push", sign(good, testSecret)}, 401, "not signed"},
		{"a token of the server", "shop", good, []string{"X-Github-Event: push", bearer}, 401, "not signed"},
		{"a ping", "shop", []byte(`{"zen": "x"}`), []string{"X-Github-Event: ping", sign([]byte(`{"zen": "x"}`), testSecret)}, 200, "works"},
		{"another event", "shop", []byte(`{}`), []string{"X-Github-Event: issues", sign([]byte(`{}`), testSecret)}, 200, "no push"},
		{"no JSON", "shop", []byte(`{`), []string{"X-Github-Event: push", sign([]byte(`{`), testSecret)}, 400, "cannot be read"},
		{"nothing", "shop", nil, []string{"X-Github-Event: push", sign(nil, testSecret)}, 400, "cannot be read"},
		{"another branch", "shop", push("shop", "next", aCommit, ""), []string{"X-Github-Event: push", sign(push("shop", "next", aCommit, ""), testSecret)}, 200, "not from next"},
		{"a branch that a shell would run", "shop", push("shop", "$(rm -rf /)", aCommit, ""), []string{"X-Github-Event: push", sign(push("shop", "$(rm -rf /)", aCommit, ""), testSecret)}, 400, "branch"},
		{"another repository", "shop", push("cart", "main", aCommit, ""), []string{"X-Github-Event: push", sign(push("cart", "main", aCommit, ""), testSecret)}, 200, "another repository"},
		{"skip deploy", "shop", push("shop", "main", aCommit, "Words [skip deploy]"), []string{"X-Github-Event: push", sign(push("shop", "main", aCommit, "Words [skip deploy]"), testSecret)}, 200, "skip deploy"},
		{"a push", "shop", good, []string{"X-Github-Event: push", sign(good, testSecret), "X-Github-Delivery: 1"}, 202, `"build": 1`},
		{"the push again", "shop", good, []string{"X-Github-Event: push", sign(good, testSecret), "X-Github-Delivery: 1"}, 202, `"again": true`},
		{"the push again, as if it were another", "shop", good, []string{"X-Github-Event: push", sign(good, testSecret), "X-Github-Delivery: 2"}, 202, `"build": 1`},
		{"a message with escape codes", "shop", push("shop", "main", strings.Repeat("e", 40), "\x1b]0;evil\x07red\x1b[31m <script>"), []string{"X-Github-Event: push", sign(push("shop", "main", strings.Repeat("e", 40), "\x1b]0;evil\x07red\x1b[31m <script>"), testSecret)}, 202, `"build": 2`},
	} {
		got := s.ask(program(), "POST", "/hooks/"+c.app, bytes.NewReader(c.body), c.headers...)
		if got.status != c.status || !strings.Contains(got.body, c.says) {
			t.Errorf("%s: %d %s", c.what, got.status, got.body)
		}
	}
}

// TestHooksAtOnce: of 200 deliveries at once each push is one build; each is delivered
// twice.
func TestHooksAtOnce(t *testing.T) {
	s := newSite(t, nil)
	const apps, commits, times = 10, 10, 2
	builds := make([][commits]map[int64]bool, apps)
	var mu sync.Mutex
	var wait sync.WaitGroup
	for a := range apps {
		app := fmt.Sprintf("app-%d", a)
		var branches []string
		for c := range commits {
			branches = append(branches, fmt.Sprintf("branch-%d", c))
			builds[a][c] = map[int64]bool{}
		}
		s.ruled(app, branches...)
		for c := range commits {
			body := push(app, branches[c], aCommit, "")
			for range times {
				wait.Go(func() {
					got := s.ask(program(), "POST", "/hooks/"+app, bytes.NewReader(body), "X-Github-Event: push", sign(body, testSecret))
					var says struct{ Build int64 }
					if err := json.Unmarshal([]byte(got.body), &says); err != nil || got.status != http.StatusAccepted {
						t.Errorf("%d %s (%v)", got.status, got.body, err)
					}
					mu.Lock()
					defer mu.Unlock()
					builds[a][c][says.Build] = true
				})
			}
		}
	}
	wait.Wait()
	ids := map[int64]bool{}
	for _, app := range builds {
		for _, found := range app {
			if len(found) != 1 {
				t.Errorf("one push is the builds %v", found)
			}
			for id := range found {
				ids[id] = true
			}
		}
	}
	all, err := s.store.Builds(t.Context(), queue.Filter{})
	must(t, err)
	if len(all) != apps*commits || len(ids) != apps*commits {
		t.Errorf("%d pushes are %d builds, %d in the store", apps*commits, len(ids), len(all))
	}
}

// raw sends a request by hand, and reads what is answered.
func (s *site) raw(head string, body io.Reader) string {
	s.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	must(s.t, err)
	defer conn.Close()
	must(s.t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = io.WriteString(conn, head)
	must(s.t, err)
	sent := make(chan error, 1)
	go func() {
		var err error
		if body != nil {
			_, err = io.Copy(conn, body)
		}
		sent <- err
	}()
	answer := make([]byte, 16<<10)
	n, err := io.ReadAtLeast(conn, answer, 12)
	if err != nil {
		s.t.Errorf("no answer to %q: %v", head, err)
	}
	conn.Close()
	<-sent // with an error, as it may: nobody reads it
	return string(answer[:n])
}

// zeros is a body of so many bytes.
func zeros(n int64) io.Reader { return io.LimitReader(zero{}, n) }

type zero struct{}

func (zero) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// TestLargeBodies: what is too large is refused before it is read where that can be known,
// and not kept in memory.
func TestLargeBodies(t *testing.T) {
	s := newSite(t, nil)
	s.ruled("shop", "main")
	const gigabyte = 1 << 30
	for _, c := range []struct{ path, headers string }{
		{"/hooks/shop", "X-Github-Event: push\r\n"},
		{"/apps/shop/builds", bearer + "\r\n"},
		{"/apps/shop/scale", bearer + "\r\nContent-Type: application/json\r\n"},
		{"/sign-in", "Content-Type: application/x-www-form-urlencoded\r\n"},
	} {
		for _, length := range []string{fmt.Sprintf("Content-Length: %d\r\n", gigabyte), "Transfer-Encoding: chunked\r\n"} {
			body := zeros(gigabyte)
			if strings.HasPrefix(length, "Transfer") {
				body = io.MultiReader(strings.NewReader("40000000\r\n"), io.LimitReader(archiveHead(), 512), body)
			}
			got := s.raw("POST "+c.path+" HTTP/1.1\r\nHost: localhost\r\n"+c.headers+length+"\r\n", body)
			status, _, _ := strings.Cut(strings.TrimPrefix(got, "HTTP/1.1 "), " ")
			if status != "413" && (status != "400" || c.path == "/hooks/shop" || c.path == "/apps/shop/builds") {
				t.Errorf("%s with %q: %.300s", c.path, length, got)
			}
		}
	}
	if all, err := s.store.Builds(t.Context(), queue.Filter{}); err != nil || len(all) > 0 {
		t.Errorf("%d builds (%v)", len(all), err)
	}
}

// archiveHead looks like the start of a gzip file.
func archiveHead() io.Reader { return io.MultiReader(strings.NewReader("\x1f\x8b"), zero{}) }

// TestSlowBodies: who sends slowly is not waited for, and does not keep others waiting.
func TestSlowBodies(t *testing.T) {
	s := newSite(t, nil)
	s.ruled("shop", "main")
	s.Hurry(200 * time.Millisecond)
	var slow sync.WaitGroup
	for range 50 {
		slow.Go(func() {
			if got := s.raw("POST /hooks/shop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nxxx", nil); !strings.HasPrefix(got, "HTTP/1.1 408") {
				t.Errorf("a body that stands still: %.300s", got)
			}
		})
	}
	body := push("shop", "main", aCommit, "")
	if got := s.ask(program(), "POST", "/hooks/shop", bytes.NewReader(body), "X-Github-Event: push", sign(body, testSecret)); got.status != http.StatusAccepted {
		t.Errorf("%d %s", got.status, got.body)
	}
	slow.Wait()
}
