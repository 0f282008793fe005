package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/formation/control"
	"github.com/slugc/slugc/release/hook"
	"github.com/slugc/slugc/release/queue"
)

// Book is the ledger, for this server.
type Book interface {
	release.Book
	// Apps are all apps, by name.
	Apps(ctx context.Context) ([]release.App, error)
}

// Settings are what a server is made of.
type Settings struct {
	Store queue.Store
	Book  Book
	// Maker makes releases for a person or a program; what happens is said to a voice.
	Maker func(author string, voice release.Voice) release.Maker
	// Formation is where the formation of an app is asked.
	Formation func(app string) control.Client
	// Slug is the file of the slug of a digest, "sha256:<hex>".
	Slug func(ctx context.Context, digest string) (string, error)
	// Sources is the directory for source archives that were sent, Sizes that for what is
	// known of the sizes of slugs.
	Sources, Sizes string
	// Token is what programs have and people sign in with.
	Token string
	// Rules are the webhooks.
	Rules hook.Rules
	// Author is who a program is that does not say.
	Author string
	// Secure is whether all requests come over TLS, so that cookies ask for it.
	Secure bool
	// LargestSource is the largest source archive, in bytes.
	LargestSource int64
	Voice         release.Voice
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Server answers requests.
type Server struct {
	Settings
	sessions *sessions
	brake    *brake
	watch    *watch
	metrics  *metrics
	sizes    *sizes
	origin   *http.CrossOriginProtection
	assets   map[string]asset
	news     *news
	// memory is what deliveries take of it.
	memory *semaphore.Weighted
	routes []route
	// hurry is ioLimit, but in tests.
	hurry time.Duration
}

// New makes a server. It answers when its Watch runs, too: until then logs do not move.
func New(settings Settings) (*Server, error) {
	s := &Server{Settings: settings, origin: http.NewCrossOriginProtection(), hurry: ioLimit}
	if s.Now == nil {
		s.Now = time.Now
	}
	var err error
	if s.assets, err = readAssets(); err != nil {
		return nil, err
	}
	s.sessions = newSessions(s.Token, s.Secure, s.Now)
	s.brake = &brake{now: s.Now, step: failDelay}
	s.metrics = newMetrics()
	s.news = &news{more: make(chan struct{}, 1)}
	s.watch = newWatch(s.Store, s.Voice)
	s.memory = semaphore.NewWeighted(hooksInMemory)
	s.sizes = &sizes{dir: s.Sizes, slug: s.Slug}
	s.routes = s.table()
	return s, nil
}

// Watch follows the queue until ctx ends: it is what moves logs and pages. Streams end with
// it.
func (s *Server) Watch(ctx context.Context) error {
	return s.watch.run(ctx, s.metrics.observe, s.news.add)
}

// Tell tells of builds whose status is a new one, until ctx ends. While it tells of one,
// others wait, and of each only the last status is told then.
func (s *Server) Tell(ctx context.Context, tell func(context.Context, queue.Build)) error {
	for {
		b, some := s.news.take()
		if !some {
			select {
			case <-ctx.Done():
				return nil
			case <-s.news.more:
			}
			continue
		}
		if tell(ctx, b); ctx.Err() != nil {
			return nil
		}
	}
}

// who is the person or the program behind a request.
type who struct {
	name string
	// session is nil for a program.
	session *session
}

// handler answers a request of somebody.
type handler func(w http.ResponseWriter, req *http.Request, by who) error

// door is who gets in.
type door int

const (
	// open is for all, known for who has the token or a session.
	open door = iota
	known
)

// route is one address.
type route struct {
	method, path string
	door         door
	serve        handler
	// body is the largest body, in bytes; 0 for one that the handler bounds itself.
	body int64
}

const (
	// smallBody is the largest body of a form or of a few words of JSON, in bytes.
	smallBody = 64 << 10
	// ioLimit is the time for one part of a request or of an answer.
	ioLimit = 30 * time.Second
)

func (s *Server) table() []route {
	return []route{
		{"GET", "/{$}", known, s.home, smallBody},
		{"GET", "/sign-in", open, s.signInPage, smallBody},
		{"POST", "/sign-in", open, s.signIn, smallBody},
		{"POST", "/sign-out", known, s.signOut, smallBody},
		{"GET", "/assets/{name}", open, s.asset, smallBody},
		{"GET", "/healthz", open, s.health, smallBody},
		{"GET", "/metrics", known, s.showMetrics, smallBody},
		{"GET", "/apps", known, s.listApps, smallBody},
		{"GET", "/apps/{app}", known, s.showApp, smallBody},
		{"GET", "/apps/{app}/treemap", known, s.treemap, smallBody},
		{"POST", "/apps/{app}/builds", known, s.postSource, 0},
		{"POST", "/apps/{app}/rollback", known, s.rollback, smallBody},
		{"POST", "/apps/{app}/scale", known, s.scale, smallBody},
		{"POST", "/apps/{app}/restart", known, s.restart, smallBody},
		{"POST", "/hooks/{app}", open, s.postHook, 0},
		{"GET", "/builds", known, s.listBuilds, smallBody},
		{"GET", "/builds/{id}", known, s.showBuild, smallBody},
		{"GET", "/builds/{id}/log", known, s.showLog, smallBody},
		{"GET", "/builds/{id}/events", known, s.events, smallBody},
		{"POST", "/builds/{id}/cancel", known, s.cancel, smallBody},
		{"POST", "/builds/{id}/again", known, s.again, smallBody},
	}
}

// Handler answers all requests.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	methods := map[string][]string{}
	for _, r := range s.routes {
		mux.Handle(r.method+" "+r.path, s.handle(r))
		methods[r.path] = append(methods[r.path], r.method)
	}
	for path, allowed := range methods {
		mux.Handle(path, s.handle(route{path: path, serve: func(w http.ResponseWriter, req *http.Request, _ who) error {
			slices.Sort(allowed)
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			return problem(http.StatusMethodNotAllowed, "%s is for %s, not for %s", req.URL.Path, strings.Join(allowed, " and "), req.Method)
		}, body: smallBody}))
	}
	mux.Handle("/", s.handle(route{path: "/", body: smallBody, serve: func(_ http.ResponseWriter, req *http.Request, _ who) error {
		return problem(http.StatusNotFound, "there is nothing at %s", req.URL.Path).then("GET /apps", "GET /builds")
	}}))
	return mux
}

