package java

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/layer"
)

// findReactor finds the reactor in which an app of Maven is built. It is that of
// the highest pom.xml above the app that lists it among its modules, itself or by
// one of them; else that of the parent beside the app, which may list it too. An
// app that nobody lists is built alone, unless it needs what a reactor above
// builds.
func findReactor(own, source string) (whole, project, error) {
	poms, err := readProject(whole{dir: own})
	if err != nil {
		return whole{}, nil, err
	}
	alone := whole{dir: own}
	parent, there := poms[""].parentFile(own, source)
	others, err := reactors(own, source, parent, there)
	if err != nil {
		return whole{}, nil, err
	}
	for _, r := range others {
		if r.poms.has(r.member) {
			return r.whole, r.poms, nil
		}
	}
	for _, r := range others {
		if err := r.lists(poms[""]); err != nil {
			return whole{}, nil, err
		}
		if filepath.Dir(parent) == r.rootDir() {
			alone.unlisted = fmt.Sprintf("%s is the parent of the app and has modules, but does not list the app, which is therefore built alone. If it is one of them, list it:\n  <module>%s</module>",
				r.fromApp(path.Join(r.root, pomFile)), r.fromRoot(r.member))
		}
	}
	return alone, poms, nil
}

// reactor is one that an app may be a module of.
type reactor struct {
	whole
	poms project
}

// reactors are those of several modules above an app, the highest first, and that
// of its parent beside it.
func reactors(own, source, parent string, there bool) ([]reactor, error) {
	var all []reactor
	read := func(dir, root string) error {
		member, err := filepath.Rel(dir, own)
		if err != nil {
			return err
		}
		r := reactor{whole: whole{dir: dir, root: rooted(filepath.ToSlash(root)), member: filepath.ToSlash(member)}}
		if there, err := appfile.Exists(r.rootDir(), pomFile); err != nil || !there {
			return err
		}
		if r.poms, err = readProject(r.whole); err == nil && len(r.poms) > 1 {
			all = append(all, r)
		}
		return err
	}
	for _, dir := range above(own, source) {
		if err := read(dir, ""); err != nil {
			return nil, err
		}
	}
	if !there || layer.Within(filepath.Dir(parent), own) {
		return all, nil
	}
	// Both lie below the nearest directory above both.
	base := filepath.Dir(own)
	for !layer.Within(base, parent) {
		base = filepath.Dir(base)
	}
	root, err := filepath.Rel(base, filepath.Dir(parent))
	if err != nil {
		return nil, err
	}
	return all, read(base, root)
}

func (p project) has(module string) bool {
	_, is := p[module]
	return is
}

// lists refuses an app that needs a module of a reactor which does not list it:
// neither builds the other.
func (r reactor) lists(own pom) error {
	for _, wanted := range own.wants() {
		module, found := r.poms.find(wanted)
		if !found || r.poms[module].isAnother(wanted.Version) {
			continue
		}
		file := r.fromApp(path.Join(r.root, pomFile))
		name := r.fromRoot(r.member)
		return appfile.Error("%s needs %s, which is the module %s of %s, but that does not list the app among its modules\n"+
			"so Maven does not build the two together. Add it to the <modules> of %s:\n  <module>%s</module>\nand see that both are built:\n  mvn -f %s -pl %s -am package\n  git add %s",
			pomFile, wanted, orElse(r.fromRoot(module), "."), file, file, name, file, name, file)
	}
	return nil
}

// fromRoot is the path of a module as Maven knows it in the root.
func (w whole) fromRoot(module string) string {
	rel, err := filepath.Rel("/"+w.root, "/"+module)
	if err != nil {
		return module
	}
	return filepath.ToSlash(rel)
}

// wants are the artifacts that a pom names and that may be modules: what it depends
// on, and its plugins.
func (p pom) wants() []coordinates {
	all := slices.Clone(p.Dependencies)
	for _, profile := range p.Profiles {
		all = append(all, profile.Dependencies...)
	}
	for _, plugin := range p.Plugins {
		all = append(append(all, plugin.coordinates), plugin.Dependencies...)
	}
	return p.filled(all)
}

// filled are coordinates with the properties in them.
func (p pom) filled(all []coordinates) []coordinates {
	for i, c := range all {
		all[i] = coordinates{GroupID: p.value(c.GroupID), ArtifactID: p.value(c.ArtifactID), Version: p.value(c.Version)}
	}
	return all
}

