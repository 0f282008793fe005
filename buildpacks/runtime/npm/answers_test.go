package npm_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/stack/download"
)

// registry answers with a version, or an error, and counts the questions.
type registry struct {
	version string
	err     error
	asked   int
}

func (r *registry) Address(string) (string, error) { return "https://npm.test/", nil }

func (r *registry) Resolve(_ context.Context, name string, _ npm.Range, _ ...npm.Range) (npm.Manifest, error) {
	r.asked++
	return npm.Manifest{Name: name, Version: r.version}, r.err
}

func TestAnswers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "catalog", "answers.json")
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	from := &registry{version: "22.1.0"}
	ask := func(text string) (string, error) {
		t.Helper()
		wanted, err := npm.ParseRange(text)
		if err != nil {
			t.Fatal(err)
		}
		a := npm.OpenAnswers(file, func() time.Time { return now })
		m, stale, err := a.Resolve(t.Context(), from, "node", wanted)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Save(); err != nil {
			t.Fatal(err)
		}
		return m.Version, stale
	}
	for _, step := range []struct {
		name  string
		after time.Duration
		to    registry
		want  string
		asked int
		stale bool
	}{
		{"the first time", 0, registry{version: "22.1.0"}, "22.1.0", 1, false},
		{"within a day", 23 * time.Hour, registry{version: "22.2.0"}, "22.1.0", 0, false},
		{"after a day", 2 * time.Hour, registry{version: "22.2.0"}, "22.2.0", 1, false},
		{"when nobody answers", 48 * time.Hour, registry{err: &download.Error{Fault: download.Passing, Err: errors.New("silence")}}, "22.2.0", 1, true},
		{"when the clock was set back", -100 * time.Hour, registry{version: "22.3.0"}, "22.3.0", 1, false},
	} {
		now = now.Add(step.after)
		*from = step.to
		got, stale := ask("22.x")
		if got != step.want || from.asked != step.asked || (stale != nil) != step.stale {
			t.Errorf("%s: got %s, %v, %d questions", step.name, got, stale, from.asked)
		}
	}
	if err := os.WriteFile(file, []byte("{odd"), 0o600); err != nil {
		t.Fatal(err)
	}
	*from = registry{version: "22.4.0"}
	if got, _ := ask("22.x"); got != "22.4.0" {
		t.Errorf("from a file that cannot be read: got %s", got)
	}
}
