package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/slugc/slugc/build/slug"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/sandbox"
)

// Trial is what the web process of a slug did.
type Trial struct {
	// Web is whether the slug has a process type web at all.
	Web bool `json:"web"`
	// Port is what it was to listen on.
	Port string `json:"port,omitempty"`
	// Listened is whether it did, Alone whether for this machine alone, and Startup
	// the seconds until then.
	Listened bool    `json:"listened"`
	Alone    bool    `json:"alone"`
	Startup  float64 `json:"startup_seconds"`
	// Answer is the status of the answer to GET /, 0 for none.
	Answer int `json:"answer,omitempty"`
	// Ended is whether it ended by itself, Status its exit status, as a shell counts
	// it, Stop the seconds from SIGTERM to its end, and Killed whether it took SIGKILL.
	Ended  bool    `json:"ended"`
	Status int     `json:"status"`
	Stop   float64 `json:"stop_seconds"`
	Killed bool    `json:"killed"`
	// Printed is the number of bytes on stdout and stderr, Last the last of them.
	Printed int64  `json:"printed"`
	Last    string `json:"last,omitempty"`
	// Written are the files in the app's directory that it made or changed, but for
	// caches.
	Written []string `json:"written,omitempty"`
	// BuiltOn is the id of the stack that the slug says it was built on.
	BuiltOn string `json:"built_on,omitempty"`
}

// Times are the limits of a trial.
type Times struct {
	// Boot is the time that the process has to listen.
	Boot time.Duration
	// SlowBoot and SlowStop are worth a warning.
	SlowBoot, SlowStop time.Duration
}

// Limits are those of Heroku's dynos (Dev Center, "Dynos": R10 and R12).
func Limits() Times {
	return Times{Boot: 60 * time.Second, SlowBoot: 10 * time.Second, SlowStop: 10 * time.Second}
}

// Stay is how long a process that listens runs before it is asked to end, at least.
const stay = 200 * time.Millisecond

// Try starts the web process of a slug, waits until it listens, asks it for /, and
// ends it. What it does is in the Trial; an error is that of this machine. The slug's
// files before that are shown to look, with the directory that is the app, if not all
// is.
func Try(ctx context.Context, one formation.OneOff, times Times, look func(app fs.FS, dir string) error) (Trial, error) {
	t := trial{times: times, last: &tail{}}
	port, err := formation.FreePort(ctx)
	if err != nil {
		return Trial{}, err
	}
	t.Port, one.Type = port, formation.Web
	one.Stdout, one.Stderr = t.last, t.last
	find := one.Stack
	one.Stack = func(ctx context.Context, builtOn stack.Stack) (stack.Stack, error) {
		t.Web, t.BuiltOn = true, builtOn.ID
		return find(ctx, builtOn)
	}
	before := map[string]stamp{}
	one.Unpacked = within(func(app fs.FS, dir string) (err error) {
		if before, err = stamps(app); err != nil {
			return err
		}
		return look(app, dir)
	})
	one.Ended = within(func(app fs.FS, _ string) error {
		after, err := stamps(app)
		for name, s := range after {
			if old, was := before[name]; (!was || old != s) && !cache(name) {
				t.Written = append(t.Written, name)
			}
		}
		slices.Sort(t.Written)
		return err
	})
	running, end := context.WithCancel(ctx)
	defer end()
	over, watched := make(chan struct{}), make(chan error, 1)
	started := false
	one.Port = func() (string, error) {
		started, t.started = true, time.Now()
		go func() {
			watched <- t.watch(ctx, over)
			end()
		}()
		return port, nil
	}
	err = one.Run(running)
	close(over)
	finished := time.Now()
	if started {
		if watchErr := <-watched; watchErr != nil {
			return Trial{}, watchErr
		}
	}
	t.Printed, t.Last = t.last.printed.Load(), t.last.text()
	if !t.asked.IsZero() {
		t.Stop = finished.Sub(t.asked).Seconds()
	}
	return t.Trial, t.ended(ctx, err)
}

// Look shows the files of a slug to look, and starts nothing.
func Look(ctx context.Context, file string, look func(app fs.FS, dir string) error) (t Trial, err error) {
	err = formation.Look(ctx, file, func(app string, builtOn stack.Stack) error {
		t.BuiltOn = builtOn.ID
		return within(look)(app)
	})
	return t, err
}

// trial is one under way.
type trial struct {
	Trial
	times   Times
	last    *tail
	started time.Time
	// asked is when it was told to end.
	asked time.Time
}

