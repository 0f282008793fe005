//go:build acceptance

package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/stack/dockertest"
	"github.com/slugc/slugc/stack/referencetest"
)

// The builders of TestPack, in its registry and its daemon: two with the lifecycle of
// this build, of which pack made one, and one with the reference's.
const (
	ownBuilder       = "own"
	packsBuilder     = "packs"
	referenceBuilder = "reference"
)

// TestPack has the real pack build with our lifecycle in all of its ways, and looks
// at each image and runs it: pack believes any exit code 0.
func TestPack(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.makeBuilders()
	expected := p.reference()
	spec.Run(t, "builds", func(t *testing.T, when spec.G, it spec.S) { testPackBuilds(t, p.in(t), expected, when, it) }, spec.Sequential())
	spec.Run(t, "flags", func(t *testing.T, when spec.G, it spec.S) { testPackFlags(t, p.in(t), expected, when, it) }, spec.Sequential())
	spec.Run(t, "images", func(t *testing.T, when spec.G, it spec.S) { testPackImages(t, p.in(t), when, it) }, spec.Sequential())
}

// images are what images of the reference say (app.says): the first of the app, and
// one after it for which the cache was cleared; and the SBOM files of the first.
type images struct {
	cold, cleared map[string]any
	sboms         map[string]string
}

// reference builds the app with the reference's lifecycle.
func (p platform) reference() (made images) {
	p.t.Helper()
	w := way{builder: referenceBuilder, published: true}
	sboms := p.t.TempDir()
	p.build(w, "reference/app", "--sbom-output-dir", sboms)
	made.sboms = filesIn(p.t, sboms)
	made.cold = p.built(w, "reference/app").says(p.t)
	p.build(w, "reference/app", "--clear-cache")
	made.cleared = p.built(w, "reference/app").says(p.t)
	return made
}

// makeBuilders makes the builders, and the image with the lifecycle alone,
// lifecycle:1, for phases that see credentials.
func (p platform) makeBuilders() {
	p.t.Helper()
	// It tells what it sees, in a layer and a process.
	p.s.buildpack("note", `mkdir -p note; {
			echo "word ${WORD:-none}, place ${PLACE:-none}, auth ${CNB_REGISTRY_AUTH:-none}, user $(id -u)"
			[ ! -f /note/text ] || cat /note/text
		} >note/text
		printf '[types]\nlaunch = true\n' >note.toml
		printf '[[processes]]\ntype = "note"\ncommand = ["cat", "/layers/test_note/note/text"]\n' >launch.toml`)
	p.s.lifecycle("reference.tgz", referencetest.Build(p.t).Launcher())
	// The reference asks no daemon which API it speaks.
	p.r.pushWithEnv("run:1", "build:1", "DOCKER_API_VERSION="+p.d.APIVersion)
	env := "description = \"Notes\"\n[[build.env]]\nname = \"PLACE\"\nvalue = \"the builder\"\nsuffix = \"default\"\n"
	buildpacks := []string{fixture(p.t, "hello"), fixture(p.t, "layers"), p.s.path("note")}
	for name, text := range map[string]string{
		ownBuilder:       p.builderTOML("", "run:1", append(buildpacks, "slugc/procfile")...),
		packsBuilder:     p.builderTOML(ownArchive(p.t), "run:1", buildpacks...),
		referenceBuilder: p.builderTOML(p.s.path("reference.tgz"), "build:1", buildpacks...),
	} {
		p.s.write(name+".toml", env+text)
	}
	p.pack("builder", "create", p.r.host+"/"+packsBuilder, "--config", p.s.path("packs.toml"), "--pull-policy", "if-not-present")
	for _, name := range []string{ownBuilder, referenceBuilder} {
		p.s.must("builder", "create", p.r.host+"/"+name, "-c", name+".toml")
		p.d.Pull(p.r.host + "/" + name)
	}
	p.s.must("builder", "lifecycle", p.r.host+"/lifecycle:1", "--base", p.r.host+"/run:1")
	p.d.Pull(p.r.host + "/lifecycle:1")
}

// way is one in which pack builds.
type way struct {
	name                 string
	builder              string
	published, untrusted bool
}

func ways() []way {
	return []way{
		{name: "trusted, to the daemon", builder: ownBuilder},
		{name: "untrusted, to the daemon", builder: packsBuilder, untrusted: true},
		{name: "trusted, published", builder: packsBuilder, published: true},
		{name: "untrusted, published", builder: ownBuilder, published: true, untrusted: true},
	}
}

