package cachestore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/cachestore"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/pack"
)

// remoteMedium is a registry that machines share of which each is new.
type remoteMedium struct {
	cache cachestore.Registry
	host  string

	mu     sync.Mutex
	writes []string
	// fault answers a request in the place of the registry, if it returns true.
	fault func(w http.ResponseWriter, r *http.Request) bool
}

func startRegistry(t *testing.T) medium { return newRemote(t) }

func newRemote(t *testing.T) *remoteMedium {
	t.Helper()
	m := &remoteMedium{}
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m.answers(w, r) {
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	m.host = strings.TrimPrefix(server.URL, "http://")
	var err error
	if m.cache, err = cachestore.ParseRegistry("docker://"+m.host+"/cache/app:main", nil); err != nil {
		t.Fatal(err)
	}
	m.cache.Backoff = time.Millisecond
	return m
}

// answers notes what is written and makes the fault, if there is one.
func (m *remoteMedium) answers(w http.ResponseWriter, r *http.Request) bool {
	m.mu.Lock()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		m.writes = append(m.writes, r.Method+" "+r.URL.Path)
	}
	fault := m.fault
	m.mu.Unlock()
	return fault != nil && fault(w, r)
}

func (m *remoteMedium) breakWith(fault func(w http.ResponseWriter, r *http.Request) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = fault
}

func (m *remoteMedium) begin(t *testing.T) (*cachestore.Entry, []string) {
	t.Helper()
	e := entry(t, t.TempDir())
	pulled, err := m.cache.Pull(t.Context(), e, layersOf(e), group())
	if err != nil {
		t.Fatal(err)
	}
	_, missed := restored(t, e)
	for _, err := range pulled.Missed {
		missed = append(missed, err.Error())
	}
	return e, missed
}

func (m *remoteMedium) leave(t *testing.T, e *cachestore.Entry, b built) error {
	t.Helper()
	if err := e.Save(t.Context(), b.tree, b.indexes); err != nil {
		return err
	}
	_, err := m.cache.Push(t.Context(), e, b.tree, nil)
	return err
}

func (m *remoteMedium) state(*testing.T) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(m.writes, "\n")
}

func (m *remoteMedium) damage(t *testing.T, layer string) {
	t.Helper()
	blob := m.blob(t, layer)
	m.breakWith(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, blob) {
			return false
		}
		fmt.Fprint(w, strings.Repeat("\x00", 1000))
		return true
	})
}

func (m *remoteMedium) lose(t *testing.T, layer string) {
	t.Helper()
	blob := m.blob(t, layer)
	m.breakWith(answer(http.StatusNotFound, "GET", blob))
}

