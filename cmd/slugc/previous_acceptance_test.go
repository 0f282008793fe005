//go:build acceptance

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/stack/referencetest"
)

// reference is the creator of the reference lifecycle, on this machine, with
// the directories at the paths that slugc has them at: then both tell
// buildpacks the same, and a layer is the same bytes.
type reference struct {
	t         *testing.T
	lifecycle referencetest.Lifecycle
	// dir has what is found below /app, and the buildpacks and the cache.
	dir string
}

func newReference(t *testing.T, buildpacks ...string) reference {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("the reference needs root")
	}
	r := reference{t, referencetest.Build(t), t.TempDir()}
	open(t, r.dir)
	order := "[[order]]\n"
	for _, id := range buildpacks {
		dir := filepath.Join(r.dir, "buildpacks", "test_"+id, "1.0.0")
		if err := os.CopyFS(dir, os.DirFS(fixture(t, id))); err != nil {
			t.Fatal(err)
		}
		order += fmt.Sprintf("[[order.group]]\nid = \"test/%s\"\nversion = \"1.0.0\"\n", id)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "order.toml"), []byte(order), 0o644); err != nil {
		t.Fatal(err)
	}
	return r
}

// root makes a root file system of the machine's own, with an /app.
const root = `set -e
root=$1; shift
mkdir -p "$root"
mount -t tmpfs tmpfs "$root"
for top in /*; do
  case $top in /app | /proc | /tmp) continue ;; esac
  if [ -L "$top" ]; then cp -a "$top" "$root$top"
  elif [ -d "$top" ]; then mkdir "$root$top"; mount --rbind "$top" "$root$top"
  fi
done
mkdir "$root/proc" "$root/tmp" "$root/app" "$root/made"
chmod 1777 "$root/tmp"
mount --bind "$MADE" "$root/made"
mount -t proc proc "$root/proc"
cp -a "$SOURCE/." "$root/app"
mkdir -p "$root/app/.slugc/layers" "$root/made/cache"
cp "$LIFECYCLE"/* "$root/tmp/"
chown -R 1000:1000 "$root/app" "$root/made/cache"
exec chroot "$root" bash -c 'cd /app; exec -a creator /tmp/lifecycle "$@"' creator "$@"
`

// create builds an app and pushes it, and returns what the creator said.
func (r reference) create(source, runImage, image string, environ ...string) string {
	r.t.Helper()
	platform := filepath.Join(r.dir, "platform/env")
	if err := os.RemoveAll(platform); err != nil {
		r.t.Fatal(err)
	}
	if err := os.MkdirAll(platform, 0o755); err != nil {
		r.t.Fatal(err)
	}
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		if err := os.WriteFile(filepath.Join(platform, name), []byte(value), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
	host, _, _ := strings.Cut(image, "/")
	c := exec.CommandContext(r.t.Context(), "unshare", "--mount", "--propagation", "private", "bash", "-c", root, "bash", filepath.Join(r.dir, "root"),
		"-app", "/app", "-layers", "/app/.slugc/layers", "-platform", "/made/platform", "-cache-dir", "/made/cache",
		"-buildpacks", "/made/buildpacks", "-order", "/made/order.toml", "-launcher", "/tmp/launcher", "-launcher-sbom", "/tmp",
		"-report", "/tmp/report.toml", "-uid", "1000", "-gid", "1000", "-no-color",
		"-run-image", runImage, "-insecure-registry", host, image)
	c.Env = []string{
		"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME=/tmp", "TMPDIR=/tmp", "CNB_PLATFORM_API=0.15",
		"MADE=" + r.dir, "SOURCE=" + source, "LIFECYCLE=" + r.lifecycle.Dir,
	}
	out, err := c.CombinedOutput()
	if err != nil {
		r.t.Fatalf("creator: %v\n%s", err, out)
	}
	return string(out)
}

// TestPreviousImages changes the builder of an app, from the reference to slugc
// and back: what is in the registry already is not pushed again.
func TestPreviousImages(t *testing.T) {
	t.Parallel()
	spec.Run(t, "An app", func(t *testing.T, _ spec.G, it spec.S) {
		var registry imageRegistry
		var s *slugc
		var theirs reference
		var app, run string
		it.Before(func() {
			registry, s, theirs = newImageRegistry(t), newSlugc(t), newReference(t, "hello", "layers")
			registry.pushRunImage()
			app, run = registry.host+"/app:1", registry.host+"/run:1"
			s.write("app/hello.txt", "hello")
		})
		build := func(more ...string) string {
			return s.must(append([]string{"build", "app", "-b", fixture(t, "hello"), "-b", fixture(t, "layers"), "-o", "docker://" + app, "--run-image", "docker://" + run}, more...)...)
		}
		source := func() string { return filepath.Join(s.dir, "app") }

		it("that the reference built keeps its layers when slugc builds it", func() {
			theirs.create(source(), run, app)
			before := registry.buildpackLayers()
			build()
			if diff := cmp.Diff(before, registry.buildpackLayers()); diff != "" {
				t.Error(diff)
			}
		})

		it("that slugc built keeps its layers when the reference builds it", func() {
			build()
			before := registry.buildpackLayers()
			out := theirs.create(source(), run, app)
			if diff := cmp.Diff(before, registry.buildpackLayers()); diff != "" {
				t.Errorf("%s\n%s", diff, out)
			}
			for layer := range before {
				if !strings.Contains(out, "Reusing layer '"+layer+"'") {
					t.Errorf("%s is not reused\n%s", layer, out)
				}
			}
		})

		it("gives buildpacks what the other noted about layers that are in the image alone", func() {
			theirs.create(source(), run, app)
			before := registry.buildpackLayers()
			build("-e", "REUSE=l")
			if diff := cmp.Diff(before["test/layers:l"], registry.buildpackLayers()["test/layers:l"]); diff != "" {
				t.Error(diff)
			}
			theirs.create(source(), run, app, "REUSE=l")
			if diff := cmp.Diff(before["test/layers:l"], registry.buildpackLayers()["test/layers:l"]); diff != "" {
				t.Error(diff)
			}
		})
	}, spec.Sequential())
}

// buildpackLayers are the digests of the layers of app:1 that buildpacks made,
// by id. One that tells what it found when it was built is left out.
func (r imageRegistry) buildpackLayers() map[string]string {
	r.t.Helper()
	image := r.image("app:1")
	var metadata oci.LifecycleMetadata
	if err := json.Unmarshal([]byte(r.config(image).Config.Labels[oci.LifecycleLabel]), &metadata); err != nil {
		r.t.Fatal(err)
	}
	manifest, err := image.Manifest()
	if err != nil {
		r.t.Fatal(err)
	}
	diffIDs, layers := r.diffIDs(image), map[string]string{}
	for _, b := range metadata.Buildpacks {
		for _, name := range slices.Sorted(maps.Keys(b.Layers)) {
			i := slices.Index(diffIDs, b.Layers[name].SHA)
			if i < 0 {
				r.t.Fatalf("there is no layer %s of %s", name, b.ID)
			}
			if name != "seen" {
				layers[b.ID+":"+name] = manifest.Layers[i].Digest.String()
			}
		}
	}
	if len(layers) < 5 {
		r.t.Fatalf("there are only layers %v", layers)
	}
	return layers
}
