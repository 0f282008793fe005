package golang

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// The files of the go command.
const (
	modFile     = "go.mod"
	sumFile     = "go.sum"
	workFile    = "go.work"
	workSumFile = "go.work.sum"
	vendorList  = "vendor/modules.txt"
)

// workVariable is Paketo's variable with the modules of a workspace.
const workVariable = "BP_GO_WORK_USE"

// project is what the author of an app says about its modules, checked.
type project struct {
	dir string
	// above is the way from dir to the top of the source, "" where dir is all of
	// it. Modules and go.work may lie there too, beside the app.
	above string
	// workDir is where go.work is, below dir or above it.
	workDir string
	// work is the workspace, nil without one. workText is what go.work says,
	// or what it would say when BP_GO_WORK_USE asks for a workspace.
	work     *modfile.WorkFile
	workText []byte
	// madeWork tells that workText is not the app's own go.work.
	madeWork bool
	// modules are the main modules: that of the root, or those of the workspace.
	modules []mainModule
	// sums are the lines of all go.sum and go.work.sum.
	sums sums
}

// above is the way from the app to the top of its source, "" where it is there.
func above(dir, source string) string {
	if source == "" {
		return ""
	}
	rel, err := filepath.Rel(dir, source)
	if err != nil || strings.Trim(filepath.ToSlash(rel), "./") != "" || rel == "." {
		return ""
	}
	return filepath.ToSlash(rel)
}

// has tells whether a directory is one of the source. Below the app, paths are
// relative to it without dots in front.
func (p project) has(dir string) bool {
	return !path.IsAbs(dir) && filepath.IsLocal(path.Join(strings.Repeat("x/", strings.Count(p.above, "..")), dir))
}

// inApp tells whether a directory is that of the app, or below it.
func inApp(dir string) bool { return dir == "" || filepath.IsLocal(dir) }

// findWork looks for a go.work in the app, and above it in the source.
func (p *project) findWork() (there bool, err error) {
	for p.workDir = ""; ; p.workDir = path.Join(p.workDir, "..") {
		if there, err = appfile.Exists(filepath.Join(p.dir, p.workDir), workFile); there || err != nil {
			return there, err
		}
		if p.workDir == p.above {
			p.workDir = ""
			return false, nil
		}
	}
}

// mainModule is a module that the app has the source of and builds.
type mainModule struct {
	// dir is below the app's, "" for its root.
	dir  string
	file *modfile.File
	text []byte
}

// path is the module path.
func (m mainModule) path() string { return m.file.Module.Mod.Path }

// name is the name of a file of the module, for messages.
func (m mainModule) name(file string) string { return path.Join(m.dir, file) }

// readProject reads go.mod or go.work and what belongs to it.
func readProject(dir string, env map[string]string) (project, error) {
	p := project{dir: dir, above: above(dir, env[language.SourceVariable])}
	dirs, err := p.readWork(env)
	if err != nil {
		return project{}, err
	}
	if p.work == nil {
		dirs = []string{""}
	}
	for _, dir := range dirs {
		m, err := p.readModule(dir)
		if err != nil {
			return project{}, err
		}
		p.modules = append(p.modules, m)
	}
	if err := p.replacementsExist(); err != nil {
		return project{}, err
	}
	if err := p.workAllows(); err != nil {
		return project{}, err
	}
	return p, p.readSums()
}

// readWork reads the workspace, if there is one, and returns the directories of
// its modules.
func (p *project) readWork(env map[string]string) ([]string, error) {
	if env["GOWORK"] == "off" {
		return nil, nil
	}
	there, err := p.findWork()
	if err != nil {
		return nil, err
	}
	added := strings.FieldsFunc(env[workVariable], func(r rune) bool { return r == ':' || r == ' ' })
	if !there && len(added) == 0 {
		return nil, nil
	}
	p.work = new(modfile.WorkFile)
	if there {
		if p.workText, err = appfile.Read(p.dir, path.Join(p.workDir, workFile)); err != nil {
			return nil, err
		}
		if p.work, err = modfile.ParseWork(workFile, p.workText, nil); err != nil {
			return nil, notValid(workFile, err)
		}
	}
	dirs, err := p.usedDirs()
	if err != nil {
		return nil, err
	}
	for _, dir := range added {
		clean := path.Clean(filepath.ToSlash(dir))
		if slices.Contains(dirs, rooted(clean)) {
			continue
		}
		if dirs, err = p.use(dirs, clean, workVariable); err != nil {
			return nil, err
		}
		p.madeWork = true
	}
	if len(dirs) == 0 {
		return nil, appfile.Error("%s uses no module\nadd those that are built:\n  go work use ./DIRECTORY\n  git add %s", workFile, workFile)
	}
	return dirs, nil
}

// usedDirs are the directories that go.work itself uses.
func (p *project) usedDirs() (dirs []string, err error) {
	for _, use := range p.work.Use {
		if dirs, err = p.use(dirs, p.workPath(use.Path), fmt.Sprintf("%s, line %d", workFile, use.Syntax.Start.Line)); err != nil {
			return nil, err
		}
	}
	return dirs, nil
}

// workPath is a path of go.work as one of the app.
func (p project) workPath(name string) string {
	return throughApp(p.dir, path.Join(p.workDir, filepath.ToSlash(name)))
}

// throughApp is a path below the app that was written as one that leaves the app
// and enters it again: ../api of the app in api.
func throughApp(app, name string) string {
	if inApp(name) || path.IsAbs(name) {
		return name
	}
	rel, err := filepath.Rel(app, filepath.Join(app, filepath.FromSlash(name)))
	if err != nil {
		return name
	}
	return filepath.ToSlash(rel)
}

