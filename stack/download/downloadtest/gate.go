package downloadtest

import (
	"net/http"
	"slices"
	"sync"
)

// Gate stands before a registry of a test: it notes what is asked for, and can answer
// in the registry's place.
type Gate struct {
	mu       sync.Mutex
	requests []string
	before   func(w http.ResponseWriter, r *http.Request) bool
}

// Before sets a function that may answer a request in the registry's place, and tells
// whether it did.
func (g *Gate) Before(before func(w http.ResponseWriter, r *http.Request) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.before = before
}

// Requests are the paths that were asked for since the last Forget, each with the
// range that was asked for.
func (g *Gate) Requests() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.requests)
}

// Forget forgets the requests.
func (g *Gate) Forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests = nil
}

// Admit notes a request, and tells whether the registry is to answer it.
func (g *Gate) Admit(w http.ResponseWriter, r *http.Request) bool {
	line := r.URL.Path
	if part := r.Header.Get("Range"); part != "" {
		line += " " + part
	}
	g.mu.Lock()
	g.requests = append(g.requests, line)
	before := g.before
	g.mu.Unlock()
	return before == nil || !before(w, r)
}
