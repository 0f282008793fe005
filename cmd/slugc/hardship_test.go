//go:build acceptance

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/git-pkgs/purl"

	"github.com/slugc/slugc/stack/processtest"
)

func logDiscard() *log.Logger { return log.New(io.Discard, "", 0) }

// lockedBuffer is a buffer that may be read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func hello(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../testdata/buildpacks/hello")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// helloApp makes an app for the hello buildpack, with some bulk.
func (s *slugc) helloApp() {
	s.t.Helper()
	put(s.t, filepath.Join(s.dir, "app/hello.txt"), "world")
	for _, name := range []string{"a", "b", "c"} {
		put(s.t, filepath.Join(s.dir, "app", name, "bulk.txt"), strings.Repeat(name+" is one of many lines of text\n", 200_000))
	}
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestKilled kills builds by a classic buildpack and a CNB at random moments; the
// next one must not notice.
func TestKilled(t *testing.T) {
	t.Parallel()
	s := newSlugc(t)
	s.helloApp()
	build := []string{"build", "app", "-b", example(t, "../buildpacks/classic"), "-b", hello(t), "-o", "slug:out/a.tgz", "-o", "oci:out/a", "--run-image", "scratch", "--metadata", "out/a.json"}
	if err := os.Mkdir(filepath.Join(s.dir, "out"), 0o755); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s.must(build...)
	took := time.Since(began)
	_, want := s.record("out/a.json")

	random := rand.New(rand.NewPCG(1, uint64(began.UnixNano())))
	const kills = 100
	for i := range kills {
		if i%4 == 0 { // every so often from nothing
			ended(t, s.home)
			if err := os.RemoveAll(s.home); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(s.dir, "out")); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Join(s.dir, "out"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		signal := syscall.SIGKILL
		if i%3 == 0 {
			signal = syscall.SIGINT
		}
		cmd := s.command(context.Background(), build...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(time.Duration(random.Int64N(int64(took))), func() {
			if err := cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Error(err)
			}
		})
		if err := cmd.Wait(); err == nil {
			kill.Stop() // it was faster
		}
		// Nothing half-written stands under a final name.
		if _, err := os.Stat(filepath.Join(s.dir, "out/a.tgz")); err == nil {
			if out, err := exec.Command("gzip", "-t", filepath.Join(s.dir, "out/a.tgz")).CombinedOutput(); err != nil {
				t.Fatalf("kill %d left a broken slug: %v\n%s", i, err, out)
			}
		}
	}
	s.must(build...)
	if _, got := s.record("out/a.json"); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("digests: expected %v, got %v", want, got)
	}
	if out := s.must(build...); !strings.Contains(out, " segments reused") || strings.Contains(out, "again") {
		t.Errorf("the cache is not whole:\n%s", out)
	}
	if left := leftovers(t, filepath.Join(s.dir, "out")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if procs := processesWith(s.home); len(procs) > 0 {
		t.Errorf("still running: %v", procs)
	}
}

// ended waits until the processes of a build that was killed are gone: the
// kernel ends them when slugc has ended, not before.
func ended(t *testing.T, home string) {
	t.Helper()
	limit := time.Now().Add(10 * time.Second)
	for left := processesWith(home); len(left) > 0; left = processesWith(home) {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(left[0])))
		if err != nil {
			t.Fatal(err)
		}
		processtest.Ended(t, pid, limit)
	}
}

// leftovers are the names in a directory that no artifact has.
func leftovers(t *testing.T, dir string) (left []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		switch e.Name() {
		case "a.tgz", "a.json", "a":
		default:
			left = append(left, e.Name())
		}
	}
	return left
}

// processesWith are the processes that know a directory of the test: by their
// environment or, in a sandbox, by what is mounted there.
func processesWith(dir string) (found []string) {
	// A mount is told by its path in its file system, which may begin anywhere
	// above the directory.
	parts := strings.Split(dir, "/")
	tail := strings.Join(parts[max(0, len(parts)-3):], "/")
	for pattern, word := range map[string]string{"/proc/[0-9]*/environ": dir, "/proc/[0-9]*/mountinfo": tail} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return nil
		}
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && bytes.Contains(text, []byte(word)) {
				found = append(found, file)
			}
		}
	}
	return found
}

// TestTwoAtOnce builds one app twice at the same time.
func TestTwoAtOnce(t *testing.T) {
	s := newSlugc(t)
	s.helloApp()
	var both sync.WaitGroup
	codes, outputs := make([]int, 2), make([]string, 2)
	for i, name := range []string{"one", "two"} {
		both.Go(func() {
			codes[i], outputs[i] = s.run("build", "app", "-b", hello(t), "-o", "slug:"+name+".tgz", "--metadata", name+".json")
		})
	}
	both.Wait()
	if codes[0] != 0 || codes[1] != 0 {
		t.Fatalf("exit codes %v\n%s\n%s", codes, outputs[0], outputs[1])
	}
	_, one := s.record("one.json")
	if _, two := s.record("two.json"); one[0] != two[0] {
		t.Errorf("digests %v and %v", one, two)
	}
}

// TestFullDisk packs onto a file system that is too small.
func TestFullDisk(t *testing.T) {
	s := newSlugc(t)
	s.helloApp()
	put(t, filepath.Join(s.dir, "app/noise"), noise(8<<20))
	small := filepath.Join(s.dir, "small")
	if err := os.Mkdir(small, 0o755); err != nil {
		t.Fatal(err)
	}
	// A mount namespace of its own: as any user, and gone with the command.
	script := `mount -t tmpfs -o size=1M none small || exit 99
"$0" build app -b "$1" -o slug:small/a.tgz; echo "code $?"; ls -A small | sed "s/^/left: /"
"$0" build app -b "$1" -o oci:small/image --run-image scratch; echo "code $?"; find small -type f -size +100k | sed "s/^/left: /"`
	cmd := exec.CommandContext(t.Context(), "unshare", "-rm", "sh", "-c", script, binary(t), hello(t))
	cmd.Dir = s.dir
	cmd.Env = []string{"HOME=" + s.home, "PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if strings.Count(string(out), "code 62") != 2 || !strings.Contains(string(out), "no space left") || strings.Contains(string(out), "left:") {
		t.Errorf("got\n%s", out)
	}
}

