package fetch_test

import (
	"bufio"
	"bytes"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks/fetch"
	"github.com/slugc/slugc/stack/sandbox"
)

// testServers fetches from git's own server (git-http-backend(1)).
func testServers(t *testing.T, _ spec.G, it spec.S) {
	const is = "test/one@1.0.0: test/one@1.0.0"
	var (
		f       fetch.Fetcher
		dir     string
		first   string
		address string
		handler func(w http.ResponseWriter, r *http.Request)
	)
	it.Before(func() {
		backend := filepath.Join(git(t, t.TempDir(), "--exec-path"), "git-http-backend")
		if _, err := os.Stat(backend); err != nil {
			t.Skip("this machine's git has no server")
		}
		top := t.TempDir()
		dir = component("test/one", "1.0.0").write(t, filepath.Join(top, "one.git"))
		git(t, dir, "init", "--quiet", "-b", "main")
		git(t, dir, "add", ".")
		git(t, dir, "commit", "--quiet", "-m", "first")
		first = git(t, dir, "rev-parse", "HEAD")
		component("test/one", "2.0.0").write(t, dir)
		git(t, dir, "commit", "--quiet", "-a", "-m", "second")
		handler = gateway(t, backend, top)
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler(w, r) }))
		t.Cleanup(server.Close)
		address = strings.TrimPrefix(server.URL, "https://")
		ca := save(t, "ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
		f = fetcher(t)
		f.Git = fetch.Git{Mounts: []sandbox.Mount{{Source: ca, Target: "/ca.pem"}}, Env: []string{"GIT_SSL_CAINFO=/ca.pem"}}
	})

	it("fetches from a server that knows nothing of git", func() {
		git(t, dir, "update-server-info")
		handler = http.FileServer(http.Dir(dir)).ServeHTTP
		fetched(t, f, "git+https://"+address+"/.git#main", "test/one@2.0.0: test/one@2.0.0")
		fetched(t, f, "git+https://"+address+"/.git#"+first, is)
	})
	it("fetches a branch and an old commit, and works without network then", func() {
		branch := "https://" + address + "/one.git#main"
		for range 2 {
			fetched(t, f, branch, "test/one@2.0.0: test/one@2.0.0")
			fetched(t, f, "git+https://"+address+"/one.git#"+first, is)
			f.Offline = true
		}
	})
	it("logs in with what the address has, and shows nothing of it", func() {
		inner := handler
		handler = func(w http.ResponseWriter, r *http.Request) {
			if _, password, _ := r.BasicAuth(); password != "hunter2" {
				w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			inner(w, r)
		}
		p := fetched(t, f, "https://me:hunter2@"+address+"/one.git#"+first, is)
		if strings.Contains(p.Ref, "hunter2") {
			t.Error(p.Ref)
		}
		for _, user := range []string{"me:hunter3@", ""} {
			err := refusal(t, f, "https://"+user+address+"/one.git", "it does not let you")
			if err.Temporary() || strings.Contains(err.Error(), "hunter") {
				t.Error(err)
			}
		}
	})
	it("says what the server said, and whether it may pass", func() {
		refused(t, f, "https://"+address+"/two.git", "no such repository")
		for code, want := range map[int]bool{403: false, 429: true, 500: true, 503: true} {
			handler = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
			if err := refusal(t, f, "https://"+address+"/one.git", "git: "); err.Temporary() != want {
				t.Errorf("%d: temporary %t: %v", code, err.Temporary(), err)
			}
		}
		handler = func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+address+r.URL.Path, http.StatusFound)
		}
		refused(t, f, "https://"+address+"/one.git", "git: ")
	})
}

// gateway runs git's server for each request (RFC 3875).
func gateway(t *testing.T, backend, top string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := exec.CommandContext(r.Context(), backend)
		c.Env = []string{
			"GIT_PROJECT_ROOT=" + top, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + top, "PATH=" + os.Getenv("PATH"),
			"REQUEST_METHOD=" + r.Method, "PATH_INFO=" + r.URL.Path, "QUERY_STRING=" + r.URL.RawQuery,
			"CONTENT_TYPE=" + r.Header.Get("Content-Type"), "HTTP_CONTENT_ENCODING=" + r.Header.Get("Content-Encoding"),
			"GIT_PROTOCOL=" + r.Header.Get("Git-Protocol"), "REMOTE_ADDR=127.0.0.1",
		}
		c.Stdin = r.Body
		out, err := c.Output()
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		answer := bufio.NewReader(bytes.NewReader(out))
		header, err := textproto.NewReader(answer).ReadMIMEHeader()
		if err != nil {
			t.Error(err)
		}
		for name, values := range header {
			w.Header()[name] = values
		}
		if strings.HasPrefix(header.Get("Status"), "404") {
			w.WriteHeader(http.StatusNotFound)
		}
		if _, err := answer.WriteTo(w); err != nil {
			t.Error(err)
		}
	}
}
