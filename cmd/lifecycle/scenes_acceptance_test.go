//go:build acceptance

package main

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// shelf is the files of a builder.
type shelf map[string]string

// with adds files.
func (s shelf) with(others ...map[string]string) shelf {
	all := maps.Clone(s)
	for _, other := range others {
		maps.Copy(all, other)
	}
	return all
}

// buildpack is the files of a buildpack in version 1.0.0: its API, what more its
// descriptor says, and its scripts.
func buildpack(id, api, descriptor, detect, build string) shelf {
	dir := "buildpacks/" + strings.ReplaceAll(id, "/", "_") + "/1.0.0/"
	return shelf{
		dir + "buildpack.toml": fmt.Sprintf("api = %q\n[buildpack]\nid = %q\nversion = \"1.0.0\"\nname = \"A buildpack\"\nhomepage = \"https://example.com/%s\"\n%s", api, id, id, descriptor),
		dir + "bin/detect":     "#!/bin/sh\nset -e\n" + detect,
		dir + "bin/build":      "#!/bin/sh\nset -e\n" + build,
	}
}

// order is an order.toml of groups; "?" after an id is for optional ones.
func order(groups ...string) shelf {
	var text strings.Builder
	for _, group := range groups {
		text.WriteString("[[order]]\n")
		for _, id := range strings.Fields(group) {
			id, optional := strings.CutSuffix(id, "?")
			fmt.Fprintf(&text, "[[order.group]]\nid = %q\nversion = \"1.0.0\"\noptional = %v\n", id, optional)
		}
	}
	return shelf{"order.toml": text.String()}
}

// layer is lines of a bin/build that make a layer of such types; what is restored
// stays.
func layer(name, types, content string) string {
	return fmt.Sprintf(`mkdir -p "$1/%[1]s"
printf '%%s' '%[3]s' > "$1/%[1]s/content"
printf '[types]\n%[2]s\n[metadata]\nsaid = "%[3]s"\n' > "$1/%[1]s.toml"
`, name, strings.ReplaceAll(types, " ", `\n`), content)
}

const (
	launchTypes = "launch=true"
	cacheTypes  = "cache=true"
	allTypes    = "launch=true cache=true build=true"
)

// web is lines of a bin/build that make the process web, in the form of API 0.9.
const web = `cat > "$1/launch.toml" <<TOML
[[processes]]
type = "web"
command = ["run", "it"]
args = ["a", "b"]
default = true
working-dir = "/tmp"
[[processes]]
type = "another"
command = ["other"]
[[labels]]
key = "said"
value = "something"
[[slices]]
paths = ["*.md"]
TOML
`

// plain is an app that one buildpack builds.
func plain() shelf {
	return order("test/one").with(
		buildpack("test/one", "0.9", "", "exit 0\n", `echo "building $(pwd | xargs basename)"
`+layer("all", allTypes, "all")+layer("only", launchTypes, "launch")+layer("kept", cacheTypes, "cache")+web),
		shelf{"app/main.txt": "app", "app/read.md": "read me", "platform/env/PERSON": "somebody"},
	)
}

// old is a buildpack of an API with other forms.
func old() shelf {
	return order("test/old test/one?").with(plain(), order("test/old test/one?"),
		buildpack("test/old", "0.7", "", `echo '[[provides]]
name = "thing"
[[requires]]
name = "thing"
[requires.metadata]
version = "1"' > "$2"
`, `cat "$3"
`+layer("dep", "launch=true", "dep")+`cat > "$1/launch.toml" <<TOML
[[bom]]
name = "thing"
[bom.metadata]
version = "1"
[[processes]]
type = "old"
command = "run it"
args = ["a"]
direct = false
working-dir = "/tmp"
[[processes]]
type = "direct"
command = "run"
direct = true
TOML
cat > "$1/build.toml" <<TOML
[[bom]]
name = "tool"
[bom.metadata]
version = "2"
TOML
`))
}

// pass, fail and broken are what bin/detect does.
const (
	pass   = "exit 0\n"
	fail   = "echo no, not 100%\nexit 100\n"
	broken = "echo oh no >&2\nexit 7\n"
)

// plan is lines of a bin/detect that leave a build plan.
func plan(lines ...string) string {
	return "cat > \"$2\" <<TOML\n" + strings.Join(lines, "\n") + "\nTOML\n"
}

