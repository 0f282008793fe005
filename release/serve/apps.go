package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/release/formation/control"
	"github.com/slugc/slugc/release/queue"
)

// appView is an app in a list.
type appView struct {
	release.App
	// Release is the current one; nil where there is none.
	Release *release.Release `json:"release"`
	// Formation is nil where the app is not started.
	Formation *control.Status `json:"formation"`
	// Build is the last one.
	Build *queue.Build `json:"last_build"`
}

func (s *Server) apps(req *http.Request) ([]appView, error) {
	ctx := req.Context()
	all, err := s.Book.Apps(ctx)
	if err != nil {
		return nil, err
	}
	views := []appView{}
	for _, app := range all {
		v := appView{App: app}
		if app.Current > 0 {
			r, err := s.Book.Current(ctx, app.Name)
			if err != nil {
				return nil, err
			}
			v.Release = &r
		}
		if v.Formation, err = s.formation(req, app.Name); err != nil {
			return nil, err
		}
		builds, err := s.Store.Builds(ctx, queue.Filter{App: app.Name, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(builds) > 0 {
			v.Build = &builds[0]
		}
		views = append(views, v)
	}
	return views, nil
}

// formation is what runs of an app; nil when it is not started.
func (s *Server) formation(req *http.Request, app string) (*control.Status, error) {
	status, err := s.Formation(app).Status(req.Context())
	if is[*control.AbsentError](err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &status, nil
}

func (s *Server) listApps(w http.ResponseWriter, req *http.Request, by who) error {
	if wantsPage(req) {
		return s.home(w, req, by)
	}
	apps, err := s.apps(req)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]any{"apps": apps})
}

// appDetails is all there is to see of an app.
type appDetails struct {
	App      string            `json:"app"`
	Current  *release.Release  `json:"current"`
	Releases []release.Release `json:"releases"`
	// Config are the names of the config vars that the current release has.
	Config    []string        `json:"config_names"`
	Formation *control.Status `json:"formation"`
	Builds    []queue.Build   `json:"builds"`
}

// buildsOfApp is how many builds are shown with an app.
const buildsOfApp = 10

func (s *Server) details(req *http.Request) (appDetails, error) {
	app, err := appOf(req)
	if err != nil {
		return appDetails{}, err
	}
	d := appDetails{App: app, Releases: []release.Release{}, Config: []string{}, Builds: []queue.Build{}}
	ctx := req.Context()
	builds, err := s.Store.Builds(ctx, queue.Filter{App: app, Limit: buildsOfApp})
	if err != nil {
		return d, err
	}
	d.Builds = append(d.Builds, builds...)
	all, err := s.Book.Releases(ctx, app)
	if err != nil {
		// An app whose first build has not ended has no releases.
		if is[*release.UnknownError](err) && len(builds) > 0 {
			return d, nil
		}
		return d, err
	}
	d.Releases = append(d.Releases, all...)
	for i := range d.Releases {
		if d.Releases[i].Current {
			d.Current = &d.Releases[i]
			d.Config = append(d.Config, d.Releases[i].Names...)
		}
	}
	d.Formation, err = s.formation(req, app)
	return d, err
}

func (s *Server) showApp(w http.ResponseWriter, req *http.Request, by who) error {
	d, err := s.details(req)
	if err != nil {
		return err
	}
	if wantsPage(req) {
		return s.appPage(w, req, by, d)
	}
	return writeJSON(w, http.StatusOK, d)
}

func appPath(app string) string { return "/apps/" + url.PathEscape(app) }

// said is what a release says while it is made.
type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) add(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, Plain(fmt.Sprintf(format, args...)))
}

func (s *said) Stepf(format string, args ...any)    { s.add(format, args...) }
func (s *said) Detailf(format string, args ...any)  { s.add(format, args...) }
func (s *said) Warningf(format string, args ...any) { s.add(format, args...) }

