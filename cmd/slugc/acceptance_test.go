//go:build acceptance

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/slugc/slugc/release"
)

// These tests run the binary that make build leaves, on the example apps, with
// the registries that this machine's own clients use.

// slugc is a way to run the binary.
type slugc struct {
	t    *testing.T
	dir  string
	home string
	env  []string
	// user runs it as someone else.
	user *syscall.Credential
}

func newSlugc(t *testing.T) *slugc {
	t.Helper()
	dir := t.TempDir()
	return &slugc{t: t, dir: dir, home: filepath.Join(dir, "home")}
}

func binary(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../out/slugc")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("no %s; run make build", path)
	}
	return path
}

func example(t *testing.T, app string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../../testdata/apps", app))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// command is slugc with arguments, in the directory of the test.
func (s *slugc) command(ctx context.Context, args ...string) *exec.Cmd {
	s.t.Helper()
	c := exec.CommandContext(ctx, binary(s.t), args...)
	c.Dir = s.dir
	c.Env = append([]string{"HOME=" + s.home, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}, s.env...)
	for _, name := range clientVariables {
		if v := os.Getenv(name); v != "" {
			c.Env = append(c.Env, name+"="+v)
		}
	}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.user}
	return c
}

// run runs slugc and returns its exit code and what it printed on both
// streams.
func (s *slugc) run(args ...string) (code int, output string) {
	s.t.Helper()
	out, err := s.command(s.t.Context(), args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	if exit != nil {
		code = exit.ExitCode()
	}
	return code, string(out)
}

// must runs slugc, which has to end well.
func (s *slugc) must(args ...string) string {
	s.t.Helper()
	code, output := s.run(args...)
	if code != 0 {
		s.t.Fatalf("slugc %s: exit code %d\n%s", strings.Join(args, " "), code, output)
	}
	return output
}

// holds fails the test unless a command ended with an exit code, and printed some parts.
func holds(t *testing.T, out string, code, want int, parts ...string) {
	t.Helper()
	if code != want {
		t.Errorf("exit code %d, want %d", code, want)
	}
	for _, part := range parts {
		if !strings.Contains(out, part) {
			t.Errorf("no %q", part)
		}
	}
	if t.Failed() {
		t.Fatal(out)
	}
}

// record reads a release record and returns the digests of its artifacts.
func (s *slugc) record(file string) (release.Record, []string) {
	s.t.Helper()
	r, err := release.ReadFile(filepath.Join(s.dir, file))
	if err != nil {
		s.t.Fatal(err)
	}
	var digests []string
	for _, a := range r.Artifacts {
		digests = append(digests, a.Digest)
	}
	return r, digests
}

// copyApp copies an example app as another person at another time would have
// it.
func (s *slugc) copyApp(app, to string, when time.Time, uid int) string {
	s.t.Helper()
	dir := filepath.Join(s.dir, to)
	if err := os.CopyFS(dir, os.DirFS(example(s.t, app))); err != nil {
		s.t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if os.Getuid() == 0 {
			if err := os.Lchown(path, uid, uid); err != nil {
				return err
			}
		}
		return os.Chtimes(path, when, when)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return dir
}

// web is a running web process.
type web struct {
	t      *testing.T
	cmd    *exec.Cmd
	log    *lockedBuffer
	url    string
	waited chan error
}

// serve starts a command whose app listens on a port, and waits until it
// answers.
func serve(t *testing.T, cmd *exec.Cmd, port int) *web {
	t.Helper()
	w := &web{t: t, cmd: cmd, log: &lockedBuffer{}, url: fmt.Sprintf("http://127.0.0.1:%d/", port), waited: make(chan error, 1)}
	cmd.Stdout, cmd.Stderr = w.log, w.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { w.waited <- cmd.Wait() }()
	t.Cleanup(func() {
		if w.waited != nil {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
			<-w.waited
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			conn.Close()
			return w
		}
		select {
		case err := <-w.waited:
			w.waited = nil
			t.Fatalf("the app ended before it listened: %v\n%s", err, w.log)
		case <-ctx.Done():
			t.Fatalf("the app does not listen\n%s", w.log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// get fetches the page.
func (w *web) get() string {
	w.t.Helper()
	answer, err := http.Get(w.url)
	if err != nil {
		w.t.Fatalf("%v\n%s", err, w.log)
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		w.t.Fatalf("status %s (%v)\n%s\n%s", answer.Status, err, page, w.log)
	}
	return string(page)
}

// stop sends SIGTERM and returns the exit code.
func (w *web) stop() int {
	w.t.Helper()
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		w.t.Fatal(err)
	}
	select {
	case <-w.waited:
	case <-time.After(time.Minute):
		w.t.Fatalf("it does not end\n%s", w.log)
	}
	w.waited = nil
	return w.cmd.ProcessState.ExitCode()
}

// givenPorts are those that freePort has returned.
var givenPorts sync.Map

// freePort is a port that nobody listens on. It lies below those from which systems
// choose for who asks for any (on Linux from 32768 on), so that until the app listens
// it is not given to another test or to the client of one.
func freePort(t *testing.T) int {
	t.Helper()
	const lowest, many = 12000, 20000
	for range 100 {
		port := lowest + rand.IntN(many)
		if _, given := givenPorts.LoadOrStore(port, true); given {
			continue
		}
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		l.Close()
		return port
	}
	t.Fatal("a hundred ports are taken")
	return 0
}

var greeting = regexp.MustCompile(`Node(\.js)? v?[0-9]+`)

func TestExpress(t *testing.T) {
	t.Parallel()
	s := newSlugc(t)
	first := s.copyApp("nodejs-express", "one/app", time.Unix(1e9, 0), 12345)
	second := s.copyApp("nodejs-express", "two/app", time.Now(), 0)

	out := s.must("build", first, "-o", "slug:a.tgz", "-o", "oci:a", "--run-image", "scratch", "--metadata", "a.json", "--cache", "cache-a")
	for _, want := range []string{"-----> Building app", "slugc/nodejs", "slugc/procfile"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	s.must("build", second, "-o", "slug:b.tgz", "-o", "oci:b", "--run-image", "scratch", "--metadata", "b.json", "--cache", "cache-b")

	t.Run("two cold builds give the same bytes", func(t *testing.T) {
		recordA, a := s.record("a.json")
		recordB, b := s.record("b.json")
		if strings.Join(a, " ") != strings.Join(b, " ") {
			t.Errorf("digests differ:\n%v\n%v\n%v\n%v", a, b, recordA.Layers, recordB.Layers)
		}
		if recordA.Source.Digest != recordB.Source.Digest {
			t.Errorf("source digests differ")
		}
		if recordA.ProcessTypes["web"] != "node server.js" {
			t.Errorf("process types: %v", recordA.ProcessTypes)
		}
	})

	t.Run("an unchanged rebuild reuses everything", func(t *testing.T) {
		before, err := os.Stat(filepath.Join(s.dir, "a.tgz"))
		if err != nil {
			t.Fatal(err)
		}
		_, cold := s.record("a.json")
		s.t = t
		// Nothing is asked of the network: it is cut off.
		out := s.must("build", first, "-o", "slug:a.tgz", "-o", "oci:a", "--run-image", "scratch", "--metadata", "a.json", "--cache", "cache-a", "--offline")
		if !regexp.MustCompile(`All \d+ segments reused`).MatchString(out) {
			t.Errorf("something was packed again:\n%s", out)
		}
		if _, warm := s.record("a.json"); strings.Join(cold, " ") != strings.Join(warm, " ") {
			t.Errorf("digests: cold %v, warm %v", cold, warm)
		}
		if after, err := os.Stat(filepath.Join(s.dir, "a.tgz")); err != nil || !os.SameFile(before, after) {
			t.Errorf("the slug was written again (%v)", err)
		}
	})

	t.Run("a changed line repacks the app alone", func(t *testing.T) {
		s.t = t
		edit := filepath.Join(second, "server.js")
		text, err := os.ReadFile(edit)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(edit, append(text, "// changed\n"...), 0o644); err != nil {
			t.Fatal(err)
		}
		out := s.must("build", second, "-o", "slug:c.tgz", "-o", "oci:c", "--run-image", "scratch", "--metadata", "c.json", "--cache", "cache-b", "--offline")
		if !strings.Contains(out, "Packed again: app; ") {
			t.Errorf("expected the app to be packed again, and nothing else:\n%s", out)
		}
		old, _ := s.record("b.json")
		now, digests := s.record("c.json")
		if digests[0] == old.Artifacts[0].Digest {
			t.Error("the slug did not change")
		}
		for i, l := range now.Layers {
			if same := l == old.Layers[i]; same == (l.Name == "app") {
				t.Errorf("layer %s: unchanged is %v", l.Name, same)
			}
		}
	})

	t.Run("the slug is what every runner expects", func(t *testing.T) {
		listing, err := exec.CommandContext(t.Context(), "tar", "--numeric-owner", "-tzvf", filepath.Join(s.dir, "a.tgz")).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, listing)
		}
		entry := regexp.MustCompile(`^[-dl]\S+ 0/0 +\d+ 1980-01-01 00:00 \./app/`)
		for line := range strings.Lines(string(listing)) {
			if !entry.MatchString(line) {
				t.Fatalf("unexpected entry: %s", line)
			}
		}
	})

	t.Run("plain bash starts it on a machine without slugc", func(t *testing.T) {
		root := t.TempDir()
		if out, err := exec.CommandContext(t.Context(), "tar", "-xzf", filepath.Join(s.dir, "a.tgz"), "-C", root).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		port := freePort(t)
		runner := exec.CommandContext(t.Context(), "env", "-i", "HOME="+root+"/app", "PATH=/usr/bin:/bin", fmt.Sprintf("PORT=%d", port), "bash", "-c",
			`cd "$HOME"; for f in .profile.d/*.sh; do . "$f"; done; eval "exec $(sed -n 's/^web: //p' Procfile)"`)
		w := serve(t, runner, port)
		if page := w.get(); !greeting.MatchString(page) {
			t.Errorf("page:\n%s", page)
		}
		if code := w.stop(); code != 0 {
			t.Errorf("exit code %d\n%s", code, w.log)
		}
	})

	t.Run("slugc run serves it", func(t *testing.T) {
		port := freePort(t)
		s.t, s.env = t, []string{fmt.Sprintf("PORT=%d", port)}
		w := serve(t, s.command(t.Context(), "run", "slug:a.tgz"), port)
		if page := w.get(); !greeting.MatchString(page) {
			t.Errorf("page:\n%s", page)
		}
		if code := w.stop(); code != 0 {
			t.Errorf("exit code %d\n%s", code, w.log)
		}
		if out := s.must("run", "slug:a.tgz", "-e", "NODE_ENV=other", "--", "sh", "-c", "echo $HOME $NODE_ENV $WEB_CONCURRENCY; pwd; node -p process.version; npm --version"); !regexp.MustCompile(`(?m)^/app other \d+\n/app\nv\d+\.\d+\.\d+\n\d+\.`).MatchString(out) {
			t.Errorf("got\n%s", out)
		}
	})

	t.Run("the image is in order and travels", func(t *testing.T) {
		index, err := layout.ImageIndexFromPath(filepath.Join(s.dir, "a"))
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Index(index); err != nil {
			t.Error(err)
		}
		server := httptest.NewServer(registry.New(registry.Logger(logDiscard())))
		defer server.Close()
		ref := strings.TrimPrefix(server.URL, "http://") + "/test/app:v1"
		s.t = t
		s.must("build", first, "-o", "docker://"+ref, "-o", "oci-archive:a.tar", "--run-image", "scratch", "--metadata", "pushed.json", "--cache", "cache-a")
		tag, err := name.NewTag(ref)
		if err != nil {
			t.Fatal(err)
		}
		image, err := remote.Image(tag, remote.WithContext(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(image); err != nil {
			t.Error(err)
		}
		_, want := s.record("a.json")
		if digest := digestOf(t, image); digest != want[1] {
			t.Errorf("pulled %s, built %s", digest, want[1])
		}
		out := s.must("inspect", "docker://"+ref)
		for _, text := range []string{"web (default): node server.js", "slugc/nodejs:modules", "node_modules"} {
			if !strings.Contains(out, text) {
				t.Errorf("no %q in\n%s", text, out)
			}
		}
	})

	t.Run("an ordinary user gets the same", func(t *testing.T) {
		if os.Getuid() != 0 {
			t.Skip("needs root to become another user; an ordinary user ran all of the above")
		}
		user := newSlugc(t)
		user.user = &syscall.Credential{Uid: 65533, Gid: 65533, Groups: []uint32{}}
		user.copyApp("nodejs-express", "app", time.Now(), 0)
		open(t, user.dir)
		user.must("build", "app", "-o", "slug:a.tgz", "-o", "oci:a", "--run-image", "scratch", "--metadata", "a.json")
		_, want := s.record("a.json")
		if _, got := user.record("a.json"); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("digests: root %v, ordinary user %v", want, got)
		}
		port := freePort(t)
		user.env = []string{fmt.Sprintf("PORT=%d", port)}
		w := serve(t, user.command(t.Context(), "run", "slug:a.tgz", "web"), port)
		if page := w.get(); !greeting.MatchString(page) {
			t.Errorf("page:\n%s", page)
		}
		if code := w.stop(); code != 0 {
			t.Errorf("exit code %d\n%s", code, w.log)
		}
	})
}

func digestOf(t *testing.T, image v1.Image) string {
	t.Helper()
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

// open lets everyone write into a directory and pass those above it.
func open(t *testing.T, dir string) {
	t.Helper()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for up := filepath.Dir(dir); up != "/" && up != os.TempDir(); up = filepath.Dir(up) {
		if err := os.Chmod(up, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}
