//go:build acceptance

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sclevine/spec"
	"go.yaml.in/yaml/v3"

	"github.com/slugc/slugc/stack/dockertest"
)

// TestCI checks the files for CI services by the schemas of those, and does what
// they say with this build of slugc.
func TestCI(t *testing.T) {
	t.Parallel()
	spec.Run(t, "testdata/ci", testCI, spec.Sequential())
}

func testCI(t *testing.T, _ spec.G, it spec.S) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	var (
		r imageRegistry
		s *slugc
	)
	it.Before(func() {
		r, s = newImageRegistry(t), newSlugc(t)
		s.program("app/start", "echo started")
		s.write("app/Procfile", "web: ./start\n")
		s.write("app/project.toml", "[_]\nschema-version = \"0.2\"\n[[io.buildpacks.group]]\nid = \"test/nothing\"\nversion = \"1\"\n"+
			"[io.buildpacks.group.script]\napi = \"0.10\"\ninline = \"true\"\n[[io.buildpacks.group]]\nid = \"slugc/procfile\"\n")
	})

	it("has a GitHub workflow whose steps build and push", func() {
		var workflow struct {
			Jobs map[string]struct {
				Steps []struct {
					Uses, Run string
					With, Env map[string]string
				}
			}
		}
		readCI(t, "github.yml", &workflow)
		checkCI(t, "github.yml", "--builtin-schema", "vendor.github-workflows")
		// The machines of GitHub have sudo.
		s.program("bin/sudo", `[ "$1" = --preserve-env=SLUGC_REGISTRY_AUTH ] && shift && exec "$@"`)
		values := strings.NewReplacer("${{ vars.IMAGE }}", r.host+"/team/app", "${{ secrets.REGISTRY_AUTH }}", "{}")
		for _, step := range workflow.Jobs["build"].Steps {
			if step.Uses != "" {
				if step.With["repository"] != "" {
					s.checkOut(step.With["path"])
				}
				continue
			}
			env := []string{"GITHUB_SHA=" + commit, "GITHUB_STEP_SUMMARY=" + s.path("summary.md")}
			for name, value := range step.Env {
				env = append(env, name+"="+values.Replace(value))
			}
			s.shell(s.dir, step.Run, env...)
		}
		s.isRelease("summary.md", r, "team/app:"+commit)
	})

	it("has a GitLab job whose script builds and pushes", func() {
		var jobs map[string]struct {
			Script    []string
			Variables map[string]string
			Artifacts struct{ Paths []string }
		}
		readCI(t, "gitlab.yml", &jobs)
		checkCI(t, "gitlab.yml", "--builtin-schema", "vendor.gitlab-ci")
		s.checkOut("source")
		job := jobs["build-image"]
		job.Variables["SLUGC_SOURCE"] = "file://" + s.path("source")
		env := []string{
			"CI_PROJECT_DIR=" + s.path("app"), "CI_PROJECT_NAME=app", "CI_COMMIT_SHA=" + commit, "CI_REGISTRY=" + r.host,
			"CI_REGISTRY_IMAGE=" + r.host + "/team/app", "CI_REGISTRY_USER=someone", "CI_REGISTRY_PASSWORD=secret",
		}
		for _, name := range slices.Sorted(maps.Keys(job.Variables)) {
			env = append(env, name+"="+job.Variables[name])
		}
		s.shell(s.path("app"), strings.Join(job.Script, "\n"), env...)
		s.isRelease(filepath.Join("app", job.Artifacts.Paths[0]), r, "team/app:"+commit)
	})

	it("has a Tekton task whose steps build and push", func() {
		var task struct {
			Spec struct {
				Params []struct{ Name, Default string }
				Steps  []struct {
					Name, Image, Script string
					Env                 []struct{ Name, Value string }
					SecurityContext     struct {
						RunAsUser, RunAsGroup int `yaml:",omitempty"`
					} `yaml:"securityContext"`
					VolumeMounts []struct {
						Name      string
						MountPath string `yaml:"mountPath"`
					} `yaml:"volumeMounts"`
				}
			}
		}
		readCI(t, "tekton.yaml", &task)
		checkCI(t, "tekton.yaml", "--schemafile", tektonSchema(t, s.path("task.json")))
		p := newPlatform(t)
		d, r, s := p.d, p.r, p.s
		s.write("builder.toml", p.builderTOML(ownArchive(t), "run:1", fixture(t, "hello")))
		p.pack("builder", "create", "test/builder", "--config", s.path("builder.toml"), "--pull-policy", "if-not-present")

		given := map[string]string{"APP_IMAGE": r.host + "/team/app", "BUILDER_IMAGE": "test/builder"}
		words := []string{
			"$(workspaces.source.path)", "/workspace/source", "$(workspaces.cache.path)", "/workspace/cache", "$(workspaces.cache.bound)", "true",
			"$(results.APP_IMAGE_DIGEST.path)", "/tekton/results/APP_IMAGE_DIGEST",
		}
		for _, p := range task.Spec.Params {
			value, is := given[p.Name]
			if !is {
				value = p.Default
			}
			words = append(words, "$(params."+p.Name+")", value)
		}
		values := strings.NewReplacer(words...)
		for _, dir := range []string{"results", "cache", "layers"} {
			if err := os.Mkdir(s.path(dir), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(s.path(dir), 0o777); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			for _, step := range task.Spec.Steps {
				s.write("scripts/"+step.Name, values.Replace(step.Script))
				if err := os.Chmod(s.path("scripts/"+step.Name), 0o755); err != nil {
					t.Fatal(err)
				}
				c := dockertest.Container{
					Image: values.Replace(step.Image), Entrypoint: []string{"/tekton/scripts/" + step.Name}, Network: "host",
					User: fmt.Sprintf("%d:%d", step.SecurityContext.RunAsUser, step.SecurityContext.RunAsGroup),
					Binds: []string{
						s.path("scripts") + ":/tekton/scripts", s.path("results") + ":/tekton/results",
						s.path("app") + ":/workspace/source", s.path("cache") + ":/workspace/cache",
					},
				}
				for _, v := range step.Env {
					c.Env = append(c.Env, v.Name+"="+values.Replace(v.Value))
				}
				for _, mount := range step.VolumeMounts {
					c.Binds = append(c.Binds, s.path(mount.Name)+":"+mount.MountPath)
				}
				d.Run(c)
			}
			if got, want := s.read("results/APP_IMAGE_DIGEST"), r.digest("team/app"); got != want {
				t.Errorf("the task says that it made %q, the registry has %q", got, want)
			}
			if err := os.RemoveAll(s.path("layers")); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(s.path("layers"), 0o777); err != nil {
				t.Fatal(err)
			}
		}
		d.Pull(r.host + "/team/app")
		contains(t, d.Run(dockertest.Container{Image: r.host + "/team/app", Env: []string{"HOME=/workspace/source", "PORT=80"}}), "Hello, world")
	})
}

