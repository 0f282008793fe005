//go:build acceptance

package assemble_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/assemble"
	"github.com/slugc/slugc/build/oci/ocitest"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/referencetest"
)

// scene is a finished build on disk, as the builder of a lifecycle leaves it,
// with a registry that has its base.
type scene struct {
	dir, host string
	lifecycle referencetest.Lifecycle
	tree      artifact.Tree
	base      oci.Base
	launcher  []byte
	uid       int
	// analyzed is what the reference is told of the images that it reads.
	analyzed map[string]any
}

// newScene makes a build of two buildpacks with everything in it that a tar can
// hold.
func newScene(t *testing.T) *scene {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	s := &scene{dir: realTemp(t), host: strings.TrimPrefix(server.URL, "http://"), lifecycle: referencetest.Build(t), uid: 1000}
	if os.Getuid() != 0 {
		// The exporter becomes the user that it is told; only root can be another.
		s.uid = os.Getuid()
	}
	var err error
	s.launcher, err = os.ReadFile(s.lifecycle.Launcher())
	must(t, err)
	must(t, os.WriteFile(s.dir+"/launcher", s.launcher, 0o755))
	must(t, remote.Write(tagOf(t, s.host+"/run:1"), ocitest.Base(t, types.DockerManifestSchema2,
		fmt.Sprintf("CNB_USER_ID=%d", s.uid), fmt.Sprintf("CNB_GROUP_ID=%d", s.uid)).Image))
	s.base, err = oci.Opener{Target: amd64}.Open(t.Context(), s.host+"/run:1")
	must(t, err)
	s.analyzed = map[string]any{"run-image": map[string]any{"reference": s.base.Reference, "image": s.base.Name}}

	s.tree = ocitest.Tree(t, t.TempDir())
	s.tree.App = buildpacks.Dir{Host: s.dir + "/workspace", Path: s.dir + "/workspace"}
	s.tree.Layers = buildpacks.Dir{Host: s.dir + "/layers", Path: s.dir + "/layers"}
	must(t, os.MkdirAll(s.tree.App.Host, 0o755))
	oddities(t, s.tree.App.Host)
	for i, layer := range s.tree.LaunchLayers {
		below := s.tree.Layers.Host + "/" + launch.EscapeID(layer.Buildpack) + "/" + layer.Name
		s.tree.LaunchLayers[i].Dir = buildpacks.Dir{Host: below, Path: below}
		must(t, os.MkdirAll(below+"/bin", 0o750))
		must(t, os.WriteFile(below+"/bin/tool", []byte(layer.Name), 0o755))
		s.describe(t, s.tree.LaunchLayers[i])
	}
	oddities(t, s.tree.LaunchLayers[0].Dir.Host)
	ocitest.Write(t, s.tree.Layers.Host, map[string]string{
		"acme_node/store.toml":                      "[metadata]\nseen = true\n",
		"sbom/launch/acme_node/node/sbom.cdx.json":  "{}",
		"sbom/launch/acme_node/node/sbom.syft.json": "{}",
		"sbom/build/acme_node/sbom.cdx.json":        "not in an image",
	})
	s.configure(t)
	s.give(t)
	return s
}

func tagOf(t *testing.T, ref string) name.Tag {
	t.Helper()
	tag, err := name.NewTag(ref)
	must(t, err)
	return tag
}

// realTemp is a temporary directory by the name that nothing links to, because
// the reference writes what lies above into layers.
func realTemp(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	// The exporter is another user, and package testing makes two directories.
	for _, made := range []string{dir, filepath.Dir(dir)} {
		must(t, os.Chmod(made, 0o755))
	}
	return dir
}

// describe writes <layer>.toml.
func (s *scene) describe(t *testing.T, layer buildpacks.Layer) {
	t.Helper()
	writeTOML(t, s.tree.Layers.Host+"/"+launch.EscapeID(layer.Buildpack)+"/"+layer.Name+".toml", map[string]any{
		"types":    map[string]bool{"launch": layer.Launch, "build": layer.Build, "cache": layer.Cache},
		"metadata": layer.Metadata,
	})
}

