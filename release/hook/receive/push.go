package receive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/slugc/slugc/release/hook"
	"github.com/slugc/slugc/release/queue"
)

// Repository is what is asked of the repository that is pushed to.
type Repository interface {
	// Describe is the message of a commit and its author.
	Describe(ctx context.Context, id string) (message, author string, err error)
	// Contains is whether a commit is a later one's, or that itself.
	Contains(ctx context.Context, later, earlier string) (bool, error)
	// Changed are the paths in which two commits differ.
	Changed(ctx context.Context, before, after string) ([]string, error)
}

// Builder has builds run: a queue.Engine does.
type Builder interface {
	RunOne(ctx context.Context, id int64, out io.Writer) (queue.Build, error)
}

// Orders takes orders: a queue.Store does.
type Orders interface {
	Order(ctx context.Context, o queue.Order) (queue.Build, bool, error)
}

// Receiver builds what is pushed.
type Receiver struct {
	Repository Repository
	Orders     Orders
	// Builder is who builds an app.
	Builder func(app string) (Builder, error)
	// Live puts a release in place of the one that runs, and tells Out.
	Live func(ctx context.Context, a App, release int) error
	// Out is what the pusher reads.
	Out io.Writer
	// Pusher is who pushes.
	Pusher string
	// Pre is whether the refs are still to be moved.
	Pre bool
	// Fixed is whether git refuses to rewrite history (receive.denyNonFastForwards).
	Fixed bool
}

// RejectedError says why a push is rejected, or what became of it that was taken.
type RejectedError struct {
	// App is the one that was built; empty where it came to none.
	App string
	// Build is how its build ended.
	Build queue.Build
	// Reason is why, in a line.
	Reason string
	// Pre is whether the push is rejected.
	Pre bool
	// Released are the releases that were made all the same, as "shop v3".
	Released []string
}

func (e *RejectedError) Error() string {
	s := e.Reason
	if e.App != "" {
		s = e.App + ": " + e.Reason
	}
	if e.Pre {
		s = "Push rejected: " + s
	}
	if len(e.Released) > 0 {
		s += "\n" + strings.Join(e.Released, " and ") + " is released and stays so"
	}
	return s
}

// Next are commands that show more.
func (e *RejectedError) Next() []string {
	if e.Build.ID == 0 {
		return nil
	}
	return []string{fmt.Sprintf("slugc builds logs %d", e.Build.ID)}
}

// job is one build that a push asks for.
type job struct {
	app  App
	push hook.Push
}

// Receive does what a push asks for. A push that is rejected is a *RejectedError.
func (r Receiver) Receive(ctx context.Context, apps []App, updates []hook.Update) error {
	jobs, err := r.jobs(ctx, apps, updates)
	if err != nil {
		return err
	}
	var released []string
	for _, j := range jobs {
		b, err := r.build(ctx, j)
		if rejected, is := errors.AsType[*RejectedError](err); is {
			rejected.Released = released
		}
		if err != nil {
			return err
		}
		released = append(released, fmt.Sprintf("%s v%d", b.App, b.Release))
		if err := r.Live(ctx, j.app, b.Release); err != nil {
			return err
		}
	}
	return nil
}

// jobs are the builds of a push; of what is not built it is said why.
func (r Receiver) jobs(ctx context.Context, apps []App, updates []hook.Update) (jobs []job, err error) {
	for _, u := range updates {
		if by := refusing(apps, u); by != "" && r.Pre {
			return nil, &RejectedError{Pre: true, Reason: fmt.Sprintf("branches that are not built are refused here: %s", by)}
		}
	}
	for _, u := range updates {
		for _, a := range apps {
			p, err := r.push(ctx, a, u)
			if err != nil {
				return nil, err
			}
			d := a.Decide(p)
			if d.Build && p.Forced && r.Fixed {
				d = hook.Decision{Reason: "this repository takes no rewritten history (receive.denyNonFastForwards)"}
			}
			switch {
			case !d.Build:
				r.say("%s is not built: %s", a.App, d.Reason)
				continue
			case d.Reason != "":
				r.say("%s: %s", a.App, d.Reason)
			}
			jobs = append(jobs, job{a, p})
		}
	}
	return jobs, nil
}

// refusing says why a branch is refused, empty where it is not.
func refusing(apps []App, u hook.Update) string {
	if u.Branch() == "" || u.After == "" {
		return ""
	}
	by := ""
	for _, a := range apps {
		if slices.Contains(a.Branches, u.Branch()) {
			return ""
		}
		if a.Refuse && by == "" {
			by = fmt.Sprintf("%s is built from %s, not from %s", a.App, strings.Join(a.Branches, " and "), hook.Plain(u.Branch(), 100))
		}
	}
	return by
}

// push is what an update says, as far as it counts for an app.
func (r Receiver) push(ctx context.Context, a App, u hook.Update) (p hook.Push, err error) {
	p = hook.Push{Forge: hook.Git, Repository: a.Repository, Branch: u.Branch(), Tag: u.Tag(), Before: u.Before, After: u.After, Pusher: r.Pusher, Partial: true}
	if u.After == "" || !slices.Contains(a.Branches, u.Branch()) {
		return p, nil
	}
	if p.Message, p.Author, err = r.Repository.Describe(ctx, u.After); err != nil {
		return p, err
	}
	if u.Before == "" {
		return p, nil
	}
	contains, err := r.Repository.Contains(ctx, u.After, u.Before)
	if err != nil {
		return p, err
	}
	p.Forced = !contains
	if len(a.Paths) > 0 {
		p.Paths, err = r.Repository.Changed(ctx, u.Before, u.After)
		p.Partial = false
	}
	return p, err
}

// build has a job built.
func (r Receiver) build(ctx context.Context, j job) (queue.Build, error) {
	o := j.app.Order(j.push, "push", r.Pusher, "")
	o.Mine = true
	b, _, err := r.Orders.Order(ctx, o)
	if err != nil {
		return b, err
	}
	r.say("Build %d of %s: %s at %.7s, %s", b.ID, b.App, hook.Plain(j.push.Branch, 100), j.push.After, o.Source.Message)
	builder, err := r.Builder(b.App)
	if err != nil {
		return b, err
	}
	if b, err = builder.RunOne(ctx, b.ID, r.Out); err != nil {
		return b, err
	}
	if b.Status == queue.Succeeded {
		return b, nil
	}
	return b, &RejectedError{App: b.App, Build: b, Reason: reason(b), Pre: r.Pre}
}

// reason is why a build did not succeed.
func reason(b queue.Build) string {
	switch {
	case b.Status == queue.Superseded:
		return "a newer push took its place while it waited"
	case b.Status == queue.Cancelled && b.Reason == "":
		return "the build was cancelled"
	case b.Reason != "":
		return b.Reason
	}
	return "the build is " + string(b.Status)
}

func (r Receiver) say(format string, args ...any) {
	fmt.Fprintf(r.Out, "-----> "+format+"\n", args...)
}
