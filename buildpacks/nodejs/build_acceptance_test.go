//go:build acceptance

package nodejs_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// newRealSite is a site that reaches the registry as this machine does.
func newRealSite(t *testing.T, app string) *site {
	t.Helper()
	s := newSite(t)
	for _, name := range []string{"NPM_CONFIG_REGISTRY", "npm_config_registry", "NPM_CONFIG_USERCONFIG", "HTTP_PROXY", "HTTPS_PROXY",
		"NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"} {
		if value := os.Getenv(name); value != "" {
			s.Env[name] = value
		}
	}
	dir, err := filepath.Abs("../../testdata/apps/" + app)
	if err != nil {
		t.Fatal(err)
	}
	s.source = dir
	s.fresh()
	return s
}

// timed builds and logs how long it took and what was printed.
func (s *site) timed(what string) {
	s.T.Helper()
	start := time.Now()
	out := s.mustBuild()
	s.T.Logf("%s: %s\n%s", what, time.Since(start).Round(time.Millisecond), out)
}

// alone makes a site fail that asks a registry or starts a program.
func (s *site) alone() {
	s.Fetcher = download.NewFetcher(&http.Client{Transport: noNetwork{s.T}})
	s.Runner = noPrograms{s.T}
}

type noNetwork struct{ t *testing.T }

func (n noNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	n.t.Errorf("asked for %s", r.URL.Redacted())
	return nil, errors.New("there is no network")
}

type noPrograms struct{ t *testing.T }

func (n noPrograms) Run(_ context.Context, c tool.Command) error {
	n.t.Errorf("started %s", c)
	return errors.New("there are no programs")
}

// tools puts the Node.js and npm of the layers first.
func (s *site) tools() []string {
	env := []string{"PATH=" + filepath.Join(s.Layers, "node/bin") + ":" + filepath.Join(s.Layers, "npm/bin") + ":" + os.Getenv("PATH"), "HOME=" + s.Dir}
	for name, value := range s.Env {
		if name != "PATH" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// npm runs the npm of the layers in a directory.
func (s *site) npm(dir string, args ...string) {
	s.T.Helper()
	cmd := exec.CommandContext(s.T.Context(), filepath.Join(s.Layers, "npm/bin/npm"), args...)
	cmd.Dir, cmd.Env = dir, append(s.tools(), "npm_config_audit=false", "npm_config_fund=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.T.Fatalf("npm %s: %v\n%s", args, err, out)
	}
}

// get starts the app, asks for its page and ends it, which it must take well.
func (s *site) get(command ...string) string {
	s.T.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.T.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		s.T.Fatal(err)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		s.T.Fatal(err)
	}
	program := filepath.Join(s.Layers, command[0], "bin", command[0])
	cmd := exec.CommandContext(s.T.Context(), program, command[1:]...)
	cmd.Dir, cmd.Env = s.App, append(s.tools(), "PORT="+port)
	var out languagetest.Screen
	cmd.Stdout, cmd.Stderr = &out, &out
	// npm does not pass a signal on to what a script started, so the end is for
	// the whole group, as slugc and Heroku tell it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Start(); err != nil {
		s.T.Fatal(err)
	}
	page, err := fetchPage(s.T, "http://"+address+"/")
	if err != nil {
		s.T.Errorf("%v\n%s", err, out.String())
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM); err != nil {
		s.T.Error(err)
	}
	if err := cmd.Wait(); err != nil && command[0] != "npm" {
		s.T.Errorf("ended with %v\n%s", err, out.String())
	}
	return page
}

func fetchPage(t *testing.T, url string) (string, error) {
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			return "", err
		}
		response, err := http.DefaultClient.Do(request)
		if errors.Is(err, syscall.ECONNREFUSED) && time.Now().Before(deadline) {
			continue
		}
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		page, err := io.ReadAll(response.Body)
		return string(page), err
	}
}

