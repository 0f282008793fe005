//go:build acceptance

package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/slugc/slugc/build/lifecycle/platform"
)

// dice make scenes that nobody thought of; the same ones for the same seed.
type dice struct{ *rand.Rand }

// one is one of some.
func (d dice) one(some ...string) string { return some[d.IntN(len(some))] }

// often reports true so many times of a hundred.
func (d dice) often(percent int) bool { return d.IntN(100) < percent }

// randomScenes are as many scenes, each for one Platform API.
func randomScenes(seed uint64, n int) map[string]scene {
	d := dice{rand.New(rand.NewPCG(seed, 0))}
	all := map[string]scene{}
	for i := range n {
		all[fmt.Sprintf("random %d", i)] = d.scene().on(d.one(platform.APIs()...))
	}
	return all
}

func (d dice) scene() scene {
	names := []string{"test/a", "test/bb", "test/ccc", "test/d", "test/e"}[:2+d.IntN(4)]
	files := shelf{"app/main.txt": "app", "app/read.md": "read", "app/dir/more.md": "more"}
	for i, name := range names {
		// A composite has only those behind it, which makes it end.
		if rest := names[i+1:]; len(rest) > 1 && d.often(25) {
			files = files.with(composite(name, d.groups(rest)...))
			continue
		}
		files = files.with(d.buildpack(name))
	}
	files = files.with(order(d.groups(names)...))
	if d.often(20) {
		files["system.toml"] = system(d.one("pre", "post"), d.one(names...))
	}
	s := scene{files: files, acts: []act{{}, {}}}
	if d.often(50) {
		s.acts[1].files = map[string]string{"app/main.txt": "edited"}
	}
	if d.often(30) {
		s.acts[0].args = []string{"-log-level", "debug"}
	}
	if d.often(20) {
		env := []string{"CNB_EXEC_ENV=test"}
		s.acts[0].env, s.acts[1].env = env, env
	}
	return s
}

// groups are groups of an order.
func (d dice) groups(names []string) []string {
	groups := make([]string, 1+d.IntN(3))
	for i := range groups {
		var members []string
		for _, name := range names {
			if !d.often(70) {
				continue
			}
			if d.often(40) {
				name += "?"
			}
			members = append(members, name)
		}
		if len(members) == 0 {
			members = names[:1]
		}
		groups[i] = strings.Join(members, " ")
	}
	return groups
}

func (d dice) buildpack(id string) shelf {
	apis := platform.BuildpackAPIs()
	api := d.one(apis...)
	at := slices.Index(apis, api)
	descriptor := "sbom-formats = [\"application/vnd.cyclonedx+json\", \"application/spdx+json; version=2\"]\n"
	if d.often(20) {
		descriptor += fmt.Sprintf("exec-env = [%q]\n", d.one("test", "production", "*"))
	}
	if d.often(30) {
		descriptor += fmt.Sprintf("[[targets]]\nos = %q\narch = %q\n", d.one("linux", "linux", "windows"), d.one("amd64", "", "amd64", "arm64"))
	}
	if d.often(10) {
		descriptor += fmt.Sprintf("[[stacks]]\nid = %q\n", d.one("*", "io.buildpacks.stacks.bionic", "other"))
	}
	return buildpack(id, api, descriptor, d.detect(), d.build(id, at))
}

func (d dice) detect() string {
	switch n := d.IntN(100); {
	case n < 15:
		return "echo no\nexit 100\n"
	case n < 20:
		return broken
	case n < 60:
		return pass
	}
	var lines []string
	for i := range 1 + d.IntN(2) {
		at := ""
		if i > 0 {
			lines, at = append(lines, "[[or]]"), "or."
		}
		for range d.IntN(3) {
			lines = append(lines, fmt.Sprintf("[[%sprovides]]\nname = %q", at, d.one("x", "y")))
		}
		for range d.IntN(3) {
			lines = append(lines, fmt.Sprintf("[[%srequires]]\nname = %q\n[%srequires.metadata]\nlaunch = true\nnumber = %d", at, d.one("x", "y"), at, d.IntN(5)))
		}
	}
	return plan(lines...)
}

