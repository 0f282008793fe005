//go:build bench

package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/stack/referencetest"
)

// referenceRuns is how often each scenario is measured with each program.
const referenceRuns = 3

// TestBenchReference measures slugc beside the creator of the reference
// lifecycle: the same buildpack, the same source, the same run image, the same
// kind of registry on loopback and of file system, in turn, so that what else
// the machine does falls on both.
//
// The buildpack unpacks tarballs that were made before and lie in it, which
// needs no network. What that takes is the buildpack's, says the
// buildpack, and is taken off the cold builds of both. Each cold build has a
// registry of its own, with nothing but the run image in it.
//
// The reference is used as on a host without Docker, where it is fastest: as
// root, which gives up its privileges for the buildpack, with a cache directory.
// Before each of its builds its platform has to make a fresh copy of the source
// and empty layers; the clock stands still for that, while the copy that slugc
// makes of the source counts, and so does its sandbox, which the reference
// leaves to a container.
func TestBenchReference(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the reference needs root")
	}
	for _, s := range []subject{
		{"200 npm packages and Node.js", expressApp, expressLayers},
		{"1 GiB in 4 layers, 20 000 files in the app", manyFiles, bigLayers},
	} {
		t.Run(s.name, func(t *testing.T) { s.compare(t) })
	}
}

// subject is what is built.
type subject struct {
	name string
	// app makes the source, with a file server.js.
	app func(b *bench, source string)
	// layers makes the tarballs of which the buildpack makes layers.
	layers func(b *bench, dir string)
}

// contestant is a program that builds the source.
type contestant struct {
	name string
	// build builds and pushes, with what its last builds left.
	build func(registry string) figure
	// forget removes all that earlier builds left.
	forget func()
	// registry is where it pushes to, which has its blobs in a directory.
	registry *httptest.Server
	blobs    string

	cold, unchanged, edited []figure
}

// prepare makes the source, and the buildpack with its tarballs.
func (s subject) prepare(b *bench) (source, buildpack string) {
	b.t.Helper()
	source, buildpack = filepath.Join(b.dir, "app"), filepath.Join(b.dir, "buildpacks/slugc-examples_unpack/1.0.0")
	s.app(b, source)
	if err := os.CopyFS(buildpack, os.DirFS("../../testdata/buildpacks/unpack")); err != nil {
		b.t.Fatal(err)
	}
	tarballs := filepath.Join(buildpack, "layers")
	if err := os.Mkdir(tarballs, 0o755); err != nil {
		b.t.Fatal(err)
	}
	s.layers(b, tarballs)
	return source, buildpack
}

func (s subject) compare(t *testing.T) {
	b := newBench(t)
	source, buildpack := s.prepare(b)
	both := []*contestant{newCreator(b, "reference", referencetest.Build(b.t), source, toRegistry), b.newSlugc(source, buildpack)}
	measure(t, b, source, both)
	compareFigures(s.name, both, targets{cold: 0.35, unchanged: 0.10, edited: 0.12})
}

// targets are at most so much of the reference's wall and CPU time.
type targets struct{ cold, unchanged, edited float64 }

// measure builds with each contestant in turn: cold, unchanged, and with a line
// edited.
func measure(t *testing.T, b *bench, source string, both []*contestant) {
	t.Helper()
	for range referenceRuns {
		for _, c := range both {
			c.forget()
			c.newRegistry(t)
			c.cold = append(c.cold, c.build(c.registry.Listener.Addr().String()))
		}
	}
	again(b, source, referenceRuns, both)
}

// again builds what was built before, unchanged and edited in turn.
func again(b *bench, source string, times int, both []*contestant) {
	b.t.Helper()
	for i := range times {
		for _, c := range both {
			c.unchanged = append(c.unchanged, c.build(c.registry.Listener.Addr().String()))
		}
		b.edit(filepath.Join(source, "server.js"), i)
		for _, c := range both {
			c.edited = append(c.edited, c.build(c.registry.Listener.Addr().String()))
		}
	}
}

// compareFigures prints the figures of the reference and of another contestant, and their
// ratios.
func compareFigures(name string, both []*contestant, at targets) {
	reference, ours := both[0], both[1]
	fmt.Printf("\n%s, medians of %d, state on tmpfs, without the buildpack's own time when cold\n", name, len(ours.unchanged))
	fmt.Printf("%-42s %8s %8s %8s\n", "", "wall s", "CPU s", "MiB")
	type scenario struct {
		name         string
		theirs, ours []figure
		target       float64
	}
	scenarios := slices.DeleteFunc([]scenario{
		{"cold", reference.cold, ours.cold, at.cold},
		{"unchanged", reference.unchanged, ours.unchanged, at.unchanged},
		{"one line edited", reference.edited, ours.edited, at.edited},
	}, func(s scenario) bool { return len(s.ours) == 0 })
	for _, s := range scenarios {
		row(reference.name+", "+s.name, median(s.theirs))
		row(ours.name+", "+s.name, median(s.ours))
	}
	fmt.Println()
	for _, s := range scenarios {
		own, theirs := median(s.ours), median(s.theirs)
		ratio(s.name+", wall, "+ours.name+" / reference", own.wall.Seconds()/theirs.wall.Seconds(), s.target)
		ratio(s.name+", CPU, "+ours.name+" / reference", own.cpu.Seconds()/theirs.cpu.Seconds(), s.target)
		ratio(s.name+", memory, "+ours.name+" / reference", float64(own.memory)/float64(theirs.memory), 1)
	}
}