func TestExpressForReal(t *testing.T) {
	s := newRealSite(t, "nodejs-express")
	s.timed("cold")
	first := map[string]map[string]string{}
	for _, layer := range []string{"node", "npm", "modules"} {
		first[layer] = tree(t, filepath.Join(s.Layers, layer))
	}
	languagetest.Holds(t, s.get("node", "server.js"), "Quotes of the day, served by Express", "Node.js v22.")

	before := s.LayerStamps()
	fetcher, runner := s.Fetcher, s.Runner
	s.fresh()
	s.write(map[string]string{"server.js": "// changed"})
	s.alone()
	s.timed("one line of the app changed")
	if diff := cmp.Diff(before, s.LayerStamps()); diff != "" {
		t.Error(diff)
	}
	s.Fetcher, s.Runner = fetcher, runner

	s.fresh()
	s.npm(s.App, "install", "--package-lock-only", "--save-exact", "is-number@7.0.0")
	s.timed("one dependency added")
	if !s.Has("app", "node_modules", "is-number", "package.json") {
		t.Error("it was not installed")
	}
	if diff := cmp.Diff(of(before, "node/", "npm/"), of(s.LayerStamps(), "node/", "npm/")); diff != "" {
		t.Error(diff)
	}

	if err := os.Rename(s.Layers, s.Layers+".first"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.Layers, 0o755); err != nil {
		t.Fatal(err)
	}
	s.fresh()
	s.timed("cold again")
	for layer, want := range first {
		if diff := cmp.Diff(want, tree(t, filepath.Join(s.Layers, layer))); diff != "" {
			t.Errorf("layer %s differs between two builds: %s", layer, diff)
		}
	}
}

func TestAddonForReal(t *testing.T) {
	s := newRealSite(t, "nodejs-addon")
	s.timed("cold")
	first := tree(t, filepath.Join(s.Layers, "modules"))
	languagetest.Holds(t, s.get("node", "server.js"), "with native code on Node.js v22.")
	if err := os.Rename(s.Layers, s.Layers+".first"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.Layers, 0o755); err != nil {
		t.Fatal(err)
	}
	s.fresh()
	s.mustBuild()
	if diff := cmp.Diff(first, tree(t, filepath.Join(s.Layers, "modules"))); diff != "" {
		t.Errorf("the compiled packages differ between two builds: %s", diff)
	}
}

func TestBuildScriptForReal(t *testing.T) {
	s := newRealSite(t, "nodejs-build")
	for _, what := range []string{"cold", "unchanged"} {
		s.timed(what)
		languagetest.Holds(t, s.get("node", "dist/server.js"), "Built from TypeScript, up for ")
		if s.Has("layers", "modules", "node_modules", "esbuild") || !s.Has("layers", "modules-dev", "node_modules", "esbuild") {
			t.Error("the tool is not where it should be")
		}
		s.fresh()
	}
}

func TestWorkspacesForReal(t *testing.T) {
	s := newRealSite(t, "nodejs-workspace")
	for _, what := range []string{"cold", "unchanged"} {
		s.timed(what)
		languagetest.Holds(t, s.get("npm", "start"), "Greetings from a workspace, with ms 1.0.0 and, at the root, ms 2.1.3")
		s.fresh()
	}
}

// The packages that only development needs are left out without a run of npm;
// what npm itself would remove is the measure.
func TestPruneForReal(t *testing.T) {
	s := newRealSite(t, "nodejs-build")
	s.mustBuild()
	s.fresh()
	s.write(map[string]string{"package.json": `{"name": "pruned", "engines": {"node": "22.x"}, "scripts": {"build": "eslint --version"},
		"dependencies": {"express": "5.3.0", "debug": "4.4.3"}, "optionalDependencies": {"picocolors": "1.1.1"},
		"devDependencies": {"eslint": "9.39.1", "jest": "29.7.0", "@types/node": "22.10.0", "chalk": "4.1.2"}}`})
	if err := os.Remove(filepath.Join(s.App, "package-lock.json")); err != nil {
		t.Fatal(err)
	}
	s.npm(s.App, "install", "--package-lock-only")
	s.timed("with many packages for development")

	whole := filepath.Join(s.Dir, "whole")
	if err := os.MkdirAll(whole, 0o755); err != nil {
		t.Fatal(err)
	}
	copied := exec.CommandContext(t.Context(), "cp", "-a", filepath.Join(s.Layers, "modules-dev", "node_modules"),
		filepath.Join(s.App, "package.json"), filepath.Join(s.App, "package-lock.json"), whole)
	if out, err := copied.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.npm(whole, "prune", "--omit=dev", "--ignore-scripts")
	want := tree(t, filepath.Join(whole, "node_modules"))
	delete(want, ".package-lock.json")
	// npm leaves directories in which nothing is left.
	for path := range want {
		if entries, err := os.ReadDir(filepath.Join(whole, "node_modules", path)); err == nil && len(entries) == 0 {
			delete(want, path)
		}
	}
	if len(want) < 500 {
		t.Errorf("only %d files are left", len(want))
	}
	if diff := cmp.Diff(want, tree(t, filepath.Join(s.Layers, "modules", "node_modules"))); diff != "" {
		t.Errorf("npm would leave something else: %s", diff)
	}
}
