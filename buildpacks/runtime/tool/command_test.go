package tool_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/processtest"
)

func shell(script string, out *bytes.Buffer) tool.Command {
	return tool.Command{Args: []string{"/bin/sh", "-c", script}, Env: map[string]string{"GREETING": "hello"}, Output: out}
}

func TestRun(t *testing.T) {
	var out bytes.Buffer
	local := tool.Local{Grace: time.Second}
	if err := local.Run(t.Context(), shell(`echo $GREETING; echo oops >&2; env | grep -c HOME || true`, &out)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("hello\noops\n0\n", out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestRunTellsHowAToolEnded(t *testing.T) {
	var out bytes.Buffer
	for script, want := range map[string]tool.ExitError{
		"exit 3":         {Code: 3},
		"kill -TERM $$":  {Code: 128 + 15, Signal: syscall.SIGTERM},
		"/no/such/thing": {Code: 127},
	} {
		err := tool.Local{Grace: time.Second}.Run(t.Context(), shell(script, &out))
		var exit *tool.ExitError
		if !errors.As(err, &exit) || *exit != want {
			t.Errorf("%s: got %v", script, err)
		}
	}
	err := tool.Local{}.Run(t.Context(), tool.Command{Args: []string{"/no/such/thing"}, Output: &out})
	if err == nil || !strings.Contains(err.Error(), "running /no/such/thing") {
		t.Errorf("got %v", err)
	}
}

// Started tells its process by writing its id to a file, which the test polls
// for: the file system is what it shares with the process.

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	file := filepath.Join(t.TempDir(), "pid")
	ended := make(chan error, 1)
	var out bytes.Buffer
	command := shell("sleep 1000 & echo $! > "+file+".part; mv "+file+".part "+file+"; wait", &out)
	go func() { ended <- tool.Local{Grace: 10 * time.Second}.Run(ctx, command) }()
	child := processtest.Noted(t, file)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	processtest.Gone(t, child)
}

func TestRunLeavesNothingBehind(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	var out bytes.Buffer
	command := shell("sleep 1000 >/dev/null 2>&1 & echo $! > "+file, &out)
	if err := (tool.Local{Grace: time.Second}).Run(t.Context(), command); err != nil {
		t.Fatal(err)
	}
	processtest.Gone(t, processtest.Noted(t, file))
}

func TestTail(t *testing.T) {
	var out bytes.Buffer
	tail := tool.NewTail(&out)
	for i := range 50_000 {
		if _, err := tail.Write([]byte(strconv.Itoa(i) + "\r\n\n")); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"49998", "49999"}, tail.Lines(2)); diff != "" {
		t.Error(diff)
	}
	if out.Len() < 300_000 || len(tail.Text()) > 200_000 {
		t.Errorf("passed on %d bytes, kept %d", out.Len(), len(tail.Text()))
	}
}
