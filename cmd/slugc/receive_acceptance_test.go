//go:build acceptance

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/queue"
	"github.com/slugc/slugc/stack/processtest"
)

// deployTarget is a bare repository whose pushes are built as the app shop, and a clone of it.
type deployTarget struct {
	*slugc
	bare, work string
	// remote is the address that the clone pushes to.
	remote string
	// shell is what git is told of SSH.
	shell string
}

// newTarget makes one. It is installed with the flags.
func newTarget(t *testing.T, flags ...string) *deployTarget {
	t.Helper()
	s := newSlugc(t)
	s.env = []string{"USER=ada"}
	d := &deployTarget{slugc: s, bare: filepath.Join(s.dir, "shop.git"), work: filepath.Join(s.dir, "work")}
	d.remote = d.bare
	if err := os.Mkdir(filepath.Join(s.dir, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	d.git(s.dir, "init", "--quiet", "--bare", d.bare)
	d.git(d.bare, "config", "receive.denyDeleteCurrent", "ignore")
	d.git(s.dir, "init", "--quiet", d.work)
	d.install("shop", flags...)
	t.Cleanup(func() { stopApp(t, s, "shop") })
	return d
}

// install has pushes built as an app, with the buildpack that takes no time.
func (d *deployTarget) install(app string, flags ...string) {
	d.t.Helper()
	page, err := filepath.Abs("../../testdata/buildpacks/page")
	if err != nil {
		d.t.Fatal(err)
	}
	d.must(append(append([]string{"receive", "install", d.bare, "--app", app}, flags...), "--", "-b", page)...)
}

// gitCommand is git as a person with no settings has it.
func (d *deployTarget) gitCommand(ctx context.Context, dir string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, "git", append([]string{"-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always"}, args...)...)
	c.Dir = dir
	c.Env = []string{
		"HOME=" + d.dir, "PATH=" + os.Getenv("PATH"), "USER=ada", "TMPDIR=" + filepath.Join(d.dir, "tmp"), "GIT_CONFIG_NOSYSTEM=1", "GIT_SSH_COMMAND=" + d.shell,
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com",
	}
	return c
}

func (d *deployTarget) git(dir string, args ...string) string {
	d.t.Helper()
	out, err := d.gitCommand(d.t.Context(), dir, args...).CombinedOutput()
	if err != nil {
		d.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit makes a commit of files, of which an empty one goes.
func (d *deployTarget) commit(message string, files map[string]string) string {
	d.t.Helper()
	for name, text := range files {
		file := filepath.Join(d.work, name)
		err := os.MkdirAll(filepath.Dir(file), 0o755)
		if err == nil && text == "" {
			err = os.Remove(file)
		} else if err == nil {
			err = os.WriteFile(file, []byte(text), 0o644)
		}
		if err != nil {
			d.t.Fatal(err)
		}
	}
	d.git(d.work, "add", "--all")
	d.git(d.work, "commit", "--quiet", "--allow-empty", "--message", message)
	return d.git(d.work, "rev-parse", "HEAD")
}

// push pushes, and returns whether it was taken, and what the pusher saw.
func (d *deployTarget) push(args ...string) (taken bool, saw string) {
	d.t.Helper()
	out, err := d.gitCommand(d.t.Context(), d.work, append([]string{"push", d.remote}, args...)...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		d.t.Fatal(err)
	}
	return err == nil, strings.ReplaceAll(string(out), "remote: ", "")
}

// taken pushes what has to be taken.
func (d *deployTarget) taken(args ...string) string {
	d.t.Helper()
	taken, saw := d.push(args...)
	if !taken {
		d.t.Fatalf("git push %s was not taken\n%s", strings.Join(args, " "), saw)
	}
	return saw
}

// sees makes sure that the pusher saw lines in this order.
func (d *deployTarget) sees(saw string, lines ...string) {
	d.t.Helper()
	rest := saw
	for _, line := range lines {
		_, after, found := strings.Cut(rest, line)
		if !found {
			d.t.Errorf("nothing says %q after the line before:\n%s", line, saw)
			return
		}
		rest = after
	}
}

// tip is where a branch of the bare repository ends.
func (d *deployTarget) tip(branch string) string {
	d.t.Helper()
	return d.git(d.bare, "for-each-ref", "--format=%(objectname)", "refs/heads/"+branch)
}

// builds are those of the ledger, the oldest first.
func (d *deployTarget) builds() (all []queue.Build) {
	d.t.Helper()
	var answer struct{ Builds []queue.Build }
	out := d.must("builds", "list", "--json")
	if err := json.Unmarshal([]byte(lastLine(out)), &answer); err != nil {
		d.t.Fatalf("%v\n%s", err, out)
	}
	for i := range answer.Builds {
		all = append(all, answer.Builds[len(answer.Builds)-1-i])
	}
	return all
}

// statuses are how the builds ended, the oldest first.
func (d *deployTarget) statuses() string {
	d.t.Helper()
	var words []string
	for _, b := range d.builds() {
		words = append(words, string(b.Status))
	}
	return strings.Join(words, " ")
}

// stopApp ends what a push has started.
func stopApp(t *testing.T, s *slugc, app string) {
	out, err := s.command(context.WithoutCancel(t.Context()), "ps", app, "--json").Output()
	var status struct{ PID int }
	if err != nil || json.Unmarshal([]byte(lastLine(string(out))), &status) != nil || status.PID == 0 {
		return
	}
	if err := syscall.Kill(status.PID, syscall.SIGTERM); err != nil {
		t.Error(err)
		return
	}
	processtest.Ended(t, status.PID, time.Now().Add(time.Minute))
}

// gate is where builds wait that have its port in the file gate.
type gate struct {
	t        *testing.T
	listener net.Listener
	port     string
}

func newGate(t *testing.T) *gate {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return &gate{t, l, port}
}

// reached waits for a build. It goes on when what is returned is closed.
func (g *gate) reached() net.Conn {
	g.t.Helper()
	if err := g.listener.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute)); err != nil {
		g.t.Fatal(err)
	}
	c, err := g.listener.Accept()
	if err != nil {
		g.t.Fatalf("no build comes to the gate: %v", err)
	}
	return c
}

// pushing is a push that goes on.
type pushing struct {
	*exec.Cmd
	mu   sync.Mutex
	saw  bytes.Buffer
	more chan struct{}
}

func (p *pushing) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.saw.Write(bytes.ReplaceAll(text, []byte("remote: "), nil))
	close(p.more)
	p.more = make(chan struct{})
	return len(text), nil
}

