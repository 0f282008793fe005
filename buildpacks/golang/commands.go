package golang

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// command is a program to build.
type command struct {
	// name is that of the program file.
	name string
	// pattern is what the go command is told to build.
	pattern string
	// dir is the directory of its package below the app's.
	dir string
	// foreign tells that the package is of another module, by is who asks.
	foreign bool
	by      string
}

// selection is a list of packages to build and who asks for it.
type selection struct {
	words []string
	by    string
}

// asksCommands is which packages are to be built: those of Paketo's variable,
// of Heroku's, of Heroku's directive, and otherwise all main packages.
func (p project) asksCommands(env map[string]string) selection {
	if words := strings.FieldsFunc(env["BP_GO_TARGETS"], func(r rune) bool { return r == ':' || r == ' ' }); len(words) > 0 {
		return selection{words, "BP_GO_TARGETS"}
	}
	if words := strings.Fields(env["GO_INSTALL_PACKAGE_SPEC"]); len(words) > 0 {
		return selection{words, "GO_INSTALL_PACKAGE_SPEC"}
	}
	if p.work != nil && p.workDir == "" {
		if words := directives(p.workText, "install"); len(words) > 0 {
			return selection{words, "+heroku install in " + workFile}
		}
	}
	var chosen selection
	for _, m := range p.modules {
		if !inApp(m.dir) {
			continue
		}
		for _, word := range directives(m.text, "install") {
			if strings.HasPrefix(word, "./") || word == "." {
				word = "./" + path.Join(m.dir, word)
			}
			chosen.words = append(chosen.words, word)
			chosen.by = "+heroku install in " + m.name(modFile)
		}
	}
	return chosen
}

// commands are the programs to build, by name.
func (p project) commands(s source, asked selection) ([]command, error) {
	mains := map[string]command{}
	for _, dir := range slices.Sorted(maps.Keys(s.packages)) {
		if found := s.packages[dir]; found.name == "main" && found.main && inApp(dir) {
			mains[dir] = command{name: commandName(found.path), pattern: "./" + dir, dir: dir}
		}
	}
	var chosen []command
	if len(asked.words) == 0 {
		if len(mains) == 0 {
			return nil, p.noMain(s)
		}
		chosen = slices.Collect(maps.Values(mains))
	}
	for _, word := range asked.words {
		found, err := p.matching(s, mains, word, asked)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, found...)
	}
	slices.SortFunc(chosen, func(a, b command) int {
		return strings.Compare(a.name+" "+a.pattern, b.name+" "+b.pattern)
	})
	chosen = slices.Compact(chosen)
	for i := range chosen[1:] {
		if a, b := chosen[i], chosen[i+1]; a.name == b.name {
			return nil, appfile.Error("%s and %s are both programs of the name %s\nrename a directory, or choose what is built:\n  slugc build -e BP_GO_TARGETS=%s",
				a.pattern, b.pattern, a.name, a.pattern)
		}
	}
	return chosen, nil
}

// noMain is the error for an app without a program.
func (p project) noMain(s source) error {
	if len(s.packages) == 0 {
		return appfile.Error("there are no Go files for this system beside %s\nexpected a package main in the app's root or in cmd/NAME, committed and not listed in .slugignore", p.lockName())
	}
	var others []string
	for _, dir := range slices.Sorted(maps.Keys(s.packages)) {
		others = append(others, fmt.Sprintf("./%s (package %s)", dir, s.packages[dir].name))
	}
	const most = 5
	if extra := len(others) - most; extra > 0 {
		others = append(others[:most], fmt.Sprintf("and %d more", extra))
	}
	return appfile.Error("the app has no package main, so there is no program to build; it has %s\n"+
		"a program is a directory with Go files that begin with:\n  package main", strings.Join(others, ", "))
}

// matching are the programs that a word means: a directory, a directory with
// "/..." for all below it, or an import path.
func (p project) matching(s source, mains map[string]command, word string, asked selection) ([]command, error) {
	local, inApp := p.localPattern(s, word)
	if !inApp {
		if strings.Contains(word, "...") {
			return nil, appfile.Error("%s asks for %s, which is not in the app\nname packages of the app, or single ones of modules in %s", asked.by, word, modFile)
		}
		return []command{{name: commandName(word), pattern: word, foreign: true, by: asked.by}}, nil
	}
	var found []command
	for _, dir := range slices.Sorted(maps.Keys(mains)) {
		if matches(local, dir) {
			found = append(found, mains[dir])
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	if at, is := s.packages[local]; is {
		return nil, appfile.Error("%s asks for %s, which is package %s and no program\n%s", asked.by, word, at.name, choices(mains))
	}
	return nil, appfile.Error("%s asks for %s, where there is no program\n%s", asked.by, word, choices(mains))
}

// choices says which programs there are.
func choices(mains map[string]command) string {
	if len(mains) == 0 {
		return "the app has none: a program is a directory with Go files that begin with:\n  package main"
	}
	var names []string
	for _, dir := range slices.Sorted(maps.Keys(mains)) {
		names = append(names, mains[dir].pattern)
	}
	return "the app has " + strings.Join(names, ", ")
}

// localPattern is a word as directories of the app, if it means such.
func (p project) localPattern(s source, word string) (pattern string, is bool) {
	if word == "." || strings.HasPrefix(word, "./") {
		return rooted(path.Clean(word)), true
	}
	for _, m := range p.modules {
		if within(m.path(), strings.TrimSuffix(word, "...")) || within(m.path(), strings.TrimSuffix(word, "/...")) {
			return rooted(path.Join(m.dir, strings.TrimPrefix(strings.TrimPrefix(word, m.path()), "/"))), true
		}
	}
	// Paketo's users write directories without "./" too.
	clean := path.Clean(strings.TrimSuffix(word, "/..."))
	for dir := range s.packages {
		if dir == clean || strings.HasPrefix(dir, clean+"/") {
			return path.Clean(word), true
		}
	}
	return "", false
}

// matches tells whether a directory is one of a pattern.
func matches(pattern, dir string) bool {
	if pattern == "..." {
		return true
	}
	if above, is := strings.CutSuffix(pattern, "/..."); is {
		return dir == above || strings.HasPrefix(dir, above+"/")
	}
	return pattern == dir
}
