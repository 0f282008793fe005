package golang

import (
	"regexp"
	"slices"
	"sync"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/compiled"
)

// webNames are the commands that answer web requests by their name, the surest
// first; the module's own name comes between.
func webNames(p project) []string {
	names := []string{"web", "server"}
	for _, m := range p.modules {
		if inApp(m.dir) {
			names = append(names, commandName(m.path()))
			break
		}
	}
	return names
}

// notInType are characters that a process type may not have, as the name of a
// command may (CNB Buildpack API, "launch.toml").
var notInType = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[^A-Za-z0-9._-]`) })

// processes are how the app starts. A single command is web; of several it is
// the one that is called so, and the others have their own names.
func processes(p project, programs []compiled.Program, starts map[string]string) []libcnb.Process {
	var names []string
	for _, one := range programs {
		if one.Name != preCompile && one.Name != postCompile {
			names = append(names, one.Name)
		}
	}
	web := ""
	if len(names) == 1 {
		web = names[0]
	}
	for _, name := range webNames(p) {
		if web == "" && slices.Contains(names, name) {
			web = name
		}
	}
	var found []libcnb.Process
	for _, name := range names {
		kind := notInType().ReplaceAllString(name, "-")
		if name == web {
			kind = "web"
		}
		found = append(found, libcnb.Process{Type: kind, Command: []string{starts[name]}, Default: kind == "web"})
	}
	return found
}
