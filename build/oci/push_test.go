package oci_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/ocitest"
)

// counting remembers the requests that pass.
type counting struct {
	mu       sync.Mutex
	requests []string
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.requests = append(c.requests, r.Method+" "+r.URL.Path)
	c.mu.Unlock()
	return http.DefaultTransport.RoundTrip(r)
}

// blobs are the requests with a method for blobs.
func (c *counting) blobs(method string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []string
	for _, request := range c.requests {
		if strings.HasPrefix(request, method+" ") && strings.Contains(request, "/blobs/") {
			found = append(found, request)
		}
	}
	return found
}

// turning is an answer to a request in the place of the registry's. It says
// whether it was given; n is the number of those given before.
type turning func(n int, w http.ResponseWriter, r *http.Request) bool

// flaky is a registry that turns some requests away.
type flaky struct {
	registry http.Handler
	away     turning
	turned   atomic.Int32
}

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := f.turned.Add(1)
	if !f.away(int(n-1), w, r) {
		f.turned.Add(-1)
		f.registry.ServeHTTP(w, r)
	}
}

// flakyRegistry starts a flaky registry.
func flakyRegistry(t *testing.T, away turning) (*flaky, string) {
	t.Helper()
	f := &flaky{registry: registry.New(registry.Logger(log.New(io.Discard, "", 0))), away: away}
	server := httptest.NewUnstartedServer(f)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	return f, strings.TrimPrefix(server.URL, "http://")
}

func tagOf(t *testing.T, ref string) name.Tag {
	t.Helper()
	tag, err := name.NewTag(ref)
	must(t, err)
	return tag
}

func isUpload(r *http.Request) bool { return strings.Contains(r.URL.Path, "/blobs/uploads/") }

