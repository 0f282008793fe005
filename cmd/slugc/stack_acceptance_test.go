//go:build acceptance

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
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
	s := ordinary(t)
	open(t, s.dir)
	s.places("first")
	first := s.created("slugc-13", "--arch", "amd64,arm64", "--lock", "stack.lock.toml", "-o", "oci:one")
	s.places("second")
	if second := s.created("slugc-13", "--arch", "amd64,arm64", "--lock", "stack.lock.toml", "-o", "oci:two"); second[0].Digest != first[0].Digest {
		t.Errorf("with empty caches the digest is %s, was %s", second[0].Digest, first[0].Digest)
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
		if offline := s.created("slugc-13", "--arch", "amd64,arm64", "--offline", "-o", "oci:three"); offline[0].Digest != first[0].Digest {
			t.Errorf("offline the digest is %s, was %s", offline[0].Digest, first[0].Digest)
		}
	})

	t.Run("killed on the way", func(t *testing.T) {
		s.t = t
		s.places("second")
		if err := os.RemoveAll(filepath.Join(s.dir, "second", "home")); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		c := s.command(ctx, "stack", "create", "slugc-13", "--lock", "stack.lock.toml")
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.Contains(lines.Text(), "Fetching packages") {
				// Now it unpacks.
				if err := c.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
					t.Fatal(err)
				}
			}
		}
		if err := c.Wait(); err == nil {
			t.Fatal("it was not killed")
		}
		if out := s.must("stack", "list"); strings.Contains(out, "packages") {
			t.Errorf("half a stack counts:\n%s", out)
		}
		s.must("stack", "create", "slugc-13", "--lock", "stack.lock.toml")
		if left, err := filepath.Glob(filepath.Join(s.dir, "second/home/stacks/slugc-13/*/run/new-*")); err != nil || len(left) > 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	})
}
