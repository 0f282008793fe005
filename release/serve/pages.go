package serve

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/release/queue"
)

//go:embed page
var pageFiles embed.FS

// pages are the templates and the files of the page.
type pages struct {
	templates map[string]*template.Template
	assets    map[string]asset
}

type asset struct {
	kind, tag string
	content   []byte
}

var assetKinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

func newPages() (*pages, error) {
	p := &pages{templates: map[string]*template.Template{}, assets: map[string]asset{}}
	entries, err := pageFiles.ReadDir("page")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		name := entry.Name()
		if kind, is := assetKinds[path.Ext(name)]; is {
			content, err := pageFiles.ReadFile("page/" + name)
			if err != nil {
				return nil, err
			}
			p.assets[name] = asset{kind, fmt.Sprintf("%q", encode(sum(content)[:9])), content}
			continue
		}
		if name == layoutFile || name == partsFile {
			continue
		}
		t, err := template.New(layoutFile).Funcs(functions(time.Now)).ParseFS(pageFiles, "page/"+layoutFile, "page/"+partsFile, "page/"+name)
		if err != nil {
			return nil, err
		}
		p.templates[name] = t
	}
	return p, nil
}

const (
	layoutFile = "layout.html"
	partsFile  = "parts.html"
)

func sum(content []byte) []byte {
	s := sha256.Sum256(content)
	return s[:]
}

// functions are those of the templates.
func functions(now func() time.Time) template.FuncMap {
	return template.FuncMap{
		"ago":      func(t time.Time) string { return ago(now().Sub(t)) },
		"stamp":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"duration": duration,
		"took":     func(b queue.Build) string { return took(b, now()) },
		"size":     size,
		"short":    short,
		"plain":    Plain,
		"percent":  func(f float64) string { return fmt.Sprintf("%.3f%%", f) },
		"source":   sourceText,
		"counts":   counts,
		"label":    label,
		"hue":      hue,
		"reused":   reused,
	}
}

// took is how long a build took, or takes until now; empty for one that never ran.
func took(b queue.Build, now time.Time) string {
	switch {
	case b.Started.IsZero():
		return ""
	case b.Finished.IsZero():
		return duration(now.Sub(b.Started).Truncate(time.Second))
	}
	return duration(b.Finished.Sub(b.Started))
}

// ago is how long something is past, for people.
func ago(d time.Duration) string {
	const day = 24 * time.Hour
	count := func(n int, unit string) string {
		if n == 1 {
			return "1 " + unit + " ago"
		}
		return fmt.Sprintf("%d %ss ago", n, unit)
	}
	switch {
	case d < 10*time.Second:
		return "just now"
	case d < time.Minute:
		return count(int(d.Seconds()), "second")
	case d < time.Hour:
		return count(int(d.Minutes()), "minute")
	case d < 2*day:
		return count(int(d.Hours()), "hour")
	}
	return count(int(d/day), "day")
}

// short is the start of a commit or a digest.
func short(id string) string {
	const length = 7
	id = strings.TrimPrefix(id, "sha256:")
	return id[:min(len(id), length)]
}

// sourceText is what was built, in few words.
func sourceText(s queue.Source) string {
	words := []string{}
	if s.Branch != "" {
		words = append(words, s.Branch)
	}
	if s.Commit != "" {
		words = append(words, short(s.Commit))
	}
	if s.Kind == queue.Archive {
		words = append(words, "archive")
	}
	if s.Directory != "" {
		words = append(words, s.Directory)
	}
	return Plain(strings.Join(words, " · "))
}

// counts says how many processes of a type there are and what they do.
func counts(all []formation.Process, name string) string {
	by := map[formation.State]int{}
	for _, p := range all {
		if kind, _, _ := strings.Cut(p.Name, "."); kind == name {
			by[p.State]++
		}
	}
	var words []string
	for _, state := range []formation.State{formation.Up, formation.Starting, formation.Crashed, formation.Down} {
		if by[state] > 0 {
			words = append(words, fmt.Sprintf("%d %s", by[state], state))
		}
	}
	return strings.Join(words, ", ")
}

// label is an area in few words: its name, and that of the directory around it unless that
// is around everything.
func label(a Area) string {
	parent, name := path.Split(a.Path)
	text := name
	switch around := path.Base(parent); around {
	case ".", "/", "layers", "node_modules", "site-packages", "vendor":
	default:
		if !strings.HasPrefix(around, "slugc_") {
			text = around + "/" + name
		}
	}
	if text == "" {
		text = "/"
	}
	if a.Rest {
		text += " (rest)"
	}
	return text
}

// reused says how much was reused.
func reused(all []queue.Reuse) string {
	n := 0
	for _, one := range all {
		if one.Reused {
			n++
		}
	}
	return fmt.Sprintf("%d of %d parts", n, len(all))
}

// hues is how many colours the page has for areas.
const hues = 6

// hue is the colour of an area: those of one layer, or of one directory of the app,
// have the same.
func hue(dir string) int {
	parts := strings.Split(dir, "/")
	key := parts[0]
	if key == ".slugc" && len(parts) > 3 {
		key = strings.Join(parts[:4], "/")
	}
	n := 0
	for _, b := range sum([]byte(key))[:4] {
		n += int(b)
	}
	return n % hues
}

// view is what every page has.
type view struct {
	Title string
	// Name is who is signed in; Signed is whether somebody is.
	Name   string
	Signed bool
	// Word is the session's, for forms.
	Word string
	// Here is the part of the page that is marked in the head.
	Here string
	// Live is whether the page looks for news by itself.
	Live bool
	Data any
}

func (s *Server) view(by who, title, here string, data any) view {
	v := view{Title: title, Here: here, Data: data}
	if by.session != nil {
		v.Name, v.Signed, v.Word = by.session.name, true, s.sessions.word(*by.session)
	}
	return v
}

