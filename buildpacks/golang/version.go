package golang

import (
	_ "embed"
	"fmt"
	"go/version"
	"regexp"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
	"golang.org/x/mod/modfile"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	asking "github.com/slugc/slugc/buildpacks/language/version"
	"github.com/slugc/slugc/buildpacks/runtime"
)

// TOML is the buildpack.toml.
//
//go:embed buildpack.toml
var TOML []byte

// releases are what buildpack.toml knows about the releases of Go.
type releases struct {
	// Supported is the oldest line that gets fixes, Oldest the oldest that is
	// built with.
	Supported string `toml:"supported"`
	Oldest    string `toml:"oldest"`
}

// readReleases reads the [metadata] of a buildpack.toml.
func readReleases(text []byte) (releases, error) {
	var doc struct {
		Metadata releases `toml:"metadata"`
	}
	if _, err := toml.Decode(string(text), &doc); err != nil {
		return releases{}, fmt.Errorf("reading buildpack.toml: %w", err)
	}
	return doc.Metadata, nil
}

// What asks for a version of Go, for people.
const (
	byGo        = "go"
	byToolchain = "toolchain"
	byDirective = "+heroku goVersion"
)

// asksGo is what an app asks of the version of Go: a variable of the build, the
// directive of Heroku, the toolchain line where it asks for a newer one than the
// go line, the go line. In a workspace the lines of go.work count, which may not
// ask for less than those of its modules.
func (p project) asksGo(env map[string]string) asking.Asked {
	all := []asking.Asked{
		{Text: strings.TrimSpace(env["BP_GO_VERSION"]), Name: "BP_GO_VERSION"},
		{Text: strings.TrimSpace(env["GOVERSION"]), Name: "GOVERSION"},
	}
	if p.work != nil {
		all = append(all, directive(workFile, p.workText))
	}
	for _, m := range p.modules {
		all = append(all, directive(m.name(modFile), m.text))
	}
	if p.work != nil && (p.work.Go != nil || p.work.Toolchain != nil) {
		all = append(all, minimum(workFile, p.work.Go, p.work.Toolchain))
		return asking.First(all...)
	}
	// Of the modules of a workspace that says nothing, the one that asks for most.
	var most asking.Asked
	for _, m := range p.modules {
		asked := minimum(m.name(modFile), m.file.Go, m.file.Toolchain)
		if asked.Text != "" && (most.Text == "" || version.Compare(goVersion(most.Text), goVersion(asked.Text)) < 0) {
			most = asked
		}
	}
	return asking.First(append(all, most)...)
}

// directive is a line like "// +heroku goVersion go1.25" in a file.
func directive(name string, text []byte) asking.Asked {
	return asking.Asked{Text: strings.Join(directives(text, "goVersion"), " "), Name: byDirective, File: name}
}

// herokuLine is a directive of Heroku's buildpack: a comment, a name, words.
var herokuLine = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^[ \t]*//[ \t]*\+heroku[ \t]+([A-Za-z]+)[ \t]+([^\r\n]*?)[ \t]*\r?$`)
})

// directives are the words of the directives of a name in a go.mod or go.work.
func directives(text []byte, name string) []string {
	var words []string
	for _, match := range herokuLine().FindAllSubmatch(text, -1) {
		if string(match[1]) == name {
			words = append(words, strings.Fields(string(match[2]))...)
		}
	}
	return words
}

// minimum is what the go and toolchain lines of a file ask for.
func minimum(name string, line *modfile.Go, toolchain *modfile.Toolchain) asking.Asked {
	var asked asking.Asked
	if line != nil {
		asked = asking.Asked{Text: line.Version, Name: byGo, File: name}
	}
	// "default" and the like name no version.
	if toolchain != nil && version.IsValid(toolchain.Name) && version.Compare(toolchain.Name, goVersion(asked.Text)) > 0 {
		asked = asking.Asked{Text: toolchain.Name, Name: byToolchain, File: name}
	}
	return asked
}

// goVersion is a version as package go/version writes it.
func goVersion(text string) string { return "go" + strings.TrimPrefix(text, "go") }

