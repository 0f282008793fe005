package report_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/runtime/report"
)

func TestPrinter(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	p := report.New(&out, func() time.Time { return now })
	p.Step("Installing %s", "Node.js")
	p.Detail("one\ntwo\n")
	p.Progress("1 of 3")
	p.Progress("2 of 3, too soon")
	now = now.Add(time.Second)
	p.Progress("3 of 3")
	p.Warn("look\n  here")
	lines := p.Writer()
	for _, part := range []string{"> bu", "ild\r\n\n", "do", "ne"} {
		if _, err := lines.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	lines.Flush()
	lines.Flush()
	want := "-----> Installing Node.js\n" +
		"       one\n       two\n" +
		"       1 of 3\r       3 of 3\r" +
		" !     look\n !       here\n" +
		"       > build\n\n       done\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	if err := p.Err(); err != nil {
		t.Error(err)
	}
}

type broken struct{}

var errBroken = errors.New("broken pipe")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestPrinterKeepsTheErrorOfItsWriter(t *testing.T) {
	p := report.New(broken{}, time.Now)
	p.Step("x")
	if !errors.Is(p.Err(), errBroken) {
		t.Errorf("got %v", p.Err())
	}
	if _, err := p.Writer().Write([]byte("y\n")); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}
