package buildpacks_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks"
)

func TestAppDir(t *testing.T) {
	whole := buildpacks.Site{App: buildpacks.Dir{Host: "/cache/app", Path: "/app"}}
	if got := whole.AppDir(); got != whole.App || whole.SourceDir() != nil {
		t.Errorf("the app is all of the source: got %+v, %v", got, whole.SourceDir())
	}
	part := whole
	part.Subdir = "packages/web"
	if diff := cmp.Diff(buildpacks.Dir{Host: "/cache/app/packages/web", Path: "/app/packages/web"}, part.AppDir()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"SLUGC_SOURCE_DIR": "/app"}, part.SourceDir()); diff != "" {
		t.Error(diff)
	}
}

func TestCheckAppDir(t *testing.T) {
	top := t.TempDir()
	site := buildpacks.Site{App: buildpacks.Dir{Host: top, Path: "/app"}, Subdir: "packages/web"}
	if err := os.MkdirAll(filepath.Join(top, "packages/web"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := site.CheckAppDir(); err != nil {
		t.Error(err)
	}
	for _, test := range []struct{ from, to, want string }{
		{"packages/web", "elsewhere", "/app/packages/web is gone; expected the finished app in /app/packages/web"},
		{"packages", "other", "/app/packages is gone"},
	} {
		if err := os.Rename(filepath.Join(top, test.from), filepath.Join(top, test.to)); err != nil {
			t.Fatal(err)
		}
		if err := site.CheckAppDir(); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("got %v, want %s", err, test.want)
		}
		// A link is none, although it leads to a directory.
		if err := os.Symlink(filepath.Join(top, test.to), filepath.Join(top, test.from)); err != nil {
			t.Fatal(err)
		}
		want := "/app/" + test.from + " was replaced by what is not a directory"
		if err := site.CheckAppDir(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