// handle answers requests of one route.
func (s *Server) handle(r route) http.Handler {
	return http.HandlerFunc(func(plain http.ResponseWriter, req *http.Request) {
		w := &answer{ResponseWriter: plain, control: http.NewResponseController(plain)}
		defer func() { s.metrics.request(r.method, r.path, w.status) }()
		s.protect(w)
		if r.body > 0 {
			req.Body = s.steady(w, req, r.body, ioLimit)
		}
		// What is left of a body when the answer is there is read for so long.
		defer func() { _ = w.control.SetReadDeadline(time.Now().Add(ioLimit)) }()
		err := s.enter(w, req, r)
		if err == nil || w.status != 0 {
			return // what has begun cannot be taken back
		}
		s.refuse(w, req, err)
	})
}

// protect sets what keeps a browser from doing anything but what the page is meant to.
func (s *Server) protect(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	// A form that is posted says where it is from, to this server alone.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept")
}

func (s *Server) enter(w http.ResponseWriter, req *http.Request, r route) error {
	by := who{}
	if r.door == known {
		var err error
		if by, err = s.who(req); err != nil {
			return err
		}
	}
	return r.serve(w, req, by)
}

// wordHeader and wordField have a session's word.
const (
	wordHeader = "X-CSRF-Token"
	wordField  = "word"
)

// who finds out who a request is from.
func (s *Server) who(req *http.Request) (who, error) {
	if header := req.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") || !same(strings.TrimSpace(token), s.Token) {
			return who{}, s.wrongToken(req)
		}
		return who{name: s.Author}, nil
	}
	one, is := s.sessions.of(req)
	if !is {
		return who{}, problem(http.StatusUnauthorized, "who asks has to say who they are: with the token of this server").
			then("curl -H \"Authorization: Bearer $(cat $SLUGC_HOME/serve-token)\" ...")
	}
	by := who{name: one.name, session: &one}
	if by.name == "" {
		by.name = s.Author
	}
	if req.Method == http.MethodGet || req.Method == http.MethodHead {
		return by, nil
	}
	if err := s.origin.Check(req); err != nil {
		return who{}, problem(http.StatusForbidden, "this comes from another page, and is not done")
	}
	word := req.Header.Get(wordHeader)
	if word == "" && isForm(req) {
		word = req.PostFormValue(wordField)
	}
	if !same(word, s.sessions.word(one)) {
		return who{}, problem(http.StatusForbidden, "this does not come from the page of your session, and is not done; open the page again")
	}
	return by, nil
}