func TestRegistry(t *testing.T) {
	spec.Run(t, "Registry", func(t *testing.T, when spec.G, it spec.S) {
		const soon = time.Millisecond

		it("holds the image", func() {
			image, tag := anImage(t), tagOf(t, aRegistry(t)+"/some/app:v1")
			var done, total int64
			made, err := oci.Registry{Tag: tag, Progress: func(d, of int64) { done, total = d, of }}.Export(t.Context(), image)
			must(t, err)
			read, err := remote.Image(tag)
			must(t, err)
			ocitest.Valid(t, read)
			if want := ocitest.DigestOf(t, image); ocitest.DigestOf(t, read) != want || made.Digest != want || made.Kind != "docker" || made.Ref != tag.String() {
				t.Errorf("returned %+v, want the digest %s", made, want)
			}
			if done == 0 || done > total {
				t.Errorf("the progress ended at %d of %d", done, total)
			}
		})

		it("sends what the registry has not", func() {
			host := aRegistry(t)
			_, err := oci.Registry{Tag: tagOf(t, host+"/app:v1")}.Export(t.Context(), anImage(t))
			must(t, err)
			counter := &counting{}
			_, err = oci.Registry{Tag: tagOf(t, host+"/app:v2"), Transport: counter}.Export(t.Context(), anotherImage(t))
			must(t, err)
			// The app, one layer, the config.
			if sent := counter.blobs("PATCH"); len(sent) != 3 {
				t.Errorf("%d blobs were sent, want 3", len(sent))
			}
			counter = &counting{}
			_, err = oci.Registry{Tag: tagOf(t, host+"/app:v2"), Transport: counter}.Export(t.Context(), anotherImage(t))
			must(t, err)
			if last := counter.requests[len(counter.requests)-1]; len(counter.blobs("HEAD")) != 0 || last != "GET /v2/app/manifests/v2" {
				t.Errorf("an unchanged image took the requests %q", counter.requests)
			}
		})

		it("does not ask about the layers of the image that it replaces", func() {
			host := aRegistry(t)
			tag := tagOf(t, host+"/app:v1")
			_, err := oci.Registry{Tag: tag}.Export(t.Context(), anImage(t))
			must(t, err)
			counter := &counting{}
			next := anotherImage(t)
			_, err = oci.Registry{Tag: tag, Transport: counter}.Export(t.Context(), next)
			must(t, err)
			// The app, one layer, the config.
			if asked := counter.blobs("HEAD"); len(asked) != 3 {
				t.Errorf("%d blobs were asked about, want 3: %q", len(asked), counter.requests)
			}
			read, err := remote.Image(tag)
			must(t, err)
			ocitest.Valid(t, read)
			if ocitest.DigestOf(t, read) != ocitest.DigestOf(t, next) {
				t.Error("the tag names another image")
			}
		})

		it("sends layers that a registry lost of the image that it replaces", func() {
			lost := 0
			_, host := flakyRegistry(t, func(_ int, w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/manifests/v1") {
					return false
				}
				if lost++; lost != 2 {
					return false
				}
				w.WriteHeader(http.StatusBadRequest)
				_, err := io.WriteString(w, `{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry"}]}`)
				return err == nil
			})
			tag := tagOf(t, host+"/app:v1")
			_, err := oci.Registry{Tag: tag}.Export(t.Context(), anImage(t))
			must(t, err)
			counter := &counting{}
			next := anotherImage(t)
			_, err = oci.Registry{Tag: tag, Transport: counter}.Export(t.Context(), next)
			must(t, err)
			layers, err := next.Layers()
			must(t, err)
			asked := map[string]bool{}
			for _, request := range counter.blobs("HEAD") {
				asked[request] = true
			}
			if lost != 3 || len(asked) != len(layers)+1 {
				t.Errorf("the manifest was sent %d times, %d of %d blobs were asked about", lost, len(asked), len(layers)+1)
			}
		})

		it("mounts the base from another repository", func() {
			host := aRegistry(t)
			tag := tagOf(t, host+"/base:1")
			must(t, remote.Write(tag, ocitest.Base(t, types.DockerManifestSchema2).Image))
			counter := &counting{}
			r := ocitest.Recipe(t, t.TempDir())
			var err error
			r.Base, err = oci.Opener{Target: amd64, Transport: counter}.Open(t.Context(), tag.String())
			must(t, err)
			_, err = oci.Registry{Tag: tagOf(t, host+"/app:1")}.Export(t.Context(), ocitest.Make(t, r))
			must(t, err)
			if got := counter.blobs("GET"); len(got) != 1 {
				t.Errorf("read the blobs %q of the base, want its config", got)
			}
			read, err := remote.Image(tagOf(t, host+"/app:1"))
			must(t, err)
			ocitest.Valid(t, read)
		})

		when("the registry fails for now", func() {
			for problem, turnAway := range map[string]func(w http.ResponseWriter, r *http.Request){
				"500":                 func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
				"503":                 func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
				"429":                 func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
				"a broken connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
				"half an upload": func(_ http.ResponseWriter, r *http.Request) {
					if _, err := io.CopyN(io.Discard, r.Body, r.ContentLength/2); err != nil {
						panic(err)
					}
					panic(http.ErrAbortHandler)
				},
			} {
				it("tries again after "+problem, func() {
					_, host := flakyRegistry(t, func(n int, w http.ResponseWriter, r *http.Request) bool {
						if n >= 2 || r.Method != http.MethodPatch {
							return false
						}
						turnAway(w, r)
						return true
					})
					image := anImage(t)
					_, err := oci.Registry{Tag: tagOf(t, host+"/app:v1"), Backoff: soon}.Export(t.Context(), image)
					must(t, err)
					read, err := remote.Image(tagOf(t, host+"/app:v1"))
					must(t, err)
					ocitest.Valid(t, read)
				})
			}

			it("gives up in the end, and says that it may work later", func() {
				_, host := flakyRegistry(t, func(_ int, w http.ResponseWriter, r *http.Request) bool {
					if isUpload(r) {
						w.WriteHeader(http.StatusBadGateway)
					}
					return isUpload(r)
				})
				expectPushError(t, host, oci.Temporary, "try again later")
			})

			it("says so of a registry that does not answer", func() {
				server := httptest.NewServer(http.NotFoundHandler())
				server.Close()
				expectPushError(t, strings.TrimPrefix(server.URL, "http://"), oci.Temporary, "refused")
			})

			it("ends its wait with the context", func() {
				_, host := flakyRegistry(t, func(_ int, w http.ResponseWriter, r *http.Request) bool {
					if isUpload(r) {
						w.WriteHeader(http.StatusServiceUnavailable)
					}
					return isUpload(r)
				})
				image := anImage(t)
				ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
				defer cancel()
				_, err := oci.Registry{Tag: tagOf(t, host+"/app:v1"), Backoff: time.Hour}.Export(ctx, image)
				if _, isPush := errors.AsType[*oci.PushError](err); !errors.Is(err, context.DeadlineExceeded) || isPush {
					t.Errorf("got the error %v", err)
				}
			})
		})

		when("the registry refuses", func() {
			for _, test := range []struct {
				status int
				reason oci.Reason
				want   string
			}{
				{http.StatusUnauthorized, oci.Denied, "docker login "},
				{http.StatusForbidden, oci.Denied, "docker login "},
				{http.StatusBadRequest, oci.Refused, "400"},
				{http.StatusRequestEntityTooLarge, oci.Refused, "413"},
			} {
				it("does not try again, and says why: "+http.StatusText(test.status), func() {
					f, host := flakyRegistry(t, func(_ int, w http.ResponseWriter, r *http.Request) bool {
						if r.Method == http.MethodPost {
							w.WriteHeader(test.status)
						}
						return r.Method == http.MethodPost
					})
					expectPushError(t, host, test.reason, test.want)
					// No more than one for each of the uploads that began together.
					if n := f.turned.Load(); n > 4 {
						t.Errorf("%d requests were refused", n)
					}
				})
			}
		})

		when("the registry wants credentials", func() {
			protected := func(t *testing.T) string {
				_, host := flakyRegistry(t, func(_ int, w http.ResponseWriter, r *http.Request) bool {
					if user, password, _ := r.BasicAuth(); user == "me" && password == "secret" {
						return false
					}
					w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
					w.WriteHeader(http.StatusUnauthorized)
					return true
				})
				return host
			}
			it("takes them from the keychain", func() {
				tag := tagOf(t, protected(t)+"/app:v1")
				_, err := oci.Registry{Tag: tag, Keychain: keychain{}, Backoff: soon}.Export(t.Context(), anImage(t))
				must(t, err)
				base, err := oci.Opener{Keychain: keychain{}}.Open(t.Context(), tag.String())
				must(t, err)
				ocitest.Valid(t, base.Image)
			})
			it("says that they are missing", func() {
				host := protected(t)
				expectPushError(t, host, oci.Denied, "docker login ")
				if _, err := (oci.Opener{}).Open(t.Context(), host+"/app:v1"); err == nil || !strings.Contains(err.Error(), "docker login "+host) {
					t.Errorf("got the error %v", err)
				}
			})
		})

		it("does not blame the registry for a layer that is not there", func() {
			image := withBroken(t, anImage(t), errors.New("the disk is on fire"))
			_, err := oci.Registry{Tag: tagOf(t, aRegistry(t)+"/app:v1"), Backoff: soon}.Export(t.Context(), image)
			push, ok := errors.AsType[*oci.PushError](err)
			if !ok || push.Reason != oci.Refused || !strings.Contains(err.Error(), "on fire") {
				t.Errorf("got the error %v", err)
			}
		})
	})
}

