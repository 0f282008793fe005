package procfile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/buildpacks/libcnb/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks/procfile"
)

func TestBuildpack(t *testing.T) {
	spec.Run(t, "procfile", testBuildpack)
}

func testBuildpack(t *testing.T, when spec.G, it spec.S) {
	var (
		app string
		out bytes.Buffer
	)
	it.Before(func() {
		app = t.TempDir()
		out.Reset()
	})
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(app, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	detect := func() bool {
		result, err := procfile.Detect(&out)(libcnb.DetectContext{ApplicationPath: app})
		if err != nil {
			t.Fatal(err)
		}
		return result.Pass
	}
	build := func() []libcnb.Process {
		result, err := procfile.Build(&out)(libcnb.BuildContext{ApplicationPath: app})
		if err != nil {
			t.Fatal(err)
		}
		return result.Processes
	}

	it("describes itself", func() {
		var doc libcnb.Buildpack
		if _, err := toml.Decode(string(procfile.TOML), &doc); err != nil {
			t.Fatal(err)
		}
		if doc.API != "0.10" || doc.Info.ID != "slugc/procfile" || len(doc.Targets) != 2 {
			t.Errorf("got %+v", doc)
		}
	})

	when("it detects", func() {
		it("passes for a Procfile", func() {
			write("Procfile", "")
			if !detect() || out.Len() > 0 {
				t.Errorf("did not pass, or printed %q", out.String())
			}
		})
		it("says that there is none", func() {
			write("package.json", "{}")
			if detect() {
				t.Error("passed")
			}
			if diff := cmp.Diff("no Procfile in the app's root\n", out.String()); diff != "" {
				t.Error(diff)
			}
		})
		it("finds one under another name", func() {
			for _, name := range []string{"procfile", "PROCFILE", "Procfile.txt", "procfile.yml", "Profile"} {
				out.Reset()
				write(name, "web: x")
				if detect() || !strings.Contains(out.String(), "git mv "+name+" Procfile") {
					t.Errorf("%s: printed %q", name, out.String())
				}
				if err := os.Remove(filepath.Join(app, name)); err != nil {
					t.Fatal(err)
				}
			}
		})
		it("does not take Procfile.dev for one", func() {
			write("Procfile.dev", "web: x")
			if detect() || strings.Contains(out.String(), "git mv") {
				t.Errorf("printed %q", out.String())
			}
		})
		it("passes over a directory", func() {
			if err := os.Mkdir(filepath.Join(app, "Procfile"), 0o755); err != nil {
				t.Fatal(err)
			}
			if detect() || !strings.Contains(out.String(), "is a directory") {
				t.Errorf("printed %q", out.String())
			}
		})
		it("fails when it cannot look", func() {
			if _, err := procfile.Detect(&out)(libcnb.DetectContext{ApplicationPath: filepath.Join(app, "missing")}); err == nil {
				t.Error("no error")
			}
		})
	})

	when("it builds", func() {
		it("declares a process for every line, for bash", func() {
			write("Procfile", "worker: node worker.js\nweb: node server.js --port $PORT\n")
			want := []libcnb.Process{
				{Type: "worker", Command: []string{"bash", "-c", "node worker.js"}},
				{Type: "web", Command: []string{"bash", "-c", "node server.js --port $PORT"}, Default: true},
			}
			if diff := cmp.Diff(want, build()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff("       Procfile declares types -> worker, web\n", out.String()); diff != "" {
				t.Error(diff)
			}
		})
		it("makes the only process the default", func() {
			write("Procfile", "worker: x\n")
			if got := build(); len(got) != 1 || !got[0].Default {
				t.Errorf("got %+v", got)
			}
		})
		it("has no default among several that are not web", func() {
			write("Procfile", "worker: x\nclock: y\n")
			for _, p := range build() {
				if p.Default {
					t.Errorf("%s is the default", p.Type)
				}
			}
		})
		it("prints what may be a mistake", func() {
			write("Procfile", "web: x\nnonsense\n")
			build()
			if !strings.Contains(out.String(), " !     Procfile line 2: is no process type") {
				t.Errorf("printed %q", out.String())
			}
		})
		it("says so when it finds nothing", func() {
			write("Procfile", "# web: x\n")
			if got := build(); len(got) > 0 || !strings.Contains(out.String(), "declares types -> (none)") {
				t.Errorf("got %+v, printed %q", got, out.String())
			}
		})
		it("refuses an unfinished merge", func() {
			write("Procfile", "<<<<<<< HEAD\nweb: x\n")
			if _, err := procfile.Build(&out)(libcnb.BuildContext{ApplicationPath: app}); err == nil || !strings.Contains(err.Error(), "line 1") {
				t.Errorf("got %v", err)
			}
		})
	})
}
