// Package packtest gives tests the real pack, the reference platform, which
// makes and reads buildpackages. There is nothing in it for a product.
package packtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	made := filepath.Join(root, "out", "tools", "pack")
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

// moduleRoot is the directory of go.mod.
func moduleRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}

// build builds pack where its module lies: it replaces other modules, so that
// "go install" does not take it.
func build(t testing.TB, to string) error {
	download := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", module)
	download.Dir = t.TempDir()
	out, err := download.Output()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", download, err, out)
	}
	var got struct{ Dir string }
	if err := json.Unmarshal(out, &got); err != nil {
		return fmt.Errorf("%s: %w", download, err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	beside := filepath.Join(t.TempDir(), "pack")
	c := exec.CommandContext(t.Context(), "go", "build", "-C", got.Dir, "-mod=readonly", "-trimpath",
		"-ldflags=-s -w -X github.com/buildpacks/pack/pkg/client.Version="+version, "-o", beside, ".")
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", c, err, out)
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
