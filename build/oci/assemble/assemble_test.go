package assemble_test

import (
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/assemble"
	"github.com/slugc/slugc/build/oci/ocitest"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
)

func configOf(t *testing.T, image v1.Image) *v1.ConfigFile {
	t.Helper()
	config, err := image.ConfigFile()
	must(t, err)
	return config
}

// diffIDs are the diffIDs of an image's segments by name.
func diffIDs(image oci.Image) map[string]string {
	ids := map[string]string{}
	for _, segment := range image.Segments {
		ids[segment.Name] = segment.DiffID
	}
	return ids
}

// parsed is JSON without its form.
func parsed(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return value
}

func TestAssemble(t *testing.T) {
	spec.Run(t, "Assemble", func(t *testing.T, when spec.G, it spec.S) {
		when("there is no base", func() {
			it("makes a valid OCI image", func() {
				image := anImage(t)
				ocitest.Valid(t, image)
				manifest, err := image.Manifest()
				must(t, err)
				if manifest.MediaType != types.OCIManifestSchema1 || manifest.Config.MediaType != types.OCIConfigJSON {
					t.Errorf("manifest %s, config %s", manifest.MediaType, manifest.Config.MediaType)
				}
				for _, layer := range manifest.Layers {
					if layer.MediaType != types.OCILayer {
						t.Errorf("a layer is %s", layer.MediaType)
					}
				}
			})

			it("says what starts, where, as whom and with what", func() {
				config := configOf(t, anImage(t))
				want := v1.Config{
					Entrypoint: []string{"/cnb/process/web"}, WorkingDir: "/app", User: "1000:1000",
					Env: []string{
						"CNB_LAYERS_DIR=/app/.slugc/layers", "CNB_APP_DIR=/app", "CNB_PLATFORM_API=0.15", "CNB_DEPRECATION_MODE=quiet",
						"PATH=/cnb/process:/cnb/lifecycle:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
					},
				}
				got := config.Config
				got.Labels = nil
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
				if config.OS != "linux" || config.Architecture != "amd64" {
					t.Errorf("the image is for %s/%s", config.OS, config.Architecture)
				}
				if epoch := pack.Epoch(); !config.Created.Equal(epoch) {
					t.Errorf("created %v, want %v", config.Created, epoch)
				}
			})

			it("starts in the directory that is the app, and holds all of the source", func() {
				r := ocitest.Recipe(t, t.TempDir())
				whole := diffIDs(ocitest.Make(t, r))
				r.Tree.Subdir = "packages/web"
				image := ocitest.Make(t, r)
				config := configOf(t, image)
				if dir := "/app/packages/web"; config.Config.WorkingDir != dir || !slices.Contains(config.Config.Env, "CNB_APP_DIR="+dir) {
					t.Errorf("got %s, %v", config.Config.WorkingDir, config.Config.Env)
				}
				if diff := cmp.Diff(whole, diffIDs(image)); diff != "" {
					t.Errorf("the layers are others: %s", diff)
				}
			})

			it("tells the history of the layers", func() {
				var got []string
				for _, h := range configOf(t, anImage(t)).History {
					got = append(got, h.CreatedBy)
					if !h.Created.Equal(pack.Epoch()) {
						t.Errorf("%s: created %v", h.CreatedBy, h.Created)
					}
				}
				want := []string{
					"Layer: 'modules', Created by buildpack: acme/node@1.0.0",
					"Layer: 'node', Created by buildpack: acme/node@1.0.0",
					"Layer: 'z', Created by buildpack: acme/more@2.0.0",
					"Application Layer",
					"Buildpacks Application Launcher",
					"Buildpacks Launcher Config",
					"Buildpacks Process Types",
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			})

			it("labels the image for lifecycles and tools", func() {
				image := anImage(t)
				ids := diffIDs(image)
				labels := configOf(t, image).Config.Labels
				for label, want := range map[string]string{
					oci.LifecycleLabel: `{
						"app": [{"sha": "` + ids["app"] + `"}],
						"buildpacks": [
							{"key": "acme/node", "version": "1.0.0", "store": {"metadata": {"seen": true}}, "layers": {
								"modules": {"sha": "` + ids["acme/node:modules"] + `", "data": null, "build": false, "launch": true, "cache": true},
								"node": {"sha": "` + ids["acme/node:node"] + `", "data": {"version": "24.1.0", "list": [1, "<2>"]}, "build": true, "launch": true, "cache": false}
							}},
							{"key": "acme/more", "version": "2.0.0", "layers": {
								"z": {"sha": "` + ids["acme/more:z"] + `", "data": null, "build": false, "launch": true, "cache": false}
							}}
						],
						"config": {"sha": "` + ids["config"] + `"},
						"launcher": {"sha": "` + ids["launcher"] + `"},
						"process-types": {"sha": "` + ids["process-types"] + `"},
						"runImage": {"topLayer": "", "reference": ""},
						"stack": {"runImage": {}}
					}`,
					oci.BuildLabel: `{
						"buildpacks": [
							{"id": "acme/node", "version": "1.0.0", "homepage": "https://example.com/node"},
							{"id": "acme/more", "version": "2.0.0"}
						],
						"launcher": {"version": "1.2.3", "source": {"git": {"repository": "", "commit": ""}}},
						"processes": [
							{"type": "web", "command": ["bin/run", "always"], "args": ["by default"], "direct": true, "buildpackID": "acme/node"},
							{"type": "a.worker", "command": ["tool"], "direct": true, "working-dir": "/tmp", "buildpackID": "acme/node"}
						],
						"buildpack-default-process-type": "web"
					}`,
					oci.ProjectLabel: `{}`,
				} {
					if diff := cmp.Diff(parsed(t, want), parsed(t, labels[label])); diff != "" {
						t.Errorf("%s: %s", label, diff)
					}
				}
				if labels["a"] != "last" || labels["b"] != "2" {
					t.Errorf("the labels of buildpacks are a=%s b=%s", labels["a"], labels["b"])
				}
			})
		})

		when("there is a base", func() {
			for _, test := range []struct {
				manifest, layer types.MediaType
			}{
				{types.OCIManifestSchema1, types.OCILayer},
				{types.DockerManifestSchema2, types.DockerLayer},
			} {
				it("stands on it, in its media types: "+string(test.manifest), func() {
					r := ocitest.Recipe(t, t.TempDir())
					r.Base = ocitest.Base(t, test.manifest, "CNB_USER_ID=33", "CNB_GROUP_ID=44")
					image := ocitest.Make(t, r)
					ocitest.Valid(t, image)
					manifest, err := image.Manifest()
					must(t, err)
					if manifest.MediaType != test.manifest || len(manifest.Layers) != 2+7 || manifest.Layers[2].MediaType != test.layer {
						t.Errorf("manifest %s with %d layers, ours are %s", manifest.MediaType, len(manifest.Layers), manifest.Layers[2].MediaType)
					}
					base, err := r.Base.Image.Layers()
					must(t, err)
					for i, layer := range base {
						digest, err := layer.Digest()
						must(t, err)
						if manifest.Layers[i].Digest != digest {
							t.Errorf("layer %d is not that of the base", i)
						}
					}
				})
			}

			it("inherits and keeps", func() {
				r := ocitest.Recipe(t, t.TempDir())
				r.Base = ocitest.Base(t, types.OCIManifestSchema1, "CNB_USER_ID=33", "CNB_GROUP_ID=44")
				image := ocitest.Make(t, r)
				config := configOf(t, image)
				want := v1.Config{
					Entrypoint: []string{"/cnb/process/web"}, WorkingDir: "/app", User: "nobody",
					Env: []string{
						"PATH=/cnb/process:/cnb/lifecycle:/opt/bin:/usr/bin", "LANG=C", "CNB_USER_ID=33", "CNB_GROUP_ID=44",
						"CNB_LAYERS_DIR=/app/.slugc/layers", "CNB_APP_DIR=/app", "CNB_PLATFORM_API=0.15", "CNB_DEPRECATION_MODE=quiet",
					},
				}
				got := config.Config
				labels := got.Labels
				got.Labels = nil
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
				if labels["io.buildpacks.base.distro.name"] != "debian" || labels["a"] != "last" {
					t.Errorf("the labels are %v", labels)
				}
				for _, h := range entries(t, layerOf(t, image, "app")) {
					if h.Uid != 33 || h.Gid != 44 {
						t.Errorf("%s belongs to %d:%d", h.Name, h.Uid, h.Gid)
					}
				}
				baseIDs := configOf(t, r.Base.Image).RootFS.DiffIDs
				var m oci.LifecycleMetadata
				must(t, json.Unmarshal([]byte(labels[oci.LifecycleLabel]), &m))
				wantRun := oci.RunImage{TopLayer: baseIDs[1].String(), Reference: r.Base.Reference, Image: "example.com/run"}
				if diff := cmp.Diff(wantRun, m.RunImage); diff != "" {
					t.Error(diff)
				}
				if len(config.History) != 9 {
					t.Errorf("the history has %d entries, want 9", len(config.History))
				}
			})

			it("does not change it", func() {
				r := ocitest.Recipe(t, t.TempDir())
				r.Base = ocitest.Base(t, types.OCIManifestSchema1)
				before := ocitest.DigestOf(t, r.Base.Image)
				ocitest.Make(t, r)
				if after := ocitest.DigestOf(t, r.Base.Image); after != before {
					t.Error("the base has another digest now")
				}
			})

			it("accounts for a base without a history", func() {
				r := ocitest.Recipe(t, t.TempDir())
				r.Base = ocitest.Base(t, types.OCIManifestSchema1)
				config := configOf(t, r.Base.Image)
				config.History = nil
				var err error
				r.Base.Image, err = mutate.ConfigFile(r.Base.Image, config)
				must(t, err)
				if got := len(configOf(t, ocitest.Make(t, r)).History); got != 9 {
					t.Errorf("the history has %d entries, want 9", got)
				}
			})

			for user, want := range map[string]string{
				"1001": "1001:1001", "1001:0": "1001:0", "": "1000:1000", "0": "1000:1000", "root": "1000:1000", "app:app": "1000:1000",
			} {
				it("knows the owner of the app by the user "+user, func() {
					r := ocitest.Recipe(t, t.TempDir())
					r.Base = ocitest.Base(t, types.OCIManifestSchema1)
					config := configOf(t, r.Base.Image)
					config.Config.User = user
					var err error
					r.Base.Image, err = mutate.ConfigFile(r.Base.Image, config)
					must(t, err)
					image := ocitest.Make(t, r)
					h := entries(t, layerOf(t, image, "app"))[0]
					if got := strings.Join([]string{strconv.Itoa(h.Uid), strconv.Itoa(h.Gid)}, ":"); got != want {
						t.Errorf("the app belongs to %s, want %s", got, want)
					}
					if got := configOf(t, image).Config.User; user != "" && got != user || user == "" && got != want {
						t.Errorf("the user is %s", got)
					}
				})
			}

			it("fails for a user that is no number", func() {
				r := ocitest.Recipe(t, t.TempDir())
				r.Base = ocitest.Base(t, types.OCIManifestSchema1, "CNB_USER_ID=me")
				if _, err := r.Jobs(); err == nil || !strings.Contains(err.Error(), "CNB_USER_ID=me") {
					t.Errorf("got the error %v", err)
				}
			})
		})

		when("choosing what starts", func() {
			for _, test := range []struct{ process, byDefault, want string }{
				{"", "web", "/cnb/process/web"},
				{"a.worker", "web", "/cnb/process/a.worker"},
				{"", "", "/cnb/lifecycle/launcher"},
			} {
				it("starts "+test.want, func() {
					r := ocitest.Recipe(t, t.TempDir())
					r.Process, r.Tree.Metadata.DefaultProcess = test.process, test.byDefault
					config := configOf(t, ocitest.Make(t, r)).Config
					if diff := cmp.Diff([]string{test.want}, config.Entrypoint); diff != "" || config.Cmd != nil {
						t.Errorf("%s and %v", diff, config.Cmd)
					}
				})
			}
		})

		it("is the same image, byte by byte, wherever it was built", func() {
			if a, b := anImage(t), anImage(t); ocitest.DigestOf(t, a) != ocitest.DigestOf(t, b) {
				t.Errorf("digests %s and %s", ocitest.DigestOf(t, a), ocitest.DigestOf(t, b))
			}
		})

		it("states the time that it is given", func() {
			r := ocitest.Recipe(t, t.TempDir())
			r.Created = time.Unix(1700000000, 0)
			config := configOf(t, ocitest.Make(t, r))
			if !config.Created.Equal(r.Created) || !config.History[0].Created.Equal(pack.Epoch()) {
				t.Errorf("created %v, history %v", config.Created, config.History[0].Created)
			}
		})

		when("a layer has no contents", func() {
			it("takes it from the previous image", func() {
				previous := anImage(t)
				r := ocitest.Recipe(t, t.TempDir())
				r.Tree.LaunchLayers[1].Dir = buildpacks.Dir{}
				r.Tree.LaunchLayers[1].Metadata = map[string]any{"version": "24.1.1"}
				r.Previous = previous
				image := ocitest.Make(t, r)
				ocitest.Valid(t, image)
				got, want := configOf(t, image).RootFS.DiffIDs, configOf(t, previous).RootFS.DiffIDs
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
				if label := configOf(t, image).Config.Labels[oci.LifecycleLabel]; !strings.Contains(label, "24.1.1") || strings.Contains(label, "24.1.0") {
					t.Errorf("the label does not hold the new metadata: %s", label)
				}
			})
			it("fails without one", func() {
				r := ocitest.Recipe(t, t.TempDir())
				r.Tree.LaunchLayers[1].Dir = buildpacks.Dir{}
				expectFailure(t, r, nil, "acme/node:node has no contents")
			})
		})

		it("fails for what does not fit", func() {
			r := ocitest.Recipe(t, t.TempDir())
			r.Process = "nope"
			expectFailure(t, r, nil, "the default process type nope is not one of the build")
			r = ocitest.Recipe(t, t.TempDir())
			expectFailure(t, r, func(s [][]artifact.Segment) [][]artifact.Segment { return s[1:] }, "the layer acme/node:modules was not packed")
			expectFailure(t, r, func(s [][]artifact.Segment) [][]artifact.Segment { s[0][0].Digest = "md5:1"; return s }, "the segment acme/node:modules")
			expectFailure(t, r, func(s [][]artifact.Segment) [][]artifact.Segment { s[0] = append(s[0], s[0]...); return s }, "packed in 2 shapes")
			r.Tree.LaunchLayers[2].Buildpack = "acme/gone"
			expectFailure(t, r, nil, "a buildpack that did not build")
		})

		it("fails when the file of a layer is gone", func() {
			image := anImage(t)
			must(t, os.Remove(image.Segments[0].File))
			if _, err := (oci.Layout{Dir: t.TempDir() + "/l"}).Export(t.Context(), image); err == nil || !strings.Contains(err.Error(), image.Segments[0].File) {
				t.Errorf("got the error %v, want one that names %s", err, image.Segments[0].File)
			}
		})
	})
}

func expectFailure(t *testing.T, r assemble.Recipe, change func([][]artifact.Segment) [][]artifact.Segment, want string) {
	t.Helper()
	jobs, err := r.Jobs()
	must(t, err)
	segments, err := pack.Packer{Temp: t.TempDir()}.Pack(t.Context(), jobs)
	must(t, err)
	if change != nil {
		segments = change(segments)
	}
	if _, err := r.Assemble(segments); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got the error %v, want %q", err, want)
	}
}

