package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// rebase runs the rebaser.
func (b builder) rebase(args ...string) (code int, out string) {
	b.t.Helper()
	var said bytes.Buffer
	all := append([]string{"/cnb/lifecycle/rebaser", "-report", b.at("rebase.toml")}, args...)
	code = run(b.t.Context(), all, []string{
		"CNB_PLATFORM_API=0.15", "CNB_NO_COLOR=true", fmt.Sprintf("CNB_USER_ID=%d", os.Getuid()), fmt.Sprintf("CNB_GROUP_ID=%d", os.Getgid()),
	}, &said)
	return code, said.String()
}

// base puts a run image with a layer into the registry.
func (b builder) base(name, arch string) (top string) {
	b.t.Helper()
	image, err := random.Image(100, 1)
	must(b.t, err)
	config, err := image.ConfigFile()
	must(b.t, err)
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Config.Labels = "linux", arch, map[string]string{"io.buildpacks.base.maintainer": name}
	image, err = mutate.ConfigFile(mutate.MediaType(image, types.DockerManifestSchema2), config)
	must(b.t, err)
	must(b.t, remote.Write(b.tag(name), image))
	return config.RootFS.DiffIDs[0].String()
}

func TestRebaser(t *testing.T) {
	b := newBuilder(t)
	b.base("run", "amd64")
	b.write("run.toml", fmt.Sprintf("[[images]]\nimage = %q\nmirrors = [%q]\n", b.host+"/run", b.host+"/mirror"))
	if code, out := b.create("-run", b.at("run.toml")); code != 0 {
		t.Fatalf("code %d\n%s", code, out)
	}
	next := b.base("run", "amd64")
	code, out := b.rebase(b.host+"/app:1", b.host+"/app:2")
	if code != 0 || !strings.Contains(out, "Saving "+b.host+"/app:1...\n") || !strings.Contains(out, "      "+b.host+"/app:2\n") {
		t.Fatalf("code %d\n%s", code, out)
	}
	var config *v1.ConfigFile
	for _, name := range []string{"app:1", "app:2"} {
		image, err := remote.Image(b.tag(name))
		must(t, err)
		config, err = image.ConfigFile()
		must(t, err)
		if got := config.RootFS.DiffIDs[0].String(); got != next {
			t.Errorf("%s stands on %s, expected %s", name, got, next)
		}
	}
	if got := config.Config.Labels["io.buildpacks.base.maintainer"]; got != "run" {
		t.Errorf("the label is %q", got)
	}
	report, err := os.ReadFile(b.at("rebase.toml"))
	if err != nil || !strings.HasPrefix(string(report), "[image]\n  tags = [") {
		t.Errorf("the report is %s, %v", report, err)
	}

	b.base("other", "amd64")
	b.base("arm", "arm64")
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{72, "ERROR: failed to rebase: rebase app image: new base image '" + b.host + "/other' not found in existing run image metadata: {", []string{"-run-image", b.host + "/other"}},
		{72, "ERROR: failed to rebase: unable to satisfy target os/arch constraints; new run image: {\"os\":\"linux\",\"arch\":\"arm64\"}", []string{"-run-image", b.host + "/arm"}},
		{1, "ERROR: failed to access run image\n", []string{"-run-image", b.host + "/none"}},
		{72, "ERROR: failed to set app image: failed to access image to rebase: ", []string{"-previous-image", b.host + "/none"}},
		{0, "Warning: rebase app image: new base image", []string{"-force", "-run-image", b.host + "/other"}},
	} {
		code, out := b.rebase(append(c.args, b.host+"/app:1")...)
		if code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%q: code %d, expected %d and %s\n%s", c.args, code, c.code, c.want, out)
		}
	}
}

// TestRebaserStops ends a rebaser that has sent layers: the image is as it was, and
// nothing is reported.
func TestRebaserStops(t *testing.T) {
	b, hanging := hangingBuilder(t)
	b.base("run", "amd64")
	b.write("run.toml", fmt.Sprintf("[[images]]\nimage = %q\n", b.host+"/run"))
	if code, out := b.create("-run", b.at("run.toml")); code != 0 {
		t.Fatalf("code %d\n%s", code, out)
	}
	before := b.digest("app:1")
	b.base("run", "amd64")
	b.fresh("tmp")
	asked := hanging.hang(func(r *http.Request) bool {
		return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/app/manifests/")
	})
	c := b.command("0.15", "rebaser", "-report", b.at("rebase.toml"), b.host+"/app:1")
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	must(t, c.Start())
	await(t, asked)
	must(t, c.Process.Signal(syscall.SIGTERM))
	err := c.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 72 {
		t.Errorf("it ended with %v, expected 72\n%s", err, &said)
	}
	if _, err := os.Lstat(b.at("rebase.toml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a report: %v", err)
	}
	if after := b.digest("app:1"); after != before {
		t.Errorf("it is another image: %s, was %s", after, before)
	}
}
