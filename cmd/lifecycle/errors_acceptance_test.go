//go:build acceptance

package main

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slugc/slugc/build/lifecycle/cache"
	"github.com/slugc/slugc/stack/referencetest"
)

// mistake is something that is wrong with what a phase is given.
type mistake struct {
	// name is what is wrong, phase who is told, or the name of the program alone.
	name, phase string
	// apis are the versions of the Platform API that it is for; 0.15 when empty.
	apis []string
	// args go before those that are right; with alone there are no others.
	args  []string
	alone bool
	env   []string
	// root starts as root what a platform does not.
	root bool
	// prepare spoils what earlier phases left.
	prepare func(builder)
	// code is the exit code, of the reference too unless theirs is another.
	code, theirs int
	// differs says why theirs is another.
	differs string
	// words is set where the reference has other words for it, which no platform
	// looks for.
	words bool
}

// write is a file that is as it should not be.
func write(file, text string) func(builder) { return func(b builder) { b.write(file, text) } }

func remove(file string) func(builder) {
	return func(b builder) { must(b.t, os.RemoveAll(b.at(file))) }
}

const (
	setup   = "the reference says 1 for what fails while a phase is set up; by the specification it is the phase that fails"
	panics  = "the reference panics"
	absent  = "the reference takes an image that is not there for one that can be read, and its exporter fails"
	badTOML = "[[["
)

