package hook_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/slugc/slugc/release/hook"
	"github.com/slugc/slugc/release/queue"
)

// sent is one request that a forge got.
type sent struct {
	path, authorization string
	body                map[string]string
}

// forge answers with one status after the other, the last for ever.
func forge(t *testing.T, answers ...int) (*httptest.Server, *[]sent) {
	t.Helper()
	var got []sent
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		text, err := io.ReadAll(req.Body)
		s := sent{path: req.URL.EscapedPath(), authorization: req.Header.Get("Authorization") + req.Header.Get("PRIVATE-TOKEN")}
		if err == nil {
			err = json.Unmarshal(text, &s.body)
		}
		if err != nil || req.Method != http.MethodPost {
			t.Errorf("%s %q: %v", req.Method, text, err)
		}
		answer := answers[min(len(got), len(answers)-1)]
		got = append(got, s)
		if answer == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(answer)
		if answer >= http.StatusBadRequest {
			_, _ = io.WriteString(w, `{"message":"Bad \u001b[31mtoken t0ken"}`)
		}
	}))
	t.Cleanup(server.Close)
	return server, &got
}

func TestStatuses(t *testing.T) {
	for f, c := range map[hook.Forge]struct{ path, authorization, state string }{
		hook.GitHub: {"/repos/acme/Shop/statuses/" + newID, "Bearer t0ken", "failure"},
		hook.GitLab: {"/projects/acme%2FShop/statuses/" + newID, "t0ken", "failed"},
		hook.Gitea:  {"/repos/acme/Shop/statuses/" + newID, "token t0ken", "failure"},
	} {
		server, got := forge(t, http.StatusBadGateway, http.StatusTooManyRequests, http.StatusCreated)
		r := shop
		r.Forge, r.API, r.Token = f, server.URL+"/", "t0ken"
		var pauses []time.Duration
		s := hook.Statuses{Client: server.Client(), Wait: func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil }}
		err := s.Post(t.Context(), r, hook.Report{Commit: newID, Status: queue.Failed, Description: "npm \x1b[31mfailed " + strings.Repeat("x", 300), Target: "https://slugc.example.com/builds/7"})
		if err != nil || len(*got) != 3 || len(pauses) != 2 || pauses[0] != time.Second || pauses[1] != 4*time.Second {
			t.Errorf("%s: %v, %+v, %v", f, err, *got, pauses)
			continue
		}
		last := (*got)[2]
		if last.path != c.path || last.authorization != c.authorization || last.body["state"] != c.state || last.body["context"] != "slugc/shop" || last.body["target_url"] != "https://slugc.example.com/builds/7" {
			t.Errorf("%s: %+v", f, last)
		}
		if text := last.body["description"]; len(text) != 140 || !strings.HasPrefix(text, "npm [31mfailed") {
			t.Errorf("%s: %q", f, text)
		}
	}
}

func TestStatusesFail(t *testing.T) {
	for answer, tries := range map[int]int{http.StatusUnauthorized: 1, http.StatusUnprocessableEntity: 1, http.StatusFound: 1, http.StatusServiceUnavailable: 4} {
		server, got := forge(t, answer)
		r := shop
		r.API, r.Token = server.URL, "t0ken"
		s := hook.Statuses{Wait: func(context.Context, time.Duration) error { return nil }}
		err := s.Post(t.Context(), r, hook.Report{Commit: newID, Status: queue.Running})
		var failed *hook.StatusError
		if !errors.As(err, &failed) || failed.Status != answer || failed.Temporary() != (tries > 1) || len(*got) != tries {
			t.Errorf("%d: %v after %d", answer, err, len(*got))
			continue
		}
		if strings.Contains(err.Error(), "t0ken") || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("the error shows %q", err)
		}
	}
	server, _ := forge(t, http.StatusCreated)
	r := shop
	r.API, r.Token = server.URL, "t0ken"
	server.Close()
	err := hook.Statuses{Wait: func(context.Context, time.Duration) error { return nil }}.Post(t.Context(), r, hook.Report{Commit: newID, Status: queue.Running})
	var failed *hook.StatusError
	if !errors.As(err, &failed) || !failed.Temporary() || strings.Contains(err.Error(), "t0ken") {
		t.Errorf("nobody there: %v", err)
	}
	r.Token = ""
	if err := (hook.Statuses{}).Post(t.Context(), r, hook.Report{Commit: newID}); err != nil {
		t.Errorf("without a token: %v", err)
	}
	for _, commit := range []string{"", noID, "main", "../../x"} {
		if address, err := r.StatusURL(commit); err == nil {
			t.Errorf("%s is told of at %s", commit, address)
		}
	}
}

func TestStatusURL(t *testing.T) {
	for _, c := range []struct {
		forge            hook.Forge
		repository, want string
	}{
		{hook.GitHub, "https://git.example.com/acme/shop.git", "https://api.git.example.com/repos/acme/shop/statuses/" + newID},
		{hook.GitHub, "git@git.example.com:acme/shop.git", "https://api.git.example.com/repos/acme/shop/statuses/" + newID},
		{hook.GitLab, "https://git.example.com:8443/acme/sub/shop", "https://git.example.com:8443/api/v4/projects/acme%2Fsub%2Fshop/statuses/" + newID},
		{hook.Gitea, "ssh://git@git.example.com:2222/acme/shop.git", "https://git.example.com/api/v1/repos/acme/shop/statuses/" + newID},
	} {
		got, err := hook.Rule{App: "shop", Forge: c.forge, Repository: c.repository}.StatusURL(newID)
		if err != nil || got != c.want {
			t.Errorf("%s %s: %s, %v", c.forge, c.repository, got, err)
		}
	}
}
