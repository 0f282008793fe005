// Package pypitest is a package index in memory, for tests: a real one as far as
// it goes, over HTTP.
package pypitest

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slugc/slugc/stack/download/downloadtest"
)

// Registry is a running index.
type Registry struct {
	*httptest.Server
	downloadtest.Gate

	mu       sync.Mutex
	projects map[string][]file
	html     bool
}

type file struct {
	name    string
	content []byte
	// sum is what is said to be its checksum.
	sum    string
	yanked bool
}

// New starts an index that ends with the test.
func New(t *testing.T) *Registry {
	r := &Registry{projects: map[string][]file{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

// Index is its address for pip.
func (r *Registry) Index() string { return r.URL + "/simple" }

// Publish adds a file of a project and returns its checksum. A sum that is not
// empty is published in the place of the right one.
func (r *Registry) Publish(project, name string, content []byte, sum string) string {
	right := sha256.Sum256(content)
	f := file{name: name, content: content, sum: hex.EncodeToString(right[:])}
	if sum != "" {
		f.sum = sum
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.projects[project] = append(r.projects[project], f)
	return hex.EncodeToString(right[:])
}

// Yank marks the files of a project whose name has a text in it.
func (r *Registry) Yank(project, part string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, f := range r.projects[project] {
		if strings.Contains(f.name, part) {
			r.projects[project][i].yanked = true
		}
	}
}

// HTML has the index answer in HTML alone, as old ones do.
func (r *Registry) HTML() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.html = true
}

// ServeHTTP implements http.Handler.
func (r *Registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if !r.Admit(w, request) {
		return
	}
	r.mu.Lock()
	html, projects := r.html, maps.Clone(r.projects)
	r.mu.Unlock()
	parts := strings.Split(strings.Trim(request.URL.Path, "/"), "/")
	files, found := projects[parts[len(parts)-1]]
	switch {
	case len(parts) == 2 && parts[0] == "simple" && found:
		page(w, files, html)
	case len(parts) == 3 && parts[0] == "files":
		for _, f := range projects[parts[1]] {
			if f.name == parts[2] {
				http.ServeContent(w, request, "", time.Time{}, bytes.NewReader(f.content))
				return
			}
		}
		http.NotFound(w, request)
	default:
		http.NotFound(w, request)
	}
}

// page writes the document of a project, with addresses relative to it.
func page(w http.ResponseWriter, files []file, html bool) {
	if html {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!DOCTYPE html><html><body>\n")
		for _, f := range files {
			yanked := ""
			if f.yanked {
				yanked = ` data-yanked="broken"`
			}
			fmt.Fprintf(w, "<a href=\"../../files/%s/%s#sha256=%s\"%s>%s</a><br/>\n", project(f.name), f.name, f.sum, yanked, f.name)
		}
		fmt.Fprint(w, "</body></html>\n")
		return
	}
	var doc struct {
		Files []map[string]any `json:"files"`
	}
	for _, f := range files {
		entry := map[string]any{"filename": f.name, "url": "../../files/" + project(f.name) + "/" + f.name, "hashes": map[string]string{"sha256": f.sum}, "yanked": f.yanked}
		doc.Files = append(doc.Files, entry)
	}
	w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
	// A reader that is gone is the test's.
	_ = json.NewEncoder(w).Encode(doc)
}

func project(filename string) string {
	name, _, _ := strings.Cut(filename, "-")
	return name
}

// Wheel packs files as a wheel does.
func Wheel(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := archive.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}
