package serve

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/queue"
)

func sortBuilds(all []queue.Build) {
	slices.SortFunc(all, func(a, b queue.Build) int { return int(a.ID - b.ID) })
}

// buildsPerPage is how many builds a list has.
const buildsPerPage = 50

// statuses are those that a build can have.
var statuses = []queue.Status{queue.Waiting, queue.Running, queue.Succeeded, queue.Failed, queue.Cancelled, queue.Superseded, queue.Abandoned}

// filterOf reads which builds are asked for: ?app=APP&status=STATUS&before=ID.
func filterOf(req *http.Request) (f queue.Filter, err error) {
	query := req.URL.Query()
	f = queue.Filter{App: query.Get("app"), Limit: buildsPerPage}
	if f.App != "" {
		if err := release.CheckApp(f.App); err != nil {
			return f, err
		}
	}
	for _, word := range query["status"] {
		if !slices.Contains(statuses, queue.Status(word)) {
			return f, problem(http.StatusBadRequest, "%q is no status; expected one of %v", Plain(word), statuses)
		}
		f.Statuses = append(f.Statuses, queue.Status(word))
	}
	if text := query.Get("before"); text != "" {
		if f.Before, err = strconv.ParseInt(text, 10, 64); err != nil || f.Before < 1 {
			return f, problem(http.StatusBadRequest, "before=%s: expected the number of a build", Plain(text))
		}
	}
	return f, nil
}

func (s *Server) listBuilds(w http.ResponseWriter, req *http.Request, by who) error {
	f, err := filterOf(req)
	if err != nil {
		return err
	}
	builds, err := s.Store.Builds(req.Context(), f)
	if err != nil {
		return err
	}
	if wantsPage(req) {
		return s.buildsPage(w, req, by, f, builds)
	}
	return writeJSON(w, http.StatusOK, map[string]any{"builds": append([]queue.Build{}, builds...)})
}

func (s *Server) showBuild(w http.ResponseWriter, req *http.Request, by who) error {
	b, err := s.buildOf(req)
	if err != nil {
		return err
	}
	if wantsPage(req) {
		return s.buildPage(w, req, by, b)
	}
	return writeJSON(w, http.StatusOK, b)
}

// showLog is the log of a build, from a byte on where ?from= says so; ranges work, too
// (RFC 9110, "Range Requests").
func (s *Server) showLog(w http.ResponseWriter, req *http.Request, _ who) error {
	b, err := s.buildOf(req)
	if err != nil {
		return err
	}
	from, err := fromOf(req.URL.Query().Get("from"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	log, err := s.Store.Log(req.Context(), b.ID)
	if errors.Is(err, fs.ErrNotExist) {
		return problem(http.StatusGone, "the log of build %d is not kept any more", b.ID)
	}
	if err != nil {
		return err
	}
	defer log.Close()
	if from > 0 {
		// What is left is as a file of its own.
		end, err := log.Seek(0, io.SeekEnd)
		if err != nil {
			return fmt.Errorf("reading the log: %w", err)
		}
		http.ServeContent(w, req, "", time.Time{}, &rest{log, min(from, end), end})
		return nil
	}
	http.ServeContent(w, req, "", time.Time{}, log)
	return nil
}

// rest is the end of a log.
type rest struct {
	io.ReadSeeker
	from, end int64
}

func (r *rest) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
		offset += r.from
	case io.SeekEnd:
		offset, whence = offset+r.end, io.SeekStart
	}
	at, err := r.ReadSeeker.Seek(offset, whence)
	return at - r.from, err
}

// fromOf reads an offset in a log, in bytes.
func fromOf(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	from, err := strconv.ParseInt(text, 10, 64)
	if err != nil || from < 0 {
		return 0, problem(http.StatusBadRequest, "from=%s: expected a number of bytes", Plain(text))
	}
	return from, nil
}

func (s *Server) cancel(w http.ResponseWriter, req *http.Request, _ who) error {
	b, err := s.buildOf(req)
	if err != nil {
		return err
	}
	if b, err = s.Store.Cancel(req.Context(), b.ID); err != nil {
		return err
	}
	return s.done(w, req, buildPath(b.ID), b)
}

// again orders a build once more.
func (s *Server) again(w http.ResponseWriter, req *http.Request, by who) error {
	b, err := s.buildOf(req)
	if err != nil {
		return err
	}
	if b.Source.Kind == queue.Archive {
		if _, err := os.Stat(b.Source.Location); err != nil {
			return problem(http.StatusConflict, "the source archive of build %d is not kept any more", b.ID).then(sendArchive(b.App))
		}
	}
	o := b.Order
	o.Trigger, o.By, o.Key, o.Again = "again", by.name, "", b.ID
	return s.order(w, req, o)
}

// done answers who changed something: with what it is now, or with the page that shows
// it.
func (s *Server) done(w http.ResponseWriter, req *http.Request, page string, value any) error {
	if wantsPage(req) {
		http.Redirect(w, req, page, http.StatusSeeOther)
		return nil
	}
	return writeJSON(w, http.StatusOK, value)
}

// duration is a time that something took, for people.
func duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < 10*time.Second:
		return strings.Replace(fmt.Sprintf("%.1f s", d.Seconds()), ".0 ", " ", 1)
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
