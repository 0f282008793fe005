package composertest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Index is a server of packages on the loopback interface.
type Index struct {
	// URL is its address, without a slash at its end.
	URL string
	// User and Password, when set, are asked of everybody.
	User, Password string

	mu       sync.Mutex
	files    map[string][]byte
	moving   map[string][]byte
	asked    []string
	failing  map[string]int
	replaced map[string][]byte
}

// Serve serves packages until the test ends.
func Serve(t testing.TB, packages ...Package) *Index {
	t.Helper()
	x := &Index{files: map[string][]byte{}, moving: map[string][]byte{}, failing: map[string]int{}, replaced: map[string][]byte{}}
	all := map[string]map[string]any{}
	for _, p := range packages {
		data := p.pack(t)
		x.files[p.Path()] = data
		if p.Moving {
			x.moving[path.Dir(p.Path())] = data
		}
		if all[p.Name] == nil {
			all[p.Name] = map[string]any{}
		}
		all[p.Name][p.Version] = p.locked()
	}
	x.files["/packages.json"] = encode(t, map[string]any{"packages": all})
	server := httptest.NewServer(x)
	t.Cleanup(server.Close)
	x.URL = server.URL
	return x
}

// Settings are variables for a build by which Composer takes the server for Host, and
// takes packages from it although anybody could change them on their way.
func (x *Index) Settings(t testing.TB) []string {
	t.Helper()
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "config.json"), []byte(`{"config": {"secure-http": false}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	return []string{"CGI_HTTP_PROXY=" + x.URL, "COMPOSER_HOME=" + home}
}

// ServeHTTP implements http.Handler.
func (x *Index) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x.mu.Lock()
	x.asked = append(x.asked, r.URL.Path)
	data, found := x.files[r.URL.Path]
	if !found {
		data, found = x.moving[path.Dir(r.URL.Path)]
	}
	if other, is := x.replaced[r.URL.Path]; is {
		data = other
	}
	status := x.failing[r.URL.Path]
	if status == 0 {
		status = x.failing["*"]
	}
	user, password := x.User, x.Password
	x.mu.Unlock()
	if name, secret, _ := r.BasicAuth(); user != "" && (name != user || secret != password) {
		w.Header().Set("WWW-Authenticate", "Basic realm=packages")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	switch {
	case status != 0:
		w.WriteHeader(status)
	case !found:
		http.NotFound(w, r)
	default:
		if strings.HasSuffix(r.URL.Path, ".json") {
			w.Header().Set("Content-Type", "application/json")
		}
		http.ServeContent(w, r, path.Base(r.URL.Path), time.Time{}, bytes.NewReader(data))
	}
}

// Asked are the paths that were asked for, in order.
func (x *Index) Asked() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.asked)
}

// Forget has Asked begin anew.
func (x *Index) Forget() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.asked = nil
}

// Fail has a path, or "*" for all, answer with a status, 0 for none.
func (x *Index) Fail(path string, status int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.failing[path] = status
}

// Replace has a path answer with other bytes.
func (x *Index) Replace(path string, data []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.replaced[path] = data
}

// File is what is served at a path, nil for nothing.
func (x *Index) File(path string) []byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.files[path]
}
