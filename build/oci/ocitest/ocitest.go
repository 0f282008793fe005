// Package ocitest makes apps, bases and images of them for tests of what is done with
// images. There is nothing in it for a product.
package ocitest

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/assemble"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
)

var amd64 = stack.Target{OS: "linux", Arch: "amd64"}

// Write writes files below a directory. A name that ends with "/" is a
// directory, content that begins with "-> " a link, with "#!" a program.
func Write(t testing.TB, root string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(root, name)
		dir, mode := filepath.Dir(path), os.FileMode(0o644)
		if strings.HasSuffix(name, "/") {
			dir = path
		}
		must(t, os.MkdirAll(dir, 0o755))
		if dir == path {
			continue
		}
		if target, link := strings.CutPrefix(content, "-> "); link {
			must(t, os.Symlink(target, path))
			continue
		}
		if strings.HasPrefix(content, "#!") {
			mode = 0o755
		}
		must(t, os.WriteFile(path, []byte(content), mode))
	}
}

// Program is the least that passes for a program of a machine.
func Program(machine uint16) []byte {
	header := make([]byte, 64)
	copy(header, "\x7fELF\x02\x01\x01")
	binary.LittleEndian.PutUint16(header[16:], 2)
	binary.LittleEndian.PutUint16(header[18:], machine)
	binary.LittleEndian.PutUint32(header[20:], 1)
	binary.LittleEndian.PutUint16(header[52:], 64)
	return header
}

// Machines of programs, as ELF numbers them.
const (
	MachineAMD64 = 62
	MachineARM64 = 183
	MachineARM   = 40
)

// Tree builds the app that the tests are about, in a directory.
func Tree(t testing.TB, dir string) artifact.Tree {
	t.Helper()
	Write(t, dir, map[string]string{
		"app/index.js": "console.log(1)\n",
		"app/bin/run":  "#!/bin/sh\necho \"run $GREETING $*\"\n",
		"app/public/":  "",
		"app/link":     "-> index.js",
		"app/.slugc/layers/acme_node/node/bin/tool":                 "#!/bin/sh\necho tool\n",
		"app/.slugc/layers/acme_node/node/env/X":                    "1",
		"app/.slugc/layers/acme_node/modules/a/b.js":                "b",
		"app/.slugc/layers/acme_node/cached/c":                      "not in an image",
		"app/.slugc/layers/acme_node/node.toml":                     "not in an image",
		"app/.slugc/layers/acme_more/z/env.launch/GREETING.default": "hello",
	})
	layers := buildpacks.Dir{Host: dir + "/app/.slugc/layers", Path: "/app/.slugc/layers"}
	layer := func(buildpack, name string, metadata map[string]any) buildpacks.Layer {
		below := "/" + launch.EscapeID(buildpack) + "/" + name
		return buildpacks.Layer{
			Buildpack: buildpack, Name: name, Launch: true, Build: name == "node", Cache: name == "modules", Metadata: metadata,
			Dir: buildpacks.Dir{Host: layers.Host + below, Path: layers.Path + below},
		}
	}
	return artifact.Tree{
		App:    buildpacks.Dir{Host: dir + "/app", Path: "/app"},
		Layers: layers,
		LaunchLayers: []buildpacks.Layer{
			layer("acme/node", "modules", nil),
			layer("acme/node", "node", map[string]any{"version": "24.1.0", "list": []any{int64(1), "<2>"}}),
			layer("acme/more", "z", nil),
		},
		Metadata: launch.Metadata{
			DefaultProcess: "web",
			Buildpacks: []launch.Buildpack{
				{ID: "acme/node", Version: "1.0.0", API: "0.10", Homepage: "https://example.com/node"},
				{ID: "acme/more", Version: "2.0.0", API: "0.10"},
			},
			Processes: []launch.Process{
				{Type: "web", Command: launch.Command{"bin/run", "always"}, Args: []string{"by default"}, Direct: true, BuildpackID: "acme/node"},
				{Type: "a.worker", Command: launch.Command{"tool"}, Direct: true, WorkingDirectory: "/tmp", BuildpackID: "acme/node"},
			},
		},
		Labels: []buildpacks.Label{{Key: "a", Value: "first"}, {Key: "b", Value: "2"}, {Key: "a", Value: "last"}},
		Buildpacks: []buildpacks.Descriptor{
			{ID: "acme/node", Version: "1.0.0", Dialect: buildpacks.CNB, API: "0.10"},
			{ID: "acme/more", Version: "2.0.0", Dialect: buildpacks.CNB, API: "0.10"},
		},
		Stores: map[string]map[string]any{"acme/node": {"seen": true}},
		Stack:  stack.Stack{ID: "host", Target: amd64},
	}
}

