package build_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slugc/slugc/build"
	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/sandbox"
)

// workshop is a place where the buildpacks of testdata/buildpacks build, in the
// real sandbox.
type workshop struct {
	t        *testing.T
	site     buildpacks.Site
	entries  []detect.Entry
	output   *bytes.Buffer
	warnings []string
	// inPlace: the site is there already.
	inPlace bool
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	host, err := stack.Host()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	dir := func(name string) buildpacks.Dir {
		return buildpacks.Dir{Host: filepath.Join(home, name), Path: "/" + name}
	}
	w := &workshop{t: t, output: &bytes.Buffer{}}
	w.site = buildpacks.Site{
		Stack: host, Runner: sandbox.Namespaces{},
		App: dir("app"), Layers: dir("layers"), Platform: dir("platform"), Temp: buildpacks.Dir{Host: dir("tmp").Host, Path: "/tmp"},
		Scratch: dir("scratch").Host, Env: map[string]string{}, Output: w.output,
	}
	return w
}

// try builds with the buildpacks of those directories.
func (w *workshop) try(dirs ...string) (artifact.Tree, error) {
	w.t.Helper()
	b := build.Builder{
		Compilers: map[string]build.Compiler{}, LegacySBOM: w.inPlace,
		Warned: func(text string) { w.warnings = append(w.warnings, text) },
	}
	plan := detect.Plan{Entries: w.entries}
	for _, dir := range dirs {
		dir = fixture(dir)
		opened, err := cnb.Open(dir)
		if err != nil {
			w.t.Fatal(err)
		}
		plan.Group = append(plan.Group, detect.Choice{Descriptor: opened.Descriptor()})
		if opened.Dir, err = filepath.Abs(dir); err != nil {
			w.t.Fatal(err)
		}
		b.Compilers[opened.Descriptor().ID] = opened
	}
	if !w.inPlace {
		if err := build.Prepare(w.site); err != nil {
			w.t.Fatal(err)
		}
	}
	return b.Build(w.t.Context(), w.site, build.Only(plan))
}

// fixture is the directory of a buildpack of testdata/buildpacks, or the one
// that is named.
func fixture(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join("../testdata/buildpacks", name)
}

// build is try, for what works.
func (w *workshop) build(dirs ...string) artifact.Tree {
	w.t.Helper()
	tree, err := w.try(dirs...)
	if err != nil {
		w.t.Fatalf("%v\n%s", err, w.output)
	}
	return tree
}

// left is a file below the layers.
func (w *workshop) left(path ...string) string {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{w.site.Layers.Host}, path...)...))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(data)
}

// seenEnv is the environment that a buildpack noted in its layer seen.
func (w *workshop) seenEnv(buildpack string) map[string]string {
	w.t.Helper()
	env := map[string]string{}
	for _, word := range strings.Split(strings.TrimSuffix(w.left(buildpack, "seen", "env"), "\x00"), "\x00") {
		name, value, _ := strings.Cut(word, "=")
		env[name] = value
	}
	return env
}

// files are the regular files below a directory of the layers, by path.
func (w *workshop) files(dir string) map[string]string {
	w.t.Helper()
	files := map[string]string{}
	root := filepath.Join(w.site.Layers.Host, dir)
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		files[rel] = string(data)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return files
}

// put writes a file with the directories that lead to it.
func put(t *testing.T, text string, mode os.FileMode, path ...string) {
	t.Helper()
	file := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
