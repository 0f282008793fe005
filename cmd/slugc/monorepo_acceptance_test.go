//go:build acceptance

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/build/artifact"
)

// TestMonorepo builds the two apps of a repository, each from its directory with
// all of the repository there, and alone: they have the same layers, and the same
// processes but for where they start. What changes elsewhere in the repository
// changes no layer.
func TestMonorepo(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root to start containers and to cut off the network")
	}
	s := newStackedSlugc(t)
	apps := map[string]string{"web": "nodejs-express", "api": "go-http"}
	all := expectations(t)
	for dir, name := range apps {
		s.copyApp(name, "repo/packages/"+dir, time.Unix(1e9, 0), 0)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "repo/Procfile"), []byte("web: exit 9\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for dir, name := range apps {
		t.Run(dir, func(t *testing.T) {
			s.t = t
			build := func(source string, more ...string) []string {
				return append([]string{"build", source, "--stack", "slugc-13", "-o", "slug:" + dir + ".tgz", "-o", "oci:" + dir + ":v1", "--metadata", dir + ".json"}, more...)
			}
			s.must(build("repo/packages/" + dir)...)
			alone, _ := s.record(dir + ".json")
			out := s.must(build("repo", "--app", "packages/"+dir)...)
			together, _ := s.record(dir + ".json")

			want := map[string]string{}
			for processType, line := range alone.ProcessTypes {
				want[processType] = "cd /app/packages/" + dir + " && " + line
			}
			if diff := gocmp.Diff(want, together.ProcessTypes); diff != "" {
				t.Errorf("processes (-expected +got):\n%s", diff)
			}
			if diff := gocmp.Diff(ofBuildpacks(alone.Layers), ofBuildpacks(together.Layers)); diff != "" {
				t.Errorf("layers (-alone +together):\n%s\n%s", diff, out)
			}

			note := filepath.Join(s.dir, "repo/packages/note-"+dir)
			if err := os.WriteFile(note, []byte("a line\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			again := s.command(t.Context(), build("repo", "--app", "packages/"+dir)...)
			again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
			text, err := again.CombinedOutput()
			if err != nil || !strings.Contains(string(text), "Packed again: app;") {
				t.Fatalf("an edit beside the app, without a network: %v\n%s", err, text)
			}
			edited, _ := s.record(dir + ".json")
			if diff := gocmp.Diff(ofBuildpacks(together.Layers), ofBuildpacks(edited.Layers)); diff != "" {
				t.Errorf("an edit beside the app changes layers: %s", diff)
			}

			a := sample{slugc: s, name: name, expectation: all[name]}
			port := freePort(t)
			a.ask("from the slug", serve(t, s.command(t.Context(), "run", "slug:"+dir+".tgz", "-e", "PORT="+strconv.Itoa(port)), port))
			port = freePort(t)
			a.ask("from the image", serve(t, container(t, filepath.Join(s.dir, dir)+":v1", "PORT="+strconv.Itoa(port)), port))
		})
	}
}

// ofBuildpacks are the digests of the layers of buildpacks, by name.
func ofBuildpacks(layers []artifact.Segment) map[string]string {
	digests := map[string]string{}
	for _, layer := range layers {
		if strings.Contains(layer.Name, ":") {
			digests[layer.Name] = layer.DiffID
		}
	}
	return digests
}
