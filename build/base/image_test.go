package base_test

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/base"
	"github.com/slugc/slugc/stack"
)

func TestImage(t *testing.T) { spec.Run(t, "Image", testImage) }

func testImage(t *testing.T, _ spec.G, it spec.S) {
	var s base.Store
	it.Before(func() { s = aStore(t, &maker{version: "1.0"}) })

	digest := func(image v1.Image) string {
		t.Helper()
		d, err := image.Digest()
		must(t, err)
		return d.String()
	}

	it("has the files with their owners and modes, in one layer", func() {
		image, err := s.Image(t.Context(), create(t, s))
		must(t, err)
		must(t, validate.Image(image.Image))
		layers, err := image.Image.Layers()
		must(t, err)
		if len(layers) != 1 {
			t.Fatalf("there are %d layers", len(layers))
		}
		r, err := layers[0].Uncompressed()
		must(t, err)
		defer func() { must(t, r.Close()) }()
		var got []string
		for files := tar.NewReader(r); ; {
			h, err := files.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			must(t, err)
			got = append(got, fmt.Sprintf("%s %o %d:%d", h.Name, h.Mode, h.Uid, h.Gid))
		}
		for _, want := range []string{"etc/ 755 0:0", "home/slugc/ 755 1000:1000", "usr/bin/expiry 2755 0:42", "usr/bin/run 755 0:0"} {
			if !slices.Contains(got, want) {
				t.Errorf("there is no %q in %q", want, got)
			}
		}
	})

	it("says who it is for and what it is", func() {
		made := create(t, s)
		image, err := s.Image(t.Context(), made)
		must(t, err)
		config, err := image.Image.ConfigFile()
		must(t, err)
		want := v1.Config{
			User: "1000:1000", WorkingDir: "/",
			Env: []string{"PATH=" + stack.DefaultPath, "CNB_USER_ID=1000", "CNB_GROUP_ID=1000", "CNB_STACK_ID=slugc-13"},
			Labels: map[string]string{
				"io.slugc.stack":                       `{"id":"slugc-13","variant":"run","digest":"` + made.Digest + `","packages":1}`,
				"io.buildpacks.base.distro.name":       "debian",
				"io.buildpacks.base.distro.version":    "13",
				"io.buildpacks.base.description":       "Debian 13 (trixie) for processes: a shell and the tools that start scripts use",
				"io.buildpacks.base.id":                "slugc-13",
				"io.buildpacks.stack.id":               "slugc-13",
				"io.buildpacks.stack.distro.name":      "debian",
				"io.buildpacks.stack.distro.version":   "13",
				"io.buildpacks.stack.description":      "Debian 13 (trixie) for processes: a shell and the tools that start scripts use",
				"org.opencontainers.image.title":       "slugc-13 run",
				"org.opencontainers.image.version":     "13",
				"org.opencontainers.image.description": "Debian 13 (trixie) for processes: a shell and the tools that start scripts use",
			},
		}
		if diff := cmp.Diff(want, config.Config); diff != "" {
			t.Error(diff)
		}
		if config.OS != "linux" || config.Architecture != "amd64" || config.Created.Year() != 1980 || len(config.History) != 1 {
			t.Errorf("%+v", config)
		}
		if image.Target != made.Stack().Target || image.Reference != digest(image.Image) || image.Name != "" {
			t.Errorf("as a base: %+v", image)
		}
	})

	it("is the same in another store, and packed once in each", func() {
		made := create(t, s)
		first, err := s.Image(t.Context(), made)
		must(t, err)
		other := aStore(t, &maker{version: "1.0"})
		second, err := other.Image(t.Context(), create(t, other))
		must(t, err)
		if digest(first.Image) != digest(second.Image) {
			t.Errorf("%s and %s", digest(first.Image), digest(second.Image))
		}
		packed := 0
		s.Progress = func(string) (func(int64, int64), func(error)) { packed++; return nil, func(error) {} }
		again, err := s.Image(t.Context(), made)
		must(t, err)
		if packed != 0 || digest(again.Image) != digest(first.Image) {
			t.Errorf("packed %d times more, to %s", packed, digest(again.Image))
		}
	})

	it("is packed again when it is damaged, and what a killed one left goes", func() {
		made := create(t, s)
		first, err := s.Image(t.Context(), made)
		must(t, err)
		must(t, os.Truncate(filepath.Join(made.Dir, "image", "index.json"), 3))
		must(t, os.MkdirAll(filepath.Join(made.Dir, "image-killed"), 0o755))
		warned := 0
		s.Warn = func(error) { warned++ }
		again, err := s.Image(t.Context(), made)
		must(t, err)
		if digest(again.Image) != digest(first.Image) || warned == 0 || exists(filepath.Join(made.Dir, "image-killed")) {
			t.Errorf("warned %d times, got %s", warned, digest(again.Image))
		}
	})

	it("is packed again when a layer is cut off or gone", func() {
		made := create(t, s)
		s.Warn = func(error) {}
		for _, damage := range []func(string) error{os.Remove, func(file string) error { return os.Truncate(file, 1) }} {
			image, err := s.Image(t.Context(), made)
			must(t, err)
			layers, err := image.Image.Layers()
			must(t, err)
			blob, err := layers[0].Digest()
			must(t, err)
			must(t, damage(filepath.Join(made.Dir, "image", "blobs", "sha256", blob.Hex)))
			again, err := s.Image(t.Context(), made)
			must(t, err)
			must(t, validate.Image(again.Image))
		}
	})

	it("is not packed of files that somebody changed", func() {
		made := create(t, s)
		must(t, os.WriteFile(filepath.Join(made.Root, "usr/bin/expiry"), []byte("changed"), 0o755))
		_, err := s.Image(t.Context(), made)
		if err == nil || !strings.Contains(err.Error(), made.Root+": its files were changed after it was made") ||
			!strings.Contains(err.Error(), "slugc stack create slugc-13 --variant run --arch amd64") {
			t.Errorf("got %v", err)
		}
		if exists(filepath.Join(made.Dir, "image")) {
			t.Error("there is an image")
		}
	})

	it("is measured with the root filesystem", func() {
		made := create(t, s)
		before, err := made.Usage(t.Context())
		must(t, err)
		_, err = s.Image(t.Context(), made)
		must(t, err)
		after, err := made.Usage(t.Context())
		must(t, err)
		if before <= 0 || after <= before {
			t.Errorf("%d bytes without the image, %d with it", before, after)
		}
	})
}
