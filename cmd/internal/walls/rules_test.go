package walls

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

const (
	tomlModule     = "github.com/BurntSushi/toml"
	libcnbModule   = "github.com/buildpacks/libcnb"
	registryModule = "github.com/google/go-containerregistry"
	archivesModule = "github.com/mholt/archives"
	cobraModule    = "github.com/spf13/cobra"
	sqliteModule   = "modernc.org/sqlite"
	ageModule      = "filippo.io/age"
)

// stairs are the top-level folders. Each may import itself and those after it.
var stairs = []string{"cmd", "release", "build", "detect", "buildpacks", "stack"}

// languages are the folders of buildpacks that are buildpacks themselves. They
// meet in the build plan and do not import each other, but what all of them use.
var languages = []string{
	"buildpacks/apt", "buildpacks/binary", "buildpacks/deno", "buildpacks/golang", "buildpacks/java", "buildpacks/nodejs", "buildpacks/php", "buildpacks/procfile",
	"buildpacks/python", "buildpacks/ruby", "buildpacks/rust", "buildpacks/static",
}

// pkg is a package as "go list -json" tells of it.
type pkg struct {
	ImportPath   string
	Standard     bool
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// graph is the packages of a module and all that they depend on.
type graph struct {
	module string
	pkgs   map[string]pkg
}

// own are the paths within the module of its packages.
func (g graph) own() []string {
	var own []string
	for name := range g.pkgs {
		if within(name, g.module) {
			own = append(own, strings.TrimPrefix(strings.TrimPrefix(name, g.module), "/"))
		}
	}
	return slices.Sorted(slices.Values(own))
}

// imports are what the package at a path within the module imports, itself and
// in its tests.
func (g graph) imports(at string) []string {
	p := g.pkgs[path.Join(g.module, at)]
	all := slices.Concat(p.Imports, p.TestImports, p.XTestImports)
	slices.Sort(all)
	return slices.Compact(all)
}

// links are all packages that the package at a path within the module is
// linked with, the standard library left out; each with the package that
// brings it in.
func (g graph) links(at string) map[string]string {
	start := path.Join(g.module, at)
	found := map[string]string{}
	for queue := []string{start}; len(queue) > 0; queue = queue[1:] {
		for _, name := range g.pkgs[queue[0]].Imports {
			if _, known := found[name]; known || g.pkgs[name].Standard || name == start {
				continue
			}
			found[name] = queue[0]
			queue = append(queue, name)
		}
	}
	return found
}

// within is whether a package is folder or in it.
func within(name, folder string) bool {
	return name == folder || strings.HasPrefix(name, folder+"/")
}

func withinAny(name string, folders []string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool { return within(name, folder) })
}

// breaches are the imports that break a wall, one line each.
func breaches(g graph) []string {
	var found []string
	for _, at := range g.own() {
		if !slices.Contains(stairs, folder(at)) {
			found = append(found, fmt.Sprintf("%s is in none of the folders %s", at, strings.Join(stairs, " > ")))
		}
		for _, name := range g.imports(at) {
			inside, ours := strings.CutPrefix(name, g.module+"/")
			why := ""
			if ours {
				why = cmp.Or(upstairs(at, inside), sideways(at, inside), g.forTests(at, inside))
			} else {
				why = cmp.Or(stranger(at, name), template(name))
			}
			if why != "" {
				found = append(found, fmt.Sprintf("%s imports %s: %s", at, name, why))
			}
		}
		found = append(found, g.linked(at)...)
	}
	return found
}

// upstairs says why a package may not import one of ours to its left.
func upstairs(at, name string) string {
	from := slices.Index(stairs, folder(at))
	to := slices.Index(stairs, folder(name))
	if from >= 0 && to >= 0 && to < from {
		return "imports run only down " + strings.Join(stairs, " > ")
	}
	return ""
}

func folder(at string) string {
	first, _, _ := strings.Cut(at, "/")
	return first
}

// sideways says why a language buildpack may not import another, or what finds and runs
// buildpacks.
func sideways(at, name string) string {
	for _, language := range languages {
		if within(at, language) && within(name, "buildpacks") && name != "buildpacks" && !withinAny(name, []string{language, "buildpacks/language", "buildpacks/runtime"}) {
			return "buildpacks meet in the build plan, they do not import each other"
		}
	}
	return ""
}

// forTests says why a package may not import one that is there for tests.
func (g graph) forTests(at, name string) string {
	if strings.HasSuffix(name, "test") && !strings.HasSuffix(at, "test") && slices.Contains(g.pkgs[path.Join(g.module, at)].Imports, path.Join(g.module, name)) {
		return "there is nothing in it for a product"
	}
	return ""
}

// stranger says why a package may not import one of another module.
func stranger(at, name string) string {
	for _, wall := range []struct {
		module string
		seen   []string
		why    string
	}{
		{libcnbModule, slices.Concat(languages, []string{"buildpacks/builtin", "buildpacks/classic/bridge", "buildpacks/language", "cmd/buildpack"}), "libcnb is seen only by our own buildpacks"},
		{archivesModule, []string{"buildpacks/fetch"}, "foreign archives are read only in buildpacks/fetch"},
		{sqliteModule, []string{"release/ledger"}, "the ledger is read and written only in release/ledger"},
		{ageModule, []string{"release/ledger"}, "configs are sealed only in release/ledger"},
	} {
		if within(name, wall.module) && !withinAny(at, wall.seen) {
			return wall.why
		}
	}
	return ""
}

// template says why no package may import one of templates. Executing one looks methods up
// by name, for which the linker keeps the exported methods of all types of a program,
// called or not.
func template(name string) string {
	if name == "html/template" || name == "text/template" {
		return "one template that is executed makes slugc larger by 1.25 MiB of code"
	}
	return ""
}

// linked are the breaches of what the package at a path may be linked with.
func (g graph) linked(at string) []string {
	links := g.links(at)
	var found []string
	for _, name := range slices.Sorted(maps.Keys(links)) {
		inside, ours := strings.CutPrefix(name, g.module+"/")
		why := ""
		switch {
		case within(name, tomlModule):
		case within(at, "cmd/launcher") && (!ours || !withinAny(inside, []string{"stack/launch", "cmd/launcher"})):
			why = "the launcher links the standard library, toml and stack/launch"
		case within(at, "stack/launch") && (!ours || !within(inside, "stack/launch")):
			why = "stack/launch is linked into every image: the standard library and toml"
		case within(at, "detect") && within(name, registryModule):
			why = "detect knows no registry"
		case withinAny(at, []string{"cmd/lifecycle", "cmd/buildpack", "cmd/bridge"}) && (within(name, cobraModule) || ours && within(inside, "release")):
			why = "what runs in builders is no part of slugc's own road: neither release nor cobra"
		case within(at, "cmd/lifecycle") && ours && (withinAny(inside, languages) || within(inside, "stack/debian")):
			why = "the lifecycle knows no language and no packages"
		}
		if why != "" {
			found = append(found, fmt.Sprintf("%s links %s, through %s: %s", at, name, links[name], why))
		}
	}
	return found
}