// build is a bin/build for the Buildpack API at an index.
func (d dice) build(id string, api int) string {
	var script strings.Builder
	script.WriteString("sort \"$3\"\necho \"${VALUE:-none} $PATH\"\n")
	for _, name := range []string{"one", "two", "three"} {
		if !d.often(60) {
			continue
		}
		var types []string
		for _, kind := range []string{"launch", "build", "cache"} {
			types = append(types, fmt.Sprintf("%s=%v", kind, d.often(50)))
		}
		if d.often(50) {
			// One that stays as it is while it is there.
			fmt.Fprintf(&script, "if [ ! -f \"$1/%s/content\" ]; then\n%sfi\n", name, layer(name, strings.Join(types, " "), id))
			fmt.Fprintf(&script, "printf '[types]\\n%s\\n[metadata]\\nsaid = \"%s\"\\n' > \"$1/%s.toml\"\n", strings.Join(types, `\n`), id, name)
		} else {
			script.WriteString(layer(name, strings.Join(types, " "), id) + fmt.Sprintf("cp main.txt \"$1/%s/main\"\n", name))
		}
		if d.often(50) {
			fmt.Fprintf(&script, "mkdir -p \"$1/%[1]s/%[2]s\" \"$1/%[1]s/bin\"\nprintf %[1]s: > \"$1/%[1]s/%[2]s/VALUE.%[3]s\"\n",
				name, d.one("env", "env.build", "env.launch"), d.one("append", "prepend", "override", "default"))
		}
		if d.often(30) {
			script.WriteString(file(name+".sbom."+d.one("cdx", "spdx")+".json", `{"of": "`+id+`"}`))
		}
	}
	if d.often(20) {
		script.WriteString(file(d.one("launch", "build")+".sbom.cdx.json", `{"of": "`+id+`"}`))
	}
	if d.often(70) {
		script.WriteString(file("launch.toml", d.launch(api)))
	}
	if d.often(20) {
		script.WriteString(file("build.toml", "[[bom]]\nname = \"tool\"\n[bom.metadata]\nby = \"x\""))
	}
	if d.often(30) {
		script.WriteString(file("store.toml", "[metadata]\nby = \""+id+"\"\n[metadata.more]\nlist = [\"a\", \"b\"]"))
	}
	if d.often(5) {
		fmt.Fprintf(&script, "exit %d\n", 1+d.IntN(3))
	}
	return script.String()
}

// launch is a launch.toml for the Buildpack API at an index.
func (d dice) launch(api int) string {
	var lines []string
	byDefault := d.IntN(4)
	for i, kind := range []string{"web", "worker", "a.b-c_d"} {
		if !d.often(60) {
			continue
		}
		lines = append(lines, fmt.Sprintf("[[processes]]\ntype = %q", kind))
		if api < 2 {
			lines = append(lines, fmt.Sprintf("command = %q", d.one("run", "run it $HOME")), fmt.Sprintf("direct = %v", d.often(50)))
		} else {
			lines = append(lines, fmt.Sprintf("command = [%q, %q]", d.one("run", "bash"), d.one("-c", "it")))
		}
		if d.often(50) {
			lines = append(lines, `args = ["a", "b c", "\"d\""]`)
		}
		if i == byDefault {
			lines = append(lines, "default = true")
		}
		if api > 0 && d.often(30) {
			lines = append(lines, `working-dir = "/tmp"`)
		}
		if d.often(20) {
			lines = append(lines, fmt.Sprintf("exec-env = [%q]", d.one("test", "production")))
		}
	}
	if d.often(40) {
		lines = append(lines, fmt.Sprintf("[[labels]]\nkey = \"said.%s\"\nvalue = %q", d.one("x", "y"), d.one("a", "b \"c\"", "")))
	}
	if d.often(30) {
		lines = append(lines, fmt.Sprintf("[[slices]]\npaths = [%q, %q]", d.one("*.md", "dir", "none", "dir/*.md"), d.one("*.txt", "none")))
	}
	if d.often(15) {
		lines = append(lines, "[[bom]]\nname = \"dep\"\n[bom.metadata]\nversion = \"1\"")
	}
	return strings.Join(lines, "\n")
}