// show writes a page, whole or not at all.
func (s *Server) show(w http.ResponseWriter, status int, name string, v view) error {
	var b bytes.Buffer
	if err := s.pages.templates[name].ExecuteTemplate(&b, layoutFile, v); err != nil {
		return fmt.Errorf("making the page %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	// Who asked may be gone.
	_, _ = b.WriteTo(w)
	return nil
}

func (s *Server) asset(w http.ResponseWriter, req *http.Request, _ who) error {
	a, is := s.pages.assets[req.PathValue("name")]
	if !is {
		return problem(http.StatusNotFound, "there is nothing at %s", req.URL.Path)
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Etag", a.tag)
	http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(a.content))
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
	v := s.view(by, "Apps", "apps", map[string]any{"Apps": apps, "Builds": builds})
	v.Live = true
	return s.show(w, http.StatusOK, "home.html", v)
}

// processType is a row of a formation.
type processType struct {
	Name, Command string
	Wanted        int
	State         string
}

func (s *Server) appPage(w http.ResponseWriter, _ *http.Request, by who, d appDetails) error {
	var types []processType
	for _, name := range d.typesOf() {
		t := processType{Name: name}
		if d.Current != nil {
			t.Command = d.Current.Artifact.ProcessTypes[name]
		}
		if d.Formation != nil {
			t.Wanted = d.Formation.Wanted[name]
			t.State = counts(d.Formation.Processes, name)
		}
		types = append(types, t)
	}
	v := s.view(by, d.App, "apps", map[string]any{"App": d, "Types": types, "Most": formation.MaxProcesses})
	v.Live = true
	return s.show(w, http.StatusOK, "app.html", v)
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
	v := s.view(by, "Builds", "builds", map[string]any{"Builds": builds, "App": f.App, "Next": next})
	v.Live = f.Before == 0
	return s.show(w, http.StatusOK, "builds.html", v)
}

// bar is a phase of a build, in percent of all of it.
type bar struct {
	queue.Step
	At, Share float64
}

// doneStep begins the line by which slugc build says that it is done. What comes after it
// is part of the next step.
const doneStep = "Done in "

func bars(steps []queue.Step) []bar {
	var all []bar
	var total, before time.Duration
	for _, step := range steps {
		total += step.Duration
		if strings.HasPrefix(step.Name, doneStep) {
			before += step.Duration
			continue
		}
		step.Duration += before
		before = 0
		all = append(all, bar{Step: step})
	}
	const whole, least = 100.0, 0.6
	share := func(d time.Duration) float64 { return whole * float64(d) / float64(max(total, 1)) }
	at := time.Duration(0)
	for i, b := range all {
		all[i].At, all[i].Share = min(share(at), whole-least), max(share(b.Duration), least)
		at += b.Duration
	}
	return all
}

// shownLog is how much of a log the page has when it is opened, in bytes: the end of it.
const shownLog = 256 << 10

// logTail reads the last lines of the log of a build, and where they begin and end.
func (s *Server) logTail(ctx context.Context, id int64) (lines []line, from, to int64, err error) {
	log, err := s.Store.Log(ctx, id)
	if errors.Is(err, fs.ErrNotExist) {
		return []line{{Text: "The log is not kept any more."}}, 0, 0, nil
	}
	if err != nil {
		return nil, 0, 0, err
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
		return nil, 0, 0, fmt.Errorf("reading the log: %w", err)
	}
	if from > 0 {
		cut := bytes.IndexByte(content, '\n') + 1
		content, from = content[cut:], from+int64(cut)
	}
	return linesOf(content), from, from + int64(len(content)), nil
}

func (s *Server) buildPage(w http.ResponseWriter, req *http.Request, by who, b queue.Build) error {
	data := map[string]any{"Build": b, "Bars": bars(b.Steps), "Ended": b.Status.Ended(), "Again": b.Status.Ended()}
	// The log of a build that goes on comes as events; without scripts it is at its own address.
	var lines []line
	var from, to int64
	if b.Status.Ended() {
		var err error
		if lines, from, to, err = s.logTail(req.Context(), b.ID); err != nil {
			return err
		}
		if _, err := os.Stat(b.Source.Location); b.Source.Kind == queue.Archive && err != nil {
			data["Again"] = false
		}
	}
	data["Lines"], data["From"], data["To"] = lines, from, to
	return s.show(w, http.StatusOK, "build.html", s.view(by, fmt.Sprintf("Build %d of %s", b.ID, b.App), "builds", data))
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
	var total int64
	for _, a := range areas {
		total += a.Size
	}
	const ratio = 2.6
	return s.show(w, http.StatusOK, "treemap.html", s.view(by, "The slug of "+app, "apps", map[string]any{
		"App": app, "Release": r, "Boxes": Boxes(areas, ratio), "Total": total, "Packed": r.Artifact.Size,
	}))
}

func (s *Server) problemPage(w http.ResponseWriter, req *http.Request, p *Problem) {
	by := who{}
	if one, is := s.sessions.of(req); is {
		by.session = &one
	}
	if err := s.show(w, p.Status, "problem.html", s.view(by, http.StatusText(p.Status), "", p)); err != nil {
		s.Voice.Warningf("%v", err)
	}
}

func escapePath(to string) string { return url.QueryEscape(to) }

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
	return s.show(w, http.StatusOK, "sign-in.html", view{Title: "Sign in", Data: map[string]any{"To": to}})
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
		return s.show(w, p.Status, "sign-in.html", view{Title: "Sign in", Data: map[string]any{"To": to, "Wrong": p.Message, "Name": personName(req.PostFormValue("name"))}})
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
