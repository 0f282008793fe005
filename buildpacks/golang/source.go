package golang

import (
	"fmt"
	"go/build"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// source is what the Go packages of an app are made of, as far as it can be
// told without the go command.
type source struct {
	// packages are those of the main modules and of modules that a replace line
	// takes from the app, by directory.
	packages map[string]goPackage
	// files are all that decide what is compiled, sorted, without those in vendor.
	files []string
	// foreign are imports of packages that are not the app's, by what is built.
	foreign []imported
}

// goPackage is a directory with Go files.
type goPackage struct {
	dir, name string
	// path is the import path.
	path    string
	imports []string
	// module is the directory of its module, main whether that is a main module.
	module      string
	main, usesC bool
}

// imported is a package and, for messages, one that imports it.
type imported struct{ path, by string }

// sourceEnds are the files beside Go files that the go command compiles or hands
// to the C compiler ("go help packages" and cmd/go's list of source files).
var sourceEnds = map[string]bool{
	".go": true, ".c": true, ".cc": true, ".cpp": true, ".cxx": true, ".m": true, ".h": true, ".hh": true, ".hpp": true, ".hxx": true,
	".f": true, ".F": true, ".for": true, ".f90": true, ".s": true, ".S": true, ".sx": true, ".swig": true, ".swigcxx": true, ".syso": true,
}

// isSource tells whether a file beside Go files is one of theirs.
func isSource(name string) bool { return sourceEnds[path.Ext(name)] }

// skips tells whether the go command does not look for packages in a directory
// ("go help packages").
func skips(name string) bool {
	return name == "vendor" || name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

// readSource looks at all Go packages of the app.
func (p project) readSource(c build.Context) (source, error) {
	s := source{packages: map[string]goPackage{}}
	homes := p.homes()
	for _, name := range []string{modFile, sumFile, workFile, workSumFile} {
		for _, home := range homes {
			s.addFile(p.dir, path.Join(home.dir, name))
		}
		s.addFile(p.dir, path.Join(p.workDir, name))
	}
	modules := map[string]home{}
	for _, h := range homes {
		modules[h.dir] = h
	}
	err := s.walk(c, p.dir, "", modules)
	for _, h := range homes {
		if err == nil && !inApp(h.dir) {
			err = s.walk(c, p.dir, h.dir, modules)
		}
	}
	if err != nil {
		return source{}, fmt.Errorf("looking for Go packages: %w", err)
	}
	slices.Sort(s.files)
	s.files = slices.Compact(s.files)
	return s, nil
}

// walk looks at the packages of a directory and of those below it, each of which
// is of the module above it.
func (s *source) walk(c build.Context, root, top string, modules map[string]home) error {
	return filepath.WalkDir(filepath.Join(root, top), func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		dir := rooted(filepath.ToSlash(rel))
		if dir != top && skips(entry.Name()) {
			return fs.SkipDir
		}
		h, is := modules[dir]
		if !is {
			// A module of its own that nobody asks for has no home.
			if _, err := os.Stat(filepath.Join(file, modFile)); err != nil && dir != top {
				h = modules[rooted(path.Dir(dir))]
			}
			modules[dir] = h
		}
		if h.path == "" {
			return nil
		}
		return s.addPackage(c, root, dir, h)
	})
}

// home is a module whose source the app has.
type home struct {
	dir, path string
	main      bool
}

// homes are the main modules and those that replace lines take from the app.
func (p project) homes() []home {
	var homes []home
	for _, m := range p.modules {
		homes = append(homes, home{dir: m.dir, path: m.path(), main: true})
	}
	for _, r := range p.replacements() {
		dir, local := r.local()
		if local && !slices.ContainsFunc(homes, func(h home) bool { return h.dir == rooted(dir) }) {
			homes = append(homes, home{dir: rooted(dir), path: r.Old.Path})
		}
	}
	return homes
}

// addFile notes a file, if it is there.
func (s *source) addFile(dir, name string) {
	if info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); err == nil && info.Mode().IsRegular() {
		s.files = append(s.files, name)
	}
}

// addPackage looks at one directory.
func (s *source) addPackage(c build.Context, root, dir string, h home) error {
	full := filepath.Join(root, filepath.FromSlash(dir))
	entries, err := os.ReadDir(full)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return path.Ext(e.Name()) == ".go" }) {
		return nil
	}
	for _, entry := range entries {
		if name := entry.Name(); !entry.IsDir() && isSource(name) && !strings.HasSuffix(name, "_test.go") {
			s.addFile(root, path.Join(dir, name))
		}
	}
	// What is wrong with it is for the compiler to say.
	found, _ := c.ImportDir(full, 0)
	if found == nil || found.Name == "" || len(found.GoFiles)+len(found.CgoFiles) == 0 {
		return nil
	}
	rel := strings.TrimPrefix(strings.TrimPrefix(dir, h.dir), "/")
	s.packages[dir] = goPackage{dir: dir, name: found.Name, path: path.Join(h.path, rel), imports: found.Imports, module: h.dir, main: h.main, usesC: len(found.CgoFiles) > 0}
	for _, pattern := range found.EmbedPatterns {
		if err := s.addEmbedded(root, dir, strings.TrimPrefix(pattern, "all:")); err != nil {
			return err
		}
	}
	if len(found.CgoFiles) > 0 {
		// C files may include whatever lies in the module.
		return s.addTree(root, h.dir)
	}
	return nil
}

// addEmbedded notes the files of a pattern of go:embed.
func (s *source) addEmbedded(root, dir, pattern string) error {
	if !fs.ValidPath(pattern) {
		return nil // The compiler says so, with the line.
	}
	files, err := filepath.Glob(filepath.Join(globQuoted(filepath.Join(root, dir)), filepath.FromSlash(pattern)))
	if err != nil {
		return nil // So it does here.
	}
	for _, file := range files {
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		if err := s.addTree(root, filepath.ToSlash(name)); err != nil {
			return err
		}
	}
	return nil
}

// globQuoted is a name as a pattern of path.Match that means itself.
func globQuoted(name string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(name)
}

// addTree notes a file, or all files of a directory.
func (s *source) addTree(root, name string) error {
	return filepath.WalkDir(filepath.Join(root, filepath.FromSlash(name)), func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "node_modules") {
			return fs.SkipDir
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		rel, err := filepath.Rel(root, file)
		s.files = append(s.files, filepath.ToSlash(rel))
		return err
	})
}

// reach notes what the commands import that is not the app's own.
func (s *source) reach(commands []command) {
	byPath := map[string]goPackage{}
	for _, p := range s.packages {
		byPath[p.path] = p
	}
	foreign := map[string]string{}
	seen := map[string]bool{}
	var visit func(p goPackage)
	visit = func(p goPackage) {
		if seen[p.path] {
			return
		}
		seen[p.path] = true
		for _, i := range p.imports {
			if own, is := byPath[i]; is {
				visit(own)
			} else if i != "C" && foreign[i] == "" {
				foreign[i] = "./" + p.dir
			}
		}
	}
	for _, c := range commands {
		if c.foreign {
			foreign[c.pattern] = c.by
			continue
		}
		visit(s.packages[c.dir])
	}
	s.foreign = nil
	for i, by := range foreign {
		s.foreign = append(s.foreign, imported{path: i, by: by})
	}
	slices.SortFunc(s.foreign, func(a, b imported) int { return strings.Compare(a.path, b.path) })
}
