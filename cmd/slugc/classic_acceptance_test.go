//go:build acceptance

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestClassicBesideNodejs builds a Node.js app with a classic buildpack and one
// of ours in one group, and runs it as a slug and as an image.
func TestClassicBesideNodejs(t *testing.T) {
	t.Parallel()
	s := ordinary(t)
	app := s.copyApp("nodejs-express", "app", time.Now(), 0)
	open(t, s.dir)
	classic := example(t, "../buildpacks/classic")
	build := []string{"build", app, "-b", classic, "-b", "slugc/nodejs", "-e", "A=1", "-o", "oci:image:v1", "-o", "slug:app.tgz", "--metadata", "app.json"}
	out := s.must(build...)
	if !strings.Contains(out, "Greeting, for the time number 1\n       1 variables, stack host\n") {
		t.Errorf("the classic buildpack said\n%s", out)
	}
	record, digests := s.record("app.json")
	if len(record.Buildpacks) < 2 || record.Buildpacks[0].Dialect != "classic" || record.Buildpacks[1].ID != "slugc/nodejs" {
		t.Errorf("buildpacks %+v", record.Buildpacks)
	}
	if record.ConfigVars["GREETED_BY"] == "" || record.ProcessTypes["greet"] == "" || record.ProcessTypes["web"] == "" {
		t.Errorf("record %+v", record)
	}
	if out := s.must(build...); !strings.Contains(out, "for the time number 2") || !strings.Contains(out, "Reusing node_modules") {
		t.Errorf("the second build is cold:\n%s", out)
	}
	if _, again := s.record("app.json"); strings.Join(again, " ") != strings.Join(digests, " ") {
		t.Errorf("digests: first %v, then %v", digests, again)
	}
	said := map[string]string{
		"greet": "Good day from /app/.greeting/bin/greet\nthe classic buildpack in /app, home /app\n",
		"clock": "tick\na b\n",
	}

	t.Run("as a slug", func(t *testing.T) {
		s.t = t
		if got := s.must("run", "slug:app.tgz", "greet"); !strings.Contains(got, said["greet"]) {
			t.Errorf("got\n%s", got)
		}
		port := freePort(t)
		s.env = []string{fmt.Sprintf("PORT=%d", port)}
		w := serve(t, s.command(t.Context(), "run", "slug:app.tgz"), port)
		if page := w.get(); !greeting.MatchString(page) {
			t.Errorf("page:\n%s", page)
		}
		if code := w.stop(); code != 0 {
			t.Errorf("exit code %d\n%s", code, w.log)
		}
	})

	t.Run("as an image", func(t *testing.T) {
		if os.Getuid() != 0 {
			t.Skip("needs root to start a container")
		}
		bundle := unpack(t, filepath.Join(s.dir, "image")+":v1")
		for processType, want := range said {
			out, err := containerOf(t, bundle, []string{"/cnb/process/" + processType}, nil).CombinedOutput()
			if err != nil || string(out) != want {
				t.Errorf("%s: got %v\n%s", processType, err, out)
			}
		}
		port := freePort(t)
		w := serve(t, containerOf(t, bundle, []string{"/cnb/process/web"}, []string{fmt.Sprintf("PORT=%d", port)}), port)
		if page := w.get(); !greeting.MatchString(page) {
			t.Errorf("page:\n%s", page)
		}
		if code := w.stop(); code != 0 {
			t.Errorf("exit code %d\n%s", code, w.log)
		}
	})
}

// TestClassicVendoredGo builds a Go app that has all its dependencies with it, by
// a classic buildpack, without a network.
func TestClassicVendoredGo(t *testing.T) {
	t.Parallel()
	const goRoot = "/usr/local/go"
	if _, err := os.Stat(filepath.Join(goRoot, "bin/go")); err != nil {
		t.Skip("needs a Go in " + goRoot + ", which the host stack shows to builds")
	}
	s := newSlugc(t)
	write := func(name, text string) {
		file := filepath.Join(s.dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("app/go.mod", "module example.com/app\n\ngo 1.20\n\nrequire example.com/greeting v1.0.0\n")
	write("app/main.go", "package main\n\nimport \"example.com/greeting\"\n\nfunc main() { println(greeting.Text) }\n")
	write("app/vendor/example.com/greeting/greeting.go", "package greeting\n\nconst Text = \"hello from vendor\"\n")
	write("app/vendor/modules.txt", "# example.com/greeting v1.0.0\n## explicit\nexample.com/greeting\n")
	write("go/bin/detect", "#!/bin/sh\n[ -f \"$1/go.mod\" ] && echo Go\n")
	write("go/bin/compile", `#!/bin/bash
set -eu
export PATH="`+goRoot+`/bin:$PATH" GOCACHE="$2/go-build" GOFLAGS=-mod=vendor GOTOOLCHAIN=local GOPROXY=off
if [ -d "$GOCACHE" ]; then echo "       Using what the last build compiled"; fi
cd "$1"
go build -trimpath -o bin/app .
`)
	write("go/bin/release", "#!/bin/sh\necho 'default_process_types: {web: bin/app}'\n")
	build := []string{"build", "app", "-b", "go", "--offline", "-o", "slug:app.tgz"}
	s.must(build...)
	if out := s.must(build...); !strings.Contains(out, "Using what the last build compiled") {
		t.Errorf("the second build is cold:\n%s", out)
	}
	if out := s.must("run", "slug:app.tgz"); !strings.Contains(out, "hello from vendor") {
		t.Errorf("got\n%s", out)
	}
}
