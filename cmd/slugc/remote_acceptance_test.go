//go:build acceptance

package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
)

// TestRemoteCache builds an app on machines that have nothing but a cache in a
// registry.
func TestRemoteCache(t *testing.T) {
	t.Parallel()
	var writes atomic.Int64
	var closed atomic.Bool
	handler := registry.New(registry.Logger(logDiscard()))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if closed.Load() && strings.HasPrefix(r.URL.Path, "/v2/cache/") {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		if r.Method == http.MethodPut {
			writes.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")

	// machine is a build on a new one.
	machine := func() (output string, digests []string, took time.Duration) {
		t.Helper()
		s := newSlugc(t)
		s.copyApp("nodejs-express", "app", time.Now(), 0)
		began := time.Now()
		output = s.must("build", "app", "-o", "slug:s.tgz", "-o", "docker://"+host+"/app:v1", "--run-image", "scratch",
			"--cache", "docker://"+host+"/cache/app:main")
		took = time.Since(began)
		_, digests = s.record("s.tgz.json")
		return output, digests, took
	}
	output, want, cold := machine()
	if !strings.Contains(output, "Nothing there yet") || !strings.Contains(output, "Running npm ci") {
		t.Errorf("the first build says\n%s", output)
	}
	before := writes.Load()
	output, got, warm := machine()
	t.Logf("without a cache %v, with that of another machine %v", cold, warm)
	if strings.Contains(output, "Running npm ci") || strings.Contains(output, " !     ") || !strings.Contains(output, "Nothing has changed") {
		t.Errorf("the second build says\n%s", output)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("digests (-first +second):\n%s", diff)
	}
	if after := writes.Load(); after != before {
		t.Errorf("the second build sent %d blobs and manifests", after-before)
	}

	closed.Store(true)
	s := newSlugc(t)
	s.helloApp()
	output = s.must("build", "app", "-b", hello(t), "--cache", "docker://"+host+"/cache/app:main")
	if strings.Count(output, "docker login") != 2 {
		t.Errorf("the build whose cache is closed says\n%s", output)
	}
}
