//go:build acceptance

package build_test

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/BurntSushi/toml"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/referencetest"
	"github.com/slugc/slugc/stack/sandbox"
)

// TestReference builds with the same buildpacks, variables and plan as the
// builder phase of the reference lifecycle, and compares all that is left.
//
// What is known to differ, and left out of the comparison:
//   - where the directories are;
//   - an empty sbom.legacy.json, which the reference writes when no buildpack
//     has a table bom;
//   - the order of processes, which the reference sorts;
//   - the order of layers of one buildpack of which one has the name of the
//     other with a dash and more: the reference goes by the names of their files,
//     where "a-b.toml" stands before "a.toml", the specification by their own;
//   - the variables of directories, which buildpacks of API 0.7 get here too.
func TestReference(t *testing.T) {
	lifecycle := referencetest.Build(t)
	for name, s := range map[string]struct {
		group []string
		env   map[string]string
		// operator are the files of the build config.
		operator map[string]string
		execEnv  string
	}{
		"layers and their SBOM": {group: []string{"layers", "old"}},
		"environment": {
			group: []string{"environment", "reader", "quiet", "old"},
			env: map[string]string{
				"PATH": "/person", "CPATH": "/person", "PERSON": "person", "OPERATOR": "person", "APPEND": "person", "EMPTY": "",
			},
			operator: map[string]string{
				"OPERATOR.override": "operator", "PERSON": "default", "BARE.append": "more", "BARE.delim": ",", "NEW": "n", "EMPTY": "e",
				"PATH.prepend": "/operator", "PATH.delim": ":", "ODD.suffix": "x", "PREPEND.prepend": "o",
			},
			execEnv: "test",
		},
		"the last word wins":   {group: []string{"old", "reader"}, execEnv: "production"},
		"the default is taken": {group: []string{"reader", "old"}, execEnv: "production"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkshop(t)
			w.site.Env, w.site.ExecEnv = s.env, cmp.Or(s.execEnv, "production")
			w.entries = []detect.Entry{
				{Name: "pass-on", Providers: []string{"test/reader", "test/quiet"}, Requires: []buildpacks.Requirement{{Name: "pass-on", Metadata: map[string]any{"version": "1"}}}},
				{Name: "keep", Providers: []string{"test/reader", "test/quiet"}, Requires: []buildpacks.Requirement{{Name: "keep"}, {Name: "keep"}}},
			}
			ref := newReference(t, w, s.group)
			if len(s.operator) > 0 {
				w.site.BuildConfig = ref.at("config")
			}
			for file, value := range s.operator {
				put(t, value, 0o644, ref.at("config/env"), file)
			}
			for variable, value := range s.env {
				put(t, value, 0o644, ref.at("platform/env"), variable)
			}
			if out, err := ref.build(lifecycle, w.site.ExecEnv); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			tree := w.build(s.group...)

			if diff := gocmp.Diff(ref.files(), comparable(w.files("."))); diff != "" {
				t.Errorf("files (-reference +ours):\n%s", diff)
			}
			if diff := gocmp.Diff(ref.metadata(), outcomeOf(tree), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("metadata (-reference +ours):\n%s", diff)
			}

			in := ref.inPlace(w)
			tree = in.workshop.build(in.group...)
			if diff := gocmp.Diff(ref.files(), in.files()); diff != "" {
				t.Errorf("files, in place (-reference +ours):\n%s", diff)
			}
			for _, scope := range []string{"launch", "build"} {
				theirs, err := os.ReadFile(ref.at("layers/sbom", scope, "sbom.legacy.json"))
				if err != nil {
					t.Fatal(err)
				}
				if got := in.workshop.left("sbom", scope, "sbom.legacy.json"); got != string(theirs) {
					t.Errorf("tables of old APIs, in place: got %s, the reference has %s", got, theirs)
				}
			}
			if diff := gocmp.Diff(ref.metadata(), outcomeOf(tree), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("metadata, in place (-reference +ours):\n%s", diff)
			}
		})
	}
}

