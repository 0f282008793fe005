//go:build acceptance

package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slugc/slugc/stack/referencetest"
)

// TestBuilderLikePack has the real pack and slugc make builders of the same
// files, and compares config, labels and layers.
func TestBuilderLikePack(t *testing.T) {
	t.Parallel()
	s, r := newSlugc(t), newImageRegistry(t)
	r.pushRunImage()
	r.relabel("run:1", "stacked:1", map[string]string{"io.buildpacks.stack.id": "test.stack", "io.buildpacks.stack.mixins": `["one","build:two"]`})
	s.lifecycle("lifecycle.tgz", referencetest.Build(t).Launcher())
	for _, name := range []string{"one", "two", "three"} {
		s.buildpack(name, "true")
	}
	s.write("one/buildpack.toml", `api = "0.10"
[buildpack]
id = "test/one"
version = "1.0.0"
name = "One"
description = "Does one <thing> & another"
homepage = "https://example.com/one"
keywords = ["a", "b"]
clear-env = true
[[buildpack.licenses]]
type = "MIT"
uri = "https://example.com/mit"
[[targets]]
os = "linux"
arch = "amd64"
[[targets.distros]]
name = "debian"
version = "13"
`)
	s.write("two/buildpack.toml", "api = \"0.10\"\n[buildpack]\nid = \"test/two\"\nversion = \"1.0.0\"\n[[stacks]]\nid = \"test.stack\"\nmixins = [\"one\", \"run:three\"]\n")
	s.write("two/data/with ü.txt", "text")
	s.write("older/buildpack.toml", "api = \"0.10\"\n[buildpack]\nid = \"test/two\"\nversion = \"0.9.0\"\n[[stacks]]\nid = \"*\"\n")
	s.program("older/bin/detect", "")
	s.program("older/bin/build", "")
	s.write("all/buildpack.toml", "api = \"0.10\"\n[buildpack]\nid = \"test/all\"\nversion = \"2.0.0\"\n[[order]]\n[[order.group]]\nid = \"test/three\"\nversion = \"1.0.0\"\n"+
		"[[order.group]]\nid = \"test/two\"\nversion = \"1.0.0\"\noptional = true\n")
	s.write("all/package.toml", "[buildpack]\nuri = \".\"\n[[dependencies]]\nuri = \"../three\"\n[[dependencies]]\nuri = \"../two\"\n")
	s.must("buildpack", "package", "all", "-o", "all.cnb", "--target", "linux/amd64")
	s.write("extension/extension.toml", "api = \"0.10\"\n[extension]\nid = \"test/extension\"\nversion = \"1.0.0\"\nname = \"Extension\"\n")
	s.program("extension/bin/detect", "")
	s.program("extension/bin/generate", "")

	head := fmt.Sprintf("[lifecycle]\nuri = \"lifecycle.tgz\"\n[build]\nimage = \"%s/stacked:1\"\n[[run.images]]\nimage = \"%[1]s/stacked:1\"\nmirrors = [\"%[1]s/mirror:1\"]\n", r.host)
	order := "[[order]]\n[[order.group]]\nid = \"test/one\"\n[[order.group]]\nid = \"test/all\"\nversion = \"2.0.0\"\noptional = true\n"
	for name, c := range map[string]struct {
		text string
		args []string
	}{
		"small": {"[[buildpacks]]\nuri = \"one\"\n[[order]]\n[[order.group]]\nid = \"test/one\"\n", nil},
		"full": {`description = "All of it"
[stack]
id = "test.stack"
[[build.env]]
name = "SOME"
value = "thing"
suffix = "default"
[[buildpacks]]
id = "test/one"
version = "1.0.0"
uri = "one"
[[buildpacks]]
uri = "all.cnb"
[[buildpacks]]
uri = "older"
[[extensions]]
uri = "extension"
[[order-extensions]]
[[order-extensions.group]]
id = "test/extension"
optional = true
[[run.images]]
image = "` + r.host + `/stacked:1"
[system.pre]
buildpacks = [{id = "test/one"}]
[system.post]
buildpacks = [{id = "test/two", version = "0.9.0", optional = true}]
` + order, []string{"--label", "some=label"}},
		"flattened": {
			"[[buildpacks]]\nuri = \"one\"\n[[buildpacks]]\nuri = \"all.cnb\"\n[[buildpacks]]\nuri = \"older\"\n" + order,
			[]string{"--flatten", "test/two@1.0.0,test/all@2.0.0,test/two@0.9.0", "--flatten", "test/one@1.0.0"},
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			file := name + ".toml"
			s.write(file, c.text+head)
			theirs, ours := r.host+"/theirs-"+name+":1", r.host+"/ours-"+name+":1"
			runPack(t, emptyDocker(t), append([]string{"builder", "create", theirs, "--config", s.path(file), "--publish"}, c.args...)...)
			s.must(append([]string{"builder", "create", ours, "-c", file}, c.args...)...)
			want, got := r.image("theirs-"+name+":1"), r.image("ours-"+name+":1")
			if diff := cmp.Diff(builderSays(t, want), builderSays(t, got)); diff != "" {
				t.Errorf("the config differs:\n%s", diff)
			}
			if diff := cmp.Diff(r.diffIDs(want), r.diffIDs(got)); diff != "" {
				t.Errorf("the layers differ:\n%s", diff)
			}
			_, about := runPack(t, emptyDocker(t), "builder", "inspect", ours)
			_, wanted := runPack(t, emptyDocker(t), "builder", "inspect", theirs)
			if diff := cmp.Diff(saidOf(wanted, theirs), saidOf(about, ours)); diff != "" {
				t.Errorf("pack tells something else:\n%s", diff)
			}
		})
	}
}

// saidOf is what pack tells about a builder, without its name and its maker.
func saidOf(text, name string) string {
	text = strings.ReplaceAll(text, name, "NAME")
	before, rest, _ := strings.Cut(text, "Created By:")
	_, after, _ := strings.Cut(rest, "Version: ")
	_, after, _ = strings.Cut(after, "\n")
	return before + after
}

// builderSays is the config of a builder, but for its maker.
func builderSays(t *testing.T, image v1.Image) map[string]any {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]any{}
	for key, text := range config.Config.Labels {
		var value any = text
		if strings.HasPrefix(key, "io.buildpacks.buil") || strings.HasPrefix(key, "io.buildpacks.ext") {
			if err := json.Unmarshal([]byte(text), &value); err != nil {
				t.Errorf("%s: %v", key, err)
			}
			if all, ok := value.(map[string]any); ok && key == "io.buildpacks.builder.metadata" {
				delete(all, "createdBy")
			}
		}
		labels[key] = value
	}
	c := config.Config
	return map[string]any{
		"labels": labels, "env": c.Env, "user": c.User, "dir": c.WorkingDir, "entrypoint": c.Entrypoint, "cmd": c.Cmd,
		"platform": config.OS + "/" + config.Architecture, "created": config.Created.UTC().String(),
	}
}

// relabel pushes an image again under another name, with more labels.
func (r imageRegistry) relabel(from, to string, labels map[string]string) {
	r.t.Helper()
	image := r.image(from)
	config := r.config(image).Config.DeepCopy()
	for key, value := range labels {
		config.Labels[key] = value
	}
	image, err := mutate.Config(image, *config)
	if err == nil {
		err = remote.Write(r.tag(to), image, remote.WithContext(r.t.Context()))
	}
	if err != nil {
		r.t.Fatal(err)
	}
}
