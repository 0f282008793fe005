package walls

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The most lines of a function, from func to its closing brace, that needs no reason. One of
// a test may have more, as it sets a scene; the closures in it, such as those of a spec, are
// functions of their own.
const (
	screen     = 60
	testScreen = 120
	// parameters is the most that a function takes: who calls one with more has to count.
	parameters = 6
)

// reason is how a comment says why a function is longer.
var reason = regexp.MustCompile(`(?:^|\s)Long: \S`)

// TestFunctions looks at all source files, whatever they are built for.
func TestFunctions(t *testing.T) {
	files := token.NewFileSet()
	eachSource(t, func(name string) {
		parsed, err := parser.ParseFile(files, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, long := range unwieldy(files, parsed) {
			t.Error(strings.TrimPrefix(long, "../../../"))
		}
	})
}

// eachSource calls a function for each source file of the module.
func eachSource(t *testing.T, do func(name string)) {
	t.Helper()
	read := 0
	err := filepath.WalkDir("../../..", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base := d.Name(); d.IsDir() && (base == "testdata" || base == "out" || strings.HasPrefix(base, ".") && base != "..") {
			return fs.SkipDir
		}
		if !d.IsDir() && filepath.Ext(name) == ".go" {
			read++
			do(name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if read < 2 {
		t.Fatalf("read %d source files", read)
	}
}

// unwieldy are the functions of a file that are longer than they may be, give a reason for
// which there is none, or take more than a caller can follow.
func unwieldy(files *token.FileSet, file *ast.File) (found []string) {
	name := files.Position(file.Package).Filename
	isTest := strings.HasSuffix(name, "_test.go") || strings.HasSuffix(file.Name.Name, "test")
	for _, declared := range file.Decls {
		f, is := declared.(*ast.FuncDecl)
		if !is || f.Body == nil {
			continue
		}
		at := files.Position(f.Type.Func)
		lines, most := files.Position(f.End()).Line-at.Line+1, screen
		if isTest {
			lines, most = longestOwn(files, f), testScreen
		}
		if n := f.Type.Params.NumFields(); n > parameters && !isTest {
			found = append(found, fmt.Sprintf("%s:%d: %s takes %d parameters, and %d are many: several of them are one value, or it does two things", name, at.Line, f.Name.Name, n, parameters))
		}
		switch says := reason.MatchString(f.Doc.Text()); {
		case lines > most && !says:
			found = append(found, fmt.Sprintf("%s:%d: %s has %d lines, and %d are a screen: split it along its steps, or say in its comment after \"Long: \" why it is one piece",
				name, at.Line, f.Name.Name, lines, most))
		case lines <= most && says:
			found = append(found, fmt.Sprintf("%s:%d: %s has %d lines, which is not long: take \"Long: \" out of its comment", name, at.Line, f.Name.Name, lines))
		}
	}
	return found
}

// longestOwn is the number of lines of a function without those of the closures in it, or of
// the longest closure by the same measure.
func longestOwn(files *token.FileSet, f ast.Node) int {
	first, last := files.Position(f.Pos()).Line, files.Position(f.End()).Line
	own, longest := last-first+1, 0
	ast.Inspect(f, func(n ast.Node) bool {
		closure, is := n.(*ast.FuncLit)
		if !is || n == f {
			return true
		}
		own -= files.Position(closure.End()).Line - files.Position(closure.Pos()).Line
		longest = max(longest, longestOwn(files, closure))
		return false
	})
	return max(own, longest)
}

func TestUnwieldy(t *testing.T) {
	function := func(lines int) string { return "func f() {" + strings.Repeat("\n", lines-1) + "}\n" }
	// A function of a test with a closure after each line of its own.
	spec := func(closures, lines int) string {
		return "func f() {\n" + strings.Repeat("it(func() {"+strings.Repeat("\n", lines-1)+"})\n", closures) + "}\n"
	}
	const splitIt = ": split it along its steps, or say in its comment after \"Long: \" why it is one piece"
	for name, c := range map[string]struct {
		file, source string
		want         []string
	}{
		"a screen":                    {"a.go", "package a\n" + function(60), nil},
		"more":                        {"a.go", "package a\n" + function(61), []string{"a.go:2: f has 61 lines, and 60 are a screen" + splitIt}},
		"more in a method":            {"a.go", "package a\ntype t int\n" + strings.Replace(function(61), "f()", "(t) f()", 1), []string{"a.go:3: f has 61 lines, and 60 are a screen" + splitIt}},
		"its comment does not count":  {"a.go", "package a\n// f is.\n//\n// Much.\n" + function(60), nil},
		"with a reason":               {"a.go", "package a\n// f is. Long: one table.\n" + function(61), nil},
		"a reason on a line":          {"a.go", "package a\n// f is.\n//\n// Long: one table.\n" + function(61), nil},
		"a reason that says nothing":  {"a.go", "package a\n// f is. Long:\n" + function(61), []string{"a.go:3: f has 61 lines, and 60 are a screen" + splitIt}},
		"another word":                {"a.go", "package a\n// f is. soLong: it\n" + function(61), []string{"a.go:3: f has 61 lines, and 60 are a screen" + splitIt}},
		"a reason for nothing":        {"a.go", "package a\n// Long: a table.\n" + function(60), []string{`a.go:3: f has 60 lines, which is not long: take "Long: " out of its comment`}},
		"closures are of the product": {"a.go", "package a\n" + spec(10, 6), []string{"a.go:2: f has 62 lines, and 60 are a screen" + splitIt}},
		"many parameters":             {"a.go", "package a\nfunc f(a, b, c, d, e, f int) {}\n", nil},
		"too many parameters":         {"a.go", "package a\nfunc f(a, b, c int, d, e, f, g bool) {}\n", []string{"a.go:2: f takes 7 parameters, and 6 are many: several of them are one value, or it does two things"}},
		"a test":                      {"a_test.go", "package a\n" + function(120), nil},
		"a longer test":               {"a_test.go", "package a\n" + function(121), []string{"a_test.go:2: f has 121 lines, and 120 are a screen" + splitIt}},
		"closures of a test":          {"a_test.go", "package a\n" + spec(100, 100), nil},
		"a long closure of a test":    {"a_test.go", "package a\n" + spec(1, 121), []string{"a_test.go:2: f has 121 lines, and 120 are a screen" + splitIt}},
		"many closures of a test":     {"a_test.go", "package a\n" + spec(119, 4), []string{"a_test.go:2: f has 121 lines, and 120 are a screen" + splitIt}},
		"what tests share":            {"a.go", "package atest\n" + function(120), nil},
		"no body":                     {"a.go", "package a\nfunc f()\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, c.file, c.source, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, unwieldy(files, file)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
