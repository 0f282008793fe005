package pypi

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/slugc/slugc/stack/download"
)

const (
	// maxDocument bounds what an index says of a package.
	maxDocument = 128 << 20
	// maxFile bounds a file of a package.
	maxFile = 2 << 30
	// documents are the forms in which an index may answer (PEP 691).
	documents = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
)

// Registry asks the package index of a configuration.
type Registry struct {
	Config  Config
	Fetcher *download.Fetcher
}

// File is a file that an index has of a package.
type File struct {
	Name string
	URL  string
	// SHA256 is its checksum in hexadecimal digits, "" when the index has none.
	SHA256 string
	// Yanked tells that its author took it back.
	Yanked bool
}

// Files are the files that the index has of a package, in its order.
func (r *Registry) Files(ctx context.Context, name string) ([]File, error) {
	from, err := r.Config.Index()
	if err != nil {
		return nil, err
	}
	page := *from.URL
	page.Path += "/" + name + "/"
	header := http.Header{"Accept": {documents}}
	authorize(header, page.User)
	page.User = nil
	data, err := r.Fetcher.Document(ctx, download.Request{URL: page.String(), Header: header, Limit: maxDocument})
	if download.NotFound(err) {
		return nil, &download.Error{Fault: download.Registry, Err: fmt.Errorf("%s has no package %s\n%w", from, name, err)}
	}
	if err != nil {
		return nil, r.explain(from, err)
	}
	files, err := parse(data, &page)
	if err != nil {
		return nil, &download.Error{Fault: download.Registry, Err: fmt.Errorf("%s answers about package %s, but not as a package index does: %w", from, name, err)}
	}
	return files, nil
}

func authorize(header http.Header, user *url.Userinfo) {
	if user == nil {
		return
	}
	password, _ := user.Password()
	request := http.Request{Header: header}
	request.SetBasicAuth(user.Username(), password)
}

// parse reads the document of a package, in JSON (PEP 691) or HTML (PEP 503).
func parse(data []byte, page *url.URL) ([]File, error) {
	if trimmed := bytes.TrimSpace(data); len(trimmed) == 0 || trimmed[0] != '{' {
		return parseHTML(string(data), page)
	}
	var doc struct {
		Files []struct {
			Filename string            `json:"filename"`
			URL      string            `json:"url"`
			Hashes   map[string]string `json:"hashes"`
			Yanked   any               `json:"yanked"`
		} `json:"files"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	var files []File
	for _, f := range doc.Files {
		address, err := page.Parse(f.URL)
		if err != nil {
			continue
		}
		address.Fragment = ""
		files = append(files, File{Name: f.Filename, URL: address.String(), SHA256: f.Hashes["sha256"], Yanked: f.Yanked != nil && f.Yanked != false && f.Yanked != ""})
	}
	return files, nil
}

var (
	anchor = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?is)<a\s([^>]*)>([^<]*)</a`) })
	href   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)href\s*=\s*(?:"([^"]*)"|'([^']*)')`) })
	yanked = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)(?:^|\s)data-yanked\b`) })
)

func parseHTML(text string, page *url.URL) ([]File, error) {
	if !strings.Contains(strings.ToLower(text), "<a") && !strings.Contains(strings.ToLower(text), "<html") {
		return nil, errors.New("it is neither JSON nor HTML")
	}
	var files []File
	for _, match := range anchor().FindAllStringSubmatch(text, -1) {
		link := href().FindStringSubmatch(match[1])
		if link == nil {
			continue
		}
		address, err := page.Parse(html.UnescapeString(link[1] + link[2]))
		if err != nil {
			continue
		}
		f := File{Name: path.Base(address.Path), Yanked: yanked().MatchString(match[1])}
		f.SHA256, _ = strings.CutPrefix(address.Fragment, "sha256=")
		if !strings.HasPrefix(address.Fragment, "sha256=") {
			f.SHA256 = ""
		}
		address.Fragment = ""
		f.URL = address.String()
		files = append(files, f)
	}
	return files, nil
}

// Save downloads a file of a package and verifies its checksum. What was written
// when it fails is of no use.
func (r *Registry) Save(ctx context.Context, f File, to io.Writer, progress func(done, total int64)) error {
	from, err := r.Config.Index()
	if err != nil {
		return err
	}
	sum, err := hex.DecodeString(f.SHA256)
	if err != nil || len(sum) != 32 {
		return &download.Error{Fault: download.Registry, Err: fmt.Errorf("%s has no checksum of %s", from, f.Name)}
	}
	header := http.Header{}
	address, err := url.Parse(f.URL)
	if err != nil {
		return &download.Error{Fault: download.Registry, Err: fmt.Errorf("%s has no address of %s", from, f.Name)}
	}
	if address.Host == from.URL.Host {
		authorize(header, from.URL.User)
	} else {
		authorize(header, r.Config.user(address))
	}
	address.User = nil
	err = r.Fetcher.Save(ctx, download.Archive{
		Subject:   f.Name,
		Integrity: download.Integrity{Algorithm: "sha256", Sum: sum},
		Request:   download.Request{URL: address.String(), Header: header, Limit: maxFile, Progress: progress},
	}, to)
	if _, wrong := errors.AsType[*download.IntegrityError](err); wrong {
		return &download.Error{Fault: download.Registry, Err: fmt.Errorf("%w\n"+
			"this is neither the app's fault nor slugc's: %s serves another file than it should.\n"+
			"Ask its operator to clear its cache of %s", err, from, f.Name)}
	}
	if err != nil {
		return r.explain(from, err)
	}
	return nil
}

// explain says what to do when an index cannot be asked.
func (r *Registry) explain(from Address, err error) error {
	if status, is := errors.AsType[*download.StatusError](err); is && (status.Code == http.StatusUnauthorized || status.Code == http.StatusForbidden) {
		return &download.Error{Fault: download.App, Err: fmt.Errorf("%s refuses the request: %w\n"+
			"if it wants a login, give it one:\n"+
			"  export PIP_INDEX_URL=https://USER:TOKEN@%s%s", from, err, from.URL.Host, from.URL.Path)}
	}
	if download.FaultOf(err) == download.Passing {
		return &download.Error{Fault: download.Passing, Err: fmt.Errorf("%s does not answer as it should: %w\n"+
			"try again later, or name another index:\n"+
			"  export PIP_INDEX_URL=https://HOST/PATH/simple", from, err)}
	}
	return fmt.Errorf("asking %s: %w", from, err)
}