// watch waits until the process listens, and asks it. It returns when the process is
// to end.
func (t *trial) watch(ctx context.Context, over <-chan struct{}) error {
	deadline := time.NewTimer(t.times.Boot)
	defer deadline.Stop()
	pause := 5 * time.Millisecond
	for {
		address, alone, err := formation.Listening(t.Port)
		if err != nil {
			return err
		}
		if address != "" {
			t.Listened, t.Alone, t.Startup = true, alone, time.Since(t.started).Seconds()
			t.Answer = ask(ctx, net.JoinHostPort(address, t.Port))
			select {
			case <-over:
				return nil
			case <-time.After(stay):
				// What it prints and writes when it is asked comes a little later.
			}
			t.asked = time.Now()
			return nil
		}
		select {
		case <-over:
			return nil
		case <-ctx.Done():
			return nil
		case <-deadline.C:
			t.asked = time.Now()
			return nil
		case <-time.After(pause):
			// There is no event for it.
			pause = min(2*pause, 100*time.Millisecond)
		}
	}
}

// ask is the status of the answer to GET /, 0 for none.
func ask(ctx context.Context, at string) int {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at+"/", nil)
	if err != nil {
		return 0
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0
	}
	// The rest of a page that is large says nothing more.
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxFile))
	resp.Body.Close()
	return resp.StatusCode
}

// ended takes down how the process ended; what is not about the process is an error.
func (t *trial) ended(ctx context.Context, err error) error {
	exit, exited := errors.AsType[*sandbox.ExitError](err)
	stopped, wasStopped := errors.AsType[*sandbox.StoppedError](err)
	unknown, noWeb := errors.AsType[*formation.UnknownTypeError](err)
	switch {
	case ctx.Err() != nil:
		return err
	case noWeb && unknown.Type == formation.Web:
		return nil
	case wasStopped:
		t.Status = stopped.Status
		t.Killed = stopped.Status == 137
	case exited:
		t.Status, t.Ended = exit.Status(), t.asked.IsZero()
		if exit.Reason != "" && t.Last == "" {
			t.Last = exit.Reason
		}
	case err == nil:
		t.Ended = t.asked.IsZero()
	default:
		return err
	}
	return nil
}

// tail counts what a process prints, and has the end of it.
type tail struct {
	printed atomic.Int64
	// The sandbox writes to both streams in turn, or from two goroutines.
	end atomic.Pointer[string]
}

// maxTail is how much of what a process prints last is shown.
const maxTail = 400

func (t *tail) Write(p []byte) (int, error) {
	t.printed.Add(int64(len(p)))
	for {
		old := t.end.Load()
		text := string(p[max(0, len(p)-maxTail):])
		if old != nil {
			text = *old + text
			text = text[max(0, len(text)-maxTail):]
		}
		if t.end.CompareAndSwap(old, &text) {
			return len(p), nil
		}
	}
}

// text is the last line.
func (t *tail) text() string {
	end := t.end.Load()
	if end == nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(*end), "\n")
	return strings.ToValidUTF8(strings.TrimSpace(lines[len(lines)-1]), "?")
}

// stamp tells whether a file was changed.
type stamp struct {
	size int64
	time time.Time
}

// within opens a directory so that no link leads out.
func within(f func(app fs.FS, dir string) error) func(string) error {
	return func(place string) error {
		dir, err := slug.ReadAppNote(place)
		if err != nil {
			return fmt.Errorf("looking at the app: %w", err)
		}
		root, err := os.OpenRoot(place)
		if err != nil {
			return fmt.Errorf("looking at the app: %w", err)
		}
		defer root.Close()
		return f(root.FS(), dir)
	}
}

// stamps are those of the regular files of an app.
func stamps(app fs.FS) (map[string]stamp, error) {
	all := map[string]stamp{}
	err := fs.WalkDir(app, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			// A process may make what nobody may read, and take away what was listed.
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return nil
		}
		all[name] = stamp{info.Size(), info.ModTime()}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking at the app: %w", err)
	}
	return all, nil
}

var (
	// cached are files that a runtime makes for itself and can do without.
	cached   = re(`(^|/)(__pycache__|\.cache|\.npm|\.config|\.local|\.java|\.slugc|\.bundle|\.gem|\.m2|\.gradle|\.yarn|\.pnpm-store|tmp|\.tmp)(/|$)|\.pyc$|(^|/)\.(bash_history|wget-hsts|rnd)$|(^|/)\.next/`)
	database = re(`\.(db|sqlite3?|sqlite3?-(wal|journal|shm)|db-(wal|journal|shm))$`)
	logName  = re(`\.log(\.\d+)?$`)
	pidName  = re(`\.pid$`)
)

func cache(name string) bool { return cached.in(name) && !pidName.in(name) && !logName.in(name) }