// constraint reads a wish for Go. The go and toolchain lines are minimums: they
// mean the newest patch of their line that is not older.
func constraint(asked asking.Asked) (runtime.Constraint, error) {
	text := asked.Text
	if asked.Name == byGo || asked.Name == byToolchain {
		// The first release of a line has all that its candidates promised.
		text = "~" + withoutCandidate(strings.TrimPrefix(text, "go"))
	}
	if text == "" {
		return runtime.Constraint{}, nil
	}
	c, err := runtime.ParseConstraint(runtime.NPM, text)
	if err != nil {
		return runtime.Constraint{}, appfile.Error("%s does not say which Go to use\n%w\n%s", asked, err, hint(asked))
	}
	return c, nil
}

// candidate is the end of a version that is no release yet.
var candidate = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(rc|beta)[0-9]+$`) })

func withoutCandidate(text string) string { return candidate().ReplaceAllString(text, "") }

// hint says what to type to ask for another Go.
func hint(asked asking.Asked) string {
	switch {
	case asked.Name == byDirective:
		return "write a version or a line of versions behind it: // +heroku goVersion go1.27"
	case asked.File == workFile:
		return "ask for a line of versions:\n  go work edit -go=1.27\n  git add " + workFile
	case asked.File != "" || asked.Text == "":
		return "ask for a line of versions:\n  go mod edit -go=1.27\n  git add " + modFile
	}
	return "ask for a version or a line of versions:\n  slugc build -e " + asked.Name + "=1.27"
}

// refuseOld refuses a wish for a line of Go that slugc does not build with, before
// any registry is asked.
func (r releases) refuseOld(asked asking.Asked) error {
	text := goVersion(asked.Text)
	if !version.IsValid(text) || version.Compare(version.Lang(text), goVersion(r.Oldest)) >= 0 {
		return nil
	}
	return appfile.Error("Go %s is too old: slugc builds with Go %s and later\n%s asks for it\n%s", text[2:], r.Oldest, asked.Source(), hint(asked))
}

// mayBuild refuses a Go that is older than a go.mod or go.work asks for, before
// it is downloaded: such a go command would refuse the app.
func (p project) mayBuild(found string, asked asking.Asked, known releases) error {
	with := goVersion(found)
	if version.Compare(with, goVersion(known.Oldest)) < 0 {
		return appfile.Error("Go %s is too old: slugc builds with Go %s and later\n%s asks for it\n%s", found, known.Oldest, asked.Source(), hint(asking.Asked{}))
	}
	for _, line := range p.goLines() {
		if version.Compare(with, goVersion(withoutCandidate(line.Text))) >= 0 || version.Compare(goVersion(line.Text), "go1.21") < 0 {
			continue
		}
		return appfile.Error("%s asks for Go %s, but %s for Go %s, which is older\nask for one that does, or not at all:\n"+
			"  slugc build -e BP_GO_VERSION=%s", line.Source(), line.Text, asked.Source(), found, version.Lang(goVersion(line.Text))[2:])
	}
	return nil
}

// goLines are all go lines.
func (p project) goLines() []asking.Asked {
	var all []asking.Asked
	if p.work != nil && p.work.Go != nil {
		all = append(all, asking.Asked{Text: p.work.Go.Version, Name: byGo, File: workFile})
	}
	for _, m := range p.modules {
		if m.file.Go != nil {
			all = append(all, asking.Asked{Text: m.file.Go.Version, Name: byGo, File: m.name(modFile)})
		}
	}
	return all
}

// workAllows refuses a workspace whose go line is older than that of a module,
// which the go command does not build either.
func (p project) workAllows() error {
	if p.work == nil || p.madeWork || p.work.Go == nil || version.Compare(goVersion(p.work.Go.Version), "go1.21") < 0 {
		return nil
	}
	for _, line := range p.goLines() {
		if version.Compare(goVersion(line.Text), goVersion(p.work.Go.Version)) > 0 {
			return appfile.Error("%s says go %s, but %s says go %s, which is newer\nbring %s up to that:\n  go work use\n  git add %s",
				workFile, p.work.Go.Version, line.File, line.Text, workFile, workFile)
		}
	}
	return nil
}
