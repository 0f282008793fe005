package slug_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/build/slug"
	"github.com/slugc/slugc/buildpacks"
)

// tree makes a finished build below top: an app with a big and a small
// directory, and two launch layers.
func tree(t testing.TB, top string) artifact.Tree {
	t.Helper()
	app := filepath.Join(top, "app")
	write(t, app, "Procfile", "web: bin/web\n", 0o644)
	write(t, app, "bin/web", "#!/bin/sh\nexec node server.js\n", 0o755)
	write(t, app, "src/index.js", "console.log(1)\n", 0o644)
	write(t, app, ".profile.d/app.sh", "export APP=1\n", 0o640)
	for _, name := range []string{"left", "left-pad", "left.pad"} {
		write(t, app, "node_modules/"+name+"/index.js", strings.Repeat("module.exports = "+name+"\n", 30_000), 0o644)
		write(t, app, "node_modules/"+name+"/package.json", "{}", 0o644)
	}
	link(t, app, "node_modules/.bin/left", "../left/index.js")
	layers := filepath.Join(app, ".slugc/layers")
	write(t, layers, "some_node/node/bin/node", strings.Repeat("node\x00", 60_000), 0o755)
	write(t, layers, "some_node/node/env/NODE_ENV.default", "production", 0o644)
	link(t, layers, "some_node/node/current", "/app/.slugc/layers/some_node/node/bin")
	write(t, layers, "some_npm/tools/x", "x", 0o600)
	write(t, layers, "some_npm/build-only/y", "y", 0o600)
	layer := func(bp, name string) buildpacks.Layer {
		dir := strings.ReplaceAll(bp, "/", "_") + "/" + name
		return buildpacks.Layer{Buildpack: bp, Name: name, Launch: true, Dir: buildpacks.Dir{Host: filepath.Join(layers, dir), Path: "/app/.slugc/layers/" + dir}}
	}
	return artifact.Tree{
		App:          buildpacks.Dir{Host: app, Path: "/app"},
		Layers:       buildpacks.Dir{Host: layers, Path: "/app/.slugc/layers"},
		LaunchLayers: []buildpacks.Layer{layer("some/node", "node"), layer("some/npm", "tools")},
	}
}

// extra is slugc's own files.
func extra() []pack.File {
	return []pack.File{
		{Path: ".profile.d/000_slugc.sh", Mode: 0o644, Content: []byte("export PATH=/app/.slugc/layers/some_node/node/bin:$PATH\n")},
		{Path: ".slugc/layers/config/metadata.toml", Mode: 0o644, Content: []byte("processes = []\n")},
	}
}

func write(t testing.TB, dir, name, content string, mode fs.FileMode) {
	t.Helper()
	path := filepath.Join(dir, name)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(content), mode))
}

func link(t testing.TB, dir, name, target string) {
	t.Helper()
	path := filepath.Join(dir, name)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.Symlink(target, path))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// maker makes slugs the way slugc build does, of nothing else.
type maker struct {
	Packer pack.Packer
	Writer slug.Writer
}

// Export packs a tree and writes the slug.
func (m maker) Export(ctx context.Context, dest string, tree artifact.Tree, extra []pack.File) (artifact.Artifact, error) {
	app, err := pack.Walk(ctx, tree.App.Host, pack.WalkOptions{Exclude: func(rel string, _ bool) bool { return rel == ".slugc/layers" }})
	if err != nil {
		return artifact.Artifact{}, err
	}
	jobs, err := slug.Jobs(tree, app, extra)
	if err != nil {
		return artifact.Artifact{}, err
	}
	packed, err := m.Packer.Pack(ctx, jobs)
	if err != nil {
		return artifact.Artifact{}, err
	}
	var segments []artifact.Segment
	for _, shapes := range packed {
		segments = append(segments, shapes...)
	}
	return m.Writer.Write(ctx, dest, tree, segments)
}

// exporter has a store in top.
func exporter(t testing.TB, top string) maker {
	t.Helper()
	temp := filepath.Join(top, "temp")
	must(t, os.MkdirAll(temp, 0o755))
	store := pack.DirStore{Dir: filepath.Join(top, "store")}
	return maker{Packer: pack.Packer{Store: store, Temp: temp}, Writer: slug.Writer{Memory: store}}
}

// header is what a slug says about one of its entries.
type header struct {
	Name, Link string
	Type       byte
	Mode       int64
}

// headers reads a slug the plain way.
func headers(t testing.TB, file string) []header {
	t.Helper()
	f, err := os.Open(file)
	must(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	must(t, err)
	var list []header
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		must(t, err)
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" || !h.ModTime.Equal(pack.Epoch()) {
			t.Errorf("%s is not normalised: %+v", h.Name, h)
		}
		list = append(list, header{h.Name, h.Linkname, h.Typeflag, h.Mode})
	}
}

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return b
}

// names lists a directory.
func names(t testing.TB, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	must(t, err)
	var out []string
	for _, e := range list {
		out = append(out, e.Name())
	}
	return out
}

// run runs a program and returns what it prints.
func run(t testing.TB, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(args[0]); err != nil {
		t.Skipf("%s is not installed", args[0])
	}
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		t.Fatalf("%q: %v: %s", args, err, complaint.String())
	}
	return out.String()
}

// listing is all that is below dir: modes, targets, contents.
func listing(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, filepath.Walk(dir, func(path string, info fs.FileInfo, err error) error {
		if err != nil || path == dir {
			return err
		}
		what := info.Mode().String()
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			what += " " + target
		case info.Mode().IsRegular():
			what += " " + sha(read(t, path))
		}
		all[strings.TrimPrefix(path, dir+"/")] = what
		return nil
	}))
	return all
}
