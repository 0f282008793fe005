//go:build acceptance

package lifecycle_test

import (
	"bytes"
	"encoding/json"
	"errors"
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
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	ggcr "github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/slugc/slugc/build/lifecycle"
	"github.com/slugc/slugc/build/lifecycle/cache"
	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/build/lifecycle/target"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/referencetest"
)

// bench is where both programs export the same builds: one directory, which is laid
// anew for each of them so that paths are equal, and one registry in which each has
// a repository of its own.
type bench struct {
	t         *testing.T
	dir, host string
	reference referencetest.Lifecycle
	api       platform.API
	uid       int
}

func newBench(t *testing.T, version string) *bench {
	t.Helper()
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code := 0
		switch {
		case strings.Contains(r.URL.Path, "/refused/") && r.Method == http.MethodPut, strings.Contains(r.URL.Path, "/denied/"):
			code = http.StatusForbidden
		case strings.Contains(r.URL.Path, "/unknown/"):
			code = http.StatusUnauthorized
		}
		if code != 0 {
			w.WriteHeader(code)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	api, err := platform.ParseAPI(version)
	must(t, err)
	// The reference writes what lies above into layers, and becomes another user.
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	for _, made := range []string{dir, filepath.Dir(dir)} {
		must(t, os.Chmod(made, 0o755))
	}
	b := &bench{t: t, dir: dir, host: server.Listener.Addr().String(), reference: referencetest.Build(t), api: api, uid: 1000}
	if os.Getuid() != 0 {
		b.uid = os.Getuid()
	}
	launcher, err := os.ReadFile(b.reference.Launcher())
	must(t, err)
	must(t, os.WriteFile(b.at("launcher"), launcher, 0o755))
	b.put("own-sbom/launcher.sbom.cdx.json", `{"launcher": true}`)
	b.run(runImage{})
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) at(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) put(name, text string) {
	b.t.Helper()
	must(b.t, os.MkdirAll(filepath.Dir(b.at(name)), 0o755))
	must(b.t, os.WriteFile(b.at(name), []byte(text), 0o644))
}

func (b *bench) tag(image string) name.Reference {
	b.t.Helper()
	ref, err := name.ParseReference(b.host + "/" + image)
	must(b.t, err)
	return ref
}

// runImage is a base.
type runImage struct {
	oci bool
	// history is how many entries of the history have no layer; negative for a
	// history that does not account for the layers.
	history int
	config  v1.Config
	labels  map[string]string
	name    string
}

// run makes the run image.
func (b *bench) run(r runImage) {
	b.t.Helper()
	image := empty.Image
	kind := ggcr.DockerLayer
	if r.oci {
		image = mutate.ConfigMediaType(mutate.MediaType(image, ggcr.OCIManifestSchema1), ggcr.OCIConfigJSON)
		kind = ggcr.OCILayer
	}
	config := &v1.ConfigFile{OS: "linux", Architecture: "amd64", Author: "somebody", Config: r.config, RootFS: v1.RootFS{Type: "layers"}}
	config.Config.Labels = map[string]string{
		"io.buildpacks.stack.id": "some.stack", "io.buildpacks.base.distro.name": "debian", "io.buildpacks.base.distro.version": "13", "io.buildpacks.base.id": "some.target",
	}
	maps.Copy(config.Config.Labels, r.labels)
	if config.Config.Env == nil {
		config.Config.Env = []string{"PATH=/usr/bin:/bin", "CNB_USER_ID=1000", "CNB_GROUP_ID=1000"}
	}
	image, err := mutate.ConfigFile(image, config)
	must(b.t, err)
	for i := range 2 {
		layer, err := random.Layer(500, kind)
		must(b.t, err)
		image, err = mutate.Append(image, mutate.Addendum{Layer: layer, MediaType: kind, History: v1.History{
			CreatedBy: fmt.Sprintf("step %d", i), Author: "me", Created: v1.Time{Time: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)},
		}})
		must(b.t, err)
	}
	config, err = image.ConfigFile()
	must(b.t, err)
	config = config.DeepCopy()
	for range r.history {
		config.History = slices.Insert(config.History, 1, v1.History{CreatedBy: "ENV", EmptyLayer: true})
	}
	if r.history < 0 {
		config.History = config.History[:1]
	}
	image, err = mutate.ConfigFile(image, config)
	must(b.t, err)
	if r.name == "" {
		r.name = "run:1"
	}
	must(b.t, remote.Write(b.tag(r.name), image))
}

