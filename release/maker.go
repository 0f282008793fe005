package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Maker makes releases: it adds to a config what the app needs, runs the release phase,
// and writes down in its Book what came of it.
type Maker struct {
	Book          Book
	Slugs, Images Kept
	Phase         Phase
	// Author is who makes them.
	Author string
	Voice  Voice
	// Limit ends a release phase; an hour when zero.
	Limit time.Duration
}

// Kept is where the slugs or the images are that releases have.
type Kept interface {
	// Path is the file of a slug, or that of the manifest of an image, whole: its
	// digest was looked at, and those of all that an image has. Where it cannot be
	// had, the error is a *SlugError or an *ImageError.
	Path(ctx context.Context, digest string) (string, error)
}

// Phase runs the release phase of apps.
type Phase interface {
	// Run runs the process type of a release's artifact, which is in a file (Kept),
	// with its config, and writes to out what it prints. The error says why it did not
	// end well.
	Run(ctx context.Context, r Release, file string, config Config, out io.Writer) error
	// Output is where people see what it prints; secrets are not to be seen.
	Output(secrets []string) io.WriteCloser
}

// Voice is told what happens, for the person who watches.
type Voice interface {
	Stepf(format string, args ...any)
	Detailf(format string, args ...any)
	Warningf(format string, args ...any)
}

// PhaseError says that a release phase did not end well.
type PhaseError struct {
	Release Release
	// Current is the number of the release that stays; 0 for none.
	Current int
	Err     error
}

func (e *PhaseError) Error() string {
	stays := "there is no current release"
	if e.Current > 0 {
		stays = fmt.Sprintf("v%d stays the current release", e.Current)
	}
	return fmt.Sprintf("the release phase of %s %s failed: %v; %s", e.Release.App, e.Release.Version(), e.Err, stays)
}

// Unwrap is why.
func (e *PhaseError) Unwrap() error { return e.Err }

// Next are commands that show more.
func (e *PhaseError) Next() []string {
	return []string{fmt.Sprintf("slugc release show %s %s", e.Release.App, e.Release.Version())}
}

// phaseLimit is the longest release phase (Heroku Dev Center, "Release Phase").
const phaseLimit = time.Hour

// longestOutput is how much of a release phase's output is kept, in bytes: the
// end of it.
const longestOutput = 1 << 20

// ArtifactError says why an artifact cannot be released.
type ArtifactError struct{ Problem string }

func (e *ArtifactError) Error() string { return e.Problem }

// Offer is an artifact to be released.
type Offer struct {
	Artifact Artifact
	Needs    Needs
	// Description is that of the release; Deployed when empty.
	Description string
}

// Deploy releases an artifact with the config of the current release, and with
// what the app needs beside.
func (m Maker) Deploy(ctx context.Context, app string, offer Offer) (r Release, err error) {
	turn, err := m.turn(ctx, app)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, turn.Close()) }()
	current, config, err := m.current(ctx, app)
	if err != nil {
		return r, err
	}
	settled, err := offer.Needs.Settle(app, config, NewSecret)
	if err != nil {
		return r, err
	}
	d := Draft{Artifact: offer.Artifact, Snapshot: current.Snapshot, Description: offer.Description}
	if d.Description == "" {
		d.Description = Deployed(offer.Artifact)
	}
	if len(settled.Added) > 0 || d.Snapshot == 0 {
		config = config.Apply(Change{Set: settled.Added})
		d.Config = config
		m.saySettled(settled)
	}
	return m.publish(ctx, turn, current.Number, d, config)
}

func (m Maker) saySettled(s Settled) {
	if len(s.Generated) > 0 {
		m.Voice.Detailf("Generated %s, as app.json asks", strings.Join(s.Generated, ", "))
	}
	if len(s.Given) > 0 {
		m.Voice.Detailf("Set %s to what app.json has", strings.Join(s.Given, ", "))
	}
}

// Configure changes the config of an app. Where that changes nothing, there is no
// new release: it returns the current one, and false.
func (m Maker) Configure(ctx context.Context, app string, change Change) (r Release, made bool, err error) {
	turn, err := m.turn(ctx, app)
	if err != nil {
		return r, false, err
	}
	defer func() { err = errors.Join(err, turn.Close()) }()
	current, config, err := m.current(ctx, app)
	if err != nil {
		return r, false, err
	}
	after := config.Apply(change)
	changes := Diff(config, after)
	if changes.Empty() {
		return current, false, nil
	}
	d := Draft{Artifact: current.Artifact, Config: after, Description: changes.String()}
	r, err = m.publish(ctx, turn, current.Number, d, after)
	return r, err == nil, err
}

// Rollback releases once more what another release was, artifact and config; that
// before the current one which succeeded when number is 0.
func (m Maker) Rollback(ctx context.Context, app string, number int) (r Release, err error) {
	// Whoever rolls back means an app that there is.
	if _, err := m.Book.Current(ctx, app); err != nil {
		return r, err
	}
	turn, err := m.turn(ctx, app)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, turn.Close()) }()
	all, err := m.Book.Releases(ctx, app)
	if err != nil {
		return r, err
	}
	old, current, err := rollbackTo(app, all, number)
	if err != nil {
		return r, err
	}
	config, err := m.Book.Config(ctx, old)
	if err != nil {
		return r, err
	}
	d := Draft{Artifact: old.Artifact, Snapshot: old.Snapshot, Description: RolledBack(old.Number)}
	return m.publish(ctx, turn, current, d, config)
}

