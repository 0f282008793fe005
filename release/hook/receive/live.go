package receive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/release/formation/control"
	"github.com/slugc/slugc/release/hook"
)

const (
	// patience is how long a release has to come up: a web process has a minute
	// (formation.Boot), its stack may have to be made first.
	patience = 3 * time.Minute
	// look is how often a formation is asked.
	look = 100 * time.Millisecond
	// tolerated is how often a process may crash before nobody waits for it any more.
	tolerated = 2
)

// Formation is where an app runs, or is to.
type Formation struct {
	// Dir is where it is controlled (control.Client).
	Dir string
	// Start is slugc start, with its arguments, and Env all of its environment.
	Start, Env []string
	// Complaints is the file that has what it says on stderr; its log goes to the app's.
	Complaints string
}

// NotUpError says that a release did not come up.
type NotUpError struct {
	App, Release string
	Problem      string
}

func (e *NotUpError) Error() string {
	return fmt.Sprintf("%s %s is released and does not run: %s; slugc logs %s says more, and slugc release rollback %s goes back", e.App, e.Release, e.Problem, e.App, e.App)
}

// Put waits until the processes of a release run, and starts the app if it does not run, unless it is to stay.
// It returns where its web processes are reached; empty when it does not run and stays so. The error is a
// *NotUpError.
func (f Formation) Put(ctx context.Context, a App, version string) (url string, err error) {
	client := control.Client{Dir: f.Dir}
	_, err = client.Status(ctx)
	_, absent := errors.AsType[*control.AbsentError](err)
	switch {
	case err != nil && !absent:
		return "", err
	case absent && a.Stay:
		return "", nil
	case !absent:
		return f.await(ctx, client, a, version, nil)
	}
	child, err := f.start()
	if err != nil {
		return "", fmt.Errorf("starting %s: %w", a.App, err)
	}
	return f.await(ctx, client, a, version, child)
}

// start starts the app in a session of its own, which no pusher's terminal ends. What this process has open
// stays closed for it: git waits for all who have the pipe to the pusher.
func (f Formation) start() (*os.Process, error) {
	if err := os.MkdirAll(filepath.Dir(f.Complaints), 0o700); err != nil {
		return nil, err
	}
	complaints, err := os.OpenFile(f.Complaints, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer complaints.Close()
	c := exec.Command(f.Start[0], f.Start[1:]...)
	c.Dir, c.Env, c.Stderr = filepath.Dir(f.Complaints), f.Env, complaints
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := c.Start(); err != nil {
		return nil, err
	}
	return c.Process, nil
}

// await waits until all processes that are wanted are of a release and up. A child is who is to run them.
func (f Formation) await(ctx context.Context, client control.Client, a App, version string, child *os.Process) (string, error) {
	late := time.NewTimer(patience)
	defer late.Stop()
	ticks := time.NewTicker(look)
	defer ticks.Stop()
	down := func(format string, args ...any) (string, error) {
		return "", &NotUpError{App: a.App, Release: version, Problem: fmt.Sprintf(format, args...)}
	}
	for {
		status, err := client.Status(ctx)
		_, absent := errors.AsType[*control.AbsentError](err)
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case absent && child == nil:
			return down("it was stopped")
		case absent && ended(child):
			return down("slugc start ended: %s", f.complaint())
		case err != nil && !absent:
			return "", err
		case err == nil && up(status, version):
			return status.URL, nil
		}
		for _, p := range status.Processes {
			if p.Release == version && p.Restarts >= tolerated {
				return down("its process %s crashes; what ran before goes on", p.Name)
			}
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-late.C:
			return down("its processes were not there after %s; what ran before goes on", patience)
		case <-ticks.C:
		}
	}
}

// up is whether all that is wanted is there, and of a release.
func up(s control.Status, version string) bool {
	count := map[string]int{}
	for _, p := range s.Processes {
		processType, _, _ := strings.Cut(p.Name, ".")
		if p.Release == version && p.State == formation.Up {
			count[processType]++
		}
	}
	if len(s.Wanted) == 0 {
		return false
	}
	for processType, wanted := range s.Wanted {
		if count[processType] < wanted {
			return false
		}
	}
	return true
}

// ended is whether a child has ended; it is not waited for.
func ended(child *os.Process) bool {
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(child.Pid, &status, syscall.WNOHANG, nil)
	return err != nil || pid == child.Pid
}

// complaint is what slugc start said.
func (f Formation) complaint() string {
	text, err := os.ReadFile(f.Complaints)
	if err != nil || len(text) == 0 {
		return "it said nothing"
	}
	const most = 2000
	return hook.Plain(string(text[max(0, len(text)-most):]), most)
}