// build is what a builder left.
type build struct {
	// layers are the contents of layers by path below the layers directory; those
	// without contents have only their description.
	files map[string]string
	// slices cuts the app.
	slices bool
	// none leaves processes out.
	none bool
	bom  bool
}

// cold is a first build.
func cold() build {
	return build{bom: true, files: map[string]string{
		"app/server.js": "listen()", "app/static/a.css": "a", "app/static/b.css": "b", "app/lib/x/y": "deep",
		"layers/acme_node/node/bin/node":                     "program",
		"layers/acme_node/node.toml":                         "[types]\nlaunch = true\ncache = true\nbuild = true\n[metadata]\nversion = \"1\"\nnumber = 3\nhalf = 0.5\n[metadata.deep]\nlist = [1, 2]\n",
		"layers/acme_node/modules/m/index":                   "module",
		"layers/acme_node/modules.toml":                      "[types]\nlaunch = true\n",
		"layers/acme_node/download/file":                     "cached",
		"layers/acme_node/download.toml":                     "[types]\ncache = true\n[metadata]\nx = 1\n",
		"layers/acme_node/gone.toml":                         "[metadata]\nx = 1\n",
		"layers/acme_node/store.toml":                        "[metadata]\nseen = true\n[metadata.n]\na = 1\n",
		"layers/acme_node/launch.toml":                       "",
		"layers/acme_node/build.toml":                        "[[bom]]\nname = \"dep\"\nversion = \"1\"\n[bom.metadata]\nlicense = \"MIT\"\n",
		"layers/acme_tool/tool/etc/conf":                     "tool",
		"layers/acme_tool/tool.toml":                         "[types]\nlaunch = true\nbuild = true\n",
		"layers/sbom/launch/acme_node/node/sbom.cdx.json":    "{}",
		"layers/sbom/launch/acme_node/sbom.syft.json":        "{}",
		"layers/sbom/cache/acme_node/download/sbom.cdx.json": "{}",
		"layers/sbom/build/acme_node/sbom.cdx.json":          "not in an image",
		"layers/project-metadata.toml":                       "[source]\ntype = \"git\"\n[source.version]\ncommit = \"abc\"\n[source.metadata]\nrefs = [\"main\"]\n",
	}}
}

// edit is a build with other files; those without text are not there.
func (b build) edit(change map[string]string) build {
	b.files = maps.Clone(b.files)
	for file, text := range change {
		if text == "" {
			delete(b.files, file)
			continue
		}
		b.files[file] = text
	}
	return b
}