// RollbackError says that there is nothing to roll back to.
type RollbackError struct{ App, Problem string }

func (e *RollbackError) Error() string { return fmt.Sprintf("rolling back %s: %s", e.App, e.Problem) }

// rollbackTo finds, among all releases of an app, the newest first, the one that is
// meant, and the number of the current one.
func rollbackTo(app string, all []Release, number int) (old Release, current int, err error) {
	at := slices.IndexFunc(all, func(r Release) bool { return r.Current })
	if at < 0 {
		return old, 0, &UnknownError{App: app}
	}
	current = all[at].Number
	if number == 0 {
		earlier := slices.IndexFunc(all[at+1:], func(r Release) bool { return r.Status == Succeeded && !r.Artifact.None() })
		if earlier < 0 {
			return old, 0, &RollbackError{app, fmt.Sprintf("no release before v%d succeeded and has something to run", current)}
		}
		return all[at+1+earlier], current, nil
	}
	found := slices.IndexFunc(all, func(r Release) bool { return r.Number == number })
	switch {
	case found < 0:
		return old, 0, &UnknownError{App: app, Number: number}
	case number == current:
		return old, 0, &RollbackError{app, fmt.Sprintf("v%d is the current release already", number)}
	case all[found].Status != Succeeded:
		return old, 0, &RollbackError{app, fmt.Sprintf("v%d never ran: it %s", number, all[found].Status)}
	case all[found].Artifact.None():
		return old, 0, &RollbackError{app, fmt.Sprintf("v%d has nothing to run", number)}
	}
	return all[found], current, nil
}

func (m Maker) turn(ctx context.Context, app string) (Turn, error) {
	if err := CheckApp(app); err != nil {
		return nil, err
	}
	return m.Book.Turn(ctx, app, func() { m.Voice.Detailf("Waiting for another release of %s to be made", app) })
}

// current is the current release with its config, or nothing where there is none.
func (m Maker) current(ctx context.Context, app string) (Release, Config, error) {
	r, err := m.Book.Current(ctx, app)
	if _, none := errors.AsType[*UnknownError](err); none {
		return Release{}, Config{}, nil
	}
	if err != nil {
		return Release{}, nil, err
	}
	config, err := m.Book.Config(ctx, r)
	return r, config, err
}

// publish makes a release of a draft, which has its config: its release phase, if
// it has one, runs before it can become the current one.
func (m Maker) publish(ctx context.Context, turn Turn, current int, d Draft, config Config) (Release, error) {
	if err := config.Check(); err != nil {
		return Release{}, err
	}
	file := ""
	if kept := map[string]Kept{SlugKind: m.Slugs, ImageKind: m.Images}[d.Artifact.Kind]; kept != nil {
		var err error
		if file, err = kept.Path(ctx, d.Artifact.Digest); err != nil {
			return Release{}, err
		}
	}
	line, phased := d.Artifact.ProcessTypes[PhaseType]
	d.Author, d.Pending = m.Author, phased
	r, err := turn.Add(ctx, d)
	if err != nil || !phased {
		return r, err
	}
	m.Voice.Stepf("Running the release phase of %s: %s", r.Version(), line)
	output, failure := m.run(ctx, r, file, config)
	status, reason := Succeeded, ""
	if failure != nil {
		status, reason = Failed, failure.Error()
	}
	// Who interrupts it is told how it ended all the same.
	if r, err = turn.End(context.WithoutCancel(ctx), r, status, reason, output); err != nil {
		return r, errors.Join(err, failure)
	}
	if failure != nil {
		return r, &PhaseError{Release: r, Current: current, Err: failure}
	}
	return r, nil
}

// run runs a release phase and returns what it printed.
func (m Maker) run(ctx context.Context, r Release, file string, config Config) (output []byte, err error) {
	limit := m.Limit
	if limit == 0 {
		limit = phaseLimit
	}
	limited, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it ran for longer than %s", limit))
	defer cancel()
	kept := &tail{most: longestOutput}
	shown := m.Phase.Output(config.Secrets())
	err = m.Phase.Run(limited, r, file, config, io.MultiWriter(shown, kept))
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		err = context.Cause(limited)
	}
	return kept.bytes(), errors.Join(err, shown.Close())
}

// tail keeps the end of what is written to it.
type tail struct {
	most int
	kept []byte
	cut  bool
}

func (t *tail) Write(b []byte) (int, error) {
	t.kept = append(t.kept, b...)
	if len(t.kept) > 2*t.most {
		t.trim()
	}
	return len(b), nil
}

func (t *tail) trim() {
	if over := len(t.kept) - t.most; over > 0 {
		t.kept, t.cut = append(t.kept[:0], t.kept[over:]...), true
	}
}

func (t *tail) bytes() []byte {
	t.trim()
	if t.cut {
		return append([]byte("[...]\n"), t.kept...)
	}
	return t.kept
}
