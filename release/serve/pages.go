package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/queue"
)

func (s *Server) view(by who, title, here string) view {
	v := view{title: title, here: here, now: s.Now()}
	if by.session != nil {
		v.name, v.signed, v.word = by.session.name, true, s.sessions.word(*by.session)
	}
	return v
}

// show writes a page, whole or not at all.
func (s *Server) show(w http.ResponseWriter, status int, v view, content part) error {
	var b bytes.Buffer
	if err := writeDocument(&b, v.page(content)); err != nil {
		return fmt.Errorf("making the page %s: %w", v.title, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	// Who asked may be gone.
	_, _ = b.WriteTo(w)
	return nil
}

// home is the first page: the apps, and the last builds of all.
func (s *Server) home(w http.ResponseWriter, req *http.Request, by who) error {
	apps, err := s.apps(req)
	if err != nil {
		return err
	}
	const recent = 12
	builds, err := s.Store.Builds(req.Context(), queue.Filter{Limit: recent})
	if err != nil {
		return err
	}
	v := s.view(by, "Apps", "apps")
	v.live = true
	return s.show(w, http.StatusOK, v, v.home(apps, builds))
}

func (s *Server) appPage(w http.ResponseWriter, _ *http.Request, by who, d appDetails) error {
	v := s.view(by, d.App, "apps")
	v.live = true
	return s.show(w, http.StatusOK, v, v.app(d))
}

func (s *Server) buildsPage(w http.ResponseWriter, _ *http.Request, by who, f queue.Filter, builds []queue.Build) error {
	next := ""
	if len(builds) == f.Limit {
		query := url.Values{"before": {fmt.Sprint(builds[len(builds)-1].ID)}}
		if f.App != "" {
			query.Set("app", f.App)
		}
		for _, status := range f.Statuses {
			query.Add("status", string(status))
		}
		next = "/builds?" + query.Encode()
	}
	v := s.view(by, "Builds", "builds")
	v.live = f.Before == 0
	return s.show(w, http.StatusOK, v, v.builds(f.App, builds, next))
}

// shownLog is how much of a log the page has when it is opened, in bytes: the end of it.
const shownLog = 256 << 10

// logTail reads the last lines of the log of a build, and where in it they begin.
func (s *Server) logTail(ctx context.Context, id int64) (lines []line, from int64, err error) {
	log, err := s.Store.Log(ctx, id)
	if errors.Is(err, fs.ErrNotExist) {
		return []line{{Text: "The log is not kept any more."}}, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	defer log.Close()
	end, err := log.Seek(0, io.SeekEnd)
	if err == nil {
		from, err = log.Seek(max(0, end-shownLog), io.SeekStart)
	}
	var content []byte
	if err == nil {
		content, err = io.ReadAll(io.LimitReader(log, end-from))
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading the log: %w", err)
	}
	if from > 0 {
		cut := bytes.IndexByte(content, '\n') + 1
		content, from = content[cut:], from+int64(cut)
	}
	return linesOf(content), from, nil
}

func (s *Server) buildPage(w http.ResponseWriter, req *http.Request, by who, b queue.Build) error {
	d := buildDetails{Build: b, repeatable: b.Status.Ended()}
	// The log of a build that goes on comes as events; without scripts it is at its own address.
	if b.Status.Ended() {
		var err error
		if d.lines, d.from, err = s.logTail(req.Context(), b.ID); err != nil {
			return err
		}
		if _, err := os.Stat(b.Source.Location); b.Source.Kind == queue.Archive && err != nil {
			d.repeatable = false
		}
	}
	v := s.view(by, fmt.Sprintf("Build %d of %s", b.ID, b.App), "builds")
	return s.show(w, http.StatusOK, v, v.build(d))
}

// treemap is the biggest directories of the current release's slug.
func (s *Server) treemap(w http.ResponseWriter, req *http.Request, by who) error {
	app, err := appOf(req)
	if err != nil {
		return err
	}
	r, err := s.Book.Current(req.Context(), app)
	if err != nil {
		return err
	}
	if r.Artifact.Kind != release.SlugKind {
		return problem(http.StatusConflict, "%s %s has no slug", app, r.Version())
	}
	areas, err := s.sizes.of(req.Context(), r.Artifact.Digest)
	if err != nil {
		return err
	}
	if !wantsPage(req) {
		return writeJSON(w, http.StatusOK, map[string]any{"release": r.Version(), "digest": r.Artifact.Digest, "areas": areas})
	}
	v := s.view(by, "The slug of "+app, "apps")
	return s.show(w, http.StatusOK, v, v.treemap(r, areas))
}

func (s *Server) problemPage(w http.ResponseWriter, req *http.Request, p *Problem) {
	by := who{}
	if one, is := s.sessions.of(req); is {
		by.session = &one
	}
	v := s.view(by, http.StatusText(p.Status), "")
	if err := s.show(w, p.Status, v, trouble(v.title, p)); err != nil {
		s.Voice.Warningf("%v", err)
	}
}

// localPath is a path of this server; the first page for anything else.
func localPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return u.RequestURI()
}

func (s *Server) signInPage(w http.ResponseWriter, req *http.Request, _ who) error {
	to := localPath(req.URL.Query().Get("to"))
	if _, is := s.sessions.of(req); is {
		http.Redirect(w, req, to, http.StatusSeeOther)
		return nil
	}
	return s.show(w, http.StatusOK, s.view(who{}, "Sign in", ""), signInForm(to, "", ""))
}

func (s *Server) signIn(w http.ResponseWriter, req *http.Request, _ who) error {
	if err := s.origin.Check(req); err != nil || !isForm(req) {
		return problem(http.StatusForbidden, "expected the form of the page for signing in")
	}
	if err := req.ParseForm(); err != nil {
		return problem(http.StatusBadRequest, "the form cannot be read")
	}
	to := localPath(req.PostFormValue("to"))
	if !same(strings.TrimSpace(req.PostFormValue("token")), s.Token) {
		err := s.wrongToken(req)
		p, _ := problemOf(err)
		return s.show(w, p.Status, s.view(who{}, "Sign in", ""), signInForm(to, p.Message, personName(req.PostFormValue("name"))))
	}
	s.sessions.begin(w, personName(req.PostFormValue("name")))
	http.Redirect(w, req, to, http.StatusSeeOther)
	return nil
}

func (s *Server) signOut(w http.ResponseWriter, req *http.Request, by who) error {
	if by.session != nil {
		s.sessions.end(w, *by.session)
	}
	return s.done(w, req, "/sign-in", map[string]bool{"signed_out": true})
}