// TestReferenceRefuses compares which results of a bin/build are refused.
func TestReferenceRefuses(t *testing.T) {
	lifecycle := referencetest.Build(t)
	launchTOML := func(text string) string { return "printf '" + text + "' >launch.toml" }
	for _, s := range []struct{ api, script string }{
		{"0.10", "exit 1"},
		{"0.10", "kill -KILL $$"},
		{"0.10", "true"},
		{"0.10", "mkdir l; printf 'launch = true\\n' >l.toml"},
		{"0.10", "printf '[types]\\nbuild = true\\n' >l.toml"},
		{"0.10", "printf '[types]\\nlaunch = true\\n' >l.toml"},
		{"0.10", "printf '[types\\n' >l.toml"},
		{"0.10", "printf '[types]\\nlaunch = 1\\n' >l.toml"},
		{"0.10", "mkdir l; touch l.toml"},
		{"0.10", "touch launch.sbom.cdx.json"},
		{"0.10", "touch launch.sbom.spdx.json"},
		{"0.10", "touch launch.sbom.other.json"},
		{"0.10", "touch nothing.sbom.cdx.json"},
		{"0.10", "printf '[[unmet]]\\nname = \"keep\"\\n' >build.toml"},
		{"0.10", "printf '[[unmet]]\\nname = \"other\"\\n' >build.toml"},
		{"0.10", "printf '[[unmet]]\\n' >build.toml"},
		{"0.10", "printf '[[bom]]\\nname = \"b\"\\nversion = \"1\"\\n' >build.toml"},
		{"0.8", launchTOML(`[[bom]]\nname = "b"\nversion = "1"\n`)},
		{"0.10", launchTOML(`[[processes]]\ntype = "w"\ncommand = "x"\n`)},
		{"0.9", launchTOML(`[[processes]]\ntype = "w"\ncommand = "x"\n`)},
		{"0.8", launchTOML(`[[processes]]\ntype = "w"\ncommand = "x"\n`)},
		{"0.8", launchTOML(`[[processes]]\ntype = "w"\ncommand = ["x"]\n`)},
		{"0.9", launchTOML(`[[processes]]\ntype = "w"\ncommand = ["x"]\ndirect = true\n`)},
		{"0.12", launchTOML(`[[processes]]\ntype = "w"\ncommand = ["x"]\nexec-env = "test"\n`)},
		{"0.10", launchTOML(`[[processes]]\ntype = "a"\ncommand = ["x"]\ndefault = true\n[[processes]]\ntype = "b"\ncommand = ["x"]\ndefault = true\n`)},
		{"0.10", launchTOML(`[[processes]]\ntype = "a"\ncommand = ["x"]\n[[processes]]\ntype = "a"\ncommand = ["y"]\n`)},
		{"0.10", launchTOML(`[[labels]]\nkey = 1\n`)},
		{"0.10", launchTOML(`[[slices]]\npaths = "a"\n`)},
		{"0.10", launchTOML(`[[other]]\nkey = 1\n`)},
	} {
		t.Run(s.api+" "+s.script, func(t *testing.T) {
			dir := t.TempDir()
			put(t, fmt.Sprintf("api = %q\n[buildpack]\nid = \"test/odd\"\nversion = \"1.0.0\"\nsbom-formats = [\"application/spdx+json\"]\n", s.api), 0o644, dir, "buildpack.toml")
			put(t, "#!/bin/bash\n", 0o755, dir, "bin/detect")
			put(t, "#!/bin/bash\nset -eu\ncd \"$1\"\n"+s.script+"\n", 0o755, dir, "bin/build")
			w := newWorkshop(t)
			w.entries = []detect.Entry{{Name: "keep", Providers: []string{"test/odd"}, Requires: []buildpacks.Requirement{{Name: "keep"}}}}
			out, theirs := newReference(t, w, []string{dir}).build(lifecycle, "production")
			_, ours := w.try(dir)
			if (theirs == nil) != (ours == nil) {
				t.Errorf("the reference: %v\n%s\nhere: %v", theirs, out, ours)
			}
		})
	}
}