// keychain has the same credentials for every registry.
type keychain struct{}

func (keychain) Resolve(authn.Resource) (authn.Authenticator, error) {
	return &authn.Basic{Username: "me", Password: "secret"}, nil
}

func expectPushError(t *testing.T, host string, reason oci.Reason, want string) {
	t.Helper()
	_, err := oci.Registry{Tag: tagOf(t, host+"/app:v1"), Backoff: time.Millisecond}.Export(t.Context(), anImage(t))
	push, ok := errors.AsType[*oci.PushError](err)
	if !ok {
		t.Fatalf("got the error %v, want a PushError", err)
	}
	if push.Reason != reason || push.Temporary() != (reason == oci.Temporary) || !strings.Contains(err.Error(), want) ||
		!strings.Contains(err.Error(), "docker://"+host+"/app:v1") || push.Registry != host {
		t.Errorf("got the reason %s and the error %v, want %s and %q", push.Reason, err, reason, want)
	}
}

// scopedRegistry starts a registry in which each repository has the blobs that
// were sent to it or mounted there, and no others.
func scopedRegistry(t *testing.T) string {
	t.Helper()
	var mu sync.Mutex
	known := map[string]bool{}
	split := func(path string) (repository, digest string) {
		repository, rest, _ := strings.Cut(strings.TrimPrefix(path, "/v2/"), "/blobs/")
		return repository, rest
	}
	_, host := flakyRegistry(t, func(_ int, w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		repository, digest := split(r.URL.Path)
		asked := r.URL.Query()
		switch {
		case r.Method == http.MethodHead && digest != "" && !known[repository+"@"+digest]:
			w.WriteHeader(http.StatusNotFound)
			return true
		case r.Method == http.MethodPut && isUpload(r):
			known[repository+"@"+asked.Get("digest")] = true
		case r.Method == http.MethodPost && known[asked.Get("from")+"@"+asked.Get("mount")]:
			known[repository+"@"+asked.Get("mount")] = true
			w.WriteHeader(http.StatusCreated)
			return true
		}
		return false
	})
	return host
}