// Findings are what the process did that it should not.
func (t Trial) Findings(times Times) []Finding {
	var all []Finding
	if t.BuiltOn == stack.HostID {
		all = append(all, Finding{Factor: 10, Rule: "host-stack", Severity: Warning,
			Problem: "the slug was built on the stack host: what this machine happens to have",
			Why:     "On another machine, and after the next upgrade of this one, libraries are other ones than the app was built with.",
			Next:    "slugc build --stack slugc-13"})
	}
	if !t.Web {
		return all
	}
	all = append(all, t.listening(times)...)
	all = append(all, t.files()...)
	if t.Listened {
		if t.Startup > times.SlowBoot.Seconds() {
			all = append(all, Finding{Factor: 9, Rule: "slow-start", Severity: Warning,
				Problem: fmt.Sprintf("web needs %.1f s until it listens", t.Startup),
				Why:     "Scaling, deploying and recovering from a crash all wait for it, and after 60 seconds the process is taken for dead.",
				Next:    "do what takes long in the build or a release process, and what is left after listening"})
		}
		if t.Printed == 0 {
			all = append(all, Finding{Factor: 11, Rule: "silent", Severity: Warning,
				Problem: "web prints nothing, neither when it starts nor when it is asked",
				Why:     "The log is what a process prints; without it nobody can see what it does.",
				Next:    "print a line for the start and for each request to stdout, unbuffered (PYTHONUNBUFFERED=1, $| = 1)"})
		}
	}
	if t.Listened && t.Ended && t.Status != 0 {
		all = append(all, Finding{Factor: 9, Rule: "crash", Severity: Miss,
			Problem: fmt.Sprintf("web ended by itself with status %d, soon after it listened; it said last: %s", t.Status, t.Last),
			Why:     "A process runs until it is told to end.",
			Next:    "see what it says with slugc run, mend that, and give it with -e NAME=VALUE the config that it lacks"})
	}
	slow := Finding{Factor: 9, Rule: "slow-stop", Severity: Warning,
		Problem: fmt.Sprintf("web needs %.1f s to end after SIGTERM", t.Stop),
		Why:     "30 seconds after SIGTERM a process is killed, in the middle of its work; each deploy and each scaling down waits for it.",
		Next:    "on SIGTERM take no more requests, finish those under way, and exit"}
	switch {
	case t.Killed:
		slow.Severity, slow.Problem = Miss, fmt.Sprintf("web did not end within %.0f s of SIGTERM and was killed", formation.Grace.Seconds())
		all = append(all, slow)
	case t.Stop > times.SlowStop.Seconds():
		all = append(all, slow)
	}
	return all
}

// listening are the findings about the port.
func (t Trial) listening(times Times) []Finding {
	said := ""
	if t.Last != "" {
		said = "; it said last: " + t.Last
	}
	switch {
	case t.Listened && t.Alone:
		return []Finding{{Factor: 7, Rule: "bound-local", Severity: Miss,
			Problem: "web listens on this machine alone", Why: localWhy, Next: "listen on 0.0.0.0, or name no address"}}
	case t.Ended && t.Status == 0:
		// One that is left behind in the background may still have come to listen.
		return []Finding{{Factor: 8, Rule: "daemon", Severity: Miss,
			Problem: "the process web ended well by itself, as those do that go into the background" + said,
			Why:     "Whoever started the process watches, restarts and ends it; the end of the first process is the end of all.",
			Next:    "run the server in the foreground"}}
	case !t.Listened && t.Ended:
		return []Finding{{Factor: 7, Rule: "no-listener", Severity: Miss,
			Problem: fmt.Sprintf("web ended with status %d before it listened on PORT%s", t.Status, said),
			Why:     portWhy,
			Next:    "see what it says with slugc run, mend that, and give it with -e NAME=VALUE the config that it lacks"}}
	case !t.Listened:
		return []Finding{{Factor: 7, Rule: "no-listener", Severity: Miss,
			Problem: fmt.Sprintf("web did not listen on PORT=%s within %s%s", t.Port, times.Boot, said),
			Why:     portWhy,
			Next:    "listen on the port that the variable PORT of the environment names"}}
	}
	return nil
}

// files are the findings about what was written.
func (t Trial) files() []Finding {
	var all []Finding
	for _, name := range t.Written {
		found := Finding{File: name, Severity: Miss}
		switch {
		case logName.in(name):
			found.Factor, found.Rule, found.Problem = 11, "log-file", "is a log that web wrote"
			found.Why = "The log is a stream that the platform collects from stdout; a file is lost with the process, and fills its disk."
			found.Next = "write to stdout; slugc logs APP shows it"
		case pidName.in(name):
			found.Factor, found.Rule, found.Problem = 8, "pid-file", "is a PID file that web wrote"
			found.Why = "The process manager knows its processes; a file that is left behind keeps the next start from happening."
			found.Next = "write none; slugc ps APP shows what runs"
		case database.in(name):
			found.Factor, found.Rule, found.Problem = 6, "state-written", "is a database that web keeps in its own file system"
			found.Why = "The file system of a process is its own and goes with it: the data is gone after a restart, and no other process has it."
			found.Next = "keep the data in a backing service, with its address in DATABASE_URL"
		default:
			found.Factor, found.Rule, found.Severity = 6, "state-written", Warning
			found.Problem = "is a file that web wrote"
			if strings.HasPrefix(path.Base(name), ".") {
				continue
			}
			found.Why = "The file system of a process is its own and goes with it: the file is gone after a restart, and no other process has it."
			found.Next = "keep it in a backing service; /tmp is for the time of one request"
		}
		all = append(all, found)
	}
	const most = 10
	return all[:min(len(all), most)]
}