// Recipe is for an image of the tree on nothing.
func Recipe(t testing.TB, dir string) assemble.Recipe {
	t.Helper()
	base, err := oci.Scratch(amd64)
	must(t, err)
	return assemble.Recipe{
		Base: base, Tree: Tree(t, dir),
		Launcher: assemble.Launcher{Content: Program(MachineAMD64), Info: oci.LauncherInfo{Version: "1.2.3"}},
	}
}

// Make packs and assembles an image.
func Make(t testing.TB, r assemble.Recipe) oci.Image {
	t.Helper()
	jobs, err := r.Jobs()
	must(t, err)
	segments, err := pack.Packer{Temp: t.TempDir()}.Pack(t.Context(), jobs)
	must(t, err)
	image, err := r.Assemble(segments)
	must(t, err)
	return image
}

// MakeRaw packs and assembles an image of raw segments.
func MakeRaw(t testing.TB, r assemble.Recipe) oci.Image {
	t.Helper()
	jobs, err := r.Jobs()
	must(t, err)
	for i := range jobs {
		jobs[i].Shapes[0].Raw = true
	}
	segments, err := pack.Packer{Temp: t.TempDir()}.Pack(t.Context(), jobs)
	must(t, err)
	image, err := r.Assemble(segments)
	must(t, err)
	return image
}

// Base is a base of two layers, with things to inherit. Its variables come on
// top of a PATH.
func Base(t testing.TB, mediaType types.MediaType, environ ...string) oci.Base {
	t.Helper()
	image, err := random.Image(512, 2)
	must(t, err)
	config, err := image.ConfigFile()
	must(t, err)
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	config.Author = "somebody"
	config.Config = v1.Config{
		Env:    append([]string{"PATH=/opt/bin:/usr/bin", "LANG=C"}, environ...),
		Labels: map[string]string{"io.buildpacks.base.distro.name": "debian", "a": "base"},
		Cmd:    []string{"sh"}, User: "nobody", WorkingDir: "/", Hostname: "builder",
	}
	image, err = mutate.ConfigFile(image, config)
	must(t, err)
	image = mutate.MediaType(image, mediaType)
	if mediaType == types.OCIManifestSchema1 {
		image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	}
	digest, err := image.Digest()
	must(t, err)
	return oci.Base{Image: image, Name: "example.com/run", Reference: "example.com/run@" + digest.String(), Target: amd64}
}

// RunImage is a base with a name, changed.
func RunImage(t testing.TB, name string, change func(*v1.ConfigFile)) oci.Base {
	t.Helper()
	return Changed(t, Base(t, types.OCIManifestSchema1), name, change)
}

// Changed is a base with another name and config.
func Changed(t testing.TB, base oci.Base, name string, change func(*v1.ConfigFile)) oci.Base {
	t.Helper()
	config, err := base.Image.ConfigFile()
	must(t, err)
	config = config.DeepCopy()
	if change != nil {
		change(config)
	}
	base.Image, err = mutate.ConfigFile(base.Image, config)
	must(t, err)
	hash, err := base.Image.Digest()
	must(t, err)
	digest := hash.String()
	base.Name, base.Reference = name, digest
	if name != "" {
		base.Reference = strings.Split(name, ":")[0] + "@" + digest
	}
	base.Target = stack.Target{OS: config.OS, Arch: config.Architecture, Variant: config.Variant}
	return base
}

// On is the app of the tests on a base.
func On(t testing.TB, base oci.Base) oci.Image {
	t.Helper()
	r := Recipe(t, t.TempDir())
	r.Base = base
	return Make(t, r)
}

// Valid fails unless an image is what its digests say.
func Valid(t testing.TB, image v1.Image) {
	t.Helper()
	if err := validate.Image(image); err != nil {
		t.Errorf("the image is not valid: %v", err)
	}
}

// DigestOf is the digest of an image's manifest.
func DigestOf(t testing.TB, image v1.Image) string {
	t.Helper()
	digest, err := image.Digest()
	must(t, err)
	return digest.String()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