// wishes reads a request as a form or as JSON, which has the same names.
func wishes(req *http.Request) (map[string]string, error) {
	found := map[string]string{}
	if isForm(req) {
		if err := req.ParseForm(); err != nil {
			return nil, err
		}
		for name, values := range req.PostForm {
			if name != wordField {
				found[name] = values[0]
			}
		}
		return found, nil
	}
	var values map[string]any
	decoder := json.NewDecoder(req.Body)
	decoder.UseNumber()
	err := decoder.Decode(&values)
	if is[*http.MaxBytesError](err) {
		return nil, err
	}
	if err != nil && req.ContentLength != 0 {
		return nil, problem(http.StatusBadRequest, "the body is no JSON object: %v", err)
	}
	for name, value := range values {
		switch value.(type) {
		case string, json.Number:
			found[name] = fmt.Sprint(value)
		default:
			return nil, problem(http.StatusBadRequest, "%q: expected a number or a text", Plain(name))
		}
	}
	return found, nil
}

// rollback releases an earlier release once more: {"version": 3}, the one before the
// current one without a version.
func (s *Server) rollback(w http.ResponseWriter, req *http.Request, by who) error {
	app, err := appOf(req)
	if err != nil {
		return err
	}
	words, err := wishes(req)
	if err != nil {
		return err
	}
	number := 0
	for name, value := range words {
		if name != "version" {
			return problem(http.StatusBadRequest, "%q is not known; expected version", Plain(name))
		}
		if number, err = release.ParseVersion(value); err != nil {
			return err
		}
	}
	var voice said
	r, err := s.Maker(by.name, &voice).Rollback(req.Context(), app, number)
	if err != nil {
		return err
	}
	return s.done(w, req, appPath(app), map[string]any{"release": r, "said": voice.lines})
}

// scale changes how many processes run: {"web": 2, "worker": 1}.
func (s *Server) scale(w http.ResponseWriter, req *http.Request, _ who) error {
	app, err := appOf(req)
	if err != nil {
		return err
	}
	words, err := wishes(req)
	if err != nil {
		return err
	}
	wanted := map[string]int{}
	for name, value := range words {
		n, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil || n < 0 || n > formation.MaxProcesses {
			return problem(http.StatusBadRequest, "%s=%s: expected a number from 0 to %d", Plain(name), Plain(value), formation.MaxProcesses)
		}
		wanted[name] = n
	}
	if len(wanted) == 0 {
		return problem(http.StatusBadRequest, "nothing to scale; expected numbers by process type, such as {\"web\": 2}")
	}
	status, err := s.Formation(app).Scale(req.Context(), wanted)
	if err != nil {
		return refused(app, err)
	}
	return s.done(w, req, appPath(app), status)
}

// restart replaces processes by new ones: all, or {"process": "web.1"} or a type.
func (s *Server) restart(w http.ResponseWriter, req *http.Request, _ who) error {
	app, err := appOf(req)
	if err != nil {
		return err
	}
	words, err := wishes(req)
	if err != nil {
		return err
	}
	name := words["process"]
	if strings.ContainsFunc(name, func(r rune) bool { return !strings.ContainsRune(processCharacters, r) }) {
		return problem(http.StatusBadRequest, "%q is no process; expected one such as web.1, or a type", Plain(name))
	}
	status, err := s.Formation(app).Restart(req.Context(), name)
	if err != nil {
		return refused(app, err)
	}
	return s.done(w, req, appPath(app), status)
}

// processCharacters are those that names of processes have.
const processCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

// refused is what a formation says against a wish.
func refused(app string, err error) error {
	if absent, is := errors.AsType[*control.AbsentError](err); is {
		return problem(http.StatusConflict, "%s: %v", app, absent).then("slugc start " + app + ", on the server")
	}
	return problem(http.StatusConflict, "%v", err)
}

// typesOf are the process types of an app, those of its formation too, sorted.
func (d appDetails) typesOf() []string {
	var names []string
	if d.Current != nil {
		for name := range d.Current.Artifact.ProcessTypes {
			if name != release.PhaseType {
				names = append(names, name)
			}
		}
	}
	if d.Formation != nil {
		for name := range d.Formation.Wanted {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