func provides(name string) string { return fmt.Sprintf("[[provides]]\nname = %q", name) }
func requires(name string) string {
	return fmt.Sprintf("[[requires]]\nname = %q\n[requires.metadata]\nby = \"some\"", name)
}

// minimal is a buildpack that adds one process and does nothing else.
func minimal(id, detect string) shelf {
	return buildpack(id, "0.10", "", detect, "sort \"$3\"\nprintf '[[processes]]\\ntype=\"%s\"\\ncommand=[\"run\"]\\n' \"$(basename \"$1\")\" > \"$1/launch.toml\"\n")
}

// left is an app whose only buildpack leaves what its bin/build says.
func left(api, descriptor, build string) shelf {
	return order("test/one").with(buildpack("test/one", api, descriptor, pass, build))
}

// file is lines of a bin/build that write a file of the layers directory.
func file(name, text string) string {
	return fmt.Sprintf("mkdir -p \"$(dirname \"$1/%[1]s\")\"\ncat > \"$1/%[1]s\" <<'TOML'\n%[2]s\nTOML\n", name, text)
}

func once(files ...map[string]string) scene {
	return scene{apis: edges(), files: shelf{"app/main.txt": "app"}.with(files...), acts: []act{{}}}
}

func twice(files ...map[string]string) scene {
	s := once(files...)
	s.apis, s.acts = nil, []act{{}, {}}
	return s
}

func (s scene) on(apis ...string) scene {
	s.apis = apis
	return s
}

func (s scene) but(differs string) scene {
	s.differs = differs
	return s
}

func (s scene) with(args ...string) scene {
	s.acts[0].args = args
	return s
}

// edges are the Platform APIs that change what the phases before the exporter do.
func edges() []string { return []string{"0.7", "0.9", "0.12", "0.15"} }

