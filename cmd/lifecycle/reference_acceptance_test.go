//go:build acceptance

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/stack/referencetest"
)

// scene is builds in a row of one app, which the creator of the reference plays,
// and then ours in the same directory.
type scene struct {
	// apis are the versions of the Platform API that it is for; none means all.
	apis []string
	// files are what there is to begin with, by path below the stage. Those in a
	// bin directory are programs.
	files map[string]string
	// run is the run image.
	run *v1.ConfigFile
	// acts are the builds.
	acts []act
	// differs says why all of it comes out in another way than with the reference;
	// empty for what should not.
	differs string
}

// act is a build.
type act struct {
	// files are written before, those without text are removed.
	files map[string]string
	// args go before the name of the image, with HOST for the registry, env to the
	// lifecycle.
	args, env []string
	// before is called with the stage for what files cannot say.
	before func(*stage)
}

// stage is where a scene is played: a directory, and a registry at an address that
// stays while its contents are exchanged.
type stage struct {
	t         *testing.T
	dir, host string
	registry  *swap
	launcher  string
}

// swap is a registry of which there can be a new one at the same address.
type swap struct {
	mu      sync.Mutex
	handler http.Handler
}

func (s *swap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	handler := s.handler
	s.mu.Unlock()
	handler.ServeHTTP(w, r)
}

func (s *swap) renew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = registry.New(registry.Logger(log.New(io.Discard, "", 0)))
}

func newStage(t *testing.T) *stage {
	t.Helper()
	// Who builds is not who tests.
	base, err := os.MkdirTemp("", "stage-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(base)) })
	must(t, os.Chmod(base, 0o755))
	s := &stage{t: t, dir: filepath.Join(base, "stage"), registry: &swap{}, launcher: filepath.Join(base, "launcher")}
	must(t, os.WriteFile(s.launcher, []byte(launcher()), 0o755))
	server := httptest.NewServer(s.registry)
	t.Cleanup(server.Close)
	s.host = server.Listener.Addr().String()
	return s
}

// nobody is who builds: one that every /etc/passwd has.
const nobody = 65534

// creator is a lifecycle: a function that makes the command of its creator.
type creator func(args ...string) *exec.Cmd

// ours builds the lifecycle of this tree.
func ours(t *testing.T) creator {
	t.Helper()
	base, err := os.MkdirTemp("", "ours-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(base)) })
	must(t, os.Chmod(base, 0o755))
	file := filepath.Join(base, "lifecycle")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", file, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return func(args ...string) *exec.Cmd {
		c := exec.CommandContext(t.Context(), file, args...)
		c.Args[0] = "creator"
		return c
	}
}

// theirs is the lifecycle of the reference.
func theirs(t *testing.T) creator {
	t.Helper()
	reference := referencetest.Build(t)
	return func(args ...string) *exec.Cmd { return reference.Phase(t, "creator", args...) }
}

// play plays a scene from the start and returns what there was to see after every
// act, by what it is.
func (s *stage) play(p creator, api string, scene scene) []map[string]string {
	s.t.Helper()
	must(s.t, os.RemoveAll(s.dir))
	s.registry.renew()
	config := scene.run
	if config == nil {
		config = runImage()
	}
	image, err := mutate.ConfigFile(empty.Image, config)
	must(s.t, err)
	image, err = mutate.AppendLayers(image, static.NewLayer(make([]byte, 1024), types.DockerUncompressedLayer))
	must(s.t, err)
	must(s.t, remote.Write(s.tag("run:1"), image))
	for _, dir := range []string{"app", "layers", "cache", "platform", "buildpacks", "sbom"} {
		must(s.t, os.MkdirAll(filepath.Join(s.dir, dir), 0o755))
	}
	s.write(map[string]string{
		"run.toml":   fmt.Sprintf("[[images]]\nimage = %q\nmirrors = [\"example.com/mirror\"]\n", s.host+"/run:1"),
		"stack.toml": fmt.Sprintf("[run-image]\nimage = %q\n", s.host+"/run:1"),
	})
	s.write(scene.files)
	var seen []map[string]string
	for _, act := range scene.acts {
		must(s.t, os.RemoveAll(filepath.Join(s.dir, "layers")))
		must(s.t, os.MkdirAll(filepath.Join(s.dir, "layers"), 0o755))
		s.write(act.files)
		if act.before != nil {
			act.before(s)
		}
		seen = append(seen, s.build(p, api, act))
	}
	return seen
}

func runImage() *v1.ConfigFile {
	return &v1.ConfigFile{
		OS: "linux", Architecture: "amd64", RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{}},
		Config: v1.Config{User: "1000:1000", Env: []string{"PATH=/usr/bin:/bin", "CNB_STACK_ID=test.stack"}, Labels: map[string]string{
			"io.buildpacks.stack.id": "test.stack", "io.buildpacks.base.distro.name": "debian", "io.buildpacks.base.distro.version": "13",
		}},
	}
}

