//go:build acceptance

package launch_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// referenceVersion is the release of the reference lifecycle whose launcher is
// the oracle.
const referenceVersion = "v0.21.0"

// launchers are the programs that are compared, and the probe, which they
// start.
type launchers struct{ ours, reference, probe string }

func buildLaunchers(t *testing.T) launchers {
	t.Helper()
	dir := t.TempDir()
	build := func(name, from, pkg string, environ ...string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, pkg)
		cmd.Dir, cmd.Env = from, append(os.Environ(), append(environ, "CGO_ENABLED=0")...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("building %s: %v\n%s", pkg, err, out)
		}
		return file
	}
	const reference = "github.com/buildpacks/lifecycle"
	// A module of its own: the reference is no dependency of slugc, and the
	// checksum database may be out of reach.
	module := tree(t, map[string]string{
		"go.mod":  fmt.Sprintf("module oracle\n\ngo 1.25\n\nrequire %s %s\n", reference, referenceVersion),
		"tool.go": fmt.Sprintf("//go:build tools\n\npackage oracle\n\nimport _ %q\n", reference+"/cmd/launcher"),
	})
	return launchers{
		ours:      build("ours", ".", "github.com/slugc/slugc/cmd/launcher"),
		reference: build("reference", module, reference+"/cmd/launcher", "GOFLAGS=-mod=mod", "GONOSUMDB="+reference, "GONOSUMCHECK=1"),
		probe:     build("probe", ".", "./testdata/probe"),
	}
}

// given is what the probe tells.
type given struct {
	Args, Env [][]byte
	Dir       string
	PID       int
	Files     []string
	Signals   []string
}

// outcome is what came of a launch.
type outcome struct {
	Code int
	// Printed is the standard output, without the probe's.
	Printed string
	// The rest is empty when the probe was not started.
	Args, Env      []string
	Dir            string
	Files, Signals []string
	// SamePID says that the launcher became the probe.
	SamePID bool
}

// own are the lines with which the reference speaks itself; it does so on the
// standard output, which for slugc is the process's.
var own = regexp.MustCompile(`(?m)^(ERROR|Warning): .*\n+`)

// oracleMetadata is of buildpacks that the reference knows.
const oracleMetadata = `
[[buildpacks]]
id = "acme/old"
version = "1"
api = "0.8"
[[buildpacks]]
id = "acme/new"
version = "1"
api = "0.12"

[[processes]]
type = "direct"
command = ["probe", "fixed"]
args = ["default 1", "$A"]
direct = true
buildpack-id = "acme/new"

[[processes]]
type = "single"
command = ["probe"]
args = ["default"]
direct = true
buildpack-id = "acme/new"

[[processes]]
type = "old-direct"
command = "probe"
args = ["default"]
direct = true
buildpack-id = "acme/old"

[[processes]]
type = "old-list"
command = ["probe", "fixed"]
args = ["default"]
direct = true
buildpack-id = "acme/old"

[[processes]]
type = "old-words"
command = "probe"
args = ["$A", "it's", "*", "$(echo sub)", "a\\\\b", "\\$A", "\\\"q\\\"", ""]
buildpack-id = "acme/old"

[[processes]]
type = "dump"
command = "exec probe \"$A\" $0 $# \"$R\""
buildpack-id = "acme/old"

[[processes]]
type = "dotted.type"
command = ["probe"]
direct = true
buildpack-id = "acme/new"

[[processes]]
type = "down"
command = ["probe"]
direct = true
working-dir = "sub dir"
buildpack-id = "acme/new"

[[processes]]
type = "down-shell"
command = "probe \"$PWD\""
working-dir = "sub dir"
buildpack-id = "acme/old"

[[processes]]
type = "away"
command = ["probe"]
direct = true
working-dir = "/usr"
buildpack-id = "acme/new"

[[processes]]
type = "nowhere"
command = ["probe"]
direct = true
working-dir = "/nowhere"
buildpack-id = "acme/new"

[[processes]]
type = "nowhere-shell"
command = "probe"
working-dir = "/nowhere"
buildpack-id = "acme/old"

[[processes]]
type = "tested"
command = ["probe", "for tests"]
direct = true
exec-env = ["test"]
buildpack-id = "acme/new"

[[processes]]
type = "tested"
command = ["probe", "for all"]
direct = true
exec-env = ["staging", "*"]
buildpack-id = "acme/new"

[[processes]]
type = "only-tested"
command = ["probe", "only tests"]
direct = true
exec-env = ["test"]
buildpack-id = "acme/new"

[[processes]]
type = "missing"
command = ["no-such-program"]
direct = true
buildpack-id = "acme/new"

[[processes]]
type = "orphan"
command = ["probe"]
direct = true
buildpack-id = "acme/gone"

[[processes]]
type = "numbers"
command = ["probe", 60, 1.5, true]
direct = true
buildpack-id = "acme/new"
`

// scene is one launch.
type scene struct {
	name string
	// files come on top of an app and of a layer with the probe in its bin.
	files map[string]string
	// environ comes on top of what an image sets; @app and @layers are its
	// directories.
	environ []string
	argv    []string
}