// TestAssembleLifecycle has the image of other lifecycles.
func TestAssembleLifecycle(t *testing.T) {
	dir := t.TempDir()
	r := ocitest.Recipe(t, dir)
	r.Base = ocitest.Base(t, types.DockerManifestSchema2)
	base, err := r.Base.Image.ConfigFile()
	must(t, err)
	r.Lifecycle = &assemble.Lifecycle{Build: json.RawMessage(`{"some":"label"}`)}
	image := ocitest.Make(t, r)
	ocitest.Valid(t, image)
	config := configOf(t, image)
	if got := config.Config.Labels[oci.BuildLabel]; got != `{"some":"label"}` {
		t.Errorf("the build label is %s", got)
	}
	if config.Config.User != base.Config.User {
		t.Errorf("the user is %q, expected %q", config.Config.User, base.Config.User)
	}
	for i, h := range config.History {
		if h.EmptyLayer || !h.Created.Equal(config.Created.Time) {
			t.Errorf("entry %d of the history is %+v", i, h)
		}
	}
	if len(config.History) != len(config.RootFS.DiffIDs) {
		t.Errorf("the history has %d entries for %d layers", len(config.History), len(config.RootFS.DiffIDs))
	}

	r.Lifecycle = &assemble.Lifecycle{NoHistory: true, StackNames: true, NoSBOM: true, Build: r.Lifecycle.Build}
	config = configOf(t, ocitest.Make(t, r))
	for i, h := range config.History {
		if h.CreatedBy != "" || h.Author != "" {
			t.Errorf("entry %d of the history is %+v", i, h)
		}
	}
	var label oci.LifecycleMetadata
	must(t, json.Unmarshal([]byte(config.Config.Labels[oci.LifecycleLabel]), &label))
	if label.RunImage.Image != "" || label.Stack.RunImage.Image != r.Base.Name || label.SBOM != nil {
		t.Errorf("the label is %+v", label)
	}
}