// wrongToken slows who comes with a wrong token, and says so.
func (s *Server) wrongToken(req *http.Request) error {
	if !s.brake.fail(req.Context().Done()) {
		p := problem(http.StatusTooManyRequests, "too many wrong tokens")
		p.RetryAfter = 10
		return p
	}
	return problem(http.StatusUnauthorized, "the token is not that of this server").then("cat $SLUGC_HOME/serve-token, on the server")
}

func isForm(req *http.Request) bool {
	kind, _, _ := strings.Cut(req.Header.Get("Content-Type"), ";")
	return strings.TrimSpace(kind) == "application/x-www-form-urlencoded"
}

// wantsPage is whether a person asks with a browser.
func wantsPage(req *http.Request) bool {
	for word := range strings.SplitSeq(req.Header.Get("Accept"), ",") {
		kind, _, _ := strings.Cut(strings.TrimSpace(word), ";")
		switch kind {
		case "text/html":
			return true
		case "application/json", "*/*":
			return false
		}
	}
	return false
}

// refuse says what is wrong, as JSON or as a page.
func (s *Server) refuse(w http.ResponseWriter, req *http.Request, err error) {
	if req.Context().Err() != nil && errors.Is(err, context.Canceled) {
		return
	}
	p, ours := problemOf(err)
	if ours {
		s.Voice.Warningf("%s %s: %v", req.Method, Plain(req.URL.Path), err)
	}
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	if p.Status == http.StatusRequestEntityTooLarge || p.Status == http.StatusRequestTimeout {
		// Nobody waits for the rest of what is not wanted.
		w.Header().Set("Connection", "close")
	}
	if p.Status == http.StatusUnauthorized {
		if wantsPage(req) && req.Method == http.MethodGet {
			http.Redirect(w, req, "/sign-in?to="+url.QueryEscape(req.URL.RequestURI()), http.StatusSeeOther)
			return
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="slugc"`)
	}
	if wantsPage(req) {
		s.problemPage(w, req, p)
		return
	}
	if err := writeJSON(w, p.Status, p); err != nil {
		s.Voice.Warningf("%v", err)
	}
}

// answer is a ResponseWriter that knows its status, and has a time for each part that is
// written.
type answer struct {
	http.ResponseWriter
	control *http.ResponseController
	status  int
}

func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.deadline()
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	a.deadline()
	return a.ResponseWriter.Write(b)
}

// deadline is not there in tests that have no connection.
func (a *answer) deadline() { _ = a.control.SetWriteDeadline(time.Now().Add(ioLimit)) }

// steady is a body of at most so many bytes that has so long to come in, and may not stand still meanwhile.
// While it is not read the connection has no limit: a request is ended by that, and its answer
// may take long.
func (s *Server) steady(w http.ResponseWriter, req *http.Request, most int64, limit time.Duration) io.ReadCloser {
	return &steady{ReadCloser: http.MaxBytesReader(w, req.Body, most), control: http.NewResponseController(w), began: time.Now(), limit: limit, hurry: s.hurry}
}

type steady struct {
	io.ReadCloser
	control *http.ResponseController
	began   time.Time
	limit   time.Duration
	hurry   time.Duration
	read    int64
}

// leastRate is what a body has to bring in the long run, in bytes a second.
const leastRate = 4 << 10

func (b *steady) Read(p []byte) (int, error) {
	next := min(b.hurry, b.limit-time.Since(b.began))
	_ = b.control.SetReadDeadline(time.Now().Add(next))
	n, err := b.ReadCloser.Read(p)
	_ = b.control.SetReadDeadline(time.Time{})
	b.read += int64(n)
	if took := time.Since(b.began); err == nil && (took > b.limit || took > b.hurry && float64(b.read) < leastRate*took.Seconds()) {
		err = errSlow
	}
	return n, err
}

func appOf(req *http.Request) (string, error) {
	app := req.PathValue("app")
	return app, release.CheckApp(app)
}

func (s *Server) buildOf(req *http.Request) (queue.Build, error) {
	id, err := strconv.ParseInt(req.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return queue.Build{}, problem(http.StatusBadRequest, "%q is no build; expected a number such as 12", req.PathValue("id"))
	}
	return s.Store.Build(req.Context(), id)
}

func buildPath(id int64) string { return fmt.Sprintf("/builds/%d", id) }