// scenery is where the scenes take place.
type scenery struct {
	launchers
	t    *testing.T
	root string
}

func (l launchers) scenery(t *testing.T, s scene) scenery {
	t.Helper()
	all := map[string]string{
		"app/.keep":                   "",
		"app/sub dir/":                "",
		"layers/config/metadata.toml": oracleMetadata,
		"layers/acme_new/tools/bin/":  "",
	}
	for name, content := range s.files {
		all[name] = content
	}
	root := tree(t, all)
	if err := os.Symlink(l.probe, root+"/layers/acme_new/tools/bin/probe"); err != nil {
		t.Fatal(err)
	}
	return scenery{launchers: l, t: t, root: root}
}

// launch starts one of the launchers.
func (s scenery) launch(launcher string, scene scene) outcome {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), launcher)
	cmd.Args = scene.argv
	cmd.Dir = s.root
	places := strings.NewReplacer("@app", s.root+"/app", "@layers", s.root+"/layers")
	cmd.Env = []string{
		"CNB_PLATFORM_API=0.15", "CNB_LAYERS_DIR=" + s.root + "/layers", "CNB_APP_DIR=" + s.root + "/app",
		"CNB_DEPRECATION_MODE=quiet", "CNB_NO_COLOR=true", "PATH=/cnb/process:/cnb/lifecycle:/usr/bin:/bin", "HOME=/home/someone",
	}
	for _, word := range scene.environ {
		cmd.Env = append(cmd.Env, places.Replace(word))
	}
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	pid := cmd.Process.Pid
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	result := outcome{Code: cmd.ProcessState.ExitCode()}
	printed, told, started := strings.Cut(stdout.String(), `{"Args":`)
	result.Printed = own.ReplaceAllString(printed, "")
	if !started {
		return result
	}
	var probe given
	if err := json.Unmarshal([]byte(`{"Args":`+told), &probe); err != nil {
		s.t.Fatalf("%v in %q", err, stdout.String())
	}
	result.Args, result.Env = words(probe.Args), words(probe.Env)
	result.Dir, result.Files, result.Signals = probe.Dir, probe.Files, probe.Signals
	result.SamePID = probe.PID == pid
	return result
}

// words are the probe's words; bash sets "_" to how it was called itself.
func words(all [][]byte) []string {
	kept := []string{}
	for _, word := range all {
		if !strings.HasPrefix(string(word), "_=") {
			kept = append(kept, string(word))
		}
	}
	return kept
}

// TestOracle has the launcher and the reference launcher do the same, but for
// the differences that the package documents.
func TestOracle(t *testing.T) {
	l := buildLaunchers(t)
	for _, s := range scenes() {
		t.Run(s.name, func(t *testing.T) { l.alike(t, s) })
	}
	for _, s := range differences() {
		t.Run("but "+s.name, func(t *testing.T) {
			at := l.scenery(t, s.scene)
			if got := at.launch(l.reference, s.scene).summary(); got != s.reference {
				t.Errorf("%q: the reference does %s, and did %s", s.argv, got, s.reference)
			}
			if got := at.launch(l.ours, s.scene).summary(); got != s.ours {
				t.Errorf("%q: got %s, want %s", s.argv, got, s.ours)
			}
		})
	}
	for seed := range uint64(100) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			if got := l.alike(t, randomScene(seed)); got.Args == nil {
				t.Errorf("the probe was not started, exit code %d", got.Code)
			}
		})
	}
}

// alike has both launchers play a scene; what ours did is what both did.
func (l launchers) alike(t *testing.T, s scene) outcome {
	t.Helper()
	at := l.scenery(t, s)
	want, got := at.launch(l.reference, s), at.launch(l.ours, s)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%q: reference (-), ours (+): %s", s.argv, diff)
	}
	if got.Args != nil && !got.SamePID {
		t.Errorf("%q: the process is a child of the launcher", s.argv)
	}
	return got
}

// randomScene is a launch with random layers.
func randomScene(seed uint64) scene {
	d := newDice(seed + 1000)
	s := scene{files: map[string]string{}, environ: []string{
		"A=" + d.raw(), "B=" + d.one("", d.raw()), d.one("ODD-name", "C", "lower") + "=" + d.raw(),
		"CNB_PLATFORM_API=0." + d.one("7", "8", "9", "10", "11", "12", "13", "14", "15"),
	}}
	layers := d.layers()
	d.profiles(layers)
	for name, content := range layers {
		s.files["layers/"+name] = content
	}
	if d.happens(2) {
		s.files["app/.profile"] = "export R=\"${R-} app\"\nD=$D.profile\n"
	}
	s.argv = [][]string{
		{"direct"}, {"direct", d.raw()}, {"single", d.raw(), ""}, {"dump"}, {"/cnb/process/dotted.type"},
		{"launcher", "--", "probe", d.raw()}, {"launcher", `probe "$A" "$R"`}, {"old-direct", d.raw()},
	}[d.IntN(8)]
	return s
}

// summary is the exit code, or the arguments of the probe when it was started.
func (o outcome) summary() string {
	if len(o.Args) == 0 {
		return fmt.Sprintf("exit %d", o.Code)
	}
	return fmt.Sprintf("%q", o.Args[1:])
}
