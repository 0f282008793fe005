package formation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/slugc/slugc/release/formation/memory"
	"github.com/slugc/slugc/release/formation/router"
	"github.com/slugc/slugc/stack/sandbox"
)

// process is one of a formation: web.1, say, of one release. It goes on until it
// is to end, however often it crashes.
type process struct {
	formation *Formation
	release   *running
	name      string
	// kind is its process type.
	kind string
	// line is its command.
	line  string
	web   bool
	times Times
	// ctx ends when the process is to end, by end.
	ctx context.Context
	end context.CancelCauseFunc

	// The formation's mutex guards what follows.
	state    State
	since    time.Time
	port     string
	restarts int
	// before is whom it replaces once it is up.
	before *process
	// first is its first process on this machine, while it runs, and meter knows
	// its memory; vast says that it was ended for that.
	first *os.Process
	meter memory.Meter
	vast  bool
}

// errBoot ends a web process that does not listen in time.
var errBoot = errors.New("it does not listen")

// keep runs the process, again and again, until it is to end.
func (p *process) keep() {
	crashes := 0
	for p.ctx.Err() == nil {
		started := time.Now()
		p.set(Starting)
		p.once()
		if p.ctx.Err() != nil {
			break
		}
		p.set(Crashed)
		if time.Since(started) >= p.times.Healthy {
			crashes = 0
		}
		if !p.pause(crashes) {
			break
		}
		crashes++
		p.formation.mu.Lock()
		p.restarts++
		p.formation.mu.Unlock()
	}
	p.set(Down)
}

// pause waits before a process is started again, at once for the first time, and
// tells whether it still is to be.
func (p *process) pause(crashes int) bool {
	if crashes == 0 {
		return true
	}
	delay := min(p.times.FirstDelay<<min(crashes-1, 10), mostDelay)
	p.say("Restarting in %s", delay)
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.ctx.Done():
		return false
	}
}

func (p *process) say(format string, args ...any) { p.formation.Log.Sayf(p.name, format, args...) }

// set changes the state, and says so.
func (p *process) set(state State) {
	f := p.formation
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.state != state {
		p.say("State changed from %s to %s", p.state, state)
		p.state, p.since = state, time.Now()
	}
	f.look()
}

// up says that the process is there, and ends the one that it replaces.
func (p *process) up() {
	p.set(Up)
	p.formation.mu.Lock()
	defer p.formation.mu.Unlock()
	if p.before != nil {
		p.before.endAll()
	}
	p.before = nil
}

// endAll ends the process and those that it replaces; the formation's mutex is held.
func (p *process) endAll() {
	for ; p != nil; p = p.before {
		p.end(nil)
	}
}

// once runs the process until it ends and says how.
func (p *process) once() {
	room, err := p.release.place(p.ctx, p.formation.Dir)
	if err != nil {
		p.broken(err)
		return
	}
	defer func() {
		if err := room.remove(); err != nil {
			p.broken(err)
		}
	}()
	env := room.of.environment(p.name)
	maps.Copy(env, p.release.Env)
	env["DYNO"] = p.name
	delete(env, "PORT")
	if p.web {
		if env["PORT"], err = p.reserve(); err != nil {
			p.broken(err)
			return
		}
	}
	lines := p.formation.Log.Lines(p.name)
	c, err := room.command(p.release.stack, env, room.of.start(p.kind, nil), grant{p.meter.Quota, p.formation.Bindings})
	if err != nil {
		p.broken(err)
		return
	}
	c.Started = p.started
	c.Stdout, c.Stderr, c.Grace = lines, lines, p.times.Grace
	p.say("Starting process with command `%s`", p.line)
	err = p.run(c, env["PORT"])
	p.started(nil)
	// It takes everything (logs.Lines).
	_ = lines.Close()
	p.over(err)
}