// start starts a push.
func (d *deployTarget) start(args ...string) *pushing {
	d.t.Helper()
	p := &pushing{Cmd: d.gitCommand(context.WithoutCancel(d.t.Context()), d.work, append([]string{"push", d.remote}, args...)...), more: make(chan struct{})}
	// It is killed while those that it started go on to have the pipe.
	p.Stdout, p.Stderr, p.WaitDelay, p.SysProcAttr = p, p, 20*time.Second, &syscall.SysProcAttr{Setpgid: true}
	if err := p.Start(); err != nil {
		d.t.Fatal(err)
	}
	return p
}

// await waits until the pusher sees something.
func (p *pushing) await(t *testing.T, text string) {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		p.mu.Lock()
		saw, more := p.saw.String(), p.more
		p.mu.Unlock()
		if strings.Contains(saw, text) {
			return
		}
		select {
		case <-more:
		case <-limit:
			t.Fatalf("the pusher does not see %q:\n%s", text, saw)
		}
	}
}

// end waits for the end of a push.
func (p *pushing) end() (taken bool, saw string) {
	err := p.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return err == nil, p.saw.String()
}

func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s, %v", url, resp.StatusCode, text, err)
	}
	return string(text)
}

var runsOn = regexp.MustCompile(`shop v\d+ runs on (http://\S+)`)

