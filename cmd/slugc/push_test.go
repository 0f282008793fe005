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
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/slugc/slugc/build/oci"
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
	var flags []string
	for _, dest := range dests {
		flags = append(flags, "-o", dest)
	}
	return p.run(cache, flags...)
}

// run builds with flags of the test.
func (p pusher) run(cache string, flags ...string) (code int, stdout, stderr string) {
	p.t.Helper()
	args := append([]string{
		"build", filepath.Join(p.dir, "app"), "-b", filepath.Join(p.dir, "bp"), "--run-image", "scratch",
		"--cache", filepath.Join(p.dir, cache), "--metadata", filepath.Join(p.dir, "release.json"),
	}, flags...)
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

// TestPushIndex is an app that machines of two kinds build, one after the other.
func TestPushIndex(t *testing.T) {
	there, p := newWatched(t), newPusher(t)
	ref, dir := there.host+"/app:1", filepath.Join(p.dir, "image")
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	dests := []string{"--index", "-o", "docker://" + ref, "-o", "oci:" + dir}
	build := func(cache string) (stdout string) {
		t.Helper()
		code, stdout, stderr := p.run(cache, dests...)
		if code != 0 || stderr != "" {
			t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
		}
		return stdout
	}
	index := func() (platforms, digests []string) {
		t.Helper()
		index, err := remote.Index(tag)
		if err == nil {
			err = validate.Index(index)
		}
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := index.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range manifest.Manifests {
			platforms, digests = append(platforms, d.Platform.String()), append(digests, d.Digest.String())
		}
		return platforms, digests
	}

	// Another machine was first, and knew nothing of an index.
	theirs, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "loong64", RootFS: v1.RootFS{Type: "layers"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, theirs); err != nil {
		t.Fatal(err)
	}
	own := "linux/" + runtime.GOARCH
	stdout := build("cache")
	if want := "docker://" + ref + " is the index sha256:"; !strings.Contains(stdout, want) || !strings.Contains(stdout, ": "+own+", linux/loong64\n") {
		t.Errorf("it does not say %q:\n%s", want, stdout)
	}
	platforms, digests := index()
	if digest, err := theirs.Digest(); err != nil || !slices.Equal(platforms, []string{own, "linux/loong64"}) || digests[1] != digest.String() {
		t.Fatalf("the index has %v %v", platforms, digests)
	}
	record, err := os.ReadFile(filepath.Join(p.dir, "release.json"))
	if err != nil || !strings.Contains(string(record), digests[0]) {
		t.Errorf("the record does not have %s: %v\n%s", digests[0], err, record)
	}

	// A machine of the first kind that has nothing finds its own layers in it.
	if stdout := build("fresh"); !strings.Contains(stdout, "keeping the layer") {
		t.Errorf("the layer was made again:\n%s", stdout)
	}
	// The other kind builds again; nobody loses anything.
	newer, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "loong64", Author: "newer", RootFS: v1.RootFS{Type: "layers"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (oci.Joined{To: oci.Registry{Tag: tag}}).Export(t.Context(), oci.Image{Image: newer}); err != nil {
		t.Fatal(err)
	}
	build("cache")
	again, now := index()
	if digest, err := newer.Digest(); err != nil || !slices.Equal(platforms, again) || now[0] != digests[0] || now[1] != digest.String() {
		t.Errorf("the index has %v %v", again, now)
	}
	// Who does not ask for an index gets none.
	if code, stdout, stderr := p.build("cache", "docker://"+ref); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if d, err := remote.Head(tag); err != nil || d.MediaType.IsIndex() {
		t.Errorf("%v, %v is an index", d, err)
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