// rooted is "" for the root of the app.
func rooted(dir string) string {
	if dir == "." {
		return ""
	}
	return dir
}

// use adds a directory of a workspace, which has to be a module of the app.
func (p *project) use(dirs []string, dir, where string) ([]string, error) {
	if !p.has(dir) {
		return nil, appfile.Error("%s uses the module in %s, which is outside of the app and does not reach the build\n"+
			"%smove it into the app, or take it out:\n  go work edit -dropuse=%s\n  git add %s", where, dir, together(dir), dir, workFile)
	}
	there, err := appfile.Exists(p.dir, path.Join(dir, modFile))
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, appfile.Error("%s uses the module in %s, which has no %s\n"+
			"make one, or take the directory out:\n  (cd %s && go mod init MODULE)\n  go work edit -dropuse=./%s\n  git add %s",
			where, dir, modFile, dir, dir, workFile)
	}
	return append(dirs, rooted(dir)), nil
}

// readModule reads a go.mod.
func (p *project) readModule(dir string) (mainModule, error) {
	m := mainModule{dir: dir}
	name := m.name(modFile)
	var err error
	m.text, err = appfile.Read(p.dir, name)
	if err != nil {
		return mainModule{}, err
	}
	if m.file, err = modfile.Parse(name, m.text, nil); err != nil {
		return mainModule{}, notValid(name, err)
	}
	if m.file.Module == nil {
		return mainModule{}, appfile.Error("%s names no module\nname it in the first line:\n  go mod edit -module=example.com/NAME\n  git add %s", name, name)
	}
	return m, nil
}

// notValid says where a go.mod or go.work is broken.
func notValid(name string, err error) error {
	var list modfile.ErrorList
	if !errors.As(err, &list) || len(list) == 0 {
		return appfile.Error("%s is not valid\n%w", name, err)
	}
	const most = 5
	var lines []string
	for i, e := range list {
		if i == most {
			lines = append(lines, fmt.Sprintf("and %d more", len(list)-most))
			break
		}
		text := e.Err.Error()
		if e.Verb != "" {
			text = e.Verb + ": " + text
		}
		if e.Pos.Line > 0 {
			text = fmt.Sprintf("line %d: %s", e.Pos.Line, text)
		}
		lines = append(lines, text)
	}
	return appfile.Error("%s is not valid\n%s\nedit it, and see that it is read:\n  go mod edit -json %s", name, strings.Join(lines, "\n"), name)
}

// replacement is a replace line and where it stands.
type replacement struct {
	*modfile.Replace
	module mainModule
	name   string
	// app is the app's directory.
	app string
}

// replacements are the replace lines that count: those of go.work and of the
// main modules.
func (p project) replacements() []replacement {
	var all []replacement
	if p.work != nil {
		for _, r := range p.work.Replace {
			all = append(all, replacement{r, mainModule{dir: p.workDir}, workFile, p.dir})
		}
	}
	for _, m := range p.modules {
		for _, r := range m.file.Replace {
			all = append(all, replacement{r, m, m.name(modFile), p.dir})
		}
	}
	return all
}

// local is the directory of a replacement below the app, if it is one.
func (r replacement) local() (dir string, is bool) {
	if r.New.Version != "" {
		return "", false
	}
	if name := filepath.ToSlash(r.New.Path); path.IsAbs(name) {
		return name, true
	}
	return throughApp(r.app, path.Join(r.module.dir, filepath.ToSlash(r.New.Path))), true
}

// together says how a directory beside the app reaches the build, in the words before
// what else can be done.
func together(dir string) string {
	if path.IsAbs(dir) {
		return ""
	}
	return "build the directory that has both, and name the app in it:\n  slugc build DIRECTORY --app APP\nor "
}

// replacementsExist refuses replace lines whose directory does not come with
// the app.
func (p project) replacementsExist() error {
	for _, r := range p.replacements() {
		dir, is := r.local()
		if !is {
			continue
		}
		where := fmt.Sprintf("%s, line %d", r.name, r.Syntax.Start.Line)
		mend := fmt.Sprintf("commit the directory with the app, or ask for a version that is published:\n"+
			"  go mod edit -dropreplace=%s\n  go get %s@VERSION\n  git add %s %s", r.Old.Path, r.Old.Path, r.name, sumFile)
		if path.IsAbs(r.New.Path) || !p.has(dir) {
			return appfile.Error("%s: %s is replaced by %s, which is outside of the app and does not reach the build\n%s%s", where, r.Old.Path, r.New.Path, together(r.New.Path), mend)
		}
		_, err := os.Stat(filepath.Join(p.dir, filepath.FromSlash(dir), modFile))
		if errors.Is(err, fs.ErrNotExist) {
			return appfile.Error("%s: %s is replaced by %s, where there is no %s\n%s", where, r.Old.Path, r.New.Path, modFile, mend)
		}
		if err != nil {
			return fmt.Errorf("looking for %s: %w", r.New.Path, err)
		}
	}
	return nil
}

// replaced is what takes the place of a module, and whether anything does.
func (p project) replaced(modulePath, version string) (replacement, bool) {
	for _, r := range p.replacements() {
		if r.Old.Path == modulePath && (r.Old.Version == "" || r.Old.Version == version) {
			return r, true
		}
	}
	return replacement{}, false
}

// isMain tells whether a module is one of the app's own.
func (p project) isMain(modulePath string) bool {
	return slices.ContainsFunc(p.modules, func(m mainModule) bool { return m.path() == modulePath })
}