// noise is text that does not compress.
func noise(n int) string {
	random := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, n)
	for i := range text {
		text[i] = byte(random.Uint32())
	}
	return string(text)
}

// TestInterrupted presses Ctrl-C in the middle of a build.
func TestInterrupted(t *testing.T) {
	s := newSlugc(t)
	put(t, filepath.Join(s.dir, "app/hello.txt"), "world")
	slow := filepath.Join(s.dir, "slow")
	put(t, filepath.Join(slow, "buildpack.toml"), "api = \"0.10\"\n[buildpack]\nid = \"test/slow\"\nversion = \"1\"\n")
	for name, script := range map[string]string{"detect": "exit 0", "build": "trap '' TERM INT; echo started; (sleep 1000 & wait) ; sleep 1000"} {
		put(t, filepath.Join(slow, "bin", name), "#!/bin/bash\n"+script+"\n")
		if err := os.Chmod(filepath.Join(slow, "bin", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := s.command(t.Context(), "build", "app", "-b", "slow")
	log := &lockedBuffer{}
	started := make(chan struct{})
	cmd.Stdout = writerFunc(func(p []byte) (int, error) {
		if bytes.Contains(p, []byte("started")) {
			close(started)
		}
		return log.Write(p)
	})
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-started
	began := time.Now()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if cmd.ProcessState.ExitCode() != 130 || !strings.Contains(log.String(), "Interrupted") {
		t.Errorf("%v\n%s", err, log)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	if left := leftovers(t, s.dir); strings.Contains(strings.Join(left, " "), "tgz") {
		t.Errorf("left behind: %v", left)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// npmRegistry is the registry that this machine's npm uses.
func npmRegistry(t *testing.T) *url.URL {
	t.Helper()
	address := os.Getenv("NPM_CONFIG_REGISTRY")
	if address == "" {
		address = purl.DefaultRegistry("npm")
	}
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// TestPrivateRegistry builds from a registry that wants the person's token,
// which no artifact, cache or log may hold.
func TestPrivateRegistry(t *testing.T) {
	t.Parallel()
	const token = "hush-hush-0123456789"
	target := npmRegistry(t)
	proxy := &httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Header.Del("Authorization") },
		ErrorLog: logDiscard(),
	}
	private := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	defer private.Close()

	s := newSlugc(t)
	address := strings.TrimPrefix(private.URL, "http:")
	put(t, filepath.Join(s.home, ".npmrc"), "registry="+private.URL+"/\n"+address+"/:_authToken=${TOKEN}\n")
	s.env = []string{"NPM_CONFIG_REGISTRY=", "TOKEN=" + token}
	out := s.must("build", example(t, "nodejs-build"), "-o", "slug:a.tgz", "-o", "oci:a", "--run-image", "scratch")
	if strings.Contains(out, token) {
		t.Errorf("the token is in the output:\n%s", out)
	}
	if out, err := exec.CommandContext(t.Context(), "grep", "-rlF", token, filepath.Join(s.home, ".cache"), filepath.Join(s.dir, "a")).CombinedOutput(); len(out) > 0 {
		t.Errorf("the token is in %s (%v)", out, err)
	}
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", "gzip -dc a.tgz | grep -cF "+token).CombinedOutput(); strings.TrimSpace(string(out)) != "0" && err == nil {
		t.Errorf("the token is in the slug: %s", out)
	}

	s.env = []string{"NPM_CONFIG_REGISTRY=", "TOKEN=wrong"}
	code, out := s.run("build", example(t, "nodejs-build"), "-o", "slug:b.tgz", "--clear-cache")
	if code != 51 || !strings.Contains(out, "401") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// TestRegistryTrouble builds with registries that misbehave.
func TestRegistryTrouble(t *testing.T) {
	t.Parallel()
	target := npmRegistry(t)
	// corrupt is the real registry, but for one flipped bit in every tarball.
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Del("Accept-Encoding")
		},
		ModifyResponse: func(r *http.Response) error {
			if !strings.HasSuffix(r.Request.URL.Path, ".tgz") {
				return nil
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			if len(body) > 0 {
				body[len(body)/2] ^= 1
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			return nil
		},
		ErrorLog: logDiscard(),
	}
	corrupt := httptest.NewServer(proxy)
	t.Cleanup(corrupt.Close)
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	t.Cleanup(broken.Close)

	for _, tt := range []struct {
		name, registry string
		code           int
		says           []string
	}{
		{"unreachable", down.URL, 75, []string{"connection refused", "a service that slugc needs, for now"}},
		{"broken", broken.URL, 75, []string{"502"}},
		{"wrong checksum", corrupt.URL, 51, []string{"sha512", "expected"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSlugc(t)
			code, out := s.run("build", example(t, "nodejs-build"), "-e", "NPM_CONFIG_REGISTRY="+tt.registry)
			if code != tt.code {
				t.Errorf("exit code %d, expected %d\n%s", code, tt.code, out)
			}
			for _, text := range tt.says {
				if !strings.Contains(out, text) {
					t.Errorf("no %q in\n%s", text, out)
				}
			}
			if _, err := os.Stat(filepath.Join(s.dir, "slug.tgz")); err == nil {
				t.Error("there is a slug")
			}
		})
	}
}