// newRegistry gives a contestant an empty registry with the run image.
func (c *contestant) newRegistry(t *testing.T) {
	t.Helper()
	if c.registry != nil {
		c.registry.Close()
	}
	if err := errors.Join(os.RemoveAll(c.blobs), os.MkdirAll(c.blobs, 0o755)); err != nil {
		t.Fatal(err)
	}
	c.registry = httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithBlobHandler(registry.NewDiskBlobHandler(c.blobs))))
	t.Cleanup(c.registry.Close)
	ref, err := name.ParseReference(c.registry.Listener.Addr().String() + "/run:1")
	if err != nil {
		t.Fatal(err)
	}
	image, err := smallRunImage()
	if err == nil {
		err = remote.Write(ref, image, remote.WithContext(t.Context()))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// smallRunImage is a run image that says all that either program wants to know.
func smallRunImage() (v1.Image, error) {
	layer, err := random.Layer(1<<20, types.DockerLayer)
	if err != nil {
		return nil, err
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file.OS, file.Architecture = "linux", "amd64"
	file.Config.User = "1000:1000"
	file.Config.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "CNB_USER_ID=1000", "CNB_GROUP_ID=1000"}
	file.Config.Labels = map[string]string{
		"io.buildpacks.base.distro.name": "debian", "io.buildpacks.base.distro.version": "13",
	}
	return mutate.ConfigFile(image, file)
}

func (b *bench) newSlugc(source, buildpack string) *contestant {
	cache := filepath.Join(b.dir, "cache")
	return &contestant{
		name:   "slugc",
		blobs:  filepath.Join(b.dir, "registry-of-slugc"),
		forget: func() { b.remove(cache) },
		build: func(registry string) figure {
			return b.withoutBuildpack(b.slugcCommand("build", source, "-b", buildpack,
				"-o", "docker://"+registry+"/app:1", "--run-image", "docker://"+registry+"/run:1"))
		},
	}
}

// destination is where a creator is to export to, with a registry at hand: its last
// arguments, and variables. It may make what the creator needs in its directory, and
// returns what of it has to be the user's that builds.
type destination func(registry, dir string) (args, env, own []string)

func toRegistry(registry, _ string) (args, env, own []string) {
	return []string{"-run-image", registry + "/run:1", "-insecure-registry", registry, registry + "/app:1"}, nil, nil
}

// newCreator is the creator of a lifecycle on the host, as platforms without
// Docker use it.
func newCreator(b *bench, title string, lifecycle referencetest.Lifecycle, source string, to destination) *contestant {
	b.t.Helper()
	dir := filepath.Join(b.dir, title)
	at := func(name string) string { return filepath.Join(dir, name) }
	const user = 1000
	const order = "[[order]]\n[[order.group]]\nid = \"slugc-examples/unpack\"\nversion = \"1.0.0\"\n"
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(at("order.toml"), []byte(order), 0o644)); err != nil {
		b.t.Fatal(err)
	}
	// The buildpack runs as another user and has to reach its directories.
	if err := os.Chmod(b.dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	own := func(dir string) {
		if out, err := exec.CommandContext(b.t.Context(), "chown", "-R", fmt.Sprintf("%d:%[1]d", user), dir).CombinedOutput(); err != nil {
			b.t.Fatalf("%v\n%s", err, out)
		}
	}
	return &contestant{
		name:   title,
		blobs:  filepath.Join(b.dir, "registry-of-"+title),
		forget: func() { b.remove(at("cache")) },
		build: func(registry string) figure {
			b.t.Helper()
			// What its platform does before each build.
			for _, name := range []string{"app", "layers", "platform", "cache", "tmp"} {
				if name != "cache" {
					b.remove(at(name))
				}
				if err := os.MkdirAll(at(name), 0o755); err != nil {
					b.t.Fatal(err)
				}
			}
			if out, err := exec.CommandContext(b.t.Context(), "cp", "-a", source+"/.", at("app")).CombinedOutput(); err != nil {
				b.t.Fatalf("%v\n%s", err, out)
			}
			last, env, theirs := to(registry, dir)
			for _, name := range append(theirs, "app", "layers", "tmp") {
				own(at(name))
			}
			cmd := lifecycle.Phase(b.t, "creator", append([]string{
				"-app", at("app"), "-layers", at("layers"), "-platform", at("platform"), "-cache-dir", at("cache"),
				"-buildpacks", filepath.Join(b.dir, "buildpacks"), "-order", at("order.toml"),
				"-launcher", lifecycle.Launcher(), "-launcher-sbom", lifecycle.Dir, "-report", at("layers/report.toml"),
				"-uid", strconv.Itoa(user), "-gid", strconv.Itoa(user), "-no-color",
			}, last...)...)
			cmd.Dir = dir
			cmd.Env = append(env, "PATH=/usr/local/bin:/usr/bin:/bin", "HOME="+dir, "TMPDIR="+at("tmp"), "CNB_PLATFORM_API=0.15")
			return b.withoutBuildpack(cmd)
		},
	}
}

// withoutBuildpack measures a build, without what the buildpack says that it
// took itself while it made layers.
func (b *bench) withoutBuildpack(cmd *exec.Cmd) figure {
	b.t.Helper()
	f, out := b.measured(cmd)
	said := regexp.MustCompile(`unpack: (wall|cpu) (\S+)(?: (\S+))?`).FindAllStringSubmatch(out, -1)
	if len(said) != 3 {
		b.t.Fatalf("the buildpack said nothing of its time\n%s", out)
	}
	if strings.Contains(out, "unpack: kept") {
		return f
	}
	for _, words := range said {
		for _, word := range words[2:] {
			if word == "" {
				continue
			}
			took, err := time.ParseDuration(word)
			if err != nil {
				b.t.Fatal(err)
			}
			if words[1] == "wall" {
				f.wall -= took
			} else {
				f.cpu -= took
			}
		}
	}
	return f
}

// programText is made of words, to between a third and a quarter of which it
// compresses.
func programText(random *rand.Rand, size int) []byte {
	words := strings.Fields("const let function return if else for of in new this module.exports require value key index result options callback error null undefined " +
		"=> === { } ( ) [ ] ; ; , . + - * / length push map filter reduce concat slice Object Array String prototype // /** */ async await try catch throw")
	var text bytes.Buffer
	for text.Len() < size {
		text.WriteString(words[random.IntN(len(words))])
		switch random.IntN(6) {
		case 0:
			text.WriteString("\n    ")
		case 1:
			fmt.Fprintf(&text, " name%d", random.IntN(5000))
		default:
			text.WriteByte(' ')
		}
	}
	return text.Bytes()[:size]
}

// manyFiles is an app of 79 MB.
func manyFiles(b *bench, source string) {
	b.t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	const size = 3950
	write := func(name string) {
		path := filepath.Join(source, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, programText(random, size), 0o644)); err != nil {
			b.t.Fatal(err)
		}
	}
	for i := range 20_000 {
		write(fmt.Sprintf("src/%d/file-%d.js", i/100, i))
	}
	write("server.js")
}

