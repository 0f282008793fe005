package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
)

// watched is a registry that notes what it is asked.
type watched struct {
	host string
	mu   sync.Mutex
	// uploads are the uploads of blobs that were completed.
	uploads int
	// turnAway answers instead of the registry if it returns true.
	turnAway func(w http.ResponseWriter, r *http.Request) bool
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	w := &watched{}
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/blobs/uploads/") {
			w.uploads++
		}
		away := w.turnAway
		w.mu.Unlock()
		if away == nil || !away(answer, r) {
			handler.ServeHTTP(answer, r)
		}
	}))
	t.Cleanup(server.Close)
	w.host = strings.TrimPrefix(server.URL, "http://")
	return w
}

// uploaded is how many blobs were sent since it was asked last.
func (w *watched) uploaded() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.uploads
	w.uploads = 0
	return n
}

// pusher builds an app with a buildpack that has a layer for processes.
type pusher struct {
	t   *testing.T
	dir string
}

func newPusher(t *testing.T) pusher {
	t.Helper()
	p := pusher{t, t.TempDir()}
	for file, text := range map[string]string{
		"app/file":          "content\n",
		"bp/buildpack.toml": "api = \"0.10\"\n[buildpack]\nid = \"test/keeper\"\nversion = \"1.0.0\"\n",
		"bp/bin/detect":     "#!/bin/sh\n",
		"bp/bin/build": `#!/bin/bash
set -eu
cd "$1"
if grep -qs 'made = true' kept.toml; then echo "keeping the layer"; else echo "making the layer"; mkdir kept; echo x >kept/x; fi
printf '[types]\nlaunch = true\n[metadata]\nmade = true\n' >kept.toml
printf '[[processes]]\ntype = "web"\ncommand = ["true"]\n' >launch.toml
`,
	} {
		name := filepath.Join(p.dir, file)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// build builds and pushes, with a cache of its own.
func (p pusher) build(cache string, dests ...string) (code int, stdout, stderr string) {
	p.t.Helper()
	args := []string{
		"build", filepath.Join(p.dir, "app"), "-b", filepath.Join(p.dir, "bp"), "--run-image", "scratch",
		"--cache", filepath.Join(p.dir, cache), "--metadata", filepath.Join(p.dir, "release.json"),
	}
	for _, dest := range dests {
		args = append(args, "-o", dest)
	}
	var out, errOut bytes.Buffer
	code = run(p.t.Context(), args, strings.NewReader(""), &out, &errOut, []string{"HOME=" + p.dir})
	return code, out.String(), errOut.String()
}

// TestPushEverywhere is one image with several tags, in several registries.
func TestPushEverywhere(t *testing.T) {
	one, two, p := newWatched(t), newWatched(t), newPusher(t)
	dests := []string{
		"docker://" + one.host + "/app:1", "docker://" + one.host + "/team/app:1", "docker://" + one.host + "/app:latest", "docker://" + two.host + "/app:1",
	}
	if code, stdout, stderr := p.build("cache", dests...); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	var record struct {
		Artifacts []struct{ Kind, Ref, Digest string }
	}
	text, err := os.ReadFile(filepath.Join(p.dir, "release.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &record); err != nil {
		t.Fatal(err)
	}
	if len(record.Artifacts) != len(dests) {
		t.Fatalf("the record has the artifacts %v", record.Artifacts)
	}
	for i, a := range record.Artifacts {
		if "docker://"+a.Ref != dests[i] || a.Kind != "docker" || a.Digest != record.Artifacts[0].Digest {
			t.Errorf("artifact %d is %v", i, a)
		}
	}
	if blobs, sent := two.uploaded(), one.uploaded(); sent != blobs || blobs == 0 {
		t.Errorf("%d blobs were sent to a registry with three tags, %d to one with one", sent, blobs)
	}

	// A machine that never built the app finds its layers in the first of them.
	code, stdout, stderr := p.build("fresh", dests...)
	if code != 0 || !strings.Contains(stdout, "keeping the layer") || stderr != "" {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if sent := one.uploaded() + two.uploaded(); sent != 0 {
		t.Errorf("%d blobs were sent again", sent)
	}
	again, err := os.ReadFile(filepath.Join(p.dir, "release.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, again) {
		t.Errorf("the record changed:\n%s\n%s", text, again)
	}
}

// TestPushRefused is a registry that takes no image: nobody waits for a build to
// learn it.
func TestPushRefused(t *testing.T) {
	for status, want := range map[int]struct {
		code int
		text string
	}{
		http.StatusUnauthorized: {62, "docker login "},
		http.StatusForbidden:    {62, "docker login "},
	} {
		registry, p := newWatched(t), newPusher(t)
		registry.turnAway = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost {
				w.WriteHeader(status)
			}
			return r.Method == http.MethodPost
		}
		code, stdout, stderr := p.build("cache", "docker://"+registry.host+"/app:1")
		if code != want.code || !strings.Contains(stderr, want.text) || strings.Contains(stdout, "making the layer") {
			t.Errorf("%d: exit code %d\n%s%s", status, code, stdout, stderr)
		}
	}
}
