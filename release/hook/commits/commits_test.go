package commits_test

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/slugc/slugc/release/hook/commits"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/sandbox"
)

// git runs the git of this machine as a person would, with no settings of anybody.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := gitSays(t, dir, args...)
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

func gitSays(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "git", append([]string{"-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always"}, args...)...)
	c.Dir = dir
	c.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=A. Nother", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A. Nother", "GIT_COMMITTER_EMAIL=a@example.com",
	}
	out, err := c.CombinedOutput()
	return string(out), err
}

// work is a repository with a work tree, and files in it.
func work(t *testing.T, files map[string]string) (dir string, commit func(message string) string) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	dir = t.TempDir()
	git(t, dir, "init", "--quiet")
	write(t, dir, files)
	return dir, func(message string) string {
		git(t, dir, "add", "--all")
		git(t, dir, "commit", "--quiet", "--allow-empty", "--message", message)
		return git(t, dir, "rev-parse", "HEAD")
	}
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

func bare(t *testing.T, of string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "app.git")
	git(t, of, "clone", "--quiet", "--bare", of, dir)
	return dir
}

func local(t *testing.T, dir string, in commits.Incoming) *commits.Repository {
	t.Helper()
	r, err := machine(t).Local(dir, in)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func machine(t *testing.T) commits.Git {
	t.Helper()
	host, err := stack.Host()
	if err != nil {
		t.Fatal(err)
	}
	return commits.Git{Runner: sandbox.Namespaces{}, Stack: host}
}

func TestRead(t *testing.T) {
	dir, commit := work(t, map[string]string{"a": "1", "web/b": "1"})
	first := commit("First\n\nof all")
	write(t, dir, map[string]string{"a": "2", "web/größe": "2"})
	second := commit("Second \x1b[31m")
	r := local(t, bare(t, dir), commits.Incoming{})
	message, author, err := r.Describe(t.Context(), first)
	if err != nil || message != "First\n\nof all\n" || author != "A. Nother" {
		t.Errorf("%q by %q, %v", message, author, err)
	}
	if changed, err := r.Changed(t.Context(), first, second); err != nil || !slices.Equal(changed, []string{"a", "web/größe"}) {
		t.Errorf("%q, %v", changed, err)
	}
	if changed, err := r.Changed(t.Context(), first, first); err != nil || len(changed) != 0 {
		t.Errorf("%q, %v", changed, err)
	}
	for _, c := range []struct {
		later, earlier string
		want           bool
	}{{second, first, true}, {first, second, false}, {first, first, true}} {
		if got, err := r.Contains(t.Context(), c.later, c.earlier); err != nil || got != c.want {
			t.Errorf("%s has %s: %v, %v", c.later, c.earlier, got, err)
		}
	}
	if _, err := r.Contains(t.Context(), first, strings.Repeat("1", 40)); err == nil {
		t.Error("there is no such commit")
	}
	if tip, err := r.Tip("main"); err != nil || tip != second {
		t.Errorf("%s, %v", tip, err)
	}
	if tip, err := r.Tip("none"); err != nil || tip != "" {
		t.Errorf("%s, %v", tip, err)
	}
}

// TestPrivate reads a repository that only its user may.
func TestPrivate(t *testing.T) {
	dir, commit := work(t, map[string]string{"a": "1"})
	id := commit("First")
	repository := bare(t, dir)
	git(t, repository, "config", "slugc.shop.branch", "main")
	git(t, repository, "pack-refs", "--all")
	err := filepath.WalkDir(repository, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return os.Chmod(path, 0o400)
	})
	if err != nil {
		t.Fatal(err)
	}
	r := local(t, repository, commits.Incoming{})
	if _, err := r.Export(t.Context(), id, t.TempDir()); err != nil {
		t.Error(err)
	}
	if settings, err := r.Settings(t.Context()); err != nil || settings["slugc.shop.branch"] == nil {
		t.Errorf("%q, %v", settings, err)
	}
	if tip, err := r.Tip("main"); err != nil || tip != id {
		t.Errorf("%s, %v", tip, err)
	}
}

func TestSettings(t *testing.T) {
	dir, commit := work(t, map[string]string{"a": "1"})
	commit("First")
	repository := bare(t, dir)
	git(t, repository, "config", "slugc.my-shop.branch", "main")
	git(t, repository, "config", "--add", "slugc.my-shop.branch", "a \"b\"\nc")
	git(t, repository, "config", "receive.denyNonFastForwards", "true")
	settings, err := local(t, repository, commits.Incoming{}).Settings(t.Context())
	if err != nil || !slices.Equal(settings["slugc.my-shop.branch"], []string{"main", "a \"b\"\nc"}) || settings["receive.denynonfastforwards"][0] != "true" {
		t.Errorf("%q, %v", settings, err)
	}
}

