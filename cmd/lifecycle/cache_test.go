package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	restored = "Restoring data for \"test/hello:greeter\" from cache\n"
	kept     = "Reusing cache layer 'test/hello:greeter'\n"
)

// built is what a build said, which has to succeed.
func (b builder) built(args ...string) string {
	b.t.Helper()
	code, out := b.create(args...)
	if code != 0 {
		b.t.Fatalf("code %d\n%s", code, out)
	}
	return out
}

func expect(t *testing.T, out string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(out, part) {
			t.Errorf("no %q in\n%s", part, out)
		}
	}
}

func TestCacheImage(t *testing.T) {
	b := newBuilder(t)
	image := []string{"-cache-dir", "", "-cache-image", b.host + "/cache:1"}
	expect(t, b.built(image...), "Layer cache not found\n", "Adding cache layer 'test/hello:greeter'\n")
	app := b.digest("app:1")
	for n, count := range []string{"Build number 2\n", "Build number 3\n"} {
		out := b.built(image...)
		expect(t, out, restored, count, kept, "Reusing layer 'test/hello:greeter'\n")
		if diff := cmp.Diff(app, b.digest("app:1")); diff != "" {
			t.Errorf("build %d is another image: %s", n+2, diff)
		}
	}
}

// TestCacheGoesOn damages a cache in all ways that leave a build with less, never
// without an image.
func TestCacheGoesOn(t *testing.T) {
	b := newBuilder(t)
	b.built()
	app := b.digest("app:1")
	committed := func(pattern string) []string {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(b.at("cache/committed"), pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %q, %v", pattern, found, err)
		}
		return found
	}
	for _, c := range []struct {
		name   string
		damage func()
		want   []string
	}{
		{"no records", func() { must(t, os.RemoveAll(b.at("cache/slugc"))) }, []string{restored, kept}},
		{"trees of a build that was killed", func() {
			found, err := filepath.Glob(b.at("cache/slugc/v1/trees/*"))
			must(t, err)
			for _, tree := range found {
				must(t, os.WriteFile(filepath.Join(tree, "lent"), nil, 0o600))
			}
		}, []string{restored, kept}},
		{"an update that was killed", func() { must(t, os.Rename(b.at("cache/committed"), b.at("cache/committed-backup"))) }, []string{restored, kept}},
		{"layers that are damaged", func() {
			must(t, os.RemoveAll(b.at("cache/slugc")))
			for _, layer := range committed("*.tar") {
				must(t, os.WriteFile(layer, []byte("no tar"), 0o644))
			}
		}, []string{"Warning: Skipping restore for layer test/hello:greeter: ", "Making the greeter\n", "Build number 1\n"}},
		{"layers that are gone", func() {
			must(t, os.RemoveAll(b.at("cache/slugc")))
			for _, layer := range committed("*.tar") {
				must(t, os.Remove(layer))
			}
		}, []string{"Warning: Skipping restore for layer test/hello:greeter: ", "Making the greeter\n", "Build number 1\n"}},
		{"metadata that is damaged", func() { must(t, os.WriteFile(committed("io.*")[0], []byte("{\"buildpacks\":"), 0o644)) }, []string{"Build number 1\n"}},
		{"records that are files", func() {
			must(t, os.RemoveAll(b.at("cache/slugc")))
			must(t, os.WriteFile(b.at("cache/slugc"), nil, 0o644))
		}, []string{restored, kept}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.damage()
			expect(t, b.built(), c.want...)
			// What has been put right does not need the records.
			must(t, os.RemoveAll(b.at("cache/slugc")))
			out := b.built()
			expect(t, out, restored, kept)
			if strings.Contains(out, "Skipping") {
				t.Errorf("the damage is still there:\n%s", out)
			}
			if diff := cmp.Diff(app, b.digest("app:1")); diff != "" {
				t.Errorf("it is another image: %s", diff)
			}
		})
	}
}

// TestHandover shows that the exporter need not read what the restorer, another
// process, restored.
func TestHandover(t *testing.T) {
	b := newBuilder(t)
	b.fresh("cache")
	b.phases("0.15", "app:1", five...)
	before := b.digest("app:1")
	b.phases("0.15", "app:1", five[:4]...)
	if _, err := os.Stat(b.at("cache/slugc/v1/handover")); err != nil {
		t.Error(err)
	}
	said := b.command("0.15", "exporter", b.arguments("exporter", b.host+"/app:1")...)
	out, err := said.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	expect(t, string(out), "Reusing layer 'test/hello:greeter'\n", kept)
	if after := b.digest("app:1"); after != before {
		t.Errorf("it is another image: %s, was %s", after, before)
	}
}