func TestPushBeside(t *testing.T) {
	host := scopedRegistry(t)
	image := anImage(t)
	first := tagOf(t, host+"/app:v1")
	_, err := oci.Registry{Tag: first}.Export(t.Context(), image)
	must(t, err)
	for beside, want := range map[*name.Tag]int{nil: len(image.Segments) + 1, &first: 1} {
		counter := &counting{}
		tag := tagOf(t, fmt.Sprintf("%s/mirror%d:v1", host, want))
		_, err = oci.Registry{Tag: tag, Transport: counter, Beside: beside}.Export(t.Context(), image)
		must(t, err)
		// The config is no layer, and is sent.
		if sent := counter.blobs("PATCH"); len(sent) != want {
			t.Errorf("%d blobs were sent to another repository of the registry, want %d", len(sent), want)
		}
		read, err := remote.Image(tag)
		must(t, err)
		ocitest.Valid(t, read)
	}
}

func TestPushBesideInRepository(t *testing.T) {
	host := scopedRegistry(t)
	image := anImage(t)
	first := tagOf(t, host+"/app:v1")
	_, err := oci.Registry{Tag: first}.Export(t.Context(), image)
	must(t, err)
	counter := &counting{}
	second := tagOf(t, host+"/app:v2")
	_, err = oci.Registry{Tag: second, Transport: counter, Beside: &first}.Export(t.Context(), image)
	must(t, err)
	if asked := append(counter.blobs("HEAD"), counter.blobs("POST")...); len(asked) != 0 {
		t.Errorf("the registry was asked %q", asked)
	}
	read, err := remote.Image(second)
	must(t, err)
	ocitest.Valid(t, read)

	// One that does not have all of it any more gets it whole.
	refused := 0
	_, other := flakyRegistry(t, func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/manifests/v2") || refused > 0 {
			return false
		}
		refused++
		w.WriteHeader(http.StatusNotFound)
		return true
	})
	first, second = tagOf(t, other+"/app:v1"), tagOf(t, other+"/app:v2")
	_, err = oci.Registry{Tag: second, Beside: &first}.Export(t.Context(), image)
	must(t, err)
	read, err = remote.Image(second)
	must(t, err)
	ocitest.Valid(t, read)
	if refused == 0 {
		t.Error("nothing was refused")
	}
}

func TestPushCheck(t *testing.T) {
	check := func(answer func(w http.ResponseWriter) bool) error {
		_, host := flakyRegistry(t, func(_ int, w http.ResponseWriter, r *http.Request) bool {
			return r.Method == http.MethodPost && answer(w)
		})
		return oci.Registry{Tag: tagOf(t, host+"/app:v1"), Backoff: time.Millisecond}.Check(t.Context())
	}
	status := func(code int) func(http.ResponseWriter) bool {
		return func(w http.ResponseWriter) bool { w.WriteHeader(code); return true }
	}
	if err := check(func(http.ResponseWriter) bool { return false }); err != nil {
		t.Error(err)
	}
	for code, want := range map[int]oci.Reason{
		http.StatusUnauthorized: oci.Denied, http.StatusForbidden: oci.Denied, http.StatusNotFound: oci.Refused,
		http.StatusTooManyRequests: oci.Temporary, http.StatusInternalServerError: oci.Temporary,
	} {
		err := check(status(code))
		if push, ok := errors.AsType[*oci.PushError](err); !ok || push.Reason != want {
			t.Errorf("%d: got the error %v, want %s", code, err, want)
		}
	}
	times := 0
	err := check(func(w http.ResponseWriter) bool {
		if times++; times > 2 {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	if err != nil || times != 3 {
		t.Errorf("after %d requests: %v", times, err)
	}
}
