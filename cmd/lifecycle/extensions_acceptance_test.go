//go:build acceptance

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/build/lifecycle/platform"
)

// extensionScene is a detector with image extensions, which the reference plays and
// then ours.
type extensionScene struct {
	// files are in the stage, over those of a builder with one buildpack and the
	// extension test/ext; empty ones are removed.
	files map[string]string
	env   []string
	// differs are the beginnings of lines and paths that are not compared, each with
	// the reason why.
	differs map[string]string
	// everywhere says that it is for all Platform APIs, and not only for those that
	// extensions are different in.
	everywhere bool
}

const (
	extensionTOML = "api = \"0.9\"\n[extension]\nid = \"test/ext\"\nversion = \"1\"\nhomepage = \"example.com/ext\"\n"
	providesTool  = "#!/bin/sh\nprintf '[[provides]]\\nname = \"tool\"\\n' >> \"$2\"\n"
	requiresTool  = "#!/bin/sh\nprintf '[[requires]]\\nname = \"tool\"\\n[requires.metadata]\\nversion = \"2\"\\n' >> \"$2\"\n"
)

// generates is a bin/generate that writes files.
func generates(files map[string]string) string {
	script := "#!/bin/sh\nset -e\ncd \"$1\"\n"
	for _, name := range slices.Sorted(maps.Keys(files)) {
		script += fmt.Sprintf("mkdir -p \"$(dirname %s)\"\ncat > %s <<'END'\n%sEND\n", name, name, files[name])
	}
	return script
}

// builderFiles are those of every scene.
func builderFiles() map[string]string {
	return map[string]string{
		"order.toml":                           "[[order]]\n[[order.group]]\nid = \"test/app\"\nversion = \"1\"\n[[order-extensions]]\n[[order-extensions.group]]\nid = \"test/ext\"\nversion = \"1\"\n",
		"buildpacks/test_app/1/buildpack.toml": "api = \"0.10\"\n[buildpack]\nid = \"test/app\"\nversion = \"1\"\n[[targets]]\nos = \"linux\"\n",
		"buildpacks/test_app/1/bin/detect":     requiresTool,
		"buildpacks/test_app/1/bin/build":      "#!/bin/sh\n",
		"extensions/test_ext/1/extension.toml": extensionTOML,
		"extensions/test_ext/1/bin/detect":     providesTool,
		"extensions/test_ext/1/bin/generate":   "#!/bin/sh\n",
		"layers/analyzed.toml":                 "[run-image]\nreference = \"example.com/run@sha256:1234\"\nimage = \"example.com/run\"\n[run-image.target]\nos = \"linux\"\narch = \"amd64\"\n[run-image.target.distro]\nname = \"debian\"\nversion = \"13\"\n",
		"run.toml":                             "[[images]]\nimage = \"example.com/run\"\n[[images]]\nimage = \"example.com/other\"\n",
		"platform/env/FROM_PLATFORM":           "yes",
		"app/app.txt":                          "app",
	}
}

const (
	buildDockerfile = "ARG base_image\nFROM ${base_image}\nUSER root\nRUN touch /built\nUSER ${user_id}\n"
	runDockerfile   = "ARG base_image\nFROM ${base_image}\nRUN touch /run\n"
	generateAt      = "extensions/test_ext/1/bin/generate"
)

