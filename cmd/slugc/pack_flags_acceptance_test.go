//go:build acceptance

package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/lifecycle/cache"
	"github.com/slugc/slugc/stack/dockertest"
)

// testPackFlags has pack build with what its flags give a build.
func testPackFlags(t *testing.T, p platform, expected images, when spec.G, it spec.S) {
	it("has a builtin buildpack do what a file of the app says", func() {
		w := way{builder: ownBuilder}
		p.s.write("other/hello.txt", "world")
		p.s.write("other/Procfile", "web: cat /layers/test_note/note/text\n")
		p.build(w, "procfile/app", "--path", p.s.path("other"))
		p.runs(w, "procfile/app", "", noteSays)
	})

	for _, untrusted := range []bool{false, true} {
		name := "trusted"
		if untrusted {
			name = "untrusted"
		}
		local := way{builder: ownBuilder, untrusted: untrusted}
		published := way{builder: ownBuilder, untrusted: untrusted, published: true}
		// Where the target makes no difference to the lifecycle, each has its turn.
		w := local
		if untrusted {
			w = published
		}

		when("pack is given flags, "+name, func() {
			it("keeps the cache in an image", func() {
				image := "cached/" + name
				withCache := []string{"--cache-image", p.r.host + "/cache/" + name}
				contains(t, p.build(published, image, withCache...), "Adding cache layer 'test/hello:greeter'", "Build number 1")
				first := p.cacheImage("cache/" + name)
				contains(t, p.build(published, image, withCache...), "Reusing the greeter", "Build number 2", `Restoring data for "test/hello:count" from cache`,
					"Reusing cache layer 'test/hello:greeter'", "Adding cache layer 'test/hello:count'")
				second := p.cacheImage("cache/" + name)
				if first["test/hello:greeter"] == "" || first["test/hello:greeter"] != second["test/hello:greeter"] || first["test/hello:count"] == second["test/hello:count"] {
					t.Errorf("the cache has %v, then %v", first, second)
				}
				p.isApp(published, image)
			})

			it("passes on variables, a volume, and a buildpack of its own", func() {
				p.s.write("notes/text", "from a volume\n")
				p.s.write("variables", "WORD=from-a-file\n")
				p.s.buildpack("extra", `mkdir -p extra/bin; printf '#!/bin/sh\necho "extra $1"\n' >extra/bin/extra; chmod 755 extra/bin/extra
					printf '[types]\nlaunch = true\n' >extra.toml
					printf '[[processes]]\ntype = "extra"\ncommand = ["extra"]\nargs = ["word"]\n' >launch.toml`)
				image := "given/" + name
				args := []string{
					"--env", "PLACE=the command line", "--env-file", p.s.path("variables"), "--volume", p.s.path("notes") + ":/note:ro", "--post-buildpack", p.s.path("extra"),
				}
				if !untrusted {
					args = append(args, "--trust-extra-buildpacks")
				}
				contains(t, p.build(local, image, args...), "Adding layer 'test/extra:extra'")
				p.runs(local, image, "note", "word from-a-file, place the command line, auth none, user 1000\nfrom a volume\n")
				p.runs(local, image, "extra", "extra word\n")
				p.runs(local, image, "", helloSays, "HOME=/workspace", "PORT=80")
			})

			it("names the image as it is told, with its time and its process, and reports", func() {
				image, other := "told/"+name, "told/too-"+name
				if err := os.MkdirAll(p.s.path("report-"+name), 0o755); err != nil {
					t.Fatal(err)
				}
				p.build(w, image, "--tag", p.image(w, other), "--creation-time", "1641013200", "--default-process", "note", "--workspace", "/srv/app",
					"--report-output-dir", p.s.path("report-"+name))
				built := p.built(w, image)
				if as := p.built(w, other); as.id != built.id {
					t.Errorf("the other name is that of %s, want %s", as.id, built.id)
				}
				if got := built.Created.UTC().String(); got != "2022-01-01 05:00:00 +0000 UTC" || built.Config.WorkingDir != "/srv/app" {
					t.Errorf("created %s, in %s", got, built.Config.WorkingDir)
				}
				p.runs(w, other, "", noteSays)
				p.runs(w, image, "web", helloSays, "HOME=/srv/app", "PORT=80")
				var report struct {
					Image struct {
						Tags   []string
						Digest string
						ID     string `toml:"image-id"`
					}
				}
				if _, err := toml.DecodeFile(p.s.path("report-"+name+"/report.toml"), &report); err != nil {
					t.Fatal(err)
				}
				if want := []string{p.image(w, image), p.image(w, other)}; !cmp.Equal(want, report.Image.Tags) || report.Image.Digest+report.Image.ID != built.id {
					t.Errorf("the report is %+v, want %q, %s", report, want, built.id)
				}
			})

			it("takes layers that only an earlier image has from there", func() {
				for _, w := range []way{local, published} {
					before, image := "earlier/"+name, "later/"+name
					p.build(w, before)
					// Another image with another cache; what is below the layer changes.
					contains(t, p.build(w, image, "--previous-image", p.image(w, before), "--env", "REUSE=l", "--env", "ROUND=2"), "Build number 1", "Reusing layer 'test/layers:l'")
					// The same, with what the last build left.
					contains(t, p.build(w, image, "--env", "REUSE=l", "--env", "ROUND=3"), "Build number 2", "Reusing layer 'test/layers:l'")
					old, now := p.built(w, before).layersOf(t), p.built(w, image).layersOf(t)
					if old["test/layers:l"] != now["test/layers:l"] || old["test/layers:bl"] == now["test/layers:bl"] {
						t.Errorf("the layers were %v, and are %v", old, now)
					}
					p.isApp(w, image)
					if got, want := p.d.Run(dockertest.Container{Image: p.image(w, image), Entrypoint: []string{"cat", "/layers/test_layers/l/content", "/layers/test_layers/bl/content"}}), "l, 1\nbl, 3\n"; got != want {
						t.Errorf("the layers hold %q, want %q", got, want)
					}
				}
			})

			it("hands out SBOMs", func() {
				image := "boms/" + name
				out, downloaded := t.TempDir(), t.TempDir()
				p.build(w, image, "--sbom-output-dir", out)
				if diff := cmp.Diff(expected.sboms, filesIn(t, out)); diff != "" {
					t.Errorf("written (-reference +ours): %s", diff)
				}
				download := []string{"sbom", "download", p.image(w, image), "--output-dir", downloaded}
				if w.published {
					download = append(download, "--remote")
				}
				p.pack(download...)
				want := map[string]string{}
				for file, content := range expected.sboms {
					if strings.Contains(file, "sbom/launch/") {
						want["layers/"+file] = content
					}
				}
				if diff := cmp.Diff(want, filesIn(t, downloaded)); diff != "" {
					t.Errorf("downloaded (-reference +ours): %s", diff)
				}
			})
		})
	}
}

// cacheImage are the layers of a cache image, by name, all of which it has.
func (p platform) cacheImage(image string) map[string]string {
	p.t.Helper()
	file := p.r.config(p.r.image(image))
	var label cache.Metadata
	if err := json.Unmarshal([]byte(file.Config.Labels["io.buildpacks.lifecycle.cache.metadata"]), &label); err != nil {
		p.t.Fatal(err)
	}
	all := map[string]string{}
	for _, b := range label.Buildpacks {
		for name, layer := range b.Layers {
			all[b.ID+":"+name] = layer.SHA
			if !slices.ContainsFunc(file.RootFS.DiffIDs, func(d v1.Hash) bool { return d.String() == layer.SHA }) {
				p.t.Errorf("the cache names a layer %s, %s, which it does not have", name, layer.SHA)
			}
		}
	}
	return all
}