// configure writes what the builder and the platform tell the exporter.
func (s *scene) configure(t *testing.T) {
	t.Helper()
	metadata, err := os.OpenFile(s.createDir(t, "layers/config")+"/metadata.toml", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	must(t, err)
	must(t, launch.WriteMetadata(metadata, s.tree.Metadata))
	for _, globs := range s.tree.Slices {
		must(t, toml.NewEncoder(metadata).Encode(map[string]any{"slices": []any{map[string]any{"paths": globs}}}))
	}
	for _, label := range s.tree.Labels {
		must(t, toml.NewEncoder(metadata).Encode(map[string]any{"labels": []any{label}}))
	}
	must(t, metadata.Close())
	var group []map[string]any
	for _, b := range s.tree.Metadata.Buildpacks {
		group = append(group, map[string]any{"id": b.ID, "version": b.Version, "api": b.API, "homepage": b.Homepage})
	}
	writeTOML(t, s.dir+"/group.toml", map[string]any{"group": group})
	writeTOML(t, s.dir+"/run.toml", map[string]any{"images": []any{map[string]any{"image": s.base.Name}}})
	writeTOML(t, s.dir+"/analyzed.toml", s.analyzed)
	writeTOML(t, s.dir+"/project-metadata.toml", map[string]any{"source": map[string]any{"type": "git", "version": map[string]any{"commit": "abc"}}})
}

func (s *scene) createDir(t *testing.T, name string) string {
	t.Helper()
	dir := s.dir + "/" + name
	must(t, os.MkdirAll(dir, 0o755))
	return dir
}

// give gives the scene to the user of the exporter.
func (s *scene) give(t *testing.T) {
	t.Helper()
	must(t, filepath.WalkDir(s.dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || os.Getuid() != 0 {
			return err
		}
		// Who changes the owner takes set-user-id bits away.
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		if err := os.Lchown(path, s.uid, s.uid); err != nil || info.Mode()&fs.ModeSymlink != 0 {
			return err
		}
		return os.Chmod(path, info.Mode())
	}))
}

func writeTOML(t *testing.T, file string, doc any) {
	t.Helper()
	var text bytes.Buffer
	must(t, toml.NewEncoder(&text).Encode(doc))
	must(t, os.WriteFile(file, text.Bytes(), 0o644))
}

// oddities fills a directory with what a tar has to tell apart.
func oddities(t *testing.T, dir string) {
	t.Helper()
	long := strings.Repeat("long-name-", 12)
	ocitest.Write(t, dir, map[string]string{
		"plain": "text", "empty": "", "run": "#!/bin/sh\n",
		"dir/deeper/file": "x", "dir-2/file": "sorts before dir/", "dir.d/file": "and so does this", "void/": "",
		"ünïcödé/日本語.txt": "unicode", "with space/and\nnewline": "odd", "not utf-8 \xff": "bytes",
		long: "name of 120", long + "/../" + long[:60] + "/" + long[:90] + "/" + long: "a path beyond ustar",
		strings.Repeat("n", 255): "the longest name",
		"link":                   "-> plain", "dangling": "-> nowhere/at all", "absolute": "-> /etc/passwd", "to-dir": "-> dir",
		"far": "-> " + strings.Repeat("../far/", 40) + "away",
	})
	must(t, os.Link(dir+"/plain", dir+"/hard"))
	must(t, os.Link(dir+"/plain", dir+"/dir/hard"))
	for name, mode := range map[string]fs.FileMode{
		"secret": 0o600, "read-only": 0o444, "setuid": 0o755 | fs.ModeSetuid, "setgid": 0o755 | fs.ModeSetgid, "open": 0o777,
	} {
		must(t, os.WriteFile(dir+"/"+name, []byte(name), 0o600))
		must(t, os.Chmod(dir+"/"+name, mode))
	}
	must(t, os.Chmod(dir+"/void", 0o777|fs.ModeSticky))
	must(t, os.Chmod(dir+"/dir", 0o700|fs.ModeSetgid))
	sparse, err := os.Create(dir + "/sparse")
	must(t, err)
	must(t, sparse.Truncate(3<<20+17))
	must(t, sparse.Close())
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{511, 512, 513, 16<<10 - 1, 16 << 10, 1 << 20, 1<<20 + 1} {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		must(t, os.WriteFile(fmt.Sprintf("%s/size-%d", dir, size), data, 0o644))
	}
	// A socket has too short a name for some temporary directories.
	t.Chdir(dir)
	socket, err := net.Listen("unix", "dir-2/socket")
	must(t, err)
	t.Cleanup(func() { _ = socket.Close() })
}

// reference has the reference export the scene.
func (s *scene) reference(t *testing.T, tag string) v1.Image {
	t.Helper()
	s.run(t, "exporter", "-app", s.tree.App.Path, "-layers", s.tree.Layers.Path, "-group", s.dir+"/group.toml",
		"-analyzed", s.dir+"/analyzed.toml", "-run", s.dir+"/run.toml", "-report", s.dir+"/report.toml",
		"-project-metadata", s.dir+"/project-metadata.toml", "-launcher", s.dir+"/launcher",
		fmt.Sprint("-uid=", s.uid), fmt.Sprint("-gid=", s.uid), s.host+"/"+tag)
	image, err := remote.Image(tagOf(t, s.host+"/"+tag))
	must(t, err)
	return image
}

