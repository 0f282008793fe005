package worker

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/slugc/slugc/release/queue"
)

const (
	// maxEvent is the longest event that is read, in bytes.
	maxEvent = 1 << 20
	// maxSteps and maxReuse are how many of each are kept.
	maxSteps, maxReuse = 200, 500
	// maxName is the longest name of a step, and maxReason the longest reason, in characters.
	maxName, maxReason = 200, 500
)

// event is what slugc build --events writes.
type event struct {
	Type    string        `json:"type"`
	Text    string        `json:"text"`
	Elapsed time.Duration `json:"elapsed_ns"`
	Reused  bool          `json:"reused"`
	Reason  string        `json:"reason"`
	Release struct {
		Version int `json:"version"`
	} `json:"release"`
}

// readEvents reads what a build wrote of itself; a file that is not there, because slugc came
// to nothing, says nothing.
func readEvents(file string) (queue.Result, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return queue.Result{}, nil
	}
	if err != nil {
		return queue.Result{}, err
	}
	defer f.Close()
	r, err := parseEvents(f)
	if err != nil {
		return r, fmt.Errorf("reading the events of a build: %w", err)
	}
	return r, nil
}

// parseEvents makes a result of events. A line that is none, as the last one of a build that was
// killed, is passed over.
func parseEvents(from io.Reader) (result queue.Result, err error) {
	lines := bufio.NewReaderSize(from, maxEvent)
	var began, last time.Duration
	for {
		text, err := lines.ReadSlice('\n')
		var e event
		if err == nil && json.Unmarshal(text, &e) == nil {
			last = max(last, e.Elapsed)
			if e.Type == "step" {
				closeStep(&result, last-began)
				began = last
			}
			e.add(&result)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			closeStep(&result, last-began)
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return result, err
		}
	}
}

// closeStep says how long the last step took, if it was not closed before.
func closeStep(r *queue.Result, took time.Duration) {
	if n := len(r.Steps); n > 0 && r.Steps[n-1].Duration == 0 {
		r.Steps[n-1].Duration = took
	}
}

// add adds what an event says to a result.
func (e event) add(r *queue.Result) {
	switch e.Type {
	case "step":
		if len(r.Steps) < maxSteps {
			r.Steps = append(r.Steps, queue.Step{Name: short(e.Text, maxName)})
		}
	case "reuse":
		if len(r.Reuse) < maxReuse {
			r.Reuse = append(r.Reuse, queue.Reuse{Name: short(e.Text, maxName), Reused: e.Reused, Reason: short(e.Reason, maxReason)})
		}
	case "error":
		r.Reason = short(e.Text, maxReason)
	case "result":
		if e.Release.Version > 0 {
			r.Release = e.Release.Version
		}
	}
}

// short is the first line of a text, cut where it is too long.
func short(text string, most int) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	if letters := []rune(text); len(letters) > most {
		return string(letters[:most-1]) + "…"
	}
	return text
}
