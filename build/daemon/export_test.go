package daemon_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/daemon"
	"github.com/slugc/slugc/build/daemon/daemontest"
)

// layer is a raw layer that says what it is, so large that it is no small file.
func layer(word string) v1.Layer {
	return static.NewLayer([]byte(strings.Repeat(word+"\n", 1000)), types.DockerUncompressedLayer)
}

// zip is a layer with gzip.
func zip(t testing.TB, word string) v1.Layer {
	raw := []byte(strings.Repeat(word+"\n", 1000))
	diffID, _, err := v1.SHA256(bytes.NewReader(raw))
	must(t, err)
	return withDiffID{static.NewLayer(daemontest.Zipped(t, raw), types.DockerLayer), diffID}
}

// withDiffID is a layer with the diffID that the library does not know.
type withDiffID struct {
	v1.Layer
	diffID v1.Hash
}

func (l withDiffID) DiffID() (v1.Hash, error) { return l.diffID, nil }

// on puts layers on an image.
func on(t testing.TB, base v1.Image, label string, layers ...v1.Layer) v1.Image {
	t.Helper()
	config, err := base.ConfigFile()
	must(t, err)
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	config.Config.Labels = map[string]string{"is": label}
	image, err := mutate.ConfigFile(base, config)
	must(t, err)
	for _, l := range layers {
		image, err = mutate.Append(image, mutate.Addendum{Layer: l})
		must(t, err)
	}
	return image
}

