package formation_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/slug/slugtest"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/release/formation/logs"
	"github.com/slugc/slugc/release/formation/memory"
	"github.com/slugc/slugc/release/formation/router"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// appName is the name under which the test binary is the program of an app.
const appName = "test-app"

func TestMain(m *testing.M) {
	args := os.Args[1:]
	processType, ofImage := strings.CutPrefix(os.Args[0], launch.ProcessDir+"/")
	if ofImage {
		args = append(strings.Split(processType, "-"), args...)
	}
	if ofImage || filepath.Base(os.Args[0]) == appName {
		if err := app(args[0], args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// app is what the processes of the tests do.
func app(what string, args []string) error {
	switch what {
	case "web":
		return listen("0.0.0.0", nil)
	case "slow":
		// It answers when it has been told to end, and not before, and then ends.
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGTERM)
		return listen("0.0.0.0", told)
	case "local":
		return listen("127.0.0.1", nil)
	case "never":
		for {
			time.Sleep(time.Hour)
		}
	case "deaf":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("I hear nothing")
		return app("never", nil)
	case "daemon":
		child := exec.CommandContext(context.Background(), "/proc/self/exe", "web")
		child.Args[0] = appName
		return child.Start()
	case "write":
		return write(args)
	case "hog":
		return hog(args[0])
	case "flood":
		out := strings.Repeat(strings.Repeat("x", 99)+"\n", 1000)
		for range 100 {
			fmt.Print(out)
		}
		fmt.Println("that was all")
		return app("never", nil)
	}
	return fmt.Errorf("what is %s %v", what, args)
}

// write says where it is and with what, and leaves a file behind.
func write(args []string) error {
	left, err := filepath.Glob("left*")
	if err != nil {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	layer, err := os.ReadFile(os.Getenv("CNB_LAYERS_DIR") + "/acme/tool")
	if err != nil {
		return err
	}
	fmt.Printf("%s in %s, at home in %s, with %q, %s and %s; left: %v\n", os.Getenv("DYNO"), dir, os.Getenv("HOME"), args, os.Getenv("MESSAGE"), layer, left)
	if err := os.WriteFile(os.Getenv("CNB_LAYERS_DIR")+"/acme/tool", nil, 0o600); err == nil {
		return errors.New("a layer can be written")
	}
	return os.WriteFile("left-behind", nil, 0o600)
}

// hog eats so many MiB, half of it in a child, and says what it may eat.
func hog(text string) error {
	limit, err := os.ReadFile("/sys/fs/cgroup/memory.max")
	if err != nil {
		return err
	}
	fmt.Printf("I may have %s", limit)
	size, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	if size > 16 {
		child := exec.CommandContext(context.Background(), "/proc/self/exe", "hog", strconv.Itoa(size/2))
		child.Args[0] = appName
		if err := child.Start(); err != nil {
			return err
		}
		size /= 2
	}
	// The race detector does not multiply what is not Go's.
	eaten, err := syscall.Mmap(-1, 0, size<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return err
	}
	for i := 0; i < len(eaten); i += os.Getpagesize() {
		eaten[i] = 1
	}
	fmt.Println("I have eaten")
	return app("never", nil)
}

func listen(host string, wait <-chan os.Signal) error {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", host+":"+os.Getenv("PORT"))
	if err != nil {
		return err
	}
	var server *http.Server
	server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/crash" {
			os.Exit(3)
		}
		if wait != nil {
			fmt.Println("asked")
			<-wait
			// It answers this request, and takes no more.
			go func() {
				if err := server.Shutdown(context.WithoutCancel(req.Context())); err != nil {
					fmt.Fprintln(os.Stderr, err)
				}
			}()
		}
		fmt.Fprintf(w, "%s %s", os.Getenv("DYNO"), os.Getenv("MESSAGE"))
	})}
	fmt.Println("listening")
	err = server.Serve(l)
	// Serve does not wait for requests under way.
	return errors.Join(err, server.Shutdown(context.Background()))
}

// journal is the log in memory, in which lines can be awaited.
type journal struct {
	mu      sync.Mutex
	content []byte
	more    chan struct{}
}

func (j *journal) Write(lines []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.content = append(j.content, lines...)
	close(j.more)
	j.more = make(chan struct{})
	return len(lines), nil
}

