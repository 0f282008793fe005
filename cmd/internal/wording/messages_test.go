package wording

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// message is text that a person reads in an error.
type message struct {
	// at is FILE:LINE within the module, by is what makes an error of the text: a
	// function, the field of a type, or a method Error.
	at, by string
	// text has the verbs that it has in the source. What is joined to it is %v.
	text string
}

func (m message) pkg() string { return path.Dir(m.at) }

// makers are the functions that make an error of a text, by what their name ends with;
// the text is the argument of that number.
var makers = map[string]int{
	"errors.New": 0, "fmt.Errorf": 0, "appfile.Error": 0, ".errorf": 0, "unsupported": 0, "problem": 1, "unreadable": 1,
}

// holds tells whether the fields of a type are the words of an error.
func holds(typ string) bool {
	return slices.ContainsFunc([]string{"Error", "Failure", "Cause"}, func(end string) bool { return strings.HasSuffix(typ, end) })
}

// names are fields that hold no words but what a call of the system, a command or a
// header is called.
var names = []string{"Op", "Command", "Header"}

// messages are those of every file below a directory that gets into a program. What
// imports testing does not.
func messages(t *testing.T, root string) []message {
	t.Helper()
	var readers []*reader
	set := token.NewFileSet()
	constants := map[string]map[string]ast.Expr{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "out", "testdata"}, d.Name()):
			return fs.SkipDir
		case filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil || slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"testing"` }) {
			return err
		}
		inside, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		dir := filepath.Dir(name)
		if constants[dir] == nil {
			constants[dir] = map[string]ast.Expr{}
		}
		r := &reader{file: file, constants: constants[dir], at: func(e ast.Expr) string { return fmt.Sprintf("%s:%d", inside, set.Position(e.Pos()).Line) }}
		ast.Inspect(file, r.define)
		readers = append(readers, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []message
	for _, r := range readers {
		ast.Inspect(r.file, r.look)
		all = append(all, r.found...)
	}
	slices.SortStableFunc(all, func(a, b message) int { return cmp.Compare(a.pkg(), b.pkg()) })
	return all
}

// reader gathers the messages of one file.
type reader struct {
	file *ast.File
	at   func(ast.Expr) string
	// constants are those of the file's package, by name; nil for a name that stands for several.
	constants map[string]ast.Expr
	found     []message
}

func (r *reader) define(n ast.Node) bool {
	group, is := n.(*ast.GenDecl)
	if !is || group.Tok != token.CONST {
		return true
	}
	for _, spec := range group.Specs {
		c := spec.(*ast.ValueSpec)
		for i, name := range c.Names {
			if _, several := r.constants[name.Name]; several || i >= len(c.Values) {
				r.constants[name.Name] = nil
				continue
			}
			r.constants[name.Name] = c.Values[i]
		}
	}
	return true
}

func (r *reader) add(by string, e ast.Expr) {
	if text, is := r.literal(e); is {
		r.found = append(r.found, message{at: r.at(e), by: by, text: text})
	}
}

func (r *reader) look(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CallExpr:
		name := called(n.Fun)
		for maker, number := range makers {
			if (name == maker || strings.HasSuffix(name, "."+strings.TrimPrefix(maker, "."))) && number < len(n.Args) {
				r.add(maker, n.Args[number])
			}
		}
	case *ast.CompositeLit:
		r.fields(n.Type, n)
	case *ast.FuncDecl:
		if n.Recv == nil || n.Name.Name != "Error" {
			return true
		}
		ast.Inspect(n.Body, func(inner ast.Node) bool {
			e, is := inner.(ast.Expr)
			if !is {
				return true
			}
			text, is := r.literal(e)
			if is && strings.Trim(text, ", >\n") != "" {
				r.add("Error()", e)
			}
			return !is
		})
		return false
	}
	return true
}

// fields are the texts in an error that is written out, or in a list of them.
func (r *reader) fields(typ ast.Expr, n *ast.CompositeLit) {
	list, is := typ.(*ast.ArrayType)
	if is {
		typ = list.Elt
	}
	name := called(typ)
	if !holds(name) {
		return
	}
	for _, e := range n.Elts {
		if inner, elided := e.(*ast.CompositeLit); elided && is && inner.Type == nil {
			r.fields(typ, inner)
		}
		field, is := e.(*ast.KeyValueExpr)
		if !is || slices.Contains(names, called(field.Key)) {
			continue
		}
		value := field.Value
		if call, is := value.(*ast.CallExpr); is && called(call.Fun) == "fmt.Sprintf" {
			value = call.Args[0]
		}
		r.add(name+"."+called(field.Key), value)
	}
}

// called is how a function, a type or a field is written.
func called(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return called(e.X) + "." + e.Sel.Name
	}
	return ""
}

// literal is the text of an expression of which at least a part is written as text, or is
// a constant that is.
func (r *reader) literal(e ast.Expr) (text string, is bool) {
	switch e := e.(type) {
	case *ast.Ident:
		if value := r.constants[e.Name]; value != nil {
			return r.literal(value)
		}
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.ParenExpr:
		return r.literal(e.X)
	case *ast.BinaryExpr:
		x, isX := r.literal(e.X)
		y, isY := r.literal(e.Y)
		if !isX {
			x = "%v"
		}
		if !isY {
			y = "%v"
		}
		return x + y, e.Op == token.ADD && (isX || isY)
	}
	return "", false
}
