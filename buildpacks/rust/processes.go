package rust

import (
	"regexp"
	"slices"
	"sync"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/compiled"
)

// notInType are characters that a process type may not have (CNB Buildpack API,
// "launch.toml").
var notInType = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[^A-Za-z0-9._-]`) })

// web is the binary that answers web requests, and why it is taken: the only
// one, or of several the one that says so.
func web(bins []compiled.Program, chosen []local) (name, why string) {
	var names []string
	for _, b := range bins {
		names = append(names, b.Name)
	}
	if len(names) == 1 {
		return names[0], "the only binary"
	}
	if slices.Contains(names, "web") {
		return "web", "by its name"
	}
	for _, l := range chosen {
		if run := l.Package.DefaultRun; run != "" && slices.Contains(names, run) {
			return run, "default-run in " + l.file()
		}
	}
	if slices.Contains(names, "server") {
		return "server", "by its name"
	}
	for _, l := range chosen {
		if l.dir == "." && slices.Contains(names, l.name()) {
			return l.name(), "the name of the package"
		}
	}
	return "", ""
}

// processes are how the app starts: the web binary as web, the others by their
// names.
func processes(programs []compiled.Program, web string, starts map[string]string) []libcnb.Process {
	var found []libcnb.Process
	for _, one := range programs {
		kind := notInType().ReplaceAllString(one.Name, "-")
		if one.Name == web {
			kind = "web"
		}
		found = append(found, libcnb.Process{Type: kind, Command: []string{starts[one.Name]}, Default: kind == "web"})
	}
	return found
}
