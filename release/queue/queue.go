package queue

import (
	"context"
	"fmt"
	"io"
	"time"
)

// Status is how far a build came.
type Status string

// A build waits, runs, and ends as one of the others; one that is superseded or
// cancelled may never have run. It is abandoned when the process that ran it ended before it
// did.
const (
	Waiting    Status = "waiting"
	Running    Status = "running"
	Succeeded  Status = "succeeded"
	Failed     Status = "failed"
	Cancelled  Status = "cancelled"
	Superseded Status = "superseded"
	Abandoned  Status = "abandoned"
)

// Ended is whether nothing comes after a status.
func (s Status) Ended() bool { return s != Waiting && s != Running }

// The kinds of sources.
const (
	// Repository is a commit of a git repository.
	Repository = "git"
	// Archive is a file that was sent.
	Archive = "archive"
)

// Source is what is built.
type Source struct {
	// Kind is Repository or Archive.
	Kind string `json:"kind"`
	// Location is the path or the address of the repository, or the file of the archive. It
	// has no credentials.
	Location string `json:"location"`
	Branch   string `json:"branch,omitempty"`
	// Commit is the full object id.
	Commit string `json:"commit,omitempty"`
	// Message is the first line of the commit's message, and Author who wrote it, as they
	// may be shown: without control characters.
	Message string `json:"message,omitempty"`
	Author  string `json:"author,omitempty"`
	// Directory is the directory of the source that is the app, empty for all of it.
	Directory string `json:"directory,omitempty"`
}

// Order asks for a build that is released when it succeeds.
type Order struct {
	App    string `json:"app"`
	Source Source `json:"source"`
	// Trigger is what ordered it: "push", "webhook", "api", "again".
	Trigger string `json:"trigger"`
	// By is who: the pusher, or the sender at a forge.
	By string `json:"by"`
	// Key tells orders from each other: a second one with the same key is the first; empty
	// where each stands for itself.
	Key string `json:"key,omitempty"`
	// Flags are further arguments of slugc build. They are kept and shown: secrets have no place
	// in them.
	Flags []string `json:"flags,omitempty"`
	// Mine keeps the build for the process that orders it, as a git hook does whose commits
	// nobody else sees yet: nobody else claims it, and it is abandoned when that process ends.
	Mine bool `json:"mine,omitempty"`
	// Limit ends the build; zero means what the engine has as its limit.
	Limit time.Duration `json:"limit_ns,omitempty"`
	// Again is the build that this one repeats; 0 for none.
	Again int64 `json:"again,omitempty"`
}

// Build is the record of one build.
type Build struct {
	// ID is above zero, and greater for a build that was ordered later.
	ID int64 `json:"id"`
	Order
	Status   Status    `json:"status"`
	Ordered  time.Time `json:"ordered_at"`
	Started  time.Time `json:"started_at,omitzero"`
	Finished time.Time `json:"finished_at,omitzero"`
	Result
	// Owner is the process that runs it, in words; empty where none does.
	Owner string `json:"owner,omitempty"`
	// Cancelling is whether one that runs was asked to stop.
	Cancelling bool `json:"cancelling,omitempty"`
}

// Result is how a build ended.
type Result struct {
	// Code is the exit status that slugc build has.
	Code int `json:"exit_code"`
	// Reason is why it did not succeed, in a line.
	Reason string `json:"reason,omitempty"`
	// Release is the number of the release that it made; 0 for none.
	Release int `json:"release,omitempty"`
	// Steps are its phases in order, with how long each took.
	Steps []Step `json:"steps,omitempty"`
	// Reuse is what was taken from the builds before, and why other things were not.
	Reuse []Reuse `json:"reuse,omitempty"`
}

// Step is one phase of a build.
type Step struct {
	Name     string        `json:"name"`
	Duration time.Duration `json:"duration_ns"`
}

