package formation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slugc/slugc/build"
	"github.com/slugc/slugc/release/formation/logs"
	"github.com/slugc/slugc/release/formation/memory"
	"github.com/slugc/slugc/release/formation/router"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Limits of a formation, as Heroku has them where it says (Dev Center, "Dyno
// manager" and "Limits").
const (
	// Boot is the time that a web process has to listen on its PORT (R10).
	Boot = 60 * time.Second
	// Drain is the time that requests under way have to end before their process
	// gets SIGTERM; while Grace runs they still may.
	Drain = 10 * time.Second
	// Healthy is how long a process has to run before a crash is its first again.
	Healthy = 5 * time.Minute
	// firstDelay is the time before the second restart in a row, the first is at
	// once; it doubles up to mostDelay.
	firstDelay = time.Second
	mostDelay  = time.Minute
	// MaxProcesses is how many processes of a type there can be.
	MaxProcesses = 100
)

// Release is what processes are made of.
type Release struct {
	// Name is its number, as "v3"; it may be empty where there is none.
	Name string
	// Slug is the slug file, Image the image in its place.
	Slug  string
	Image *Image
	// Env is its config.
	Env launch.Env
}

// State is what a process does, in Heroku's words.
type State string

// The states of a process. One that crashed is started again after a while; one that
// is down is not.
const (
	Starting State = "starting"
	Up       State = "up"
	Crashed  State = "crashed"
	Down     State = "down"
)

// Process is what there is to know of a process.
type Process struct {
	Name    string    `json:"name"`
	State   State     `json:"state"`
	Since   time.Time `json:"since"`
	Release string    `json:"release,omitempty"`
	Command string    `json:"command"`
	// Port is where a web process listens, behind the router.
	Port string `json:"port,omitempty"`
	// Restarts counts how often it was started again after a crash.
	Restarts int `json:"restarts"`
	// Memory is what it uses now and Quota what it may use, in bytes; 0 for none.
	Memory int64 `json:"memory"`
	Quota  int64 `json:"memory_quota,omitempty"`
}

// Formation is the processes of an app, as many of each type as is wanted. It
// starts them, starts them again when they crash, puts those of a new release in
// place of the old ones, and ends them.
type Formation struct {
	Runner sandbox.Runner
	// Stack finds the root filesystem for the stack that a slug says it was
	// built on.
	Stack func(ctx context.Context, builtOn stack.Stack) (stack.Stack, error)
	Log   *logs.Stream
	// Router is told of the web processes.
	Router *router.Router
	// Dir is where the copies of the slug are made.
	Dir string
	// Memory is how much processes may use.
	Memory memory.Quotas
	// Bindings are services that processes find below SERVICE_BINDING_ROOT
	// (servicebinding.io, "Workload Projection").
	Bindings []build.Binding
	// Times are the limits; zero for those of the package.
	Times Times

	// mu guards what follows, and the mutable part of every process.
	mu      sync.Mutex
	release *running
	wanted  map[string]int
	// current are the processes by name; of those that are replaced, and still
	// run, only the successor knows, or nobody.
	current map[string]*process
	all     map[*process]bool
	ended   sync.WaitGroup
	closed  bool
	// watched is there when somebody looks at the memory of processes, and closed
	// when nobody has to any more.
	watched chan struct{}
}

// Times are limits, for tests that have less time than people: the constants of the
// package, the delay before the second restart in a row, and memory.Interval.
type Times struct {
	Boot, Drain, Grace, Healthy, FirstDelay, Memory time.Duration
}

// or fills in the limits of the package.
func (t Times) or() Times {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&t.Boot, Boot)
	set(&t.Drain, Drain)
	set(&t.Grace, Grace)
	set(&t.Healthy, Healthy)
	set(&t.FirstDelay, firstDelay)
	set(&t.Memory, memory.Interval)
	return t
}

// running is a release whose processes run.
type running struct {
	Release
	types map[string]string
	stack stack.Stack

	mu sync.Mutex
	// spare is a place that nobody has used yet.
	spare *place
}