// now is the log, and a channel that is closed when there is more.
func (j *journal) now() (string, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return string(j.content), j.more
}

// await waits until the log has lines, in this order, each after an earlier one.
func (j *journal) await(t *testing.T, patterns ...string) {
	t.Helper()
	limit := time.After(30 * time.Second)
	read := 0
	for _, pattern := range patterns {
		line := regexp.MustCompile(`^\S+ ` + pattern + "$")
		for found := false; !found; {
			content, more := j.now()
			for text := range strings.Lines(content[read:]) {
				read += len(text)
				if found = line.MatchString(strings.TrimSuffix(text, "\n")); found {
					break
				}
			}
			if found {
				break
			}
			select {
			case <-more:
			case <-limit:
				t.Errorf("the log has no line %s (in this order: %q):\n%s", pattern, patterns, regexp.MustCompile(`.*heroku\[router\]: at=info.*\n`).ReplaceAllString(content, ""))
				return
			}
		}
	}
}

func TestFormation(t *testing.T) { spec.Run(t, "a formation", testFormation) }

func testFormation(t *testing.T, _ spec.G, it spec.S) {
	var f *formation.Formation
	var log *journal
	var door *httptest.Server

	it.Before(func() {
		log = &journal{more: make(chan struct{})}
		stream := logs.NewStream(log)
		f = &formation.Formation{
			Runner: sandbox.Namespaces{}, Log: stream, Dir: t.TempDir(),
			Stack:  func(context.Context, stack.Stack) (stack.Stack, error) { return stack.Stack{ID: stack.HostID}, nil },
			Router: router.New(func(line string) { stream.Sayf(logs.Router, "%s", line) }),
			Times:  formation.Times{FirstDelay: 10 * time.Millisecond},
		}
		door = httptest.NewServer(f.Router.Handler())
	})
	it.After(func() {
		if err := f.Stop(); err != nil {
			t.Error(err)
		}
		door.Close()
		left, err := os.ReadDir(f.Dir)
		if err != nil || len(left) > 0 {
			t.Errorf("processes leave %v, %v", left, err)
		}
	})

	deploy := func(name, procfile string, scale map[string]int) {
		t.Helper()
		r := formation.Release{Name: name, Slug: slugtest.OfTest(t, appName, procfile), Env: launch.Env{"MESSAGE": "from " + name}}
		if err := f.Deploy(t.Context(), r, scale); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(path string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, door.URL+path, nil)
		if err != nil {
			t.Error(err)
			return 0, ""
		}
		resp, err := door.Client().Do(req)
		if err != nil {
			t.Error(err)
			return 0, ""
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		return resp.StatusCode, string(body)
	}
	answers := func(want string) {
		t.Helper()
		if status, text := ask("/"); status != http.StatusOK || text != want {
			t.Errorf("answered %d %q, expected %q", status, text, want)
		}
	}

	it("starts one web process and nothing else, and tells how it went", func() {
		deploy("v1", "web: ./test-app web\nworker: ./test-app never\n", nil)
		answers("web.1 from v1")
		list := f.Processes()
		if len(list) != 1 || list[0].Name != "web.1" || list[0].State != formation.Up || list[0].Release != "v1" || list[0].Port == "" {
			t.Errorf("the processes are %+v", list)
		}
		// The router says what was answered when it has answered.
		log.await(t,
			"heroku\\[web.1\\]: Starting process with command `./test-app web`",
			`app\[web.1\]: listening`,
			`heroku\[web.1\]: State changed from starting to up`,
			`heroku\[router\]: at=info method=GET path="/" .* dyno=web.1 .* status=200 .*`)
		if err := f.Stop(); err != nil {
			t.Error(err)
		}
		log.await(t,
			`heroku\[web.1\]: State changed from starting to up`,
			`heroku\[web.1\]: Stopping all processes with SIGTERM`,
			`heroku\[web.1\]: Process exited with status 143`,
			`heroku\[web.1\]: State changed from up to down`)
	})

	it("has as many as wanted", func() {
		deploy("v1", "web: ./test-app web\nworker: ./test-app never\n", map[string]int{"web": 2, "worker": 1})
		log.await(t, `heroku\[web.2\]: State changed from starting to up`)
		log.await(t, `heroku\[web.1\]: State changed from starting to up`)
		log.await(t, `heroku\[worker.1\]: State changed from starting to up`)
		seen := map[string]bool{}
		for range 4 {
			_, text := ask("/")
			seen[text] = true
		}
		if len(seen) != 2 {
			t.Errorf("these answer: %v", seen)
		}
		if err := f.Scale(map[string]int{"web": 1, "worker": 2}); err != nil {
			t.Fatal(err)
		}
		log.await(t, `heroku\[api\]: Scaled to web@1 worker@2`, `heroku\[web.2\]: State changed from up to down`)
		log.await(t, `heroku\[worker.2\]: State changed from starting to up`)
		answers("web.1 from v1")
		if err := f.Scale(map[string]int{"web": 0}); err != nil {
			t.Fatal(err)
		}
		log.await(t, `heroku\[web.1\]: State changed from up to down`)
		if status, text := ask("/"); status != http.StatusServiceUnavailable || !strings.Contains(text, "H14") {
			t.Errorf("answered %d %s", status, text)
		}
		var unknown *formation.UnknownScaleError
		if err := f.Scale(map[string]int{"wörker": 1}); !errors.As(err, &unknown) {
			t.Errorf("Scale returned %v", err)
		}
	})

	it("refuses no request while releases follow each other", func() {
		deploy("v1", "web: ./test-app web\n", map[string]int{"web": 2})
		log.await(t, `heroku\[web.1\]: State changed from starting to up`)
		log.await(t, `heroku\[web.2\]: State changed from starting to up`)
		stop := make(chan struct{})
		var askers sync.WaitGroup
		asked := 0
		askers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					asked++
					if status, text := ask("/"); status != http.StatusOK {
						t.Errorf("request %d was answered %d %s", asked, status, text)
					}
				}
			}
		})
		for n := 2; n <= 4; n++ {
			deploy(fmt.Sprintf("v%d", n), "web: ./test-app web\n", nil)
			log.await(t, strings.Split(strings.Repeat("heroku\\[web.1\\]: State changed from up to down\n", n-1), "\n")[:n-1]...)
			log.await(t, strings.Split(strings.Repeat("heroku\\[web.2\\]: State changed from up to down\n", n-1), "\n")[:n-1]...)
		}
		close(stop)
		askers.Wait()
		if asked < 10 {
			t.Errorf("only %d requests were made", asked)
		}
		for range 2 {
			if _, text := ask("/"); !strings.HasSuffix(text, "from v4") {
				t.Errorf("answered: %s", text)
			}
		}
	})

	it("ends a process when it has answered", func() {
		deploy("v1", "web: ./test-app web\n", nil)
		answers("web.1 from v1")
		f.Times.Drain = 50 * time.Millisecond
		deploy("v2", "web: ./test-app slow\n", nil)
		log.await(t, `heroku\[web.1\]: State changed from up to down`)
		answered := make(chan string)
		go func() {
			_, text := ask("/")
			answered <- text
		}()
		log.await(t, `app\[web.1\]: asked`)
		deploy("v3", "web: ./test-app web\n", nil)
		if text := <-answered; text != "web.1 from v2" {
			t.Errorf("answered: %s", text)
		}
		log.await(t, `heroku\[web.1\]: Requests are still under way after 50ms`, `heroku\[web.1\]: Stopping all processes with SIGTERM`)
		answers("web.1 from v3")
	})

	it("keeps the old release while the new one does not come up", func() {
		deploy("v1", "web: ./test-app web\n", nil)
		answers("web.1 from v1")
		f.Times.Boot = 100 * time.Millisecond
		deploy("v2", "web: ./test-app never\n", nil)
		log.await(t,
			`heroku\[web.1\]: Error R10 \(Boot timeout\) -> Web process failed to bind to \$PORT within 100ms of launch`,
			`heroku\[web.1\]: Stopping all processes with SIGTERM`,
			`heroku\[web.1\]: Process exited with status 143`,
			`heroku\[web.1\]: State changed from starting to crashed`,
			"heroku\\[web.1\\]: Starting process with command `./test-app never`")
		answers("web.1 from v1")
		f.Times.Boot = 0
		deploy("v3", "web: ./test-app web\n", nil)
		log.await(t, `heroku\[web.1\]: State changed from up to down`)
		answers("web.1 from v3")
	})

	it("starts what crashed again, later each time", func() {
		deploy("v1", "web: ./test-app web\nworker: exit 7\n", map[string]int{"web": 1, "worker": 1})
		log.await(t,
			`heroku\[worker.1\]: Process exited with status 7`,
			`heroku\[worker.1\]: State changed from up to crashed`,
			"heroku\\[worker.1\\]: Starting process with command `exit 7`",
			`heroku\[worker.1\]: Restarting in 10ms`,
			`heroku\[worker.1\]: Restarting in 20ms`,
			`heroku\[worker.1\]: Restarting in 40ms`)
		answers("web.1 from v1")
		ask("/crash")
		log.await(t,
			`heroku\[web.1\]: Process exited with status 3`, `heroku\[web.1\]: State changed from up to crashed`,
			`heroku\[web.1\]: State changed from crashed to starting`, `heroku\[web.1\]: State changed from starting to up`)
		answers("web.1 from v1")
	})

	it("takes the end of a web process for a crash, however it ends", func() {
		deploy("v1", "web: exit 0\n", nil)
		log.await(t, `heroku\[web.1\]: Process exited with status 0`, `heroku\[web.1\]: State changed from starting to crashed`, `heroku\[web.1\]: Restarting in 20ms`)
		deploy("v2", "web: ./test-app daemon\n", nil)
		log.await(t, "heroku\\[web.1\\]: Starting process with command `./test-app daemon`", `heroku\[web.1\]: Process exited with status 0`, `heroku\[web.1\]: State changed from (starting|up) to crashed`)
		deploy("v3", "web: no-such-program\n", nil)
		log.await(t, `app\[web.1\]: .*no-such-program: command not found`, `heroku\[web.1\]: Process exited with status 127`)
	})

	it("kills who does not hear", func() {
		f.Times.Grace = 50 * time.Millisecond
		deploy("v1", "worker: ./test-app deaf\n", map[string]int{"worker": 1})
		log.await(t, `app\[worker.1\]: I hear nothing`)
		if err := f.Stop(); err != nil {
			t.Error(err)
		}
		log.await(t, `heroku\[worker.1\]: Stopping all processes with SIGTERM`,
			`heroku\[worker.1\]: Error R12 \(Exit timeout\) -> At least one process failed to exit within 50ms of SIGTERM`,
			`heroku\[worker.1\]: Stopping process with SIGKILL`, `heroku\[worker.1\]: Process exited with status 137`)
	})

	it("tells of who uses more memory than it may, and kills who uses far more", func() {
		f.Times.Memory = 20 * time.Millisecond
		f.Memory = memory.Quotas{All: 60 << 20, Types: map[string]int64{"worker": 48 << 20}}
		deploy("v1", "worker: ./test-app hog 54\nclock: ./test-app hog 8\n", map[string]int{"worker": 1, "clock": 1})
		log.await(t, `app\[clock.1\]: I may have 62914560`, `app\[clock.1\]: I have eaten`)
		log.await(t,
			`app\[worker.1\]: I may have 50331648`,
			`heroku\[worker.1\]: Process running mem=\d+M\(1\d\d\.\d%\)`,
			`heroku\[worker.1\]: Error R14 \(Memory quota exceeded\)`)
		for _, p := range f.Processes() {
			switch {
			case p.Name == "worker.1" && (p.Memory <= 48<<20 || p.Quota != 48<<20):
				t.Errorf("worker.1 uses %d of %d", p.Memory, p.Quota)
			case p.Name == "clock.1" && (p.Memory < 8<<20 || p.Memory > 60<<20 || p.Quota != 60<<20):
				t.Errorf("clock.1 uses %d of %d", p.Memory, p.Quota)
			}
		}
		deploy("v2", "worker: ./test-app hog 160\n", nil)
		log.await(t,
			`heroku\[worker.1\]: Process running mem=\d+M\(\d\d\d\.\d%\)`,
			`heroku\[worker.1\]: Error R15 \(Memory quota vastly exceeded\)`,
			`heroku\[worker.1\]: Stopping process with SIGKILL`,
			`heroku\[worker.1\]: Process exited with status 137`,
			`heroku\[worker.1\]: State changed from up to crashed`,
			"heroku\\[worker.1\\]: Starting process with command `./test-app hog 160`")
		content, _ := log.now()
		if n := strings.Count(content, "Error R14"); n != 1 && n != 2 || strings.Contains(content, "clock.1]: Error") {
			t.Errorf("it is told of %d times:\n%s", n, content)
		}
		var unknown *formation.UnknownScaleError
		other := formation.Formation{Runner: f.Runner, Stack: f.Stack, Log: f.Log, Router: f.Router, Dir: f.Dir, Memory: memory.Quotas{Types: map[string]int64{"wrong": 1 << 30}}}
		err := other.Deploy(t.Context(), formation.Release{Slug: slugtest.OfTest(t, appName, "web: ./test-app web\n")}, nil)
		if !errors.As(err, &unknown) {
			t.Errorf("Deploy returned %v", err)
		}
	})

	it("says of who listens on this machine alone that it will not work elsewhere", func() {
		deploy("v1", "web: ./test-app local\n", nil)
		answers("web.1 from v1")
		log.await(t, `heroku\[web.1\]: Listening on 127.0.0.1 alone, where .* let it listen on 0.0.0.0`)
	})

	it("loses nothing of a flood", func() {
		deploy("v1", "worker: ./test-app flood\n", map[string]int{"worker": 1})
		log.await(t, `app\[worker.1\]: that was all`)
		content, _ := log.now()
		if n := bytes.Count([]byte(content), []byte("app[worker.1]: "+strings.Repeat("x", 99)+"\n")); n != 100_000 {
			t.Errorf("the log has %d lines of 100000", n)
		}
	})

	it("restarts", func() {
		deploy("v1", "web: ./test-app web\n", nil)
		answers("web.1 from v1")
		if n, err := f.Restart("web"); n != 1 || err != nil {
			t.Errorf("restarted %d, %v", n, err)
		}
		log.await(t, `heroku\[web.1\]: State changed from starting to up`, `heroku\[web.1\]: State changed from starting to up`, `heroku\[web.1\]: State changed from up to down`)
		answers("web.1 from v1")
		if n, err := f.Restart("clock"); n != 0 || err != nil {
			t.Errorf("restarted %d, %v", n, err)
		}
	})

	it("leaves nobody behind who is to be replaced", func() {
		deploy("v1", "web: ./test-app web\n", nil)
		answers("web.1 from v1")
		deploy("v2", "web: ./test-app never\n", nil)
		log.await(t, "heroku\\[web.1\\]: Starting process with command `./test-app never`")
		if n, err := f.Restart(""); n != 1 || err != nil {
			t.Errorf("restarted %d, %v", n, err)
		}
		log.await(t, strings.Split(strings.Repeat("heroku\\[web.1\\]: Starting process with command `./test-app never`\n", 2), "\n")[:2]...)
		answers("web.1 from v1")
		if err := f.Scale(map[string]int{"web": 0}); err != nil {
			t.Fatal(err)
		}
		log.await(t, `heroku\[web.1\]: State changed from up to down`)
		for limit := time.Now().Add(10 * time.Second); len(f.Processes()) > 0; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(limit) {
				t.Fatalf("there still are %+v", f.Processes())
			}
		}
	})

	it("refuses what it cannot start", func() {
		var unknown *formation.UnknownScaleError
		r := formation.Release{Slug: slugtest.OfTest(t, appName, "web: ./test-app web\n")}
		if err := f.Deploy(t.Context(), r, map[string]int{"clock": 1}); !errors.As(err, &unknown) || !strings.Contains(err.Error(), "it has web") {
			t.Errorf("Deploy returned %v", err)
		}
		r.Slug = "/nowhere"
		if err := f.Deploy(t.Context(), r, nil); err == nil || !strings.Contains(err.Error(), "there is no such file") {
			t.Errorf("Deploy returned %v", err)
		}
		if err := f.Scale(map[string]int{"web": 1}); err == nil {
			t.Error("nothing is scaled")
		}
	})
}
