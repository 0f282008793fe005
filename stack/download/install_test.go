package download_test

import (
	"bytes"
	"crypto/sha512"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/stack/download"
	"github.com/slugc/slugc/stack/download/downloadtest"
)

func testInstall(t *testing.T, _ spec.G, it spec.S) {
	var (
		dir, target string
		files       map[string]string
	)

	it.Before(func() {
		dir = t.TempDir()
		target = filepath.Join(dir, "tool")
		files = map[string]string{
			"LICENSE":      "free",
			"bin/tool*":    "#!/bin/sh\n",
			"bin/plain":    "made executable",
			"lib/deep/a.c": string(noise(3 << 20)),
			"share/man":    "manual",
		}
	})

	archive := func(tarball []byte, sum []byte) download.Archive {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(tarball))
		}))
		t.Cleanup(server.Close)
		return download.Archive{
			Subject:   "tool@1.0.0",
			Integrity: download.Integrity{Algorithm: "sha512", Sum: sum},
			Request:   download.Request{URL: server.URL, Limit: 1 << 30},
		}
	}
	good := func() download.Archive {
		tarball := downloadtest.Tarball(t, files)
		sum := sha512.Sum512(tarball)
		return archive(tarball, sum[:])
	}
	contents := func() map[string]string {
		found := map[string]string{}
		err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(dir, path)
			found[rel] = fmt.Sprint(info.Mode().Perm(), " ", info.Size())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}

	it("unpacks what is wanted and replaces what was there", func() {
		if err := os.MkdirAll(target, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(target, "old"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		err := quick().Install(t.Context(), good(), target, download.Selection{
			Wants:      func(name string) bool { return !strings.HasPrefix(name, "share/") },
			Executable: []string{"bin/plain"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]string{
			"tool/LICENSE":      "-rw-r--r-- 4",
			"tool/bin/tool":     "-rwxr-xr-x 10",
			"tool/bin/plain":    "-rwxr-xr-x 15",
			"tool/lib/deep/a.c": "-rw-r--r-- 3145728",
		}, contents()); diff != "" {
			t.Error(diff)
		}
		got, err := os.ReadFile(filepath.Join(target, "lib/deep/a.c"))
		if err != nil || string(got) != files["lib/deep/a.c"] {
			t.Errorf("a.c has other bytes (%v)", err)
		}
	})

	it("stops unpacking early but still verifies all", func() {
		err := quick().Install(t.Context(), good(), target, download.Selection{Only: []string{"LICENSE"}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]string{"tool/LICENSE": "-rw-r--r-- 4"}, contents()); diff != "" {
			t.Error(diff)
		}
		if err := quick().Install(t.Context(), archive(downloadtest.Tarball(t, files), make([]byte, 64)), target,
			download.Selection{Only: []string{"LICENSE"}}); err == nil {
			t.Error("installed a tree whose checksum is wrong")
		}
	})

	it("leaves nothing behind when the checksum is wrong", func() {
		err := quick().Install(t.Context(), archive(downloadtest.Tarball(t, files), make([]byte, 64)), target, download.Selection{})
		var wrong *download.IntegrityError
		if !errors.As(err, &wrong) || wrong.Subject != "tool@1.0.0" || download.FaultOf(err) != download.Registry {
			t.Fatalf("got %v", err)
		}
		for _, part := range []string{"tool@1.0.0", "expected: sha512-AAAA", "got:      sha512-"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
		if diff := cmp.Diff(map[string]string{}, contents()); diff != "" {
			t.Error(diff)
		}
	})

	it("puts the checksum before any complaint about the content", func() {
		err := quick().Install(t.Context(), archive([]byte("<html>please log in</html>"), make([]byte, 64)), target, download.Selection{})
		var wrong *download.IntegrityError
		if !errors.As(err, &wrong) {
			t.Errorf("got %v", err)
		}
	})

	it("says what is missing", func() {
		err := quick().Install(t.Context(), good(), target, download.Selection{Only: []string{"LICENSE", "bin/other"}})
		if err == nil || !strings.Contains(err.Error(), "there is no bin/other in it") {
			t.Errorf("got %v", err)
		}
		if diff := cmp.Diff(map[string]string{}, contents()); diff != "" {
			t.Error(diff)
		}
	})

	it("holds to its limits", func() {
		for _, s := range []download.Selection{{MaxFiles: 2}, {MaxBytes: 1 << 20}} {
			if err := quick().Install(t.Context(), good(), target, s); err == nil || !strings.Contains(err.Error(), "more than") {
				t.Errorf("%+v: got %v", s, err)
			}
		}
	})

	it("stays within its directory", func() {
		files = map[string]string{"../../evil": "x", "ok": "y"}
		if err := quick().Install(t.Context(), good(), target, download.Selection{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]string{"tool/ok": "-rw-r--r-- 1"}, contents()); diff != "" {
			t.Error(diff)
		}
	})
}
