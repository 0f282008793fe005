package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slugc/slugc/release/queue"
)

// Statuses tells forges how builds of their commits go.
type Statuses struct {
	// Client sends; it follows no redirect with the token.
	Client *http.Client
	// Wait waits before the next attempt; time alone when nil.
	Wait func(ctx context.Context, d time.Duration) error
}

// Report is what a forge is told of a commit.
type Report struct {
	Commit string
	Status queue.Status
	// Description is a line that people are shown.
	Description string
	// Target is the address of a page about the build; empty for none.
	Target string
}

const (
	// attempts is how often a status is sent, and firstPause how long the first pause
	// between two is; each is four times the one before.
	attempts   = 4
	firstPause = time.Second
	// longestDescription is what GitHub takes at most, in characters.
	longestDescription = 140
	// statusTimeout ends one attempt.
	statusTimeout = 30 * time.Second
	// maxAnswer is how much is read of what a forge answers, in bytes.
	maxAnswer = 64 << 10
)

// StatusError says that a forge was not told.
type StatusError struct {
	// Host is whom it was to be told; Status is the answer, 0 where there was none.
	Host   string
	Status int
	// Says is the reason that the forge gave, as it may be shown.
	Says string
	Err  error
}

func (e *StatusError) Error() string {
	s := "telling " + e.Host + " about the build"
	switch {
	case e.Err != nil:
		return s + ": " + e.Err.Error()
	case e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden || e.Status == http.StatusNotFound:
		s += fmt.Sprintf(": it answered %d: the token has to be one that may write commit statuses of the repository", e.Status)
	default:
		s += fmt.Sprintf(": it answered %d", e.Status)
	}
	if e.Says != "" {
		s += ": " + e.Says
	}
	return s
}

// Unwrap is what went wrong on the way.
func (e *StatusError) Unwrap() error { return e.Err }

// Temporary is whether it may work later.
func (e *StatusError) Temporary() bool {
	return e.Err != nil || e.Status == http.StatusTooManyRequests || e.Status >= http.StatusInternalServerError
}

// StatusURL is where the forge of a rule is told about a commit. Without Rule.API that is the host of
// the repository: GitHub's API is at the name api of it, that of GitLab at /api/v4, that of
// Gitea at /api/v1.
func (r Rule) StatusURL(commit string) (string, error) {
	if id, err := objectID(commit); err != nil || id == "" {
		return "", fmt.Errorf("%q is no id of a commit", Plain(commit, longestShown))
	}
	host, name, err := spelled(r.Repository)
	if err != nil {
		return "", err
	}
	api := strings.TrimSuffix(r.API, "/")
	var segments []string
	for part := range strings.SplitSeq(name, "/") {
		segments = append(segments, url.PathEscape(part))
	}
	full := strings.Join(segments, "/")
	base := func(usual string) string {
		if api != "" {
			return api
		}
		return usual
	}
	switch r.Forge {
	case GitHub:
		return base("https://api."+host) + "/repos/" + full + "/statuses/" + commit, nil
	case GitLab:
		return base("https://"+host+"/api/v4") + "/projects/" + url.PathEscape(name) + "/statuses/" + commit, nil
	case Gitea:
		return base("https://"+host+"/api/v1") + "/repos/" + full + "/statuses/" + commit, nil
	case Git:
	}
	return "", fmt.Errorf("%s has no commit statuses", r.Forge)
}

// statusWords are what the forges call how far a build is.
func statusWord(forge Forge, s queue.Status) string {
	words := map[queue.Status][2]string{ // GitHub and Gitea, GitLab
		queue.Waiting:    {"pending", "pending"},
		queue.Running:    {"pending", "running"},
		queue.Succeeded:  {"success", "success"},
		queue.Failed:     {"failure", "failed"},
		queue.Cancelled:  {"error", "canceled"},
		queue.Superseded: {"error", "canceled"},
		queue.Abandoned:  {"error", "failed"},
	}[s]
	if forge == GitLab {
		return words[1]
	}
	return words[0]
}

// Post tells the forge of a rule. A rule without a token tells nobody. The error is a *StatusError; the token is in none.
func (s Statuses) Post(ctx context.Context, r Rule, report Report) error {
	if r.Token == "" || r.Forge == Git {
		return nil
	}
	address, err := r.StatusURL(report.Commit)
	if err != nil {
		return err
	}
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	context := "slugc/" + r.App
	fields := map[string]string{"state": statusWord(r.Forge, report.Status), "context": context, "description": Plain(report.Description, longestDescription-len("..."))}
	if report.Target != "" {
		fields["target_url"] = report.Target
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	pause := firstPause
	for attempt := 1; ; attempt++ {
		err := s.send(ctx, r, u, body)
		var failed *StatusError
		if err == nil || ctx.Err() != nil || attempt == attempts || errors.As(err, &failed) && !failed.Temporary() {
			return err
		}
		if waitErr := s.wait(ctx, pause); waitErr != nil {
			return err
		}
		pause *= 4
	}
}

func (s Statuses) wait(ctx context.Context, d time.Duration) error {
	if s.Wait != nil {
		return s.Wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s Statuses) send(ctx context.Context, r Rule, u *url.URL, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "slugc")
	switch r.Forge {
	case GitLab:
		req.Header.Set("PRIVATE-TOKEN", r.Token)
	case Gitea:
		req.Header.Set("Authorization", "token "+r.Token)
	case GitHub, Git:
		req.Header.Set("Authorization", "Bearer "+r.Token)
	}
	// A redirect would carry the token of one host to another.
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if s.Client != nil {
		client.Transport = s.Client.Transport
	}
	resp, err := client.Do(req)
	if err != nil {
		var outer *url.Error
		if errors.As(err, &outer) {
			err = outer.Err
		}
		return &StatusError{Host: u.Host, Err: err}
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode/100 == 2 {
		return nil
	}
	if err != nil {
		answer = nil
	}
	var says struct {
		Message any `json:"message"`
	}
	failed := &StatusError{Host: u.Host, Status: resp.StatusCode}
	if json.Unmarshal(answer, &says) == nil && says.Message != nil {
		failed.Says = strings.ReplaceAll(Plain(fmt.Sprint(says.Message), longestSubject), r.Token, "[redacted]")
	}
	// GitLab says so of a build that it was told before that it is in that state.
	if r.Forge == GitLab && resp.StatusCode == http.StatusBadRequest && strings.Contains(failed.Says, "Cannot transition status") {
		return nil
	}
	return failed
}
