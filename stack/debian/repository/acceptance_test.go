//go:build acceptance

package repository_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian/control"
	"github.com/slugc/slugc/stack/debian/repository"
	"github.com/slugc/slugc/stack/debian/resolve"
	"github.com/slugc/slugc/stack/download"
)

// TestMirror fetches from the mirrors that this machine's apt uses.
func TestMirror(t *testing.T) {
	sources, err := repository.AptSources(os.DirFS("/"))
	if err != nil {
		t.Fatal(err)
	}
	client, err := download.Network{Proxies: download.ProxiesFrom(environment())}.Client()
	if err != nil {
		t.Fatal(err)
	}
	r := repository.Repository{Sources: sources, Fetcher: download.NewFetcher(client), Cache: t.TempDir()}
	for _, id := range []string{"slugc-13", "slugc-12"} {
		d, err := stack.Find(id)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(d.Codename, func(t *testing.T) { testSuites(t, r, d.Suites) })
	}
}

func testSuites(t *testing.T, r repository.Repository, suites []stack.Suite) {
	update(t, r, suites, "cold")
	update(t, r, suites, "warm")
	index := update(t, r, suites, "warm")
	for i, release := range index.Releases() {
		if release.Codename != suites[i].Name {
			t.Errorf("got %+v, expected the suite %s", release, suites[i].Name)
		}
	}
	awks, err := index.Providing("awk")
	if err != nil || len(awks) < 2 {
		t.Errorf("got %d packages that provide awk (%v), expected some", len(awks), err)
	}
	started, count := time.Now(), 0
	for name := range index.Names() {
		if _, err := index.Named(name); err != nil {
			t.Error(err)
		}
		count++
	}
	t.Logf("read %d stanzas in %s", count, time.Since(started))

	var packages []control.Package
	for _, name := range []string{"bash", "libc6", "tzdata"} {
		found, err := index.Named(name)
		if err != nil || len(found) == 0 {
			t.Fatalf("got %d versions of %s (%v), expected some", len(found), name, err)
		}
		highest := slices.MaxFunc(found, func(a, b resolve.Candidate) int { return control.Compare(a.Version, b.Version) })
		packages = append(packages, highest.Package)
	}
	files, err := r.Debs(t.Context(), packages)
	if err != nil {
		t.Fatal(err)
	}
	r.Offline = true
	if again, err := r.Debs(t.Context(), packages); err != nil || !slices.Equal(again, files) {
		t.Errorf("offline, got %v (%v), expected %v", again, err, files)
	}
	update(t, r, suites, "offline")
	head, err := os.ReadFile(files[0])
	if err != nil || !bytes.HasPrefix(head, []byte("!<arch>\n")) {
		t.Errorf("%s is no package (%v)", files[0], err)
	}
}

func update(t *testing.T, r repository.Repository, suites []stack.Suite, how string) *repository.Index {
	t.Helper()
	started := time.Now()
	index, err := r.Update(t.Context(), suites, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("update (%s): %s", how, time.Since(started))
	return index
}

// environment is this process's, by name.
func environment() map[string]string {
	env := map[string]string{}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	return env
}
