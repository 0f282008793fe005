package formation_test

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/release/formation/logs"
	"github.com/slugc/slugc/release/formation/router"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/rootfs"
	"github.com/slugc/slugc/stack/sandbox"
)

// processTypes is the label of an image with processes web and write.
const processTypes = `{"processes":[
	{"type":"web","command":["web"],"args":[],"direct":true},
	{"type":"write","command":["write"],"args":[],"direct":true}]}`

// entry is what a layer has: a file, or a link where it leads somewhere.
type entry struct{ content, leads string }

// image is one of the test's program, and the directory that it is unpacked to.
func image(t *testing.T, config v1.Config, more map[string]entry) (v1.Image, string) {
	t.Helper()
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	if libraries, err := parsed.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Skip("the image has no libraries, and a program that is built with cgo needs some")
	}
	entries := map[string]entry{
		"cnb/process/web": {content: string(program)}, "cnb/process/write": {leads: "web"}, "cnb/lifecycle/launcher": {leads: "../process/web"},
		"workspace/layers/acme/tool": {content: "a tool"}, "workspace/file": {content: "a file"},
	}
	maps.Copy(entries, more)
	var layer bytes.Buffer
	archive := tar.NewWriter(&layer)
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		e := entries[name]
		header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: int64(len(e.content))}
		if e.leads != "" {
			header.Typeflag, header.Linkname = tar.TypeSymlink, e.leads
		}
		if err := archive.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	packed, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil }, tarball.WithCompressionLevel(0))
	if err != nil {
		t.Fatal(err)
	}
	made, err := mutate.AppendLayers(empty.Image, packed)
	if err != nil {
		t.Fatal(err)
	}
	file, err := made.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file.Config, file.OS = config, "linux"
	if file.Architecture == "" {
		file.Architecture = runtime.GOARCH
	}
	if made, err = mutate.ConfigFile(made, file); err != nil {
		t.Fatal(err)
	}
	root, err := rootfs.Store{Dir: t.TempDir()}.Unpack(t.Context(), made)
	if err != nil {
		t.Fatal(err)
	}
	return made, root
}

func builtImage(t *testing.T, more map[string]entry) (v1.Image, string) {
	return image(t, v1.Config{
		Env:        []string{"CNB_APP_DIR=/workspace", "CNB_LAYERS_DIR=/workspace/layers", "PATH=/cnb/process", "MESSAGE=from the image"},
		WorkingDir: "/workspace", Entrypoint: []string{"/cnb/process/web"},
		Labels: map[string]string{"io.buildpacks.build.metadata": processTypes},
	}, more)
}

func TestImage(t *testing.T) {
	made, err := formation.NewImage(builtImage(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	one := formation.OneOff{
		Runner: sandbox.Namespaces{}, Image: made, Type: "write", Args: []string{"--more", "a b"}, Name: "run.1234",
		Env: launch.Env{"MESSAGE": "from config"}, Stdout: &out, Stderr: &out,
	}
	// Each has a copy of its own.
	for range 2 {
		out.Reset()
		if err := one.Run(t.Context()); err != nil {
			t.Fatalf("%v: %s", err, &out)
		}
		if got, want := out.String(), "run.1234 in /workspace, at home in /workspace, with [\"--more\" \"a b\"], from config and a tool; left: []\n"; got != want {
			t.Errorf("it says %s, expected %s", got, want)
		}
	}
	one.Type, one.What = "clock", "shop"
	if err := one.Run(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "shop has no process type clock; it has web, write; to run it as a command: slugc run shop -- clock --more ") {
		t.Errorf("Run returned %v", err)
	}
}

func TestImageOfAFormation(t *testing.T) {
	made, err := formation.NewImage(builtImage(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	log := &journal{more: make(chan struct{})}
	stream := logs.NewStream(log)
	f := &formation.Formation{
		Runner: sandbox.Namespaces{}, Log: stream, Dir: t.TempDir(),
		Router: router.New(func(line string) { stream.Sayf(logs.Router, "%s", line) }),
	}
	defer func() {
		if err := f.Stop(); err != nil {
			t.Error(err)
		}
	}()
	door := httptest.NewServer(f.Router.Handler())
	defer door.Close()
	if err := f.Deploy(t.Context(), formation.Release{Name: "v1", Image: made}, nil); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, door.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := door.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "web.1 from the image" {
		content, _ := log.now()
		t.Errorf("answered %s, %v:\n%s", body, err, content)
	}
}

// An image that no buildpacks made has the command of its author.
func TestImageWithoutBuildpacks(t *testing.T) {
	made, err := formation.NewImage(image(t, v1.Config{Entrypoint: []string{"/cnb/process/never"}, Cmd: []string{"x"}, WorkingDir: "/"},
		map[string]entry{"cnb/process/write-x": {leads: "web"}}))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	one := formation.OneOff{Runner: sandbox.Namespaces{}, Image: made, Type: "web", Port: func() (string, error) { return "4321", nil }, Stdout: &out, Stderr: &out}
	var exit *sandbox.ExitError
	if err := one.Run(t.Context()); !errors.As(err, &exit) || !strings.Contains(exit.Reason, "/cnb/process/never: not found") {
		t.Errorf("Run returned %v", err)
	}
	one.Command = []string{"/cnb/process/write-x"}
	if err := one.Run(t.Context()); !errors.As(err, &exit) || !strings.Contains(out.String(), "no such file") {
		t.Errorf("Run returned %v, and it says %s", err, &out)
	}
}

func TestImageThatCannotRun(t *testing.T) {
	made, root := builtImage(t, nil)
	file, err := made.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file.Architecture = "s390x"
	other, err := mutate.ConfigFile(made, file)
	if err != nil {
		t.Fatal(err)
	}
	var artifact *release.ArtifactError
	if _, err := formation.NewImage(other, root); !errors.As(err, &artifact) || !strings.Contains(err.Error(), "the image is for linux/s390x, and this machine is") {
		t.Errorf("NewImage returned %v", err)
	}
	// What leads out of an image leads nowhere.
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, layout := range map[string]map[string]entry{
		"an app that is a link":      {"workspace": {leads: outside}},
		"a layers directory that is": {"workspace/layers": {leads: "../../.." + outside}},
	} {
		root := t.TempDir()
		for place, e := range layout {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(root, place)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(e.leads, filepath.Join(root, place)); err != nil {
				t.Fatal(err)
			}
		}
		wrong, err := formation.NewImage(made, root)
		if err != nil {
			t.Fatal(err)
		}
		one := formation.OneOff{Runner: sandbox.Namespaces{}, Image: wrong, Type: "write"}
		if err := one.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "making room for the app of the image") {
			t.Errorf("%s: Run returned %v", name, err)
		}
	}
}
