package target_test

import (
	"encoding/base64"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/slugc/slugc/build/lifecycle/target"
	"github.com/slugc/slugc/build/oci"
)

func TestRegistry(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := server.Listener.Addr().String()
	r := target.Registry{Backoff: time.Millisecond}
	image, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if found, err := r.Find(t.Context(), host+"/app"); err != nil || found.There || found.Name != host+"/app" {
		t.Errorf("before: %+v, %v", found, err)
	}
	if err := r.Access(t.Context(), []string{"", host + "/app"}, []string{"", host + "/other"}); err != nil {
		t.Error(err)
	}
	saved, err := r.Export(t.Context(), oci.Image{Image: image}, []string{host + "/app", host + "/other:2", "127.0.0.1:1/closed"})
	if err != nil {
		t.Fatal(err)
	}
	if saved.Digest != digest.String() || saved.ManifestSize == 0 || len(saved.Names) != 3 || saved.Names[0].Err != nil || saved.Names[1].Err != nil || saved.Names[2].Err == nil {
		t.Errorf("got %+v", saved)
	}
	for _, name := range []string{host + "/app", host + "/other:2"} {
		found, err := r.Find(t.Context(), name)
		if err != nil || !found.There || !strings.HasSuffix(found.ID, "@"+digest.String()) || !r.Reach(t.Context(), name) {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
	if err := r.Access(t.Context(), nil, []string{"127.0.0.1:1/closed"}); err == nil || !strings.Contains(err.Error(), "failed to ensure registry read/write access to 127.0.0.1:1/closed") {
		t.Errorf("closed: %v", err)
	}
}

func TestKeychain(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	basic := base64.StdEncoding.EncodeToString([]byte("me:secret"))
	k, err := target.NewKeychain(`{"one.example": "basic `+basic+`", "https://two.example/v1/": "Bearer token", "odd.example": "Odd"}`, "three.example/app")
	if err != nil {
		t.Fatal(err)
	}
	for registry, want := range map[string]string{"one.example": "me secret ", "two.example": "  token", "three.example": "  "} {
		at, err := name.NewRegistry(registry)
		if err != nil {
			t.Fatal(err)
		}
		found, err := k.Resolve(at)
		if err != nil {
			t.Fatal(err)
		}
		config, err := found.Authorization()
		if err != nil {
			t.Fatal(err)
		}
		if got := config.Username + " " + config.Password + " " + config.RegistryToken; got != want {
			t.Errorf("%s: got %q", registry, got)
		}
	}
	one, err := name.NewRegistry("one.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"secret", `{"one.example": "Odd secret"}`, `{"one.example": "Basic secret!"}`} {
		k, err := target.NewKeychain(bad)
		if err == nil {
			_, err = k.Resolve(one)
		}
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}