// analyze has the reference read the image that the next export follows.
func (s *scene) analyze(t *testing.T, previous string) {
	t.Helper()
	s.run(t, "analyzer", "-layers", s.tree.Layers.Path, "-analyzed", s.dir+"/analyzed.toml", "-run", s.dir+"/run.toml",
		"-run-image", s.base.Name, "-previous-image", s.host+"/"+previous, "-skip-layers",
		fmt.Sprint("-uid=", s.uid), fmt.Sprint("-gid=", s.uid), s.host+"/next:1")
	// With -skip-layers it leaves the metadata out.
	image, err := remote.Image(tagOf(t, s.host+"/"+previous))
	must(t, err)
	var metadata map[string]any
	must(t, json.Unmarshal([]byte(configOf(t, image).Config.Labels[oci.LifecycleLabel]), &metadata))
	_, err = toml.DecodeFile(s.dir+"/analyzed.toml", &s.analyzed)
	must(t, err)
	s.analyzed["metadata"] = withoutNil(metadata)
	writeTOML(t, s.dir+"/analyzed.toml", s.analyzed)
	s.give(t)
}

// withoutNil is a value without what TOML has no word for.
func withoutNil(value map[string]any) map[string]any {
	for key, of := range value {
		switch of := of.(type) {
		case nil:
			delete(value, key)
		case map[string]any:
			withoutNil(of)
		case []any:
			for _, one := range of {
				if m, ok := one.(map[string]any); ok {
					withoutNil(m)
				}
			}
		}
	}
	return value
}

func (s *scene) run(t *testing.T, phase string, args ...string) {
	t.Helper()
	c := s.lifecycle.Phase(t, phase, args...)
	c.Env = []string{"CNB_PLATFORM_API=0.15", "HOME=" + s.dir, "PATH=/usr/bin:/bin", "CNB_EXEC_ENV=production"}
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", phase, err, out)
	}
}

// ours is the image that slugc makes of the scene.
func (s *scene) ours(t *testing.T, previous v1.Image) oci.Image {
	t.Helper()
	index, err := pack.Walk(t.Context(), s.tree.App.Host, pack.WalkOptions{})
	must(t, err)
	return ocitest.Make(t, assemble.Recipe{
		Base: s.base, Tree: s.tree, AppIndex: index.ByPath(), Previous: previous, ExecEnv: "production",
		Launcher: assemble.Launcher{Content: s.launcher}, PlatformAPI: "0.15",
		Project: oci.ProjectMetadata{Source: &oci.ProjectSource{Type: "git", Version: map[string]any{"commit": "abc"}}},
		Parent: func(path string) (pack.Parent, error) {
			info, err := os.Stat(path)
			if err != nil {
				return pack.Parent{}, err
			}
			owner := info.Sys().(*syscall.Stat_t)
			return pack.Parent{Name: path, Mode: info.Mode(), UID: int(owner.Uid), GID: int(owner.Gid)}, nil
		},
	})
}

// told is what an image says, for a comparison.
type told struct {
	History    []v1.History
	DiffIDs    []v1.Hash
	Env        []string
	Entrypoint []string
	Cmd        []string
	WorkingDir string
	User       string
	Created    v1.Time
	Labels     map[string]any
}

func tell(t *testing.T, image v1.Image) told {
	t.Helper()
	config := configOf(t, image)
	said := told{
		History: config.History, DiffIDs: config.RootFS.DiffIDs, Env: config.Config.Env, Entrypoint: config.Config.Entrypoint, Cmd: config.Config.Cmd,
		WorkingDir: config.Config.WorkingDir, User: config.Config.User, Created: config.Created, Labels: map[string]any{},
	}
	for name, text := range config.Config.Labels {
		said.Labels[name] = text
		if strings.HasPrefix(text, "{") {
			said.Labels[name] = parsed(t, text)
		}
	}
	return said
}

// documented removes the differences that package oci documents.
func documented(said told) told {
	// The specification has the execution environment in this label, too.
	if label, ok := said.Labels[oci.LifecycleLabel].(map[string]any); ok {
		delete(label, "exec-env")
	}
	if label, ok := said.Labels[oci.BuildLabel].(map[string]any); ok {
		// Each names its own launcher, and the reference says null of no
		// arguments.
		delete(label, "launcher")
		if processes, ok := label["processes"].([]any); ok {
			for _, process := range processes {
				if p, ok := process.(map[string]any); ok && p["args"] == nil {
					delete(p, "args")
				}
			}
		}
	}
	// The reference changes the times of the base, which has two layers.
	for i := range said.History[:2] {
		said.History[i].Created = v1.Time{}
	}
	return said
}