func extensionScenes() map[string]extensionScene {
	generate := func(files map[string]string) map[string]string {
		return map[string]string{generateAt: generates(files)}
	}
	second := func(files, more map[string]string) map[string]string {
		all := map[string]string{
			"order.toml": "[[order]]\n[[order.group]]\nid = \"test/app\"\nversion = \"1\"\n[[order-extensions]]\n[[order-extensions.group]]\nid = \"test/ext\"\nversion = \"1\"\n" +
				"[[order-extensions.group]]\nid = \"test/two\"\nversion = \"1\"\n",
			generateAt:                             generates(files),
			"extensions/test_two/1/extension.toml": strings.ReplaceAll(extensionTOML, "test/ext", "test/two"),
			"extensions/test_two/1/bin/generate":   generates(more),
		}
		return all
	}
	parse := map[string]string{"ERROR: failed to build: failed to parse": "Docker's parser adds what it was given, and what may have been meant"}
	return map[string]extensionScene{
		"nothing generated": {everywhere: true},
		"both images":       {everywhere: true, files: generate(map[string]string{"build.Dockerfile": buildDockerfile, "run.Dockerfile": runDockerfile})},
		"arguments and contexts": {files: generate(map[string]string{
			"build.Dockerfile": buildDockerfile, "run.Dockerfile": runDockerfile,
			"extend-config.toml": "[[build.args]]\nname = \"a\"\nvalue = \"1\"\n[[run.args]]\nname = \"b\"\nvalue = \"2\"\n",
			"context.build/a":    "a\n", "context.run/b": "b\n",
		})},
		"a shared context": {files: generate(map[string]string{"build.Dockerfile": buildDockerfile, "context/a": "a\n"})},
		"two contexts":     {files: generate(map[string]string{"build.Dockerfile": buildDockerfile, "context/a": "a\n", "context.run/b": "b\n"})},
		"a reserved argument": {files: generate(map[string]string{
			"build.Dockerfile": buildDockerfile, "extend-config.toml": "[[build.args]]\nname = \"user_id\"\nvalue = \"1\"\n",
		})},
		"a broken config": {files: generate(map[string]string{"extend-config.toml": "[[build.args\n"}), differs: map[string]string{
			"ERROR: failed to build: reading extend config": "errors about TOML say the line",
		}},
		"a switch":                     {files: generate(map[string]string{"run.Dockerfile": "FROM example.com/other\n"})},
		"a switch to the same":         {files: generate(map[string]string{"run.Dockerfile": "FROM example.com/run\n"})},
		"a switch to a stranger":       {files: generate(map[string]string{"run.Dockerfile": "FROM example.com/stranger:1\n"})},
		"a switch, and more":           {files: generate(map[string]string{"run.Dockerfile": "FROM example.com/other\nRUN touch /run\n"})},
		"an argument before a switch":  {files: generate(map[string]string{"run.Dockerfile": "ARG x=1\nFROM example.com/other\n"})},
		"several stages":               {files: generate(map[string]string{"run.Dockerfile": "FROM example.com/other\nFROM example.com/third\n"})},
		"several stages to build":      {files: generate(map[string]string{"build.Dockerfile": buildDockerfile + "FROM x\n"})},
		"an unknown instruction":       {files: generate(map[string]string{"run.Dockerfile": "FROM x\nFRM y\n"}), differs: parse},
		"nothing in it":                {files: generate(map[string]string{"run.Dockerfile": "# nothing\n"})},
		"no stage":                     {files: generate(map[string]string{"run.Dockerfile": "ARG x\n"})},
		"no stage to build":            {files: generate(map[string]string{"build.Dockerfile": "ARG base_image\n"})},
		"an instruction too early":     {files: generate(map[string]string{"run.Dockerfile": "RUN x\nFROM y\n"})},
		"no argument":                  {files: generate(map[string]string{"build.Dockerfile": "FROM ${base_image}\nRUN x\n"})},
		"another argument":             {files: generate(map[string]string{"build.Dockerfile": "ARG other\nFROM ${base_image}\n"})},
		"two arguments":                {files: generate(map[string]string{"build.Dockerfile": "ARG base_image\nARG other\nFROM ${base_image}\n"})},
		"another base":                 {files: generate(map[string]string{"build.Dockerfile": "ARG base_image\nFROM debian\n"})},
		"without braces":               {files: generate(map[string]string{"build.Dockerfile": "ARG base_image\nFROM $base_image\n"})},
		"what is not recommended":      {files: generate(map[string]string{"build.Dockerfile": buildDockerfile + "EXPOSE 80\nVOLUME /x\nCMD x\n", "run.Dockerfile": runDockerfile + "# a comment\n\nENTRYPOINT [\"x\"]\n"})},
		"not recommended, and wrong":   {files: generate(map[string]string{"build.Dockerfile": "ARG base_image\nFROM debian\nEXPOSE 80\n"})},
		"lines that go on":             {files: generate(map[string]string{"run.Dockerfile": "# escape=`\nFROM `\n# a comment\n\n  example.com/other\nRUN x `\n  && y\nSTOPSIGNAL 9\n"})},
		"here-documents":               {files: generate(map[string]string{"run.Dockerfile": "FROM example.com/other\nRUN <<EOF\nFROM x\nEOF\nCMD x\n"})},
		"a document without its end":   {files: generate(map[string]string{"run.Dockerfile": "FROM example.com/other\nRUN <<EOF\nFROM x\n"})},
		"bin/generate fails":           {files: map[string]string{generateAt: "#!/bin/sh\necho on its way\necho badly >&2\nexit 3\n"}},
		"bin/generate is no program":   {files: map[string]string{generateAt: "nothing"}},
		"the environment":              {files: map[string]string{generateAt: "#!/bin/sh\nenv | grep -v -e DIR= -e PATH= -e PWD= -e SHLVL= -e _= | sort\nfor v in CNB_EXTENSION_DIR CNB_PLATFORM_DIR; do printenv $v; done\n[ \"$CNB_OUTPUT_DIR\" = \"$1\" ] && [ \"$CNB_BP_PLAN_PATH\" = \"$3\" ] && echo same\npwd\ncat \"$3\"\n"}},
		"a target for a newer API":     {files: map[string]string{"extensions/test_ext/1/extension.toml": strings.Replace(extensionTOML, "0.9", "0.10", 1), generateAt: "#!/bin/sh\nenv | grep CNB_TARGET | sort\n"}},
		"no environment of a platform": {files: map[string]string{"extensions/test_ext/1/extension.toml": extensionTOML + "clear-env = true\n", generateAt: "#!/bin/sh\nenv | grep FROM_PLATFORM || echo none\n"}},
		"a static plan": {files: map[string]string{
			"extensions/test_ext/1/bin/detect": "", "extensions/test_ext/1/detect/plan.toml": "[[provides]]\nname = \"tool\"\n",
		}},
		"no plan at all": {files: map[string]string{"extensions/test_ext/1/bin/detect": "", "buildpacks/test_app/1/bin/detect": "#!/bin/sh\n"}},
		"static output": {files: map[string]string{
			generateAt: "", "extensions/test_ext/1/generate/build.Dockerfile": buildDockerfile, "extensions/test_ext/1/generate/extend-config.toml": "[[build.args]]\nname = \"a\"\nvalue = \"1\"\n",
			"extensions/test_ext/1/generate/context/a": "a",
		}, differs: map[string]string{"layers/generated/test_ext/": "the reference forgets what is static with 0.13 and newer"}},
		"it requires":         {files: map[string]string{"extensions/test_ext/1/bin/detect": requiresTool}},
		"it says no":          {files: map[string]string{"extensions/test_ext/1/bin/detect": "#!/bin/sh\necho no\nexit 100\n"}},
		"it breaks":           {files: map[string]string{"extensions/test_ext/1/bin/detect": "#!/bin/sh\necho odd\nexit 7\n"}},
		"nobody needs it":     {files: map[string]string{"buildpacks/test_app/1/bin/detect": "#!/bin/sh\n"}},
		"no buildpack passes": {files: map[string]string{"buildpacks/test_app/1/bin/detect": "#!/bin/sh\nexit 100\n"}},
		"it is not there":     {files: map[string]string{"extensions/test_ext/1/extension.toml": ""}},
		"its API is unknown":  {files: map[string]string{"extensions/test_ext/1/extension.toml": strings.Replace(extensionTOML, "0.9", "0.99", 1)}},
		"an experiment":       {env: []string{"CNB_EXPERIMENTAL_MODE="}},
		"a quiet experiment":  {env: []string{"CNB_EXPERIMENTAL_MODE=quiet"}},
		"the same id":         {files: map[string]string{"order.toml": "[[order]]\n[[order.group]]\nid = \"test/app\"\nversion = \"1\"\n[[order-extensions]]\n[[order-extensions.group]]\nid = \"test/app\"\nversion = \"1\"\n", "extensions/test_app/1/extension.toml": strings.ReplaceAll(extensionTOML, "test/ext", "test/app"), "extensions/test_app/1/detect/plan.toml": "[[provides]]\nname = \"tool\"\n"}},
		"the buildpack provides too": {files: map[string]string{
			"buildpacks/test_app/1/bin/detect": providesTool + requiresTool[len("#!/bin/sh\n"):],
		}},
		"two, the last switches":  {files: second(map[string]string{"run.Dockerfile": runDockerfile}, map[string]string{"run.Dockerfile": "FROM example.com/other\n"})},
		"two, the first switches": {files: second(map[string]string{"run.Dockerfile": "FROM example.com/other\n"}, map[string]string{"run.Dockerfile": runDockerfile})},
		"two, both switch": {files: second(map[string]string{"run.Dockerfile": "FROM example.com/other\n", "build.Dockerfile": buildDockerfile},
			map[string]string{"run.Dockerfile": "FROM example.com/run\nRUN x\n"})},
		"two orders": {files: map[string]string{
			"order.toml": "[[order]]\n[[order.group]]\nid = \"test/app\"\nversion = \"1\"\n[[order-extensions]]\n[[order-extensions.group]]\nid = \"test/no\"\nversion = \"1\"\n" +
				"[[order-extensions]]\n[[order-extensions.group]]\nid = \"test/ext\"\nversion = \"1\"\n",
			"extensions/test_no/1/extension.toml": strings.ReplaceAll(extensionTOML, "test/ext", "test/no"),
		}},
	}
}

