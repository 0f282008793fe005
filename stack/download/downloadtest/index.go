package downloadtest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"path"
	"sync"
	"testing"
	"time"
)

// Index is a registry on the loopback interface whose answers are all there before it
// starts.
type Index struct {
	Gate
	// URL is its address, without a slash at its end.
	URL string
	// User and Password, when set, are asked of everybody.
	User, Password string

	mu       sync.Mutex
	files    map[string][]byte
	failing  map[string]int
	replaced map[string][]byte
}

// ServeIndex serves files by path until the test ends. One whose path ends in "/*" is
// served for all of its directory that is not there.
func ServeIndex(t testing.TB, files map[string][]byte) *Index {
	t.Helper()
	x := &Index{files: files, failing: map[string]int{}, replaced: map[string][]byte{}}
	server := httptest.NewServer(x)
	t.Cleanup(server.Close)
	x.URL = server.URL
	return x
}

// ServeHTTP implements http.Handler.
func (x *Index) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !x.Admit(w, r) {
		return
	}
	x.mu.Lock()
	data, found := x.files[r.URL.Path]
	if !found {
		data, found = x.files[path.Dir(r.URL.Path)+"/*"]
	}
	if other, is := x.replaced[r.URL.Path]; is {
		data = other
	}
	status := cmp.Or(x.failing[r.URL.Path], x.failing["*"])
	x.mu.Unlock()
	if name, secret, _ := r.BasicAuth(); x.User != "" && (name != x.User || secret != x.Password) {
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
		sum := sha256.Sum256(data)
		w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
		http.ServeContent(w, r, path.Base(r.URL.Path), time.Time{}, bytes.NewReader(data))
	}
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
func (x *Index) File(path string) []byte { return x.files[path] }
