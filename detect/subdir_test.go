package detect_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/detect"
)

func TestSubdir(t *testing.T) {
	top := t.TempDir()
	src := filepath.Join(top, "src")
	for _, file := range []string{
		"src/package.json", "src/packages/web/package.json", "src/packages/web/node_modules/x/package.json", "src/packages/api/go.mod",
		"src/packages/shared/index.js", "src/.hidden/go.mod", "src/deep/a/b/Procfile", "src/deep/a/b/c/Procfile", "beside/go.mod",
	} {
		write(t, filepath.Join(top, file), "", 0o644)
	}
	for link, to := range map[string]string{"link": "packages/web", "up": "..", "out": "../beside", "self": ".", "loop": "loop", "packages/way": "../deep"} {
		if err := os.Symlink(to, filepath.Join(src, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("src", filepath.Join(top, "alias")); err != nil {
		t.Fatal(err)
	}
	source, err := detect.Open(filepath.Join(top, "alias"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"packages/web": "packages/web", "./packages//web/": "packages/web", "packages/../packages/api": "packages/api", ".": "", "./": "", "./self": "",
		"./link": "packages/web", "packages/way/a": "deep/a", filepath.Join(src, "packages/api"): "packages/api",
		filepath.Join(top, "alias/packages"): "packages", filepath.Join(src, "up/src/deep"): "deep",
	} {
		if got, err := source.Subdir(name); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
		}
	}
	out := "it leads out of the source; expected a directory of " + source.Dir
	for name, want := range map[string]string{
		"packages/wep": "there is no such directory in " + source.Dir, "../beside": out, "..": out, "packages/../../src/packages": out,
		"./up": out, "./out": out, "up/beside": out, "/": out, filepath.Join(top, "beside"): out,
		"./loop": "too many links", "packages/web/package.json": "it is a file", "packages/web/package.json/x": "it lies below a file",
		"./a\x00b": "invalid argument",
	} {
		got, err := source.Subdir(name)
		wrong, is := errors.AsType[*detect.SubdirError](err)
		if !is || !strings.Contains(wrong.Problem, want) || got != "" {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
			continue
		}
		if diff := cmp.Diff([]string{"deep/a/b", "packages/api", "packages/web"}, wrong.Apps); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestSubdirOfMany(t *testing.T) {
	src := t.TempDir()
	for _, name := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		write(t, filepath.Join(src, name, "go.mod"), "", 0o644)
	}
	source, err := detect.Open(src)
	if err != nil {
		t.Fatal(err)
	}
	_, err = source.Subdir("./nothing")
	if err == nil || !strings.HasSuffix(err.Error(), "look like apps: a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, ...") {
		t.Errorf("got %v", err)
	}
}
