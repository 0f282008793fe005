package release

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// Ledger is the releases of apps, for who runs their processes.
type Ledger interface {
	// Current is the last release of an app that succeeded. Where there is none,
	// the error is an *UnknownError.
	Current(ctx context.Context, app string) (Release, error)
	// Config is the config of a release, values and all.
	Config(ctx context.Context, r Release) (Config, error)
	// Watch waits for a current release with another number than that of the
	// release that is known, and returns it. An app that had a release and is
	// destroyed is an *UnknownError; see Current.
	Watch(ctx context.Context, app string, known int) (Release, error)
}

// Book is a ledger for who makes releases.
type Book interface {
	Ledger
	// Release is one of an app, pending and failed ones too.
	Release(ctx context.Context, app string, number int) (Release, error)
	// Releases are those of an app, the newest first.
	Releases(ctx context.Context, app string) ([]Release, error)
	// Turn waits until nobody else makes a release of the app, and keeps others
	// from it until it is closed; an app is made with its first release. Waiting,
	// which may be nil, is called when somebody else has the turn.
	Turn(ctx context.Context, app string, waiting func()) (Turn, error)
}

// Turn is the right to make releases of an app.
type Turn interface {
	// Add makes the next release.
	Add(ctx context.Context, d Draft) (Release, error)
	// End says how a pending release ended, why if it failed, and what its
	// release phase printed.
	End(ctx context.Context, r Release, status Status, reason string, output []byte) (Release, error)
	io.Closer
}

// Draft is a release that has no number yet.
type Draft struct {
	Artifact Artifact
	// Config is that of the release; where it is nil it is the one of Snapshot.
	Config      Config
	Snapshot    int64
	Description string
	Author      string
	// Pending is whether a release phase has to run first.
	Pending bool
}

// UnknownError says that there is no such app, or no such release.
type UnknownError struct {
	App string
	// Number is that of the release, 0 for the current one; App alone is
	// unknown where NoApp is set.
	Number int
	NoApp  bool
	// Apps are those that there are.
	Apps []string
}

func (e *UnknownError) Error() string {
	switch {
	case e.NoApp && len(e.Apps) == 0:
		return fmt.Sprintf("there is no app %s, nor any other; slugc release create %s --slug FILE makes it", e.App, e.App)
	case e.NoApp:
		return fmt.Sprintf("there is no app %s; there are %s", e.App, strings.Join(e.Apps, ", "))
	case e.Number > 0:
		return fmt.Sprintf("%s has no release v%d", e.App, e.Number)
	}
	return fmt.Sprintf("%s has no release yet; slugc release create %s --slug FILE makes one", e.App, e.App)
}

// DamagedError says that the ledger, or what it keeps, is not as it was written.
type DamagedError struct {
	// What is damaged: a file, or a row of it.
	What string
	// Remedy is what to do.
	Remedy string
	Err    error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s is damaged: %v. %s", e.What, e.Err, e.Remedy)
}

// Unwrap is what is wrong.
func (e *DamagedError) Unwrap() error { return e.Err }

// NewerError says that the ledger was made by a newer slugc.
type NewerError struct {
	File        string
	Has, Expect int
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("the ledger %s was made by a newer slugc: its schema is %d, this slugc knows %d. Use the newer slugc, or another SLUGC_HOME", e.File, e.Has, e.Expect)
}

// KeyError says that the key of the configs cannot be used.
type KeyError struct{ Problem string }

func (e *KeyError) Error() string { return e.Problem }

// SlugError says that a slug is not there, or is not what it was.
type SlugError struct {
	Digest  string
	Problem string
}

func (e *SlugError) Error() string {
	return fmt.Sprintf("the slug %s %s: release it again (slugc release create APP --slug FILE), or roll back to a release with another slug", e.Digest, e.Problem)
}

// ImageError says that an image is not kept, or is not what it was.
type ImageError struct {
	Digest  string
	Problem string
}

func (e *ImageError) Error() string {
	return fmt.Sprintf("the image %s %s: release it again (slugc release create APP --image REF), or roll back to a release with another image", e.Digest, e.Problem)
}

// BusyError says that somebody else has the ledger for too long.
type BusyError struct{ Err error }

func (e *BusyError) Error() string { return fmt.Sprintf("another slugc has the ledger: %v", e.Err) }

// Unwrap is what happened.
func (e *BusyError) Unwrap() error { return e.Err }

// Temporary is true: it ends.
func (e *BusyError) Temporary() bool { return true }
