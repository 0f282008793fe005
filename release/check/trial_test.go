package check_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/build/slug/slugtest"
	"github.com/slugc/slugc/release/check"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/sandbox"
)

// appName is the name under which the test binary is the program of an app.
const appName = "test-app"

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == appName {
		if err := app(os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// app is what the processes of the tests do.
func app(what string) error {
	switch what {
	case "good":
		fmt.Println("listening")
		return listen("0.0.0.0")
	case "local":
		fmt.Println("listening")
		return listen("127.0.0.1")
	case "silent":
		return listen("0.0.0.0")
	case "never":
		for {
			time.Sleep(time.Hour)
		}
	case "deaf":
		signal.Ignore(syscall.SIGTERM)
		return app("good")
	case "slow":
		time.Sleep(100 * time.Millisecond)
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGTERM)
		go func() {
			<-told
			time.Sleep(100 * time.Millisecond)
			os.Exit(0)
		}()
		return app("good")
	case "writer":
		err := errors.Join(os.Mkdir("log", 0o755), os.Mkdir(".cache", 0o755))
		for _, name := range []string{"web.pid", "log/web.log", "shop.sqlite3", "counter.txt", ".cache/x", "old.txt"} {
			err = errors.Join(err, os.WriteFile(name, []byte("written"), 0o644))
		}
		if err != nil {
			return err
		}
		return app("good")
	case "fails":
		return errors.New("no DATABASE_URL")
	}
	return nil
}

func listen(host string) error {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", host+":"+os.Getenv("PORT"))
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if os.Getenv("CRASH") != "" {
			os.Exit(3)
		}
		w.WriteHeader(http.StatusTeapot)
	})}
	return server.Serve(l)
}

// impatient kills what does not end soon after SIGTERM.
type impatient struct{ sandbox.Runner }

func (i impatient) Run(ctx context.Context, c sandbox.Command) error {
	c.Grace = 300 * time.Millisecond
	return i.Runner.Run(ctx, c)
}

func TestTry(t *testing.T) {
	times := check.Times{Boot: 500 * time.Millisecond, SlowBoot: 400 * time.Millisecond, SlowStop: 250 * time.Millisecond}
	for _, test := range []struct {
		about, procfile string
		times           func(*check.Times)
		want            []string
		is              func(check.Trial) bool
	}{
		{about: "a good one", procfile: "web: ./test-app good", is: func(r check.Trial) bool {
			return r.Web && r.Listened && !r.Alone && !r.Ended && r.Status == 143 && r.Answer == http.StatusTeapot && r.Last == "listening"
		}},
		{about: "for this machine alone", procfile: "web: ./test-app local", want: []string{"bound-local "}, is: func(r check.Trial) bool { return r.Alone }},
		{about: "without a word", procfile: "web: ./test-app silent", want: []string{"silent "}, is: func(r check.Trial) bool { return r.Printed == 0 }},
		{about: "that never listens", procfile: "web: ./test-app never", want: []string{"no-listener "}, is: func(r check.Trial) bool { return !r.Listened && !r.Ended && r.Status == 143 }},
		{about: "that fails", procfile: "web: ./test-app fails", want: []string{"no-listener "}, is: func(r check.Trial) bool { return r.Ended && r.Status == 1 && r.Last == "no DATABASE_URL" }},
		{about: "in the background", procfile: "web: ./test-app good &", want: []string{"daemon "}, is: func(r check.Trial) bool { return r.Ended && r.Status == 0 }},
		{about: "that crashes", procfile: "web: CRASH=1 ./test-app good", want: []string{"crash "}, is: func(r check.Trial) bool { return r.Listened && r.Ended && r.Status == 3 }},
		{about: "that does not hear", procfile: "web: ./test-app deaf", want: []string{"slow-stop "}, is: func(r check.Trial) bool { return r.Killed && r.Status == 137 }},
		{about: "that is slow", procfile: "web: ./test-app slow", times: func(times *check.Times) { times.SlowBoot, times.SlowStop = 90*time.Millisecond, 90*time.Millisecond },
			want: []string{"slow-start ", "slow-stop "}, is: func(r check.Trial) bool { return r.Status == 0 && r.Startup >= 0.1 && r.Stop >= 0.1 }},
		{about: "that writes", procfile: "web: ./test-app writer", want: []string{"state-written counter.txt", "log-file log/web.log", "state-written old.txt", "state-written shop.sqlite3", "pid-file web.pid"}, is: func(r check.Trial) bool { return r.Listened }},
		{about: "of no web process", procfile: "worker: ./test-app good", is: func(r check.Trial) bool { return !r.Web && !r.Listened }},
	} {
		t.Run(test.about, func(t *testing.T) {
			t.Parallel()
			within := times
			within.Boot = 20 * time.Second
			if slices.Contains(test.want, "no-listener ") {
				within.Boot = times.Boot
			}
			// A busy machine is no slow app.
			within.SlowBoot, within.SlowStop = within.Boot, within.Boot
			if test.times != nil {
				test.times(&within)
			}
			looked := false
			one := formation.OneOff{
				Runner: impatient{sandbox.Namespaces{}}, Slug: slugtest.OfTest(t, appName, test.procfile),
				Stack: func(context.Context, stack.Stack) (stack.Stack, error) { return stack.Stack{ID: stack.HostID}, nil },
			}
			trial, err := check.Try(t.Context(), one, within, func(app fs.FS, _ string) error {
				_, err := fs.Stat(app, "Procfile")
				looked = err == nil
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if !looked {
				t.Error("nobody looked at the files")
			}
			if diff := cmp.Diff(test.want, rulesOf(trial.Findings(within))); diff != "" || !test.is(trial) {
				t.Errorf("%s\n%+v", diff, trial)
			}
		})
	}
}

func TestTryErrors(t *testing.T) {
	look := func(fs.FS, string) error { return nil }
	one := formation.OneOff{Runner: sandbox.Namespaces{}, Slug: "/nowhere"}
	if _, err := check.Try(t.Context(), one, check.Limits(), look); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("Try returned %v", err)
	}
	if _, err := check.Look(t.Context(), "/nowhere", look); err == nil {
		t.Error("Look returned nothing")
	}
	on := check.Trial{BuiltOn: stack.HostID}
	if diff := cmp.Diff([]string{"host-stack "}, rulesOf(on.Findings(check.Limits()))); diff != "" {
		t.Error(diff)
	}
	ctx, cancel := context.WithCancel(t.Context())
	one.Slug = slugtest.OfTest(t, appName, "web: ./test-app never")
	one.Stack = func(context.Context, stack.Stack) (stack.Stack, error) {
		time.AfterFunc(50*time.Millisecond, cancel)
		return stack.Stack{ID: stack.HostID}, nil
	}
	if _, err := check.Try(ctx, one, check.Limits(), look); !errors.Is(err, context.Canceled) {
		t.Errorf("Try, interrupted, returned %v", err)
	}
}
