package binary

import (
	"context"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
)

// Build returns bin/build (CNB Buildpack API, "Phase #3: Build").
func Build(ctx context.Context, h language.Helpers) libcnb.BuildFunc {
	return language.Func(ctx, h, build)
}

func build(_ context.Context, b *language.Build) (libcnb.BuildResult, error) {
	data, err := appfile.Read(b.App, procfile)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	b.Print.Step("Looking at what the Procfile starts")
	s := site{app: b.App, arch: b.Arch, path: b.Env["PATH"], libraries: b.Env["LD_LIBRARY_PATH"]}
	for _, p := range processes(string(data)) {
		what, err := s.look(p)
		if err != nil {
			return libcnb.BuildResult{}, err
		}
		b.Print.Detail("%s: %s", p.name, what)
	}
	return libcnb.NewBuildResult(), nil
}

// process is a line of a Procfile.
type process struct{ name, command string }

// line is a process type and its command, as slugc/procfile reads it.
var line = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[ \t]*([A-Za-z0-9_-]+)(?::[ \t]*|[ \t]+)(.+?)[ \t]*$`)
})

// processes are the lines of a Procfile that start something.
func processes(text string) []process {
	var all []process
	for words := range strings.Lines(text) {
		words = strings.TrimRight(words, "\r\n")
		if match := line().FindStringSubmatch(words); match != nil && !strings.HasPrefix(strings.TrimSpace(words), "#") {
			all = append(all, process{match[1], match[2]})
		}
	}
	return all
}

// setting sets a variable for the command behind it, and plain is a word that
// means the same to a shell and without one.
var (
	setting = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=\S*$`) })
	plain   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_@%+:,./-]+$`) })
)

// program is the first word of a command that is a program, "" where only a shell
// knows it. Behind an interpreter it is the script.
func program(command string) string {
	words := strings.Fields(command)
	for len(words) > 0 && (words[0] == "exec" || words[0] == "env" || setting().MatchString(words[0])) {
		words = words[1:]
	}
	if len(words) == 0 || !plain().MatchString(words[0]) {
		return ""
	}
	return words[0]
}

// look tells what a process starts, and refuses what cannot start.
func (s site) look(p process) (string, error) {
	word := program(p.command)
	switch {
	case word == "":
		return "a command for the shell", nil
	case !strings.Contains(word, "/"):
		if tool.Find(s.path, word) == "" && !shellWords[word] {
			return "", s.notFound(p, word)
		}
		return word + ", a program of the stack or of a buildpack", nil
	}
	file := word
	if !filepath.IsAbs(word) {
		file = filepath.Join(s.app, word)
	}
	return s.lookAt(p, word, file)
}

// shellWords are commands that a shell has itself.
var shellWords = map[string]bool{"cd": true, "test": true, "[": true, "echo": true, "while": true, "for": true, "if": true, "until": true, "trap": true, ":": true, "true": true, "eval": true, "source": true, ".": true, "set": true, "ulimit": true, "export": true, "sleep": true}

// notFound refuses a command that nobody has.
func (s site) notFound(p process, word string) error {
	if there, err := appfile.Exists(s.app, word); err == nil && there {
		return appfile.Error("the Procfile starts %s with %q, which is in the app's root: a shell looks for it in PATH, and not there\nwrite in the Procfile:\n  %s: ./%s",
			p.name, word, p.name, p.command)
	}
	return appfile.Error("the Procfile starts %s with %q, which is neither in the app nor in the stack\n"+
		"commit the program, and start it by its path:\n  %s: ./%s\nor, if a package of Debian has it, name that:\n  echo PACKAGE >> Aptfile\n  git add Aptfile",
		p.name, word, p.name, p.command)
}
