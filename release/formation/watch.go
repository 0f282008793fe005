package formation

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/slugc/slugc/release/formation/logs"
	"github.com/slugc/slugc/release/formation/memory"
	"github.com/slugc/slugc/stack/sandbox"
)

// watch looks at the memory of processes, if they have quotas, until the formation
// ends; f.mu is held.
func (f *Formation) watch() {
	if f.watched != nil || f.Memory.All == 0 && len(f.Memory.Types) == 0 {
		return
	}
	f.watched = make(chan struct{})
	f.ended.Go(func() {
		ticks := time.NewTicker(f.Times.or().Memory)
		defer ticks.Stop()
		for {
			select {
			case <-f.watched:
				return
			case now := <-ticks.C:
				tree, err := memory.Look()
				if err != nil {
					f.Log.Sayf(logs.API, "Error: %s; no process is kept to its memory quota any more", err)
					return
				}
				for p, first := range f.running() {
					p.weigh(tree, first, now)
				}
			}
		}
	})
}

// running are the processes that run, with the first of each on this machine.
func (f *Formation) running() map[*process]*os.Process {
	f.mu.Lock()
	defer f.mu.Unlock()
	running := map[*process]*os.Process{}
	for p := range f.all {
		if p.first != nil {
			running[p] = p.first
		}
	}
	return running
}

// used is how much memory the processes use now, in bytes; nothing where nobody can
// tell.
func (f *Formation) used() map[*process]int64 {
	used := map[*process]int64{}
	running := f.running()
	tree, err := memory.Look()
	if err != nil {
		return used
	}
	for p, first := range running {
		used[p] = tree.Used(first.Pid)
	}
	return used
}

// started notes the first process on this machine, nil when it is over.
func (p *process) started(first *os.Process) {
	p.formation.mu.Lock()
	defer p.formation.mu.Unlock()
	p.first = first
	if first != nil {
		p.vast = false
	}
}

// weigh compares the memory of the process with its quota, and kills it if it is
// vastly exceeded.
func (p *process) weigh(tree memory.Tree, first *os.Process, now time.Time) {
	p.meter.First = first.Pid
	if p.wasVast() || !p.meter.Over(tree, now) {
		return
	}
	p.formation.mu.Lock()
	p.vast = true
	p.formation.mu.Unlock()
	if err := first.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.broken(err)
	}
}

// wasVast is whether the process was ended for its memory.
func (p *process) wasVast() bool {
	p.formation.mu.Lock()
	defer p.formation.mu.Unlock()
	return p.vast
}

// weighed runs the command and looks at its memory meanwhile, if it has a quota.
func (o OneOff) weighed(ctx context.Context, c sandbox.Command) error {
	if o.Memory == 0 {
		return o.Runner.Run(ctx, c)
	}
	firsts := make(chan *os.Process, 1)
	c.Started = func(first *os.Process) { firsts <- first }
	over, vast := make(chan struct{}), make(chan bool)
	go func() {
		select {
		case first := <-firsts:
			vast <- o.weigh(first, over)
		case <-over:
			vast <- false
		}
	}()
	err := o.Runner.Run(ctx, c)
	close(over)
	if <-vast {
		// What the sandbox makes of it is less than is known.
		return &sandbox.ExitError{Code: -1, Signal: syscall.SIGKILL}
	}
	return err
}

// weigh looks at a process until it is over, or has to be ended.
func (o OneOff) weigh(first *os.Process, over <-chan struct{}) (vast bool) {
	meter := memory.Meter{Quota: o.Memory, First: first.Pid, Say: o.Say}
	ticks := time.NewTicker(memory.Interval)
	defer ticks.Stop()
	for {
		select {
		case <-over:
			return false
		case now := <-ticks.C:
			tree, err := memory.Look()
			if err != nil {
				o.Say(fmt.Sprintf("Error: %s; it is not kept to its memory quota", err))
				return false
			}
			if meter.Over(tree, now) {
				// Who is done already is done.
				return first.Kill() == nil
			}
		}
	}
}
