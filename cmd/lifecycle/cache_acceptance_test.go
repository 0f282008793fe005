//go:build acceptance

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/stack/referencetest"
)

// reference runs the creator of the reference as create runs ours.
func (b builder) reference(api string, args ...string) string {
	b.t.Helper()
	must(b.t, os.RemoveAll(b.at("layers")))
	must(b.t, os.Mkdir(b.at("layers"), 0o755))
	cmd := referencetest.Build(b.t).Phase(b.t, "creator", append(append(b.flags(), args...), b.host+"/app:1")...)
	cmd.Env = []string{
		"CNB_PLATFORM_API=" + api, "CNB_NO_COLOR=true", "PATH=" + os.Getenv("PATH"), "HOME=" + b.dir,
		fmt.Sprintf("CNB_USER_ID=%d", os.Getuid()), fmt.Sprintf("CNB_GROUP_ID=%d", os.Getgid()),
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.t.Fatalf("the reference: %v\n%s", err, out)
	}
	return string(out)
}

// TestCacheBothWays builds with both programs in turn on one cache: each finds all
// that the other one left, and leaves the same.
func TestCacheBothWays(t *testing.T) {
	for _, api := range []string{"0.7", "0.12", "0.15"} {
		for _, kind := range []string{"volume", "image"} {
			t.Run(kind+", Platform API "+api, func(t *testing.T) {
				b := newBuilder(t)
				b.api = api
				if api == "0.7" {
					b.write("stack.toml", "[run-image]\nimage = \""+b.host+"/run\"\n")
				}
				var args []string
				if kind == "image" {
					args = []string{"-cache-dir", "", "-cache-image", b.host + "/cache:1"}
				}
				b.reference(api, args...)
				for n := range 3 {
					out := b.built(args...)
					expect(t, out, restored, "Restoring data for \"test/hello:count\" from cache\n", fmt.Sprintf("Build number %d\n", 2*n+2), kept,
						"Adding cache layer 'test/hello:count'\n", "Reusing layer 'test/hello:greeter'\n")
					out = b.reference(api, args...)
					expect(t, out, restored, "Restoring data for \"test/hello:count\" from cache\n", fmt.Sprintf("Build number %d\n", 2*n+3), kept,
						"Reusing layer 'test/hello:greeter'\n")
					if strings.Contains(out, "Warning: Skipping") {
						t.Errorf("the reference could not restore\n%s", out)
					}
				}
			})
		}
	}
}

// TestCacheOnABadDisk builds with a cache that takes nothing: there is an image, and a
// warning.
func TestCacheOnABadDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	mount := func(b builder, options string, flags uintptr) {
		b.t.Helper()
		if err := unix.Mount("tmpfs", b.at("cache"), "tmpfs", flags, options); err != nil {
			b.t.Skipf("mounting: %v", err)
		}
		b.t.Cleanup(func() {
			if err := unix.Unmount(b.at("cache"), unix.MNT_DETACH); err != nil {
				b.t.Error(err)
			}
		})
	}
	t.Run("full", func(t *testing.T) {
		b := newBuilder(t)
		b.write("app/big", strings.Repeat("0123456789abcdef\n", 40_000))
		mount(b, "size=16k", 0)
		expect(t, b.built(), "Warning: ", "Adding layer 'test/hello:greeter'\n")
		first := b.digest("app:1")
		expect(t, b.built(), "Warning: ", "Build number 1\n")
		if diff := cmp.Diff(first, b.digest("app:1")); diff != "" {
			t.Errorf("it is another image: %s", diff)
		}
	})
	t.Run("full after a while", func(t *testing.T) {
		b := newBuilder(t)
		mount(b, "size=1m", 0)
		b.built()
		if err := os.WriteFile(filepath.Join(b.at("cache"), "filler"), make([]byte, 1<<20), 0o644); err == nil {
			t.Fatal("it is not full")
		}
		expect(t, b.built(), restored, "Warning: ", "Reusing layer 'test/hello:greeter'\n", "Build number 2\n")
		expect(t, b.built(), restored, "Warning: ", "Build number 2\n")
	})
	t.Run("read-only", func(t *testing.T) {
		b := newBuilder(t)
		mount(b, "size=1m", 0)
		b.built()
		if err := unix.Mount("", b.at("cache"), "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			t.Skipf("mounting: %v", err)
		}
		expect(t, b.built(), restored, "Warning: Failed to export cache: ", "Reusing layer 'test/hello:greeter'\n", "Build number 2\n")
	})
	t.Run("read-only from the start", func(t *testing.T) {
		b := newBuilder(t)
		mount(b, "size=1m", unix.MS_RDONLY)
		expect(t, b.built(), "Warning: Failed to export cache: ", "Build number 1\n")
	})
}