// TestPush pushes an app that runs then, a newer one, and one that is broken.
func TestPush(t *testing.T) {
	d := newTarget(t)
	first := d.commit("Begin \x1b[2Jthe shop", map[string]string{"index.html": "one"})
	saw := d.taken("main")
	d.sees(saw, "-----> Build 1 of shop: main at "+first[:7]+", Begin [2Jthe shop", "-----> Writing the page", "-----> Releasing shop", "-----> shop v1 runs on http://")
	if strings.Contains(saw, ".git/") {
		t.Errorf("the build has a .git:\n%s", saw)
	}
	url := runsOn.FindStringSubmatch(saw)
	if url == nil || get(t, url[1]) != "one" {
		t.Fatalf("the app does not answer %q:\n%s", "one", saw)
	}
	var list struct{ Releases []release.Release }
	if err := json.Unmarshal([]byte(lastLine(d.must("release", "list", "shop", "--json"))), &list); err != nil || len(list.Releases) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	if r := list.Releases[0]; r.Author != "ada" || r.Artifact.Commit != first {
		t.Errorf("the release is %+v", r)
	}

	d.commit("Two", map[string]string{"index.html": "two"})
	saw = d.taken("main")
	d.sees(saw, "-----> shop v2 runs on "+url[1])
	if got := get(t, url[1]); got != "two" {
		t.Errorf("it answers %q", got)
	}

	before := d.tip("main")
	d.commit("Three", map[string]string{"index.html": "three", "fail": "the page is \x1b[31mwrong"})
	taken, saw := d.push("main")
	d.sees(saw, "the page is wrong", " !     Push rejected: shop:", "slugc builds logs 3", "[remote rejected]")
	if taken || d.tip("main") != before {
		t.Errorf("a push was taken that does not build:\n%s", saw)
	}
	if got := get(t, url[1]); got != "two" {
		t.Errorf("it answers %q", got)
	}
	if got := d.statuses(); got != "succeeded succeeded failed" {
		t.Errorf("the builds: %s", got)
	}
	if log := d.must("builds", "logs", "3"); !strings.Contains(log, "the page is wrong") {
		t.Errorf("the log: %s", log)
	}
	if left, err := filepath.Glob(filepath.Join(d.dir, "tmp", "slugc-git-*")); err != nil || len(left) > 0 {
		t.Errorf("it leaves %q, %v", left, err)
	}
}

// TestPushRules pushes what is not built.
func TestPushRules(t *testing.T) {
	d := newTarget(t, "--no-start", "--directory", "web", "--path", "web", "--path", "shared")
	first := d.commit("First", map[string]string{"web/index.html": "one", "docs/a": "1"})
	d.sees(d.taken("main"), "-----> Done", "-----> shop v1 does not run; start it: slugc start shop")
	if shown := d.must("release", "show", "shop", "v1"); !strings.Contains(shown, first) {
		t.Errorf("the release does not name its commit %s:\n%s", first, shown)
	}

	d.commit("Docs", map[string]string{"docs/a": "2"})
	d.sees(d.taken("main"), "-----> shop is not built: nothing in web and shared changed")
	d.commit("Wait\n\n[skip deploy]", map[string]string{"web/index.html": "two"})
	d.sees(d.taken("main"), "-----> shop is not built: the message of the commit says [skip deploy]")
	d.sees(d.taken("main:$(reboot)"), "-----> shop is not built: shop is built from main, not from $(reboot)")
	d.git(d.work, "tag", "v1")
	d.sees(d.taken("v1"), "-----> shop is not built: tags are not built")
	d.commit("Shared", map[string]string{"shared/a": "1"})
	d.sees(d.taken("main"), "-----> Build 2 of shop")
	d.sees(d.taken(":main"), "-----> shop is not built: the branch main was deleted; shop runs on")
	if got := d.statuses(); got != "succeeded succeeded" {
		t.Errorf("the builds: %s", got)
	}

	d.install("shop", "--no-start", "--directory", "web", "--others", "refuse")
	taken, saw := d.push("main:fix")
	d.sees(saw, "Push rejected: branches that are not built are refused here: shop is built from main, not from fix")
	if taken || d.tip("fix") != "" {
		t.Errorf("it was taken:\n%s", saw)
	}
	if err := os.RemoveAll(filepath.Join(d.work, "web")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc", filepath.Join(d.work, "web")); err != nil {
		t.Fatal(err)
	}
	d.commit("Link", nil)
	taken, saw = d.push("main")
	d.sees(saw, "the commit has no directory web, in which the app is to be")
	if taken {
		t.Errorf("it was taken:\n%s", saw)
	}
}

// TestPushForced pushes a history that was rewritten.
func TestPushForced(t *testing.T) {
	d := newTarget(t, "--no-start")
	d.commit("First", map[string]string{"index.html": "one"})
	d.taken("main")
	d.git(d.work, "commit", "--quiet", "--amend", "--message", "Better")
	d.sees(d.taken("--force", "main"), "-----> shop: the history of main was rewritten", "-----> Build 2 of shop", "Done, v2")
	d.git(d.bare, "config", "receive.denyNonFastForwards", "true")
	d.git(d.work, "commit", "--quiet", "--amend", "--message", "Best")
	taken, saw := d.push("--force", "main")
	d.sees(saw, "-----> shop is not built: this repository takes no rewritten history")
	if taken || len(d.builds()) != 2 {
		t.Errorf("it was taken or built:\n%s", saw)
	}
}

