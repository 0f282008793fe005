package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/formation/control"
	"github.com/slugc/slugc/release/queue"
)

// Problem is why a request is not answered as it was meant.
type Problem struct {
	// Status is that of HTTP.
	Status int `json:"-"`
	// Message is what was wrong, and what was expected.
	Message string `json:"error"`
	// Next are what to do, commands where there are some.
	Next []string `json:"next,omitempty"`
	// RetryAfter is when to come again, in seconds; 0 for never.
	RetryAfter int `json:"-"`
}

func (p *Problem) Error() string { return p.Message }

func problem(status int, format string, args ...any) *Problem {
	return &Problem{Status: status, Message: fmt.Sprintf(format, args...)}
}

func (p *Problem) then(next ...string) *Problem {
	p.Next = append(p.Next, next...)
	return p
}

// errSlow ends a request whose body comes too slowly.
var errSlow = errors.New("it came too slowly")

// problemOf is what an error is to who asked; ours is whether it is nobody's fault but
// the server's.
func problemOf(err error) (p *Problem, ours bool) {
	if p, is := errors.AsType[*Problem](err); is {
		return p, false
	}
	if tooLarge, is := errors.AsType[*http.MaxBytesError](err); is {
		return problem(http.StatusRequestEntityTooLarge, "the body has more than %s", size(tooLarge.Limit)), false
	}
	if absent, is := errors.AsType[*control.AbsentError](err); is {
		return problem(http.StatusConflict, "the app is not started: %v", absent), false
	}
	if temporary, is := errors.AsType[interface {
		error
		Temporary() bool
	}](err); is && temporary.Temporary() && !errors.Is(err, os.ErrDeadlineExceeded) {
		p := problem(http.StatusServiceUnavailable, "%v", err)
		p.RetryAfter = 5
		return p, false
	}
	status := 0
	switch {
	case errors.Is(err, errSlow), errors.Is(err, os.ErrDeadlineExceeded):
		return problem(http.StatusRequestTimeout, "the body came too slowly; send it again"), false
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return problem(http.StatusInsufficientStorage, "the server's disk is full").then("slugc cache prune"), true
	case is[*release.UnknownError](err), is[*queue.UnknownError](err):
		status = http.StatusNotFound
	case is[*release.NameError](err):
		status = http.StatusBadRequest
	case is[*release.RollbackError](err), is[*release.PhaseError](err), is[*release.NeedsError](err), is[*release.SlugError](err), is[*release.ArtifactError](err):
		status = http.StatusConflict
	}
	if status == 0 {
		return problem(http.StatusInternalServerError, "the server cannot do it; its own output says why"), !errors.Is(err, context.Canceled)
	}
	p = problem(status, "%v", err)
	if advised, is := errors.AsType[interface {
		error
		Next() []string
	}](err); is {
		p.Next = advised.Next()
	}
	return p, false
}

func is[T error](err error) bool {
	_, found := errors.AsType[T](err)
	return found
}

// size is a number of bytes for people.
func size(n int64) string {
	const step = 1000
	if n < step {
		return fmt.Sprintf("%d B", n)
	}
	value, units := float64(n), []string{"kB", "MB", "GB", "TB"}
	unit := ""
	for _, unit = range units {
		if value /= step; value < step-0.05 {
			break
		}
	}
	return strings.Replace(fmt.Sprintf("%.1f %s", value, unit), ".0 ", " ", 1)
}

func writeJSON(w http.ResponseWriter, status int, value any) error {
	content, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// Who asked may be gone.
	_, _ = w.Write(append(content, '\n'))
	return nil
}