// Reuse is one thing that was taken from the cache, or was not.
type Reuse struct {
	// Name is what: a layer, a segment.
	Name   string `json:"name"`
	Reused bool   `json:"reused"`
	// Reason is why, where that is known.
	Reason string `json:"reason,omitempty"`
}

// Filter picks builds; the zero value picks all.
type Filter struct {
	// App and Statuses pick; empty ones pick all.
	App      string
	Statuses []Status
	// Before picks builds with a lower ID; 0 picks all.
	Before int64
	// Limit is the most that are wanted, 0 for all.
	Limit int
}

// Mark is a moment of a store: it differs from an earlier one when something may have changed
// between them.
type Mark int64

// Store keeps builds. It is safe for several processes at once, and what it says that it
// keeps survives the end of all of them.
type Store interface {
	// Order adds a build that waits, and supersedes those that wait for the same app and
	// branch. Made is false where the order's key was there already; then the
	// build is that one, whatever became of it.
	Order(ctx context.Context, o Order) (b Build, made bool, err error)
	// Repeat orders abandoned builds again: those that were abandoned within the last day, that
	// were nobody's own (Order.Mine), that no later order for the same app and branch makes
	// needless, and that are no third attempt. Each is ordered again once.
	Repeat(ctx context.Context) ([]Build, error)
	// Build is one build, or an *UnknownError.
	Build(ctx context.Context, id int64) (Build, error)
	// Builds are those that a filter picks, the newest first.
	Builds(ctx context.Context, f Filter) ([]Build, error)
	// Claim takes the next build that may run and is nobody's own, or the one with an id if that
	// may; none when there is none, or when so many as most run already, in all processes
	// together (0 is no limit). The most that one of those allows who run builds counts for all. It is
	// Running and the caller's until the Claim ends, or the
	// caller does.
	Claim(ctx context.Context, id int64, most int) (Claim, bool, error)
	// Cancel takes back a build that waits, and asks the owner of one that runs to stop it
	// (Claim.Cancelled). One that ended stays as it is.
	Cancel(ctx context.Context, id int64) (Build, error)
	// Log is what a build printed so far; nothing where it has not run. The error is
	// fs.ErrNotExist where that is not kept any more, and an *UnknownError where there is no such
	// build.
	Log(ctx context.Context, id int64) (io.ReadSeekCloser, error)
	// Changed waits until something may have changed since a mark, in this process or
	// another, or ctx ends. Since a zero mark everything has.
	Changed(ctx context.Context, since Mark) (Mark, error)
}

// Claim is a build that runs, for who runs it.
type Claim interface {
	Build() Build
	// Cancelled is closed when somebody cancels the build, or took it for abandoned.
	Cancelled() <-chan struct{}
	// Log is where what the build prints is kept. Who has it closes it before the end.
	Log() io.WriteCloser
	// End writes down how the build ended, and gives the turn back. The turn is given back even if
	// there is an error; the build is found abandoned then.
	End(ctx context.Context, s Status, r Result) (Build, error)
}

// Worker runs builds somewhere.
type Worker interface {
	// Start starts a build, which ends with ctx at the latest, as if cancelled. What keeps it from
	// starting is an error, and so is the same build when it runs already; what goes wrong after
	// is its result. Who starts a build waits for its end (Run.Wait).
	Start(ctx context.Context, b Build) (Run, error)
}

// Run is a build that a worker runs.
type Run interface {
	// Stream copies what the build prints to w, from its start to its end, as it comes. A w that
	// fails or is slow does not hold the build up.
	Stream(ctx context.Context, w io.Writer) error
	// Cancel asks it to stop. It ends within ten seconds, whatever it does.
	Cancel()
	// Wait waits for the end of the build, and is its result: Succeeded, Failed, or Cancelled if
	// it was asked to stop. After it nothing of the build is left. err is for a worker that
	// lost it, and for the end of ctx, which is not that of the build.
	Wait(ctx context.Context) (Status, Result, error)
}

// UnknownError says that there is no such build.
type UnknownError struct{ ID int64 }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("there is no build %d", e.ID)
}
