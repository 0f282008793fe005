//go:build acceptance

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/release/formation/logs"
)

// TestStory takes two apps down the road: built and released, configured, started,
// released and rolled back under load, crashed and stopped.
func TestStory(t *testing.T) {
	t.Parallel()
	for _, story := range []struct {
		app, path, answer string
		types             []string
		// crash is the process that is killed, and its command.
		crash, command string
	}{
		{app: "nodejs-express", path: "/quotes.json", answer: `"quotes"`, types: []string{"web=2", "worker=1"}, crash: "worker.1", command: "node worker.js"},
		{app: "python-tornado", path: "/", answer: "Tornado", types: []string{"web=2"}, crash: "web.1", command: "python app.py"},
	} {
		t.Run(story.app, func(t *testing.T) {
			t.Parallel()
			s := newStackedSlugc(t)
			s.env = append(s.env, "SLUGC_AUTHOR=ada")
			s.copyApp(story.app, "app", time.Now(), 0)
			s.must("build", "app", "--app", "shop", "--release")
			s.must("config", "set", "shop", "GREETING=hello")

			r := startApp(t, s, "shop", story.types...)
			r.await(
				`heroku\[api\]: Set GREETING config vars by ada`, `heroku\[api\]: Release v2 created by ada`)
			for _, name := range []string{"web.1", "web.2", story.crash} {
				r.await("heroku\\[" + name + "\\]: State changed from starting to up")
			}
			r.sameEnvironment(story.crash, story.command)

			// A release and a roll back, with requests under way all the time.
			stop := make(chan struct{})
			var askers sync.WaitGroup
			var asked, failed atomic.Int64
			client := http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}, Timeout: time.Minute}
			for range 4 {
				askers.Go(func() {
					for {
						select {
						case <-stop:
							if asked.Load() >= 10_000 {
								return
							}
						default:
						}
						asked.Add(1)
						if err := ask(&client, r.url+story.path, story.answer); err != nil && failed.Add(1) < 5 {
							t.Errorf("request %d: %v", asked.Load(), err)
						}
					}
				})
			}
			s.must("config", "set", "shop", "GREETING=bye")
			r.await(`heroku\[api\]: Release v3 created by ada`, `heroku\[web.1\]: State changed from up to down`)
			r.replaced("v3")
			s.must("release", "rollback", "shop", "v2")
			r.await(`heroku\[api\]: Rollback to v2 by ada`, `heroku\[api\]: Release v4 created by ada`)
			r.replaced("v4")
			close(stop)
			askers.Wait()
			client.CloseIdleConnections()
			t.Logf("%d requests, %d failed", asked.Load(), failed.Load())
			if out := s.must("config", "get", "shop", "GREETING"); strings.TrimSpace(out) != "hello" {
				t.Errorf("after the roll back GREETING is %q", out)
			}

			// What crashes is started again.
			if err := syscall.Kill(r.find(story.crash, story.command), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			r.await("heroku\\["+story.crash+"\\]: State changed from up to crashed", "heroku\\["+story.crash+"\\]: State changed from starting to up")
			s.must("scale", "shop", "web=1")
			r.await(`heroku\[api\]: Scaled to web@1`, `heroku\[web.2\]: State changed from up to down`)

			r.end()
			log := s.must("logs", "shop", "-n", "100000")
			for line := range strings.Lines(log) {
				if _, ok := logs.Parse([]byte(line)); !ok {
					t.Fatalf("no line of a log: %q", line)
				}
			}
			if n := strings.Count(log, " heroku[router]: at=error "); n > 0 {
				t.Errorf("the router has %d errors in the log", n)
			}
			// What the web processes print is there, too.
			if out := s.must("logs", "shop", "--ps", "web", "--source", "app", "-n", "3"); strings.Count(out, "\n") != 3 || !strings.Contains(out, " app[web.") {
				t.Errorf("the last lines of web are %s", out)
			}
			if code, out := s.run("ps", "shop"); code == 0 || !strings.Contains(out, "shop: it does not run") {
				t.Errorf("ps says %d %s", code, out)
			}
		})
	}
}

func ask(client *http.Client, url, want string) error {
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
		return fmt.Errorf("%d %s (%w)", resp.StatusCode, body, err)
	}
	return nil
}

// runningApp is an app that slugc start has started.
type runningApp struct {
	*slugc
	app, url string
	cmd      *exec.Cmd
	errs     bytes.Buffer
	mu       sync.Mutex
	log      []byte
	more     chan struct{}
}

// Write takes lines of its log.
func (r *runningApp) Write(lines []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, lines...)
	close(r.more)
	r.more = make(chan struct{})
	return len(lines), nil
}