// lay puts a build where both programs look for it.
func (b *bench) lay(made build) {
	b.t.Helper()
	for _, dir := range []string{"app", "layers"} {
		must(b.t, os.RemoveAll(b.at(dir)))
		must(b.t, os.MkdirAll(b.at(dir), 0o755))
	}
	for file, text := range made.files {
		b.put(file, text)
	}
	for _, link := range []string{"app/link", "layers/acme_tool/tool/link"} {
		if _, err := os.Stat(filepath.Dir(b.at(link))); err == nil {
			must(b.t, os.Symlink("../elsewhere", b.at(link)))
		}
	}
	b.put("layers/group.toml", "[[group]]\nid = \"acme/node\"\nversion = \"1.2\"\napi = \"0.9\"\nhomepage = \"https://example.com\"\n[[group]]\nid = \"acme/tool\"\nversion = \"2\"\napi = \"0.8\"\n")
	b.put("run.toml", fmt.Sprintf("[[images]]\nimage = %q\nmirrors = [\"mirror.example/run\"]\n", b.host+"/run:1"))
	b.put("stack.toml", fmt.Sprintf("[run-image]\nimage = %q\nmirrors = [\"mirror.example/run\"]\n", b.host+"/run:1"))
	head := ""
	if !made.none {
		head = "buildpack-default-process-type = \"web\"\n"
	}
	body := "[[buildpacks]]\nid = \"acme/node\"\nversion = \"1.2\"\napi = \"0.9\"\nhomepage = \"https://example.com\"\n[[buildpacks]]\nid = \"acme/tool\"\nversion = \"2\"\napi = \"0.8\"\n"
	body += "[[labels]]\nkey = \"some.label\"\nvalue = \"x\"\n[[labels]]\nkey = \"some.label\"\nvalue = \"y\"\n"
	if !made.none {
		list := func(words string) string {
			if b.api.CommandList {
				return words
			}
			return strings.Trim(strings.Split(words, ",")[0], "[]")
		}
		body += "[[processes]]\ntype = \"odd.type\"\ncommand = " + list(`["some command"]`) + "\nargs = []\ndirect = false\nbuildpack-id = \"acme/tool\"\n"
		body += "[[processes]]\ntype = \"web\"\ncommand = " + list(`["node", "a"]`) + "\nargs = [\"server.js\"]\ndirect = true\nbuildpack-id = \"acme/node\"\nworking-dir = \"/there\"\n"
	}
	if made.slices {
		body += "[[slices]]\npaths = [\"static/*.css\", \"none\"]\n[[slices]]\npaths = [\"nothing\"]\n"
	}
	if made.bom && !b.api.LegacyBOMFiles {
		body = "[[bom]]\nname = \"dep\"\nversion = \"1\"\n[bom.metadata]\nlicense = \"MIT\"\n[bom.buildpack]\nid = \"acme/node\"\nversion = \"1.2\"\n" + body
	}
	b.put("layers/config/metadata.toml", head+body)
	must(b.t, filepath.WalkDir(b.dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, b.uid, b.uid))
	}))
}

// outcome is what a program did.
type outcome struct {
	code     int
	said     string
	Analyzed map[string]any
	Report   map[string]any
	Config   map[string]any
	Manifest map[string]any
	Cache    map[string]any
	Said     []string
}

// player is one of the programs, with its own repositories.
type player struct {
	*bench
	repo string
	ours bool
	// layout has images in OCI layouts.
	layout bool
}

// images are where ours has its images.
func (p player) images() target.Target {
	if p.layout {
		return target.Layout{Dir: p.at("layouts"), Memory: pack.DirStore{Dir: p.at("memory")}}
	}
	return target.Registry{Backoff: time.Millisecond}
}

// options are what a platform says.
type options struct {
	process, epoch string
	tags           []string
	previous       string
	noCache        bool
	execEnv        string
	// between comes after the analyzer.
	between func(player)
}

// play analyzes and exports a build.
func (p player) play(made build, o options) outcome {
	p.t.Helper()
	p.lay(made)
	var out outcome
	var said bytes.Buffer
	err := p.analyze(&said, o)
	if err != nil && p.ours {
		fmt.Fprintf(&said, "ERROR: %v\n", err)
	}
	if err == nil {
		out.Analyzed = readTOML(p.t, p.at("layers/analyzed.toml"))
		if o.between != nil {
			o.between(p)
		}
		err = p.export(&said, o)
	}
	out.said = said.String()
	out.code = exitCode(p.t, err)
	if out.code == 0 {
		out.Report = readTOML(p.t, p.at("layers/report.toml"))
		out.Config, out.Manifest = p.made(p.repo + "/app:1")
	}
	if data, err := os.ReadFile(p.cacheDir() + "/committed/" + cache.MetadataName); err == nil {
		must(p.t, json.Unmarshal(data, &out.Cache))
	}
	out.Said = heard(out.said)
	return p.same(out)
}

var (
	ansi  = regexp.MustCompile(`\x1b\[[0-9;]*m`)
	known = regexp.MustCompile(`^(Using|Reus|Add|Setting|no default|\*\*\* Images|      |Restoring|Image with|Saving|Ignoring|Warning: [^N]|ERROR)`)
	hash  = regexp.MustCompile(`sha256:[0-9a-f]{64}`)
)

