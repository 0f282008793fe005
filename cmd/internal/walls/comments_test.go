package walls

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestPackageComments looks at the comment of each package: it is where people look for it,
// and says which foreign modules the package has and, as its author was reminded, why.
func TestPackageComments(t *testing.T) {
	packages := map[string][]*ast.File{}
	files := token.NewFileSet()
	eachSource(t, func(name string) {
		parsed, err := parser.ParseFile(files, name, nil, parser.ParseComments|parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.go") {
			dir := filepath.Dir(name)
			packages[dir] = append(packages[dir], parsed)
		}
	})
	for dir, parsed := range packages {
		for _, wrong := range unsaid(files, parsed) {
			t.Errorf("%s: %s", strings.TrimPrefix(dir, "../../../"), wrong)
		}
	}
}

// unsaid is what the comment of a package does not say, and where it does not stand.
func unsaid(files *token.FileSet, parsed []*ast.File) (wrong []string) {
	var comment string
	foreign := map[string]bool{}
	forTests := strings.HasSuffix(parsed[0].Name.Name, "test")
	home := "doc.go"
	if parsed[0].Name.Name == "main" {
		home = "main.go"
	}
	for _, file := range parsed {
		if file.Doc != nil && strings.TrimSpace(file.Doc.Text()) != "" {
			comment += file.Doc.Text()
			if at := filepath.Base(files.Position(file.Package).Filename); at != home && !forTests {
				wrong = append(wrong, fmt.Sprintf("the comment of the package is in %s, not in %s", at, home))
			}
		}
		for _, spec := range file.Imports {
			if name, err := strconv.Unquote(spec.Path.Value); err == nil && !within(name, module) && strings.Contains(strings.Split(name, "/")[0], ".") {
				foreign[calledBy(name)] = true
			}
		}
	}
	if comment == "" {
		wrong = append(wrong, "the package has no comment: say in "+home+" what it is for and what it decided")
	}
	for name := range foreign {
		if !forTests && !regexp.MustCompile(`(?:^|[\s/(])`+regexp.QuoteMeta(name)+`\b`).MatchString(comment) {
			wrong = append(wrong, fmt.Sprintf("the comment of the package does not name %s, which it imports: say what that saves", name))
		}
	}
	slices.Sort(wrong)
	return wrong
}

// calledBy is what people call the module of a package: x/sys, toml, go-containerregistry.
func calledBy(name string) string {
	parts := strings.Split(name, "/")
	switch {
	case parts[0] == "golang.org":
		return "x/" + parts[2]
	case parts[0] == "github.com", parts[1] == "go", parts[1] == "src":
		return parts[2]
	}
	return cmp.Or(parts[1], name)
}

func TestUnsaid(t *testing.T) {
	const imports = "\nimport (\n\t\"os\"\n\t\"" + module + "/stack\"\n\t\"golang.org/x/sys/unix\"\n\t\"" + tomlModule + "\"\n\t\"go.yaml.in/yaml/v3\"\n)\n"
	for name, c := range map[string]struct {
		sources map[string]string
		want    []string
	}{
		"all is said":           {map[string]string{"doc.go": "// Package a is. BurntSushi/toml reads, x/sys/unix locks, and yaml too.\npackage a\n", "a.go": "package a\n" + imports}, nil},
		"a file is no module":   {map[string]string{"doc.go": "// Package a reads a.toml, yaml by x/sys.\npackage a\n", "a.go": "package a\n" + imports}, []string{"the comment of the package does not name toml, which it imports: say what that saves"}},
		"elsewhere":             {map[string]string{"a.go": "// Package a is.\npackage a\n"}, []string{"the comment of the package is in a.go, not in doc.go"}},
		"a command":             {map[string]string{"main.go": "// Command a is.\npackage main\n", "a.go": "package main\n"}, nil},
		"no comment":            {map[string]string{"a.go": "//go:build linux\n\npackage a\n"}, []string{"the package has no comment: say in doc.go what it is for and what it decided"}},
		"what is for tests":     {map[string]string{"a.go": "// Package atest is.\npackage atest\n" + imports}, nil},
		"of tests, no comment":  {map[string]string{"a.go": "package atest\n"}, []string{"the package has no comment: say in doc.go what it is for and what it decided"}},
		"two comments, one not": {map[string]string{"doc.go": "// Package a is.\npackage a\n", "b.go": "// Package a too.\npackage a\n"}, []string{"the comment of the package is in b.go, not in doc.go"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := token.NewFileSet()
			var parsed []*ast.File
			for file, source := range c.sources {
				one, err := parser.ParseFile(files, file, source, parser.ParseComments)
				if err != nil {
					t.Fatal(err)
				}
				parsed = append(parsed, one)
			}
			if got := unsaid(files, parsed); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