// TestPushCancelled kills who pushes.
func TestPushCancelled(t *testing.T) {
	d := newTarget(t, "--no-start")
	g := newGate(t)
	d.commit("First", map[string]string{"index.html": "one", "gate": g.port})
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		p := d.start("main")
		build := g.reached()
		p.await(t, "Waiting at the gate")
		began := time.Now()
		if err := p.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		// The other end goes when the build does.
		if err := build.SetReadDeadline(began.Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := build.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("after %s the build goes on for more than ten seconds: %v", signal, err)
		}
		t.Logf("%s: the build ended after %s", signal, time.Since(began).Round(time.Millisecond))
		p.end()
		if d.tip("main") != "" {
			t.Error("it was taken")
		}
	}
	for limit := time.Now().Add(10 * time.Second); d.statuses() != "cancelled cancelled"; {
		if time.Now().After(limit) {
			t.Fatalf("the builds: %s", d.statuses())
		}
	}
}

// TestPushTwice pushes twice at once: the second waits, and finds that the branch has moved.
func TestPushTwice(t *testing.T) {
	d := newTarget(t, "--no-start")
	g := newGate(t)
	d.commit("Begin", map[string]string{"index.html": "zero"})
	d.taken("main")
	d.commit("First", map[string]string{"index.html": "one", "gate": g.port})
	first := d.start("main")
	build := g.reached()
	d.git(d.work, "reset", "--quiet", "--hard", "HEAD~")
	d.commit("Second", map[string]string{"index.html": "two"})
	second := d.start("main")
	second.await(t, "-----> Waiting for build 2 of shop to end")
	build.Close()
	if taken, saw := first.end(); !taken {
		t.Errorf("the first was not taken:\n%s", saw)
	}
	taken, saw := second.end()
	d.sees(saw, "Push rejected: shop: another push moved main meanwhile: git pull, then push again")
	if taken {
		t.Error("the second was taken")
	}
	if got := d.statuses(); got != "succeeded succeeded failed" {
		t.Errorf("the builds: %s", got)
	}
}

// TestPushSuperseded pushes three times at once to a repository that takes pushes first: the newest one that
// waits counts.
func TestPushSuperseded(t *testing.T) {
	d := newTarget(t, "--no-start", "--post")
	g := newGate(t)
	d.commit("First", map[string]string{"index.html": "one", "gate": g.port})
	first := d.start("main")
	build := g.reached()
	d.commit("Second", map[string]string{"index.html": "two", "gate": ""})
	second := d.start("main")
	second.await(t, "-----> Waiting for build 1 of shop to end")
	newest := d.commit("Third", map[string]string{"index.html": "three"})
	third := d.start("main")
	taken, saw := second.end()
	d.sees(saw, "-----> Build 2 of shop", "shop: a newer push took its place while it waited")
	if !taken {
		t.Error("the second was not taken, which it was before its build")
	}
	build.Close()
	for _, p := range []*pushing{first, third} {
		taken, saw := p.end()
		d.sees(saw, "-----> Done")
		if !taken {
			t.Errorf("it was not taken:\n%s", saw)
		}
	}
	if got := d.statuses(); got != "succeeded superseded succeeded" {
		t.Errorf("the builds: %s", got)
	}
	if last := d.builds()[2]; last.Source.Commit != newest || last.Release != 2 {
		t.Errorf("the last build is %+v", last)
	}
	d.commit("Broken", map[string]string{"fail": "wrong"})
	if taken, saw := d.push("main"); !taken || !strings.Contains(saw, " !     shop: ") {
		t.Errorf("taken is %v:\n%s", taken, saw)
	}
}