// checkOut leaves a copy of this repository, as git checks it out, with its one
// commit.
func (s *slugc) checkOut(name string) {
	s.t.Helper()
	s.shell(filepath.Join("..", ".."), `git ls-files -z | tar --null --files-from - --create | tar --extract --directory "$TO"
		cd "$TO" && git init --quiet && git add --all && git -c user.name=test -c user.email=test@example.test commit --quiet --message test`,
		"TO="+s.mkdir(name))
}

func (s *slugc) read(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

func (s *slugc) mkdir(name string) string {
	s.t.Helper()
	if err := os.MkdirAll(s.path(name), 0o755); err != nil {
		s.t.Fatal(err)
	}
	return s.path(name)
}

// shell runs a script as CI services do: by bash, which ends at the first error.
func (s *slugc) shell(dir, script string, env ...string) {
	s.t.Helper()
	slugc := s.command(s.t.Context())
	cmd := exec.CommandContext(s.t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(slugc.Env, "PATH="+s.path("bin")+":"+os.Getenv("PATH"))
	for _, name := range []string{"GOPROXY", "GONOSUMDB", "GOSUMDB", "GOFLAGS", "GOMODCACHE", "GOCACHE"} {
		out, err := exec.CommandContext(s.t.Context(), "go", "env", name).Output()
		if err != nil {
			s.t.Fatal(err)
		}
		cmd.Env = append(cmd.Env, name+"="+strings.TrimSpace(string(out)))
	}
	cmd.Env = append(cmd.Env, env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%s\n%v\n%s", script, err, out)
	}
}

// isRelease makes sure that a file is the record of what a tag names.
func (s *slugc) isRelease(file string, r imageRegistry, ref string) {
	s.t.Helper()
	var record struct {
		App       string
		Artifacts []struct{ Digest string }
	}
	if err := json.Unmarshal([]byte(s.read(file)), &record); err != nil {
		s.t.Fatal(err)
	}
	if want := r.digest(ref); record.App != "app" || len(record.Artifacts) != 1 || record.Artifacts[0].Digest != want {
		s.t.Errorf("the record is %+v, the registry has %s", record, want)
	}
}

func ciFile(name string) string { return filepath.Join("../../testdata/ci", name) }

// readCI reads a file of testdata/ci.
func readCI(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(ciFile(name))
	if err == nil {
		err = yaml.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// checkCI checks a file by a schema.
func checkCI(t *testing.T, name string, schema ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "../../out/tools/jsonschema/bin/check-jsonschema", append(schema, ciFile(name))...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// tektonSchema writes the schema of a task, as Kubernetes has it: objects have
// no other properties than those that it names.
func tektonSchema(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile("../../out/tools/tekton-task.yaml")
	if err != nil {
		t.Fatalf("%v; run make tools", err)
	}
	var definition struct {
		Spec struct {
			Versions []struct {
				Name   string
				Schema struct {
					OpenAPI map[string]any `yaml:"openAPIV3Schema"`
				}
			}
		}
	}
	if err := yaml.Unmarshal(text, &definition); err != nil {
		t.Fatal(err)
	}
	for _, version := range definition.Spec.Versions {
		if version.Name != "v1" {
			continue
		}
		closeObjects(version.Schema.OpenAPI)
		schema, err := json.Marshal(version.Schema.OpenAPI)
		if err == nil {
			err = os.WriteFile(file, schema, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	t.Fatal("the definition has no version v1")
	return ""
}

var extension = regexp.MustCompile(`^x-kubernetes-`)

// closeObjects lets the objects of a schema have no properties that it does not
// name, apart from those that may have any.
func closeObjects(schema any) {
	switch s := schema.(type) {
	case map[string]any:
		open, _ := s["x-kubernetes-preserve-unknown-fields"].(bool)
		for key, value := range s {
			if extension.MatchString(key) {
				delete(s, key)
				continue
			}
			closeObjects(value)
		}
		_, named := s["properties"].(map[string]any)
		if _, said := s["additionalProperties"]; named && !said && !open && s["type"] == "object" {
			s["additionalProperties"] = false
		}
	case []any:
		for _, value := range s {
			closeObjects(value)
		}
	}
}
