//go:build acceptance

package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks/fetch/packtest"
)

// imageRegistry is a registry on loopback.
type imageRegistry struct {
	t    *testing.T
	host string
}

func newImageRegistry(t *testing.T) imageRegistry {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(logDiscard())))
	t.Cleanup(server.Close)
	return imageRegistry{t, server.Listener.Addr().String()}
}

func (r imageRegistry) tag(repository string) name.Tag {
	r.t.Helper()
	tag, err := name.NewTag(r.host + "/" + repository)
	if err != nil {
		r.t.Fatal(err)
	}
	return tag
}

// pushRunImage pushes a new run image, run:1, and returns its only layer's
// diffID.
func (r imageRegistry) pushRunImage() string {
	r.t.Helper()
	layer, err := random.Layer(1000, types.OCILayer)
	if err != nil {
		r.t.Fatal(err)
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.AppendLayers(image, layer)
	if err != nil {
		r.t.Fatal(err)
	}
	file := r.config(image).DeepCopy()
	file.OS, file.Architecture = "linux", "amd64"
	file.Config.User = "1000:1000"
	file.Config.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "CNB_USER_ID=1000", "CNB_GROUP_ID=1000"}
	file.Config.Labels = map[string]string{"io.buildpacks.base.distro.name": "debian", "io.buildpacks.base.distro.version": "13"}
	if image, err = mutate.ConfigFile(image, file); err != nil {
		r.t.Fatal(err)
	}
	if err := remote.Write(r.tag("run:1"), image, remote.WithContext(r.t.Context())); err != nil {
		r.t.Fatal(err)
	}
	return file.RootFS.DiffIDs[0].String()
}

// image pulls an image, which has to be in order.
func (r imageRegistry) image(repository string) v1.Image {
	r.t.Helper()
	image, err := remote.Image(r.tag(repository), remote.WithContext(r.t.Context()))
	if err == nil {
		err = validate.Image(image)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return image
}

func (r imageRegistry) config(image v1.Image) *v1.ConfigFile {
	r.t.Helper()
	file, err := image.ConfigFile()
	if err != nil {
		r.t.Fatal(err)
	}
	return file
}

// diffIDs are those of an image's layers.
func (r imageRegistry) diffIDs(image v1.Image) []string {
	r.t.Helper()
	var all []string
	for _, diffID := range r.config(image).RootFS.DiffIDs {
		all = append(all, diffID.String())
	}
	return all
}

// emptyDocker is a Docker daemon that has no image, and knows how to say no
// more than that: pack asks one beside the registry.
func emptyDocker(t *testing.T) string {
	t.Helper()
	// The path of a socket is short.
	dir, err := os.MkdirTemp("", "docker")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Api-Version", "1.52")
		answer := `{"Os": "linux", "Arch": "amd64", "Version": "29.0.0", "ApiVersion": "1.52"}`
		if !slices.Contains([]string{"_ping", "version", "info"}, path.Base(r.URL.Path)) {
			w.WriteHeader(http.StatusNotFound)
			answer = `{"message": "No such image"}`
		}
		if r.Method == http.MethodHead {
			return
		}
		if _, err := w.Write([]byte(answer)); err != nil {
			t.Error(err)
		}
	}))
	if err := server.Listener.Close(); err != nil {
		t.Fatal(err)
	}
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return "unix://" + filepath.Join(dir, "s")
}

// runPack runs pack in an empty directory, and returns that and what it prints on
// standard output. Without a Docker host there is none to be found.
func runPack(t *testing.T, docker string, args ...string) (dir, stdout string) {
	t.Helper()
	if docker == "" {
		docker = "unix://" + filepath.Join(t.TempDir(), "none")
	}
	return runPackWith(t, []string{"DOCKER_HOST=" + docker}, args...)
}

// runPackWith does so with these variables, of which one is DOCKER_HOST.
func runPackWith(t *testing.T, env []string, args ...string) (dir, stdout string) {
	t.Helper()
	home, dir := t.TempDir(), t.TempDir()
	c := exec.CommandContext(t.Context(), packtest.Pack(t), append(args, "--no-color")...)
	c.Dir = dir
	c.Env = append([]string{"HOME=" + home, "PACK_HOME=" + home, "PATH=/usr/bin:/bin"}, env...)
	var out, errOut bytes.Buffer
	c.Stdout, c.Stderr = &out, &errOut
	if err := c.Run(); err != nil {
		t.Fatalf("pack %v: %v\n%s%s", args, err, &out, &errOut)
	}
	return dir, out.String()
}

