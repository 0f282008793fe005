package goproxy_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"
	"golang.org/x/mod/module"

	"github.com/slugc/slugc/buildpacks/runtime/goproxy"
	"github.com/slugc/slugc/buildpacks/runtime/goproxy/goproxytest"
	"github.com/slugc/slugc/stack/download"
)

func TestProxy(t *testing.T) {
	spec.Run(t, "proxy", testProxy)
}

func testProxy(t *testing.T, when spec.G, it spec.S) {
	var (
		served *goproxytest.Proxy
		cache  string
		tool   = module.Version{Path: "example.test/Tool", Version: "v1.0.0"}
		sum    string
	)
	proxy := func(env map[string]string) *goproxy.Proxy {
		t.Helper()
		settings := served.Env()
		for name, value := range env {
			settings[name] = value
		}
		config, err := goproxy.Load(settings, goproxy.Defaults{})
		if err != nil {
			t.Fatal(err)
		}
		fetcher := download.NewFetcher(&http.Client{})
		fetcher.Pause = func(int) time.Duration { return time.Millisecond }
		return &goproxy.Proxy{Config: config, Fetcher: fetcher, Cache: cache}
	}
	fetched := func(p *goproxy.Proxy, m module.Version) (string, error) {
		t.Helper()
		file, err := os.Create(filepath.Join(t.TempDir(), "zip"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		return file.Name(), p.Save(t.Context(), m, file, nil)
	}

	it.Before(func() {
		served = goproxytest.New(t)
		cache = t.TempDir()
		for _, version := range []string{"v1.0.0", "v1.1.0", "v2.0.0+incompatible"} {
			s := served.Publish(t, module.Version{Path: tool.Path, Version: version}, map[string]string{
				"bin/tool*": "#!/bin/sh\n", "lib/a.txt": "a", "lib/b.txt": version, "go.mod": "module example.test/Tool\n",
			})
			if version == tool.Version {
				sum = s
			}
		}
	})

	it("lists the versions of a module", func() {
		versions, stale, err := proxy(nil).Versions(t.Context(), tool.Path)
		if err != nil || stale != nil {
			t.Fatal(err, stale)
		}
		if diff := cmp.Diff([]string{"v1.0.0", "v1.1.0", "v2.0.0+incompatible"}, versions); diff != "" {
			t.Error(diff)
		}
	})

	it("takes a proxy that does not list for one that lists nothing", func() {
		served.Unlist(tool.Path)
		versions, _, err := proxy(nil).Versions(t.Context(), tool.Path)
		if err != nil || len(versions) > 0 {
			t.Errorf("got %v, %v", versions, err)
		}
	})

	it("lists what it knew when the proxy cannot be reached", func() {
		p := proxy(nil)
		if _, _, err := p.Versions(t.Context(), tool.Path); err != nil {
			t.Fatal(err)
		}
		served.Close()
		versions, stale, err := p.Versions(t.Context(), tool.Path)
		if err != nil || len(versions) != 3 || stale == nil || !strings.Contains(stale.Error(), "GOPROXY") {
			t.Errorf("got %v, %v, %v", versions, stale, err)
		}
	})

	it("looks a checksum up, with its proofs", func() {
		got, err := proxy(nil).Sum(t.Context(), tool)
		if err != nil || got != sum {
			t.Errorf("got %s, %v, expected %s", got, err, sum)
		}
		if !slices.ContainsFunc(served.Requests(), func(path string) bool { return strings.Contains(path, "/tile/") }) {
			t.Errorf("no proof was asked for: %v", served.Requests())
		}
	})

	it("knows a checksum again without asking", func() {
		if _, err := proxy(nil).Sum(t.Context(), tool); err != nil {
			t.Fatal(err)
		}
		served.Before(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/supported") {
				return false
			}
			w.WriteHeader(http.StatusNotFound)
			return true
		})
		if got, err := proxy(nil).Sum(t.Context(), tool); err != nil || got != sum {
			t.Errorf("got %s, %v", got, err)
		}
	})

	it("refuses a record that the database did not sign", func() {
		served.Before(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/lookup/") {
				return false
			}
			answer := httptest.NewRecorder()
			served.Before(nil)
			served.ServeHTTP(answer, r)
			_, err := w.Write([]byte(strings.Replace(answer.Body.String(), sum, "h1:"+strings.Repeat("B", 43)+"=", 1)))
			return err == nil
		})
		_, err := proxy(nil).Sum(t.Context(), tool)
		if err == nil || download.FaultOf(err) != download.Registry {
			t.Errorf("got %v", err)
		}
	})

	it("refuses a database of another key", func() {
		other := goproxytest.New(t)
		_, err := proxy(map[string]string{"GOSUMDB": other.Key}).Sum(t.Context(), tool)
		if err == nil || !strings.Contains(err.Error(), "cannot be trusted") || download.FaultOf(err) != download.Registry {
			t.Errorf("got %v", err)
		}
	})

	it("asks for no checksum where the settings say so", func() {
		for _, env := range []map[string]string{{"GOSUMDB": "off"}, {"GONOSUMDB": "example.test"}, {"GONOSUMDB": "example.test/*"}} {
			if got, err := proxy(env).Sum(t.Context(), tool); err != nil || got != "" {
				t.Errorf("%v: got %q, %v", env, got, err)
			}
		}
	})

	it("logs in with the address's credentials, to the database too, and shows them to nobody", func() {
		served.Before(func(w http.ResponseWriter, r *http.Request) bool {
			if user, password, _ := r.BasicAuth(); user == "me" && password == "secret" {
				return false
			}
			w.WriteHeader(http.StatusUnauthorized)
			return true
		})
		p := proxy(map[string]string{"GOPROXY": strings.Replace(served.URL, "://", "://me:secret@", 1)})
		if got, err := p.Sum(t.Context(), tool); err != nil || got != sum {
			t.Errorf("got %s, %v", got, err)
		}
		err := proxy(map[string]string{"GOPROXY": strings.Replace(served.URL, "://", "://me:old-secret@", 1)}).Has(t.Context(), tool)
		if download.FaultOf(err) != download.App || !strings.Contains(err.Error(), "wants a login") || strings.Contains(err.Error(), "old-secret") {
			t.Errorf("got %v", err)
		}
	})

	it("names a version that there is not", func() {
		err := proxy(nil).Has(t.Context(), module.Version{Path: tool.Path, Version: "v9.0.0"})
		var missing *goproxy.MissingError
		if !errors.As(err, &missing) || !strings.Contains(err.Error(), "example.test/Tool@v9.0.0") || !strings.Contains(err.Error(), served.URL) {
			t.Errorf("got %v", err)
		}
	})

	it("does not fetch what a person keeps from proxies", func() {
		for _, env := range []map[string]string{{"GOPRIVATE": "example.test"}, {"GONOPROXY": "*.test"}, {"GOPROXY": "direct"}, {"GOPROXY": "off"}} {
			err := proxy(env).Has(t.Context(), tool)
			if err == nil || download.FaultOf(err) != download.App {
				t.Errorf("%v: got %v", env, err)
			}
		}
	})

	when("there are several proxies", func() {
		var first *httptest.Server
		var status int
		it.Before(func() {
			first = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
			t.Cleanup(first.Close)
		})

		it("asks the next one after a comma for what the first does not have", func() {
			status = http.StatusNotFound
			p := proxy(map[string]string{"GOPROXY": first.URL + "," + served.URL})
			if err := p.Has(t.Context(), tool); err != nil {
				t.Error(err)
			}
			if got, err := p.Sum(t.Context(), tool); err != nil || got != sum {
				t.Errorf("got %s, %v", got, err)
			}
		})

		it("does not ask the next one after a comma when the first fails", func() {
			status = http.StatusInternalServerError
			err := proxy(map[string]string{"GOPROXY": first.URL + "," + served.URL}).Has(t.Context(), tool)
			if download.FaultOf(err) != download.Passing {
				t.Errorf("got %v", err)
			}
		})

		it("asks the next one after a bar when the first fails", func() {
			status = http.StatusInternalServerError
			if err := proxy(map[string]string{"GOPROXY": first.URL + "|" + served.URL}).Has(t.Context(), tool); err != nil {
				t.Error(err)
			}
		})
	})

	when("a zip is unpacked", func() {
		unpack := func(m module.Version, sum string, s goproxy.Selection) (string, error) {
			t.Helper()
			file, err := fetched(proxy(nil), m)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			_, err = goproxy.Unpack(t.Context(), file, m, sum, dir, s)
			return dir, err
		}

		it("has the checksum that the go command computes", func() {
			dir, err := unpack(tool, sum, goproxy.Selection{Executable: func(name string) bool { return name == "bin/tool" }})
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string]os.FileMode{"bin/tool": 0o755, "lib/a.txt": 0o644} {
				if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != want {
					t.Errorf("%s: got %v, %v", name, info, err)
				}
			}
		})

		it("is checked whole, even when a part is wanted", func() {
			dir, err := unpack(tool, sum, goproxy.Selection{Wants: func(name string) bool { return name == "lib/a.txt" }})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(filepath.Join(dir, "bin")); err == nil {
				t.Error("unpacked what is not wanted")
			}
		})

		it("is refused with another checksum", func() {
			other := module.Version{Path: tool.Path, Version: "v1.1.0"}
			_, err := unpack(other, sum, goproxy.Selection{})
			var wrong *goproxy.SumError
			if !errors.As(err, &wrong) || wrong.Want != sum || download.FaultOf(err) != download.Registry {
				t.Errorf("got %v", err)
			}
		})

		it("is refused when it is another module's", func() {
			served.Swap(module.Version{Path: tool.Path, Version: "v1.1.0"}, tool)
			if _, err := unpack(tool, sum, goproxy.Selection{}); err == nil || !strings.Contains(err.Error(), "is not below") {
				t.Errorf("got %v", err)
			}
		})

		it("is refused when it is larger than allowed", func() {
			for _, s := range []goproxy.Selection{{MaxFiles: 2}, {MaxBytes: 10}} {
				if _, err := unpack(tool, sum, s); err == nil || !strings.Contains(err.Error(), "more than") {
					t.Errorf("got %v", err)
				}
			}
		})
	})
}
