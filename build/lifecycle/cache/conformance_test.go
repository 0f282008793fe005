package cache_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/lifecycle/cache"
	"github.com/slugc/slugc/build/lifecycle/target"
	"github.com/slugc/slugc/build/oci"
)

// medium is a kind of cache.
type medium struct {
	// open opens it as the next process does.
	open func() cache.Cache
	// damageMetadata and damage spoil it behind its back.
	damageMetadata func()
	damage         func(diffID string)
}

func TestVolumeConforms(t *testing.T) {
	spec.Run(t, "a volume", func(t *testing.T, _ spec.G, it spec.S) {
		testCache(t, it, func() medium {
			dir := t.TempDir()
			write := func(name string, data []byte) {
				if err := os.WriteFile(filepath.Join(dir, "committed", name), data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			return medium{
				open:           func() cache.Cache { return open(t, dir) },
				damageMetadata: func() { write(cache.MetadataName, []byte("{")) },
				damage: func(diffID string) {
					// The file may be the one that was added.
					if err := os.Remove(filepath.Join(dir, "committed", diffID+".tar")); err != nil {
						t.Fatal(err)
					}
					write(diffID+".tar", []byte("nothing"))
				},
			}
		})
	})
}

func TestImageConforms(t *testing.T) {
	spec.Run(t, "an image", func(t *testing.T, _ spec.G, it spec.S) {
		testCache(t, it, func() medium {
			r := newRegistry(t)
			return medium{
				open: func() cache.Cache { return r.open(false) },
				damageMetadata: func() {
					r.change(func(image v1.Image) (v1.Image, error) {
						return mutate.Config(image, v1.Config{Labels: map[string]string{cache.MetadataName: "{"}})
					})
				},
				damage: r.lose,
			}
		})
	})
}

// testCache is what every kind of cache does.
func testCache(t *testing.T, it spec.S, newMedium func() medium) {
	var (
		m      medium
		to     string
		diffID string
		files  map[bool]string
	)
	metadata := func(diffID string) cache.Metadata {
		return cache.Metadata{Buildpacks: []oci.BuildpackLayers{{ID: "b", Version: "1", Layers: map[string]oci.LayerMetadata{
			"l": {LayerRef: oci.LayerRef{SHA: diffID}, Data: map[string]any{"answer": "42"}, Cache: true, Launch: true},
		}}}}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	// segment is the layer in the form that a cache wants.
	segment := func(c cache.Cache) artifact.Segment {
		t.Helper()
		raw, err := os.ReadFile(files[true])
		must(err)
		data, err := os.ReadFile(files[c.Raw()])
		must(err)
		return artifact.Segment{
			Name: "b:l", DiffID: diffID, File: files[c.Raw()], Size: int64(len(data)), RawSize: int64(len(raw)),
			Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(data)),
		}
	}
	begin := func(c cache.Cache) cache.Update {
		t.Helper()
		u, err := c.Begin(t.Context())
		must(err)
		return u
	}
	full := func() {
		t.Helper()
		c := m.open()
		u := begin(c)
		must(u.Add(t.Context(), segment(c)))
		must(u.Commit(t.Context(), metadata(diffID)))
	}
	expect := func(want cache.Metadata) {
		t.Helper()
		got, err := m.open().Metadata(t.Context())
		must(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("metadata (-expected +got):\n%s", diff)
		}
	}
	refused := func(err error) {
		t.Helper()
		if _, ok := errors.AsType[*cache.LayerError](err); !ok {
			t.Errorf("got %v", err)
		}
		if entries, err := os.ReadDir(filepath.Dir(to)); err != nil || len(entries) > 0 {
			t.Errorf("it left %v, %v", entries, err)
		}
	}

	it.Before(func() {
		m, to = newMedium(), filepath.Join(t.TempDir(), "l")
		dir := t.TempDir()
		files = map[bool]string{}
		diffID, files[true] = layer(t, dir, tar.Header{Name: "/layers/b/l", Typeflag: tar.TypeDir, Mode: 0o755},
			tar.Header{Name: "/layers/b/l/run", Typeflag: tar.TypeReg, Mode: 0o755, Linkname: "hello"})
		raw, err := os.ReadFile(files[true])
		must(err)
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, err = w.Write(raw)
		must(errors.Join(err, w.Close()))
		files[false] = filepath.Join(dir, "made.tar.gz")
		must(os.WriteFile(files[false], packed.Bytes(), 0o600))
	})
	it("has nothing at first", func() {
		expect(cache.Metadata{})
		refused(m.open().Restore(t.Context(), diffID, "/layers/b/l", to))
		if err := begin(m.open()).Keep(t.Context(), diffID, true); err == nil {
			t.Error("it keeps what it has not")
		}
	})
	it("gives back what was committed", func() {
		full()
		expect(metadata(diffID))
		must(m.open().Restore(t.Context(), diffID, "/layers/b/l", to))
		info, err := os.Stat(filepath.Join(to, "run"))
		must(err)
		if info.Mode().Perm() != 0o755 || info.Size() != 5 {
			t.Errorf("got %v, %d bytes", info.Mode(), info.Size())
		}
	})
	it("keeps a layer without its contents", func() {
		full()
		for range 2 {
			u := begin(m.open())
			must(u.Keep(t.Context(), diffID, false))
			must(u.Keep(t.Context(), diffID, true))
			must(u.Commit(t.Context(), metadata(diffID)))
			must(u.Abort())
			if err := u.Commit(t.Context(), metadata(diffID)); err == nil {
				t.Error("it commits twice")
			}
		}
		must(m.open().Restore(t.Context(), diffID, "/layers/b/l", to))
	})
	it("forgets what nobody keeps", func() {
		full()
		must(begin(m.open()).Commit(t.Context(), cache.Metadata{}))
		expect(cache.Metadata{})
		refused(m.open().Restore(t.Context(), diffID, "/layers/b/l", to))
	})
	it("has the state from before when an update does not come to its end", func() {
		full()
		u := begin(m.open())
		expect(metadata(diffID))
		must(u.Abort())
		expect(metadata(diffID))
		must(m.open().Restore(t.Context(), diffID, "/layers/b/l", to))
	})
	it("reads damaged metadata as none", func() {
		full()
		m.damageMetadata()
		expect(cache.Metadata{})
		full()
		expect(metadata(diffID))
	})
	it("refuses a damaged layer", func() {
		full()
		m.damage(diffID)
		refused(m.open().Restore(t.Context(), diffID, "/layers/b/l", to))
		refused(begin(m.open()).Keep(t.Context(), diffID, false))
	})
	it("takes no diffID for a path", func() {
		full()
		for _, id := range []string{"", "../x", "sha256:none", diffID + "/"} {
			refused(m.open().Restore(t.Context(), id, "/layers/b/l", to))
		}
	})
	it("stops with its context", func() {
		full()
		ctx, cancel := context.WithCancel(t.Context())
		c := m.open()
		_, err := c.Metadata(ctx)
		must(err)
		cancel()
		if err := c.Restore(ctx, diffID, "/layers/b/l", to); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

// testRegistry counts what is written to it.
type testRegistry struct {
	t         *testing.T
	tag       name.Tag
	transport *counting
	warned    []string
}

// counting counts the requests of each kind, and answers for layers that are lost.
type counting struct {
	mu       sync.Mutex
	requests map[string]int
	lost     string
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	kind := "other"
	if strings.Contains(r.URL.Path, "/manifests/") {
		kind = "manifest"
	}
	c.mu.Lock()
	c.requests[r.Method+" "+kind]++
	c.mu.Unlock()
	if c.lost != "" && strings.HasSuffix(r.URL.Path, c.lost) {
		return &http.Response{StatusCode: http.StatusNotFound, Request: r, Body: io.NopCloser(strings.NewReader("")), Header: http.Header{}}, nil
	}
	return http.DefaultTransport.RoundTrip(r)
}

func newRegistry(t *testing.T) *testRegistry {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	tag, err := name.NewTag(server.Listener.Addr().String() + "/cache:1")
	if err != nil {
		t.Fatal(err)
	}
	return &testRegistry{t: t, tag: tag, transport: &counting{requests: map[string]int{}}}
}

func (r *testRegistry) open(deleteOld bool) *cache.Image {
	return &cache.Image{
		Name: r.tag.String(), Images: target.Registry{Transport: r.transport, Backoff: time.Millisecond}, DeleteOld: deleteOld,
		Warn: func(err error) { r.warned = append(r.warned, err.Error()) },
	}
}

func (r *testRegistry) image() v1.Image {
	r.t.Helper()
	image, err := remote.Image(r.tag)
	if err != nil {
		r.t.Fatal(err)
	}
	return image
}

func (r *testRegistry) change(how func(v1.Image) (v1.Image, error)) {
	r.t.Helper()
	image, err := how(r.image())
	if err == nil {
		err = remote.Write(r.tag, image)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// lose answers as if the registry had lost a layer.
func (r *testRegistry) lose(diffID string) {
	r.t.Helper()
	hash, err := v1.NewHash(diffID)
	if err != nil {
		r.t.Fatal(err)
	}
	layer, err := r.image().LayerByDiffID(hash)
	if err != nil {
		r.t.Fatal(err)
	}
	digest, err := layer.Digest()
	if err != nil {
		r.t.Fatal(err)
	}
	r.transport.lost = digest.String()
}

func TestImagePushes(t *testing.T) {
	r := newRegistry(t)
	commit := func(deleteOld bool, m cache.Metadata) {
		t.Helper()
		u, err := r.open(deleteOld).Begin(t.Context())
		if err == nil {
			err = u.Commit(t.Context(), m)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	first := cache.Metadata{Buildpacks: []oci.BuildpackLayers{{ID: "b", Version: "1"}}}
	commit(true, first)
	before, err := r.image().Digest()
	if err != nil {
		t.Fatal(err)
	}
	clear(r.transport.requests)
	commit(true, first)
	if r.transport.requests["PUT manifest"] != 0 || r.transport.requests["DELETE manifest"] != 0 {
		t.Errorf("the same image was pushed: %v", r.transport.requests)
	}
	commit(false, cache.Metadata{})
	old := r.tag.Context().Digest(before.String())
	if _, err := remote.Head(old); err != nil || r.transport.requests["DELETE manifest"] != 0 {
		t.Errorf("the old image was deleted: %v", err)
	}
	commit(true, first)
	commit(true, cache.Metadata{})
	if _, err := remote.Head(old); err == nil || r.transport.requests["DELETE manifest"] != 2 {
		t.Errorf("the old image is there, after %v", r.transport.requests)
	}
	if len(r.warned) > 0 {
		t.Errorf("it warned: %q", r.warned)
	}
}

func TestImageThatIsNotWhole(t *testing.T) {
	r := newRegistry(t)
	broken, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		OS: "linux", RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}}},
		Config: v1.Config{Labels: map[string]string{cache.MetadataName: `{"buildpacks":[{"key":"b"}]}`}},
	})
	if err == nil {
		err = remote.Write(r.tag, broken)
	}
	if err != nil {
		t.Fatal(err)
	}
	c := r.open(false)
	if m, err := c.Metadata(t.Context()); err != nil || len(m.Buildpacks) > 0 {
		t.Errorf("got %+v, %v", m, err)
	}
	if len(r.warned) != 1 || !strings.Contains(r.warned[0], "because it was corrupt") {
		t.Errorf("it warned: %q", r.warned)
	}
}