// TestPackReadsImages asks the real pack, and other tools, about an image that
// slugc pushed.
func TestPackReadsImages(t *testing.T) {
	t.Parallel()
	spec.Run(t, "An image of slugc", func(t *testing.T, _ spec.G, it spec.S) {
		var r imageRegistry
		var s *slugc
		var runLayer string
		it.Before(func() {
			r, s = newImageRegistry(t), newSlugc(t)
			runLayer = r.pushRunImage()
			s.write("app/hello.txt", "hello")
			s.must("build", "app", "-b", fixture(t, "hello"), "-b", fixture(t, "layers"),
				"-o", "docker://"+r.host+"/app:1", "-o", "oci:layout:1", "--run-image", "docker://"+r.host+"/run:1")
		})

		it("is inspected by pack", func() {
			_, out := runPack(t, emptyDocker(t), "inspect", r.host+"/app:1", "--output", "json")
			var got struct {
				Remote *inspected `json:"remote_info"`
				Local  any        `json:"local_info"`
			}
			if err := json.Unmarshal([]byte(out), &got); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			want := &inspected{
				Rebasable:  true,
				Run:        []named{{r.host + "/run:1"}},
				Buildpacks: []buildpackOf{{"test/hello", "1.0.0"}, {"test/layers", "1.0.0"}},
				Processes: []process{
					{Type: "web", Command: "greet", Default: true, WorkDir: "/app"},
					{Type: "env", Command: "env", WorkDir: "/app"},
				},
			}
			want.Base.TopLayer = runLayer
			want.Base.Reference = r.host + "/run@" + r.digest("run:1")
			if diff := cmp.Diff(want, got.Remote); diff != "" {
				t.Errorf("%s\n%s", diff, out)
			}
			if got.Local != nil {
				t.Errorf("local: %v", got.Local)
			}
		})

		it("gives pack its SBOMs", func() {
			dir, _ := runPack(t, "", "sbom", "download", "--remote", r.host+"/app:1")
			var files []string
			err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
				if err == nil && e.Type().IsRegular() {
					files = append(files, strings.TrimPrefix(path, dir))
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			// Each lies where it does in the image.
			want := []string{"bcl/sbom.cdx.json", "bl/sbom.cdx.json", "cl/sbom.cdx.json", "l/sbom.cdx.json", "sbom.spdx.json"}
			for i := range want {
				want[i] = "/app/.slugc/layers/sbom/launch/test_layers/" + want[i]
			}
			if diff := cmp.Diff(want, files); diff != "" {
				t.Error(diff)
			}
		})

		it("is rebased by pack, and then by slugc", func() {
			before := r.diffIDs(r.image("app:1"))
			next := r.pushRunImage()
			runPack(t, "", "rebase", r.host+"/app:1", "--publish", "--report-output-dir", t.TempDir())
			want := append([]string{next}, before[1:]...)
			if diff := cmp.Diff(want, r.diffIDs(r.image("app:1"))); diff != "" {
				t.Error(diff)
			}
			want[0] = r.pushRunImage()
			s.must("rebase", "docker://"+r.host+"/app:1")
			if diff := cmp.Diff(want, r.diffIDs(r.image("app:1"))); diff != "" {
				t.Error(diff)
			}
		})

		it("is read by skopeo and umoci", func() {
			tool := func(name string, args ...string) string {
				t.Helper()
				c := exec.CommandContext(t.Context(), name, args...)
				c.Dir = s.dir
				out, err := c.CombinedOutput()
				if err != nil {
					t.Fatalf("%s: %v\n%s", c, err, out)
				}
				return string(out)
			}
			for _, ref := range []string{"docker://" + r.host + "/app:1", "oci:layout:1"} {
				var got struct {
					Architecture, Os string
					Labels           map[string]string
					Layers           []string
				}
				out := tool("skopeo", "inspect", "--tls-verify=false", ref)
				if err := json.Unmarshal([]byte(out), &got); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				if got.Os != "linux" || got.Architecture != "amd64" || got.Labels["io.buildpacks.lifecycle.metadata"] == "" {
					t.Errorf("%s: got\n%s", ref, out)
				}
				if want := len(r.diffIDs(r.image("app:1"))); len(got.Layers) != want {
					t.Errorf("%s: got %d layers, want %d", ref, len(got.Layers), want)
				}
			}
			tool("skopeo", "copy", "--src-tls-verify=false", "docker://"+r.host+"/app:1", "oci:copy:1")
			for _, dir := range []string{"layout", "copy"} {
				if out := tool("umoci", "stat", "--image", dir+":1", "--json"); !strings.Contains(out, "Buildpacks Application Launcher") {
					t.Errorf("umoci stat %s: got\n%s", dir, out)
				}
			}
		})
	}, spec.Sequential())
}

// digest is that of an image.
func (r imageRegistry) digest(repository string) string {
	r.t.Helper()
	return digestOf(r.t, r.image(repository))
}

// write writes a file in the directory of the test.
func (s *slugc) write(file, content string) {
	s.t.Helper()
	path := filepath.Join(s.dir, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// fixture is the directory of a buildpack of testdata.
func fixture(t *testing.T, buildpack string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../../testdata/buildpacks", buildpack))
	if err != nil {
		t.Fatal(err)
	}
	return path
}