func (s *stage) at(path string) string { return filepath.Join(s.dir, path) }

func (s *stage) tag(image string) name.Tag {
	tag, err := name.NewTag(s.host + "/" + image)
	must(s.t, err)
	return tag
}

// write writes files, or removes those without text.
func (s *stage) write(all map[string]string) {
	s.t.Helper()
	for path, text := range all {
		if text == "" {
			must(s.t, os.RemoveAll(s.at(path)))
			continue
		}
		mode := fs.FileMode(0o644)
		if filepath.Base(filepath.Dir(path)) == "bin" {
			mode = 0o755
		}
		text = strings.ReplaceAll(text, "HOST", s.host)
		must(s.t, os.MkdirAll(filepath.Dir(s.at(path)), 0o755))
		must(s.t, os.WriteFile(s.at(path), []byte(text), mode))
		must(s.t, os.Chmod(s.at(path), mode))
	}
}

// build runs a creator.
func (s *stage) build(p creator, api string, act act) map[string]string {
	s.t.Helper()
	args := []string{
		"-app", s.at("app"), "-layers", s.at("layers"), "-platform", s.at("platform"), "-buildpacks", s.at("buildpacks"), "-order", s.at("order.toml"),
		"-cache-dir", s.at("cache"), "-launcher", s.launcher, "-project-metadata", s.at("project.toml"),
	}
	version, err := platform.ParseAPI(api)
	must(s.t, err)
	if version.LauncherSBOM {
		args = append(args, "-launcher-sbom", s.at("sbom"))
	}
	if version.BuildConfig {
		args = append(args, "-build-config", s.at("build-config"))
	}
	args = append(args, "-stack", s.at("stack.toml"))
	if version.RunTOML {
		args = append(args, "-run", s.at("run.toml"))
	}
	if version.System {
		args = append(args, "-system", s.at("system.toml"))
	}
	for _, arg := range act.args {
		args = append(args, strings.ReplaceAll(arg, "HOST", s.host))
	}
	c := p(append(args, s.host+"/app:1")...)
	c.Dir = "/"
	c.Env = append([]string{
		"CNB_PLATFORM_API=" + api, "CNB_NO_COLOR=true", "PATH=/usr/bin:/bin", "TMPDIR=" + os.TempDir(),
		fmt.Sprintf("CNB_USER_ID=%d", nobody), fmt.Sprintf("CNB_GROUP_ID=%d", nobody),
		"CNB_REGISTRY_AUTH_KEYCHAIN_SKIP_AMAZON=true", "CNB_REGISTRY_AUTH_KEYCHAIN_SKIP_AZURE=true",
	}, act.env...)
	out, err := c.CombinedOutput()
	if _, exit := errors.AsType[*exec.ExitError](err); err != nil && !exit {
		s.t.Fatal(err)
	}
	if slices.Contains(act.args, "debug") {
		out = []byte(times.ReplaceAllString(strings.Join(detecting.FindAllString(string(out), -1), ""), "$1"))
	}
	seen := map[string]string{"exit": fmt.Sprint(c.ProcessState.ExitCode()), "output": sorted(string(out))}
	s.files(seen)
	s.image(seen)
	return seen
}

// sorted is output with those lines sorted that the reference has as its maps have
// them, or as they come from layers that are restored at a time, and those about the
// cache last, which is made beside the image.
func sorted(output string) string {
	var lines, last []string
	for _, line := range strings.SplitAfter(output, "\n") {
		if aboutCache.MatchString(line) {
			last = append(last, line)
			continue
		}
		lines = append(lines, line)
	}
	lines = append(lines, last...)
	for from := 0; from < len(lines); from++ {
		to := from
		for to < len(lines) && restoring.MatchString(lines[to]) {
			to++
		}
		slices.Sort(lines[from:to])
		from = max(from, to-1)
	}
	return loose.ReplaceAllStringFunc(strings.Join(lines, ""), func(block string) string {
		if strings.Contains(block, "fail: ") {
			return "fail: the plan\n"
		}
		lines := strings.SplitAfter(block, "\n")
		slices.Sort(lines)
		return strings.Join(lines, "")
	})
}

