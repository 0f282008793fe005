package debiantest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian/control"
	"github.com/slugc/slugc/stack/debian/repository"
	"github.com/slugc/slugc/stack/download"
)

// Archive is a mirror of both of Debian's archives, with what was published.
// Its server ends with the test.
type Archive struct {
	// URL is the address of the server. The archives are the directories
	// "debian" and "debian-security" below it.
	URL string
	// Dir is the directory that is served. What is changed in it is served
	// changed.
	Dir string
	// Keyring are the public halves of the keys that sign.
	Keyring []byte
	// Key signs what is published.
	Key Key
	// Now is a time at which nothing has expired.
	Now time.Time

	mu       sync.Mutex
	requests []string
	handle   func(w http.ResponseWriter, r *http.Request) bool
	suites   []stack.Suite
	packages map[string]control.Package
}

// Suite is a suite to publish.
type Suite struct {
	// Archive is "debian" where it is empty.
	Archive string
	// Codename is "trixie" where it is empty, Suite "stable".
	Codename, Suite string
	Packages        []Package
	// Date is the Now of the archive where it is zero, ValidUntil a week
	// later. With NeverExpires there is no Valid-Until.
	Date, ValidUntil time.Time
	NeverExpires     bool
	// NoByHash leaves the files out that are called after their checksum.
	NoByHash bool
	// Separate lists the packages for all architectures apart.
	Separate bool
	// Endings are those of the Packages files that are served, ".xz" and ".gz"
	// where there are none; "" is the plain one.
	Endings []string
	// Keys sign, the archive's own where there are none.
	Keys []Key
}

