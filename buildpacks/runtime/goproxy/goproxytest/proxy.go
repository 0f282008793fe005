// Package goproxytest is a Go module proxy with a checksum database in memory,
// for tests: real ones as far as they go, over HTTP.
package goproxytest

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/sumdb/note"

	"github.com/slugc/slugc/stack/download/downloadtest"
)

// Proxy is a running proxy.
type Proxy struct {
	*httptest.Server
	downloadtest.Gate
	// Key is the database's name with its key, for GOSUMDB.
	Key string

	database http.Handler

	mu       sync.Mutex
	zips     map[module.Version][]byte
	sums     map[module.Version]string
	unlisted map[string]bool
}

// databaseName is the name of the checksum database.
const databaseName = "sums.test"

// New starts a proxy that ends with the test.
func New(t *testing.T) *Proxy {
	t.Helper()
	signer, verifier, err := note.GenerateKey(rand.Reader, databaseName)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Key: verifier, zips: map[module.Version][]byte{}, sums: map[module.Version]string{}, unlisted: map[string]bool{}}
	p.database = sumdb.NewServer(sumdb.NewTestServer(signer, p.record))
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// Env is the environment of a go command that uses it.
func (p *Proxy) Env() map[string]string {
	return map[string]string{"GOPROXY": p.URL, "GOSUMDB": p.Key}
}

// Publish adds a version of a module and returns its checksum. A file whose
// name ends in "*" is executable.
func (p *Proxy) Publish(t *testing.T, m module.Version, files map[string]string) string {
	t.Helper()
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		bare, executable := strings.CutSuffix(name, "*")
		header := &zip.FileHeader{Name: m.String() + "/" + bare, Method: zip.Deflate}
		header.SetMode(0o644)
		if executable {
			header.SetMode(0o755)
		}
		w, err := archive.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "module.zip")
	if err := os.WriteFile(file, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	sum, err := dirhash.HashZip(file, dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.zips[m], p.sums[m] = packed.Bytes(), sum
	return sum
}

// Swap serves the zip of one version as that of another, whose checksum stays
// what it was.
func (p *Proxy) Swap(from, to module.Version) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.zips[to] = p.zips[from]
}

// Unlist makes the proxy refuse to list the versions of a module.
func (p *Proxy) Unlist(path string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unlisted[path] = true
}

// record is what the checksum database says about a version.
func (p *Proxy) record(path, escaped string) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum, found := p.sums[module.Version{Path: path, Version: escaped}]
	if !found {
		return nil, fs.ErrNotExist
	}
	return fmt.Appendf(nil, "%s %s %s\n%[1]s %[2]s/go.mod h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", path, escaped, sum), nil
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !p.Admit(w, r) {
		return
	}
	if rest, found := strings.CutPrefix(r.URL.Path, "/sumdb/"+databaseName); found {
		if rest == "/supported" {
			return
		}
		r.URL.Path = rest
		p.database.ServeHTTP(w, r)
		return
	}
	p.serveModule(w, r)
}

func (p *Proxy) serveModule(w http.ResponseWriter, r *http.Request) {
	escaped, file, found := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/@v/")
	path, err := module.UnescapePath(escaped)
	if err != nil || !found {
		http.NotFound(w, r)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if file == "list" {
		if p.unlisted[path] {
			http.NotFound(w, r)
			return
		}
		for m := range p.zips {
			if m.Path == path {
				fmt.Fprintln(w, m.Version)
			}
		}
		return
	}
	version, isInfo := strings.CutSuffix(file, ".info")
	version, _ = strings.CutSuffix(version, ".zip")
	data, found := p.zips[module.Version{Path: path, Version: version}]
	switch {
	case !found:
		http.NotFound(w, r)
	case isInfo:
		fmt.Fprintf(w, "{%q: %q}", "Version", version)
	default:
		if _, err := w.Write(data); err != nil {
			return
		}
	}
}
