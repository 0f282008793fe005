package classic_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/slugc/slugc/stack/ordinarytest"
)

// TestModes builds where buildpacks took permissions away, for a user whom they
// keep out.
func TestModes(t *testing.T) {
	if !ordinarytest.Here(t) {
		return
	}
	for _, mode := range []fs.FileMode{0, 0o555} {
		y := newYard(t)
		y.put("app/.slugc/layers/cnb/layer/file", "kept")
		y.put("app/.slugc/layers/slugc_classic/cache/file", "kept")
		for _, dir := range []string{"layers/slugc_classic/cache", "layers/slugc_classic", "layers/cnb", "layers", "."} {
			if err := os.Chmod(filepath.Join(y.site.App.Host, ".slugc", dir), mode); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(y.site.App.Host, mode); err != nil {
			t.Fatal(err)
		}
		y.mustCompile(`cat "$2/file" >"$1/found"; mkdir "$1/new"`)
		if got := y.read("found") + y.read(".slugc/layers/slugc_classic/cache/file"); got != "keptkept" {
			t.Errorf("%v: got %q", mode, got)
		}
	}

	for _, script := range []string{
		`chmod 000 "$1" "$2" /tmp /`,
		`chmod 555 "$1" "$2" /tmp /`,
		`mkdir -p "$1/a/b" && chmod 000 "$1/a/b" "$1/a" "$1"`,
	} {
		y := newYard(t)
		y.mustCompile(`echo 1 >"$1/file"; echo 1 >"$2/file"; ` + script)
		y.mustCompile(`echo 2 >"$1/file"; echo 2 >"$2/file"`)
		if got := y.read("file") + y.read(".slugc/layers/slugc_classic/cache/file"); got != "2\n2\n" {
			t.Errorf("%s: got %q", script, got)
		}
	}
}

// TestExecutable runs what is below bin, however deep, and whatever its mode in
// the repository.
func TestExecutable(t *testing.T) {
	y := newYard(t)
	_, err := y.compile(files{"bin/support/steps/greet": `echo hello >"$1/greeting"`, "bin/compile": `"$(dirname "$0")/support/steps/greet" "$1"`})
	if err != nil {
		t.Fatalf("%v\n%s", err, y.output)
	}
	if got := y.read("greeting"); got != "hello\n" {
		t.Errorf("got %q", got)
	}
}
