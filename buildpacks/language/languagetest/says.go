package languagetest

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// Holds fails the test for every part that a text does not have.
func Holds(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("\n%s\ndoes not say\n%s", text, part)
		}
	}
}

// Lacks fails the test for every part that a text has.
func Lacks(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(text, part) {
			t.Errorf("\n%s\nsays\n%s", text, part)
		}
	}
}

// Refused fails the test unless a build, which printed something, ended with an error
// that the app's author has to mend, and that says all parts.
func Refused(t *testing.T, out string, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("it was built:\n%s", out)
	}
	Holds(t, err.Error(), parts...)
	if fault := download.FaultOf(err); fault != download.App {
		t.Errorf("the fault is %v: %v", fault, err)
	}
}

// Recorder is a Runner that notes what it runs: the program's name with its
// arguments, and its environment.
type Recorder struct {
	To   language.Runner
	mu   sync.Mutex
	Runs []string
	Envs []map[string]string
}

// Run notes the command and has it run.
func (r *Recorder) Run(ctx context.Context, c tool.Command) error {
	r.mu.Lock()
	r.Runs = append(r.Runs, filepath.Base(c.Args[0])+" "+strings.Join(c.Args[1:], " "))
	r.Envs = append(r.Envs, c.Env)
	r.mu.Unlock()
	return r.To.Run(ctx, c)
}
