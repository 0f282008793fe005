//go:build acceptance

package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// TestReleasedImage releases images of a registry, moves their tag, takes the registry
// away, and runs what was released.
func TestReleasedImage(t *testing.T) {
	t.Parallel()
	s := newStackedSlugc(t)
	s.env = append(s.env, "SLUGC_AUTHOR=ada")
	server := httptest.NewServer(registry.New(registry.Logger(logDiscard())))
	defer server.Close()
	ref := strings.TrimPrefix(server.URL, "http://") + "/shop:v1"
	app := s.copyApp("nodejs-express", "app", time.Now(), 0)
	procfile := filepath.Join(app, "Procfile")
	lines, err := os.ReadFile(procfile)
	if err != nil {
		t.Fatal(err)
	}
	write := func(release string) {
		t.Helper()
		if err := os.WriteFile(procfile, append(lines, release...), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("\nrelease: echo releasing as $DYNO with node $(node -p 1+1) and $GREETING\n")
	s.must("build", app, "--stack", "slugc-13", "-o", "docker://"+ref, "-o", "oci:image:v1")

	// Without a release, an image of a layout or of a registry.
	if out := s.must("run", "oci:image:v1", "-e", "A=b c", "--", "sh", "-c", `. /etc/os-release; echo "$ID $A $HOME $PWD"; node -p process.version`); !regexp.MustCompile(`debian b c /app /app\nv\d`).MatchString(out) {
		t.Errorf("got\n%s", out)
	}
	if out := s.must("run", "docker://"+ref, "release", "and", "more"); !strings.Contains(out, "releasing as release.1 with node 2 and") {
		t.Errorf("got\n%s", out)
	}
	if code, out := s.run("run", "oci:image:v1", "--stack", "slugc-13"); code != 2 || !strings.Contains(out, "an image runs on what it has") {
		t.Errorf("got %d\n%s", code, out)
	}

	s.must("config", "set", "shop", "GREETING=hello")
	if out := s.must("release", "create", "shop", "--image", "docker://"+ref); !regexp.MustCompile(`releasing as release\.\d{4} with node 2 and (hello|\[redacted\])`).MatchString(out) {
		t.Errorf("got\n%s", out)
	}
	first, err := remote.Image(tag(t, ref))
	if err != nil {
		t.Fatal(err)
	}
	// Somebody moves the tag, to what would not even start.
	write("\nrelease: exit 9\n")
	s.must("build", app, "--stack", "slugc-13", "-o", "docker://"+ref)
	if code, out := s.run("release", "create", "shop", "--image", "docker://"+ref); code != 51 || !strings.Contains(out, "v2 stays the current release") {
		t.Errorf("got %d\n%s", code, out)
	}
	server.Close()
	if out := s.must("release", "show", "shop"); !strings.Contains(out, digestOf(t, first)) {
		t.Errorf("released\n%s", out)
	}

	// From here on there is neither the registry nor the cache.
	if err := os.RemoveAll(filepath.Join(s.home, ".cache")); err != nil {
		t.Fatal(err)
	}
	r := startApp(t, s, "shop", "web=2", "worker=1")
	for _, process := range []string{"web.1", "web.2", "worker.1"} {
		r.await("heroku\\[" + process + "\\]: State changed from starting to up")
	}
	resp, err := server.Client().Get(r.url + "/quotes.json")
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close() != nil || resp.StatusCode != 200 {
		t.Errorf("answered %s", resp.Status)
	}
	if out := s.must("run", "shop", "--memory", "2G", "--", "sh", "-c", "echo $MEMORY_AVAILABLE $GREETING $HEROKU_RELEASE_VERSION"); !strings.Contains(out, "2048 hello v2") {
		t.Errorf("got\n%s", out)
	}
	// It has files of its own, and layers that nobody writes.
	if out := s.must("run", "shop", "--", "sh", "-c", "echo more >>package.json && test ! -w .slugc/layers && echo $DYNO"); !regexp.MustCompile(`run\.\d{4}`).MatchString(out) {
		t.Errorf("got\n%s", out)
	}
	s.must("config", "set", "shop", "GREETING=bye")
	r.replaced("v4")
	s.must("release", "rollback", "shop", "v2")
	r.replaced("v5")
	r.end()
	if out := s.must("apps", "destroy", "shop", "--confirm", "shop"); !strings.Contains(out, "and 2 images") {
		t.Errorf("got\n%s", out)
	}
	left, err := filepath.Glob(filepath.Join(s.home, ".local/share/slugc/images/*/*"))
	if err != nil || len(left) > 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
}

func tag(t *testing.T, ref string) name.Reference {
	t.Helper()
	parsed, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}