// TestReference exports the same builds with the exporter of the reference
// lifecycle and compares the images.
func TestReference(t *testing.T) {
	t.Run("all layers", func(t *testing.T) {
		s := newScene(t)
		s.tree.Labels = nil
		s.configure(t)
		s.give(t)
		want, got := documented(tell(t, s.reference(t, "app:1"))), documented(tell(t, s.ours(t, nil)))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the reference (-) and slugc (+) differ: %s", diff)
		}
	})

	for _, slices := range [][][]string{
		{{"dir"}, {"dir/deeper", "size-*"}, {"*-2/*", "./link"}},
		{{"*/*"}, {"dir", "nope"}, {}, {"*"}},
		{{"dir/deeper/*"}, {"dir/*"}, {"dir"}, {"void", "plain"}},
	} {
		t.Run("slices", func(t *testing.T) { expectSameSlices(t, slices) })
	}

	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	for range 6 {
		slices := randomSlices(r)
		t.Run("random slices", func(t *testing.T) {
			t.Logf("seed %d", seed)
			expectSameSlices(t, slices)
		})
	}

	t.Run("the reference's image as the previous one", func(t *testing.T) {
		s := newScene(t)
		s.tree.Labels = nil
		s.configure(t)
		s.give(t)
		previous := s.reference(t, "app:1")
		must(t, os.RemoveAll(s.tree.LaunchLayers[2].Dir.Host))
		s.tree.LaunchLayers[2].Dir = buildpacks.Dir{}
		must(t, os.WriteFile(s.tree.App.Host+"/plain-2", []byte("new"), 0o644))
		s.give(t)
		image := s.ours(t, previous)
		ocitest.Valid(t, image)
		expectReuse(t, previous, image)
	})

	t.Run("our image as the reference's previous one", func(t *testing.T) {
		s := newScene(t)
		s.tree.Labels = nil
		s.configure(t)
		s.give(t)
		previous := s.ours(t, nil)
		_, err := oci.Registry{Tag: tagOf(t, s.host+"/app:1")}.Export(t.Context(), previous)
		must(t, err)
		must(t, os.RemoveAll(s.tree.LaunchLayers[2].Dir.Host))
		must(t, os.WriteFile(s.tree.App.Host+"/plain-2", []byte("new"), 0o644))
		s.give(t)
		s.analyze(t, "app:1")
		expectReuse(t, previous, s.reference(t, "next:1"))
	})
}

// expectReuse fails unless all layers of an image but that of the app are those
// of the previous image, with their digests.
func expectReuse(t *testing.T, previous, image v1.Image) {
	t.Helper()
	described, err := oci.Inspect(image)
	must(t, err)
	old, got := digests(t, previous), digests(t, image)
	if len(old) != len(got) {
		t.Fatalf("there are %d layers, were %d", len(got), len(old))
	}
	for i, layer := range described.Layers {
		if changed := layer.Name == oci.AppPart; (old[i] != got[i]) != changed {
			t.Errorf("the layer %s is %s, was %s", layer.Name, got[i], old[i])
		}
	}
}

// randomSlices are slices with globs that match much or little of oddities.
func randomSlices(r *rand.Rand) [][]string {
	globs := []string{
		"*", "*/*", "*/*/*", "dir", "dir/", "dir*", "dir/*", "dir/deeper", "dir/deeper/*", "d*/f*", "[a-m]*", "[^l]*", "?*-*",
		"void", "void/*", "sparse", "size-1*", "ünïcödé", "*/*.txt", "with space", "*\n*", "long*/*", "nope", "/plain", "../*", ".",
	}
	slices := make([][]string, 1+r.IntN(5))
	for i := range slices {
		for range r.IntN(4) {
			slices[i] = append(slices[i], globs[r.IntN(len(globs))])
		}
	}
	return slices
}

// expectSameSlices compares the image of an app with slices with that of the
// reference.
func expectSameSlices(t *testing.T, slices [][]string) {
	t.Helper()
	s := newScene(t)
	s.tree.Slices = slices
	// A socket is in no layer, but the reference has directories with one in the
	// last slice for it.
	must(t, os.Remove(s.tree.App.Host+"/dir-2/socket"))
	s.configure(t)
	s.give(t)
	want, got := documented(tell(t, s.reference(t, "app:1"))), documented(tell(t, s.ours(t, nil)))
	for _, said := range []told{want, got} {
		// The builder tells the exporter of slices and labels in the file that
		// becomes this layer.
		delete(said.Labels[oci.LifecycleLabel].(map[string]any), "config")
		said.DiffIDs[len(said.DiffIDs)-2] = v1.Hash{}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%q: the reference (-) and slugc (+) differ: %s", slices, diff)
	}
}
