package check

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/procfile"
)

// Options say what is known of a tree beside its files.
type Options struct {
	// Slug is a tree that was built: it has no version control, and has what
	// package managers put there.
	Slug bool
	// Dir is the directory of the tree that is the app, such as packages/web; empty
	// where all of it is.
	Dir string
	// Versioned is whether the tree, or one that it is in, is under version control.
	Versioned bool
	// Committed tells whether a file is under version control, or a directory has such
	// files. Without it, what .gitignore does not name counts as committed.
	Committed func(name string) bool
	// Above tells whether one of some files is in a directory above the tree, where a
	// workspace that the app is a member of has its own; nil for no such directory.
	Above func(names ...string) bool
}

// Limits of what is read: larger files are data, longer lines are generated.
const (
	maxFile  = 1 << 20
	maxLine  = 1000
	maxFiles = 20_000
)

// kind is what a file is written in.
type kind int

const (
	other kind = 1 << iota
	javaScript
	python
	golang
	java
	ruby
	php
	perl
	shell
	// settings are files of configuration.
	settings
	// markup are those in XML.
	markup

	code    = javaScript | python | golang | java | ruby | php | perl
	written = code | shell | settings | markup
)

func kindOf(name string) kind {
	base := path.Base(name)
	switch path.Ext(base) {
	case ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx":
		return javaScript
	case ".py":
		return python
	case ".go":
		return golang
	case ".java", ".kt", ".kts", ".groovy", ".scala":
		return java
	case ".rb", ".ru", ".rake":
		return ruby
	case ".php":
		return php
	case ".pl", ".pm", ".psgi":
		return perl
	case ".sh", ".bash":
		return shell
	case ".json", ".yml", ".yaml", ".toml", ".ini", ".cfg", ".conf", ".properties":
		return settings
	case ".xml":
		return markup
	}
	if strings.HasPrefix(base, ".env") {
		return settings
	}
	return other
}

// skippedDirs have what somebody else wrote, what was made, or tests.
func skippedDirs() []string {
	return []string{
		"node_modules", "vendor", "bower_components", "site-packages", "venv", "env", "__pycache__", "third_party",
		"dist", "build", "out", "target", "public", "static", "assets", "coverage",
		"test", "tests", "__tests__", "__mocks__", "spec", "specs", "testdata", "fixtures", "e2e", "cypress", "mocks",
		"docs", "doc", "examples", "example", "samples", "benchmarks",
	}
}

var testFile = re(`(?i)(_test\.go|[._-](test|spec|e2e|stories|min|bundle)\.\w+|^test_.*\.py|_test\.py|(^|/)tests?\.py|(^|/)test_[^/]*\.py|^conftest\.py|_spec\.rb|tests?\.(java|kt))$|(^|/)src/(test|integrationTest)/`)

// lockFile are files that package managers write.
var lockFile = re(`(^|[-.])(lock|lockb|shrinkwrap)(\.\w+)?$|^(package-lock\.json|pnpm-lock\.yaml|go\.sum|tsconfig.*\.json)$`)

// file is a file of the tree.
type file struct {
	name string
	kind kind
	// lines are its lines without comments; empty for a file that is not read.
	lines []string
	text  string
}

// tree is a source as the rules see it.
type tree struct {
	Options
	fsys  fs.FS
	files []*file
	// dirs are the directories of the tree that it was looked into.
	dirs []string
	// repositories are directories with a repository of their own.
	repositories []string
	// commands are the process types of the Procfile.
	commands []command
	found    []Finding
}

// command is a process type of the Procfile, or the start script of a manifest.
type command struct {
	file, name, text string
	line             int
}

// Source looks at the files of an app. It follows no symbolic link. The findings are in
// the order of the rules.
func Source(fsys fs.FS, o Options) ([]Finding, error) {
	t := &tree{Options: o, fsys: fsys}
	if err := fs.WalkDir(fsys, ".", t.walk); err != nil {
		return nil, fmt.Errorf("looking at the app: %w", err)
	}
	t.readCommands()
	for _, look := range []func(*tree){
		codebase, dependencies, programs, environmentFiles, lineByLine, localHosts, ports,
		commandLines, sessions, wrappers, parity, migrations,
	} {
		look(t)
	}
	return t.found, nil
}

