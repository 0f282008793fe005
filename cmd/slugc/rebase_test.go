package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slugc/slugc/build/oci"
)

// TestRebaseInRegistry is an app that follows the tag of its base.
func TestRebaseInRegistry(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	tag := func(ref string) name.Tag {
		parsed, err := name.NewTag(host + "/" + ref)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	base := func() v1.Image {
		image, err := random.Image(64, 2)
		check(err)
		image, err = mutate.ConfigFile(image, withPlatform(t, image))
		check(err)
		return image
	}
	slugc := func(args ...string) (code int, stdout, stderr string) {
		var out, errOut bytes.Buffer
		code = run(t.Context(), args, strings.NewReader(""), &out, &errOut, nil)
		return code, out.String(), errOut.String()
	}

	old := base()
	check(remote.Write(tag("run:1"), old))
	layer, err := random.Layer(64, "application/vnd.docker.image.rootfs.diff.tar.gzip")
	check(err)
	app, err := mutate.AppendLayers(old, layer)
	check(err)
	config, err := app.ConfigFile()
	check(err)
	config = config.DeepCopy()
	var metadata oci.LifecycleMetadata
	metadata.RunImage = oci.RunImage{TopLayer: config.RootFS.DiffIDs[1].String(), Image: host + "/run:1"}
	label, err := json.Marshal(metadata)
	check(err)
	config.Config.Labels = map[string]string{oci.LifecycleLabel: string(label)}
	app, err = mutate.ConfigFile(app, config)
	check(err)
	check(remote.Write(tag("app:1"), app))

	next := base()
	check(remote.Write(tag("run:1"), next))
	code, stdout, stderr := slugc("rebase", "docker://"+host+"/app:1")
	if code != 0 || stderr != "" || !strings.Contains(stdout, "to docker://"+host+"/run:1\n") ||
		!strings.Contains(stdout, "       2 layers of the base replaced by 2, 1 layer of the app kept\n") {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	rebased, err := remote.Image(tag("app:1"))
	check(err)
	got, err := rebased.ConfigFile()
	check(err)
	want, err := next.ConfigFile()
	check(err)
	if fmt.Sprint(got.RootFS.DiffIDs[:2]) != fmt.Sprint(want.RootFS.DiffIDs) || got.RootFS.DiffIDs[2] != config.RootFS.DiffIDs[2] {
		t.Errorf("the layers are %v", got.RootFS.DiffIDs)
	}

	check(remote.Write(tag("run:2"), base()))
	code, stdout, stderr = slugc("rebase", "docker://"+host+"/app:1", "--run-image", "docker://"+host+"/run:2")
	if code != 2 || stdout != "" || !strings.Contains(stderr, "run image: the app names "+host+"/run:1, the new base is "+host+"/run:2; name "+host+"/run:1,") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}

	check(remote.WriteIndex(tag("app:all"), mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
		Add: app, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "s390x"}},
	})))
	code, _, stderr = slugc("rebase", "docker://"+host+"/app:all", "--platform", "linux/s390x")
	if code != 2 || !strings.Contains(stderr, "name another place for the image for linux/s390x with -o DEST, or keep the others with --index") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	code, _, stderr = slugc("rebase", "docker://"+host+"/app:all", "--platform", "linux/s390x", "-o", "docker://"+host+"/app:s390x")
	if code != 0 {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	code, _, stderr = slugc("rebase", "docker://"+host+"/app:all", "--platform", "linux/s390x", "--index")
	all, err := remote.Index(tag("app:all"))
	check(err)
	in, err := all.IndexManifest()
	check(err)
	only, err := remote.Image(tag("app:s390x"))
	check(err)
	if digest, err := only.Digest(); err != nil || code != 0 || len(in.Manifests) != 1 || in.Manifests[0].Digest != digest {
		t.Errorf("exit code %d, the index has %v, want %v\n%s", code, in.Manifests, digest, stderr)
	}
	code, stdout, stderr = slugc("rebase", "docker://"+host+"/none:1", "--json")
	if code != 2 || !strings.Contains(stdout, `"code":2`) || stderr != "" {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

// withPlatform is the config of an image for one machine.
func withPlatform(t *testing.T, image v1.Image) *v1.ConfigFile {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "s390x"
	return config
}
