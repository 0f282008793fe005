package npm_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/git-pkgs/purl"
	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/buildpacks/runtime/npm/npmtest"
	"github.com/slugc/slugc/stack/download"
)

func TestRegistry(t *testing.T) {
	spec.Run(t, "registry", testRegistry)
}

func testRegistry(t *testing.T, when spec.G, it spec.S) {
	var (
		served   *npmtest.Registry
		registry *npm.Registry
	)

	configure := func(text string) {
		fetcher := download.NewFetcher(&http.Client{})
		fetcher.Pause = func(int) time.Duration { return time.Millisecond }
		registry = &npm.Registry{Config: load(t, nil, "registry="+served.URL+"\n"+text), Fetcher: fetcher}
	}
	parse := func(text string) npm.Range {
		r, err := npm.ParseRange(text)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}

	it.Before(func() {
		served = npmtest.New(t)
		for _, version := range []string{"18.0.0", "20.1.0", "20.2.0", "22.0.0", "23.0.0", "24.0.0-rc.1"} {
			served.Publish(t, npmtest.Package{Name: "tool", Version: version, Files: map[string]string{"bin/tool": version}, Bin: map[string]string{"tool": "bin/tool"}})
		}
		served.Publish(t, npmtest.Package{Name: "@acme/tool", Version: "1.0.0", Files: map[string]string{"a": "b"}})
		configure("")
	})

	it("resolves a range to the newest version", func() {
		m, err := registry.Resolve(t.Context(), "tool", parse("^20"))
		if err != nil || m.Version != "20.2.0" {
			t.Errorf("got %s, %v", m.Version, err)
		}
	})

	it("prefers a range among those that are allowed", func() {
		for _, test := range []struct {
			wanted    string
			preferred []string
			want      string
		}{
			{">=18", []string{"20.x", "22"}, "20.2.0"},
			{">=21", []string{"20.x", "22"}, "22.0.0"},
			{">=23", []string{"20.x", "22"}, "23.0.0"},
			{">=18", nil, "23.0.0"},
		} {
			var preferred []npm.Range
			for _, text := range test.preferred {
				preferred = append(preferred, parse(text))
			}
			m, err := registry.Resolve(t.Context(), "tool", parse(test.wanted), preferred...)
			if err != nil || m.Version != test.want {
				t.Errorf("%s: got %s, %v, expected %s", test.wanted, m.Version, err, test.want)
			}
		}
	})

	it("asks for one version only when there can be only one", func() {
		m, err := registry.Resolve(t.Context(), "tool", parse("20.1.0"))
		if err != nil || m.Version != "20.1.0" {
			t.Fatalf("got %s, %v", m.Version, err)
		}
		if diff := cmp.Diff([]string{"/tool/20.1.0"}, served.Requests()); diff != "" {
			t.Error(diff)
		}
	})

	it("names the nearest versions of one that there is not", func() {
		_, err := registry.Resolve(t.Context(), "tool", parse("99.0.0"))
		var missing *npm.MissingError
		if !errors.As(err, &missing) {
			t.Fatalf("got %v", err)
		}
		if diff := cmp.Diff([]string{"20.2.0", "22.0.0", "23.0.0"}, missing.Nearest); diff != "" {
			t.Error(diff)
		}
		for _, part := range []string{served.URL, ".npmrc", `"99.0.0"`, "tool", "nearest are 20.2.0, 22.0.0, 23.0.0"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
	})

	it("says which registry lacks a package", func() {
		_, err := registry.Packument(t.Context(), "nothing")
		if err == nil || !strings.Contains(err.Error(), "has no package nothing") || download.FaultOf(err) != download.Registry {
			t.Errorf("got %v", err)
		}
	})

	it("asks for a package of a scope as one segment", func() {
		if _, err := registry.Packument(t.Context(), "@acme/tool"); err != nil {
			t.Error(err)
		}
	})

	it("installs a version with its commands executable", func() {
		m, err := registry.Resolve(t.Context(), "tool", parse("22"))
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "tool")
		if err := registry.Install(t.Context(), m, dir, download.Selection{}, nil); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, "bin/tool"))
		if err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("got %v, %v", info, err)
		}
	})

	it("blames the registry for a file that its document contradicts", func() {
		served.Publish(t, npmtest.Package{Name: "tool", Version: "25.0.0", Files: map[string]string{"a": "b"},
			Integrity: "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="})
		m, err := registry.Resolve(t.Context(), "tool", parse("25"))
		if err != nil {
			t.Fatal(err)
		}
		err = registry.Install(t.Context(), m, filepath.Join(t.TempDir(), "tool"), download.Selection{}, nil)
		if download.FaultOf(err) != download.Registry {
			t.Errorf("the fault is %q", download.FaultOf(err))
		}
		for _, part := range []string{"tool@25.0.0", "expected: sha512-z4PhN", "got:      sha512-", "neither the app's fault nor slugc's", served.URL} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
	})

	it("says that a registry which fails may come back", func() {
		served.Before(func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusInternalServerError)
			return true
		})
		_, err := registry.Packument(t.Context(), "tool")
		if download.FaultOf(err) != download.Passing || !strings.Contains(err.Error(), "NPM_CONFIG_REGISTRY=") {
			t.Errorf("got %v", err)
		}
	})

	it("says what to do when a registry wants a login", func() {
		served.Before(func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusUnauthorized)
			return true
		})
		_, err := registry.Packument(t.Context(), "tool")
		if download.FaultOf(err) != download.App || !strings.Contains(err.Error(), ":_authToken=TOKEN") {
			t.Errorf("got %v", err)
		}
	})

	it("tells a web page from a registry's answer", func() {
		served.Before(func(w http.ResponseWriter, _ *http.Request) bool {
			_, err := w.Write([]byte("<html>"))
			return err == nil
		})
		_, err := registry.Packument(t.Context(), "tool")
		if err == nil || !strings.Contains(err.Error(), "not as an npm registry does") {
			t.Errorf("got %v", err)
		}
	})

	it("passes over odd documents of versions", func() {
		served.Before(func(w http.ResponseWriter, _ *http.Request) bool {
			_, err := w.Write([]byte(`{"versions": {"1.0.0": {"bin": 7, "dist": {"shasum": "x"}}, "2.0.0": "odd"}}`))
			return err == nil
		})
		m, err := registry.Resolve(t.Context(), "tool", parse("1.x"))
		if err != nil || m.Version != "1.0.0" || m.Name != "tool" {
			t.Errorf("got %+v, %v", m, err)
		}
		if err := registry.Install(t.Context(), m, filepath.Join(t.TempDir(), "x"), download.Selection{}, nil); err == nil || !strings.Contains(err.Error(), "checksum of tool@1.0.0") {
			t.Errorf("got %v", err)
		}
	})

	when("there are credentials", func() {
		var sent string
		ask := func(text string) string {
			served.Before(func(_ http.ResponseWriter, r *http.Request) bool {
				sent = r.Header.Get("Authorization")
				return false
			})
			configure(text)
			if _, err := registry.Packument(t.Context(), "tool"); err != nil {
				t.Fatal(err)
			}
			return sent
		}
		it("sends those of the host", func() {
			host := "//" + strings.TrimPrefix(served.URL, "http://") + "/"
			word := base64.StdEncoding.EncodeToString([]byte("secret"))
			for text, want := range map[string]string{
				host + ":_authToken=abc":                                    "Bearer abc",
				host + ":_auth=YTpi":                                        "Basic YTpi",
				host + ":username=ann\n" + host + ":_password=" + word:      "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:secret")),
				host + "other/:_authToken=abc":                              "",
				"//elsewhere.test/:_authToken=abc":                          "",
				strings.TrimSuffix(host, "/") + ":_authToken=without-slash": "Bearer without-slash",
			} {
				if got := ask(text); got != want {
					t.Errorf("%q: sent %q, expected %q", text, got, want)
				}
			}
		})
	})

	when("a tarball lies on another host", func() {
		public, err := url.Parse(purl.DefaultRegistry("npm"))
		if err != nil {
			t.Fatal(err)
		}
		install := func(host, settings string) error {
			served.Publish(t, npmtest.Package{Name: "moved", Version: "1.0.0", Files: map[string]string{"a": "b"}})
			configure(settings)
			m, err := registry.Resolve(t.Context(), "moved", parse("1"))
			if err != nil {
				t.Fatal(err)
			}
			m.Dist.Tarball = "https://" + host + "/moved/-/moved-1.0.0.tgz"
			return registry.Install(t.Context(), m, filepath.Join(t.TempDir(), "x"), download.Selection{}, nil)
		}
		it("takes it from the configured registry if that host is the public one", func() {
			if err := install(public.Host, ""); err != nil {
				t.Error(err)
			}
		})
		it("takes it from where it is otherwise", func() {
			if err := install("files.invalid", ""); err == nil || !strings.Contains(err.Error(), "files.invalid") {
				t.Errorf("got %v", err)
			}
		})
		it("hears the setting for it", func() {
			if err := install("files.invalid", "replace-registry-host=always"); err != nil {
				t.Error(err)
			}
		})
	})
}