// place is a fresh one for a process of it.
func (r *running) place(ctx context.Context, dir string) (*place, error) {
	r.mu.Lock()
	p := r.spare
	r.spare = nil
	r.mu.Unlock()
	if p != nil {
		return p, nil
	}
	return r.unpack(ctx, dir)
}

// unpack makes a place of the release in a directory.
func (r Release) unpack(ctx context.Context, dir string) (*place, error) {
	if r.Image != nil {
		return r.Image.place(ctx, dir)
	}
	p, _, err := unpack(ctx, r.Slug, dir)
	return p, err
}

// close removes what no process has used.
func (r *running) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.spare == nil {
		return nil
	}
	p := r.spare
	r.spare = nil
	return p.remove()
}

// UnknownScaleError says that no process of a type can be started.
type UnknownScaleError struct {
	Type  string
	Types []string
}

func (e *UnknownScaleError) Error() string {
	if len(e.Types) == 0 {
		return "the app declares no process types: give it a Procfile with a line such as web: COMMAND"
	}
	return fmt.Sprintf("the app has no process type %s; it has %s", e.Type, strings.Join(e.Types, ", "))
}

// The errors of who asks too early or too late.
var (
	errNotYet = errors.New("the first release is still being unpacked; try again in a moment")
	ErrClosed = errors.New("the processes are being stopped")
)

// Deploy puts the processes of a release in place of those that there are. A web
// process of the old release takes requests until its successor does, and goes on
// if that never comes up; other processes end as their successors start. For the
// first release, and for new process types, the numbers are those given, or one
// web process; later ones keep what Scale has set. It returns when the release has
// been unpacked; the processes follow.
func (f *Formation) Deploy(ctx context.Context, r Release, scale map[string]int) error {
	f.expect()
	p, err := r.unpack(ctx, f.Dir)
	if err != nil {
		return err
	}
	next := &running{Release: r, types: p.types, spare: p}
	if next.stack, err = p.of.on(ctx, f.Stack); err != nil {
		return errors.Join(err, next.close())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return errors.Join(ErrClosed, next.close())
	}
	wanted, err := numbers(next.types, f.wanted, scale)
	if err != nil {
		return errors.Join(err, next.close())
	}
	before := f.release
	for name := range f.Memory.Types {
		if _, is := next.types[name]; !is && before == nil {
			return errors.Join(&UnknownScaleError{Type: name, Types: slices.Sorted(maps.Keys(next.types))}, next.close())
		}
	}
	f.release, f.wanted = next, wanted
	f.apply(true)
	f.watch()
	if before != nil {
		return before.close()
	}
	return nil
}

// expect lets requests wait for the first release.
func (f *Formation) expect() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.release == nil && !f.closed {
		f.Router.Expect(router.Starting)
	}
}

// numbers are how many processes of each type are wanted.
func numbers(types map[string]string, before, given map[string]int) (map[string]int, error) {
	for name := range given {
		if _, ok := types[name]; !ok {
			return nil, &UnknownScaleError{Type: name, Types: slices.Sorted(maps.Keys(types))}
		}
	}
	wanted := map[string]int{}
	for name := range types {
		count, asked := given[name]
		kept, had := before[name]
		switch {
		case asked:
			wanted[name] = count
		case had:
			wanted[name] = kept
		case name == Web && len(given) == 0:
			wanted[name] = 1
		default:
			wanted[name] = 0
		}
	}
	return wanted, nil
}

// Scale changes how many processes of some types there are. A type of which there can
// be none is an *UnknownScaleError.
func (f *Formation) Scale(scale map[string]int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.open(); err != nil {
		return err
	}
	wanted, err := numbers(f.release.types, f.wanted, scale)
	if err != nil {
		return err
	}
	f.wanted = wanted
	var words []string
	for _, name := range slices.Sorted(maps.Keys(scale)) {
		words = append(words, fmt.Sprintf("%s@%d", name, scale[name]))
	}
	f.Log.Sayf(logs.API, "Scaled to %s", strings.Join(words, " "))
	f.apply(false)
	return nil
}

// open says why nothing can be changed; f.mu is held.
func (f *Formation) open() error {
	switch {
	case f.closed:
		return ErrClosed
	case f.release == nil:
		return errNotYet
	}
	return nil
}

