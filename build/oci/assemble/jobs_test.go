package assemble_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/assemble"
	"github.com/slugc/slugc/build/oci/ocitest"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
)

func TestJobs(t *testing.T) {
	spec.Run(t, "Jobs", func(t *testing.T, _ spec.G, it spec.S) {
		describe := func(headers []tar.Header) []string {
			var lines []string
			for _, h := range headers {
				line := fmt.Sprintf("%c %04o %d:%d %s", h.Typeflag, h.Mode, h.Uid, h.Gid, h.Name)
				if h.Linkname != "" {
					line += " -> " + h.Linkname
				}
				lines = append(lines, line)
				if want := time.Date(1980, 1, 1, 0, 0, 1, 0, time.UTC); !h.ModTime.Equal(want) || h.Uname != "" || h.Gname != "" {
					t.Errorf("%s: time %v, owner %q:%q", h.Name, h.ModTime, h.Uname, h.Gname)
				}
			}
			return lines
		}

		it("makes one layer per part, in the order of the specification", func() {
			var names []string
			for _, segment := range anImage(t).Segments {
				names = append(names, segment.Name)
			}
			want := []string{"acme/node:modules", "acme/node:node", "acme/more:z", "app", "launcher", "config", "process-types"}
			if diff := cmp.Diff(want, names); diff != "" {
				t.Error(diff)
			}
		})

		it("makes entries that belong to the user of the app, parents first", func() {
			image := anImage(t)
			for name, want := range map[string][]string{
				"acme/node:node": {
					"5 0755 1000:1000 /app",
					"5 0755 1000:1000 /app/.slugc",
					"5 0755 1000:1000 /app/.slugc/layers",
					"5 0755 1000:1000 /app/.slugc/layers/acme_node",
					"5 0755 1000:1000 /app/.slugc/layers/acme_node/node",
					"5 0755 1000:1000 /app/.slugc/layers/acme_node/node/bin",
					"0 0755 1000:1000 /app/.slugc/layers/acme_node/node/bin/tool",
					"5 0755 1000:1000 /app/.slugc/layers/acme_node/node/env",
					"0 0644 1000:1000 /app/.slugc/layers/acme_node/node/env/X",
				},
				"app": {
					"5 0755 1000:1000 /app",
					"5 0755 1000:1000 /app/.slugc",
					"5 0755 1000:1000 /app/bin",
					"0 0755 1000:1000 /app/bin/run",
					"0 0644 1000:1000 /app/index.js",
					"2 0777 1000:1000 /app/link -> index.js",
					"5 0755 1000:1000 /app/public",
				},
				"launcher": {
					"5 0755 0:0 /cnb",
					"5 0755 0:0 /cnb/lifecycle",
					"0 0755 0:0 /cnb/lifecycle/launcher",
				},
				"config": {
					"5 0755 1000:1000 /app",
					"5 0755 1000:1000 /app/.slugc",
					"5 0755 1000:1000 /app/.slugc/layers",
					"5 0755 1000:1000 /app/.slugc/layers/config",
					"0 0644 1000:1000 /app/.slugc/layers/config/metadata.toml",
				},
				"process-types": {
					"5 0755 0:0 /cnb",
					"5 0755 0:0 /cnb/process",
					"2 0755 0:0 /cnb/process/web -> /cnb/lifecycle/launcher",
					"2 0755 0:0 /cnb/process/a.worker -> /cnb/lifecycle/launcher",
				},
			} {
				if diff := cmp.Diff(want, describe(entries(t, layerOf(t, image, name)))); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
			}
		})

		it("makes the launcher layer that other lifecycles make", func() {
			var want bytes.Buffer
			w := tar.NewWriter(&want)
			for _, h := range []*tar.Header{
				{Typeflag: tar.TypeDir, Name: "/cnb", Mode: 0o755},
				{Typeflag: tar.TypeDir, Name: "/cnb/lifecycle", Mode: 0o755},
				{Typeflag: tar.TypeReg, Name: "/cnb/lifecycle/launcher", Mode: 0o755, Size: 64},
			} {
				h.ModTime = time.Date(1980, 1, 1, 0, 0, 1, 0, time.UTC)
				must(t, w.WriteHeader(h))
			}
			_, err := w.Write(ocitest.Program(ocitest.MachineAMD64))
			must(t, err)
			must(t, w.Close())
			diffID, err := layerOf(t, anImage(t), "launcher").DiffID()
			must(t, err)
			if got, want := diffID.String(), fmt.Sprintf("sha256:%x", sha256.Sum256(want.Bytes())); got != want {
				t.Errorf("diffID %s, want %s", got, want)
			}
		})

		it("adds the SBOM for launch", func() {
			r := ocitest.Recipe(t, t.TempDir())
			ocitest.Write(t, r.Tree.Layers.Host, map[string]string{
				"sbom/launch/acme_node/node/sbom.cdx.json": "{}", "sbom/build/acme_node/sbom.cdx.json": "{}",
			})
			image := ocitest.Make(t, r)
			got := describe(entries(t, layerOf(t, image, oci.SBOMPart)))
			if last := got[len(got)-1]; last != "0 0644 1000:1000 /app/.slugc/layers/sbom/launch/acme_node/node/sbom.cdx.json" || len(got) != 8 {
				t.Errorf("the SBOM layer holds %q", got)
			}
			ocitest.Valid(t, image)
		})

		it("leaves directories above the app to root, with layers beside it", func() {
			r := ocitest.Recipe(t, t.TempDir())
			r.Tree.App.Path, r.Tree.Layers.Path = "/srv/app", "/layers"
			for i := range r.Tree.LaunchLayers {
				l := &r.Tree.LaunchLayers[i]
				l.Dir.Path = strings.Replace(l.Dir.Path, "/app/.slugc", "", 1)
			}
			image := ocitest.Make(t, r)
			if diff := cmp.Diff([]string{"5 0755 0:0 /srv", "5 0755 1000:1000 /srv/app"}, describe(entries(t, layerOf(t, image, "app")))[:2]); diff != "" {
				t.Error(diff)
			}
			if got := describe(entries(t, layerOf(t, image, "acme/more:z")))[0]; got != "5 0755 1000:1000 /layers" {
				t.Errorf("the first parent of a layer is %q", got)
			}
		})

		it("takes parents as the caller says", func() {
			r := ocitest.Recipe(t, t.TempDir())
			r.Parent = func(path string) (pack.Parent, error) {
				return pack.Parent{Name: path, Mode: fs.ModeDir | 0o711, UID: 5, GID: 6}, nil
			}
			image := ocitest.Make(t, r)
			if diff := cmp.Diff([]string{
				"5 0711 5:6 /app", "5 0711 5:6 /app/.slugc", "5 0711 5:6 /app/.slugc/layers",
				"5 0711 1000:1000 /app/.slugc/layers/config", "0 0644 1000:1000 /app/.slugc/layers/config/metadata.toml",
			}[1:], describe(entries(t, layerOf(t, image, "config")))[1:]); diff != "" {
				t.Error(diff)
			}
		})

		it("packs a directory of metadata as it lies, for the owner that the caller names", func() {
			r := ocitest.Recipe(t, t.TempDir())
			r.Owner, r.ConfigDir = &oci.Owner{UID: 7, GID: 8}, t.TempDir()
			must(t, os.WriteFile(filepath.Join(r.ConfigDir, "metadata.toml"), nil, 0o600))
			must(t, os.Chmod(r.ConfigDir, 0o750))
			if diff := cmp.Diff([]string{
				"5 0755 7:8 /app", "5 0755 7:8 /app/.slugc", "5 0755 7:8 /app/.slugc/layers",
				"5 0750 7:8 /app/.slugc/layers/config", "0 0600 7:8 /app/.slugc/layers/config/metadata.toml",
			}, describe(entries(t, layerOf(t, ocitest.Make(t, r), "config")))); diff != "" {
				t.Error(diff)
			}
		})

		it("packs the entries that the caller has walked", func() {
			r := ocitest.Recipe(t, t.TempDir())
			index, err := pack.Walk(t.Context(), r.Tree.App.Host, pack.WalkOptions{})
			must(t, err)
			r.AppIndex = index.Select(func(e pack.Entry) bool { return e.Path != "public" })
			for _, header := range entries(t, layerOf(t, ocitest.Make(t, r), "app")) {
				if header.Name == "/app/public" || strings.HasPrefix(header.Name, "/app/.slugc/") {
					t.Errorf("the app holds %s", header.Name)
				}
			}
		})

		for name, change := range map[string]func(*assemble.Recipe){
			`process type "a/b": expected none of the characters`: func(r *assemble.Recipe) { r.Tree.Metadata.Processes[0].Type = "a/b" },
			`process type "": expected a name`:                    func(r *assemble.Recipe) { r.Tree.Metadata.Processes[0].Type = "" },
			"use a launcher for linux/amd64":                      func(r *assemble.Recipe) { r.Launcher.Content = ocitest.Program(ocitest.MachineARM64) },
			"the launcher is not a program":                       func(r *assemble.Recipe) { r.Launcher.Content = []byte("#!/bin/sh") },
		} {
			it("fails with: "+name, func() {
				r := ocitest.Recipe(t, t.TempDir())
				change(&r)
				if _, err := r.Jobs(); err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("got the error %v", err)
				}
			})
		}

		it("has no layer of process types without processes", func() {
			r := ocitest.Recipe(t, t.TempDir())
			r.Tree.Metadata.Processes, r.Tree.Metadata.DefaultProcess = nil, ""
			image := ocitest.Make(t, r)
			if last := image.Segments[len(image.Segments)-1].Name; last != oci.ConfigPart {
				t.Errorf("the last layer is %s", last)
			}
			ocitest.Valid(t, image)
		})

		it("has one link for processes of one type", func() {
			r := ocitest.Recipe(t, t.TempDir())
			r.Tree.Metadata.Processes = append(r.Tree.Metadata.Processes, launch.Process{
				Type: "web", Command: launch.Command{"x"}, ExecEnv: []string{"test"},
			})
			if n := len(entries(t, layerOf(t, ocitest.Make(t, r), oci.ProcessTypesPart))); n != 4 {
				t.Errorf("the layer has %d entries, want 4", n)
			}
		})

		it("passes over layers without contents", func() {
			r := ocitest.Recipe(t, t.TempDir())
			r.Tree.LaunchLayers[1].Dir = buildpacks.Dir{}
			jobs, err := r.Jobs()
			must(t, err)
			for _, job := range jobs {
				if job.Part.Name == "acme/node:node" {
					t.Error("the layer is to be packed")
				}
			}
		})
	})
}
