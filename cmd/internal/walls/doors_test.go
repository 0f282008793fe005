package walls

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// ofProcess is what belongs to a process and not to a function: a package that is called
// gets values and writers, so that a test can give it others.
var ofProcess = map[string][]string{
	"os":       {"Args", "Environ", "Exit", "Getenv", "LookupEnv", "Setenv", "Stderr", "Stdin", "Stdout", "Unsetenv"},
	"net/http": {"DefaultClient", "DefaultServeMux", "DefaultTransport"},
	"log/slog": {"Default", "SetDefault"},
}

// doors are the packages below cmd that may. libcnb reads the environment of the process, and
// the inside of a sandbox is a process of its own, which begins where a program is initialised.
var doors = []string{"buildpacks/builtin", "stack/sandbox"}

// TestDoors looks at all source files but tests.
func TestDoors(t *testing.T) {
	files := token.NewFileSet()
	eachSource(t, func(name string) {
		at := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(name)), "../../../")
		if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(at, "test") || folder(at) == "cmd" || slices.Contains(doors, at) {
			return
		}
		parsed, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, use := range opens(files, parsed) {
			t.Error(strings.TrimPrefix(use, "../../../"))
		}
	})
}

// opens are the places in a file that use what is of the process.
func opens(files *token.FileSet, file *ast.File) (found []string) {
	imported := map[string][]string{}
	for _, spec := range file.Imports {
		name := strings.Trim(spec.Path.Value, `"`)
		called := name[strings.LastIndex(name, "/")+1:]
		if spec.Name != nil {
			called = spec.Name.Name
		}
		imported[called] = ofProcess[name]
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				found = append(found, fmt.Sprintf("%s: init runs before anybody asks; make a function that returns a value", files.Position(n.Pos())))
			}
		case *ast.SelectorExpr:
			if x, is := n.X.(*ast.Ident); is && x.Obj == nil && slices.Contains(imported[x.Name], n.Sel.Name) {
				found = append(found, fmt.Sprintf("%s: %s.%s belongs to cmd, which hands its value on", files.Position(n.Pos()), x.Name, n.Sel.Name))
			}
		}
		return true
	})
	return found
}

func TestOpens(t *testing.T) {
	for name, c := range map[string]struct {
		source string
		want   []string
	}{
		"the environment":   {"package a\nimport \"os\"\nvar a = os.Getenv(\"A\")\n", []string{"a.go:3:9: os.Getenv belongs to cmd, which hands its value on"}},
		"by another name":   {"package a\nimport web \"net/http\"\nvar a = web.DefaultClient\n", []string{"a.go:3:9: web.DefaultClient belongs to cmd, which hands its value on"}},
		"a logger of all":   {"package a\nimport \"log/slog\"\nfunc f() { slog.Default().Info(\"\") }\n", []string{"a.go:3:12: slog.Default belongs to cmd, which hands its value on"}},
		"init":              {"package a\nfunc init() {}\n", []string{"a.go:2:1: init runs before anybody asks; make a function that returns a value"}},
		"a method init":     {"package a\ntype t int\nfunc (t) init() {}\n", nil},
		"files":             {"package a\nimport \"os\"\nvar a, err = os.Open(\"a\")\n", nil},
		"another os":        {"package a\nimport \"example.com/os\"\nvar a = os.Getenv(\"A\")\n", nil},
		"a variable called": {"package a\nimport \"os\"\nvar _ os.File\nfunc f(os struct{ Exit int }) int { return os.Exit }\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, "a.go", c.source, 0)
			if err != nil {
				t.Fatal(err)
			}
			if got := opens(files, file); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