// scenes are the builds in which both lifecycles have to do the same.
//
// Long: it is one table; a row is one scene, and the words above it are what several of them play.
func scenes() map[string]scene {
	sbom := []string{"cdx", "spdx", "syft"}
	var sboms strings.Builder
	sboms.WriteString(layer("all", allTypes, "all") + layer("dep", "build=true", "dep") + layer("kept", cacheTypes, "kept"))
	for _, format := range sbom {
		for _, about := range []string{"all", "dep", "kept", "launch", "build", "none"} {
			sboms.WriteString(file(about+".sbom."+format+".json", `{"about": "`+about+`"}`))
		}
	}
	formats := "sbom-formats = [\"application/vnd.cyclonedx+json\", \"application/spdx+json\", \"application/vnd.syft+json\"]\n"
	environment := "env | sort | grep -v -e ^_= -e ^SHLVL= -e ^OLDPWD= | sed -e 's#plan[^/]*/#plan/#' -e 's#/tmp[^/]*##' -e 's#CNB_B.*PLAN_PATH=.*/#PLAN_PATH=#'\n"
	person := shelf{
		"platform/env/PATH": "/person", "platform/env/CPATH": "/person", "platform/env/PERSON": "somebody\n", "platform/env/CNB_APP_DIR": "/none",
		"build-config/env/OPERATOR": "default", "build-config/env/PERSON.override": "operator", "build-config/env/PATH.append": "/operator",
		"build-config/env/PATH.delim": ":",
	}
	return map[string]scene{
		"plain": {
			files: plain(),
			acts:  []act{{}, {}, {files: map[string]string{"app/main.txt": "edited"}}, {args: []string{"-skip-restore"}}},
		},
		"old buildpack": twice(old()),
		"SBOM":          twice(left("0.7", formats, sboms.String())),
		"environment 0.7": once(order("test/one test/two"), person, left("0.7", "", environment+layer("all", allTypes, "all")+
			"mkdir -p \"$1/all/env\" \"$1/all/env.build\" \"$1/all/bin\"\nprintf value > \"$1/all/env/VALUE\"\nprintf more > \"$1/all/env.build/VALUE.append\"\n"),
			order("test/one test/two"), buildpack("test/two", "0.12", "", environment, environment)),
		"environment 0.10": once(person, left("0.10", "clear-env = true\n", environment)),
		"store":            twice(left("0.10", "", "cat \"$1/store.toml\" 2>/dev/null || true\n"+file("store.toml", "[metadata]\nkept = \"yes\"\nnumber = 3"))),
		"ignored layer":    twice(left("0.10", "", layer("none", "", "none")+layer("all", allTypes, "all"))),

		"says no":            once(order("test/one"), minimal("test/one", fail)),
		"breaks":             once(order("test/one"), minimal("test/one", broken)),
		"is killed":          once(order("test/one"), minimal("test/one", "kill -9 $$\n")),
		"second group":       once(order("test/one", "test/two? test/three"), minimal("test/one", fail), minimal("test/two", fail), minimal("test/three", pass)),
		"optional ones":      once(order("test/one? test/longer-name test/three?"), minimal("test/one", fail), minimal("test/longer-name", pass), minimal("test/three", broken)),
		"only optional ones": once(order("test/one? test/two?"), minimal("test/one", fail), minimal("test/two", fail)),
		"debug": once(order("test/one? test/two", "test/three test/four? test/five?"), minimal("test/one", "exit 100"), minimal("test/two", plan(requires("a"))),
			minimal("test/three", plan(provides("a"), "[[or]]", "[[or.provides]]", `name = "b"`)), minimal("test/four", plan(requires("b"))), minimal("test/five", plan(requires("c"))),
		).with("-log-level", "debug"),
		"debug targets": once(order("test/one test/two test/three? test/one", "test/two"), buildpack("test/one", "0.10", "[[targets]]\nos = \"plan9\"\n[[targets]]\nos = \"linux\"\n[[targets]]\nos = \"linux\"\narch = \"amd64\"\n", pass, ""),
			buildpack("test/two", "0.10", "[[targets]]\nos = \"linux\"\narch = \"amd64\"\nvariant = \"\"\n[[targets.distros]]\nname = \"debian\"\nversion = \"13\"\n", pass, ""),
			buildpack("test/three", "0.10", "[[targets]]\nos = \"linux\"\narch = \"arm64\"\n[[targets.distros]]\nname = \"x\"\nversion = \"1\"\n[[targets.distros]]\nname = \"y\"\nversion = \"2\"\n", fail, ""),
		).with("-log-level", "debug"),
		"debug for tests": once(order("test/one test/two"), buildpack("test/one", "0.12", "exec-env = [\"test\"]\n[[targets]]\nos = \"linux\"\narch = \"amd64\"\n", pass, ""), minimal("test/two", pass)).with("-log-level", "debug"),
		"debug none":      once(order("test/one", "test/two? test/one"), minimal("test/one", fail), minimal("test/two", broken)).with("-log-level", "debug"),
		"the same twice":  once(order("test/one test/one"), minimal("test/one", pass)),
		"plan":            once(order("test/one test/two"), minimal("test/one", plan(provides("a"), provides("b"))), minimal("test/two", plan(requires("a"), requires("b"), requires("a")))),
		"plan alternatives": once(order("test/one test/two"), minimal("test/one", plan(provides("a"), "[[or]]", "[[or.provides]]", `name = "b"`)),
			minimal("test/two", plan(requires("b")))),
		"plan passed on": once(order("test/one test/two"),
			buildpack("test/one", "0.10", "", plan(provides("a"), provides("b"), requires("a"), requires("b")), "sort \"$3\"\n"+file("build.toml", "[[unmet]]\nname = \"a\"")),
			minimal("test/two", plan(provides("a"), requires("a")))),
		"plan unmet":      once(order("test/one"), minimal("test/one", plan(requires("a")))),
		"plan unused":     once(order("test/one"), minimal("test/one", plan(provides("a")))),
		"plan drops":      once(order("test/one? test/two"), minimal("test/one", plan(requires("a"))), minimal("test/two", pass)),
		"plan drops all":  once(order("test/one? test/two?"), minimal("test/one", plan(requires("a"))), minimal("test/two", plan(requires("a")))),
		"plan odd":        once(order("test/one"), minimal("test/one", plan("[[provides"))),
		"plan versions":   once(order("test/one"), minimal("test/one", plan(provides("a"), "[[requires]]", `name = "a"`, `version = "1"`))).but("a version is what replaced it, metadata.version"),
		"target":          once(order("test/one"), buildpack("test/one", "0.10", "[[targets]]\nos = \"plan9\"\narch = \"mips\"\n[[targets.distros]]\nname = \"x\"\nversion = \"1\"\n", pass, "")),
		"target optional": once(order("test/one? test/two"), buildpack("test/one", "0.10", "[[targets]]\nos = \"plan9\"\n", pass, ""), minimal("test/two", pass)),
		"target later": once(order("test/one", "test/one? test/two"), buildpack("test/one", "0.10", "[[targets]]\nos = \"linux\"\narch = \"arm64\"\n", pass, ""),
			minimal("test/two", pass)),
		"target fits": once(order("test/one"), buildpack("test/one", "0.10", "[[targets]]\nos = \"linux\"\n[[targets.distros]]\nname = \"debian\"\nversion = \"13\"\n", pass, environment)),
		"for tests": {
			files: order("test/one test/two").with(buildpack("test/one", "0.12", "exec-env = [\"production\"]\n", pass, ""),
				buildpack("test/two", "0.12", "exec-env = [\"test\"]\n", pass, environment+file("launch.toml", "[[processes]]\ntype = \"web\"\ncommand = [\"run\"]\nexec-env = [\"test\"]")),
				shelf{"app/x": "x"}),
			acts: []act{{env: []string{"CNB_EXEC_ENV=test"}}, {env: []string{"CNB_EXEC_ENV=development"}}},
		},

		"no order":      once(),
		"odd order":     once(shelf{"order.toml": "[[order"}),
		"empty order":   once(shelf{"order.toml": "# none\n"}),
		"empty group":   once(shelf{"order.toml": "[[order]]\ngroup = []\n"}),
		"not there":     once(order("test/none")),
		"API unknown":   once(order("test/one"), buildpack("test/one", "0.99", "", pass, "")),
		"API odd":       once(order("test/one"), buildpack("test/one", "new", "", pass, "")),
		"no descriptor": once(order("test/one"), minimal("test/one", pass), shelf{"buildpacks/test_one/1.0.0/buildpack.toml": "[["}),
		"composite": once(order("test/all? test/three"), composite("test/all", "test/one? test/two", "test/two"), minimal("test/one", fail), minimal("test/two", fail),
			minimal("test/three", pass)),
		"composite breaks":          once(order("test/all? test/three"), composite("test/all", "test/one"), minimal("test/one", broken), minimal("test/three", fail)),
		"required composite breaks": once(order("test/all test/three", "test/three"), composite("test/all", "test/one"), minimal("test/one", broken), minimal("test/three", fail)),
		"composites in each other": once(order("test/all? test/three"), composite("test/all", "test/more? test/two"), composite("test/more", "test/one", "test/one test/two"),
			minimal("test/one", broken), minimal("test/two", fail), minimal("test/three", fail)),
		"composite not there": once(order("test/all"), composite("test/all", "test/none")),
		"system": once(order("test/one"), minimal("test/one", pass), minimal("test/two", pass), minimal("test/three", pass), shelf{"system.toml": system(
			"pre", "test/two", "pre", "test/one", "post", "test/three")}).on("0.14", "0.15"),
		"system says no":    once(order("test/one"), minimal("test/one", pass), minimal("test/two", fail), shelf{"system.toml": system("post", "test/two")}).on("0.15"),
		"system not there":  once(order("test/one"), minimal("test/one", pass), shelf{"system.toml": system("pre", "test/two")}).on("0.15"),
		"odd system":        once(order("test/one"), minimal("test/one", pass), shelf{"system.toml": "[[system"}).on("0.14", "0.15"),
		"no bin/detect":     once(order("test/one"), minimal("test/one", pass), shelf{"buildpacks/test_one/1.0.0/bin/detect": ""}),
		"no bin/build":      once(order("test/one"), minimal("test/one", pass), shelf{"buildpacks/test_one/1.0.0/bin/build": ""}),
		"no interpreter":    once(order("test/one"), minimal("test/one", pass), shelf{"buildpacks/test_one/1.0.0/bin/build": "#!/none\n"}),
		"detect not to run": once(order("test/one"), minimal("test/one", pass), shelf{"buildpacks/test_one/1.0.0/bin/detect": "no script"}),

		"build fails":                once(left("0.10", "", layer("all", allTypes, "all")+"echo oh no\nexit 3\n")),
		"build is killed":            once(left("0.10", "", "kill -9 $$\n")),
		"left odd launch.toml":       once(left("0.10", "", file("launch.toml", "[["))),
		"left odd build.toml":        once(left("0.10", "", file("build.toml", "[["))),
		"left odd layer":             once(left("0.10", "", file("x.toml", "[["))),
		"left types at the top":      once(left("0.10", "", file("x.toml", "launch = true"))),
		"left two defaults":          once(left("0.10", "", file("launch.toml", "[[processes]]\ntype = \"a\"\ncommand = [\"a\"]\ndefault = true\n[[processes]]\ntype = \"b\"\ncommand = [\"b\"]\ndefault = true"))),
		"left direct":                once(left("0.10", "", file("launch.toml", "[[processes]]\ntype = \"a\"\ncommand = [\"a\"]\ndirect = true"))),
		"left a text":                once(left("0.10", "", file("launch.toml", "[[processes]]\ntype = \"a\"\ncommand = \"a\""))),
		"left a list":                once(left("0.8", "", file("launch.toml", "[[processes]]\ntype = \"a\"\ncommand = [\"a\"]"))),
		"left unmet unknown":         once(left("0.10", "", file("build.toml", "[[unmet]]\nname = \"a\""))),
		"left unmet nameless":        once(left("0.10", "", file("build.toml", "[[unmet]]\n"))),
		"left bom version":           once(left("0.10", "", file("launch.toml", "[[bom]]\nname = \"a\"\nversion = \"1\""))),
		"left undeclared SBOM":       once(left("0.10", "", file("launch.sbom.cdx.json", "{}"))),
		"left odd SBOM":              once(left("0.10", formats, file("launch.sbom.abc.json", "{}"))),
		"left cache without content": once(left("0.10", "", file("x.toml", "[types]\ncache = true"))),
		"launch without content":     once(left("0.10", "", file("x.toml", "[types]\nlaunch = true"))),
		"launch only is reused":      twice(left("0.10", "", "if [ ! -f \"$1/x.toml\" ]; then mkdir \"$1/x\"; fi\n"+file("x.toml", "[types]\nlaunch = true"))),
		"processes redefined": once(order("test/one test/two"), left("0.10", "", file("launch.toml", "[[processes]]\ntype = \"web\"\ncommand = [\"a\"]\ndefault = true")),
			order("test/one test/two"), buildpack("test/two", "0.10", "", pass, file("launch.toml", "[[processes]]\ntype = \"web\"\ncommand = [\"b\"]\n[[labels]]\nkey = \"x\"\nvalue = \"y\""))),
		"process chosen":        once(plain()).with("-process-type", "another"),
		"process not there":     once(plain()).with("-process-type", "none"),
		"broken cache metadata": {apis: edges(), files: plain(), acts: []act{{}, {files: shelf{"cache/committed/io.buildpacks.lifecycle.cache.metadata": "{"}}}},
		"empty cache metadata":  {apis: edges(), files: plain(), acts: []act{{}, {files: shelf{"cache/committed/io.buildpacks.lifecycle.cache.metadata": "{}"}}}},
		"cache layers gone": {apis: edges(), files: plain(), acts: []act{{}, {before: func(s *stage) {
			s.tars(func(file string) { must(s.t, os.Remove(file)) })
		}}}},
		"broken cache layers": {apis: edges(), files: plain(), acts: []act{{}, {before: func(s *stage) {
			s.tars(func(file string) { must(s.t, os.WriteFile(file, []byte("no tar"), 0o644)) })
		}}}},
		"cut cache layers": {apis: edges(), files: plain(), acts: []act{{}, {before: func(s *stage) {
			s.tars(func(file string) { must(s.t, os.Truncate(file, 700)) })
		}}}},
		"cache gone":           {apis: edges(), files: plain(), acts: []act{{}, {before: func(s *stage) { must(s.t, os.RemoveAll(s.at("cache/committed"))) }}}},
		"image gone":           {apis: edges(), files: plain(), acts: []act{{}, {before: func(s *stage) { must(s.t, remote.Delete(s.tag("app:1"))) }}}},
		"broken label":         {apis: edges(), files: plain(), acts: []act{{}, {before: func(s *stage) { s.label("{") }}}},
		"empty label":          {apis: edges(), files: plain(), acts: []act{{}, {before: func(s *stage) { s.label("{}") }}}},
		"other previous image": {apis: edges(), files: plain(), acts: []act{{args: []string{"-tag", "HOST/app:2"}}, {args: []string{"-previous-image", "HOST/app:2"}}}},
		"no previous image":    {apis: edges(), files: plain(), acts: []act{{}, {args: []string{"-previous-image", "HOST/none"}}}},
		"tags":                 once(plain()).with("-tag", "HOST/app:2", "-tag", "HOST/more/app"),
		"tag elsewhere":        once(plain()).with("-tag", "127.0.0.1:1/app"),
		"odd tag":              once(plain()).with("-tag", "A B"),
		"no run image":         once(plain()).with("-run-image", "HOST/none"),
		"run image":            once(plain()).with("-run-image", "HOST/run:1"),
		"no run image known":   once(plain(), shelf{"run.toml": "", "stack.toml": ""}),
		"odd run images":       once(plain(), shelf{"run.toml": "[[", "stack.toml": "[["}),
		"run image mirror": once(plain(), shelf{"run.toml": "[[images]]\nimage = \"example.com/a\"\nmirrors = [\"HOST/run:1\"]\n",
			"stack.toml": "[run-image]\nimage = \"example.com/a\"\nmirrors = [\"HOST/run:1\"]\n"}),
		"source date":     {apis: edges(), files: plain(), acts: []act{{env: []string{"SOURCE_DATE_EPOCH=1000000000"}}, {env: []string{"SOURCE_DATE_EPOCH=odd"}}}},
		"modes of an app": {apis: edges(), files: plain(), acts: []act{{before: odd}, {}}},
		"no cache":        once(plain()).with("-cache-dir", ""),
		"other run image": {apis: edges(), files: plain(), run: &v1.ConfigFile{
			OS: "linux", Architecture: "amd64", Variant: "v8", OSVersion: "1", Author: "somebody", RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{}},
			Config: v1.Config{Env: []string{"A=b"}, Cmd: []string{"cmd"}, Entrypoint: []string{"entry"}, WorkingDir: "/x", Labels: map[string]string{
				"io.buildpacks.base.id": "test.id", "other": "label", "io.buildpacks.stack.mixins": "[\"a\"]", "io.buildpacks.rebasable": "true",
			}, ExposedPorts: map[string]struct{}{"80/tcp": {}}, Volumes: map[string]struct{}{"/v": {}}, StopSignal: "SIGINT", Shell: []string{"/bin/sh"},
				Healthcheck: &v1.HealthConfig{Test: []string{"NONE"}}, OnBuild: []string{"RUN x"}},
		}, acts: []act{{}}},
		"project": once(plain(), shelf{"project.toml": "[source]\ntype = \"git\"\n[source.version]\ncommit = \"abc\"\n[source.metadata]\nrepository = \"example.com/x\"\n"}),
	}
}

