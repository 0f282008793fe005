package walls

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/slugc/slugc"

// TestWalls looks at the whole module, with the files of every build tag that
// it has. A package that does not compile is no reason not to look: "go list -e"
// still knows its imports.
func TestWalls(t *testing.T) {
	touchSources(t)
	g := graph{module: module, pkgs: map[string]pkg{}}
	list := exec.CommandContext(t.Context(), "go", "list", "-e", "-deps", "-tags", "acceptance,bench",
		"-json=ImportPath,Standard,Imports,TestImports,XTestImports", module+"/...")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%s: %v", list, err)
	}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		g.pkgs[p.ImportPath] = p
	}
	if len(g.own()) < 2 {
		t.Fatalf("found no packages of %s but %q", module, g.own())
	}
	for _, breach := range breaches(g) {
		t.Error(breach)
	}
}

// touchSources opens every source file, because the result of a test is cached
// until a file changes that the test itself has opened, and the files that "go
// list" reads do not count.
func touchSources(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir("../../..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".go" && filepath.Base(name) != "go.mod" {
			return err
		}
		_, err = os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBreaches(t *testing.T) {
	const launcherWall = "the launcher links the standard library, toml and stack/launch"
	own := func(names ...string) []string {
		for i, name := range names {
			if _, stranger, is := strings.Cut(name, "!"); is {
				names[i] = stranger
				continue
			}
			names[i] = module + "/" + name
		}
		return names
	}
	for name, c := range map[string]struct {
		pkgs map[string][]string
		want []string
	}{
		"down the stairs": {map[string][]string{
			"cmd/slugc":           own("release/deploy", "cmd/internal/cli", "stack", "!os"),
			"release/deploy":      own("build", "detect"),
			"build/oci":           own("build/artifact", "!"+registryModule+"/pkg/v1"),
			"detect":              own("buildpacks"),
			"buildpacks/builtin":  own("buildpacks/nodejs", "!"+libcnbModule+"/v2"),
			"buildpacks/nodejs":   own("buildpacks/runtime", "!"+libcnbModule+"/v2"),
			"buildpacks/fetch":    own("!"+archivesModule, "!"+registryModule+"/pkg/name"),
			"cmd/buildpack":       own("buildpacks/builtin", "!"+libcnbModule+"/v2"),
			"stack/sandbox":       own("stack"),
			"buildpacks/buildkit": own("stack"),
		}, nil},
		"up the stairs": {map[string][]string{
			"stack/sandbox":  own("stack", "buildpacks"),
			"buildpacks/cnb": own("detect"),
			"detect":         own("build/artifact"),
			"build":          own("release"),
			"release/ledger": own("cmd/internal/cli"),
		}, []string{
			"build imports " + module + "/release: imports run only down cmd > release > build > detect > buildpacks > stack",
			"buildpacks/cnb imports " + module + "/detect: imports run only down cmd > release > build > detect > buildpacks > stack",
			"detect imports " + module + "/build/artifact: imports run only down cmd > release > build > detect > buildpacks > stack",
			"release/ledger imports " + module + "/cmd/internal/cli: imports run only down cmd > release > build > detect > buildpacks > stack",
			"stack/sandbox imports " + module + "/buildpacks: imports run only down cmd > release > build > detect > buildpacks > stack",
		}},
		"what runs in builders": {map[string][]string{
			"cmd/lifecycle":   own("build/lifecycle", "release/ledger", "!"+cobraModule),
			"build/lifecycle": own("buildpacks/nodejs", "stack/debian"),
			"cmd/buildpack":   own("buildpacks/builtin", "release"),
			"cmd/bridge":      own("release"),
		}, []string{
			"cmd/bridge links " + module + "/release, through " + module + "/cmd/bridge: what runs in builders is no part of slugc's own road: neither release nor cobra",
			"cmd/buildpack links " + module + "/release, through " + module + "/cmd/buildpack: what runs in builders is no part of slugc's own road: neither release nor cobra",
			"cmd/lifecycle links " + module + "/buildpacks/nodejs, through " + module + "/build/lifecycle: the lifecycle knows no language and no packages",
			"cmd/lifecycle links " + module + "/release/ledger, through " + module + "/cmd/lifecycle: what runs in builders is no part of slugc's own road: neither release nor cobra",
			"cmd/lifecycle links " + module + "/stack/debian, through " + module + "/build/lifecycle: the lifecycle knows no language and no packages",
			"cmd/lifecycle links " + cobraModule + ", through " + module + "/cmd/lifecycle: what runs in builders is no part of slugc's own road: neither release nor cobra",
		}},
		"a name that only begins alike": {map[string][]string{
			"build": own("buildpacks/cnb", "!"+archivesModule+"utils"),
		}, nil},
		"language to language": {map[string][]string{
			"buildpacks/ruby": own("buildpacks/nodejs/yarn", "buildpacks/ruby/gem", "buildpacks", "buildpacks/runtime/bundler", "buildpacks/language/layer", "buildpacks/cnb"),
		}, []string{
			"buildpacks/ruby imports " + module + "/buildpacks/cnb: buildpacks meet in the build plan, they do not import each other",
			"buildpacks/ruby imports " + module + "/buildpacks/nodejs/yarn: buildpacks meet in the build plan, they do not import each other",
		}},
		"a folder that is none of these": {map[string][]string{
			"internal/util": own("stack"),
		}, []string{
			"internal/util is in none of the folders cmd > release > build > detect > buildpacks > stack",
		}},
		"what is for tests": {map[string][]string{
			"build/slug":          own("build/slug/slugtest"),
			"build/slug/slugtest": own("stack/untar/untartest"),
		}, []string{
			"build/slug imports " + module + "/build/slug/slugtest: there is nothing in it for a product",
		}},
		"libraries out of their rooms": {map[string][]string{
			"buildpacks/cnb": own("!" + libcnbModule + "/v2"),
			"build/slug":     own("!" + archivesModule),
			"release/slugs":  own("!"+sqliteModule, "!"+ageModule),
			"release/ledger": own("!"+sqliteModule+"/lib", "!"+ageModule),
		}, []string{
			"build/slug imports " + archivesModule + ": foreign archives are read only in buildpacks/fetch",
			"buildpacks/cnb imports " + libcnbModule + "/v2: libcnb is seen only by our own buildpacks",
			"release/slugs imports " + ageModule + ": configs are sealed only in release/ledger",
			"release/slugs imports " + sqliteModule + ": the ledger is read and written only in release/ledger",
		}},
		"templates": {map[string][]string{
			"cmd/slugc":     own("!text/template", "!text/template/parse", "!html"),
			"release/serve": own("!html/template"),
		}, []string{
			"cmd/slugc imports text/template: one template that is executed makes slugc larger by 1.25 MiB of code",
			"release/serve imports html/template: one template that is executed makes slugc larger by 1.25 MiB of code",
		}},
		"a launcher that links what it may": {map[string][]string{
			"cmd/launcher":     own("stack/launch", "!os"),
			"stack/launch":     own("!"+tomlModule, "!os"),
			"!" + tomlModule:   own("!"+tomlModule+"/internal", "!os"),
			"stack/launch/env": own("!strings"),
		}, nil},
		"a launcher that links too much through another": {map[string][]string{
			"cmd/launcher": own("stack/launch"),
			"stack/launch": own("stack"),
			"stack":        own("!golang.org/x/sys/unix"),
		}, []string{
			"cmd/launcher links " + module + "/stack, through " + module + "/stack/launch: " + launcherWall,
			"cmd/launcher links golang.org/x/sys/unix, through " + module + "/stack: " + launcherWall,
			"stack/launch links " + module + "/stack, through " + module + "/stack/launch: stack/launch is linked into every image: the standard library and toml",
			"stack/launch links golang.org/x/sys/unix, through " + module + "/stack: stack/launch is linked into every image: the standard library and toml",
		}},
		"a registry behind detect": {map[string][]string{
			"detect":           own("buildpacks/fetch"),
			"buildpacks/fetch": own("!" + registryModule + "/pkg/name"),
		}, []string{
			"detect links " + registryModule + "/pkg/name, through " + module + "/buildpacks/fetch: detect knows no registry",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			g := graph{module: module, pkgs: map[string]pkg{}}
			for _, name := range []string{"html", "html/template", "os", "strings", "text/template", "text/template/parse"} {
				g.pkgs[name] = pkg{Standard: true}
			}
			for at, imports := range c.pkgs {
				key := own(at)[0]
				g.pkgs[key] = pkg{ImportPath: key, Imports: imports}
			}
			if diff := cmp.Diff(c.want, breaches(g)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestLanguages compares the list with the buildpacks that there are, and with the rules for
// the editor.
func TestLanguages(t *testing.T) {
	found, err := filepath.Glob("../../../buildpacks/*/buildpack.toml")
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range found {
		found[i] = "buildpacks/" + filepath.Base(filepath.Dir(file))
	}
	if diff := cmp.Diff(found, languages); diff != "" {
		t.Errorf("-there are +languages:\n%s", diff)
	}
	rules, err := os.ReadFile("../../../.golangci.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, language := range languages {
		for _, rule := range []string{`files: ["${config-path}/` + language + `/**"]`, `- "!${config-path}/` + language + `/**"`} {
			if !strings.Contains(string(rules), rule) {
				t.Errorf(".golangci.yml has no %s", rule)
			}
		}
	}
}

// TestForTests: a test may import what is for tests.
func TestForTests(t *testing.T) {
	for name, p := range map[string]pkg{
		"in the package":     {TestImports: []string{module + "/build/slug/slugtest"}},
		"beside the package": {XTestImports: []string{module + "/build/slug/slugtest"}},
	} {
		g := graph{module: module, pkgs: map[string]pkg{module + "/build/slug": p}}
		if got := breaches(g); len(got) != 0 {
			t.Errorf("%s: breaches %q, want none", name, got)
		}
	}
}

// TestBreachesInTests: a test may not import up the stairs either.
func TestBreachesInTests(t *testing.T) {
	for name, p := range map[string]pkg{
		"in the package":     {TestImports: []string{module + "/build"}},
		"beside the package": {XTestImports: []string{module + "/build"}},
	} {
		g := graph{module: module, pkgs: map[string]pkg{module + "/stack": p}}
		if got := breaches(g); len(got) != 1 {
			t.Errorf("%s: breaches %q, want one", name, got)
		}
	}
}
