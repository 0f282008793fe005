package serve

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slugc/slugc/release/queue"
)

const (
	// keptSources is how many source archives of an app stay when they are built, so that they can be built again.
	keptSources = 3
	// uploadLimit is the time that a source archive has to come in.
	uploadLimit = time.Hour
	// abandonedSource is the age of an archive that nobody has ordered a build of.
	abandonedSource = 2 * uploadLimit
)

func sendArchive(app string) string {
	return "tar -cz . | curl --data-binary @- -H \"Authorization: Bearer $(cat $SLUGC_HOME/serve-token)\" .../apps/" + app + "/builds"
}

// postSource takes a source archive and orders its build.
func (s *Server) postSource(w http.ResponseWriter, req *http.Request, by who) error {
	app, err := appOf(req)
	if err != nil {
		return err
	}
	tooLarge := func() error {
		return problem(http.StatusRequestEntityTooLarge, "the archive has more than %s", size(s.LargestSource)).
			then("leave out what the build makes or downloads", "slugc serve --max-source SIZE, on the server")
	}
	if req.ContentLength > s.LargestSource {
		return tooLarge()
	}
	key := req.Header.Get("Idempotency-Key")
	if len(key) > 200 {
		return problem(http.StatusBadRequest, "the Idempotency-Key has %d characters; expected at most 200", len(key))
	}
	if key != "" {
		key = "api:" + app + ":" + key
	}
	source := queue.Source{Kind: queue.Archive, Message: Plain(req.Header.Get("X-Slugc-Message")), Directory: req.URL.Query().Get("directory")}
	if source.Directory != "" && !filepath.IsLocal(source.Directory) {
		return problem(http.StatusBadRequest, "directory=%s: expected one of the archive, such as packages/web", Plain(source.Directory))
	}
	source.Message = source.Message[:min(len(source.Message), longestMessage)]
	file, err := s.keepSource(app, s.steady(w, req, s.LargestSource, uploadLimit))
	if is[*http.MaxBytesError](err) {
		return tooLarge()
	}
	if err != nil {
		return err
	}
	source.Location = file
	b, made, err := s.Store.Order(context.WithoutCancel(req.Context()), queue.Order{App: app, Source: source, Trigger: "api", By: by.name, Key: key})
	if err != nil || !made {
		// Nobody builds it.
		err = errors.Join(err, os.Remove(file))
	}
	if err != nil {
		return err
	}
	if err := s.sweepSources(req.Context(), app); err != nil {
		s.Voice.Warningf("%v", err)
	}
	w.Header().Set("Location", buildPath(b.ID))
	return writeJSON(w, http.StatusAccepted, ordered{Build: b.ID, URL: buildPath(b.ID), Status: b.Status, Again: !made})
}

// longestMessage is that of what an archive is said to be, in bytes.
const longestMessage = 200

// archives are the kinds of archives, by what they begin with.
var archives = []struct {
	at     int
	begin  string
	suffix string
}{
	{0, "\x1f\x8b", ".tar.gz"},
	{0, "PK\x03\x04", ".zip"},
	{257, "ustar", ".tar"},
}

// keepSource writes an archive to a file that only the user can read.
func (s *Server) keepSource(app string, body io.Reader) (file string, err error) {
	const headLength = 512
	head := make([]byte, headLength)
	n, err := io.ReadFull(body, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return "", err
	}
	head = head[:n]
	suffix := ""
	for _, kind := range archives {
		if len(head) > kind.at && bytes.HasPrefix(head[kind.at:], []byte(kind.begin)) {
			suffix = kind.suffix
			break
		}
	}
	if suffix == "" {
		return "", problem(http.StatusUnsupportedMediaType, "the body is no source archive; expected a tar file, gzip or not, or a zip file").then(sendArchive(app))
	}
	dir := filepath.Join(s.Sources, app)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("keeping the source archive: %w", err)
	}
	file = filepath.Join(dir, rand.Text()+suffix)
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("keeping the source archive: %w", err)
	}
	_, err = io.Copy(f, io.MultiReader(bytes.NewReader(head), body))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("keeping the source archive: %w", err), os.Remove(file))
	}
	return file, nil
}

// sweepSources removes archives of an app that nobody will build any more.
func (s *Server) sweepSources(ctx context.Context, app string) error {
	entries, err := os.ReadDir(filepath.Join(s.Sources, app))
	if err != nil {
		return fmt.Errorf("removing source archives: %w", err)
	}
	if len(entries) <= keptSources {
		return nil
	}
	builds, err := s.Store.Builds(ctx, queue.Filter{App: app})
	if err != nil {
		return err
	}
	keep, ended := map[string]bool{}, map[string]bool{}
	for _, b := range builds {
		name := filepath.Base(b.Source.Location)
		switch {
		case b.Source.Kind != queue.Archive:
		case !b.Status.Ended():
			keep[name] = true
		case len(ended) < keptSources:
			keep[name], ended[name] = true, true
		default:
			ended[name] = true
		}
	}
	for _, entry := range entries {
		name := entry.Name()
		info, err := entry.Info()
		if err != nil || keep[name] || strings.HasPrefix(name, ".") {
			continue
		}
		if !ended[name] && s.Now().Sub(info.ModTime()) < abandonedSource {
			continue // somebody is about to order its build
		}
		if err := os.Remove(filepath.Join(s.Sources, app, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing source archives: %w", err)
		}
	}
	return nil
}