// heard are the lines that platforms look for, sorted.
func heard(said string) []string {
	var lines []string
	for line := range strings.Lines(said) {
		line = strings.TrimRight(ansi.ReplaceAllString(line, ""), "\n")
		if known.MatchString(line) {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

// same has the repository of a program in all texts as "it", and no digest of an
// image, which is that of compressed layers.
func (p player) same(out outcome) outcome {
	p.t.Helper()
	text, err := json.Marshal(out)
	must(p.t, err)
	plain := strings.ReplaceAll(string(text), p.host+"/"+p.repo+"/", "it/")
	plain = strings.ReplaceAll(plain, "/v2/"+p.repo+"/", "/v2/it/")
	plain = regexp.MustCompile(`it/app(:1|/1)?@sha256:[0-9a-f]{64}`).ReplaceAllString(plain, "it/app@digest")
	next := outcome{code: out.code, said: out.said}
	must(p.t, json.Unmarshal([]byte(plain), &next))
	if image, ok := next.Report["image"].(map[string]any); ok {
		for _, key := range []string{"digest", "manifest-size"} {
			if _, there := image[key]; there {
				image[key] = "there"
			}
		}
	}
	for i, line := range next.Said {
		if strings.HasPrefix(line, "*** Images") {
			next.Said[i] = hash.ReplaceAllString(line, "digest")
		}
	}
	return next
}

func (p player) cacheDir() string { return p.at("cache-" + p.repo) }

// command is a phase of the reference.
func (p player) command(said io.Writer, env []string, phase string, args ...string) error {
	c := p.reference.Phase(p.t, phase, args...)
	c.Env = append(os.Environ(), append(env, "CNB_PLATFORM_API="+p.api.Version, "CNB_EXPERIMENTAL_MODE=quiet")...)
	c.Stdout, c.Stderr = said, said
	return c.Run()
}

// more are the flags for where images are.
func (p player) more(args []string) []string {
	if p.layout {
		return append(args, "-layout", "-layout-dir", p.at("layouts"))
	}
	return args
}

func (p player) analyze(said io.Writer, o options) error {
	image, run := p.host+"/"+p.repo+"/app:1", p.host+"/run:1"
	previous := image
	if o.previous != "" {
		previous = p.host + "/" + o.previous
	}
	var tags []string
	for _, tag := range o.tags {
		tags = append(tags, p.host+"/"+p.repo+"/"+tag)
	}
	if p.ours {
		a := lifecycle.Analyzer{
			API: p.api, Target: p.images(), Previous: previous, RunImage: run, Read: []string{previous, run}, Write: append([]string{image}, tags...),
			Layers: p.at("layers"), Log: &platform.Log{Out: said, Plain: true},
		}
		analyzed, err := a.Run(p.t.Context())
		if err == nil {
			err = files.WriteAnalyzed(p.at("layers/analyzed.toml"), analyzed)
		}
		return err
	}
	args := []string{
		"-layers", p.at("layers"), "-run-image", run, "-previous-image", previous, "-uid", fmt.Sprint(p.uid), "-gid", fmt.Sprint(p.uid), "-no-color",
	}
	for _, tag := range tags {
		args = append(args, "-tag", tag)
	}
	return p.command(said, nil, "analyzer", append(p.more(args), image)...)
}

func (p player) export(said io.Writer, o options) error {
	names := []string{p.host + "/" + p.repo + "/app:1"}
	for _, tag := range o.tags {
		names = append(names, p.host+"/"+p.repo+"/"+tag)
	}
	must(p.t, os.MkdirAll(p.cacheDir(), 0o777))
	if !p.ours {
		args := []string{
			"-layers", p.at("layers"), "-app", p.at("app"), "-launcher", p.at("launcher"), "-project-metadata", p.at("layers/project-metadata.toml"),
			"-uid", fmt.Sprint(p.uid), "-gid", fmt.Sprint(p.uid), "-no-color", "-process-type", o.process,
		}
		if !o.noCache {
			args = append(args, "-cache-dir", p.cacheDir())
		}
		if p.api.RunTOML {
			args = append(args, "-run", p.at("run.toml"))
		} else {
			args = append(args, "-stack", p.at("stack.toml"))
		}
		if p.api.LauncherSBOM {
			args = append(args, "-launcher-sbom", p.at("own-sbom"))
		}
		var env []string
		if o.epoch != "" {
			env = append(env, "SOURCE_DATE_EPOCH="+o.epoch)
		}
		if o.execEnv != "" {
			env = append(env, "CNB_EXEC_ENV="+o.execEnv)
		}
		return p.command(said, env, "exporter", append(p.more(args), names...)...)
	}
	log := &platform.Log{Out: said, Plain: true}
	analyzed, err := files.ReadAnalyzed(p.at("layers/analyzed.toml"), log)
	must(p.t, err)
	group, err := files.ReadGroup(p.at("layers/group.toml"))
	must(p.t, err)
	project, err := files.ReadProject(p.at("layers/project-metadata.toml"), log)
	must(p.t, err)
	run, err := files.ReadRun(p.at("run.toml"), log)
	must(p.t, err)
	stacked, err := files.ReadStack(p.at("stack.toml"), log)
	must(p.t, err)
	e := lifecycle.Exporter{
		API: p.api, App: p.at("app"), Layers: p.at("layers"), Group: group.Buildpacks, Analyzed: analyzed, Target: p.images(),
		RunImage: analyzed.RunImage.Reference, RunImages: stacked.RunImage, Names: names,
		Launcher: lifecycle.Launcher{File: p.at("launcher"), SBOMDir: p.at("own-sbom"), Version: referencetest.Version},
		Process:  o.process, Project: project, UID: p.uid, GID: p.uid, Temp: p.t.TempDir(), Log: log,
	}
	if p.api.RunTOML {
		e.RunImages = platform.ForLabel(run, analyzed.RunImage.Image, false)
	}
	if p.api.ExecEnv {
		e.ExecEnv = "production"
		if o.execEnv != "" {
			e.ExecEnv = o.execEnv
		}
	}
	if o.epoch != "" && p.api.SourceDate {
		when, err := time.Parse(time.RFC3339, "2021-02-03T04:05:06Z")
		must(p.t, err)
		e.SourceDate = strconv.FormatInt(when.Unix(), 10)
	}
	if !o.noCache {
		e.Cache, err = cache.OpenVolume(p.cacheDir())
		must(p.t, err)
	}
	report, err := e.Run(p.t.Context())
	if err != nil {
		fmt.Fprintf(said, "ERROR: %v\n", err)
		return err
	}
	return files.WriteReport(p.at("layers/report.toml"), report)
}

// exitCode is that of a program, or the class of the error of a phase as one.
func exitCode(t *testing.T, err error) int {
	t.Helper()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if failed, ok := errors.AsType[*lifecycle.Failure](err); ok {
		return map[lifecycle.Class]int{lifecycle.AnalyzeError: 32, lifecycle.ExportError: 62, lifecycle.RebaseError: 72, lifecycle.Generic: 1}[failed.Class]
	}
	must(t, err)
	return 0
}

func readTOML(t *testing.T, file string) map[string]any {
	t.Helper()
	var doc map[string]any
	if _, err := toml.DecodeFile(file, &doc); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return doc
}

// image is a config with its labels parsed, and a manifest without what is of
// compressed bytes.
func (b *bench) image(image string) (config, manifest map[string]any) {
	b.t.Helper()
	return b.parsed(mustImage(b.t, b.tag(image)))
}

// made is image for what a program exported.
func (p player) made(image string) (config, manifest map[string]any) {
	p.t.Helper()
	if !p.layout {
		return p.image(image)
	}
	dir := target.Layout{Dir: p.at("layouts")}.Named(p.host + "/" + image)
	index, err := layout.ImageIndexFromPath(dir)
	must(p.t, err)
	must(p.t, validate.Index(index))
	list, err := index.IndexManifest()
	must(p.t, err)
	if len(list.Manifests) != 1 || list.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != "1" {
		p.t.Errorf("the index is %+v", list)
	}
	found, err := index.Image(list.Manifests[0].Digest)
	must(p.t, err)
	return p.parsed(found)
}

func (b *bench) parsed(found v1.Image) (config, manifest map[string]any) {
	b.t.Helper()
	raw, err := found.RawConfigFile()
	must(b.t, err)
	must(b.t, json.Unmarshal(raw, &config))
	if labels, ok := config["config"].(map[string]any)["Labels"].(map[string]any); ok {
		for label, text := range labels {
			var value any
			if strings.HasPrefix(label, "io.buildpacks.") && json.Unmarshal([]byte(text.(string)), &value) == nil {
				labels[label] = value
			}
		}
	}
	raw, err = found.RawManifest()
	must(b.t, err)
	must(b.t, json.Unmarshal(raw, &manifest))
	blobs := []any{manifest["config"]}
	for _, blob := range append(blobs, manifest["layers"].([]any)...) {
		delete(blob.(map[string]any), "digest")
		delete(blob.(map[string]any), "size")
	}
	return config, manifest
}

// difference is something that is otherwise on purpose. Hide makes both sides equal.
type difference struct {
	why  string
	hide func(reference, ours *outcome)
}

// exportDifferences are those of analyzer and exporter.
var exportDifferences = []difference{
	{
		"the reference adds the layers of a cache that it reuses a second time",
		func(reference, _ *outcome) {
			reference.Said = slices.DeleteFunc(reference.Said, func(line string) bool {
				layer, adds := strings.CutPrefix(line, "Adding ")
				return adds && slices.Contains(reference.Said, "Reusing "+layer)
			})
		},
	},
	{
		"the specification has the execution environment in the label of the lifecycle, the reference in one of its own; ours is in both",
		func(_, ours *outcome) {
			if labels := labels(ours.Config); labels != nil {
				if label, ok := labels["io.buildpacks.lifecycle.metadata"].(map[string]any); ok {
					delete(label, "exec-env")
				}
			}
		},
	},
	{
		"the reference gives layers the media type of Docker in manifests of OCI too",
		func(reference, _ *outcome) { mediaTypes(reference) },
	},
	{
		"the reference has /cnb/process in PATH again where the base has it, and an empty PATH behind its own, which is the working directory, where the base has none",
		func(reference, ours *outcome) { paths(reference); paths(ours) },
	},
	{
		"ours checks what it has before it makes anything, so that an export that fails says less on the way",
		func(reference, ours *outcome) {
			for _, o := range []*outcome{reference, ours} {
				if o.code != 0 {
					o.Said = slices.DeleteFunc(o.Said, progress.MatchString)
				}
			}
		},
	},
	{
		"ours says what to do about a registry that refuses, and not of which library an error is",
		func(reference, ours *outcome) {
			for i := range reference.Said {
				reference.Said[i] = strings.Replace(reference.Said[i], ": toml: ", ": ", 1)
			}
			for i := range ours.Said {
				ours.Said[i] = advice.ReplaceAllString(ours.Said[i], "$1")
			}
		},
	},
	{
		"ours says what to do about a layer that is gone",
		func(reference, ours *outcome) {
			for i := range min(len(reference.Said), len(ours.Said)) {
				ref, own := &reference.Said[i], &ours.Said[i]
				action, _, gone := strings.Cut(*ref, "failed to get layer by diffID")
				if gone && strings.HasPrefix(*own, action) && strings.HasSuffix(*own, "build again with an empty cache") {
					*own = *ref
				}
			}
		},
	},
}

var (
	progress = regexp.MustCompile(`^(Add(ed|ing)|Reus(ed|ing) (layer|cache layer|\d)|Setting|no default)`)
	advice   = regexp.MustCompile(`pushing to docker://.*?(PUT )`)
)

// mediaTypes gives layers the media type that belongs into a manifest.
func mediaTypes(o *outcome) {
	layers, _ := o.Manifest["layers"].([]any)
	for _, layer := range layers {
		if l, ok := layer.(map[string]any); ok && o.Manifest["mediaType"] == string(ggcr.OCIManifestSchema1) && l["mediaType"] == string(ggcr.DockerLayer) {
			l["mediaType"] = string(ggcr.OCILayer)
		}
	}
}

// paths leaves of every PATH what the base has in it.
func paths(o *outcome) {
	inner, _ := o.Config["config"].(map[string]any)
	env, _ := inner["Env"].([]any)
	for i, word := range env {
		if path, is := strings.CutPrefix(word.(string), "PATH=/cnb/process:/cnb/lifecycle:"); is {
			path = strings.TrimPrefix(path, "/cnb/process:")
			if path == "" {
				path = stack.DefaultPath
			}
			env[i] = path
		}
	}
}

func labels(config map[string]any) map[string]any {
	inner, _ := config["config"].(map[string]any)
	found, _ := inner["Labels"].(map[string]any)
	return found
}

// compare plays a build on both programs.
func compare(t *testing.T, step string, reference, ours outcome, differences ...difference) {
	t.Helper()
	for _, d := range differences {
		d.hide(&reference, &ours)
	}
	if reference.code != ours.code {
		t.Errorf("%s: the exit codes are %d and %d\nreference:\n%s\nours:\n%s", step, reference.code, ours.code, reference.said, ours.said)
		return
	}
	if diff := cmp.Diff(reference, ours, cmp.FilterPath(func(p cmp.Path) bool {
		return p.String() == "code" || p.String() == "said"
	}, cmp.Ignore())); diff != "" {
		t.Errorf("%s: (-reference +ours)\n%s", step, diff)
	}
}

func eachAPI(t *testing.T, test func(t *testing.T, b *bench)) {
	for _, version := range platform.APIs() {
		t.Run(version, func(t *testing.T) { test(t, newBench(t, version)) })
	}
}

// players are both programs.
func (b *bench) players() (reference, ours player) {
	return player{bench: b, repo: "a"}, player{bench: b, repo: "b", ours: true}
}

// TestExportReference is a first build, one that did not change, edits, and builds
// on what the other program made.
func TestExportReference(t *testing.T) {
	eachAPI(t, func(t *testing.T, b *bench) {
		reference, ours := b.players()
		first := cold()
		edited := first.edit(map[string]string{
			"app/server.js": "listen(2)", "layers/acme_node/node/bin/node": "new", "layers/acme_node/modules/m/index": "", "layers/acme_tool/tool/more": "x",
		})
		for _, step := range []struct {
			name  string
			build build
			options
		}{
			{"cold", first, options{}},
			{"warm", first, options{}},
			{"edit", edited, options{}},
			{"process", edited, options{process: "odd.type"}},
			{"epoch", first, options{epoch: "1612325106"}},
			{"tags", first, options{tags: []string{"app:2", "other:3"}}},
			{"exec env", first, options{execEnv: "test"}},
			{"no cache", first, options{noCache: true}},
		} {
			compare(t, step.name, reference.play(step.build, step.options), ours.play(step.build, step.options), exportDifferences...)
		}
		sliced := edited
		sliced.slices = true
		plain := edited.edit(map[string]string{"layers/sbom/launch/acme_node/node/sbom.cdx.json": "", "layers/sbom/launch/acme_node/sbom.syft.json": ""})
		plain.none = true
		compare(t, "slices", reference.play(sliced, options{}), ours.play(sliced, options{}), exportDifferences...)
		compare(t, "slices again", reference.play(sliced, options{}), ours.play(sliced, options{}), exportDifferences...)
		// From here on each has the image of the other.
		reference.repo, ours.repo = ours.repo, reference.repo
		for _, step := range []struct {
			name  string
			build build
		}{{"slices of the other", sliced}, {"edit of the other", edited}, {"no processes", plain}} {
			compare(t, step.name, reference.play(step.build, options{}), ours.play(step.build, options{}), exportDifferences...)
		}
	})
}