// TestPushApps pushes to a repository of two apps, of which one does not build.
func TestPushApps(t *testing.T) {
	d := newTarget(t, "--no-start", "--directory", "shop")
	d.install("site", "--no-start", "--directory", "web")
	d.commit("First", map[string]string{"shop/index.html": "one", "web/index.html": "one", "web/fail": "wrong"})
	taken, saw := d.push("main")
	d.sees(saw, "-----> Build 1 of shop", "-----> Build 2 of site", "Push rejected: site:", "shop v1 is released and stays so")
	if taken {
		t.Error("it was taken")
	}
	d.must("receive", "remove", d.bare, "--app", "site")
	d.taken("main")
	out := d.must("receive", "remove", d.bare, "--app", "shop")
	if _, err := os.Stat(filepath.Join(d.bare, "hooks", "pre-receive")); !errors.Is(err, os.ErrNotExist) || !strings.Contains(out, "the hook is gone") {
		t.Errorf("the hook stays: %v\n%s", err, out)
	}
	if text := d.git(d.bare, "config", "--list"); strings.Contains(text, "slugc") {
		t.Errorf("settings stay:\n%s", text)
	}
}

// TestPushSubmodules pushes an app with a submodule, and files of Git LFS.
func TestPushSubmodules(t *testing.T) {
	d := newTarget(t, "--no-start")
	lib := filepath.Join(d.dir, "lib")
	d.git(d.dir, "init", "--quiet", lib)
	if err := os.WriteFile(filepath.Join(lib, "index.html"), []byte("of the submodule"), 0o644); err != nil {
		t.Fatal(err)
	}
	d.git(lib, "add", "--all")
	d.git(lib, "commit", "--quiet", "--message", "Lib")
	port := freePort(t)
	daemon := d.gitCommand(t.Context(), d.dir, "daemon", "--verbose", "--base-path="+d.dir, "--export-all", "--reuseaddr", "--listen=127.0.0.1", fmt.Sprintf("--port=%d", port))
	daemon.Cancel = func() error { return daemon.Process.Signal(syscall.SIGTERM) }
	says := &spoken{more: make(chan struct{})}
	daemon.Stderr = says
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = daemon.Process.Signal(syscall.SIGTERM)
		_ = daemon.Wait()
	})
	address := fmt.Sprintf("git://127.0.0.1:%d/lib", port)
	says.await(t, "Ready to rumble")
	d.git(d.work, "submodule", "--quiet", "add", address, "vendor/lib")
	d.commit("First", map[string]string{"index.html": "one", "photo.jpg": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"})
	saw := d.taken("main")
	d.sees(saw, "Fetched the submodule vendor/lib", " !     Git LFS has photo.jpg elsewhere", "-----> Done")
	if out := d.must("run", "shop", "--", "cat", "vendor/lib/index.html"); !strings.Contains(out, "of the submodule") {
		t.Errorf("the slug lacks the submodule: %s", out)
	}
	d.git(d.work, "config", "--file", ".gitmodules", "submodule.vendor/lib.url", lib)
	d.commit("Second", nil)
	taken, saw := d.push("main")
	d.sees(saw, "the submodule vendor/lib cannot be fetched", "git submodule set-url", "Push rejected")
	if taken {
		t.Error("it was taken")
	}
}

// TestPushForeignHook installs into a repository that has a hook already.
func TestPushForeignHook(t *testing.T) {
	d := newTarget(t, "--no-start", "--post")
	file := filepath.Join(d.bare, "hooks", "pre-receive")
	const foreign = "#!/bin/sh\necho checked\ncat >/dev/null\n"
	if code, out := d.run("receive", "install", d.bare, "--app", "shop"); code != 2 || !strings.Contains(out, "rm "+filepath.Join(d.bare, "hooks", "post-receive")) {
		t.Errorf("a second hook: exit code %d\n%s", code, out)
	}
	d.must("receive", "remove", d.bare, "--app", "shop")
	if err := os.WriteFile(file, []byte(foreign), 0o755); err != nil {
		t.Fatal(err)
	}
	code, out := d.run("receive", "install", d.bare, "--app", "shop")
	if content, err := os.ReadFile(file); code != 2 || err != nil || string(content) != foreign || !strings.Contains(out, "exec "+binary(t)+" receive") {
		t.Errorf("exit code %d\n%s\n%s, %v", code, out, content, err)
	}
	if code, out := d.run("receive", "install", d.dir, "--app", "shop"); code != 2 || !strings.Contains(out, "git init --bare") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// TestPushDiskFull pushes an app that does not fit on the disk of $SLUGC_HOME.
func TestPushDiskFull(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make a small disk")
	}
	d := newTarget(t, "--no-start")
	small := filepath.Join(d.dir, "small")
	if err := os.Mkdir(small, 0o700); err != nil {
		t.Fatal(err)
	}
	d.env = append(d.env, "SLUGC_HOME="+small)
	d.install("shop", "--no-start")
	noise := make([]byte, 4<<20)
	_, _ = rand.Read(noise) // never fails
	d.commit("Big", map[string]string{"index.html": "one", "noise": string(noise)})
	push := d.gitCommand(t.Context(), d.work, "push", d.remote, "main")
	const mounted = `mount -t tmpfs -o size=3m tmpfs "$1" && shift && exec "$@"`
	c := exec.CommandContext(t.Context(), "unshare", append([]string{"--mount", "sh", "-c", mounted, "sh", small}, push.Args...)...)
	c.Dir, c.Env = push.Dir, push.Env
	out, err := c.CombinedOutput()
	saw := strings.ReplaceAll(string(out), "remote: ", "")
	d.sees(saw, "Push rejected: shop:", "no space left on device", "[remote rejected]")
	if err == nil || d.tip("main") != "" {
		t.Errorf("it was taken:\n%s", saw)
	}
}

// sshd starts a server of SSH for this user alone, and has the target reached by it.
func (d *deployTarget) sshd() {
	d.t.Helper()
	t := d.t
	server, err := exec.LookPath("sshd")
	if err != nil {
		server = "/usr/sbin/sshd"
	}
	if _, err := os.Stat(server); err != nil {
		t.Fatalf("no %s; run .ci/deps", server)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(d.dir, "ssh")
	port := freePort(t)
	config := fmt.Sprintf(`Port %d
ListenAddress 127.0.0.1
HostKey %s/host
AuthorizedKeysFile %s/key.pub
StrictModes no
UsePAM no
PidFile none
PasswordAuthentication no
PermitRootLogin prohibit-password
`, port, dir, dir)
	err = os.Mkdir(dir, 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o600)
	}
	for _, key := range []string{"host", "key"} {
		if err == nil {
			err = exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, key)).Run()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	// Where it separates privileges, which it does for root alone (sshd(8)).
	const separated = "/run/sshd"
	if me.Uid == "0" {
		switch err := os.Mkdir(separated, 0o755); {
		case err == nil:
			t.Cleanup(func() {
				if err := os.Remove(separated); err != nil {
					t.Error(err)
				}
			})
		case !errors.Is(err, os.ErrExist):
			t.Fatal(err)
		}
	}
	log := &spoken{more: make(chan struct{})}
	c := exec.CommandContext(t.Context(), server, "-D", "-e", "-f", filepath.Join(dir, "config"))
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait()
		if t.Failed() {
			t.Logf("%s", log)
		}
	})
	d.shell = fmt.Sprintf("ssh -F /dev/null -i %s/key -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR", dir)
	d.remote = fmt.Sprintf("ssh://%s@127.0.0.1:%d%s", me.Username, port, d.bare)
	log.await(t, "Server listening on")
}

