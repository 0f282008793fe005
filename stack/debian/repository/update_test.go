package repository_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/stack/debian/control"
	"github.com/slugc/slugc/stack/debian/debiantest"
	"github.com/slugc/slugc/stack/debian/repository"
	"github.com/slugc/slugc/stack/debian/resolve"
)

// versions are the versions of what was found, with what it provides.
func versions(t *testing.T, found []resolve.Candidate, err error) []string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{}
	for _, c := range found {
		texts = append(texts, c.String())
	}
	slices.Sort(texts)
	return texts
}

// paths are the files below a directory.
func paths(t *testing.T, dir string) []string {
	t.Helper()
	all := []string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && entry.Type().IsRegular() {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func equal(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

// says makes sure that an error has all of some words.
func says(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("expected an error")
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("expected %q in: %v", word, err)
		}
	}
}

func testUpdate(t *testing.T, _ spec.G, it spec.S) {
	packages := []debiantest.Package{
		{Name: "mawk", Fields: map[string]string{"Provides": "awk,\n awk-any (= 2)", "Depends": "libc6 (>= 2.3) [amd64], bar | baz"}},
		{Name: "gawk", Fields: map[string]string{"Provides": "awk"}},
		{Name: "tzdata", Architecture: "all", Fields: map[string]string{"Multi-Arch": "foreign"}},
		{Name: "mawk", Architecture: "arm64", Version: "0.9"},
	}

	it("finds packages of an architecture, and of all", func() {
		a := debiantest.New(t, packages...)
		index, err := a.Repository(t).Update(t.Context(), a.Suites(), "amd64")
		if err != nil {
			t.Fatal(err)
		}
		found, err := index.Named("mawk")
		equal(t, versions(t, found, err), []string{"mawk_1.0_amd64"})
		equal(t, found[0].Package, packageOf(t, a, "mawk_1.0_amd64"))
		equal(t, found[0].Provides, []control.Provided{{Name: "awk"}, {Name: "awk-any", Version: "2"}})
		equal(t, len(found[0].Depends), 2)
		found, err = index.Named("tzdata")
		equal(t, versions(t, found, err), []string{"tzdata_1.0_all"})
		equal(t, found[0].MultiArch, "foreign")
		found, err = index.Providing("awk")
		equal(t, versions(t, found, err), []string{"gawk_1.0_amd64", "mawk_1.0_amd64"})
		found, err = index.Named("nothing")
		equal(t, versions(t, found, err), []string{})
		equal(t, slices.Sorted(index.Names()), []string{"gawk", "mawk", "tzdata"})
		equal(t, index.Releases(), []repository.Release{{
			Archive: "debian", Name: "trixie", Suite: "stable", Codename: "trixie", Version: "13.1",
			Date: a.Now, ValidUntil: a.Now.AddDate(0, 0, 7),
		}})
	})

	it("has the packages of all suites", func() {
		a := debiantest.New(t, packages...)
		a.Publish(t, debiantest.Suite{
			Archive: "debian-security", Codename: "trixie-security", Suite: "stable-security", NeverExpires: true,
			Endings: []string{".xz"}, Packages: []debiantest.Package{{Name: "mawk", Version: "1.0+deb13u1"}},
		})
		index, err := a.Repository(t).Update(t.Context(), a.Suites(), "amd64")
		if err != nil {
			t.Fatal(err)
		}
		found, err := index.Named("mawk")
		equal(t, versions(t, found, err), []string{"mawk_1.0+deb13u1_amd64", "mawk_1.0_amd64"})
		equal(t, found[1].Archive, "debian-security")
	})

	for name, suite := range map[string]debiantest.Suite{
		"xz alone":             {Endings: []string{".xz"}},
		"gz alone":             {Endings: []string{".gz"}},
		"no compression":       {Endings: []string{""}},
		"no files by checksum": {NoByHash: true},
		"all apart":            {Separate: true},
		"another name":         {Codename: "stable", Suite: "trixie"},
	} {
		it("reads a suite with "+name, func() {
			suite.Packages = packages
			a := debiantest.New(t)
			a.Publish(t, suite)
			index, err := a.Repository(t).Update(t.Context(), a.Suites(), "arm64")
			if err != nil {
				t.Fatal(err)
			}
			equal(t, slices.Sorted(index.Names()), []string{"mawk", "tzdata"})
		})
	}

	it("stays with what it has when a mirror answers with an older index", func() {
		a := debiantest.New(t)
		r := a.Repository(t)
		for _, at := range []struct {
			days          int
			serves, found string
		}{{-3, "1.0", "1.0"}, {-1, "1.1", "1.1"}, {-3, "1.0", "1.1"}, {-2, "0.9", "1.1"}, {0, "1.2", "1.2"}} {
			a.Publish(t, debiantest.Suite{
				Date:     a.Now.AddDate(0, 0, at.days),
				Packages: []debiantest.Package{{Name: "mawk", Version: at.serves}},
			})
			index, err := r.Update(t.Context(), a.Suites(), "amd64")
			if err != nil {
				t.Fatal(err)
			}
			found, err := index.Named("mawk")
			equal(t, versions(t, found, err), []string{"mawk_" + at.found + "_amd64"})
		}
		// A damaged one that was kept is none.
		for _, file := range paths(t, r.Cache) {
			if filepath.Base(filepath.Dir(file)) == "releases" {
				if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, err := r.Update(t.Context(), a.Suites(), "amd64"); err != nil {
			t.Error(err)
		}
	})

	it("fetches nothing but InRelease when nothing changed", func() {
		a := debiantest.New(t, packages...)
		r := a.Repository(t)
		for range 2 {
			if _, err := r.Update(t.Context(), a.Suites(), "amd64"); err != nil {
				t.Fatal(err)
			}
			requests := a.Requests()
			if last := requests[0]; last != "/debian/dists/trixie/InRelease" {
				t.Errorf("asked for %s, expected InRelease", last)
			}
			if len(paths(t, r.Cache)) != 2 {
				t.Errorf("the cache has %v, expected InRelease and Packages", paths(t, r.Cache))
			}
			r.Progress = func(int64, int64) { t.Error("something was fetched again") }
		}
		if _, err := r.Update(t.Context(), a.Suites(), "amd64"); err != nil {
			t.Fatal(err)
		}
		equal(t, a.Requests(), []string{"/debian/dists/trixie/InRelease"})
	})

	it("heals a damaged cache", func() {
		a := debiantest.New(t, packages...)
		r := a.Repository(t)
		for range 2 {
			index, err := r.Update(t.Context(), a.Suites(), "amd64")
			if err != nil {
				t.Fatal(err)
			}
			equal(t, slices.Sorted(index.Names()), []string{"gawk", "mawk", "tzdata"})
			for _, file := range paths(t, r.Cache) {
				if err := os.WriteFile(file, []byte("Package: evil\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	})

	it("tells progress up to the end", func() {
		a := debiantest.New(t, packages...)
		r := a.Repository(t)
		var last [2]int64
		r.Progress = func(done, total int64) { last = [2]int64{done, total} }
		if _, err := r.Update(t.Context(), a.Suites(), "amd64"); err != nil {
			t.Fatal(err)
		}
		if last[0] == 0 || last[0] != last[1] {
			t.Errorf("ended at %d of %d bytes", last[0], last[1])
		}
	})

	it("asks again when the mirror changes in between", func() {
		a := debiantest.New(t, packages...)
		r := a.Repository(t)
		changed := false
		a.Handle(func(_ http.ResponseWriter, request *http.Request) bool {
			if strings.Contains(request.URL.Path, "by-hash") && !changed {
				changed = true
				if err := os.RemoveAll(filepath.Join(a.Dir, "debian", "dists", "trixie", "main")); err != nil {
					t.Error(err)
				}
				a.Publish(t, debiantest.Suite{Packages: []debiantest.Package{{Name: "new"}}})
			}
			return false
		})
		index, err := r.Update(t.Context(), a.Suites(), "amd64")
		if err != nil {
			t.Fatal(err)
		}
		equal(t, slices.Sorted(index.Names()), []string{"new"})
	})

	it("takes the plain name where a mirror has no files by checksum although it says so", func() {
		a := debiantest.New(t, packages...)
		a.Handle(func(w http.ResponseWriter, request *http.Request) bool {
			if !strings.Contains(request.URL.Path, "by-hash") {
				return false
			}
			http.NotFound(w, request)
			return true
		})
		if _, err := a.Repository(t).Update(t.Context(), a.Suites(), "amd64"); err != nil {
			t.Fatal(err)
		}
	})

	it("reads a mirror on disk", func() {
		a := debiantest.New(t, packages...)
		r := a.Repository(t)
		r.Fetcher = nil
		r.Sources.Debian = "file://" + a.Dir + "/debian"
		index, err := r.Update(t.Context(), a.Suites(), "amd64")
		if err != nil {
			t.Fatal(err)
		}
		equal(t, len(slices.Collect(index.Names())), 3)
		if _, err := r.Debs(t.Context(), []control.Package{a.Package(t, "gawk")}); err != nil {
			t.Fatal(err)
		}
		r.Sources.Debian += "/nothing"
		_, err = r.Update(t.Context(), a.Suites(), "amd64")
		says(t, err, "does not have the suite trixie", a.Dir+"/debian/nothing/dists/trixie/InRelease")
	})

	it("sends the credentials of an address and does not show them", func() {
		a := debiantest.New(t, packages...)
		a.Handle(func(w http.ResponseWriter, request *http.Request) bool {
			user, password, _ := request.BasicAuth()
			if user == "me" && password == "secret" && !strings.Contains(request.URL.Path, "none") {
				return false
			}
			w.WriteHeader(http.StatusForbidden)
			return true
		})
		r := a.Repository(t)
		r.Sources.Debian = strings.Replace(r.Sources.Debian, "http://", "http://me:secret@", 1)
		if _, err := r.Update(t.Context(), a.Suites(), "amd64"); err != nil {
			t.Fatal(err)
		}
		r.Sources.Debian += "/none"
		_, err := r.Update(t.Context(), a.Suites(), "amd64")
		says(t, err, "403")
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error shows the password: %v", err)
		}
	})

	it("leaves no half file when it is cancelled", func() {
		a := debiantest.New(t, packages...)
		r := a.Repository(t)
		ctx, cancel := context.WithCancel(t.Context())
		a.Handle(func(w http.ResponseWriter, request *http.Request) bool {
			if !strings.Contains(request.URL.Path, "Packages") && !strings.Contains(request.URL.Path, "by-hash") {
				return false
			}
			w.Header().Set("Content-Length", "100000")
			fmt.Fprint(w, "half")
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			cancel()
			<-request.Context().Done()
			return true
		})
		if _, err := r.Update(ctx, a.Suites(), "amd64"); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, expected that it was cancelled", err)
		}
		for _, file := range paths(t, r.Cache) {
			if filepath.Base(filepath.Dir(file)) != "releases" {
				t.Errorf("%s is left", file)
			}
		}
	})
}

// packageOf is what the pool of an archive has by the name of its file.
func packageOf(t *testing.T, a *debiantest.Archive, file string) control.Package {
	t.Helper()
	parts := strings.Split(file, "_")
	p := control.Package{
		Name: parts[0], Version: parts[1], Architecture: parts[2], Archive: "debian",
		Filename: "pool/main/" + parts[0][:1] + "/" + parts[0] + "/" + file + ".deb", InstalledSize: 1024,
	}
	deb, err := os.ReadFile(filepath.Join(a.Dir, "debian", p.Filename))
	if err != nil {
		t.Fatal(err)
	}
	p.Size, p.SHA256 = int64(len(deb)), fmt.Sprintf("%x", sha256.Sum256(deb))
	return p
}