// mistakes are all rows of the exit codes that programs of their own can be made to
// end with (CNB Platform API, "Outputs" of each phase).
//
// Long: it is one list of mistakes, phase by phase; there are no steps in it.
func mistakes(b builder) []mistake {
	elsewhere := "127.0.0.1:1/closed"
	group := func(api string) func(builder) {
		return write("layers/group.toml", "[[group]]\nid = \"test/hello\"\nversion = \"1.0.0\"\napi = \""+api+"\"\n")
	}
	descriptor := func(api string) func(builder) {
		return write("buildpacks/test_hello/1.0.0/buildpack.toml", "api = \""+api+"\"\n[buildpack]\nid = \"test/hello\"\nversion = \"1.0.0\"\n")
	}
	var all []mistake
	for _, phase := range []string{"analyzer", "detector", "restorer", "builder", "exporter", "creator", "rebaser", "extender"} {
		all = append(all,
			mistake{name: "no API", phase: phase, apis: []string{"", " "}, code: 11},
			mistake{name: "no such API", phase: phase, apis: []string{"0.6", "0.16", "1.0", "new"}, code: 11},
			mistake{name: "no such flag", phase: phase, args: []string{"-bake"}, code: 2},
			mistake{name: "no such log level", phase: phase, args: []string{"-log-level", "loud"}, code: 1, words: true},
			mistake{name: "no such log level in the variable", phase: phase, env: []string{"CNB_LOG_LEVEL=loud"}, code: 1, words: true},
			mistake{name: "version", phase: phase, args: []string{"-version"}, alone: true, words: true},
			mistake{name: "flag of a later API", phase: phase, apis: []string{"0.8"}, args: []string{"-insecure-registry", "x"}, code: 2},
		)
	}
	for _, phase := range []string{"analyzer", "creator", "exporter", "rebaser"} {
		all = append(all,
			mistake{name: "no image", phase: phase, alone: true, code: 3},
			mistake{name: "empty image", phase: phase, args: []string{""}, alone: true, code: 3},
			mistake{name: "a user who is no number", phase: phase, args: []string{"-uid", "me"}, code: 2},
		)
	}
	for _, phase := range []string{"analyzer", "creator"} {
		all = append(all,
			mistake{name: "two images", phase: phase, args: []string{"a", "b"}, alone: true, code: 3},
			mistake{name: "an image that is none", phase: phase, args: []string{"UPPER CASE"}, alone: true, code: 3},
			mistake{name: "tags in two registries", phase: phase, args: []string{"-tag", elsewhere}, code: 3},
			mistake{name: "a tag that is none", phase: phase, args: []string{"-tag", "::"}, code: 3},
			mistake{name: "no run image", phase: phase, apis: []string{"0.11", "0.12", "0.15"}, args: []string{b.host + "/app"}, alone: true, code: 3},
			mistake{name: "a run.toml that is none", phase: phase, args: []string{"-run", b.at("bad.toml"), b.host + "/app"}, alone: true, prepare: write("bad.toml", badTOML), code: 3, words: true},
			mistake{name: "a run.toml without images", phase: phase, args: []string{"-run", b.at("bad.toml"), b.host + "/app"}, alone: true, prepare: write("bad.toml", ""), code: 3},
			mistake{
				name: "a run.toml whose images nobody can read", phase: phase, args: []string{"-run", b.at("bad.toml"), b.host + "/app"}, alone: true,
				prepare: write("bad.toml", "[[images]]\nimage = \""+elsewhere+"\"\n"), code: 3,
			},
			mistake{name: "a stack.toml that is none", phase: phase, apis: []string{"0.11"}, args: []string{"-stack", b.at("bad.toml"), b.host + "/app"}, alone: true, prepare: write("bad.toml", badTOML), code: 3, words: true},
			mistake{name: "layouts", phase: phase, args: []string{"-layout", "-layout-dir", b.at("layout")}, code: 1},
			mistake{name: "credentials that are none", phase: phase, env: []string{"CNB_REGISTRY_AUTH=sesame"}, code: 1, words: true},
			mistake{name: "a registry that is away", phase: phase, args: []string{"-previous-image", elsewhere}, code: 32, theirs: 1, differs: setup, words: true},
		)
	}
	for _, phase := range []string{"detector", "restorer", "builder", "extender"} {
		all = append(all, mistake{name: "an image", phase: phase, args: []string{"app"}, alone: true, code: 3})
	}
	for _, phase := range []string{"detector", "builder"} {
		all = append(all,
			mistake{name: "root", phase: phase, root: true, code: 1},
			mistake{name: "a broken analyzed.toml", phase: phase, prepare: write("layers/analyzed.toml", badTOML), code: 1, words: true},
			mistake{name: "no analyzed.toml", phase: phase, prepare: remove("layers/analyzed.toml")},
		)
	}
	for _, phase := range []string{"restorer", "builder", "exporter"} {
		all = append(all,
			mistake{name: "no group.toml", phase: phase, prepare: remove("layers/group.toml"), code: 1},
			mistake{name: "a broken group.toml", phase: phase, prepare: write("layers/group.toml", badTOML), code: 1, words: true},
			mistake{name: "a buildpack of no API", phase: phase, prepare: group("0.6"), code: 12},
			mistake{name: "a buildpack of a coming API", phase: phase, prepare: group("0.99"), code: 12},
		)
	}
	for _, phase := range []string{"restorer", "exporter"} {
		all = append(all,
			mistake{name: "a cache directory that is not there", phase: phase, args: []string{"-cache-dir", b.at("none")}, code: 1, words: true},
			mistake{name: "no cache", phase: phase, args: []string{"-cache-dir", ""}},
		)
	}
	return append(all,
		mistake{
			name: "a run.toml whose images are not there", phase: "analyzer", args: []string{"-layers", b.at("layers"), "-run", b.at("bad.toml"), b.host + "/app"}, alone: true,
			prepare: write("bad.toml", "[[images]]\nimage = \""+b.host+"/none\"\n"), code: 3, theirs: 0, differs: absent, words: true,
		},
		mistake{name: "nothing", phase: "lifecycle", alone: true, code: 3},
		mistake{name: "no such phase", phase: "lifecycle", args: []string{"bake"}, alone: true, code: 3, words: true},
		mistake{name: "version without an API", phase: "lifecycle", apis: []string{""}, args: []string{"-version"}, alone: true, words: true},
		mistake{name: "a phase by its verb", phase: "lifecycle", args: []string{"analyze"}, alone: true, code: 3},
		mistake{name: "a phase without an API", phase: "lifecycle", apis: []string{""}, args: []string{"analyze"}, alone: true, code: 11},

		mistake{name: "nobody can build", phase: "detector", prepare: remove("app/hello.txt"), code: 20, words: true},
		mistake{name: "a broken buildpack", phase: "detector", prepare: write("buildpacks/test_hello/1.0.0/bin/detect", "#!/bin/bash\nexit 9\n"), code: 21, words: true},
		mistake{name: "a buildpack that is not there", phase: "detector", prepare: write("order.toml", "[[order]]\n[[order.group]]\nid = \"test/none\"\nversion = \"1\"\n"), code: 1, words: true},
		mistake{name: "a buildpack of no API", phase: "detector", prepare: descriptor("0.6"), code: 12},
		mistake{name: "a buildpack of a coming API", phase: "detector", prepare: descriptor("0.99"), code: 12},
		mistake{name: "a buildpack of a coming API", phase: "creator", prepare: descriptor("0.99"), code: 12},
		mistake{name: "a composite of what is not there", phase: "detector", prepare: write("buildpacks/test_hello/1.0.0/buildpack.toml",
			"api = \"0.10\"\n[buildpack]\nid = \"test/hello\"\nversion = \"1.0.0\"\n[[order]]\n[[order.group]]\nid = \"test/none\"\nversion = \"1\"\n"), code: 22, words: true},
		mistake{name: "a mode for experiments that is unknown", phase: "detector", env: []string{"CNB_EXPERIMENTAL_MODE=maybe", "CNB_DEPRECATION_MODE=maybe"}},

		mistake{name: "a run image without an OS", phase: "analyzer", prepare: func(b builder) {
			image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{}}})
			must(b.t, err)
			must(b.t, remote.Write(b.tag("run"), image))
		}, code: 32},

		mistake{name: "a file in the place of a layers directory", phase: "restorer", prepare: func(b builder) {
			b.write("cache/committed/"+cache.MetadataName, `{"buildpacks":[{"key":"test/hello","version":"1.0.0","layers":{"a":{"sha":"sha256:0","cache":true}}}]}`)
			b.write("layers/test_hello", "a file")
		}, code: 42, words: true},
		mistake{name: "a broken analyzed.toml", phase: "restorer", prepare: write("layers/analyzed.toml", badTOML), words: true},
		mistake{name: "no analyzed.toml", phase: "restorer", prepare: remove("layers/analyzed.toml")},
		mistake{name: "a broken run.toml", phase: "restorer", apis: []string{"0.14"}, args: []string{"-run", b.at("bad.toml")}, prepare: write("bad.toml", badTOML), code: 1, words: true},
		mistake{name: "a run.toml that it does not read", phase: "restorer", apis: []string{"0.13"}, env: []string{"CNB_RUN_PATH=" + b.at("bad.toml")}, prepare: write("bad.toml", badTOML)},
		mistake{name: "a build image that is not there", phase: "restorer", args: []string{"-build-image", b.host + "/none"}, code: 1, words: true},
		mistake{name: "credentials that are none", phase: "restorer", env: []string{"CNB_REGISTRY_AUTH=sesame"}, code: 1, words: true},

		mistake{name: "no plan.toml", phase: "builder", prepare: remove("layers/plan.toml"), code: 1},
		mistake{name: "a broken plan.toml", phase: "builder", prepare: write("layers/plan.toml", badTOML), code: 1, words: true},
		mistake{name: "a build that fails", phase: "builder", prepare: write("app/fail", ""), code: 51},
		mistake{name: "a buildpack that is not there", phase: "builder", prepare: remove("buildpacks/test_hello"), code: 52, words: true},
		mistake{name: "a layer that is none", phase: "builder", prepare: write("buildpacks/test_hello/1.0.0/bin/build", "#!/bin/bash\necho [[[ >\"$1/x.toml\"\n"), code: 52, words: true},

		mistake{name: "no analyzed.toml", phase: "exporter", prepare: remove("layers/analyzed.toml"), code: 3, theirs: 2, differs: panics, words: true},
		mistake{name: "a broken analyzed.toml", phase: "exporter", prepare: write("layers/analyzed.toml", badTOML), code: 3, words: true},
		mistake{name: "an analyzed.toml without run image", phase: "exporter", prepare: write("layers/analyzed.toml", "[run-image]\n"), code: 3},
		mistake{name: "a run image", phase: "exporter", args: []string{"-run-image", "x"}, code: 3},
		mistake{name: "a run image of its variable", phase: "exporter", env: []string{"CNB_RUN_IMAGE=x"}},
		mistake{name: "an empty run image", phase: "exporter", env: []string{"CNB_RUN_IMAGE=x"}, args: []string{"-run-image", ""}},
		mistake{name: "an old run image", phase: "exporter", args: []string{"-image", "x"}, code: 3},
		mistake{name: "layouts", phase: "exporter", args: []string{"-layout", "-layout-dir", b.at("layout")}, code: 1},
		mistake{name: "no metadata.toml", phase: "exporter", args: []string{"-run", b.at("run.toml")}, prepare: func(b builder) {
			b.write("run.toml", "[[images]]\nimage = \""+b.host+"/run\"\n")
			remove("layers/config/metadata.toml")(b)
		}, code: 62, words: true},
		mistake{name: "a broken run.toml", phase: "exporter", args: []string{"-run", b.at("bad.toml")}, prepare: write("bad.toml", badTOML), code: 1, words: true},
		mistake{name: "a broken stack.toml", phase: "exporter", apis: []string{"0.11"}, args: []string{"-stack", b.at("bad.toml")}, prepare: write("bad.toml", badTOML), code: 1, words: true},
		mistake{name: "broken project metadata", phase: "exporter", args: []string{"-project-metadata", b.at("bad.toml")}, prepare: write("bad.toml", badTOML), code: 1, words: true},
		mistake{name: "no launcher", phase: "exporter", prepare: remove("launcher"), code: 62, words: true},
		mistake{name: "no such process", phase: "exporter", args: []string{"-process-type", "none"}, code: 62},
		mistake{name: "a report that cannot be written", phase: "exporter", args: []string{"-report", b.at("launcher/report.toml")}, code: 62, words: true},
		mistake{name: "a run image that is gone", phase: "exporter", prepare: func(b builder) {
			image, err := remote.Get(b.tag("run"))
			must(b.t, err)
			must(b.t, remote.Delete(b.tag("run")))
			must(b.t, remote.Delete(b.tag("run").Digest(image.Digest.String())))
		}, code: 62, words: true},
		mistake{
			name: "a registry that is away", phase: "exporter", prepare: write("layers/analyzed.toml", "[run-image]\nreference = \""+elsewhere+"\"\n"),
			code: 62, theirs: 1, differs: setup, words: true,
		},
		mistake{name: "a date that is none", phase: "exporter", env: []string{"SOURCE_DATE_EPOCH=today"}},

		mistake{name: "a user whom nobody knows", phase: "creator", args: []string{"-uid", "54321"}, code: 1},
		mistake{name: "nobody can build", phase: "creator", prepare: remove("app/hello.txt"), code: 20, words: true},
		mistake{name: "a build that fails", phase: "creator", prepare: write("app/fail", ""), code: 51},
		mistake{name: "no such process", phase: "creator", args: []string{"-process-type", "none"}, code: 62},
	)
}

