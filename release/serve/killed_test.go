package serve_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/formation/control"
	"github.com/slugc/slugc/release/ledger"
	"github.com/slugc/slugc/release/queue"
	"github.com/slugc/slugc/release/queue/worker"
	"github.com/slugc/slugc/release/serve"
)

// homeVariable has the test program be a server, with this home and builds that take this
// many seconds.
const (
	homeVariable = "SLUGC_TEST_SERVER"
	takeVariable = "SLUGC_TEST_TAKES"
)

func TestMain(m *testing.M) {
	if home := os.Getenv(homeVariable); home != "" {
		if err := beServer(home); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// beServer is a server whose builds do nothing, until it is told to end.
func beServer(home string) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	book, err := ledger.Open(ctx, ledger.Settings{Dir: home, Keys: ledger.Keys{File: filepath.Join(home, "key")}})
	if err != nil {
		return err
	}
	store, err := book.Queue(0)
	if err != nil {
		return err
	}
	voice := &heard{}
	server, err := serve.New(serve.Settings{
		Store: store, Book: book, Rules: book, Token: testToken, Author: "api", Voice: voice, LargestSource: 1 << 20,
		Maker:     func(string, release.Voice) release.Maker { return release.Maker{} },
		Formation: func(app string) control.Client { return control.Client{Dir: filepath.Join(home, "run", app)} },
		Slug:      slugFiles{home}.Path, Sources: filepath.Join(home, "sources"), Sizes: filepath.Join(home, "sizes"),
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	engine := queue.Engine{Store: store, Most: 4, Again: true, Worker: worker.Local{
		Program: "/bin/sh", Args: []string{"sh", "-c", "echo it is built; exec sleep " + os.Getenv(takeVariable)}, Env: []string{"PATH=" + os.Getenv("PATH")},
		Dir:      filepath.Join(home, "work"),
		Checkout: func(context.Context, queue.Source, string, io.Writer) error { return nil },
	}}
	fmt.Printf("http://%s\n", listener.Addr())
	group, within := errgroup.WithContext(ctx)
	group.Go(func() error { return server.Answer(within, listener) })
	group.Go(func() error { return server.Watch(within) })
	group.Go(func() error {
		engine.Run(within)
		return nil
	})
	return group.Wait()
}

// serverProcess is a server in a process of its own.
type serverProcess struct {
	*exec.Cmd
	url string
}

func startProcess(t *testing.T, home, takes string) serverProcess {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), homeVariable+"="+home, takeVariable+"="+takes)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	return serverProcess{c, strings.TrimSpace(line)}
}

func (p serverProcess) kill(t *testing.T) {
	t.Helper()
	must(t, p.Process.Kill())
	// It ends with the signal.
	_ = p.Wait()
}

func (p serverProcess) end(t *testing.T) {
	t.Helper()
	must(t, p.Process.Signal(syscall.SIGTERM))
	must(t, p.Wait())
}

// address is where the server of the moment is.
type address struct {
	mu   sync.Mutex
	url  string
	next chan struct{}
}

// set tells those who wait of another server.
func (a *address) set(url string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.next != nil {
		close(a.next)
	}
	a.url, a.next = url, make(chan struct{})
}

// get returns where it is, and what is closed when there is another.
func (a *address) get() (url string, next <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.url, a.next
}

// deliver sends a delivery until it is answered: to the next server when one is gone.
func deliver(ctx context.Context, server *address, app string, body []byte) error {
	for {
		url, next := server.get()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/hooks/"+app, bytes.NewReader(body))
		if err != nil {
			return err
		}
		for _, h := range []string{"X-Github-Event: push", sign(body, testSecret)} {
			name, value, _ := strings.Cut(h, ": ")
			req.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusAccepted {
				return nil
			}
			if resp.StatusCode < http.StatusInternalServerError || ctx.Err() != nil {
				return fmt.Errorf("%s", resp.Status)
			}
			continue
		}
		select {
		case <-next:
		case <-ctx.Done():
			return err
		}
	}
}

// TestKilledServer: deliveries come in while the server is killed and started again.
// Each that was taken is built: one build of it succeeds, however many began, unless it was
// killed three times. Forges send again what was not answered.
func TestKilledServer(t *testing.T) {
	const apps = 10
	branches, kills, takes, within := 3, 3, "0.02", time.Second
	if thorough {
		branches, kills, within = 50, 1, 10*time.Second // 500 deliveries in ten seconds
	}
	t.Run("deliveries", func(t *testing.T) { testKilled(t, apps, branches, kills, takes, within) })
	if thorough {
		// Every build is killed in the middle now and then.
		t.Run("builds", func(t *testing.T) { testKilled(t, apps, 15, 100, "0.05", 20*time.Second) })
	}
}

func testKilled(t *testing.T, apps, branches, kills int, takes string, within time.Duration) {
	t.Parallel()
	s := newSite(t, nil)
	names := make([]string, branches)
	for i := range names {
		names[i] = fmt.Sprintf("branch-%d", i)
	}
	for a := range apps {
		s.ruled(fmt.Sprintf("app-%d", a), names...)
	}
	server := startProcess(t, s.home, takes)
	var at address
	at.set(server.url)
	began := time.Now()
	ctx, stop := context.WithDeadline(t.Context(), began.Add(within+time.Minute))
	defer stop()
	var senders sync.WaitGroup
	total := apps * branches
	for n := range total {
		senders.Go(func() {
			app, branch := fmt.Sprintf("app-%d", n%apps), names[n/apps]
			time.Sleep(time.Until(began.Add(within * time.Duration(n) / time.Duration(total))))
			if err := deliver(ctx, &at, app, push(app, branch, commitOf(n), "")); err != nil {
				t.Errorf("delivery %d: %v", n, err)
			}
		})
	}
	random := rand.New(rand.NewSource(1))
	for n := range kills {
		time.Sleep(time.Until(began.Add(within * time.Duration(n+1) / time.Duration(kills+1))))
		time.Sleep(time.Duration(random.Intn(30)) * time.Millisecond)
		server.kill(t)
		server = startProcess(t, s.home, takes)
		at.set(server.url)
	}
	senders.Wait()
	all := s.settled(2 * time.Minute)
	server.end(t)
	succeeded, abandoned := map[string]int{}, map[string]int{}
	for _, b := range all {
		switch b.Status {
		case queue.Succeeded:
			succeeded[b.Source.Commit]++
		case queue.Abandoned:
			abandoned[b.Source.Commit]++
		default:
			t.Errorf("build %d is %s: %s", b.ID, b.Status, b.Reason)
		}
	}
	killed, givenUp := 0, 0
	for n := range total {
		commit := commitOf(n)
		killed += abandoned[commit]
		// A build that was begun as often as builds are is not begun again (queue.Store.Repeat).
		const attempts = 3
		if succeeded[commit] == 0 && abandoned[commit] == attempts {
			givenUp++
			continue
		}
		if succeeded[commit] != 1 {
			t.Errorf("delivery %d was built %d times, and killed %d times", n, succeeded[commit], abandoned[commit])
		}
	}
	if givenUp > 0 && kills < 10 {
		t.Errorf("%d deliveries were given up after %d kills", givenUp, kills)
	}
	t.Logf("%d deliveries, %d builds, %d of them killed with the server in %d kills; %d were given up; %s in all", total, len(all), killed, kills, givenUp, time.Since(began).Round(time.Second))
}

func commitOf(n int) string { return fmt.Sprintf("%040x", n+1) }

// settled waits until nothing waits or runs, and returns all builds. One that was
// abandoned is ordered again by the server within moments.
func (s *site) settled(most time.Duration) []queue.Build {
	s.t.Helper()
	ctx, stop := context.WithTimeout(s.t.Context(), most)
	defer stop()
	for mark := queue.Mark(0); ; {
		seen, err := s.store.Changed(ctx, mark)
		must(s.t, err)
		mark = seen
		again, err := s.store.Repeat(ctx)
		must(s.t, err)
		open, err := s.store.Builds(ctx, queue.Filter{Statuses: []queue.Status{queue.Waiting, queue.Running}})
		must(s.t, err)
		if len(open) == 0 && len(again) == 0 {
			all, err := s.store.Builds(ctx, queue.Filter{})
			must(s.t, err)
			return all
		}
	}
}
