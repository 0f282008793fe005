package repository_test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sclevine/spec"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian/debiantest"
	"github.com/slugc/slugc/stack/debian/repository"
	"github.com/slugc/slugc/stack/download"
)

// as makes sure that an error is of a kind, and the registry's.
func as[E error](t *testing.T, err error) E {
	t.Helper()
	var kind E
	if !errors.As(err, &kind) {
		t.Fatalf("got %v, expected a %T", err, kind)
	}
	if fault := download.FaultOf(err); fault != download.Registry {
		t.Errorf("the fault is %q, expected the registry's", fault)
	}
	return kind
}

func testRefusing(t *testing.T, when spec.G, it spec.S) {
	var a *debiantest.Archive
	var r repository.Repository

	it.Before(func() {
		a = debiantest.New(t, debiantest.Package{Name: "bash"})
		r = a.Repository(t)
	})

	update := func() error {
		t.Helper()
		index, err := r.Update(t.Context(), a.Suites(), "amd64")
		if err == nil {
			t.Fatalf("got the index %v, expected an error", index.Releases())
		}
		return err
	}
	inRelease := func(change func(string) string) {
		t.Helper()
		file := filepath.Join(a.Dir, "debian", "dists", "trixie", "InRelease")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		a.Write(t, "debian/dists/trixie/InRelease", []byte(change(string(data))))
	}
	const address = "/debian/dists/trixie/InRelease"

	when("InRelease is not what was signed", func() {
		for name, change := range map[string]func(string) string{
			"changed":          func(s string) string { return strings.Replace(s, "Version: 13.1", "Version: 13.2", 1) },
			"cut off":          func(s string) string { return s[:len(s)/2] },
			"without its end":  func(s string) string { return s[:strings.Index(s, "-----END")] },
			"empty":            func(string) string { return "" },
			"a login page":     func(string) string { return "<html>please log in</html>" },
			"text before":      func(s string) string { return "Origin: Debian\n" + s },
			"text after":       func(s string) string { return s + "SHA256:\n" },
			"another after it": func(s string) string { return s + s },
			"no text": func(s string) string {
				return s[:strings.Index(s, "Origin")] + s[strings.Index(s, "-----BEGIN PGP SIGNATURE"):]
			},
			"no signature": func(s string) string {
				from, to := strings.Index(s, "-----BEGIN PGP SIGNATURE"), strings.Index(s, "-----END")
				return s[:from] + "-----BEGIN PGP SIGNATURE-----\n\n" + s[to:]
			},
			"a header that is not signed": func(s string) string { return strings.Replace(s, "\n\nOrigin", "\nSuite: evil\n\nOrigin", 1) },
		} {
			it("refuses "+name, func() {
				inRelease(change)
				err := as[*repository.SignatureError](t, update())
				says(t, err, a.URL+address, "--mirror")
				if left := paths(t, r.Cache); len(left) > 0 {
					t.Errorf("it was kept: %v", left)
				}
			})
		}
	})

	when("the keys are not right", func() {
		it("refuses a key that is not in the keyring", func() {
			r.Keyring = debiantest.NewKey(t, a.Now.AddDate(-1, 0, 0), 0).Public(t)
			says(t, as[*repository.SignatureError](t, update()), "none of the keys that signed it is in the keyring")
		})
		it("refuses it with Debian's keyring", func() {
			r.Keyring = nil
			says(t, as[*repository.SignatureError](t, update()), a.URL+address)
		})
		it("accepts one good signature among others", func() {
			other := debiantest.NewKey(t, a.Now.AddDate(-1, 0, 0), 0)
			a.Publish(t, debiantest.Suite{Keys: []debiantest.Key{other, a.Key}})
			if _, err := r.Update(t.Context(), a.Suites(), "amd64"); err != nil {
				t.Error(err)
			}
		})
		it("refuses a key that had expired when it signed", func() {
			old := debiantest.NewKey(t, a.Now.AddDate(-1, 0, 0), 24*time.Hour)
			r.Keyring = old.Public(t)
			a.Publish(t, debiantest.Suite{Keys: []debiantest.Key{old}})
			says(t, as[*repository.SignatureError](t, update()), a.URL+address)
		})
		it("accepts a key that expired after it signed", func() {
			old := debiantest.NewKey(t, a.Now.AddDate(0, -1, 0), 45*24*time.Hour)
			r.Keyring = old.Public(t)
			a.Publish(t, debiantest.Suite{Keys: []debiantest.Key{old}, NeverExpires: true})
			r.Now = func() time.Time { return a.Now.AddDate(1, 0, 0) }
			if _, err := r.Update(t.Context(), a.Suites(), "amd64"); err != nil {
				t.Error(err)
			}
		})
		it("refuses a weak hash", func() {
			for name, accepted := range map[string]bool{"sha1": false, "sha256": true} {
				message, err := os.ReadFile(filepath.Join("testdata", name+".asc"))
				// The header is not signed, and must not decide.
				message = bytes.Replace(message, []byte("Hash: SHA1\n"), []byte("Hash: SHA256\n"), 1)
				if err != nil {
					t.Fatal(err)
				}
				if r.Keyring, err = os.ReadFile(filepath.Join("testdata", "sha.gpg")); err != nil {
					t.Fatal(err)
				}
				a.Write(t, address, message)
				err = update()
				var signature *repository.SignatureError
				if errors.As(err, &signature) == accepted {
					t.Errorf("%s: got %v", name, err)
				}
			}
		})
		it("says what a keyring has to be", func() {
			r.Keyring = []byte("-----BEGIN")
			says(t, update(), "the given keyring", "binary form")
		})
	})

	when("the suite is not the one", func() {
		it("refuses one that expired", func() {
			r.Now = func() time.Time { return a.Now.AddDate(0, 0, 10) }
			says(t, as[*repository.ExpiredError](t, update()), a.URL+address, "2026-07-08 12:00 UTC", "3 days ago", "--snapshot 20260708T120000Z")
		})
		it("refuses one of the future", func() {
			r.Now = func() time.Time { return a.Now.Add(-25 * time.Hour) }
			says(t, as[*repository.FutureError](t, update()), a.URL+address, "clock")
		})
		it("allows for a clock that is slow", func() {
			r.Now = func() time.Time { return a.Now.Add(-23 * time.Hour) }
			if _, err := r.Update(t.Context(), a.Suites(), "amd64"); err != nil {
				t.Error(err)
			}
		})
		it("refuses another suite under its name", func() {
			suites := []stack.Suite{{Archive: "debian", Name: "forky", Components: []string{"main"}}}
			data, err := os.ReadFile(filepath.Join(a.Dir, address))
			if err != nil {
				t.Fatal(err)
			}
			a.Write(t, "debian/dists/forky/InRelease", data)
			_, err = r.Update(t.Context(), suites, "amd64")
			says(t, as[*repository.SuiteError](t, err), "/debian/dists/forky/InRelease", `"trixie"`, `"forky"`)
		})
		it("says which suite is not there", func() {
			_, err := r.Update(t.Context(), []stack.Suite{{Archive: "debian", Name: "forky", Components: []string{"main"}}}, "amd64")
			says(t, err, "the mirror does not have the suite forky", "404")
		})
		it("says which components and architectures there are", func() {
			_, err := r.Update(t.Context(), a.Suites(), "riscv64")
			says(t, err, "main/binary-riscv64/Packages", "all, amd64, arm64")
		})
	})

	when("a snapshot is asked for", func() {
		it.Before(func() {
			r.Sources = repository.Sources{Debian: a.URL + "/@SNAPSHOTID@", Snapshot: "20260702T000000Z"}
			if err := os.Symlink("debian", filepath.Join(a.Dir, r.Sources.Snapshot)); err != nil {
				t.Fatal(err)
			}
			r.Now = func() time.Time { return a.Now.AddDate(5, 0, 0) }
		})
		it("accepts what was valid then", func() {
			if _, err := r.Update(t.Context(), a.Suites(), "amd64"); err != nil {
				t.Error(err)
			}
		})
		it("refuses what had expired then", func() {
			a.Publish(t, debiantest.Suite{Date: a.Now.AddDate(0, 0, -9)})
			says(t, as[*repository.ExpiredError](t, update()), r.Sources.Snapshot+"/dists/trixie/InRelease")
		})
		it("refuses what came later", func() {
			a.Publish(t, debiantest.Suite{Date: a.Now.AddDate(0, 0, 3), NeverExpires: true})
			says(t, as[*repository.FutureError](t, update()), "2026-07-04 12:00 UTC", "--snapshot")
		})
	})

	when("Packages is not what was signed", func() {
		for name, change := range map[string]func([]byte) []byte{
			"changed":   func(data []byte) []byte { data[len(data)/2] ^= 1; return data },
			"cut off":   func(data []byte) []byte { return data[:len(data)/2] },
			"longer":    func(data []byte) []byte { return append(data, 0) },
			"huge":      func(data []byte) []byte { return append(data, make([]byte, 1<<20)...) },
			"something": func([]byte) []byte { return []byte("Package: evil\n") },
		} {
			it("refuses it when it is "+name, func() {
				for _, file := range paths(t, filepath.Join(a.Dir, "debian", "dists")) {
					if filepath.Base(file) == "InRelease" {
						continue
					}
					data, err := os.ReadFile(file)
					if err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(file, change(data), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				mismatch := as[*repository.MismatchError](t, update())
				says(t, mismatch, a.URL+"/debian/dists/trixie/main/binary-amd64/", mismatch.Want, mismatch.Got)
				if len(paths(t, filepath.Join(r.Cache, "lists"))) > 0 {
					t.Error("it was kept")
				}
				asked := 0
				for _, request := range a.Requests() {
					if request == address {
						asked++
					}
				}
				if asked != 2 {
					t.Errorf("InRelease was asked for %d times, expected a second try", asked)
				}
			})
		}
		it("refuses what is something else once it is unpacked", func() {
			a.Write(t, address, debiantest.Sign(t, []byte(lies(t, a)), a.Now, a.Key))
			says(t, as[*repository.MismatchError](t, update()), "(unpacked)", strings.Repeat("0", 64))
		})
	})

	it("says that a mirror which stalls may do better later", func() {
		r.Fetcher.Stall, r.Fetcher.Tries = 20*time.Millisecond, 2
		a.Handle(func(_ http.ResponseWriter, request *http.Request) bool {
			<-request.Context().Done()
			return true
		})
		err := update()
		says(t, err, "the server sent nothing", a.URL+address)
		if download.FaultOf(err) != download.Passing {
			t.Errorf("got %v, expected that it may pass", err)
		}
	})

	it("says how to name a mirror", func() {
		r.Sources = repository.Sources{}
		says(t, update(), "--mirror", "SLUGC_DEBIAN_MIRROR")
	})
}

// lies is a Release that has a wrong checksum for what is in its lists.
func lies(t *testing.T, a *debiantest.Archive) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(a.Dir, "debian/dists/trixie/InRelease"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(data), "\n\n")
	text, _, _ = strings.Cut(text, "\n-----BEGIN")
	var lines []string
	for line := range strings.Lines(text) {
		if strings.HasSuffix(line, "/Packages\n") {
			line = " " + strings.Repeat("0", 64) + line[65:]
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "")
}
