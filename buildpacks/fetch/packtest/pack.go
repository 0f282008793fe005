// Package packtest gives tests the real pack, the reference platform, which
// makes and reads buildpackages. There is nothing in it for a product.
package packtest

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/slugc/slugc/stack/referencetest"
)

// The version of pack that is compared with.
const (
	version = "0.40.0"
	module  = "github.com/buildpacks/pack@v" + version
)

// Pack returns the path of a pack. It is the one of "make tools"; without one it
// is built, which takes minutes, and kept with the user's caches.
func Pack(t testing.TB) string {
	t.Helper()
	made := filepath.Join(referencetest.Tools(t), "pack")
	if _, err := os.Stat(made); err == nil {
		return made
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	made = filepath.Join(cache, "slugc-tests", filepath.Base(module))
	if _, err := os.Stat(made); errors.Is(err, fs.ErrNotExist) {
		err = build(t, made)
		if err != nil {
			t.Fatal(err)
		}
	}
	return made
}

// Run runs pack, with a home of its own and all that it has, and returns what it
// prints.
func Run(t testing.TB, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), Pack(t), args...)
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "config.toml"), []byte("experimental = true\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c.Env = []string{"HOME=" + home, "PACK_HOME=" + home, "PATH=/usr/bin:/bin", "DOCKER_HOST=unix://" + filepath.Join(home, "no.sock")}
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("pack %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// build builds pack.
func build(t testing.TB, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	beside := filepath.Join(t.TempDir(), "pack")
	if err := referencetest.Program(t, module, ".", "-X github.com/buildpacks/pack/pkg/client.Version="+version, beside); err != nil {
		return err
	}
	data, err := os.ReadFile(beside)
	if err != nil {
		return err
	}
	temporary := to + ".new"
	if err := os.WriteFile(temporary, data, 0o755); err != nil {
		return err
	}
	return os.Rename(temporary, to)
}
