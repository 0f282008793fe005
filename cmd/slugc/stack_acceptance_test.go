//go:build acceptance

package main

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/stack"
)

// created are the artifacts of slugc stack create.
func (s *slugc) created(args ...string) []artifact.Artifact {
	s.t.Helper()
	var result struct {
		Type      string
		Artifacts []artifact.Artifact
	}
	for line := range strings.Lines(s.must(append([]string{"stack", "create", "--json"}, args...)...)) {
		if err := json.Unmarshal([]byte(line), &result); err != nil {
			s.t.Fatalf("%v in %s", err, line)
		}
	}
	if result.Type != "result" || len(result.Artifacts) == 0 {
		s.t.Fatalf("the last event is %+v", result)
	}
	return result.Artifacts
}

// places gives slugc a home and a cache of that name.
func (s *slugc) places(name string) {
	s.env = []string{"SLUGC_HOME=" + filepath.Join(s.dir, name, "home"), "SLUGC_CACHE=" + filepath.Join(s.dir, name, "cache")}
}

// TestStackCreate makes the run image of a stack, for two architectures, of the
// packages that this machine's mirrors have.
func TestStackCreate(t *testing.T) {
	t.Parallel()
	s := ordinary(t)
	open(t, s.dir)
	// Two machines that know nothing of each other. Mirrors may get new packages
	// between the two, but not each time.
	create := func(place, dest string) artifact.Artifact {
		t.Helper()
		if err := errors.Join(os.RemoveAll(filepath.Join(s.dir, place)), os.RemoveAll(filepath.Join(s.dir, dest))); err != nil {
			t.Fatal(err)
		}
		s.places(place)
		return s.created("slugc-13", "--arch", "amd64,arm64", "-o", "oci:"+dest)[0]
	}
	first, second := create("first", "one"), create("second", "two")
	if first.Digest != second.Digest {
		t.Logf("the digests are %s and %s; perhaps there are new packages", first.Digest, second.Digest)
		first, second = create("first", "one"), create("second", "two")
	}
	if first.Digest != second.Digest {
		t.Errorf("with empty caches, and without a lock, the digest is %s, was %s", second.Digest, first.Digest)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		image, err := oci.Opener{Target: stack.Target{OS: "linux", Arch: arch}}.Open(t.Context(), "oci:"+filepath.Join(s.dir, "one"))
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(image.Image); err != nil {
			t.Error(err)
		}
		layers, err := image.Image.Layers()
		if err != nil {
			t.Fatal(err)
		}
		if size, err := layers[0].Size(); err != nil || size > 30e6 || len(layers) != 1 {
			t.Errorf("%s: %d layers, the first of %d bytes (%v), want one of at most 30 MB", arch, len(layers), size, err)
		}
	}
	if out := s.must("stack", "inspect", "oci:two", "--arch", "arm64"); !strings.Contains(out, " base-files 13.") {
		t.Errorf("there are no packages:\n%s", out)
	}

	t.Run("without a network", func(t *testing.T) {
		s.t = t
		s.places("first")
		if err := os.RemoveAll(filepath.Join(s.dir, "first", "home")); err != nil {
			t.Fatal(err)
		}
		if offline := s.created("slugc-13", "--arch", "amd64,arm64", "--offline", "-o", "oci:three"); offline[0].Digest != first.Digest {
			t.Errorf("offline the digest is %s, was %s", offline[0].Digest, first.Digest)
		}
	})

	t.Run("killed on the way", func(t *testing.T) {
		s.t = t
		s.places("second")
		home, cache := filepath.Join(s.dir, "second", "home"), filepath.Join(s.dir, "second", "cache")
		forget := func(dir string) {
			t.Helper()
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
		arguments := []string{"slugc-13", "--lock", "stack.lock.toml", "-o", "oci:killed"}
		s.created(arguments...) // writes the lock
		took := map[bool]time.Duration{}
		var want string
		for _, cold := range []bool{true, false} {
			forget(home)
			if cold {
				forget(cache)
			}
			began := time.Now()
			want = s.created(arguments...)[0].Digest
			took[cold] = time.Since(began)
		}
		random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
		const kills = 6
		for i := range kills {
			forget(home)
			cold := i%3 == 0 // every so often while it downloads
			if cold {
				forget(cache)
			}
			after := time.Duration(random.Int64N(int64(took[cold])))
			ctx, cancel := context.WithTimeout(t.Context(), after) // which ends it by SIGKILL
			out, err := s.command(ctx, append([]string{"stack", "create"}, arguments...)...).CombinedOutput()
			cancel()
			if killed := ctx.Err() != nil; err != nil && !killed {
				t.Fatalf("%v\n%s", err, out)
			}
			// Half a stack that counted would be what the next run exports.
			if got := s.created(arguments...)[0].Digest; got != want {
				t.Errorf("killed after %v (cold %v) the next run makes %s, want %s", after, cold, got, want)
			}
			for _, pattern := range []string{filepath.Join(home, "stacks/slugc-13/*/run/new-*"), filepath.Join(s.dir, "killed/.*")} {
				if left, err := filepath.Glob(pattern); err != nil || len(left) > 0 {
					t.Errorf("killed after %v: left %v, %v", after, left, err)
				}
			}
		}
		image, err := oci.Opener{}.Open(t.Context(), "oci:"+filepath.Join(s.dir, "killed"))
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(image.Image); err != nil {
			t.Error(err)
		}
	})
}
