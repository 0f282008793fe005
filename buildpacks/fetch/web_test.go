package fetch_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks/fetch"
	"github.com/slugc/slugc/stack/untar"
)

func testAddresses(t *testing.T, _ spec.G, it spec.S) {
	const is = "test/one@1.0.0: test/one@1.0.0"
	var (
		f      fetch.Fetcher
		data   []byte
		sum    string
		asked  atomic.Int64
		answer http.HandlerFunc
		url    string
	)
	whole := func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "x", time.Time{}, bytes.NewReader(data))
	}
	it.Before(func() {
		f = fetcher(t)
		data = gz(t, component("test/one", "1.0.0").below("one-main").tar(t))
		digest := sha256.Sum256(data)
		sum = hex.EncodeToString(digest[:])
		answer = whole
		url = "http://" + serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			answer(w, r)
		})) + "/one.tgz"
		asked.Store(0)
	})

	it("fetches an archive", func() {
		var told int64
		f.Progress = func(label string) (func(done, total int64), func()) {
			if label != "Fetching one.tgz" {
				t.Errorf("label %q", label)
			}
			return func(done, _ int64) { told = done }, func() {}
		}
		if p := fetched(t, f, url, is); p.Digest != "sha256:"+sum {
			t.Errorf("digest %s", p.Digest)
		}
		if told != int64(len(data)) {
			t.Errorf("told %d bytes of %d", told, len(data))
		}
	})
	it("asks nobody for a file that is kept and named by its checksum", func() {
		fetched(t, f, url+"#sha256="+strings.ToUpper(sum), is)
		f.Offline = true
		fetched(t, f, url+"#sha256="+sum, is)
		fetched(t, f, url, is)
		if asked.Load() != 1 {
			t.Errorf("asked %d times", asked.Load())
		}
		refused(t, f, url+"#sha256="+strings.Repeat("0", 64), "was never fetched")
		refused(t, f, url+"x", "was never fetched")
	})
	it("fetches a buildpackage", func() {
		data = packed(t, layoutOf(t, buildpackage(t, "test/one@1.0.0", shelf("test/one", "1.0.0"))))
		fetched(t, f, url, is)
		digest := sha256.Sum256(data)
		f.Offline = true
		fetched(t, f, url+"#sha256="+hex.EncodeToString(digest[:]), is)
	})
	it("refuses another checksum", func() {
		err := refusal(t, f, url+"#sha256="+strings.Repeat("0", 64), "expected: sha256:000")
		if err.Temporary() || !strings.Contains(err.Error(), sum) {
			t.Error(err)
		}
		fetched(t, f, url, is)
	})
	it("goes on where the line broke", func() {
		answer = func(w http.ResponseWriter, r *http.Request) {
			if asked.Load() == 1 {
				w = &breaking{ResponseWriter: w, left: 50}
			}
			w.Header().Set("ETag", `"1"`)
			whole(w, r)
		}
		fetched(t, f, url, is)
	})
	it("says what the server said", func() {
		for code, want := range map[int]string{401: "does not let you", 404: "no such file", 500: "500 Internal"} {
			answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
			if err := refusal(t, f, url, want); err.Temporary() != (code == 500) {
				t.Errorf("%d: temporary %t", code, err.Temporary())
			}
		}
		answer = func(w http.ResponseWriter, _ *http.Request) {
			if _, err := w.Write([]byte("\n<html>not what you wanted</html>")); err != nil {
				t.Error(err)
			}
		}
		refused(t, f, url, "it is a web page and no archive; a git repository is git+https://")
		f.Limits = untar.Limits{Bytes: 5}
		refused(t, f, url, "larger than the limit")
	})
	it("follows redirects, but not from https to http", func() {
		plain := url
		secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/one.tgz" {
				http.Redirect(w, r, plain, http.StatusFound)
				return
			}
			http.Redirect(w, r, "/again"+r.URL.Path, http.StatusFound)
		}))
		t.Cleanup(secure.Close)
		f.Download.Client = secure.Client()
		refused(t, f, secure.URL+"/one.tgz", "redirected to an address that is not https")
		refused(t, f, secure.URL+"/circle", "without end")
		answer = func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/one.tgz" {
				http.Redirect(w, r, "/two", http.StatusFound)
				return
			}
			whole(w, r)
		}
		fetched(t, f, plain, is)
		if asked.Load() != 2 {
			t.Errorf("asked %d times", asked.Load())
		}
	})
}
