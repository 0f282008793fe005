package worker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/release/queue"
)

func TestEvents(t *testing.T) {
	long := strings.Repeat("x", maxEvent+100)
	for _, c := range []struct {
		name, text string
		want       queue.Result
	}{
		{"nothing", "", queue.Result{}},
		{"steps take until the next, or the end", `{"type":"step","text":"Building shop","elapsed_ns":10}
{"type":"detail","text":"more","elapsed_ns":15}
{"type":"step","text":"Packing","elapsed_ns":30}
{"type":"output","text":"-----> no step","elapsed_ns":35}
{"type":"result","text":"","elapsed_ns":70,"release":{"app":"shop","version":3}}
`, queue.Result{Release: 3, Steps: []queue.Step{{Name: "Building shop", Duration: 20}, {Name: "Packing", Duration: 40}}}},
		{"the record of a build is no release", `{"type":"result","text":"","release":{"schema":1,"app":"shop"}}` + "\n", queue.Result{}},
		{"what was reused", `{"type":"reuse","text":"app","reused":true,"reason":""}
{"type":"reuse","text":"slugc/nodejs:modules","reused":false,"reason":"the lock changed"}
`, queue.Result{Reuse: []queue.Reuse{{Name: "app", Reused: true}, {Name: "slugc/nodejs:modules", Reason: "the lock changed"}}}},
		{"the last error is the reason, in a line", `{"type":"error","text":"one"}
{"type":"error","text":"npm ci failed\nat fault: the app","code":51}
`, queue.Result{Reason: "npm ci failed"}},
		{"what is no event", "\x00\n{\"type\":\n[]\n" + long + "\n" + `{"type":"step","text":"on","elapsed_ns":"x"}` + "\n" + `{"type":"error","text":"no end`, queue.Result{}},
		{"a long reason", `{"type":"error","text":"` + strings.Repeat("é", 600) + `"}` + "\n", queue.Result{Reason: strings.Repeat("é", 499) + "…"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "events")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := readEvents(file)
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("%v: %s", err, diff)
			}
		})
	}
	if got, err := readEvents(filepath.Join(t.TempDir(), "none")); err != nil || len(got.Steps) > 0 {
		t.Errorf("got %+v, %v", got, err)
	}
}

// FuzzEvents: whatever a file of events has, a result is short.
func FuzzEvents(f *testing.F) {
	f.Add(`{"type":"step","text":"a","elapsed_ns":1}` + "\n" + `{"type":"step","text":"b","elapsed_ns":9}` + "\n")
	f.Add(`{"type":"reuse","text":"a","reused":true}` + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseEvents(strings.NewReader(text))
		if err != nil || len(r.Steps) > maxSteps || len(r.Reuse) > maxReuse || len([]rune(r.Reason)) > maxReason || strings.Contains(r.Reason, "\n") {
			t.Errorf("got %+v, %v", r, err)
		}
		for _, s := range r.Steps {
			if s.Duration < 0 {
				t.Errorf("%s took %s", s.Name, s.Duration)
			}
		}
	})
}