// image is the name of an image for pack. Those of the daemon are not in the registry,
// where pack looks for them, too.
func (p platform) image(w way, image string) string {
	if w.published {
		return p.r.host + "/" + image
	}
	return p.r.host + "/daemon/" + image
}

// build builds the app in one way.
func (p platform) build(w way, image string, args ...string) string {
	p.t.Helper()
	return p.pack(p.buildArgs(w, image, args...)...)
}

func (p platform) buildArgs(w way, image string, args ...string) []string {
	all := append([]string{
		"build", p.image(w, image), "--path", p.s.path("app"), "--builder", p.r.host + "/" + w.builder, "--docker-host", "inherit",
		"--network", "host", "--pull-policy", "never", "--lifecycle-image", p.r.host + "/lifecycle:1",
	}, args...)
	if w.published {
		all = append(all, "--publish")
	}
	if !w.untrusted {
		all = append(all, "--trust-builder")
	}
	return all
}

// built is the image that a way leaves.
func (p platform) built(w way, image string) app {
	p.t.Helper()
	if w.published {
		return p.app(image, true)
	}
	return p.app(p.image(w, image), false)
}

// runs makes sure that a process of an image says what it has to. The default one has
// no name.
func (p platform) runs(w way, image, process, want string, env ...string) {
	p.t.Helper()
	if w.published {
		p.d.Pull(p.image(w, image))
	}
	c := dockertest.Container{Image: p.image(w, image), Env: env}
	if process != "" {
		c.Entrypoint = []string{"/cnb/process/" + process}
	}
	if got := p.d.Run(c); got != want {
		p.t.Errorf("the process %q of %s says %q, want %q", process, image, got, want)
	}
}

const (
	helloSays = "Hello, world, on port 80\n"
	noteSays  = "word none, place the builder, auth none, user 1000\n"
)

// isApp runs both processes of the app.
func (p platform) isApp(w way, image string) {
	p.t.Helper()
	p.runs(w, image, "", helloSays, "HOME=/workspace", "PORT=80")
	p.runs(w, image, "note", noteSays)
}

// label is what an image says of its layers.
func (a app) label(t *testing.T) (label oci.LifecycleMetadata) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.Config.Labels[oci.LifecycleLabel]), &label); err != nil {
		t.Fatal(err)
	}
	return label
}

// layersOf are the layers that the label of an image names, by name, all of which are
// to be layers of the image.
func (a app) layersOf(t *testing.T) map[string]string {
	t.Helper()
	label := a.label(t)
	all := map[string]string{
		"run image": label.RunImage.TopLayer, "launcher": label.Launcher.SHA, "config": label.Config.SHA, "process-types": label.ProcessTypes.SHA,
	}
	if label.SBOM != nil {
		all["SBOM"] = label.SBOM.SHA
	}
	for _, slice := range label.App {
		all["app"] = slice.SHA
	}
	for _, b := range label.Buildpacks {
		for name, layer := range b.Layers {
			all[b.ID+":"+name] = layer.SHA
		}
	}
	for name, sha := range all {
		if !slices.ContainsFunc(a.RootFS.DiffIDs, func(d v1.Hash) bool { return d.String() == sha }) {
			t.Errorf("the label names a layer %s, %q, which the image does not have", name, sha)
		}
	}
	return all
}

// says is the config of an image, apart from what has to differ between lifecycles
// and targets.
func (a app) says(t *testing.T) map[string]any {
	t.Helper()
	labels := map[string]any{}
	for key, text := range a.Config.Labels {
		var value any = text
		if strings.HasSuffix(key, ".metadata") {
			if err := json.Unmarshal([]byte(text), &value); err != nil {
				t.Errorf("%s: %v", key, err)
			}
		}
		if all, ok := value.(map[string]any); ok {
			delete(all, "launcher")
			// The specification has it there, too.
			delete(all, "exec-env")
			if run, ok := all["runImage"].(map[string]any); ok {
				delete(run, "reference")
			}
		}
		labels[key] = value
	}
	layers := a.layersOf(t)
	delete(layers, "launcher")
	c := a.Config
	return map[string]any{
		"labels": labels, "layers": layers, "env": c.Env, "user": c.User, "dir": c.WorkingDir, "entrypoint": c.Entrypoint, "cmd": c.Cmd,
		"platform": a.OS + "/" + a.Architecture, "created": a.Created.UTC().String(), "number of layers": len(a.RootFS.DiffIDs), "history": len(a.History),
	}
}