// group is the group of a pom, which may be that of its parent.
func (p pom) group() string { return p.value(orElse(p.GroupID, strings.TrimSpace(p.Parent.GroupID))) }

// isAnother tells whether a version is certainly not that of a module, but of one
// that was published.
func (p pom) isAnother(version string) bool {
	own := p.value(orElse(p.Version, strings.TrimSpace(p.Parent.Version)))
	return version != "" && own != "" && version != own && !strings.Contains(version+own, "${")
}

// find is the module that a pom names. A group that only a parent can fill in is
// any.
func (p project) find(wanted coordinates) (module string, found bool) {
	for _, name := range sortedKeys(p) {
		m := p[name]
		if m.ArtifactID == wanted.ArtifactID && (m.group() == wanted.GroupID || strings.Contains(m.group()+wanted.GroupID, "${")) {
			return name, true
		}
	}
	return "", false
}

// parentFile is where a pom in a directory says that its parent is, and whether
// it is there (Maven, "POM Reference", "The Parent Element").
func (p pom) parentFile(dir, source string) (file string, there bool) {
	if strings.TrimSpace(p.Parent.ArtifactID) == "" {
		return "", false
	}
	name := "../" + pomFile
	if p.Parent.RelativePath != nil {
		if name = strings.TrimSpace(*p.Parent.RelativePath); name == "" {
			return "", false
		}
	}
	file = filepath.Join(dir, filepath.FromSlash(name))
	if isDirectory, err := isDir(file); err == nil && isDirectory {
		file = filepath.Join(file, pomFile)
	}
	if !layer.Within(orElse(source, dir), file) {
		return file, false
	}
	there, err := appfile.Exists(filepath.Dir(file), filepath.Base(file))
	return file, err == nil && there
}

// needed are the modules that are built for the app: its own, what they need, and
// their parents. When a pom names an artifact in a way that only Maven can read,
// all are.
func (w whole) needed(p project) ([]string, error) {
	seen := map[string]bool{}
	var queue []string
	push := func(module string) {
		if !seen[module] {
			seen[module] = true
			queue = append(queue, module)
		}
	}
	for name := range p {
		if w.isPart(name) {
			push(name)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		m, is := p[queue[0]]
		if !is {
			// The parent of a module need not be one itself.
			var err error
			if m, err = readPOM(w.ownDir(), w.fromApp(path.Join(queue[0], pomFile))); err != nil {
				return nil, err
			}
		}
		for _, wanted := range m.wants() {
			if strings.Contains(wanted.ArtifactID, "${") {
				return sortedKeys(p), nil
			}
			if module, found := p.find(wanted); found {
				push(module)
			}
		}
		if module, found := p.find(m.Parent.coordinates); found {
			push(module)
		}
		for _, managed := range m.filled(slices.Clone(m.Managed)) {
			// A list of versions that is imported; of others the version is said only.
			if module, found := p.find(managed); found && p[module].Packaging == "pom" {
				push(module)
			}
		}
		if file, there := m.parentFile(filepath.Join(w.dir, queue[0]), w.dir); there && filepath.Base(file) == pomFile {
			module, err := filepath.Rel(w.dir, filepath.Dir(file))
			if err != nil {
				return nil, err
			}
			push(rooted(filepath.ToSlash(module)))
		}
	}
	var all []string
	for _, name := range sortedKeys(p) {
		if seen[name] {
			all = append(all, name)
		}
	}
	return all, nil
}

// rooted is "" for the directory itself.
func rooted(module string) string {
	if module == "." {
		return ""
	}
	return module
}

// parentElsewhere says what a person should know of a parent that is not where the
// pom says, "" when it is.
func (a app) parentElsewhere(source string) string {
	own := a.poms[a.member]
	file, there := own.parentFile(a.ownDir(), source)
	if there || file == "" || own.Parent.RelativePath == nil {
		return ""
	}
	text := fmt.Sprintf("%s names its parent at %s, which is not there, so Maven asks its repositories for %s.", pomFile, strings.TrimSpace(*own.Parent.RelativePath), own.Parent)
	if !layer.Within(orElse(source, a.ownDir()), file) {
		text += "\nIt is outside of what is built. If it is a directory above the app, build that, and name the app in it:\n  slugc build DIRECTORY --app APP"
	}
	return text
}
