package launch_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/stack/launch"
)

// otherForm has all that other lifecycles write.
const otherForm = `
buildpack-default-process-type = "web"

[[buildpacks]]
  api = "0.8"
  homepage = "https://example.com/java"
  id = "some/java"
  version = "1.2.3"

[[extensions]]
  id = "some/extension"

[[labels]]
  key = "some.label"
  value = "v"

[[processes]]
  type = "web"
  command = "java"
  args = ["-jar", "app.jar"]
  direct = false
  buildpack-id = "some/java"

[[processes]]
  type = "worker"
  command = ["work", "--all"]
  direct = true
  working-dir = "jobs"
  exec-env = ["test"]

[[processes]]
  type = "wait"
  command = ["sleep", 1.5, 60, true]

[[slices]]
  paths = ["static/*"]
`

func TestParseMetadata(t *testing.T) {
	got, err := launch.ParseMetadata([]byte(otherForm))
	if err != nil {
		t.Fatal(err)
	}
	want := launch.Metadata{
		DefaultProcess: "web",
		Buildpacks:     []launch.Buildpack{{ID: "some/java", Version: "1.2.3", API: "0.8", Homepage: "https://example.com/java"}},
		Processes: []launch.Process{
			{Type: "web", Command: launch.Command{"java"}, Args: []string{"-jar", "app.jar"}, BuildpackID: "some/java"},
			{Type: "worker", Command: launch.Command{"work", "--all"}, Direct: true, WorkingDirectory: "jobs", ExecEnv: []string{"test"}},
			{Type: "wait", Command: launch.Command{"sleep", "1.5", "60", "true"}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}

	var file bytes.Buffer
	if err := launch.WriteMetadata(&file, got); err != nil {
		t.Fatal(err)
	}
	again, err := launch.ParseMetadata(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, again); diff != "" {
		t.Errorf("written and read again: %s\n%s", diff, file.String())
	}
}

func TestParseMetadataErrors(t *testing.T) {
	for name, data := range map[string]string{
		"a list in a command":   "[[processes]]\ntype='a'\ncommand=['x', ['y']]",
		"a number as a command": "[[processes]]\ntype='a'\ncommand=1",
		"not toml":              "[[processes",
	} {
		if m, err := launch.ParseMetadata([]byte(data)); err == nil {
			t.Errorf("%s: no error, but %+v", name, m)
		}
	}
	if _, err := launch.ReadMetadata(t.TempDir() + "/none"); err == nil || !strings.Contains(err.Error(), "/none") {
		t.Errorf("the error %v does not name the missing file", err)
	}
}

func TestCommandJSON(t *testing.T) {
	for data, want := range map[string]launch.Command{
		`["a","b"]`: {"a", "b"},
		`"a b"`:     {"a b"},
	} {
		var got launch.Command
		if err := json.Unmarshal([]byte(data), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	var got launch.Command
	if err := json.Unmarshal([]byte(`{}`), &got); err == nil {
		t.Error("an object was read as a command")
	}
}

func FuzzParseMetadata(f *testing.F) {
	f.Add([]byte(otherForm))
	f.Add([]byte("[[processes]]\ntype='a'\ncommand=['x']\nargs=['\\u0000']"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := launch.ParseMetadata(data)
		if err != nil {
			return
		}
		var file bytes.Buffer
		if err := launch.WriteMetadata(&file, m); err != nil {
			t.Fatal(err)
		}
		if _, err := launch.ParseMetadata(file.Bytes()); err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, file.String())
		}
	})
}

// FuzzLaunch starts each process of any metadata: it starts, or there is an
// error.
func FuzzLaunch(f *testing.F) {
	f.Add([]byte(otherForm), "0.9", "mine")
	f.Add([]byte(buildpacks+processes), "0.15", "")
	f.Add([]byte("[[processes]]\ntype='a'\ncommand=[]"), "0.15", "--")
	f.Add([]byte("[[buildpacks]]\nid='..'\napi='0.10'\n[[processes]]\ntype='..'\ncommand='x'"), "v0.10", "x")
	root := f.TempDir()
	layers := filepath.Join(root, "layers")
	if err := os.MkdirAll(filepath.Join(layers, "config"), 0o755); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte, api, word string) {
		if err := os.WriteFile(launch.MetadataPath(layers), data, 0o644); err != nil {
			t.Fatal(err)
		}
		types := []string{"launcher"}
		if m, err := launch.ParseMetadata(data); err == nil {
			for _, p := range m.Processes {
				types = append(types, p.Type)
			}
		}
		for _, processType := range types {
			started := false
			l := launch.Launcher{
				Environ: []string{"CNB_PLATFORM_API=" + api, "CNB_LAYERS_DIR=" + layers, "CNB_APP_DIR=" + root, "PATH=/usr/bin:/bin"},
				Chdir:   func(string) error { return nil },
				Exec:    func(_ string, argv, _ []string) error { started = len(argv) > 0; return nil },
				Stdout:  io.Discard, Stderr: io.Discard,
			}
			if err := l.Launch(t.Context(), []string{processType, word}); (err == nil) != started {
				t.Errorf("process type %q: started: %t, error: %v", processType, started, err)
			}
		}
	})
}
