package repository_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sclevine/spec"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/stack/debian/control"
	"github.com/slugc/slugc/stack/debian/debiantest"
	"github.com/slugc/slugc/stack/debian/repository"
)

func testDebs(t *testing.T, _ spec.G, it spec.S) {
	var a *debiantest.Archive
	var r repository.Repository
	var packages []control.Package

	it.Before(func() {
		names := []string{"bash", "coreutils", "dash", "grep", "libc6", "sed", "tar", "tzdata"}
		var built []debiantest.Package
		for _, name := range names {
			built = append(built, debiantest.Package{Name: name, Compression: "gz", Files: map[string]string{"/usr/bin/" + name + "*": strings.Repeat(name, 1000)}})
		}
		a = debiantest.New(t, built...)
		r = a.Repository(t)
		for _, name := range names {
			packages = append(packages, a.Package(t, name))
		}
		a.Requests()
	})

	same := func(files []string, packages []control.Package) {
		t.Helper()
		if len(files) != len(packages) {
			t.Fatalf("got %d files for %d packages", len(files), len(packages))
		}
		for i, p := range packages {
			got, err := os.ReadFile(files[i])
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join(a.Dir, "debian", p.Filename))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s is not %s", files[i], p)
			}
		}
	}
	debs := func() {
		t.Helper()
		files, err := r.Debs(t.Context(), packages)
		if err != nil {
			t.Fatal(err)
		}
		same(files, packages)
	}

	it("fetches what is missing, once, in the order that was asked for", func() {
		packages = append(packages, packages[0])
		var done, total, calls int64
		r.Progress = func(d, all int64) { done, total, calls = d, all, calls+1 }
		debs()
		if requests := a.Requests(); len(requests) != 8 {
			t.Errorf("asked for %v, expected each package once", requests)
		}
		var size int64
		for _, p := range packages[:8] {
			size += p.Size
		}
		if done != size || total != size {
			t.Errorf("ended at %d of %d bytes, expected %d", done, total, size)
		}
		debs()
		if requests := a.Requests(); len(requests) > 0 {
			t.Errorf("asked for %v again", requests)
		}
	})

	it("fetches again what was damaged in the cache", func() {
		debs()
		files, err := r.Debs(t.Context(), packages)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)-1] ^= 1
		if err := errors.Join(os.WriteFile(files[0], data, 0o644), os.Truncate(files[1], 10)); err != nil {
			t.Fatal(err)
		}
		a.Requests()
		debs()
		if requests := a.Requests(); len(requests) != 2 {
			t.Errorf("asked for %v, expected the two that were damaged", requests)
		}
	})

	it("goes on where a mirror broke off", func() {
		var mu sync.Mutex
		broken := map[string]bool{}
		a.Handle(func(w http.ResponseWriter, request *http.Request) bool {
			mu.Lock()
			defer mu.Unlock()
			if broken[request.URL.Path] {
				return false
			}
			broken[request.URL.Path] = true
			data, err := os.ReadFile(filepath.Join(a.Dir, request.URL.Path))
			if err != nil {
				t.Error(err)
			}
			w.Header().Set("Content-Length", strconv.Itoa(len(data)))
			if _, err := w.Write(data[:len(data)/2]); err != nil {
				t.Error(err)
			}
			panic(http.ErrAbortHandler)
		})
		debs()
	})

	for name, change := range map[string]func([]byte) []byte{
		"changed": func(data []byte) []byte { data[len(data)-1] ^= 1; return data },
		"half":    func(data []byte) []byte { return data[:len(data)/2] },
		"longer":  func(data []byte) []byte { return append(data, data...) },
	} {
		it("refuses a package that is "+name, func() {
			file := filepath.Join(a.Dir, "debian", packages[3].Filename)
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, change(data), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err = r.Debs(t.Context(), packages)
			says(t, as[*repository.MismatchError](t, err), a.URL+"/debian/"+packages[3].Filename, "sha256:"+packages[3].SHA256)
			for _, left := range paths(t, r.Cache) {
				if name := filepath.Base(left); name == packages[3].SHA256+".deb" || strings.HasPrefix(name, ".") {
					t.Errorf("%s is left", left)
				}
			}
		})
	}

	it("says what to do when the mirror no longer has a package", func() {
		if err := os.Remove(filepath.Join(a.Dir, "debian", packages[2].Filename)); err != nil {
			t.Fatal(err)
		}
		_, err := r.Debs(t.Context(), packages)
		gone := as[*repository.GoneError](t, err)
		equal(t, gone.Package, packages[2])
		says(t, err, "dash_1.0_amd64", "the lock", "--snapshot", "--mirror")
	})

	it("leaves no half file when it is cancelled", func() {
		ctx, cancel := context.WithCancel(t.Context())
		a.Handle(func(w http.ResponseWriter, request *http.Request) bool {
			w.Header().Set("Content-Length", "1000000")
			_, err := w.Write(make([]byte, 100))
			err = errors.Join(err, http.NewResponseController(w).Flush())
			// Of several downloads the first that is answered ends the others.
			if err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			cancel()
			<-request.Context().Done()
			return true
		})
		if _, err := r.Debs(ctx, packages); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, expected that it was cancelled", err)
		}
		if left := paths(t, r.Cache); len(left) > 0 {
			t.Errorf("%v are left", left)
		}
	})

	it("removes what killed processes left, and nothing that is in use", func() {
		dir := filepath.Join(r.Cache, "debs")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		old, young := filepath.Join(dir, ".unfinished-1"), filepath.Join(dir, ".unfinished-2")
		long := time.Now().Add(-2 * time.Hour)
		if err := errors.Join(os.WriteFile(old, nil, 0o644), os.WriteFile(young, nil, 0o644), os.Chtimes(old, long, long)); err != nil {
			t.Fatal(err)
		}
		debs()
		left := paths(t, dir)
		if len(left) != len(packages)+1 {
			t.Errorf("got %v, expected the packages and %s", left, young)
		}
	})

	it("shares its cache with others at the same time", func() {
		group, ctx := errgroup.WithContext(t.Context())
		for range 4 {
			group.Go(func() error {
				_, err := r.Update(ctx, a.Suites(), "amd64")
				return err
			})
			group.Go(func() error {
				_, err := r.Debs(ctx, packages)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		debs()
		if left := paths(t, r.Cache); len(left) != len(packages)+2 {
			t.Errorf("got %v, expected the packages, InRelease and Packages", left)
		}
	})

	it("refuses packages whose paths lead elsewhere", func() {
		for _, change := range []func(p *control.Package){
			func(p *control.Package) { p.SHA256 = "../" + p.SHA256[3:] },
			func(p *control.Package) { p.Filename = "../pool/x.deb" },
			func(p *control.Package) { p.Filename = "/pool/x.deb" },
		} {
			p := packages[0]
			change(&p)
			if _, err := r.Debs(t.Context(), []control.Package{p}); err == nil {
				t.Errorf("%+v was accepted", p)
			}
		}
		if requests := a.Requests(); len(requests) > 0 {
			t.Errorf("asked for %v", requests)
		}
	})

	it("needs no address for what is in the cache", func() {
		debs()
		r.Sources = repository.Sources{}
		debs()
		packages[0].Archive = "debian-security"
		packages[0].SHA256 = strings.Repeat("0", 64)
		_, err := r.Debs(t.Context(), packages)
		says(t, err, "bash_1.0_amd64", "--security-mirror", "SLUGC_DEBIAN_SECURITY_MIRROR")
	})
}

func testOffline(t *testing.T, _ spec.G, it spec.S) {
	it("uses what is in the cache and says what is missing", func() {
		a := debiantest.New(t, debiantest.Package{Name: "bash"}, debiantest.Package{Name: "dash"})
		online := a.Repository(t)
		offline := online
		offline.Offline, offline.Fetcher = true, nil
		offline.Now = func() time.Time { return a.Now.AddDate(1, 0, 0) }
		bash, dash := a.Package(t, "bash"), a.Package(t, "dash")

		_, err := offline.Update(t.Context(), a.Suites(), "amd64")
		says(t, err, a.URL+"/debian/dists/trixie/InRelease", online.Cache, "without --offline")
		_, err = offline.Debs(t.Context(), []control.Package{bash})
		says(t, err, "bash_1.0_amd64", "without --offline")
		if left := paths(t, online.Cache); len(left) > 0 {
			t.Errorf("%v were written offline", left)
		}

		if _, err := online.Update(t.Context(), a.Suites(), "amd64"); err != nil {
			t.Fatal(err)
		}
		if _, err := online.Debs(t.Context(), []control.Package{bash}); err != nil {
			t.Fatal(err)
		}
		a.Requests()
		index, err := offline.Update(t.Context(), a.Suites(), "amd64")
		if err != nil {
			t.Fatal(err)
		}
		found, err := index.Named("dash")
		equal(t, versions(t, found, err), []string{"dash_1.0_amd64"})
		equal(t, index.Releases()[0].ValidUntil, a.Now.AddDate(0, 0, 7))
		if _, err := offline.Debs(t.Context(), []control.Package{bash}); err != nil {
			t.Fatal(err)
		}
		_, err = offline.Debs(t.Context(), []control.Package{bash, dash})
		var missing *repository.OfflineError
		if !errors.As(err, &missing) {
			t.Fatalf("got %v, expected that something is missing", err)
		}
		equal(t, missing.Missing, []string{"dash_1.0_amd64"})
		if requests := a.Requests(); len(requests) > 0 {
			t.Errorf("asked for %v offline", requests)
		}

		_, err = offline.Update(t.Context(), a.Suites(), "arm64")
		says(t, err, "main/binary-arm64/Packages", "without --offline")
		for _, file := range paths(t, filepath.Join(online.Cache, "releases")) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, bytes.Replace(data, []byte("13.1"), []byte("13.2"), 1), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		_, err = offline.Update(t.Context(), a.Suites(), "amd64")
		says(t, as[*repository.SignatureError](t, err), online.Cache)
		says(t, err, "without --offline")
	})
}