// tars calls a function for every layer of the cache.
func (s *stage) tars(do func(file string)) {
	files, err := filepath.Glob(s.at("cache/committed/*.tar"))
	must(s.t, err)
	for _, file := range files {
		do(file)
	}
}

// label gives the last image another label of the lifecycle.
func (s *stage) label(text string) {
	image, err := remote.Image(s.tag("app:1"))
	must(s.t, err)
	config, err := image.ConfigFile()
	must(s.t, err)
	config = config.DeepCopy()
	config.Config.Labels["io.buildpacks.lifecycle.metadata"] = text
	image, err = mutate.ConfigFile(image, config)
	must(s.t, err)
	must(s.t, remote.Write(s.tag("app:1"), image))
}

// odd makes an app with what tars and files have besides text.
func odd(s *stage) {
	must(s.t, os.Symlink("main.txt", s.at("app/link")))
	must(s.t, os.Symlink("/none", s.at("app/dangling")))
	must(s.t, os.Link(s.at("app/main.txt"), s.at("app/hard")))
	must(s.t, os.Mkdir(s.at("app/empty"), 0o700))
	must(s.t, os.Chmod(s.at("app/empty"), 0o777|fs.ModeSticky))
	must(s.t, os.Chmod(s.at("app/main.txt"), 0o755|fs.ModeSetuid))
	must(s.t, os.WriteFile(s.at("app/"+strings.Repeat("long", 50)+" \u00e9 \n"), nil, 0o644))
}

// composite is a buildpack that is an order.
func composite(id string, groups ...string) shelf {
	dir := "buildpacks/" + strings.ReplaceAll(id, "/", "_") + "/1.0.0/"
	return shelf{dir + "buildpack.toml": fmt.Sprintf("api = \"0.10\"\n[buildpack]\nid = %q\nversion = \"1.0.0\"\n", id) + order(groups...)["order.toml"]}
}

// system is a system.toml: places and who stands there.
func system(placed ...string) string {
	var text strings.Builder
	for i := 0; i < len(placed); i += 2 {
		fmt.Fprintf(&text, "[[system.%s.buildpacks]]\nid = %q\nversion = \"1.0.0\"\n", placed[i], placed[i+1])
	}
	return text.String()
}
