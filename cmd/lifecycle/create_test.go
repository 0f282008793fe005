package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// builder is a builder on disk, with a registry that has its run image.
type builder struct {
	t         *testing.T
	dir, host string
	// api is the Platform API.
	api string
}

func newBuilder(t *testing.T) builder {
	t.Helper()
	if _, err := user.Current(); err != nil {
		t.Skip("the creator wants a user that /etc/passwd knows")
	}
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	b := builder{t: t, dir: t.TempDir(), host: server.Listener.Addr().String(), api: "0.15"}
	// The parent of a test's directory is closed to others, such as the user that
	// builds.
	must(t, os.Chmod(filepath.Dir(b.dir), 0o755))
	// The reference lifecycle takes no image without layers to stand on.
	layer, err := random.Layer(100, types.DockerLayer)
	must(t, err)
	image, err := mutate.AppendLayers(empty.Image, layer)
	must(t, err)
	config, err := image.ConfigFile()
	must(t, err)
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	image, err = mutate.ConfigFile(image, config)
	if err == nil {
		err = remote.Write(b.tag("run"), image)
	}
	if err != nil {
		t.Fatal(err)
	}
	b.write("launcher", launcher())
	b.write("order.toml", "[[order]]\n[[order.group]]\nid = \"test/hello\"\nversion = \"1.0.0\"\n")
	b.write("app/hello.txt", "world")
	b.write("platform/env/PERSON", "somebody")
	if err := os.CopyFS(b.at("buildpacks/test_hello/1.0.0"), os.DirFS("../../testdata/buildpacks/hello")); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"cache", "layers"} {
		if err := os.Mkdir(b.at(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// launcher is as much of a program as it takes: what makes one for a machine is
// its header.
func launcher() string {
	header := make([]byte, 64)
	copy(header, "\x7fELF\x02\x01\x01")
	binary.LittleEndian.PutUint16(header[16:], 2)
	binary.LittleEndian.PutUint16(header[18:], 62)
	binary.LittleEndian.PutUint32(header[20:], 1)
	return string(header)
}

func (b builder) at(name string) string { return filepath.Join(b.dir, name) }

func (b builder) tag(image string) name.Tag {
	b.t.Helper()
	tag, err := name.NewTag(b.host + "/" + image)
	if err != nil {
		b.t.Fatal(err)
	}
	return tag
}

func (b builder) write(file, text string) {
	b.t.Helper()
	if err := os.MkdirAll(filepath.Dir(b.at(file)), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(b.at(file), []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// create runs the creator on layers that are new, as platforms do.
func (b builder) create(args ...string) (code int, out string) {
	b.t.Helper()
	if err := os.RemoveAll(b.at("layers")); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Mkdir(b.at("layers"), 0o755); err != nil {
		b.t.Fatal(err)
	}
	var said bytes.Buffer
	all := append(append([]string{"/cnb/lifecycle/creator"}, b.flags()...), append(args, b.host+"/app:1")...)
	code = run(b.t.Context(), all, []string{
		"CNB_PLATFORM_API=" + b.api, "CNB_NO_COLOR=true", "PATH=" + os.Getenv("PATH"),
		fmt.Sprintf("CNB_USER_ID=%d", os.Getuid()), fmt.Sprintf("CNB_GROUP_ID=%d", os.Getgid()),
	}, &said)
	return code, said.String()
}

// flags are those of a creator.
func (b builder) flags() []string {
	flags := []string{
		"-app", b.at("app"), "-layers", b.at("layers"), "-platform", b.at("platform"), "-buildpacks", b.at("buildpacks"),
		"-order", b.at("order.toml"), "-cache-dir", b.at("cache"), "-launcher", b.at("launcher"), "-run-image", b.host + "/run",
	}
	if b.api != "0.7" {
		flags = append(flags, "-launcher-sbom", b.dir)
	}
	if _, err := os.Stat(b.at("stack.toml")); err == nil {
		flags = append(flags, "-stack", b.at("stack.toml"))
	}
	return flags
}

func TestCreator(t *testing.T) {
	b := newBuilder(t)
	digest := func() string {
		t.Helper()
		found, err := remote.Head(b.tag("app:1"))
		if err != nil {
			t.Fatal(err)
		}
		return found.Digest.String()
	}
	said := func(out string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(out, part+"\n") {
				t.Errorf("no %q in\n%s", part, out)
			}
		}
	}
	code, out := b.create("-tag", b.host+"/app:2")
	if code != 0 {
		t.Fatalf("code %d\n%s", code, out)
	}
	said(out, "===> ANALYZING", "===> DETECTING", "test/hello 1.0.0", "===> RESTORING", "===> BUILDING", "       Build number 1", "===> EXPORTING",
		"Adding layer 'test/hello:greeter'", "Added 1/1 app layer(s)", "Adding cache layer 'test/hello:count'", "Setting default process type 'web'")
	first := digest()
	data, err := os.ReadFile(b.at("layers/report.toml"))
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("[image]\n  tags = [\"%s/app:1\", \"%s/app:2\"]\n  digest = %q\n", b.host, b.host, first)
	if !strings.HasPrefix(string(data), want) {
		t.Errorf("the report is\n%s\nexpected\n%s", data, want)
	}

	code, out = b.create()
	if code != 0 {
		t.Fatalf("code %d\n%s", code, out)
	}
	said(out, "       Reusing the greeter", "       Build number 2", `Restoring data for "test/hello:greeter" from cache`, "Reusing layer 'test/hello:greeter'",
		"Reused 1/1 app layer(s)", "Reusing cache layer 'test/hello:greeter'")
	if diff := cmp.Diff(first, digest()); diff != "" {
		t.Errorf("the second image is another: %s", diff)
	}

	if _, out = b.create("-skip-restore"); !strings.Contains(out, "Skipping buildpack layer analysis\n") || !strings.Contains(out, "Build number 1\n") {
		t.Errorf("without a cache it says\n%s", out)
	}
}

func TestCreatorFails(t *testing.T) {
	b := newBuilder(t)
	for _, c := range []struct {
		code int
		want string
		args []string
		// prepare changes the builder, for those that follow too.
		prepare func()
	}{
		{51, "ERROR: failed to build: exit status 1\n", nil, func() { b.write("app/fail", "out of luck\n") }},
		{62, "ERROR: failed to export: determining entrypoint: tried to set none to default but it doesn't exist\n", []string{"-process-type", "none"}, func() { must(t, os.Remove(b.at("app/fail"))) }},
		{3, "ERROR: failed to resolve inputs: writing to multiple registries is unsupported\n", []string{"-tag", "127.0.0.1:1/x"}, nil},
		{20, "ERROR: failed to detect: no buildpacks participating\n", nil, func() { must(t, os.Remove(b.at("app/hello.txt"))) }},
		{1, "ERROR: failed to initialize detector: reading order: failed to read order file: open /none: no such file or directory\n", []string{"-order", "/none"}, nil},
		{1, "ERROR: failed to initialize docker client: the Docker daemon at ", []string{"-daemon"}, func() {
			t.Setenv("DOCKER_HOST", "unix://"+b.at("no.sock"))
		}},
	} {
		if c.prepare != nil {
			c.prepare()
		}
		code, out := b.create(c.args...)
		if code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%q: code %d, expected %d and %s\n%s", c.args, code, c.code, c.want, out)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