// TestReferenceExtensions compares the detector where there are image extensions: its
// exit code, what it says and all that it writes.
func TestReferenceExtensions(t *testing.T) {
	s := newStage(t)
	programs := map[string]creator{"reference": theirs(t), "ours": ours(t)}
	needed := map[string]bool{}
	for name, scene := range extensionScenes() {
		apis := []string{"0.11", "0.12", "0.15"}
		if scene.everywhere {
			apis = platform.APIs()
		}
		for _, api := range apis {
			seen := map[string]map[string]string{}
			for program, p := range programs {
				seen[program] = s.detectExtensions(p, api, scene)
			}
			for what := range seen["reference"] {
				seen["ours"][what] += ""
			}
			for what, got := range seen["ours"] {
				if want := seen["reference"][what]; want != got && !scene.excuses(what, want, got, func(key string) { needed[name+key] = true }) {
					t.Errorf("%s, %s: %s (-reference +ours):\n%s", name, api, what, cmp.Diff(want, got))
				}
			}
		}
		for key, why := range scene.differs {
			if !needed[name+key] {
				t.Errorf("%s: no difference in %q any more (%s)", name, key, why)
			}
		}
	}
}

// excuses reports whether all that differs is in the table of the scene.
func (x extensionScene) excuses(what, want, got string, need func(string)) bool {
	for key := range x.differs {
		if strings.HasPrefix(what, key) {
			need(key)
			return true
		}
	}
	if what != "out" {
		return false
	}
	without := func(text string) string {
		var lines []string
		for line := range strings.Lines(text) {
			differs := false
			for key := range x.differs {
				if strings.HasPrefix(line, key) {
					need(key)
					differs = true
				}
			}
			if !differs {
				lines = append(lines, line)
			}
		}
		return strings.Join(lines, "")
	}
	return without(want) == without(got)
}

