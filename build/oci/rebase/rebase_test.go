package rebase_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/ocitest"
	"github.com/slugc/slugc/build/oci/rebase"
	"github.com/slugc/slugc/stack"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// relabelled is an image with another label.
func relabelled(t *testing.T, image v1.Image, label string, change func(text string) string) v1.Image {
	t.Helper()
	config, err := image.ConfigFile()
	must(t, err)
	config = config.DeepCopy()
	if text := change(config.Config.Labels[label]); text == "" {
		delete(config.Config.Labels, label)
	} else {
		config.Config.Labels[label] = text
	}
	image, err = mutate.ConfigFile(image, config)
	must(t, err)
	return image
}

func onto(t *testing.T, image v1.Image, base oci.Base) rebase.Result {
	t.Helper()
	rebased, err := rebase.Recipe{App: oci.Base{Image: image}, Base: base}.Assemble()
	must(t, err)
	return rebased
}

func force(t *testing.T, image v1.Image, base oci.Base) rebase.Result {
	t.Helper()
	rebased, err := rebase.Recipe{App: oci.Base{Image: image}, Base: base, Force: true}.Assemble()
	must(t, err)
	return rebased
}

// contentsOf are the diffIDs of an image by its config.
func contentsOf(t *testing.T, image v1.Image) []string {
	t.Helper()
	config, err := image.ConfigFile()
	must(t, err)
	var ids []string
	for _, h := range config.RootFS.DiffIDs {
		ids = append(ids, h.String())
	}
	return ids
}

func labelsOf(t *testing.T, image v1.Image) map[string]string {
	t.Helper()
	config, err := image.ConfigFile()
	must(t, err)
	return config.Config.Labels
}

func metadataOf(t *testing.T, image v1.Image) oci.LifecycleMetadata {
	t.Helper()
	var m oci.LifecycleMetadata
	must(t, json.Unmarshal([]byte(labelsOf(t, image)[oci.LifecycleLabel]), &m))
	return m
}

// created are what the history says of the layers.
func created(t *testing.T, image v1.Image) []string {
	t.Helper()
	config, err := image.ConfigFile()
	must(t, err)
	var by []string
	for _, h := range config.History {
		by = append(by, h.CreatedBy)
	}
	return by
}

func TestRebase(t *testing.T) { spec.Run(t, "Rebase", testRebase) }

