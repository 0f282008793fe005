package gemstest

import (
	"bytes"

	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Index is an index of gems on the loopback interface.
type Index struct {
	// URL is its address, without a slash at its end.
	URL string
	// User and Password, when set, are asked of everybody.
	User, Password string

	mu       sync.Mutex
	files    map[string][]byte
	asked    []string
	failing  map[string]int
	replaced map[string][]byte
}

// Serve serves gems until the test ends.
func Serve(t testing.TB, gems ...Gem) *Index {
	t.Helper()
	x := &Index{files: map[string][]byte{}, failing: map[string]int{}, replaced: map[string][]byte{}}
	infos := map[string]string{}
	versions := map[string][]string{}
	for _, g := range gems {
		data := g.pack(t)
		x.files["/gems/"+g.fullName()+".gem"] = data
		number := strings.TrimPrefix(g.fullName(), g.Name+"-")
		var needs []string
		for _, name := range slices.Sorted(maps.Keys(g.Dependencies)) {
			wanted := g.Dependencies[name]
			if wanted == "" {
				wanted = ">= 0"
			}
			needs = append(needs, name+":"+strings.ReplaceAll(wanted, ", ", "&"))
		}
		line := number + " " + strings.Join(needs, ",") + "|checksum:" + sum(data)
		if g.RequiredRuby != "" {
			line += ",ruby:" + strings.ReplaceAll(g.RequiredRuby, ", ", "&")
		}
		infos[g.Name] += line + "\n"
		versions[g.Name] = append(versions[g.Name], number)
	}
	all := "created_at: 2026-01-31T00:00:00Z\n---\n"
	for _, name := range slices.Sorted(maps.Keys(infos)) {
		text := "---\n" + infos[name]
		x.files["/info/"+name] = []byte(text)
		all += fmt.Sprintf("%s %s %s\n", name, strings.Join(versions[name], ","), sum([]byte(text))[:32])
	}
	x.files["/versions"] = []byte(all)
	server := httptest.NewServer(x)
	t.Cleanup(server.Close)
	x.URL = server.URL
	return x
}

// ServeHTTP implements http.Handler.
func (x *Index) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x.mu.Lock()
	x.asked = append(x.asked, r.URL.Path)
	data, found := x.files[r.URL.Path]
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
		w.Header().Set("WWW-Authenticate", "Basic realm=gems")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	switch {
	case status != 0:
		w.WriteHeader(status)
	case !found:
		http.NotFound(w, r)
	default:
		w.Header().Set("ETag", `"`+sum(data)[:32]+`"`)
		http.ServeContent(w, r, path.Base(r.URL.Path), time.Time{}, bytes.NewReader(data))
	}
}

// Asked are the paths that were asked for, in order.
func (x *Index) Asked() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.asked)
}

// Fail has a path, or "*" for all, answer with a status.
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

// Forget has Asked begin anew.
func (x *Index) Forget() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.asked = nil
}

// File is what is served at a path, nil for nothing.
func (x *Index) File(path string) []byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.files[path]
}