// detectExtensions plays a scene with a detector and returns what there is to see.
func (s *stage) detectExtensions(p creator, api string, scene extensionScene) map[string]string {
	s.t.Helper()
	must(s.t, os.RemoveAll(s.dir))
	s.write(builderFiles())
	s.write(scene.files)
	must(s.t, filepath.WalkDir(s.at("layers"), func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Chown(path, nobody, nobody))
	}))
	c := p("-app", s.at("app"), "-layers", s.at("layers"), "-platform", s.at("platform"), "-buildpacks", s.at("buildpacks"), "-order", s.at("order.toml"))
	c.Args[0], c.Dir = "detector", "/"
	c.Env = append([]string{
		"CNB_PLATFORM_API=" + api, "CNB_NO_COLOR=true", "PATH=/usr/bin:/bin", "TMPDIR=" + os.TempDir(), "CNB_EXTENSIONS_DIR=" + s.at("extensions"),
		"CNB_RUN_PATH=" + s.at("run.toml"), "CNB_ANALYZED_PATH=" + s.at("layers/analyzed.toml"), "CNB_EXPERIMENTAL_MODE=warn", "CNB_BUILD_CONFIG_DIR=" + s.at("none"),
	}, scene.env...)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := c.CombinedOutput()
	if _, exit := errors.AsType[*exec.ExitError](err); err != nil && !exit {
		s.t.Fatal(err)
	}
	seen := map[string]string{"code": fmt.Sprint(c.ProcessState.ExitCode()), "out": string(out)}
	must(s.t, filepath.WalkDir(s.at("layers"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(s.dir, path)
		if err != nil || entry.IsDir() {
			seen[name] = "directory"
			return err
		}
		text, err := os.ReadFile(path)
		if seen[name] = string(text); filepath.Dir(name) == "layers" {
			seen[name] = fmt.Sprint(valuesOf(s.t, name, string(text)))
		}
		return err
	}))
	return seen
}