// Wanted is how many processes of each type are wanted.
func (f *Formation) Wanted() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.wanted)
}

// Restart replaces processes by new ones of the same release: one process
// (web.1), all of a type, or all when the name is empty. It returns how many
// they are.
func (f *Formation) Restart(name string) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.open(); err != nil {
		return 0, err
	}
	count := 0
	for _, p := range f.inOrder() {
		// Who is being replaced already is not replaced twice.
		current := f.current[p.name] == p
		if current && (name == "" || name == p.name || strings.HasPrefix(p.name, name+".")) {
			f.start(p.name, p)
			count++
		}
	}
	return count, nil
}

// apply starts and stops processes until there are as many as wanted; with anew
// all are replaced. f.mu is held.
func (f *Formation) apply(anew bool) {
	if f.current == nil {
		f.current, f.all = map[string]*process{}, map[*process]bool{}
	}
	names := map[string]bool{}
	for _, processType := range slices.Sorted(maps.Keys(f.wanted)) {
		for n := range f.wanted[processType] {
			name := fmt.Sprintf("%s.%d", processType, n+1)
			names[name] = true
			if old := f.current[name]; anew || old == nil {
				f.start(name, old)
			}
		}
	}
	for name, p := range f.current {
		if !names[name] {
			delete(f.current, name)
			p.endAll()
		}
	}
	f.look()
}

// start starts a process, in place of another if there is one; f.mu is held.
func (f *Formation) start(name string, old *process) {
	processType, _, _ := strings.Cut(name, ".")
	ctx, end := context.WithCancelCause(context.Background())
	p := &process{
		formation: f, release: f.release, name: name, kind: processType, line: f.release.types[processType], web: processType == Web,
		times: f.Times.or(), ctx: ctx, end: end, state: Starting, since: time.Now(), before: old,
	}
	p.meter = memory.Meter{Quota: f.Memory.Of(processType), Say: func(line string) { p.say("%s", line) }}
	// Somebody who is not up has nothing that his successor could wait for.
	if old != nil && old.web && old.state != Up {
		p.before, old.before = old.before, nil
		old.end(nil)
	}
	f.current[name], f.all[p] = p, true
	f.ended.Go(func() {
		p.keep()
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.all, p)
		f.look()
	})
}

// look tells the router what requests have to expect; f.mu is held.
func (f *Formation) look() {
	outlook := router.None
	for _, p := range f.current {
		switch {
		case !p.web:
		case p.state == Starting || p.state == Up:
			outlook = router.Starting
		case outlook == router.None:
			outlook = router.Crashed
		}
	}
	f.Router.Expect(outlook)
}

// Processes are all that run, those that are about to be replaced, too, in the
// order of their names.
func (f *Formation) Processes() []Process {
	used := f.used()
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []Process
	for _, p := range f.inOrder() {
		list = append(list, Process{
			Name: p.name, State: p.state, Since: p.since, Release: p.release.Name, Command: p.line, Port: p.port, Restarts: p.restarts,
			Memory: used[p], Quota: p.meter.Quota,
		})
	}
	return list
}

// inOrder are the processes in the order of their types, numbers and ages; f.mu
// is held.
func (f *Formation) inOrder() []*process {
	return slices.SortedFunc(maps.Keys(f.all), func(a, b *process) int {
		typeA, numberA, _ := strings.Cut(a.name, ".")
		typeB, numberB, _ := strings.Cut(b.name, ".")
		if typeA != typeB {
			return strings.Compare(typeA, typeB)
		}
		if len(numberA) != len(numberB) {
			return len(numberA) - len(numberB)
		}
		if numberA != numberB {
			return strings.Compare(numberA, numberB)
		}
		return a.since.Compare(b.since)
	})
}

// Stop ends all processes, each as a new release would, and waits for them. No
// more are started.
func (f *Formation) Stop() error {
	f.mu.Lock()
	if f.watched != nil && !f.closed {
		close(f.watched)
	}
	f.closed = true
	release := f.release
	for p := range f.all {
		p.end(nil)
	}
	f.mu.Unlock()
	f.ended.Wait()
	if release == nil {
		return nil
	}
	return release.close()
}