// startApp starts an app, as often as TYPE=N says.
func startApp(t *testing.T, s *slugc, app string, types ...string) *runningApp {
	t.Helper()
	port := freePort(t)
	r := &runningApp{slugc: s, app: app, url: fmt.Sprintf("http://127.0.0.1:%d", port), more: make(chan struct{})}
	r.cmd = s.command(t.Context(), "start", app, "-m", strings.Join(types, ","), "--port", strconv.Itoa(port))
	r.cmd.Stdout, r.cmd.Stderr = r, &r.errs
	r.cmd.Cancel = func() error { return r.cmd.Process.Signal(syscall.SIGTERM) }
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.cmd.ProcessState == nil {
			// It is in the way of nobody; what it said may help.
			_ = r.cmd.Process.Signal(syscall.SIGTERM)
			_ = r.cmd.Wait()
		}
		if t.Failed() {
			quiet := regexp.MustCompile(`.*heroku\[router\]: at=info.*\n`).ReplaceAll(r.log, nil)
			t.Logf("%s\n%s", quiet, &r.errs)
		}
	})
	return r
}

// await waits until the log has lines in this order.
func (r *runningApp) await(patterns ...string) {
	r.t.Helper()
	limit := time.After(2 * time.Minute)
	read := 0
	for _, pattern := range patterns {
		line := regexp.MustCompile(`^\S+ ` + pattern + "$")
		for found := false; !found; {
			r.mu.Lock()
			log, more := r.log, r.more
			r.mu.Unlock()
			for text := range bytes.Lines(log[read:]) {
				read += len(text)
				if found = line.Match(bytes.TrimSuffix(text, []byte("\n"))); found {
					break
				}
			}
			if found {
				break
			}
			select {
			case <-more:
			case <-limit:
				r.t.Fatalf("the log has no line %s (in this order: %q)", pattern, patterns)
			}
		}
	}
}

// processes are what slugc ps lists.
func (r *runningApp) processes() (list []formation.Process) {
	r.t.Helper()
	var answer struct{ Processes []formation.Process }
	out := r.must("ps", r.app, "--json")
	if err := json.Unmarshal([]byte(lastLine(out)), &answer); err != nil {
		r.t.Fatalf("%v\n%s", err, out)
	}
	return answer.Processes
}

// replaced waits until all processes are those of a release. Each look is a line
// in no log, so there is nothing to wait for but the next one.
func (r *runningApp) replaced(release string) {
	r.t.Helper()
	for limit := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		list := r.processes()
		if !slices.ContainsFunc(list, func(p formation.Process) bool { return p.Release != release || p.State != formation.Up }) {
			return
		}
		if time.Now().After(limit) {
			r.t.Fatalf("after two minutes not all are %s: %+v", release, list)
		}
	}
}

// find finds a process of the app by its name and by how its command line begins.
// A process without a port is up before its shell has become the program, of which
// nobody tells.
func (r *runningApp) find(name, command string) int {
	r.t.Helper()
	for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); time.Sleep(20 * time.Millisecond) {
		if pid := r.look(name, command); pid != 0 {
			return pid
		}
	}
	r.t.Fatalf("no process %s of %s runs", command, name)
	return 0
}

// look is find for what is there now, 0 if there is none.
func (r *runningApp) look(name, command string) int {
	r.t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		r.t.Fatal(err)
	}
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(strings.ReplaceAll(string(line), "\x00", " "), command) {
			continue
		}
		environ, err := os.ReadFile(filepath.Join(filepath.Dir(file), "environ"))
		if err != nil || !strings.Contains("\x00"+string(environ), "\x00DYNO="+name+"\x00") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && r.below(pid) {
			return pid
		}
	}
	return 0
}

// below says whether a process is one of slugc start.
func (r *runningApp) below(pid int) bool {
	for pid > 1 {
		if pid == r.cmd.Process.Pid {
			return true
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return false
		}
		parent := regexp.MustCompile(`(?m)^PPid:\s+(\d+)$`).FindSubmatch(status)
		if pid, err = strconv.Atoi(string(parent[1])); err != nil {
			return false
		}
	}
	return false
}

// sameEnvironment compares the environment of a process with that of one-off
// process.
func (r *runningApp) sameEnvironment(name, command string) {
	r.t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", r.find(name, command)))
	if err != nil {
		r.t.Fatal(err)
	}
	sorted := func(words []string) (env []string) {
		for _, word := range words {
			variable, _, _ := strings.Cut(word, "=")
			if !slices.Contains([]string{"DYNO", "PORT", "SHLVL", "_", ""}, variable) {
				env = append(env, word)
			}
		}
		slices.Sort(env)
		return env
	}
	words := strings.Split(string(content), "\x00")
	if !slices.Contains(words, "DYNO="+name) || !slices.Contains(words, "GREETING=hello") || !slices.Contains(words, "HEROKU_RELEASE_VERSION=v2") {
		r.t.Errorf("%s has %q", name, words)
	}
	one := r.must("run", r.app, "--", "env", "-0")
	if diff := gocmp.Diff(sorted(words), sorted(strings.Split(one, "\x00"))); diff != "" {
		r.t.Errorf("the environment of %s and of a one-off process (-%s +run): %s", name, name, diff)
	}
}

// end ends the app, which has to be soon and well.
func (r *runningApp) end() {
	r.t.Helper()
	start := time.Now()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		r.t.Fatal(err)
	}
	if err := r.cmd.Wait(); err != nil {
		r.t.Errorf("slugc start ended with %v\n%s", err, &r.errs)
	}
	if took := time.Since(start); took > 30*time.Second {
		r.t.Errorf("it took %s to stop", took)
	}
}