// imagesForm is the digest of an image, which compression is a part of.
var imagesForm = regexp.MustCompile(`\(sha256:[0-9a-f]{64}\)`)

// TestReferenceCreatorExtensions compares creators where there are image extensions:
// they build without any, and refuse a group that needs one.
func TestReferenceCreatorExtensions(t *testing.T) {
	s := newStage(t)
	programs := map[string]creator{"reference": theirs(t), "ours": ours(t)}
	for name, c := range map[string]struct {
		detect string
		code   string
	}{
		"one that is needed":      {requiresTool, "22"},
		"one that nobody needs":   {"#!/bin/sh\n", "0"},
		"one that cannot help it": {"#!/bin/sh\nprintf '[[requires]]\\nname = \"other\"\\n' >> \"$2\"\n", "20"},
	} {
		files := builderFiles()
		delete(files, "layers/analyzed.toml")
		delete(files, "run.toml")
		files["buildpacks/test_app/1/bin/detect"] = c.detect
		for _, api := range []string{"0.9", "0.12", "0.14"} {
			seen := map[string]map[string]string{}
			for program, p := range programs {
				all := s.play(p, api, scene{files: files, acts: []act{{env: []string{"CNB_EXTENSIONS_DIR=" + s.at("extensions")}}}})[0]
				seen[program] = map[string]string{}
				for _, what := range []string{"exit", "output", "layers/group.toml", "layers/plan.toml", "layers/analyzed.toml"} {
					seen[program][what] = imagesForm.ReplaceAllString(all[what], "")
				}
			}
			if diff := cmp.Diff(seen["reference"], seen["ours"]); diff != "" || seen["ours"]["exit"] != c.code {
				t.Errorf("%s, %s: code %s (-reference +ours):\n%s", name, api, seen["ours"]["exit"], diff)
			}
		}
	}
}