// reserve finds a port for the process that no other process of the formation is
// about to listen on.
func (p *process) reserve() (string, error) {
	p.formation.mu.Lock()
	defer p.formation.mu.Unlock()
	p.port = ""
	taken := map[string]bool{}
	for other := range p.formation.all {
		taken[other.port] = true
	}
	for {
		port, err := FreePort(p.ctx)
		if err != nil {
			return "", err
		}
		if !taken[port] {
			p.port = port
			return port, nil
		}
	}
}

// run runs the command. It ends it when the process is to end: a web process
// first gets no more requests, and the time to answer those that it has.
func (p *process) run(c sandbox.Command, port string) error {
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		if why := p.attend(port, over); why != nil {
			p.say("Stopping all processes with SIGTERM")
			stop(why)
		}
	}()
	err := p.formation.Runner.Run(ctx, c)
	close(over)
	<-done
	return err
}

// attend brings requests to a process that runs, and returns why it is to be
// stopped, or nil when it is over by itself.
func (p *process) attend(port string, over <-chan struct{}) error {
	if p.web {
		backend, why := p.await(port, over)
		if backend == nil {
			return why
		}
		defer backend.Remove()
		p.up()
		select {
		case <-over:
			return nil
		case <-p.ctx.Done():
		}
		within, cancel := context.WithTimeout(context.Background(), p.times.Drain)
		defer cancel()
		if backend.Drain(within) != nil {
			p.say("Requests are still under way after %s", p.times.Drain)
		}
		return p.ctx.Err()
	}
	p.up()
	select {
	case <-over:
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

// await waits until a web process listens on its port, and lets it take requests.
// If it never does, that is why it is to be stopped.
func (p *process) await(port string, over <-chan struct{}) (*router.Backend, error) {
	deadline := time.NewTimer(p.times.Boot)
	defer deadline.Stop()
	pause := 5 * time.Millisecond
	for {
		at, err := listens(port)
		if err != nil {
			p.broken(err)
			return nil, err
		}
		if at.address != "" {
			if at.alone {
				p.say("Listening on %s alone, where a router on another machine cannot reach it: let it listen on 0.0.0.0", at.address)
			}
			return p.formation.Router.Add(p.name, net.JoinHostPort(at.address, port)), nil
		}
		select {
		case <-over:
			return nil, nil
		case <-p.ctx.Done():
			return nil, p.ctx.Err()
		case <-deadline.C:
			p.say("Error R10 (Boot timeout) -> Web process failed to bind to $PORT within %s of launch", seconds(p.times.Boot))
			return nil, errBoot
		case <-time.After(pause):
			// There is no event for it.
			pause = min(2*pause, 100*time.Millisecond)
		}
	}
}

// over says how a process ended.
func (p *process) over(err error) {
	exit, exited := errors.AsType[*sandbox.ExitError](err)
	stopped, wasStopped := errors.AsType[*sandbox.StoppedError](err)
	switch {
	case err == nil:
		p.say("Process exited with status 0")
	case wasStopped:
		if stopped.Status == killed {
			p.say("Error R12 (Exit timeout) -> At least one process failed to exit within %s of SIGTERM", seconds(p.times.Grace))
			p.say("Stopping process with SIGKILL")
		}
		p.say("Process exited with status %d", stopped.Status)
	case exited:
		if exit.Reason != "" && !p.wasVast() {
			p.say("%s", exit.Reason)
		}
		p.say("Process exited with status %d", exit.Status())
	default:
		p.broken(err)
	}
}

// broken says what kept slugc from running the process.
func (p *process) broken(err error) {
	if p.ctx.Err() == nil || !errors.Is(err, p.ctx.Err()) {
		p.say("Error: %s", err)
	}
}

// killed is the status of a process that SIGKILL ended.
const killed = 128 + int(syscall.SIGKILL)

// seconds is a time as Heroku's messages have it.
func seconds(d time.Duration) string {
	if d%time.Second != 0 {
		return d.String()
	}
	return fmt.Sprintf("%d seconds", d/time.Second)
}