// New serves an archive that has packages in the suite trixie, for amd64 and
// arm64. Without packages it is empty, for Publish.
func New(t testing.TB, packages ...Package) *Archive {
	t.Helper()
	now := time.Date(2026, time.July, 1, 12, 0, 0, 0, time.UTC)
	a := &Archive{Dir: t.TempDir(), Now: now, Key: NewKey(t, now.AddDate(-1, 0, 0), 0), packages: map[string]control.Package{}}
	a.Keyring = a.Key.Public(t)
	files := http.FileServer(http.Dir(a.Dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.asked(w, r) {
			files.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	a.URL = server.URL
	if len(packages) > 0 {
		a.Publish(t, Suite{Packages: packages})
	}
	return a
}

// asked notes a request and says whether it was answered.
func (a *Archive) asked(w http.ResponseWriter, r *http.Request) bool {
	a.mu.Lock()
	a.requests = append(a.requests, r.URL.Path)
	handle := a.handle
	a.mu.Unlock()
	return handle != nil && handle(w, r)
}

// Handle has requests answered by a function, as far as it returns true.
func (a *Archive) Handle(handle func(w http.ResponseWriter, r *http.Request) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.handle = handle
}

// Requests are the paths that were asked for since the last call, sorted.
func (a *Archive) Requests() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	requests := slices.Sorted(slices.Values(a.requests))
	a.requests = nil
	return requests
}

// Sources are the addresses of the archives.
func (a *Archive) Sources() repository.Sources {
	return repository.Sources{Debian: a.URL + "/debian", Security: a.URL + "/debian-security"}
}

// Repository fetches from the archive, into a cache of the test, without long
// pauses.
func (a *Archive) Repository(t testing.TB) repository.Repository {
	t.Helper()
	fetcher := download.NewFetcher(http.DefaultClient)
	fetcher.Pause = func(int) time.Duration { return time.Millisecond }
	return repository.Repository{
		Sources: a.Sources(),
		Fetcher: fetcher,
		Cache:   filepath.Join(t.TempDir(), "debian"),
		Keyring: a.Keyring,
		Now:     func() time.Time { return a.Now },
	}
}

// Suites are those that were published.
func (a *Archive) Suites() []stack.Suite { return slices.Clone(a.suites) }

// Package is one that was published, by name, the last one of them.
func (a *Archive) Package(t testing.TB, name string) control.Package {
	t.Helper()
	p, found := a.packages[name]
	if !found {
		t.Fatalf("no package %s was published", name)
	}
	return p
}

// Publish adds a suite, or replaces it.
func (a *Archive) Publish(t testing.TB, s Suite) {
	t.Helper()
	s.Archive = cmp.Or(s.Archive, repository.Debian)
	s.Codename, s.Suite = cmp.Or(s.Codename, "trixie"), cmp.Or(s.Suite, "stable")
	if s.Date.IsZero() {
		s.Date = a.Now
	}
	if s.ValidUntil.IsZero() {
		s.ValidUntil = s.Date.AddDate(0, 0, 7)
	}
	if s.Endings == nil {
		s.Endings = []string{".xz", ".gz"}
	}
	if s.Keys == nil {
		s.Keys = []Key{a.Key}
	}
	suite := stack.Suite{Archive: s.Archive, Name: s.Codename, Components: []string{"main"}}
	if !slices.ContainsFunc(a.suites, func(known stack.Suite) bool { return known.Archive == suite.Archive && known.Name == suite.Name }) {
		a.suites = append(a.suites, suite)
	}
	lists := map[string]*bytes.Buffer{"amd64": {}, "arm64": {}}
	if s.Separate {
		lists["all"] = &bytes.Buffer{}
	}
	for _, p := range s.Packages {
		stanza := a.publish(t, s.Archive, p)
		for arch, list := range lists {
			if p.architecture() == arch || p.architecture() == "all" && !s.Separate {
				list.WriteString(stanza + "\n")
			}
		}
	}
	dir := path.Join(s.Archive, "dists", s.Codename)
	var sums strings.Builder
	for _, arch := range slices.Sorted(maps.Keys(lists)) {
		plain := lists[arch].Bytes()
		below := "main/binary-" + arch
		fmt.Fprintf(&sums, " %x %d %s/Packages\n", sha256.Sum256(plain), len(plain), below)
		for _, ending := range s.Endings {
			packed := compress(t, ending, plain)
			sum := fmt.Sprintf("%x", sha256.Sum256(packed))
			if ending != "" {
				fmt.Fprintf(&sums, " %s %d %s/Packages%s\n", sum, len(packed), below, ending)
			}
			a.Write(t, path.Join(dir, below, "Packages"+ending), packed)
			if !s.NoByHash {
				a.Write(t, path.Join(dir, below, "by-hash/SHA256", sum), packed)
			}
		}
	}
	a.Write(t, path.Join(dir, "InRelease"), Sign(t, []byte(s.release()+sums.String()), s.Date, s.Keys...))
}

// release is the head of a Release file.
func (s Suite) release() string {
	var text strings.Builder
	fmt.Fprintf(&text, "Origin: Debian\nLabel: Debian\nSuite: %s\nVersion: 13.1\nCodename: %s\n", s.Suite, s.Codename)
	fmt.Fprintf(&text, "Date: %s\n", s.Date.UTC().Format(time.RFC1123))
	if !s.NeverExpires {
		fmt.Fprintf(&text, "Valid-Until: %s\n", s.ValidUntil.UTC().Format(time.RFC1123))
	}
	if !s.NoByHash {
		text.WriteString("Acquire-By-Hash: yes\n")
	}
	if !s.Separate {
		text.WriteString("No-Support-for-Architecture-all: Packages\n")
	}
	text.WriteString("Architectures: all amd64 arm64\nComponents: main\nDescription: archive of a test\nSHA256:\n")
	return text.String()
}

// publish puts a package into the pool and returns its stanza.
func (a *Archive) publish(t testing.TB, archive string, p Package) string {
	t.Helper()
	deb := debOf(t, p)
	locked := control.Package{
		Name: p.Name, Version: p.version(), Architecture: p.architecture(),
		Archive: archive, Size: int64(len(deb)), SHA256: fmt.Sprintf("%x", sha256.Sum256(deb)), InstalledSize: 1 << 10,
	}
	locked.Filename = "pool/main/" + p.Name[:1] + "/" + p.Name + "/" + strings.ReplaceAll(locked.String(), ":", "") + ".deb"
	a.packages[p.Name] = locked
	a.Write(t, path.Join(archive, locked.Filename), deb)
	return fmt.Sprintf("%sFilename: %s\nSize: %d\nSHA256: %s\n", p.stanza(), locked.Filename, locked.Size, locked.SHA256)
}

// Write writes a file that is served.
func (a *Archive) Write(t testing.TB, name string, data []byte) {
	t.Helper()
	file := filepath.Join(a.Dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