// bigLayers are 4 layers of 256 MiB, that compress to a half.
func bigLayers(b *bench, dir string) {
	b.t.Helper()
	for n := range 4 {
		name := fmt.Sprintf("big-%d.tar", n)
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			b.t.Fatal(err)
		}
		random := rand.NewChaCha8([32]byte([]byte(fmt.Sprintf("%-32s", name))))
		data := make([]byte, 1<<20)
		writer := tar.NewWriter(f)
		for i := range 256 {
			for block := data; len(block) > 0; block = block[8<<10:] {
				if _, err := random.Read(block[:4<<10]); err != nil {
					b.t.Fatal(err)
				}
			}
			err := writer.WriteHeader(&tar.Header{Name: fmt.Sprintf("data/%d/file-%d", i/16, i), Mode: 0o644, Size: int64(len(data)), Typeflag: tar.TypeReg})
			if err == nil {
				_, err = writer.Write(data)
			}
			if err != nil {
				b.t.Fatal(err)
			}
		}
		if err := errors.Join(writer.Close(), f.Close()); err != nil {
			b.t.Fatal(err)
		}
	}
}

// expressApp is the Express example.
func expressApp(b *bench, source string) {
	b.t.Helper()
	if err := os.CopyFS(source, os.DirFS("../../testdata/apps/nodejs-express")); err != nil {
		b.t.Fatal(err)
	}
}

// expressLayers are the packages and the Node.js of the Express example, as
// slugc installs them.
func expressLayers(b *bench, dir string) {
	b.t.Helper()
	b.slugc("build", "app", "-o", "slug:"+filepath.Join(b.dir, "a.tgz"))
	layers, err := filepath.Glob(filepath.Join(b.dir, "cache/apps/*/app/.slugc/layers/slugc_nodejs"))
	if err != nil || len(layers) != 1 {
		b.t.Fatalf("layers: %v (%v)", layers, err)
	}
	for _, name := range []string{"modules", "node"} {
		b.measure(exec.CommandContext(b.t.Context(), "tar", "-c", "-f", filepath.Join(dir, name+".tar"), "-C", filepath.Join(layers[0], name), "."))
	}
	b.forget()
}