func (t *tree) walk(name string, entry fs.DirEntry, err error) error {
	if err != nil {
		// What cannot be read cannot be judged; the build will say so.
		if name != "." && errors.Is(err, fs.ErrPermission) {
			return fs.SkipDir
		}
		return err
	}
	base := path.Base(name)
	if entry.IsDir() {
		if name == "." {
			t.dirs = append(t.dirs, name)
			return nil
		}
		if base == ".git" {
			if parent := path.Dir(name); parent != "." {
				if _, err := fs.Stat(t.fsys, path.Join(name, "HEAD")); err == nil {
					t.repositories = append(t.repositories, parent)
				}
			}
			return fs.SkipDir
		}
		if strings.HasPrefix(base, ".") || slices.Contains(skippedDirs(), base) {
			return fs.SkipDir
		}
		t.dirs = append(t.dirs, name)
		return nil
	}
	if !entry.Type().IsRegular() || len(t.files) >= maxFiles {
		return nil
	}
	f := &file{name: name, kind: kindOf(name)}
	t.files = append(t.files, f)
	if f.kind == other && base != "Procfile" && !manifest(base) || testFile.in(name) {
		return nil
	}
	if f.text, err = t.read(name); err != nil {
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	if !lockFile.in(base) {
		f.lines = Lines(f.text, f.kind.comments())
	}
	return nil
}

// manifest are files without a kind that are read.
func manifest(base string) bool {
	return slices.Contains([]string{"go.mod", "Pipfile", "Gemfile", "Aptfile", "alembic.ini"}, base) ||
		strings.HasPrefix(base, "requirements") && path.Ext(base) == ".txt"
}

// read reads a file, none of a binary or a huge one.
func (t *tree) read(name string) (text string, err error) {
	opened, err := t.fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer opened.Close()
	data, err := io.ReadAll(io.LimitReader(opened, maxFile+1))
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", name, err)
	}
	if len(data) > maxFile || bytes.IndexByte(data, 0) >= 0 {
		return "", nil
	}
	return string(data), nil
}

// file is a file of the tree by its name, nil for none.
func (t *tree) file(name string) *file {
	for _, f := range t.files {
		if f.name == name {
			return f
		}
	}
	return nil
}

// above is the first of some files in a directory of the tree or those above it.
func (t *tree) above(dir string, names ...string) bool {
	for {
		for _, name := range names {
			if t.file(path.Join(dir, name)) != nil {
				return true
			}
		}
		if dir == "." {
			return t.Above != nil && t.Above(names...)
		}
		dir = path.Dir(dir)
	}
}

// exists looks for anything of that name, also where the tree is not looked into.
func (t *tree) exists(name string) bool {
	_, err := fs.Stat(t.fsys, name)
	return err == nil
}

// committed tells whether a file, or something in a directory, is in version control.
func (t *tree) committed(name string) bool {
	switch {
	case t.Slug:
		// What is there is there, whatever version control thinks of it.
		return true
	case t.Committed != nil:
		return t.Committed(name)
	}
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		ignored, err := t.read(path.Join(dir, ".gitignore"))
		if err == nil {
			for line := range strings.Lines(ignored) {
				pattern := strings.Trim(strings.TrimSpace(line), "/")
				if ok, err := path.Match(pattern, path.Base(name)); ok && err == nil {
					return false
				}
			}
		}
		if dir == "." {
			return true
		}
	}
}

// add is a finding.
func (t *tree) add(f Finding) { t.found = append(t.found, f) }

// readCommands reads the Procfile of the app.
func (t *tree) readCommands() {
	f := t.file(path.Join(t.Dir, "Procfile"))
	if f == nil {
		return
	}
	parsed, _, err := procfile.Parse(strings.NewReader(f.text))
	if err != nil {
		// The build refuses it, with the line.
		return
	}
	for _, p := range parsed {
		c := command{file: f.name, name: p.Type, text: p.Command}
		number := 0
		for line := range strings.Lines(f.text) {
			number++
			if words := strings.TrimSpace(line); strings.HasPrefix(words, p.Type) && strings.HasSuffix(words, p.Command) {
				c.line = number
			}
		}
		t.commands = append(t.commands, c)
	}
}

// command is a process type of the Procfile.
func (t *tree) command(name string) (command, bool) {
	for _, c := range t.commands {
		if c.name == name {
			return c, true
		}
	}
	return command{}, false
}
