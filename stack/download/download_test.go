package download_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sclevine/spec"

	"github.com/slugc/slugc/stack/download"
)

// quick is a fetcher whose pauses a test does not notice.
func quick() *download.Fetcher {
	f := download.NewFetcher(&http.Client{})
	f.Pause = func(int) time.Duration { return time.Millisecond }
	f.MaxPause = 20 * time.Millisecond
	f.Stall = 500 * time.Millisecond
	return f
}

// noise is data that does not compress and whose every part is different.
func noise(size int) []byte {
	data := make([]byte, size)
	// It never fails.
	if _, err := rand.NewChaCha8([32]byte{1}).Read(data); err != nil {
		panic(err)
	}
	return data
}

func testDownload(t *testing.T, _ spec.G, it spec.S) {
	var (
		data   = noise(300_000)
		asked  atomic.Int64
		ranges []string
	)

	// serve answers with what a test wants for the n-th request, from 1.
	serve := func(answer func(n int64, w http.ResponseWriter, r *http.Request)) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ranges = append(ranges, r.Header.Get("Range"))
			answer(asked.Add(1), w, r)
		}))
		t.Cleanup(server.Close)
		return server.URL + "/file"
	}
	whole := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, r, "file", time.Time{}, bytes.NewReader(data))
	}
	// half breaks the connection in the middle.
	half := func(w http.ResponseWriter) {
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		if _, err := w.Write(data[:len(data)/2]); err != nil {
			t.Error(err)
		}
		panic(http.ErrAbortHandler)
	}
	read := func(url string) ([]byte, error) {
		body, err := quick().Open(t.Context(), download.Request{URL: url, Limit: 1 << 20})
		if err != nil {
			return nil, err
		}
		defer body.Close()
		return io.ReadAll(body)
	}
	same := func(got []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, data) {
			t.Fatalf("got %d bytes that are not the file's %d", len(got), len(data))
		}
	}

	it("tries again after a server's error", func() {
		same(read(serve(func(n int64, w http.ResponseWriter, r *http.Request) {
			if n < 3 {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			whole(w, r)
		})))
	})

	it("goes on where the connection broke", func() {
		same(read(serve(func(n int64, w http.ResponseWriter, r *http.Request) {
			if n == 1 {
				half(w)
			}
			whole(w, r)
		})))
		if len(ranges) != 2 || !strings.HasPrefix(ranges[1], "bytes=") || ranges[1] == "bytes=0-" {
			t.Errorf("asked for the ranges %q, expected the second to begin in the middle", ranges)
		}
	})

	it("begins again where the server has no ranges", func() {
		same(read(serve(func(n int64, w http.ResponseWriter, _ *http.Request) {
			if n == 1 {
				half(w)
			}
			if _, err := w.Write(data); err != nil {
				t.Error(err)
			}
		})))
	})

	it("does not mix two versions of a file", func() {
		other := bytes.Repeat([]byte("x"), len(data))
		got, err := read(serve(func(n int64, w http.ResponseWriter, r *http.Request) {
			if n == 1 {
				half(w)
			}
			w.Header().Set("ETag", `"2"`)
			http.ServeContent(w, r, "file", time.Time{}, bytes.NewReader(other))
		}))
		if err != nil {
			t.Fatal(err)
		}
		// The first half was handed out already; the checksum finds it. What
		// must not happen is a part of the new file taken for the old one's.
		if len(got) != len(data) {
			t.Errorf("got %d bytes, expected %d", len(got), len(data))
		}
		if len(ranges) != 2 || ranges[1] == "" {
			t.Errorf("asked for the ranges %q", ranges)
		}
	})

	it("tries again when the server goes silent", func() {
		var release = make(chan struct{})
		t.Cleanup(func() { close(release) })
		same(read(serve(func(n int64, w http.ResponseWriter, r *http.Request) {
			if n > 1 {
				whole(w, r)
				return
			}
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			if _, err := w.Write(data[:1000]); err != nil {
				t.Error(err)
			}
			w.(http.Flusher).Flush()
			select {
			case <-release:
			case <-r.Context().Done():
			}
		})))
	})

	it("gives up in the end and says that it may pass", func() {
		_, err := read(serve(func(_ int64, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
		var status *download.StatusError
		if download.FaultOf(err) != download.Passing || !errors.As(err, &status) || status.Code != 503 {
			t.Errorf("got %v with fault %q", err, download.FaultOf(err))
		}
		if asked.Load() != 5 {
			t.Errorf("tried %d times, expected 5", asked.Load())
		}
		var temporary interface{ Temporary() bool }
		if !errors.As(err, &temporary) || !temporary.Temporary() {
			t.Error("the error does not say that it is temporary")
		}
	})

	it("gives up when nobody listens", func() {
		server := httptest.NewServer(http.NotFoundHandler())
		url := server.URL
		server.Close()
		_, err := read(url)
		if download.FaultOf(err) != download.Passing {
			t.Errorf("got %v with fault %q", err, download.FaultOf(err))
		}
	})

	it("does not repeat what cannot succeed", func() {
		_, err := read(serve(func(_ int64, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }))
		if !download.NotFound(err) || download.FaultOf(err) == download.Passing || asked.Load() != 1 {
			t.Errorf("got %v after %d requests", err, asked.Load())
		}
	})

	it("waits as long as the server asks, within reason", func() {
		start := time.Now()
		same(read(serve(func(n int64, w http.ResponseWriter, r *http.Request) {
			if n == 1 {
				w.Header().Set("Retry-After", "3600")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			whole(w, r)
		})))
		if waited := time.Since(start); waited < 20*time.Millisecond || waited > 10*time.Second {
			t.Errorf("waited %s, expected the longest pause of 20ms", waited)
		}
	})

	it("names a certificate that is not trusted, without trying again", func() {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
		server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		t.Cleanup(server.Close)
		_, err := read(server.URL)
		if err == nil || !strings.Contains(err.Error(), "NODE_EXTRA_CA_CERTS=") || download.FaultOf(err) == download.Passing {
			t.Errorf("got %v", err)
		}
	})

	it("refuses more than the limit", func() {
		url := serve(func(_ int64, w http.ResponseWriter, r *http.Request) { whole(w, r) })
		_, err := quick().Document(t.Context(), download.Request{URL: url, Limit: 1000})
		if err == nil || !strings.Contains(err.Error(), "limit of 1000 bytes") {
			t.Errorf("got %v", err)
		}
	})

	it("tells progress with the size", func() {
		url := serve(func(_ int64, w http.ResponseWriter, r *http.Request) { whole(w, r) })
		var done, total int64
		body, err := quick().Open(t.Context(), download.Request{URL: url, Limit: 1 << 20, Progress: func(d, all int64) { done, total = d, all }})
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		if _, err := io.Copy(io.Discard, body); err != nil {
			t.Fatal(err)
		}
		if done != int64(len(data)) || total != int64(len(data)) {
			t.Errorf("told %d of %d", done, total)
		}
	})

	it("ends with its context", func() {
		ctx, cancel := context.WithCancel(t.Context())
		url := serve(func(_ int64, w http.ResponseWriter, _ *http.Request) {
			cancel()
			w.WriteHeader(http.StatusBadGateway)
		})
		_, err := quick().Document(ctx, download.Request{URL: url, Limit: 1})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})

	it("keeps credentials out of its errors", func() {
		url := serve(func(_ int64, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
		_, err := read(strings.Replace(url, "//", "//user:hunter2@", 1) + "?token=hunter3")
		if err == nil || strings.Contains(err.Error(), "hunter") {
			t.Errorf("got %v", err)
		}
	})
}