// detecting is what the detector says, up to the next phase; what there is on debug
// level of all others each lifecycle has for itself.
var detecting = regexp.MustCompile(`(?ms)^===> DETECTING\n(.*?)(^===> |\z)`)

// times are the times of timers.
var times = regexp.MustCompile(`(?m)^(Timer: \S+ (started|ran for)) .*$`)

var aboutCache = regexp.MustCompile(`^((Adding|Reusing) cache layer|Warning: (Failed to cache|Skipping reuse for) layer)`)

var restoring = regexp.MustCompile(`^(Restoring (metadata|data) for "|Warning: Skipping restore for layer)`)

// loose are lines of what is missing in a plan: in the order of a map, up to one
// that makes the trial fail.
var loose = regexp.MustCompile(`(?m)(^(skip|fail): \S+ (requires|provides unused) .*\n)+`)

// files notes the files that a lifecycle left.
func (s *stage) files(seen map[string]string) {
	for _, top := range []string{"layers", "cache", "app"} {
		must(s.t, filepath.WalkDir(s.at(top), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(s.dir, path)
			if err != nil {
				return err
			}
			if rel == "cache/slugc" {
				return fs.SkipDir // our own
			}
			info, err := os.Lstat(path)
			if err != nil {
				return err
			}
			text := info.Mode().String()
			switch {
			case filepath.Ext(rel) == ".tar":
				data, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				if fmt.Sprintf("sha256:%x.tar", sha256.Sum256(data)) != entry.Name() {
					text += ", broken"
				}
			case entry.Type().IsRegular():
				data, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				text += "\n" + parsed(rel, data)
				if name := filepath.Base(rel); name == "group.toml" || name == "metadata.toml" {
					seen[rel+" bytes"] = string(data)
				}
			case entry.Type()&fs.ModeSymlink != 0:
				to, err := os.Readlink(path)
				if err != nil {
					return err
				}
				text += " " + to
			}
			seen[rel] = text
			return nil
		}))
	}
}

