package images_test

import (
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/images"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// imageOn is an image of layers, one of its own last.
func imageOn(t *testing.T, below ...v1.Layer) v1.Image {
	t.Helper()
	own, err := random.Layer(1000, types.OCILayer)
	must(t, err)
	image, err := mutate.AppendLayers(empty.Image, append(below, own)...)
	must(t, err)
	return image
}

func digestOf(t *testing.T, image v1.Image) string {
	t.Helper()
	digest, err := image.Digest()
	must(t, err)
	return digest.String()
}

func put(t *testing.T, s images.Store, image v1.Image) string {
	t.Helper()
	hold, err := s.Hold()
	must(t, err)
	must(t, errors.Join(s.Put(t.Context(), image), hold.Close()))
	return digestOf(t, image)
}

func use(digests ...string) func() (map[string]bool, error) {
	return func() (map[string]bool, error) {
		used := map[string]bool{}
		for _, d := range digests {
			used[d] = true
		}
		return used, nil
	}
}

// files are the names of what a store has of a kind.
func files(t *testing.T, s images.Store, pattern string) (names []string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(s.Dir, pattern))
	must(t, err)
	return all
}

func TestStore(t *testing.T) {
	s := images.Store{Dir: filepath.Join(t.TempDir(), "images")}
	base, err := random.Layer(1000, types.OCILayer)
	must(t, err)
	first, second := imageOn(t, base), imageOn(t, base)
	one, two := put(t, s, first), put(t, s, second)
	if put(t, s, first) != one || len(files(t, s, "*.json")) != 2 || len(files(t, s, "blobs/*")) != 5 {
		t.Errorf("it has %v and %v, expected two images that share a layer", files(t, s, "*.json"), files(t, s, "blobs/*"))
	}
	image, root, lease, err := s.Open(t.Context(), one)
	must(t, err)
	if entries, err := os.ReadDir(root); digestOf(t, image) != one || err != nil || len(entries) != 2 {
		t.Errorf("opened %s, with %v (%v)", digestOf(t, image), entries, err)
	}

	// What is open stays, as far as it is needed to run.
	gone, err := s.Prune(use(two))
	if err != nil || len(gone) != 1 || gone[0] != one || len(files(t, s, "blobs/*")) != 3 || len(files(t, s, "roots/*/root")) != 1 {
		t.Errorf("removed %v, %v; there are %v and %v", gone, err, files(t, s, "blobs/*"), files(t, s, "roots/*"))
	}
	if _, err := os.Stat(root); err != nil {
		t.Error(err)
	}
	must(t, lease.Close())
	if gone, err := s.Prune(use(two)); err != nil || len(gone) != 0 || len(files(t, s, "roots/*")) != 0 {
		t.Errorf("removed %v, %v; there are %v", gone, err, files(t, s, "roots/*"))
	}
	if _, _, _, err := s.Open(t.Context(), one); !isImage(err, "is not in "+s.Dir) {
		t.Errorf("Open returned %v", err)
	}

	// Nothing is removed while somebody releases.
	hold, err := s.Hold()
	must(t, err)
	if gone, err := s.Prune(use()); err != nil || len(gone) > 0 {
		t.Errorf("removed %v, %v", gone, err)
	}
	must(t, hold.Close())
	if _, err := s.Path(t.Context(), two); err != nil {
		t.Error(err)
	}
}

func isImage(err error, says string) bool {
	_, is := errors.AsType[*release.ImageError](err)
	return is && strings.Contains(err.Error(), says)
}

func TestDamage(t *testing.T) {
	for _, what := range []string{"*.json", "blobs/*"} {
		s := images.Store{Dir: t.TempDir()}
		image := imageOn(t)
		digest := put(t, s, image)
		for _, file := range files(t, s, what) {
			content, err := os.ReadFile(file)
			must(t, err)
			for _, damage := range []func() error{
				func() error { return os.WriteFile(file, append(content, ' '), 0o600) },
				func() error { return os.Remove(file) },
			} {
				must(t, damage())
				if _, err := s.Path(t.Context(), digest); !isImage(err, "") {
					t.Errorf("with a damaged %s Path returned %v", file, err)
				}
				if _, _, _, err := s.Open(t.Context(), digest); !isImage(err, "release it again") {
					t.Errorf("with a damaged %s Open returned %v", file, err)
				}
				// To release it again mends it.
				if put(t, s, image) != digest {
					t.Error("another digest")
				}
				if _, err := s.Path(t.Context(), digest); err != nil {
					t.Error(err)
				}
			}
		}
	}
	if _, err := (images.Store{Dir: t.TempDir()}).Path(t.Context(), "sha256:../../x"); !isImage(err, "no digest") {
		t.Errorf("Path returned %v", err)
	}
}

// TestRegistry keeps an image of a registry that is gone later.
func TestRegistry(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	ref, err := name.ParseReference(strings.TrimPrefix(server.URL, "http://") + "/shop:v1")
	must(t, err)
	must(t, remote.Write(ref, imageOn(t)))
	pulled, err := remote.Image(ref)
	must(t, err)
	s := images.Store{Dir: t.TempDir()}
	digest := put(t, s, pulled)
	server.Close()
	_, root, lease, err := s.Open(t.Context(), digest)
	must(t, err)
	defer lease.Close()
	if entries, err := os.ReadDir(root); err != nil || len(entries) != 1 {
		t.Errorf("it has %v, %v", entries, err)
	}
}