func testRebase(t *testing.T, when spec.G, it spec.S) {
	const runName = "example.com/run:1"

	it("changes the base and nothing else", func() {
		old := ocitest.RunImage(t, runName, func(c *v1.ConfigFile) {
			c.Config.Labels["io.buildpacks.stack.id"] = "old"
			c.Config.Labels["io.buildpacks.base.only.old"] = "1"
			c.Config.Labels["io.slugc.stack"] = "old"
			c.History = append(c.History, v1.History{CreatedBy: "CMD", EmptyLayer: true})
		})
		app := ocitest.On(t, old)
		next := ocitest.RunImage(t, runName, func(c *v1.ConfigFile) {
			c.Config.Labels = map[string]string{"io.buildpacks.base.distro.name": "debian", "io.buildpacks.base.only.new": "2", "io.slugc.stack": "new", "b": "base"}
			c.Config.Env = []string{"PATH=/elsewhere"}
			c.OSVersion, c.OSFeatures = "5", []string{"f"}
			for i := range c.History {
				c.History[i].CreatedBy = "new"
			}
		})
		rebased := onto(t, app, next)
		ocitest.Valid(t, rebased)

		if rebased.Replaced != 2 || rebased.Added != 2 || rebased.Kept != 7 || rebased.Unchanged || len(rebased.Overruled)+len(rebased.Notes) > 0 {
			t.Errorf("replaced %d by %d, kept %d, unchanged %v, overruled %v, notes %v",
				rebased.Replaced, rebased.Added, rebased.Kept, rebased.Unchanged, rebased.Overruled, rebased.Notes)
		}
		want := append(contentsOf(t, next.Image), contentsOf(t, app)[2:]...)
		if diff := cmp.Diff(want, contentsOf(t, rebased)); diff != "" {
			t.Errorf("layers (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(append([]string{"new", "new"}, created(t, app)[3:]...), created(t, rebased)); diff != "" {
			t.Errorf("history (-want +got):\n%s", diff)
		}
		before, err := app.ConfigFile()
		must(t, err)
		after, err := rebased.ConfigFile()
		must(t, err)
		if after.OSVersion != "5" || !slices.Equal(after.OSFeatures, []string{"f"}) {
			t.Errorf("os.version %q, os.features %v", after.OSVersion, after.OSFeatures)
		}
		labels := maps.Clone(before.Config.Labels)
		delete(labels, "io.buildpacks.stack.id")
		delete(labels, "io.buildpacks.base.only.old")
		labels["io.buildpacks.base.only.new"], labels["io.slugc.stack"] = "2", "new"
		labels[oci.LifecycleLabel] = strings.NewReplacer(old.Reference, next.Reference, contentsOf(t, old.Image)[1], contentsOf(t, next.Image)[1]).
			Replace(labels[oci.LifecycleLabel])
		if diff := cmp.Diff(labels, after.Config.Labels); diff != "" {
			t.Errorf("labels (-want +got):\n%s", diff)
		}
		after.Config.Labels = before.Config.Labels
		if diff := cmp.Diff(before.Config, after.Config); diff != "" {
			t.Errorf("config (-want +got):\n%s", diff)
		}
		if !after.Created.Equal(before.Created.Time) {
			t.Errorf("created %v, want %v", after.Created, before.Created)
		}

		described, err := oci.Inspect(rebased)
		must(t, err)
		var names []string
		for _, layer := range described.Layers {
			names = append(names, layer.Name)
		}
		if diff := cmp.Diff([]string{"base", "base", "acme/node:modules", "acme/node:node", "acme/more:z", "app", "launcher", "config", "process-types"}, names); diff != "" {
			t.Errorf("inspected layers (-want +got):\n%s", diff)
		}
		if described.Base.Reference != next.Reference {
			t.Errorf("inspected base %s, want %s", described.Base.Reference, next.Reference)
		}
	})

	it("gives the same image for the same base, and the first for the first", func() {
		for name, media := range map[string][2]types.MediaType{
			"oci":              {types.OCIManifestSchema1, types.OCIManifestSchema1},
			"docker":           {types.DockerManifestSchema2, types.DockerManifestSchema2},
			"oci, then docker": {types.OCIManifestSchema1, types.DockerManifestSchema2},
			"docker, then oci": {types.DockerManifestSchema2, types.OCIManifestSchema1},
		} {
			first := ocitest.Changed(t, ocitest.Base(t, media[0]), runName, nil)
			second := ocitest.Changed(t, ocitest.Base(t, media[1]), "index.example.com/mirror", nil)
			first.Mirrors = []string{second.Name + ":latest"}
			app := ocitest.On(t, first)
			same := onto(t, app, first)
			if !same.Unchanged || ocitest.DigestOf(t, same) != ocitest.DigestOf(t, app) {
				t.Errorf("%s: on the same base %s, want %s", name, ocitest.DigestOf(t, same), ocitest.DigestOf(t, app))
			}
			there := onto(t, app, second)
			ocitest.Valid(t, there)
			if again := onto(t, app, second); ocitest.DigestOf(t, again) != ocitest.DigestOf(t, there) {
				t.Errorf("%s: a second time %s, want %s", name, ocitest.DigestOf(t, again), ocitest.DigestOf(t, there))
			}
			if again := onto(t, there, second); !again.Unchanged || ocitest.DigestOf(t, again) != ocitest.DigestOf(t, there) {
				t.Errorf("%s: rebased twice %s, want %s", name, ocitest.DigestOf(t, again), ocitest.DigestOf(t, there))
			}
			if back := onto(t, there, first); ocitest.DigestOf(t, back) != ocitest.DigestOf(t, app) {
				t.Errorf("%s: there and back %s, want %s", name, ocitest.DigestOf(t, back), ocitest.DigestOf(t, app))
			}
		}
	})

	it("keeps one family of media types", func() {
		for _, media := range [][2]types.MediaType{
			{types.OCIManifestSchema1, types.DockerManifestSchema2}, {types.DockerManifestSchema2, types.OCIManifestSchema1},
		} {
			app := ocitest.On(t, ocitest.Changed(t, ocitest.Base(t, media[0]), runName, nil))
			manifest, err := onto(t, app, ocitest.Changed(t, ocitest.Base(t, media[1]), runName, nil)).Manifest()
			must(t, err)
			before, err := app.Manifest()
			must(t, err)
			if manifest.MediaType != media[0] || manifest.Config.MediaType != before.Config.MediaType {
				t.Errorf("a manifest %s with the config %s", manifest.MediaType, manifest.Config.MediaType)
			}
			want := types.OCILayer
			if media[0] == types.DockerManifestSchema2 {
				want = types.DockerLayer
			}
			for i, layer := range manifest.Layers {
				if layer.MediaType != want {
					t.Errorf("%s: layer %d is %s", media[0], i, layer.MediaType)
				}
			}
		}
	})

	it("goes from nothing to a base and back", func() {
		scratch, err := oci.Scratch(stack.Target{OS: "linux", Arch: "amd64"})
		must(t, err)
		app := ocitest.On(t, scratch)
		there := onto(t, app, ocitest.RunImage(t, "", nil))
		ocitest.Valid(t, there)
		if there.Replaced != 0 || there.Added != 2 || metadataOf(t, there).RunImage.TopLayer != contentsOf(t, there)[1] {
			t.Errorf("replaced %d by %d, top layer %s", there.Replaced, there.Added, metadataOf(t, there).RunImage.TopLayer)
		}
		back := onto(t, there, scratch)
		if diff := cmp.Diff(contentsOf(t, app), contentsOf(t, back)); diff != "" {
			t.Errorf("layers (-want +got):\n%s", diff)
		}
		if len(back.Notes) != 2 {
			t.Errorf("notes %q, want that no distribution and no run image is known", back.Notes)
		}
	})

	it("takes the right one of equal layers for the top of the base", func() {
		base := ocitest.RunImage(t, "", nil)
		layers, err := base.Image.Layers()
		must(t, err)
		base.Image, err = mutate.AppendLayers(base.Image, layers[0])
		must(t, err)
		rebased := onto(t, ocitest.On(t, base), ocitest.RunImage(t, "", nil))
		ocitest.Valid(t, rebased)
		if rebased.Replaced != 3 || rebased.Kept != 7 {
			t.Errorf("replaced %d, kept %d, want 3 and 7", rebased.Replaced, rebased.Kept)
		}
	})

	it("states the time it is told", func() {
		app := ocitest.On(t, ocitest.RunImage(t, runName, nil))
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		rebased, err := rebase.Recipe{App: oci.Base{Image: app}, Base: ocitest.RunImage(t, runName, nil), Created: at}.Assemble()
		must(t, err)
		config, err := rebased.ConfigFile()
		must(t, err)
		if !config.Created.Equal(at) {
			t.Errorf("created %v, want %v", config.Created, at)
		}
	})

	when("the image is another lifecycle's", func() {
		const label = `{"future": {"b":1,"a":"<&>"}, "app":[{"sha":"%a"}],` +
			`"runImage":{"topLayer":"%t","reference":"x"},"stack":{"runImage":{"image":"run","mirrors":["mirror.example.com/run"]}},"n":12345678901234567890}`

		foreign := func() v1.Image {
			base := ocitest.Base(t, types.DockerManifestSchema2).Image
			layers, err := ocitest.Base(t, types.DockerManifestSchema2).Image.Layers()
			must(t, err)
			image, err := mutate.Append(base, mutate.Addendum{Layer: layers[0], History: v1.History{CreatedBy: "app"}})
			must(t, err)
			ids := contentsOf(t, image)
			return relabelled(t, image, oci.LifecycleLabel, func(string) string {
				return strings.NewReplacer("%a", ids[2], "%t", ids[1]).Replace(label)
			})
		}

		it("keeps what it does not know", func() {
			app := foreign()
			next := ocitest.Changed(t, ocitest.Base(t, types.DockerManifestSchema2), "index.docker.io/library/run:latest", nil)
			rebased := onto(t, app, next)
			ocitest.Valid(t, rebased)
			ids := contentsOf(t, rebased)
			want := strings.NewReplacer("%a", ids[2], "%t", ids[1], `"x"`, `"`+next.Reference+`"`, `: {`, `:{`, `, "`, `,"`).Replace(label)
			if diff := cmp.Diff(want, labelsOf(t, rebased)[oci.LifecycleLabel]); diff != "" {
				t.Errorf("label (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff("app", created(t, rebased)[2]); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
		})

		it("names the new base when it is forced", func() {
			next := ocitest.Changed(t, ocitest.Base(t, types.DockerManifestSchema2), "example.com/other:2", nil)
			m := metadataOf(t, force(t, foreign(), next))
			if m.RunImage.Image != next.Name || m.Stack.RunImage.Image != next.Name || m.Stack.RunImage.Mirrors != nil {
				t.Errorf("run image %+v, stack %+v", m.RunImage, m.Stack)
			}
		})
	})

	when("there is no base to replace", func() {
		for name, c := range map[string]struct {
			change func(string) string
			want   string
		}{
			"no label":          {func(string) string { return "" }, "only an image that slugc, pack or another lifecycle built"},
			"a damaged label":   {func(string) string { return "{" }, "the label io.buildpacks.lifecycle.metadata"},
			"no top layer":      {func(string) string { return `{"runImage":{}}` }, "does not say which layer is the last of the base"},
			"another top layer": {func(string) string { return `{"runImage":{"topLayer":"sha256:0"}}` }, "is sha256:0 by its label, and the image has no such layer"},
		} {
			it("says so: "+name, func() {
				app := relabelled(t, ocitest.On(t, ocitest.RunImage(t, runName, nil)), oci.LifecycleLabel, c.change)
				_, err := rebase.Recipe{App: oci.Base{Image: app}, Base: ocitest.RunImage(t, runName, nil), Force: true}.Assemble()
				if _, ok := errors.AsType[*rebase.NotRebasableError](err); !ok || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %q", err, c.want)
				}
			})
		}
	})
}

// FuzzRebase has a label that anybody could have written.
func FuzzRebase(f *testing.F) {
	image := func() v1.Image {
		image, err := random.Image(64, 3)
		if err != nil {
			f.Fatal(err)
		}
		return image
	}
	app, base := image(), image()
	config, err := app.ConfigFile()
	if err != nil {
		f.Fatal(err)
	}
	for _, label := range []string{
		`{"runImage":{"topLayer":"TOP","reference":"r","image":"run"},"stack":{"runImage":{}},"app":[{"sha":"TOP"}]}`,
		`{"runImage":{"topLayer":"TOP"},"runImage":null,"n":1e9}`, `{"runImage":[]}`, `{"stack":"x"}`, `null`, `[]`, `{`, ``,
	} {
		f.Add(label)
	}
	f.Fuzz(func(t *testing.T, label string) {
		config := config.DeepCopy()
		label = strings.ReplaceAll(label, "TOP", config.RootFS.DiffIDs[1].String())
		config.Config.Labels = map[string]string{oci.LifecycleLabel: label}
		image, err := mutate.ConfigFile(app, config)
		must(t, err)
		rebased, err := rebase.Recipe{App: oci.Base{Image: image}, Base: oci.Base{Image: base, Name: "other"}, Force: true}.Assemble()
		if err != nil {
			return
		}
		if text := labelsOf(t, rebased)[oci.LifecycleLabel]; !json.Valid([]byte(text)) {
			t.Errorf("the label %q became %q", label, text)
		}
		ocitest.Valid(t, rebased)
	})
}