// comparable are files of a layers directory as far as they are compared. An
// environment is one of lines.
func comparable(files map[string]string) map[string]string {
	kept := map[string]string{}
	for path, text := range files {
		switch {
		case filepath.Base(path) == "sbom.legacy.json" && text == "null\n", strings.HasPrefix(path, "config/"):
			continue
		case path == "test_old/seen/env":
			text = oldVariable.ReplaceAllString(text, "")
		}
		kept[path] = strings.ReplaceAll(text, "\x00", "\n")
	}
	return kept
}

// oldVariable is a variable that the reference has for newer APIs only.
var oldVariable = regexp.MustCompile(`CNB_(PLATFORM_DIR|BP_PLAN_PATH|LAYERS_DIR|STACK_ID)=[^\x00]*\x00`)

// outcome is what a build says of itself.
type outcome struct {
	Default   string
	Processes []launch.Process
	Labels    []buildpacks.Label
	Slices    [][]string
}

func (o outcome) sorted() outcome {
	o.Processes = slices.Clone(o.Processes)
	slices.SortFunc(o.Processes, func(a, b launch.Process) int { return cmp.Compare(a.Type, b.Type) })
	return o
}

func outcomeOf(tree artifact.Tree) outcome {
	return outcome{tree.Metadata.DefaultProcess, tree.Metadata.Processes, tree.Labels, tree.Slices}.sorted()
}

// reference is a place where the reference builds.
type reference struct {
	t   *testing.T
	dir string
	// names are the directories by the path at which slugc shows them.
	names map[string]string
}