// TestExport checks a tree out that has about everything.
func TestExport(t *testing.T) {
	dir, commit := work(t, map[string]string{
		"run": "#!/bin/sh\n", "web/index.html": "hello", ".gitattributes": "secret export-ignore\nversion export-subst\n*.bin filter=lfs\n",
		"secret": "kept", "version": "$Format:%H$", "photo.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 12\n",
	})
	if err := errors.Join(os.Chmod(filepath.Join(dir, "run"), 0o755), os.Symlink("run", filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	id := commit("First")
	// A filter of the server's is not run.
	repository := bare(t, dir)
	git(t, repository, "config", "filter.lfs.smudge", "touch /tmp/never-run; cat")
	out := t.TempDir()
	tree, err := local(t, repository, commits.Incoming{}).Export(t.Context(), id, out)
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Submodules) != 0 || !slices.Equal(tree.Pointers, []string{"photo.bin"}) {
		t.Errorf("%+v", tree)
	}
	for name, want := range map[string]string{"web/index.html": "hello", "secret": "kept", "version": "$Format:%H$", "link": "#!/bin/sh\n"} {
		if got, err := os.ReadFile(filepath.Join(out, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if info, err := os.Stat(filepath.Join(out, "run")); err != nil || info.Mode() != 0o755 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := os.Lstat(filepath.Join(out, ".git")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a .git: %v", err)
	}
}

func TestExportSHA256(t *testing.T) {
	dir := t.TempDir()
	if out, err := gitSays(t, dir, "init", "--quiet", "--object-format=sha256"); err != nil {
		t.Skipf("this git knows no SHA-256: %s", out)
	}
	write(t, dir, map[string]string{"a": "1"})
	git(t, dir, "add", "--all")
	git(t, dir, "commit", "--quiet", "--message", "First")
	out := t.TempDir()
	if _, err := local(t, bare(t, dir), commits.Incoming{}).Export(t.Context(), git(t, dir, "rev-parse", "HEAD"), out); err != nil {
		t.Error(err)
	}
}

// TestIncoming reads a commit whose objects are not in the repository.
func TestIncoming(t *testing.T) {
	dir, commit := work(t, map[string]string{"a": "1"})
	commit("First")
	repository := bare(t, dir)
	write(t, dir, map[string]string{"a": "2"})
	second := commit("Second")
	incoming := filepath.Join(t.TempDir(), "tmp_objdir-incoming")
	if err := os.CopyFS(incoming, os.DirFS(filepath.Join(dir, ".git", "objects"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(incoming, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, _, err := local(t, repository, commits.Incoming{}).Describe(t.Context(), second); err == nil {
		t.Error("the commit is there")
	}
	in := commits.IncomingOf(func(name string) string { return map[string]string{"GIT_QUARANTINE_PATH": incoming}[name] })
	out := t.TempDir()
	if _, err := local(t, repository, in).Export(t.Context(), second, out); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(out, "a")); err != nil || string(got) != "2" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestSubmodulesRefused(t *testing.T) {
	lib, commitLib := work(t, map[string]string{"lib.txt": "lib"})
	commitLib("Lib")
	for name, address := range map[string]string{
		"of this machine": lib, "beside it": "../lib", "by another transport": "ext::sh -c reboot",
	} {
		dir, commit := work(t, map[string]string{"a": "1"})
		git(t, dir, "submodule", "--quiet", "add", lib, "vendor/lib")
		git(t, dir, "config", "--file", ".gitmodules", "submodule.vendor/lib.url", address)
		id := commit("First")
		_, err := local(t, bare(t, dir), commits.Incoming{}).Export(t.Context(), id, t.TempDir())
		var module *commits.ModuleError
		if !errors.As(err, &module) || module.Path != "vendor/lib" || !strings.Contains(err.Error(), "git submodule set-url") {
			t.Errorf("%s: %v", name, err)
		}
	}
	dir, commit := work(t, map[string]string{"a": "1"})
	git(t, dir, "submodule", "--quiet", "add", lib, "vendor/lib")
	git(t, dir, "config", "--file", ".gitmodules", "--remove-section", "submodule.vendor/lib")
	id := commit("First")
	if _, err := local(t, bare(t, dir), commits.Incoming{}).Export(t.Context(), id, t.TempDir()); err == nil {
		t.Error("a submodule that nobody names was checked out")
	}
}

// TestRemoteToken asks a server that lets nobody in, with a token.
func TestRemoteToken(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var mu sync.Mutex
	names, passwords := map[string]bool{}, map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		name, password, _ := req.BasicAuth()
		mu.Lock()
		defer mu.Unlock()
		names[name], passwords[password] = true, true
		http.Error(w, "no t0ken-of-the-forge", http.StatusForbidden)
	}))
	defer server.Close()
	_, err := machine(t).Remote(t.Context(), server.URL+"/acme/shop.git", strings.Repeat("1", 40), "t0ken-of-the-forge")
	var failed *commits.Error
	if !errors.As(err, &failed) || strings.Contains(err.Error(), "t0ken") || !strings.HasPrefix(err.Error(), "fetching 111111111111... of http://") {
		t.Errorf("got %v", err)
	}
	if !passwords["t0ken-of-the-forge"] || !names["x-access-token"] {
		t.Errorf("the server was asked by %v with %v", names, passwords)
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "slugc-git-*")); err != nil || len(left) > 0 {
		t.Errorf("it leaves %q, %v", left, err)
	}
}
