package router

import (
	"context"
	"sync"
	"time"
)

// Outlook is what a request has to expect when no process takes it now.
type Outlook int

const (
	// None says that there are to be no web processes.
	None Outlook = iota
	// Starting says that one is on its way: requests wait.
	Starting
	// Crashed says that they have crashed, and are not yet started again.
	Crashed
)

// Router hands requests to processes.
type Router struct {
	// Say takes the line of the log for each request.
	Say func(line string)
	// Wait is the longest that a request waits for a process.
	Wait time.Duration
	// FirstByte is the time that a process has to begin its answer.
	FirstByte time.Duration
	// Idle is the time after which a request ends of which nothing was sent, neither
	// by the client nor by the process.
	Idle time.Duration

	mu       sync.Mutex
	backends []*Backend
	// turn is who is asked first where several have as little to do.
	turn    int
	outlook Outlook
	// changed is closed when there is somebody new to ask, or a new outlook.
	changed chan struct{}
}

// Backend is a process that takes requests.
type Backend struct {
	// Name is that of the process, such as web.1.
	Name    string
	address string
	router  *Router
	// requests counts those under way. idle is there once the process is to get
	// no more, and closed when none is under way.
	requests int
	idle     chan struct{}
}

// New is a router without processes.
func New(say func(line string)) *Router {
	return &Router{Say: say, Wait: time.Minute, FirstByte: 30 * time.Second, Idle: 55 * time.Second, changed: make(chan struct{})}
}

// Expect sets the outlook.
func (r *Router) Expect(outlook Outlook) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.outlook != outlook {
		r.outlook = outlook
		r.change()
	}
}

// change wakes whoever waits; r.mu is held.
func (r *Router) change() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// Add lets a process take requests, which listens on an address (host:port).
func (r *Router) Add(name, address string) *Backend {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := &Backend{Name: name, address: address, router: r}
	r.backends = append(r.backends, b)
	r.change()
	return b
}

// Remove takes a process away from new requests. It may be called again.
func (b *Backend) Remove() {
	r := b.router
	r.mu.Lock()
	defer r.mu.Unlock()
	if b.idle != nil {
		return
	}
	b.idle = make(chan struct{})
	for i, other := range r.backends {
		if other == b {
			r.backends = append(r.backends[:i:i], r.backends[i+1:]...)
			break
		}
	}
	if b.requests == 0 {
		close(b.idle)
	}
	// Who waits for this one to answer again has to look elsewhere.
	r.change()
}

// Drain takes a process away from new requests and waits for those under way, as
// long as ctx lasts, whose error it returns.
func (b *Backend) Drain(ctx context.Context) error {
	b.Remove()
	select {
	case <-b.idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// release is called when a request is over.
func (b *Backend) release() {
	b.router.mu.Lock()
	defer b.router.mu.Unlock()
	b.requests--
	if b.requests == 0 && b.idle != nil {
		close(b.idle)
	}
}

// pick chooses the process with the least to do that is not among those that
// refused; it waits while there is hope. The failure is nil when there is one.
func (r *Router) pick(ctx context.Context, refused map[*Backend]bool) (*Backend, *failure) {
	timer := time.NewTimer(r.Wait)
	defer timer.Stop()
	for {
		b, outlook, changed := r.choose(refused)
		switch {
		case b != nil:
			return b, nil
		case len(refused) > 0:
			// A process that hung up is started again, or said to be gone.
		case outlook == None:
			return nil, noProcesses
		case outlook == Crashed:
			return nil, crashed
		}
		select {
		case <-changed:
			// It may be its successor that has the address now.
			clear(refused)
		case <-timer.C:
			if len(refused) > 0 {
				return nil, hungUp
			}
			return nil, stillStarting
		case <-ctx.Done():
			return nil, clientGone
		}
	}
}

func (r *Router) choose(refused map[*Backend]bool) (*Backend, Outlook, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var best *Backend
	for i := range r.backends {
		b := r.backends[(r.turn+i)%len(r.backends)]
		if !refused[b] && (best == nil || b.requests < best.requests) {
			best = b
		}
	}
	if best != nil {
		best.requests++
		r.turn++
	}
	return best, r.outlook, r.changed
}