func newReference(t *testing.T, w *workshop, group []string) reference {
	t.Helper()
	r := reference{t: t, dir: t.TempDir()}
	if err := os.Chmod(filepath.Dir(r.dir), 0o755); err != nil { // for the user of the builder
		t.Fatal(err)
	}
	r.names = map[string]string{
		r.at("layers"): "/layers", r.at("app"): "/app", r.at("platform"): "/platform", r.at("buildpacks"): "/cnb/buildpacks",
	}
	for _, name := range []string{"app", "layers", "platform/env"} {
		if err := os.MkdirAll(r.at(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var doc struct {
		Group []struct {
			ID      string `toml:"id"`
			Version string `toml:"version"`
			API     string `toml:"api"`
		} `toml:"group"`
	}
	for _, name := range group {
		dir := fixture(name)
		b, err := cnb.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		d := b.Descriptor()
		doc.Group = append(doc.Group, struct {
			ID      string `toml:"id"`
			Version string `toml:"version"`
			API     string `toml:"api"`
		}{d.ID, d.Version, d.API})
		if err := os.CopyFS(r.at("buildpacks", launch.EscapeID(d.ID), d.Version), os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
	}
	r.write("group.toml", doc)

	var plan struct {
		Entries []map[string]any `toml:"entries"`
	}
	for _, e := range w.entries {
		var providers []map[string]any
		for _, id := range e.Providers {
			providers = append(providers, map[string]any{"id": id, "version": "1.0.0"})
		}
		plan.Entries = append(plan.Entries, map[string]any{"providers": providers, "requires": e.Requires})
	}
	r.write("plan.toml", plan)
	r.write("analyzed.toml", map[string]any{"run-image": map[string]any{"reference": "x", "target": targetDoc(w.site.Stack.Target)}})
	return r
}

func targetDoc(t stack.Target) map[string]any {
	return map[string]any{
		"os": t.OS, "arch": t.Arch, "distro": map[string]any{"name": t.DistroName, "version": t.DistroVersion},
	}
}

func (r reference) at(path ...string) string {
	return filepath.Join(append([]string{r.dir}, path...)...)
}

func (r reference) write(name string, doc any) {
	r.t.Helper()
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(doc); err != nil {
		r.t.Fatal(err)
	}
	put(r.t, text.String(), 0o644, r.at(name))
}

// build runs the builder, as a user without privileges: it refuses to run as
// root. It returns what that printed.
func (r reference) build(lifecycle referencetest.Lifecycle, execEnv string) (string, error) {
	r.t.Helper()
	c := lifecycle.Phase(r.t, "builder",
		"-app", r.at("app"), "-layers", r.at("layers"), "-buildpacks", r.at("buildpacks"), "-platform", r.at("platform"),
		"-group", r.at("group.toml"), "-plan", r.at("plan.toml"), "-analyzed", r.at("analyzed.toml"), "-build-config", r.at("config"))
	c.Env = []string{"CNB_PLATFORM_API=0.15", "PATH=" + stack.DefaultPath, "HOME=/tmp", "CNB_EXEC_ENV=" + execEnv}
	c.Dir = r.dir
	if os.Geteuid() == 0 {
		uid, gid := sandbox.Owner()
		if uid == 0 {
			uid, gid = 1000, 1000
		}
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		if err := sandbox.GiveTree(r.dir); err != nil {
			r.t.Fatal(err)
		}
	}
	out, err := c.CombinedOutput()
	return string(out), err
}

// files are what is in the layers, paths as slugc has them.
func (r reference) files() map[string]string {
	r.t.Helper()
	other := &workshop{t: r.t}
	other.site.Layers.Host = r.at("layers")
	return r.translate(other.files("."))
}

// translate gives paths in files the names that slugc has in a sandbox.
func (r reference) translate(files map[string]string) map[string]string {
	for path, text := range files {
		for _, from := range slices.Sorted(maps.Keys(r.names)) {
			text = strings.ReplaceAll(text, from, r.names[from])
		}
		files[path] = planPath.ReplaceAllString(text, "/plan/plan.toml")
	}
	return comparable(files)
}

// inPlace is a workshop without a sandbox, with the inputs of the reference.
type inPlace struct {
	reference
	workshop *workshop
	group    []string
}

func (r reference) inPlace(w *workshop) inPlace {
	r.t.Helper()
	in := inPlace{reference: reference{t: r.t, dir: filepath.Join(r.dir, "place")}}
	in.names = map[string]string{
		in.at("layers"): "/layers", in.at("app"): "/app", r.at("platform"): "/platform", r.at("buildpacks"): "/cnb/buildpacks",
	}
	dir := func(path string) buildpacks.Dir { return buildpacks.Dir{Host: path, Path: path} }
	own := *w
	in.workshop = &own
	in.workshop.warnings = nil
	in.workshop.inPlace = true
	site := &in.workshop.site
	site.InPlace, site.Runner = true, sandbox.Direct{}
	site.Base = launch.Env{"PATH": stack.DefaultPath, "HOME": "/tmp"}
	site.App, site.Layers, site.Platform = dir(in.at("app")), dir(in.at("layers")), dir(r.at("platform"))
	site.Scratch = in.at("scratch")
	for _, d := range []string{site.App.Host, site.Layers.Host, site.Scratch} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			r.t.Fatal(err)
		}
	}
	var doc struct {
		Group []struct{ ID, Version string } `toml:"group"`
	}
	if _, err := toml.DecodeFile(r.at("group.toml"), &doc); err != nil {
		r.t.Fatal(err)
	}
	for _, b := range doc.Group {
		in.group = append(in.group, r.at("buildpacks", launch.EscapeID(b.ID), b.Version))
	}
	return in
}

// files are what is in the layers, paths as slugc has them in a sandbox.
func (in inPlace) files() map[string]string {
	in.t.Helper()
	return in.translate(in.workshop.files("."))
}

// planPath is where the reference puts the plan of a buildpack.
var planPath = regexp.MustCompile(`/[^\s=\x00]*/plan\.toml`)

// metadata is what the reference says in metadata.toml.
func (r reference) metadata() outcome {
	r.t.Helper()
	file := launch.MetadataPath(r.at("layers"))
	m, err := launch.ReadMetadata(file)
	if err != nil {
		r.t.Fatal(err)
	}
	var rest struct {
		Labels []buildpacks.Label
		Slices []struct{ Paths []string }
	}
	if _, err := toml.DecodeFile(file, &rest); err != nil {
		r.t.Fatal(err)
	}
	o := outcome{Default: m.DefaultProcess, Processes: m.Processes, Labels: rest.Labels}
	for _, s := range rest.Slices {
		var paths []string
		for _, path := range s.Paths {
			// The reference does so when it looks for the files.
			paths = append(paths, filepath.Clean(path))
		}
		o.Slices = append(o.Slices, paths)
	}
	return o.sorted()
}
