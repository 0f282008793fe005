//go:build acceptance

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/stack/referencetest"
)

// reference makes a command of the program one of the reference lifecycle.
func reference(l referencetest.Lifecycle, c *exec.Cmd) *exec.Cmd {
	c.Path = filepath.Join(l.Dir, "lifecycle")
	return c
}

// ended is the exit code of a command, and all that it said.
func ended(t *testing.T, c *exec.Cmd) (code int, out string) {
	t.Helper()
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	err := c.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), said.String()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, said.String()
}

// TestReferenceHelp compares what phases say about their flags, which are all names,
// defaults and variables behind them.
func TestReferenceHelp(t *testing.T) {
	theirs := referencetest.Build(t)
	b := newBuilder(t)
	b.fresh("tmp")
	var all []string
	for name, value := range variables() {
		all = append(all, name+"="+value)
	}
	for _, env := range [][]string{nil, all} {
		for _, api := range platform.APIs() {
			for _, phase := range platform.Phases() {
				help := func(c *exec.Cmd) string {
					c.Env = append(c.Env, env...)
					code, out := ended(t, c)
					if code != 0 {
						t.Errorf("%s -h of %s: code %d", phase, api, code)
					}
					return out
				}
				want := help(reference(theirs, b.command(api, string(phase), "-h")))
				got := help(b.command(api, string(phase), "-h"))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s of %s (-reference +ours):\n%s", phase, api, diff)
				}
			}
		}
	}
}

// both plays a scene with the reference and with ours, where everything has the
// same path and the same name.
func both(t *testing.T, play func(program string, by func(*exec.Cmd) *exec.Cmd)) {
	theirs := referencetest.Build(t)
	play("reference", func(c *exec.Cmd) *exec.Cmd { return reference(theirs, c) })
	play("ours", func(c *exec.Cmd) *exec.Cmd { return c })
}

// TestReferencePhases compares all files that five phases leave, and the layers of
// their images.
func TestReferencePhases(t *testing.T) {
	for _, api := range platform.APIs() {
		t.Run(api, func(t *testing.T) {
			b := newBuilder(t)
			// One of the buildpacks writes SBOM files, which are from 0.8 on.
			if api != "0.7" {
				b.write("order.toml", "[[order]]\n[[order.group]]\nid = \"test/hello\"\nversion = \"1.0.0\"\n[[order.group]]\nid = \"test/layers\"\nversion = \"1.0.0\"\n")
				must(t, os.CopyFS(b.at("buildpacks/test_layers/1.0.0"), os.DirFS("../../testdata/buildpacks/layers")))
			}
			states := map[string][]map[string]any{}
			both(t, func(program string, by func(*exec.Cmd) *exec.Cmd) {
				b.fresh("cache")
				for range 3 {
					b.fresh("layers", "tmp")
					for _, phase := range five {
						c := by(b.command(api, phase, b.arguments(phase, b.host+"/app")...))
						if code, out := ended(t, c); code != 0 {
							t.Fatalf("%s of %s: code %d\n%s", phase, program, code, out)
						}
					}
					states[program] = append(states[program], b.state("app"))
				}
				must(t, remote.Delete(b.tag("app")))
			})
			for round := range states["ours"] {
				if diff := cmp.Diff(states["reference"][round], states["ours"][round]); diff != "" {
					t.Errorf("build %d (-reference +ours):\n%s", round+1, diff)
				}
			}
		})
	}
}

// digestForm is a digest of a manifest, which compression is a part of.
var digestForm = regexp.MustCompile(`(app@|digest = ")sha256:[0-9a-f]{64}|manifest-size = \d+`)

// state is what phases left, read: the files of the layers directory, those of the
// cache, and of an image the layers.
func (b builder) state(image string) map[string]any {
	b.t.Helper()
	state := map[string]any{}
	for _, root := range []string{"layers", "cache"} {
		err := filepath.WalkDir(b.at(root), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			name, err := filepath.Rel(b.dir, path)
			if err != nil {
				return err
			}
			if name == "cache/slugc" {
				return filepath.SkipDir
			}
			if entry.IsDir() || filepath.Ext(name) == ".tar" {
				state[name] = ""
				return nil
			}
			data, err := os.ReadFile(path)
			state[name] = valuesOf(b.t, name, digestForm.ReplaceAllString(string(data), "$1"))
			return err
		})
		if err != nil {
			b.t.Fatal(err)
		}
	}
	found, err := remote.Image(b.tag(image))
	if err != nil {
		b.t.Fatal(err)
	}
	config, err := found.ConfigFile()
	if err != nil {
		b.t.Fatal(err)
	}
	state["diffIDs"] = config.RootFS.DiffIDs
	return state
}

// valuesOf is a file as values, where it is a form that the phases or buildpacks
// write.
func valuesOf(t *testing.T, name, text string) any {
	t.Helper()
	var value map[string]any
	switch {
	case strings.HasSuffix(name, ".toml"):
		if _, err := toml.Decode(text, &value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	case strings.HasSuffix(name, ".json"), strings.HasSuffix(name, "cache.metadata"):
		if json.Unmarshal([]byte(text), &value) != nil {
			return text
		}
	default:
		return text
	}
	if entries, ok := value["entries"].([]map[string]any); ok {
		slices.SortFunc(entries, func(x, y map[string]any) int { return strings.Compare(fmt.Sprint(x), fmt.Sprint(y)) })
	}
	return value
}