// changing is what is said of this run and no other.
var changing = regexp.MustCompile(`lifecycle[-.]\S*|Timer: .*|sha256:[0-9a-f]+`)

// lastError is the line that ends what a phase said.
func lastError(out string) string {
	last := ""
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "ERROR: ") {
			last = line
		}
	}
	return changing.ReplaceAllString(last, "...")
}

// TestReferenceMistakes makes mistakes with both programs: each ends with the exit
// code of the other, and with its words where platforms look for them.
func TestReferenceMistakes(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("platforms start phases as root")
	}
	theirs := referencetest.Build(t)
	for _, m := range mistakes(newBuilder(t)) {
		t.Run(m.phase+"/"+m.name, func(t *testing.T) {
			if m.apis == nil {
				m.apis = []string{"0.15"}
			}
			for _, api := range m.apis {
				var said []string
				for _, program := range []func(*exec.Cmd) *exec.Cmd{func(c *exec.Cmd) *exec.Cmd { return reference(theirs, c) }, func(c *exec.Cmd) *exec.Cmd { return c }} {
					code, out := m.make(t, api, program)
					want := m.code
					if len(said) == 0 && m.differs != "" {
						want = m.theirs
					}
					if code != want {
						t.Errorf("with API %q and program %d: code %d, expected %d\n%s", api, len(said)+1, code, want, out)
					}
					said = append(said, lastError(out))
				}
				if !m.words && said[0] != said[1] {
					t.Errorf("with API %q\n the reference says %q\n          we say %q", api, said[0], said[1])
				}
			}
		})
	}
}