func testPackBuilds(t *testing.T, p platform, expected images, when spec.G, it spec.S) {
	when("building, and building again", func() {
		for _, w := range ways() {
			it("does "+w.name, func() {
				name := "again/" + strings.NewReplacer(" ", "-", ",", "").Replace(w.name)
				out := p.build(w, name)
				contains(t, out, "Making the greeter", "Build number 1", "Adding layer 'test/hello:greeter'", "Adding cache layer 'test/hello:count'")
				if strings.Contains(out, "[exporter] ") != w.untrusted {
					t.Errorf("untrusted is %v:\n%s", w.untrusted, out)
				}
				first := p.built(w, name)
				if diff := cmp.Diff(expected.cold, first.says(t)); diff != "" {
					t.Errorf("the image (-reference +ours):\n%s", diff)
				}
				p.isApp(w, name)

				contains(t, p.build(w, name), "Reusing the greeter", "Build number 2", `Restoring data for "test/hello:greeter" from cache`,
					"Reusing layer 'test/hello:greeter'", "Reusing layer 'test/layers:l'", "Reusing layer 'buildpacksio/lifecycle:launcher'",
					"Reusing layer 'buildpacksio/lifecycle:config'", "Reused 1/1 app layer(s)", "Reusing cache layer 'test/hello:greeter'",
					// It tells what was restored, which is more then.
					"Adding layer 'test/layers:seen'")
				second := p.built(w, name)
				if out := p.build(w, name); strings.Contains(out, "Adding layer") {
					t.Errorf("the third image has new layers:\n%s", out)
				}
				if third := p.built(w, name); third.id != second.id {
					t.Errorf("the third image is %s, the second %s", third.id, second.id)
				}
				p.isApp(w, name)

				// Nothing of what was there before is.
				out = p.build(w, name, "--clear-cache")
				contains(t, out, "Making the greeter", "Build number 1", "Reusing layer 'test/hello:greeter'")
				if strings.Contains(out, "Restoring data for") {
					t.Errorf("something is restored from a cache that is cleared:\n%s", out)
				}
				if diff := cmp.Diff(expected.cleared, p.built(w, name).says(t)); diff != "" {
					t.Errorf("the image without a cache (-reference +ours):\n%s", diff)
				}
			})
		}
	})

	when("an app is built by the reference, by ours, and by the reference again", func() {
		for _, published := range []bool{false, true} {
			theirs, ours := way{builder: referenceBuilder, published: published}, way{builder: ownBuilder, published: published}
			image := "switch/daemon"
			if published {
				image = "switch/registry"
			}
			it("reuses every unchanged layer of "+image, func() {
				p.build(theirs, image)
				p.build(theirs, image)
				last := p.built(theirs, image)
				var digests []string
				for _, w := range []way{ours, ours, theirs, ours} {
					out := p.build(w, image)
					contains(t, out, "Reusing the greeter", `Restoring data for "test/hello:greeter" from cache`, `Restoring data for "test/hello:count" from cache`,
						`Restoring data for "test/layers:bcl" from cache`, "Reusing cache layer 'test/hello:greeter'", "Reusing cache layer 'test/layers:cl'", "Reused 1/1 app layer(s)")
					now := p.built(w, image)
					if diff := cmp.Diff(last.says(t), now.says(t)); diff != "" {
						t.Errorf("%s made another image:\n%s", w.builder, diff)
					}
					if diff := cmp.Diff(last.label(t).RunImage, now.label(t).RunImage); diff != "" {
						t.Errorf("%s has another run image:\n%s", w.builder, diff)
					}
					// The launcher is each one's own, and the layer of the app is told of otherwise.
					layers := len(now.layersOf(t)) - len([]string{"run image", "app", "launcher"})
					out = strings.ReplaceAll(out, "layer 'buildpacksio/lifecycle:launcher'", "")
					if n := strings.Count(out, "Reusing layer '"); n != layers || strings.Contains(out, "Adding layer '") {
						t.Errorf("%s reuses %d layers of %d:\n%s", w.builder, n, layers, out)
					}
					if w == ours {
						digests = append(digests, now.id)
						p.isApp(w, image)
					}
				}
				if slices.Sort(digests); len(slices.Compact(digests)) != 1 {
					t.Errorf("ours are %q", digests)
				}
			})
		}
	})
}

// filesIn are the files below a directory, and what is in them.
func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			var content []byte
			content, err = os.ReadFile(path)
			all[strings.TrimPrefix(path, dir+"/")] = string(content)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
