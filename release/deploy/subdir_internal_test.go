package deploy

import (
	"errors"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks/project"
	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/stack/launch"
)

// silent is a voice that nobody hears.
type silent struct{}

func (silent) Stepf(string, ...any)    {}
func (silent) Detailf(string, ...any)  {}
func (silent) Warningf(string, ...any) {}

func TestWishesOfDirectory(t *testing.T) {
	source := t.TempDir()
	for name, text := range map[string]string{
		".slugignore": "*.psd\n", "project.toml": "[_]\nschema-version = \"0.2\"\n[io.buildpacks]\nexclude = [\"kept\"]\n", "app.json": "not JSON", ".buildpacks": "./wrong\n",
		"packages/web/.slugignore": "/tmp\nnotes.md\n", "packages/web/project.toml": "[_]\nschema-version = \"0.2\"\n[io.buildpacks]\nexclude = [\"drafts\"]\n",
		"packages/web/.buildpacks": "./own\n",
	} {
		put(t, filepath.Join(source, name), text)
	}
	w, err := Deploy{Voice: silent{}}.wishes(detect.Source{Dir: source}, "packages/web")
	if err != nil {
		t.Fatal(err)
	}
	if len(w.list) != 1 || w.list[0].URI != "./own" {
		t.Errorf("the list of buildpacks is %+v", w.list)
	}
	s := newSieve(w)
	wanted := s.wanted()
	for name, want := range map[string]bool{
		"a.psd": false, "packages/web/a.psd": false, "packages/api/deep/a.psd": false,
		"tmp": true, "packages/api/tmp": true, "packages/web/tmp": false, "packages/web/tmp/x": false, "packages/web/a/notes.md": false, "packages/api/notes.md": true,
		"kept": true, "packages/web/kept": true, "packages/web/drafts": false, "packages/api/drafts": true,
		"packages/web": true, "packages/web/project.toml": true, "packages/webs/tmp": true,
	} {
		if got := wanted(name, false); got != want {
			t.Errorf("%s: wanted is %t", name, got)
		}
	}
	put(t, filepath.Join(source, "packages/web/app.json"), "not JSON")
	_, err = Deploy{Voice: silent{}}.wishes(detect.Source{Dir: source}, "packages/web")
	if wrong, is := errors.AsType[*detect.SourceError](err); !is || wrong.Path != "packages/web/"+project.AppJSONFile {
		t.Errorf("got %v", err)
	}
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func TestSlugOfDirectory(t *testing.T) {
	tool := "/app/.slugc/layers/acme_tool/args"
	of := tree(
		launch.Process{Type: "web", Command: append(launch.Command{tool}, odd...), Direct: true},
		launch.Process{Type: "line", Command: launch.Command{tool + ` 'a b' "$GREETING" && ` + tool + " c; exit 3"}},
		launch.Process{Type: "jobs", Command: launch.Command{tool}, Direct: true, WorkingDirectory: "jobs"},
		launch.Process{Type: "top.level", Command: launch.Command{tool}, Direct: true, WorkingDirectory: "/app"},
		launch.Process{Type: "out", Command: launch.Command{tool}, Direct: true, WorkingDirectory: "/"},
	)
	of.Subdir = "packages/it's web"
	var app pack.Index
	top := t.TempDir()
	of.App.Host = top
	for _, name := range []string{".profile", ".profile.d/a.sh", ".release", "Procfile", "Procfile.dev", "packages/it's web/.profile", "packages/it's web/Procfile"} {
		put(t, filepath.Join(top, name), "the source's")
		app = append(app, pack.Entry{Path: name, Mode: 0o644})
	}
	jobs, err := Slug{}.Jobs(of, app)
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(t.TempDir(), "some where's home")
	var kept []string
	for _, job := range jobs {
		for _, f := range job.Part.Files {
			if f.Mode.IsRegular() {
				put(t, filepath.Join(home, f.Path), string(f.Content))
			}
		}
		for _, e := range job.Part.Index {
			kept = append(kept, e.Path)
		}
	}
	if diff := cmp.Diff([]string{"Procfile.dev", "packages/it's web/.profile", "packages/it's web/Procfile"}, kept); diff != "" {
		t.Errorf("files of the source: %s", diff)
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(home, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if want := "web: bash .slugc/start/web\nline: bash .slugc/start/line\njobs: bash .slugc/start/jobs\nout: bash .slugc/start/out\n"; read("Procfile") != want {
		t.Errorf("the Procfile is\n%s", read("Procfile"))
	}
	types := readRelease(t, pack.File{Content: []byte(read(".release"))})
	if len(types) != 5 {
		t.Errorf("the types are %v", types)
	}

	put(t, filepath.Join(home, ".slugc/layers/acme_tool/args"), "#!/bin/bash\nprintf '%s\\0' \"$PWD\" \"$@\"\n")
	if err := os.Chmod(filepath.Join(home, ".slugc/layers/acme_tool/args"), 0o755); err != nil {
		t.Fatal(err)
	}
	web := filepath.Join(home, of.Subdir)
	put(t, filepath.Join(web, "jobs/x"), "")
	put(t, filepath.Join(web, ".profile"), "GREETING=\"$HOME\"; export GREETING\n")
	for processType, want := range map[string][]string{
		"web": append([]string{web}, odd...), "line": {web, "a b", web, web, "c"}, "jobs": {web + "/jobs"}, "top.level": {home}, "out": {"/"},
	} {
		// As herokuish does: once more than others.
		cmd := exec.Command("bash", "-c", `for f in "$HOME"/.profile.d/*.sh; do . "$f"; done; . "$0/.profile"; exec $(eval echo "$1")`, home, types[processType])
		cmd.Dir, cmd.Env = home, []string{"HOME=" + home, "PATH=/usr/bin:/bin"}
		out, err := cmd.Output()
		if exit, ended := errors.AsType[*exec.ExitError](err); err != nil && (!ended || exit.ExitCode() != 3 || processType != "line") {
			t.Errorf("%s: %v: %s", processType, err, read(path.Join(startDir, processType)))
		}
		if diff := cmp.Diff(want, strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")); diff != "" {
			t.Errorf("%s: %s\n%s", processType, read(path.Join(startDir, processType)), diff)
		}
	}
	if strings.Contains(read(profileScript), "the source's") || slices.Contains(kept, profileScript) {
		t.Error("the profile script is the source's")
	}
}
