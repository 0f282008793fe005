package golang

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// arrive puts a file into a module cache.
func arrive(t *testing.T, cache, name, text string) {
	t.Helper()
	file := filepath.Join(cache, "cache", "download", name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestArrivals(t *testing.T) {
	d := &arrivals{cache: t.TempDir()}
	for _, line := range []string{"go: downloading example.com/A v1.0.0", "main.go:1: no", "go: downloading example.com/b v0.1.0", "go: downloading example.com/b v0.1.0"} {
		d.heard(line)
	}
	arrive(t, d.cache, "example.com/!a/@v/v1.0.0.zip", "whole")
	arrive(t, d.cache, "example.com/b/@v/v0.1.0.zip1.tmp", "half")
	if diff := cmp.Diff([]string{"example.com/b v0.1.0"}, d.missing()); diff != "" {
		t.Error(diff)
	}
	for printed, fault := range map[string]download.Fault{
		"main.go:8:2: zip: not a valid zip file":                                                            download.Registry,
		`main.go:8:2: a@v1: read "http://127.0.0.1:1/a/@v/v1.zip": unexpected EOF`:                          download.Passing,
		"main.go:8:2: a@v1: reading http://127.0.0.1:1/a/@v/v1.zip: 403 Forbidden":                          download.App,
		"main.go:8:2: a@v1: reading http://127.0.0.1:1/a/@v/v1.zip: 503 Service Unavailable":                download.Passing,
		"main.go:8:2: a@v1: verifying module: checksum mismatch\n\tSECURITY ERROR":                          download.Registry,
		`main.go:8:2: a@v1: Get "http://127.0.0.1:1/a/@v/v1.zip": dial tcp 127.0.0.1:1: connection refused`: download.Passing,
	} {
		output := tool.NewTail(io.Discard)
		if _, err := io.WriteString(output, printed+"\n"); err != nil {
			t.Fatal(err)
		}
		err := d.explain("it failed", &tool.ExitError{Code: 1}, output)
		if got := download.FaultOf(err); got != fault || !strings.Contains(err.Error(), "what did not arrive: example.com/b v0.1.0") {
			t.Errorf("%s: the fault is %q: %v", printed, got, err)
		}
	}
}

// TestPatience ends what waits in vain, and nothing through which bytes come.
func TestPatience(t *testing.T) {
	cache := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := &arrivals{cache: cache}
		began := time.Now()
		_, err := d.patient(t.Context(), func(ctx context.Context) (*tool.Tail, error) {
			for name := range strings.FieldsSeq("a b c") {
				time.Sleep(patience * 3 / 4)
				arrive(t, cache, name, "text")
			}
			<-ctx.Done()
			return nil, context.Cause(ctx)
		})
		if took := time.Since(began); !errors.Is(err, errSilent) || took < patience*3 || took > patience*4 {
			t.Errorf("after %s: %v", took, err)
		}
		if err := d.explain("it failed", err, nil); download.FaultOf(err) != download.Passing || !strings.Contains(err.Error(), "GOPROXY") {
			t.Errorf("got %v", err)
		}
		if _, err := d.patient(t.Context(), func(context.Context) (*tool.Tail, error) { return nil, nil }); err != nil {
			t.Error(err)
		}
	})
}
