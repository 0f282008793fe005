// Package npmtest is an npm registry in memory, for tests: a real one as far as
// it goes, over HTTP.
package npmtest

import (
	"bytes"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slugc/slugc/stack/download/downloadtest"
)

// Registry is a running registry.
type Registry struct {
	*httptest.Server
	downloadtest.Gate

	mu       sync.Mutex
	packages map[string]map[string]version
}

type version struct {
	manifest map[string]any
	tarball  []byte
}

// New starts a registry that ends with the test.
func New(t *testing.T) *Registry {
	r := &Registry{packages: map[string]map[string]version{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

// Package is a package to publish.
type Package struct {
	Name, Version string
	// Files are its files below the top folder. Those whose name ends in "*"
	// are executable.
	Files map[string]string
	// Bin are its commands.
	Bin map[string]string
	// Integrity is published in place of the right one.
	Integrity string
}

// Publish adds a package and returns its checksum.
func (r *Registry) Publish(t *testing.T, p Package) string {
	t.Helper()
	tarball := downloadtest.Tarball(t, p.Files)
	sum := sha512.Sum512(tarball)
	integrity := "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
	published := integrity
	if p.Integrity != "" {
		published = p.Integrity
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.packages[p.Name] == nil {
		r.packages[p.Name] = map[string]version{}
	}
	r.packages[p.Name][p.Version] = version{tarball: tarball, manifest: map[string]any{
		"name": p.Name, "version": p.Version, "bin": p.Bin,
		"dist": map[string]any{
			"integrity": published,
			"tarball":   r.URL + "/" + p.Name + "/-/" + path.Base(p.Name) + "-" + p.Version + ".tgz",
		},
	}}
	return integrity
}

// ServeHTTP implements http.Handler.
func (r *Registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if !r.Admit(w, request) {
		return
	}
	name, rest := split(request.URL)
	r.mu.Lock()
	versions := maps.Clone(r.packages[name])
	r.mu.Unlock()
	file, isTarball := strings.CutPrefix(rest, "-/")
	number := strings.TrimSuffix(strings.TrimPrefix(file, path.Base(name)+"-"), ".tgz")
	switch {
	case len(versions) == 0:
		http.NotFound(w, request)
	case rest == "":
		manifests := map[string]any{}
		for number, v := range versions {
			manifests[number] = v.manifest
		}
		answer(w, map[string]any{"name": name, "versions": manifests})
	case isTarball && versions[number].tarball != nil:
		w.Header().Set("ETag", fmt.Sprintf("%q", number))
		http.ServeContent(w, request, file, time.Time{}, bytes.NewReader(versions[number].tarball))
	case versions[rest].manifest != nil:
		answer(w, versions[rest].manifest)
	default:
		http.NotFound(w, request)
	}
}

// split parts a path into the package and the rest.
func split(u *url.URL) (name, rest string) {
	text := strings.TrimPrefix(u.Path, "/")
	name, rest, _ = strings.Cut(text, "/")
	if strings.HasPrefix(name, "@") {
		second, after, _ := strings.Cut(rest, "/")
		name, rest = name+"/"+second, after
	}
	return name, rest
}

func answer(w http.ResponseWriter, document any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(document); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}