// TestPushSSH pushes over SSH, and cuts the line during a build.
func TestPushSSH(t *testing.T) {
	d := newTarget(t)
	d.env = append(d.env, "SLUGC_HOME="+filepath.Join(d.dir, "slugc"), "SLUGC_CACHE="+filepath.Join(d.dir, "cache"))
	d.install("shop")
	d.sshd()
	d.commit("First", map[string]string{"index.html": "one"})
	saw := d.taken("main")
	d.sees(saw, "-----> Build 1 of shop: main at ", "-----> Writing the page", "-----> shop v1 runs on http://")
	if url := runsOn.FindStringSubmatch(saw); url == nil || get(t, url[1]) != "one" {
		t.Errorf("the app does not answer:\n%s", saw)
	}
	g := newGate(t)
	d.commit("Second", map[string]string{"gate": g.port})
	p := d.start("main")
	build := g.reached()
	p.await(t, "Waiting at the gate")
	began := time.Now()
	// Ctrl-C is for all in the terminal's foreground, ssh among them.
	if err := syscall.Kill(-p.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := build.SetReadDeadline(began.Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := build.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the build goes on for more than ten seconds: %v", err)
	}
	t.Logf("the build ended after %s", time.Since(began).Round(time.Millisecond))
	p.end()
}
