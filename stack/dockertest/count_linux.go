package dockertest

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// Counted is another address of the daemon, until the test ends, and the number of
// bytes that were sent there.
func (d *Daemon) Counted(t testing.TB) (host string, sent *atomic.Int64) {
	t.Helper()
	// Not t.TempDir: the path of a socket is short.
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(listener.Close(), os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
	})
	sent = new(atomic.Int64)
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("unix", strings.TrimPrefix(d.Host, "unix://"))
			if err != nil {
				_ = from.Close()
				continue
			}
			go func() {
				_, _ = io.Copy(io.MultiWriter(to, counter{sent}), from)
				_ = to.(*net.UnixConn).CloseWrite()
			}()
			go func() {
				_, _ = io.Copy(from, to)
				_ = from.Close()
				_ = to.Close()
			}()
		}
	}()
	return "unix://" + socket, sent
}

type counter struct{ n *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}
