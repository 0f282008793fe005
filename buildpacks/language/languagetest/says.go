package languagetest

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
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