func (m *remoteMedium) forget(t *testing.T) {
	t.Helper()
	if err := m.cache.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// inventory is the config of the cache.
func (m *remoteMedium) inventory(t *testing.T) []byte {
	t.Helper()
	got, err := remote.Get(m.cache.Tag)
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct{ Config struct{ Digest string } }
	if err := json.Unmarshal(got.Manifest, &manifest); err != nil {
		t.Fatal(err)
	}
	response, err := http.Get("http://" + m.host + "/v2/cache/app/blobs/" + manifest.Config.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// blob is the digest of the blob of a layer.
func (m *remoteMedium) blob(t *testing.T, layer string) string {
	t.Helper()
	data := m.inventory(t)
	var all struct {
		Layers []struct {
			Name    string
			Segment struct{ Digest string }
		}
	}
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	for _, l := range all.Layers {
		if l.Name == layer {
			return l.Segment.Digest
		}
	}
	t.Fatalf("no layer %s in %s", layer, data)
	return ""
}

// credentials are those for every registry.
type credentials authn.AuthConfig

func (c credentials) Resolve(authn.Resource) (authn.Authenticator, error) {
	return authn.FromConfig(authn.AuthConfig(c)), nil
}

// answer is a fault: a status for all requests of a method whose path ends so.
func answer(status int, method, suffix string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != method || !strings.HasSuffix(r.URL.Path, suffix) {
			return false
		}
		w.WriteHeader(status)
		return true
	}
}

func TestRegistry(t *testing.T) { spec.Run(t, "Registry", testRegistry, spec.Parallel()) }

func testRegistry(t *testing.T, when spec.G, it spec.S) {
	var m *remoteMedium
	it.Before(func() { m = newRemote(t) })
	save := func(text string) {
		t.Helper()
		e, _ := m.begin(t)
		defer shut(t, e)
		for _, layer := range []string{"cached", "launched"} {
			write(t, filepath.Join(layersOf(e), "test_bp", layer, "file"), strings.Repeat(layer+text, 5000))
		}
		if err := m.leave(t, e, finish(t, e)); err != nil {
			t.Fatal(err)
		}
	}
	statuses := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway}

	when("it does not give away what it has", func() {
		// pull is a build on a new machine.
		pull := func() (*cachestore.Entry, cachestore.Pulled, error) {
			t.Helper()
			e := entry(t, t.TempDir())
			pulled, err := m.cache.Pull(t.Context(), e, layersOf(e), group())
			return e, pulled, err
		}
		nothing := func(e *cachestore.Entry) {
			t.Helper()
			defer shut(t, e)
			if _, missed := restored(t, e); len(missed) > 0 || len(files(t, layersOf(e))) > 0 {
				t.Errorf("missed %v, found %v", missed, files(t, layersOf(e)))
			}
		}
		for _, status := range statuses {
			it(fmt.Sprintf("says so when the tag is answered with %d, and leaves the entry as it was", status), func() {
				save("")
				m.breakWith(answer(status, "GET", "/manifests/main"))
				e, _, err := pull()
				var failed *cachestore.RegistryError
				if !errors.As(err, &failed) || !strings.Contains(err.Error(), fmt.Sprint(status)) || !strings.Contains(err.Error(), m.cache.String()) {
					t.Errorf("got %v", err)
				}
				nothing(e)
			})
			it(fmt.Sprintf("leaves a layer out whose blob is answered with %d", status), func() {
				save("")
				m.breakWith(answer(status, "GET", m.blob(t, "cached")))
				e, pulled, err := pull()
				defer shut(t, e)
				if err != nil || len(pulled.Missed) != 1 || !strings.Contains(pulled.Missed[0].Error(), fmt.Sprint(status)) || !slices.Equal(pulled.Layers, []string{"test/bp:launched"}) {
					t.Errorf("pulled %v (%v)", pulled, err)
				}
				restored(t, e)
				for path := range files(t, layersOf(e)) {
					if strings.Contains(path, "cached") {
						t.Errorf("there is %s", path)
					}
				}
			})
		}
		it("names the command that logs in", func() {
			save("")
			m.breakWith(answer(http.StatusUnauthorized, "GET", "/manifests/main"))
			e, _, err := pull()
			defer shut(t, e)
			if want := `"docker login ` + m.host + `"`; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, expected %s", err, want)
			}
		})
		bodies := map[string]func(w http.ResponseWriter, whole []byte){
			"cut short": func(w http.ResponseWriter, whole []byte) {
				w.Header().Set("Content-Length", fmt.Sprint(len(whole)))
				fmt.Fprintf(w, "%s", whole[:len(whole)/2])
			},
			"changed": func(w http.ResponseWriter, whole []byte) {
				whole[len(whole)/2] ^= 1
				fmt.Fprintf(w, "%s", whole)
			},
			"longer": func(w http.ResponseWriter, whole []byte) { fmt.Fprintf(w, "%s%s", whole, whole) },
			"empty":  func(http.ResponseWriter, []byte) {},
		}
		for _, how := range []string{"cut short", "changed", "longer", "empty"} {
			it("leaves a layer out whose blob is "+how, func() {
				save("")
				blob := m.blob(t, "cached")
				response, err := http.Get("http://" + m.host + "/v2/cache/app/blobs/" + blob)
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				whole, err := io.ReadAll(response.Body)
				if err != nil {
					t.Fatal(err)
				}
				m.breakWith(func(w http.ResponseWriter, r *http.Request) bool {
					if !strings.HasSuffix(r.URL.Path, blob) {
						return false
					}
					bodies[how](w, bytes.Clone(whole))
					return true
				})
				e, pulled, err := pull()
				defer shut(t, e)
				if err != nil || len(pulled.Missed) != 1 || !slices.Equal(pulled.Layers, []string{"test/bp:launched"}) {
					t.Errorf("pulled %v (%v)", pulled, err)
				}
				if left, err := filepath.Glob(filepath.Join(e.Temp("*"))); err != nil || len(left) > 0 {
					t.Errorf("left %v (%v)", left, err)
				}
			})
		}
		it("gives up a transfer that hangs", func() {
			save("")
			m.cache.Patience = time.Second
			hanging, blob := make(chan struct{}), m.blob(t, "cached")
			defer close(hanging)
			m.breakWith(func(_ http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, blob) {
					return false
				}
				select {
				case <-hanging:
				case <-r.Context().Done():
				}
				return true
			})
			e, pulled, err := pull()
			defer shut(t, e)
			if err != nil || len(pulled.Missed) != 1 || !strings.Contains(pulled.Missed[0].Error(), "stopped answering") {
				t.Errorf("pulled %v (%v)", pulled, err)
			}
		})
		it("tries again what failed for now", func() {
			save("")
			var once sync.Once
			blob := m.blob(t, "cached")
			m.breakWith(func(w http.ResponseWriter, r *http.Request) (broken bool) {
				if strings.HasSuffix(r.URL.Path, blob) {
					once.Do(func() {
						broken = true
						w.WriteHeader(http.StatusServiceUnavailable)
					})
				}
				return broken
			})
			e, pulled, err := pull()
			defer shut(t, e)
			if err != nil || len(pulled.Missed) > 0 || len(pulled.Layers) != 2 {
				t.Errorf("pulled %v (%v)", pulled, err)
			}
		})
		it("says so when the tag is an image", func() {
			image, err := random.Image(100, 1)
			if err != nil {
				t.Fatal(err)
			}
			if err := remote.Write(m.cache.Tag, image); err != nil {
				t.Fatal(err)
			}
			e, _, err := pull()
			if err == nil || !strings.Contains(err.Error(), "no cache") {
				t.Errorf("got %v", err)
			}
			nothing(e)
		})
		it("keeps what lies on this machine", func() {
			e, _ := m.begin(t)
			write(t, filepath.Join(layersOf(e), "test_bp/cached/file"), "here")
			b := finish(t, e)
			if err := e.Save(t.Context(), b.tree, b.indexes); err != nil {
				t.Fatal(err)
			}
			defer shut(t, e)
			m.breakWith(answer(http.StatusInternalServerError, "GET", "/manifests/main"))
			if _, err := m.cache.Pull(t.Context(), e, layersOf(e), group()); err == nil {
				t.Error("no error")
			}
			restored(t, e)
			if got := files(t, layersOf(e))["test_bp/cached/file"]; got != "here" {
				t.Errorf("the layer holds %q", got)
			}
		})
	})

	when("it does not take what a build leaves", func() {
		for _, request := range []struct{ method, suffix string }{{"POST", "/blobs/uploads/"}, {"PATCH", ""}, {"PUT", "/manifests/main"}} {
			for _, status := range statuses {
				it(fmt.Sprintf("says so when %s %s is answered with %d, and the next build finds what was there", request.method, request.suffix, status), func() {
					save("first")
					e, _ := m.begin(t)
					write(t, filepath.Join(layersOf(e), "test_bp/cached/file"), "second")
					m.breakWith(answer(status, request.method, request.suffix))
					err := m.leave(t, e, finish(t, e))
					shut(t, e)
					var failed *cachestore.RegistryError
					if !errors.As(err, &failed) || !strings.Contains(err.Error(), fmt.Sprint(status)) {
						t.Errorf("got %v", err)
					}
					m.breakWith(nil)
					e, missed := m.begin(t)
					defer shut(t, e)
					if got := files(t, layersOf(e))["test_bp/cached/file"]; len(missed) > 0 || !strings.HasPrefix(got, "cachedfirst") {
						t.Errorf("missed %v, found %.20q", missed, got)
					}
				})
			}
		}
	})

	it("takes the state of another machine in the place of an older one here, and nothing that is here already", func() {
		save("first")
		here, _ := m.begin(t)
		defer shut(t, here)
		save("second")
		for _, want := range []struct{ came, here int }{{2, 0}, {0, 2}} {
			pulled, err := m.cache.Pull(t.Context(), here, layersOf(here), group())
			if err != nil || len(pulled.Layers) != want.came || len(pulled.Here) != want.here || (pulled.Size == 0) != (want.came == 0) {
				t.Errorf("pulled %v (%v), expected %v", pulled, err, want)
			}
			_, missed := restored(t, here)
			if got := files(t, layersOf(here))["test_bp/cached/file"]; len(missed) > 0 || !strings.HasPrefix(got, "cachedsecond") {
				t.Errorf("missed %v, found %.20q", missed, got)
			}
		}
	})
	it("removes nothing behind a link that lies in the place of a buildpack's layers", func() {
		save("")
		e := entry(t, t.TempDir())
		defer shut(t, e)
		elsewhere := t.TempDir()
		write(t, filepath.Join(elsewhere, "cached/precious"), "mine")
		if err := os.Symlink(elsewhere, filepath.Join(layersOf(e), "test_bp")); err != nil {
			t.Fatal(err)
		}
		if _, err := m.cache.Pull(t.Context(), e, layersOf(e), group()); err != nil {
			t.Fatal(err)
		}
		restored(t, e)
		if got := files(t, elsewhere)["cached/precious"]; got != "mine" {
			t.Errorf("what lies elsewhere is %q", got)
		}
		if got := files(t, layersOf(e))["test_bp/cached/file"]; !strings.HasPrefix(got, "cached") {
			t.Errorf("found %.20q", got)
		}
	})
	it("logs in with the credentials that it was given", func() {
		m.breakWith(func(w http.ResponseWriter, r *http.Request) bool {
			if user, password, ok := r.BasicAuth(); ok && user == "ci" && password == "secret" {
				return false
			}
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		})
		e := entry(t, t.TempDir())
		defer shut(t, e)
		if _, err := m.cache.Pull(t.Context(), e, layersOf(e), group()); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("without credentials: %v", err)
		}
		m.cache.Keychain = credentials{Username: "ci", Password: "secret"}
		save("")
		next, missed := m.begin(t)
		defer shut(t, next)
		if len(missed) > 0 {
			t.Errorf("missed %v", missed)
		}
	})
	it("stops when the build is called off", func() {
		save("")
		e := entry(t, t.TempDir())
		defer shut(t, e)
		ctx, cancel := context.WithCancel(t.Context())
		blob := m.blob(t, "cached")
		m.breakWith(func(_ http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, blob) {
				cancel()
				<-r.Context().Done()
				return true
			}
			return false
		})
		if _, err := m.cache.Pull(ctx, e, layersOf(e), group()); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})

	it("leaves layers of buildpacks that do not build where they are", func() {
		save("")
		e := entry(t, t.TempDir())
		defer shut(t, e)
		pulled, err := m.cache.Pull(t.Context(), e, layersOf(e), nil)
		if err != nil || !pulled.Found || pulled.Size != 0 {
			t.Errorf("pulled %v (%v)", pulled, err)
		}
	})

	it("sends one blob for the image and the cache, and packs nothing again elsewhere", func() {
		e, _ := m.begin(t)
		defer shut(t, e)
		write(t, filepath.Join(layersOf(e), "test_bp/launched/big"), strings.Repeat("in both ", 10_000))
		b := finish(t, e)
		layer := b.tree.LaunchLayers[0]
		job := pack.Job{
			Part: pack.Part{Name: layer.ID(), Dir: layer.Dir.Host, Index: b.indexes[layer.ID()]},
			Shapes: []pack.Shape{{Name: "oci", Prefix: layer.Dir.Path, UID: 1000, GID: 1000, ModTime: pack.Epoch(), Root: true, Trailer: true,
				Parents: []pack.Parent{{Name: "/app", Mode: 0o755 | os.ModeDir}}}},
		}
		segment := func(e *cachestore.Entry, job pack.Job) (digest string, reused bool) {
			t.Helper()
			segments, err := pack.Packer{Store: pack.DirStore{Dir: e.Packed()}, Temp: t.TempDir()}.Pack(t.Context(), []pack.Job{job})
			if err != nil {
				t.Fatal(err)
			}
			return segments[0][0].Digest, segments[0][0].Reused
		}
		digest, _ := segment(e, job)
		if err := e.Save(t.Context(), b.tree, b.indexes); err != nil {
			t.Fatal(err)
		}
		image, err := name.NewTag(m.host + "/app:v1")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.cache.Push(t.Context(), e, b.tree, []pack.Job{job}, oci.Registry{Tag: image}); err != nil {
			t.Fatal(err)
		}
		if got := m.blob(t, "launched"); got != digest {
			t.Errorf("the cache has the blob %s, the image %s", got, digest)
		}

		elsewhere, missed := m.begin(t)
		defer shut(t, elsewhere)
		next := finish(t, elsewhere)
		job.Part.Dir, job.Part.Index = next.tree.LaunchLayers[0].Dir.Host, next.indexes[layer.ID()]
		key := job.Part.Key(job.Shapes[0])
		first, _ := pack.DirStore{Dir: e.Packed()}.Lookup(key)
		second, _ := pack.DirStore{Dir: elsewhere.Packed()}.Lookup(key)
		if diff := cmp.Diff(first.Members, second.Members); diff != "" || len(first.Members) == 0 {
			t.Errorf("members of the segment (-here +elsewhere):\n%s", diff)
		}
		if again, reused := segment(elsewhere, job); again != digest || !reused || len(missed) > 0 {
			t.Errorf("missed %v; the segment is %s, reused: %v; expected %s", missed, again, reused, digest)
		}
	})
}
