package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"time"

	"github.com/slugc/slugc/release/hook"
	"github.com/slugc/slugc/release/queue"
)

const (
	// hookLimit is the time that a delivery has to come in.
	hookLimit = 10 * time.Second
	// hooksInMemory is how much of deliveries is in memory at once, in bytes: who sends
	// one that does not fit waits for the others.
	hooksInMemory = 256 << 20
)

// ordered is the answer to who ordered a build.
type ordered struct {
	// Build is its number, URL where to look at it.
	Build int64  `json:"build"`
	URL   string `json:"url"`
	// Status is how far it is.
	Status queue.Status `json:"status"`
	// Again is whether it was ordered before, by the same delivery.
	Again bool `json:"again,omitempty"`
}

// passed is the answer to who ordered none, and why there is none.
type passed struct {
	Build  *int64 `json:"build"`
	Reason string `json:"reason"`
}

// postHook takes a webhook. Nothing of it is looked at before it is known who signed it,
// and who did not sign it cannot tell whether there is such an app.
func (s *Server) postHook(w http.ResponseWriter, req *http.Request, _ who) error {
	if req.ContentLength > hook.MaxBody {
		return problem(http.StatusRequestEntityTooLarge, "the delivery has %s, more than %s", size(req.ContentLength), size(hook.MaxBody))
	}
	weight := req.ContentLength
	if weight < 0 {
		weight = hook.MaxBody
	}
	within, stop := context.WithTimeout(req.Context(), hookLimit)
	defer stop()
	if err := s.memory.Acquire(within, weight); err != nil {
		p := problem(http.StatusServiceUnavailable, "too many deliveries at once; send it again")
		p.RetryAfter = 10
		return p
	}
	defer s.memory.Release(weight)
	body, err := io.ReadAll(s.steady(w, req, hook.MaxBody, hookLimit))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return problem(http.StatusBadRequest, "the delivery ended before its end")
	}
	if err != nil {
		return err
	}
	rule, err := s.Rules.Rule(req.Context(), req.PathValue("app"))
	unknown := err != nil
	if unknown {
		if !errors.Is(err, fs.ErrNotExist) && req.Context().Err() == nil {
			s.Voice.Warningf("%v", err)
		}
		rule.Forge = forgeOf(req.Header)
	}
	delivery, err := hook.Verify(rule.Forge, req.Header, body, rule.Secret, s.Now())
	if signature := is[*hook.SignatureError](err); signature || unknown {
		return problem(http.StatusUnauthorized, "the delivery is not signed with the secret of a webhook of this server").
			then("look at the secret that the forge has for this address", "slugc hooks add APP --repository ADDRESS, on the server, makes one")
	}
	switch {
	case is[*hook.StaleError](err):
		return problem(http.StatusBadRequest, "%v", err).then("send it again; set the clocks of both machines")
	case err != nil:
		return problem(http.StatusBadRequest, "%v", err)
	case delivery.Kind == hook.Pinged:
		return writeJSON(w, http.StatusOK, passed{Reason: "the webhook works; the next push builds " + rule.App})
	case delivery.Kind != hook.Pushed:
		return writeJSON(w, http.StatusOK, passed{Reason: fmt.Sprintf("%q is no push, and builds nothing", delivery.Event)})
	}
	decision := rule.Decide(delivery.Push)
	if !decision.Build {
		return writeJSON(w, http.StatusOK, passed{Reason: decision.Reason})
	}
	return s.order(w, req, delivery.Order(rule))
}

// order orders a build, and answers.
func (s *Server) order(w http.ResponseWriter, req *http.Request, o queue.Order) error {
	// Who is told 202 has the build, even one who hangs up.
	b, made, err := s.Store.Order(context.WithoutCancel(req.Context()), o)
	if err != nil {
		return err
	}
	if wantsPage(req) {
		http.Redirect(w, req, buildPath(b.ID), http.StatusSeeOther)
		return nil
	}
	w.Header().Set("Location", buildPath(b.ID))
	return writeJSON(w, http.StatusAccepted, ordered{Build: b.ID, URL: buildPath(b.ID), Status: b.Status, Again: !made})
}

// forgeOf is the forge whose header a delivery has, for one that nobody is there for: it
// takes as long to refuse as any other.
func forgeOf(header http.Header) hook.Forge {
	switch {
	case header.Get("X-Gitlab-Event") != "":
		return hook.GitLab
	case header.Get("X-Gitea-Event") != "":
		return hook.Gitea
	}
	return hook.GitHub
}

// StatusPoster tells the forges of builds how these go. The address is where this server
// is reached from outside; builds are not linked where it is empty.
func StatusPoster(rules hook.Rules, statuses hook.Statuses, address string, warn func(error)) func(context.Context, queue.Build) {
	return func(ctx context.Context, b queue.Build) {
		if b.Source.Kind != queue.Repository || b.Source.Commit == "" {
			return
		}
		rule, err := rules.Rule(ctx, b.App)
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err == nil && (rule.Token == "" || rule.Repository != b.Source.Location) {
			return
		}
		if err == nil {
			report := hook.Report{Commit: b.Source.Commit, Status: b.Status, Description: describe(b)}
			if address != "" {
				report.Target = address + buildPath(b.ID)
			}
			err = statuses.Post(ctx, rule, report)
		}
		if err != nil && ctx.Err() == nil {
			warn(err)
		}
	}
}

// describe is a build in a line.
func describe(b queue.Build) string {
	switch {
	case b.Status == queue.Succeeded && b.Release > 0:
		return fmt.Sprintf("built in %s, released as v%d", duration(b.Finished.Sub(b.Started)), b.Release)
	case b.Status == queue.Waiting:
		return "waits for its turn"
	case b.Status == queue.Running:
		return "builds"
	case b.Reason != "":
		return b.Reason
	}
	return string(b.Status)
}
