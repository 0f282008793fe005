//go:build acceptance

package main

import (
	"bytes"
	"context"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	httpserver "github.com/slugc/slugc/release/serve"
)

// served is a server that runs.
type served struct {
	*slugc
	url, token string
	cmd        *exec.Cmd
	out        *spoken
}

// spoken is what a process prints.
type spoken struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (s *spoken) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.more)
	s.more = make(chan struct{})
	return s.text.Write(b)
}

func (s *spoken) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await waits for a text, and returns what the pattern has in parentheses.
func (s *spoken) await(t *testing.T, pattern string) string {
	t.Helper()
	form := regexp.MustCompile(pattern)
	limit := time.After(time.Minute)
	for {
		s.mu.Lock()
		found, more := form.FindStringSubmatch(s.text.String()), s.more
		s.mu.Unlock()
		if found != nil {
			return found[len(found)-1]
		}
		select {
		case <-more:
		case <-limit:
			t.Fatalf("it does not say %s:\n%s", pattern, s)
		}
	}
}

// startServer starts a server on a free port.
func startServer(t *testing.T, s *slugc, args ...string) *served {
	t.Helper()
	v := &served{slugc: s, out: &spoken{more: make(chan struct{})}}
	v.cmd = s.command(context.WithoutCancel(t.Context()), append([]string{"serve", "--listen", "127.0.0.1:0", "--grace", "1s"}, args...)...)
	v.cmd.Stdout, v.cmd.Stderr = v.out, v.out
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		v.end(t)
		if t.Failed() {
			t.Logf("the server said:\n%s", v.out)
		}
	})
	v.url = v.out.await(t, `Taking requests on (https?://\S+)`)
	token, err := httpserver.ReadToken(s.home + "/.local/share/slugc/serve-token")
	if err != nil {
		t.Fatal(err)
	}
	v.token = token
	return v
}

// end ends the server, if it runs.
func (v *served) end(t *testing.T) {
	t.Helper()
	if v.cmd.ProcessState != nil {
		return
	}
	if err := v.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := v.cmd.Wait(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
}