// parsed is what the text of a file says, in one form.
func parsed(path string, data []byte) string {
	var doc any
	var err error
	switch filepath.Ext(path) {
	case ".toml":
		table := map[string]any{}
		err = toml.Unmarshal(data, &table)
		doc = table
	case ".json", ".metadata":
		err = json.Unmarshal(data, &doc)
	default:
		return string(data)
	}
	if err != nil {
		return string(data)
	}
	if table, is := doc.(map[string]any); is && filepath.Base(path) == "plan.toml" {
		// The reference has them as its maps have them.
		if entries, is := table["entries"].([]map[string]any); is {
			slices.SortFunc(entries, func(a, b map[string]any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
	}
	return canonical(doc)
}

func canonical(doc any) string {
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// image notes the image that a lifecycle made.
func (s *stage) image(seen map[string]string) {
	image, err := remote.Image(s.tag("app:1"))
	if err != nil {
		return
	}
	config, err := image.ConfigFile()
	must(s.t, err)
	for label, value := range config.Config.Labels {
		var doc any
		if json.Unmarshal([]byte(value), &doc) == nil {
			value = canonical(doc)
		}
		seen["label "+label] = value
	}
	var sbom struct{ SBOM struct{ SHA string } }
	must(s.t, json.Unmarshal([]byte(config.Config.Labels["io.buildpacks.lifecycle.metadata"]), &sbom))
	config.Config.Labels = nil
	layers, err := image.Layers()
	must(s.t, err)
	for i, layer := range layers {
		id, err := layer.DiffID()
		must(s.t, err)
		seen[fmt.Sprintf("layer %d", i)] = id.String()
		if id.String() == sbom.SBOM.SHA {
			seen[fmt.Sprintf("layer %d", i)], seen["layer sbom"] = "the SBOM", id.String()
		}
	}
	config.RootFS.DiffIDs = nil
	seen["history"] = canonical(config.History)
	config.History = nil
	seen["config"] = canonical(config)
	manifest, err := image.Manifest()
	must(s.t, err)
	seen["manifest"] = canonical([]any{manifest.MediaType, manifest.Config.MediaType, manifest.Annotations, len(manifest.Layers)})
}

// difference is something in which ours is not as the reference, and why.
type difference struct {
	// in is what it is in: the Platform API, the scene, and a key of what there is
	// to see, with slashes between them.
	in string
	// from is taken for to on both sides.
	from, to string
	why      string
	// sometimes says that it need not be there: it depends on who is faster.
	sometimes bool
}

// differences are all that are known. One that nothing needs fails the test.
func differences() []difference {
	const (
		digest    = `[0-9a-f]{64}`
		lifecycle = `label io.buildpacks.lifecycle.metadata$`
		build     = `label io.buildpacks.build.metadata$`
	)
	return []difference{
		{`(output|report.toml|analyzed.toml)$`, `(app@|"digest": "|Images \()sha256:` + digest, "$1", "blobs are compressed in parts, and a label has the version, so manifests have other digests", false},
		{`report.toml$`, `"manifest-size": \d+`, "", "sizes of such blobs have other digits", true},
		{build, `"version": "0.21.0(\+slugc\.\d+)?"`, `"version": ""`, "our launcher has our version", false},
		{lifecycle, `\n  "exec-env": "[a-z]*",`, "", "the specification has the execution environment here, the reference in a label only; ours is in both", false},
		{`output$`, twiceCached, "", "the reference adds to the cache what it took over from it", false},
		{`output$`, `(?m)^(Warning: BOM table is deprecated .*\n)(Warning: BOM table is deprecated .*\n)+`, "$1", "the reference warns twice of one table", false},
		{`output$`, `(?m)^Warning: (Warning: process working directory isn't supported.*|.*working-dir is no key of Buildpack API 0.7 and is ignored)$`, "", "we name the buildpack", false},

		{`(left .*|no bin/build|no interpreter|build is killed)/output$`, `(?m)^ERROR: failed to build: .*`, "", "we name buildpack, file and what is expected", false},
		{`left bom version/output$`, `(?m)^Warning: BOM table.*\n`, "", "what breaks the build is said alone", false},
		{`output$`, `(%!\(NOVERB\)|%!\n\(MISSING\)|%)`, "", "the reference takes the words of buildpacks for a format", false},
		{`layers/.*sbom\.[a-z]*\.json$`, `^-rw-rw-rw-`, "-rw-r--r--", "the reference has one umask for all that it unpacks at a time", true},
		{`store/output$`, `number = 3.0`, "number = 3", "what was a whole number is one again", false},
		{`output$`, `toml: (line \d+)`, "$1", "where a line is counted, it is of TOML", false},
		{`API odd/output$`, `'(<nil>|new)'`, "", "the reference does not say which API it could not read", false},
		{`/environment 0.7/output$`, `(?m)^(PLAN_PATH|CNB_LAYERS_DIR|CNB_PLATFORM_DIR)=.*\n`, "", "buildpacks of API 0.7 get the variables of 0.8 too", false},
		{`(no bin/detect|detect not to run)/output$`, `(fork/exec )?(/.*bin/detect): .*`, "$2", "we say what is missing", false},
		{`no run image/output$`, `(?m)^ERROR: failed to export: get run image .*`, "", "we say which image is not there", false},
		{`process not there/output$`, `(?m)^Add.*\n`, "", "we look for the process before there are layers", false},
		{`((broken|cut) cache layers|cache layers gone)/output$`, `(?m)^Warning: Skipping restore for layer .*\n`, "", "we say what is wrong with the layer", false},
		{`((broken|cut) cache layers|cache layers gone)/output$`, `(?m)^Warning: Skipping reuse for layer .*\n`, "", "we know since the layers were restored", false},
		{`(broken|cut) cache layers/output$`, `(?m)^(Adding|Reusing) cache layer`, "Adding cache layer", "the layers are restored from directories beside the cache, where nobody needs their files", false},
		{`(broken|cut) cache layers/cache/.*\.tar$`, `, broken$`, "", "files that nobody needed are as they were", false},
		{`debug for tests/output$`, `(?m)^(Checking for match against descriptor: \{linux amd64 .*|Skipping \S+ due to execution environment mismatch; .*)\n`, "", "who is for another execution environment is in no group, and nothing is told of it", false},
		{`other run image/config$`, `lifecycle:(/usr/local/sbin:[^"]*)?"`, `lifecycle"`, "processes of a run image without PATH have the usual one", false},
	}
}

// twiceCached stands for a difference that no expression finds; see addedOnce.
const twiceCached = `^twice cached$`

// addedOnce is output without a cache layer that is added where it was taken over.
func addedOnce(output string) string {
	var lines []string
	for _, line := range strings.SplitAfter(output, "\n") {
		layer, added := strings.CutPrefix(line, "Adding cache layer ")
		if !added || len(lines) == 0 || lines[len(lines)-1] != "Reusing cache layer "+layer {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// known counts which differences were needed.
type known struct {
	mu   sync.Mutex
	all  []difference
	used map[int]bool
}

// level takes what is known out of a pair.
func (k *known) level(key, want, got string) (string, string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, d := range k.all {
		if want == got {
			break
		}
		if !regexp.MustCompile(d.in).MatchString(key) {
			continue
		}
		from := regexp.MustCompile(d.from)
		w, g := from.ReplaceAllString(want, d.to), from.ReplaceAllString(got, d.to)
		if d.from == twiceCached {
			w, g = addedOnce(want), addedOnce(got)
		}
		if w != want || g != got {
			want, got = w, g
			k.used[i] = true
		}
	}
	return want, got
}

// compare says in what that which was to be seen of two programs differs.
func (k *known) compare(scene string, want, got map[string]string) string {
	keys := slices.Sorted(maps.Keys(want))
	for key := range got {
		if _, has := want[key]; !has {
			keys = append(keys, key)
		}
	}
	var bad bytes.Buffer
	for _, key := range keys {
		w, inWant := want[key]
		g, inGot := got[key]
		w, g = k.level(scene+"/"+key, w, g)
		if inWant != inGot && (w != "" || g != "") {
			fmt.Fprintf(&bad, "%s: of the reference %v, ours %v\n%s\n", key, inWant, inGot, w+g)
			continue
		}
		if w != g {
			fmt.Fprintf(&bad, "%s:\n%s", key, lines(w, g))
		}
	}
	return bad.String()
}

// lines are those in which two texts differ.
func lines(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for len(w) > 0 && len(g) > 0 && w[0] == g[0] {
		w, g = w[1:], g[1:]
	}
	for len(w) > 0 && len(g) > 0 && w[len(w)-1] == g[len(g)-1] {
		w, g = w[:len(w)-1], g[:len(g)-1]
	}
	var text strings.Builder
	for i, side := range [][]string{w, g} {
		for _, line := range side {
			fmt.Fprintf(&text, "%c%s\n", "-+"[i], line)
		}
	}
	return text.String()
}

// seed is of the scenes that are made at random.
const seed = 6

// TestReferenceCreator plays all scenes with all Platform APIs.
func TestReferenceCreator(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the creator is started by root")
	}
	k := &known{all: differences(), used: map[int]bool{}}
	them, us := theirs(t), ours(t)
	t.Run("scenes", func(t *testing.T) {
		all := scenes()
		maps.Copy(all, randomScenes(seed, 40))
		for name, scene := range all {
			apis := scene.apis
			if apis == nil {
				apis = platform.APIs()
			}
			for _, api := range apis {
				t.Run(name+"/"+api, func(t *testing.T) {
					t.Parallel()
					s := newStage(t)
					want, got := s.play(them, api, scene), s.play(us, api, scene)
					for i := range want {
						t.Logf("build %d ends with %s", i+1, want[i]["exit"])
					}
					var bad strings.Builder
					for i := range want {
						if found := k.compare(api+"/"+name, want[i], got[i]); found != "" {
							fmt.Fprintf(&bad, "build %d (-reference +ours)\n%s", i+1, found)
						}
					}
					switch {
					case scene.differs == "" && bad.Len() > 0:
						t.Error(bad.String())
					case scene.differs != "" && bad.Len() == 0:
						t.Errorf("it is as with the reference, other than said: %s", scene.differs)
					}
				})
			}
		}
	})
	some := strings.Contains(flag.Lookup("test.run").Value.String(), "/")
	failed := t.Failed()
	for i, d := range k.all {
		if !k.used[i] && !d.sometimes && !failed && !some {
			t.Errorf("nothing needs the difference in %s: %s", d.in, d.why)
		}
	}
}