func TestExport(t *testing.T) {
	spec.Run(t, "Export", func(t *testing.T, _ spec.G, it spec.S) {
		var e *daemontest.Engine
		var client *daemon.Client
		var exporter daemon.Exporter
		var base v1.Image
		var runID string
		export := func(image v1.Image, names ...string) daemon.Saved {
			t.Helper()
			saved, err := exporter.Export(t.Context(), image, names)
			must(t, err)
			for _, name := range saved.Names {
				must(t, name.Err)
				if got := e.ID(name.Name); got != saved.ID {
					t.Errorf("%s is %s, want %s", name.Name, got, saved.ID)
				}
			}
			return saved
		}
		// sent fails unless so many layers went in so many archives since it was asked.
		sent := func(layers, loads int) {
			t.Helper()
			n := 0
			for _, name := range e.Received {
				if strings.HasSuffix(name, ".tar") {
					n++
				}
			}
			if n != layers || e.Loads != loads {
				t.Errorf("%d layers in the last of %d archives, want %d of %d: %q", n, e.Loads, layers, loads, e.Received)
			}
			e.Received, e.Loads = nil, 0
		}
		it.Before(func() {
			e = &daemontest.Engine{Version: "1.41"}
			client = e.Dial(t)
			exporter = daemon.Exporter{Client: client, Temp: t.TempDir()}
			base = on(t, empty.Image, "base", zip(t, "base 0"), layer("base 1"))
		})
		// inDaemon loads the base and opens what the daemon makes of it.
		inDaemon := func() v1.Image {
			t.Helper()
			saved := export(base, "run:1")
			sent(2, 1)
			image, id, found, err := client.Image(t.Context(), "run:1")
			must(t, err)
			if !found || id != saved.ID {
				t.Fatalf("found %t, %s", found, id)
			}
			runID = id
			return image
		}

		it("sends the layers as they are, each once, and then names the image", func() {
			var last, total int64
			exporter.Progress = func(done, of int64) { last, total = done, of }
			same := layer("the same")
			saved := export(on(t, base, "app", same, layer("app"), same), "app", "host:5000/other:v1")
			sent(4, 1)
			if saved.Sent < total || last != total || total < 20_000 {
				t.Errorf("sent %d, progress %d of %d", saved.Sent, last, total)
			}
			if len(saved.Names) != 2 || e.Tags["app:latest"] != saved.ID || e.Tags["host:5000/other:v1"] != saved.ID {
				t.Errorf("%+v, %v", saved, e.Tags)
			}
		})

		it("sends nothing of an image that is there", func() {
			app := on(t, base, "app", layer("app"))
			first := export(app, "app")
			sent(3, 1)
			exporter.Near = []string{first.ID}
			export(on(t, base, "other", layer("app")), "other")
			sent(0, 1)
			exporter.Near = nil
			if saved := export(app, "app", "app:again"); saved.Sent != 0 || e.Tags["app:again"] != saved.ID {
				t.Errorf("%+v", saved)
			}
			sent(0, 0)
		})

		it("sends the layers above those that an image near by has", func() {
			run := inDaemon()
			export(on(t, run, "app", layer("modules"), layer("app")), "app")
			sent(2, 1)
			export(on(t, run, "app", layer("modules"), layer("app, edited")), "app")
			sent(1, 1)
			export(on(t, run, "relabelled", layer("modules"), layer("app, edited")), "app")
			sent(0, 1)
			export(on(t, run, "app", layer("modules, edited"), layer("app, edited")), "app")
			sent(2, 1)
		})

		it("sends all layers if what was there is gone", func() {
			run := inDaemon()
			export(on(t, run, "app", layer("modules"), layer("app")), "app")
			e.Before = func() {
				e.Remove("app")
				e.Before = nil
			}
			sent(2, 1)
			saved := export(on(t, run, "app", layer("modules"), layer("edited")), "app")
			sent(4, 2)
			if saved.Sent < 30_000 {
				t.Errorf("%+v", saved)
			}
			// The layers of the base came from the daemon itself.
			if !slices.Contains(e.Asked, "GET /v1.41/images/"+runID+"/get") {
				t.Errorf("%q", e.Asked)
			}
		})

		it("names the layer that is nowhere any more", func() {
			run := inDaemon()
			e.Before = func() { e.Remove("run:1") }
			saved, err := exporter.Export(t.Context(), on(t, run, "app", layer("app")), []string{"app"})
			if err == nil || !strings.Contains(err.Error(), "is in no image of the Docker daemon any more") || len(e.Tags) != 0 {
				t.Errorf("%+v, %v, %v", saved, err, e.Tags)
			}
		})

		it("takes a layer that only the daemon has from the cache, else from the daemon", func() {
			run := inDaemon()
			export(on(t, run, "app", layer("below"), layer("launch only")), "app")
			sent(2, 1)
			previous, _, _, err := client.Image(t.Context(), "app")
			must(t, err)
			layers, err := previous.Layers()
			must(t, err)
			cache := t.TempDir()
			client.Cached = func(diffID string) (string, bool) {
				file := filepath.Join(cache, diffID)
				_, err := os.Stat(file)
				return file, err == nil
			}
			export(on(t, run, "app", layer("below, edited"), layers[3]), "app")
			sent(2, 1)
			gets := func() (n int) {
				for _, asked := range e.Asked {
					if strings.HasSuffix(asked, "/get") {
						n++
					}
				}
				return n
			}
			if gets() != 1 {
				t.Errorf("%q", e.Asked)
			}
			diffID, err := layers[3].DiffID()
			must(t, err)
			must(t, os.WriteFile(filepath.Join(cache, diffID.String()), []byte(strings.Repeat("launch only\n", 1000)), 0o644))
			export(on(t, run, "app", layer("below, edited again"), layers[3]), "app")
			sent(2, 1)
			if gets() != 1 {
				t.Errorf("%q", e.Asked)
			}
			must(t, os.WriteFile(filepath.Join(cache, diffID.String()), []byte("damaged"), 0o644))
			export(on(t, run, "app", layer("below, edited once more"), layers[3]), "app")
			sent(4, 2)
		})

		it("says what became of each name", func() {
			saved, err := exporter.Export(t.Context(), base, []string{"app", "app@sha256:" + strings.Repeat("0", 64), "other"})
			must(t, err)
			if saved.Names[0].Err != nil || saved.Names[1].Err == nil || saved.Names[2].Err != nil || len(e.Tags) != 2 {
				t.Errorf("%+v", saved)
			}
		})

		for _, c := range []struct {
			name   string
			broken http.HandlerFunc
			want   string
		}{
			{"says no with a status", func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(http.StatusInternalServerError)
				fmt.Fprint(w, `{"message": "no space left on device"}`)
			}, "no space left on device"},
			{"says no in its answer", func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				fmt.Fprint(w, `{"status": "loading"}{"errorDetail": {"message": "no space left on device"}}`)
			}, "no space left on device"},
			{"says no before it has read all", func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(w, `{"errorDetail": {"message": "no space left on device"}}`)
			}, "no space left on device"},
			{"goes away while it reads", func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.ReadFull(r.Body, make([]byte, 1000))
				panic(http.ErrAbortHandler)
			}, "it went away in the middle"},
			{"goes away while it answers", func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				fmt.Fprint(w, `{"stream": "Loading layer"}{"stre`)
				must(t, http.NewResponseController(w).Flush())
				panic(http.ErrAbortHandler)
			}, "reading what it says about the image: unexpected EOF; it went away in the middle"},
			{"has no image afterwards", func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				fmt.Fprint(w, `{"stream": "Loaded image ID"}`)
			}, "it says that it did, and has no image sha256:"},
		} {
			it("changes no name when the daemon "+c.name, func() {
				export(on(t, base, "old", layer("old")), "app")
				before := fmt.Sprint(e.Tags)
				e.Broken = c.broken
				big := static.NewLayer(make([]byte, 20<<20), types.DockerUncompressedLayer)
				_, err := exporter.Export(t.Context(), on(t, base, "app", big), []string{"app"})
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %s", err, c.want)
				}
				if diff := cmp.Diff(before, fmt.Sprint(e.Tags)); diff != "" {
					t.Error(diff)
				}
			})
		}

		it("loads nothing when a layer cannot be read", func() {
			for _, broken := range []v1.Layer{
				short{layer("short")}, unreadable{layer("unreadable")},
			} {
				_, err := exporter.Export(t.Context(), on(t, base, "app", broken), []string{"app"})
				if err == nil || !strings.Contains(err.Error(), "bytes, expected") && !errors.Is(err, os.ErrPermission) {
					t.Errorf("got %v", err)
				}
			}
			if e.Images() != 0 {
				t.Errorf("there are images: %v", e.Images())
			}
		})

		it("ends when it is told to", func() {
			ctx, cancel := context.WithCancelCause(t.Context())
			why := errors.New("told to")
			exporter.Progress = func(int64, int64) { cancel(why) }
			if _, err := exporter.Export(ctx, base, []string{"app"}); !errors.Is(err, why) || len(e.Tags) != 0 {
				t.Errorf("got %v, %v", err, e.Tags)
			}
		})
	})
}

// short is a layer with fewer bytes than it says.
type short struct{ v1.Layer }

func (s short) Size() (int64, error) {
	size, err := s.Layer.Size()
	return size + 1, err
}

// unreadable is a layer that nobody may read.
type unreadable struct{ v1.Layer }

func (unreadable) Compressed() (io.ReadCloser, error) { return nil, os.ErrPermission }
