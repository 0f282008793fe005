package fetch_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks/fetch"
)

// layoutOf writes images to an OCI layout.
func layoutOf(t *testing.T, images ...v1.Image) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "layout")
	at, err := layout.Write(dir, empty.Index)
	must(t, err)
	for _, i := range images {
		must(t, at.AppendImage(i))
	}
	return dir
}

// packed is a directory as a tar stream with names as pack writes them.
func packed(t *testing.T, dir string, more ...tar.Header) []byte {
	t.Helper()
	all := files{}
	must(t, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		all[strings.TrimPrefix(name, dir)] = string(data)
		return err
	}))
	return all.tar(t, more...)
}

const twoIn = "test/one@1.0.0: test/one@1.0.0 test/two@1.0.0"

func testImages(t *testing.T, when spec.G, it spec.S) {
	var f fetch.Fetcher
	it.Before(func() { f = fetcher(t) })
	two := func() v1.Image {
		return buildpackage(t, "test/one@1.0.0", shelf("test/two", "1.0.0"), shelf("test/one", "1.0.0"))
	}
	all := func() v1.Image {
		meta := composite("test/all", []string{"test/one"}, "docker://example.com/never").below("cnb/buildpacks/test_all/1.0.0")
		return buildpackage(t, "test/all@1.0.0", part{meta, []string{"test/all@1.0.0"}}, shelf("test/one", "1.0.0"))
	}

	it("opens a package in every form, which is one", func() {
		dir := layoutOf(t, two())
		digest, err := two().Digest()
		must(t, err)
		host := serve(t, quiet())
		push(t, host+"/two:latest", two())
		tarred := save(t, "two.cnb", packed(t, dir))
		for _, ref := range []string{"oci:" + dir, "oci-archive:" + tarred, tarred, "docker://" + host + "/two", "docker://" + host + "/two@" + digest.String()} {
			f := fetcher(t)
			for range 2 {
				if p := fetched(t, f, ref, twoIn); p.Digest != digest.String() {
					t.Errorf("%s: digest %s, expected %s", ref, p.Digest, digest)
				}
			}
			if left := leftovers(t, f); len(left) > 0 {
				t.Error("left behind:", left)
			}
		}
	})
	it("opens a composite with its members, and asks nobody for them", func() {
		fetched(t, f, "oci:"+layoutOf(t, all()), "test/all@1.0.0: [test/all@1.0.0] test/one@1.0.0")
	})
	it("opens layers that hold several buildpacks", func() {
		flat := part{
			component("test/one", "1.0.0").below("cnb/buildpacks/test_one/1.0.0").and(component("test/two", "1.0.0").below("cnb/buildpacks/test_two/1.0.0"), files{"etc/passwd": "x"}),
			[]string{"test/one@1.0.0", "test/two@1.0.0"},
		}
		p := fetched(t, f, "oci:"+layoutOf(t, buildpackage(t, "test/one@1.0.0", flat)), twoIn)
		if _, err := os.Stat(filepath.Join(p.Buildpacks[0].Dir, "../../../../etc")); !errors.Is(err, fs.ErrNotExist) {
			t.Error("what the label does not name was written:", err)
		}
	})
	it("chooses an image by its target", func() {
		one := func(version string) v1.Image {
			return buildpackage(t, "test/one@"+version, shelf("test/one", version))
		}
		host := serve(t, quiet())
		push(t, host+"/many", index(t, map[string]v1.Image{"linux/amd64": one("1.0.0"), "linux/arm64": one("2.0.0"), "linux/arm/v7": one("3.0.0"), "unknown/unknown": one("4.0.0")}))
		fetched(t, f, "docker://"+host+"/many", "test/one@1.0.0: test/one@1.0.0")
		f.Target.Arch = "arm64"
		fetched(t, f, "docker://"+host+"/many", "test/one@2.0.0: test/one@2.0.0")
		f.Target.Arch = "riscv64"
		refused(t, f, "docker://"+host+"/many", "it has no image for linux/riscv64; there is linux/amd64, linux/arm/v7, linux/arm64")
	})
	it("asks which of several images is meant", func() {
		dir := filepath.Join(t.TempDir(), "layout")
		at, err := layout.Write(dir, empty.Index)
		must(t, err)
		for tag, version := range map[string]string{"a": "1.0.0", "b": "2.0.0"} {
			must(t, at.AppendImage(buildpackage(t, "test/one@"+version, shelf("test/one", version)), layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": tag})))
		}
		fetched(t, f, "oci:"+dir+":b", "test/one@2.0.0: test/one@2.0.0")
		refused(t, f, "oci:"+dir, "it has 2 images for linux/amd64; name one by its tag")
		refused(t, f, "oci:"+dir+":c", "it has no tag c; there is ")
	})

	when("what it says is wrong", func() {
		bad := map[string]struct {
			image func() v1.Image
			want  string
		}{
			"no labels": {func() v1.Image { return labelled(t, empty.Image, nil) }, "the image is no buildpackage"},
			"a builder": {func() v1.Image {
				return labelled(t, empty.Image, map[string]string{"io.buildpacks.builder.metadata": "{}"})
			}, "it is a builder image"},
			"no JSON": {func() v1.Image {
				return labelled(t, two(), map[string]string{"io.buildpacks.buildpackage.metadata": "["})
			}, "reading its label"},
			"no JSON again": {func() v1.Image { return labelled(t, two(), map[string]string{"io.buildpacks.buildpack.layers": "["}) }, "reading its label"},
			"another root":  {func() v1.Image { return buildpackage(t, "test/three@1.0.0", shelf("test/one", "1.0.0")) }, "does not have test/three@1.0.0"},
			"an extension": {func() v1.Image {
				return labelled(t, empty.Image, map[string]string{
					"io.buildpacks.buildpackage.metadata": `{"id":"test/ext","version":"1"}`, "io.buildpacks.extension.layers": `{"test/ext":{"1":{}}}`,
				})
			}, "is an image extension"},
			"a layer that is not there": {func() v1.Image {
				return labelled(t, two(), map[string]string{"io.buildpacks.buildpack.layers": `{"test/one":{"1.0.0":{"layerDiffID":"sha256:` + strings.Repeat("0", 64) + `"}}}`})
			}, "which the image does not have"},
			"no diffID": {func() v1.Image {
				return labelled(t, two(), map[string]string{"io.buildpacks.buildpack.layers": `{"test/one":{"1.0.0":{"layerDiffID":"../../x"}}}`})
			}, "expected sha256:HEX"},
			"a version that leads out": {func() v1.Image {
				return labelled(t, two(), map[string]string{
					"io.buildpacks.buildpackage.metadata": `{"id":"..","version":".."}`, "io.buildpacks.buildpack.layers": `{"..":{"..":{"layerDiffID":"sha256:` + strings.Repeat("0", 64) + `"}}}`,
				})
			}, "expected names of directories"},
			"another buildpack in the layer": {func() v1.Image {
				return buildpackage(t, "test/one@1.0.0", part{component("test/two", "1.0.0").below("cnb/buildpacks/test_one/1.0.0"), []string{"test/one@1.0.0"}})
			}, "the layer has test/two@1.0.0 there"},
			"no buildpack in the layer": {func() v1.Image {
				return buildpackage(t, "test/one@1.0.0", part{files{"x": ""}, []string{"test/one@1.0.0"}})
			}, "there is no /cnb/buildpacks/test_one/1.0.0 in the layer"},
			"a link for a buildpack": {func() v1.Image {
				link := part{files{}, nil}
				image := buildpackage(t, "test/one@1.0.0", shelf("test/one", "1.0.0"))
				layer := layerOf(t, gz(t, link.files.tar(t, tar.Header{Name: "/cnb/buildpacks/test_one/1.0.0", Typeflag: tar.TypeSymlink, Linkname: "/etc"})))
				image, err := mutate.AppendLayers(image, layer)
				must(t, err)
				diffID, err := layer.DiffID()
				must(t, err)
				return labelled(t, image, map[string]string{"io.buildpacks.buildpack.layers": `{"test/one":{"1.0.0":{"layerDiffID":"` + diffID.String() + `"}}}`})
			}, "test_one/1.0.0"},
			"a wrong diffID": {func() v1.Image {
				image := two()
				config, err := image.ConfigFile()
				must(t, err)
				config = config.DeepCopy()
				zero := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}
				old := config.RootFS.DiffIDs[1].String()
				config.RootFS.DiffIDs[1] = zero
				label := "io.buildpacks.buildpack.layers"
				config.Config.Labels[label] = strings.ReplaceAll(config.Config.Labels[label], old, zero.String())
				image, err = mutate.ConfigFile(image, config)
				must(t, err)
				return image
			}, "which is not what the image's config says"},
		}
		for name, c := range bad {
			it("refuses "+name, func() { refused(t, f, "oci:"+layoutOf(t, c.image()), c.want) })
		}
		it("refuses blobs that are not what they should be", func() {
			image := two()
			manifest, err := image.Manifest()
			must(t, err)
			digest, err := image.Digest()
			must(t, err)
			damage := map[string]func(blob string){
				"is damaged":    func(blob string) { must(t, os.WriteFile(blob, []byte("{}"), 0o644)) },
				"has no blobs/": func(blob string) { must(t, os.Remove(blob)) },
				"is no file":    func(blob string) { must(t, errors.Join(os.Remove(blob), os.Symlink("/dev/zero", blob))) },
			}
			for want, do := range damage {
				for _, d := range []v1.Hash{digest, manifest.Config.Digest} {
					dir := layoutOf(t, image)
					do(filepath.Join(dir, "blobs/sha256", d.Hex))
					refused(t, f, "oci:"+dir, want)
				}
			}
			for want, do := range map[string]func(blob string){
				"has no blob sha256":   func(blob string) { must(t, errors.Join(os.Remove(blob), os.Symlink("/dev/zero", blob))) },
				"unexpected EOF":       func(blob string) { must(t, os.Truncate(blob, 100)) },
				"not what the image's": func(blob string) { must(t, os.WriteFile(blob, gz(t, files{}.tar(t)), 0o644)) },
				"gzip: invalid":        func(blob string) { must(t, os.WriteFile(blob, []byte("\x1f\x8bxxxxxxxxxxxxx"), 0o644)) },
			} {
				dir := layoutOf(t, image)
				do(filepath.Join(dir, "blobs/sha256", manifest.Layers[0].Digest.Hex))
				refused(t, f, "oci:"+dir, want)
			}
		})
		it("refuses an archive of something else", func() {
			refused(t, f, "oci-archive:"+save(t, "x.tar", files{"x": ""}.tar(t)), "it holds no OCI layout")
			refused(t, f, "oci-archive:"+t.TempDir(), "it is no file")
			refused(t, f, "oci:"+save(t, "x.tar", nil), "oci-archive:FILE")
			refused(t, f, "oci:"+t.TempDir(), "it is no OCI layout")
			refused(t, f, "oci:"+files{"oci-layout": "{}", "index.json": "["}.write(t, t.TempDir()), "index.json")
			refused(t, f, "oci:"+files{"oci-layout": "{}", "index.json": "{}"}.write(t, t.TempDir()), "it holds no image")
		})
	})
}

// keychain has one password.
type keychain struct{ password string }

func (k keychain) Resolve(authn.Resource) (authn.Authenticator, error) {
	return &authn.Basic{Username: "me", Password: k.password}, nil
}

func testRegistries(t *testing.T, _ spec.G, it spec.S) {
	var (
		f       fetch.Fetcher
		handler http.Handler
		asked   atomic.Int64
		ref     string
	)
	it.Before(func() {
		f = fetcher(t)
		inner := quiet()
		handler = inner
		host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			handler.ServeHTTP(w, r)
		}))
		push(t, host+"/two:1", buildpackage(t, "test/one@1.0.0", shelf("test/two", "1.0.0"), shelf("test/one", "1.0.0")))
		ref = "docker://" + host + "/two:1"
		asked.Store(0)
	})

	it("works without network once it has fetched", func() {
		f.Offline = true
		refused(t, f, ref, "was never fetched to this machine")
		f.Offline = false
		p := fetched(t, f, ref, twoIn)
		f.Offline = true
		asked.Store(0)
		fetched(t, f, ref, twoIn)
		f.Offline = false
		pinned := strings.TrimSuffix(ref, ":1") + "@" + p.Digest
		fetched(t, f, pinned, twoIn)
		asked.Store(0)
		fetched(t, f, pinned, twoIn)
		if asked.Load() > 0 {
			t.Errorf("asked %d times for what is kept", asked.Load())
		}
		f.Target.Arch = "arm64"
		f.Offline = true
		refused(t, f, ref, "was never fetched")
	})
	it("does not fetch layers again", func() {
		fetched(t, f, ref, twoIn)
		inner := handler
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			if strings.Contains(r.URL.Path, "/blobs/") {
				t.Errorf("asked for %s", r.URL)
			}
			inner.ServeHTTP(w, r)
		})
		fetched(t, f, ref, twoIn)
	})
	it("logs in, and says so where it has to", func() {
		inner := handler
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, password, _ := r.BasicAuth(); password != "hunter2" {
				w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			inner.ServeHTTP(w, r)
		})
		if err := refusal(t, f, ref, `log in with "docker login 127.0.0.1:`); err.Temporary() {
			t.Error("it is temporary")
		}
		f.Keychain = keychain{"hunter3"}
		if err := refusal(t, f, ref, "does not let you"); strings.Contains(err.Error(), "hunter") {
			t.Error(err)
		}
		f.Keychain = keychain{"hunter2"}
		fetched(t, f, ref, twoIn)
	})
	it("says what a registry answered, and whether it may pass", func() {
		for code, want := range map[int]struct {
			text      string
			temporary bool
		}{
			403: {"does not let you", false}, 404: {"no such image", false},
			429: {"too many requests", true}, 500: {"is not well", true}, 503: {"is not well", true},
		} {
			for _, where := range []string{"/manifests/", "/blobs/"} {
				inner := handler
				f := fetcher(t)
				handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if strings.Contains(r.URL.Path, where) {
						w.WriteHeader(code)
						return
					}
					inner.ServeHTTP(w, r)
				})
				if err := refusal(t, f, ref, want.text); err.Temporary() != want.temporary {
					t.Errorf("%d for %s: temporary %t", code, where, err.Temporary())
				}
				handler = inner
			}
		}
		if err := refusal(t, f, "docker://127.0.0.1:1/x", "connection refused"); !err.Temporary() {
			t.Error("it is not temporary")
		}
	})
	it("goes on where a layer broke off", func() {
		inner := handler
		var broke atomic.Int64
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.URL.Path, "/blobs/") {
				inner.ServeHTTP(w, r)
				return
			}
			if r.Header.Get("Range") == "" && broke.Add(1) > 1 {
				w = &breaking{ResponseWriter: w, left: 100}
			}
			// The registry of the library takes only ranges with an end.
			whole, plain := httptest.NewRecorder(), r.Clone(r.Context())
			plain.Header.Del("Range")
			inner.ServeHTTP(whole, plain)
			w.Header().Set("ETag", `"1"`)
			http.ServeContent(w, r, "blob", time.Time{}, bytes.NewReader(whole.Body.Bytes()))
		})
		fetched(t, f, ref, twoIn)
		if broke.Load() < 2 {
			t.Error("nothing broke")
		}
	})
	it("gives up on a registry that always breaks off", func() {
		inner := handler
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/blobs/") {
				w = &breaking{ResponseWriter: w}
			}
			inner.ServeHTTP(w, r)
		})
		if err := refusal(t, f, ref, ""); !err.Temporary() {
			t.Error("it is not temporary:", err)
		}
		if left := leftovers(t, f); len(left) > 0 {
			t.Error("left behind:", left)
		}
	})
	it("does not believe a registry that serves something else", func() {
		inner := handler
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/blobs/") {
				w = &lying{ResponseWriter: w}
			}
			inner.ServeHTTP(w, r)
		})
		refused(t, f, ref, "")
	})
}

// breaking is an answer that breaks off after some bytes.
type breaking struct {
	http.ResponseWriter
	left int
}

func (b *breaking) Write(p []byte) (int, error) {
	if len(p) < b.left {
		b.left -= len(p)
		return b.ResponseWriter.Write(p)
	}
	if _, err := b.ResponseWriter.Write(p[:b.left]); err != nil {
		return 0, err
	}
	b.ResponseWriter.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// lying is an answer with other bytes.
type lying struct{ http.ResponseWriter }

func (l *lying) Write(p []byte) (int, error) {
	return l.ResponseWriter.Write(bytes.Repeat([]byte("x"), len(p)))
}