// make makes a mistake with a program.
func (m mistake) make(t *testing.T, api string, program func(*exec.Cmd) *exec.Cmd) (code int, out string) {
	t.Helper()
	b := newBuilder(t)
	b.fresh("layers", "tmp", "cache")
	if at := slices.Index(five, m.phase); at > 0 {
		b.phases("0.15", "app", five[:at]...)
	}
	// The mistakes were made for another builder, which has other names.
	for _, own := range mistakes(b) {
		if own.name == m.name && own.phase == m.phase {
			m = own
		}
	}
	if m.prepare != nil {
		m.prepare(b)
	}
	args := m.args
	if !m.alone {
		args = append(b.arguments(m.phase, b.host+"/app"), "")
		args = slices.Insert(args[:len(args)-1], b.options(m.phase), m.args...)
	}
	c := b.command(api, m.phase, args...)
	c.Env = append(c.Env, m.env...)
	if m.root {
		c.SysProcAttr = &syscall.SysProcAttr{}
	}
	code, out = ended(t, program(c))
	return code, strings.NewReplacer(b.dir, "...", b.host, "...").Replace(out)
}

// options are how many arguments of a phase come before its images.
func (b builder) options(phase string) int {
	all := b.arguments(phase, "image")
	if at := slices.Index(all, "image"); at >= 0 {
		return at
	}
	return len(all)
}
