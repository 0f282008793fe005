package java

import (
	"archive/zip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/layer"
)

// jarsDir is where jars lie in a layer. It is not lib: that directory of a layer
// goes into LD_LIBRARY_PATH (CNB Buildpack API, "Layer Paths").
const jarsDir = "jars"

// artefacts are what processes run, in two layers: what others wrote, which
// stays when the app changes, and the app itself.
type artefacts struct {
	dependencies, application layer.Slot
	// inputs decide whether both stay as they are.
	inputs map[string]string
	kept   bool
	// read are the files of which they are made.
	read files
	// content is a checksum over the dependencies, "" when there are none, and
	// contentKept tells whether the layer of an earlier build has them.
	content     string
	contentKept bool
	// web is the command of the web process, "" for none.
	web string
	// links are the files that the Procfile names, by their paths in the app.
	links []string
}

// open reads what the last build made, and tells whether it can stay.
func (b *build) open(key string, read files) (*artefacts, error) {
	types := libcnb.LayerTypes{Cache: true, Launch: true}
	m := &artefacts{inputs: map[string]string{"key": key}, read: read}
	var err error
	if m.dependencies, err = layer.Open(b.Layers, dependenciesLayer, types, layout); err != nil {
		return nil, err
	}
	if m.application, err = layer.Open(b.Layers, applicationLayer, types, layout); err != nil {
		return nil, err
	}
	kept, _ := m.application.Keeps(m.inputs)
	content := m.application.Old["dependencies"]
	whole, _ := m.dependencies.Keeps(map[string]string{"content": content})
	if m.kept = kept && (whole || content == ""); m.kept {
		m.content, m.contentKept = content, true
		m.web = m.application.Old["web"]
		if links := m.application.Old["links"]; links != "" {
			m.links = strings.Split(links, "\n")
		}
	}
	return m, nil
}

// layers are the layers with what is known of them.
func (m *artefacts) layers() []libcnb.Layer {
	var all []libcnb.Layer
	if m.content != "" {
		all = append(all, m.dependencies.Describe(map[string]string{"content": m.content}, nil))
	}
	return append(all, m.application.Describe(m.inputs, map[string]string{
		"dependencies": m.content, "web": m.web, "links": strings.Join(m.links, "\n"), "app": m.read.app, "beside": m.read.beside,
	}))
}

// besideChanged tells whether the last build had the same app, and something else
// beside it.
func (m *artefacts) besideChanged() bool {
	old := m.application.Old
	return old["app"] == m.read.app && old["beside"] != m.read.beside
}

// collector puts what was built into the two layers.
type collector struct {
	b *build
	// application and dependencies are fresh directories, and home is where the
	// first will lie.
	application, dependencies, home string
	// own are the names of the jars of the app's modules.
	own map[string]bool
}

// collect brings what was built into its layers.
func (b *build) collect(made *artefacts) error {
	c := collector{
		b: b, application: b.Scratch.Path(applicationLayer), dependencies: b.Scratch.Path(dependenciesLayer),
		home: made.application.Layer.Path, own: map[string]bool{},
	}
	for _, dir := range []string{c.application, c.dependencies} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("collecting what was built: %w", err)
		}
	}
	if err := c.findOwn(); err != nil {
		return err
	}
	var err error
	if b.app.starts["web"] == "" {
		if made.web, err = c.start(); err != nil {
			return err
		}
	}
	if made.links, err = c.named(); err != nil {
		return err
	}
	k := &layer.Key{}
	if err := k.AddTree(c.dependencies, "."); err != nil {
		return err
	}
	if entries, err := os.ReadDir(c.dependencies); err != nil || len(entries) > 0 {
		made.content = k.Sum()
	}
	kept, why := made.dependencies.Keeps(map[string]string{"content": made.content})
	switch made.contentKept = kept; {
	case made.content == "":
	case kept:
		b.Print.Detail("The app's dependencies are those of the last build")
	default:
		if why == "content changed" {
			b.Print.Detail("The app's dependencies changed")
		}
		if err := b.Scratch.Replace(made.dependencies.Layer.Path, "", c.dependencies); err != nil {
			return fmt.Errorf("collecting what was built: %w", err)
		}
	}
	if err := b.Scratch.Replace(made.application.Layer.Path, "", c.application); err != nil {
		return fmt.Errorf("collecting what was built: %w", err)
	}
	return nil
}

// findOwn notes the jars of the app's modules: inside of others, they are no
// dependencies.
func (c collector) findOwn() error {
	for _, module := range c.b.app.modules {
		found, err := filepath.Glob(filepath.Join(c.b.app.dir, module, c.b.tool.outputs().jars, "*.jar"))
		if err != nil {
			return err
		}
		for _, file := range found {
			c.own[filepath.Base(file)] = true
		}
	}
	return nil
}

// isOwn tells whether a jar changes with the app.
func (c collector) isOwn(name string) bool {
	return c.own[path.Base(name)] || strings.Contains(path.Base(name), "-SNAPSHOT")
}

// boot takes apart an executable jar of Spring Boot: the jars in it, and the
// app's own classes as a jar that names the others, in the order of its index.
// Started so, Java reads the classes without Spring's own loader.
func (c collector) boot(file string) (jarFile string, err error) {
	j, err := openJar(file)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	const classes, libraries = "BOOT-INF/classes/", "BOOT-INF/lib/"
	app := newJarWriter(c.b.date())
	nested := map[string]*zip.File{}
	var order []string
	for _, entry := range j.File {
		switch {
		case strings.HasPrefix(entry.Name, libraries) && strings.HasSuffix(entry.Name, ".jar"):
			nested[entry.Name] = entry
			order = append(order, entry.Name)
		case entry.Name == classes:
		case strings.HasPrefix(entry.Name, classes):
			app.take(strings.TrimPrefix(entry.Name, classes), entry)
		case strings.HasPrefix(entry.Name, "META-INF/"):
			app.take(entry.Name, entry)
		}
	}
	if index, err := j.read("BOOT-INF/classpath.idx"); err != nil {
		return "", err
	} else if listed := indexed(index); len(listed) > 0 {
		order = slices.DeleteFunc(listed, func(name string) bool { return nested[name] == nil })
	}
	layers, err := j.read("BOOT-INF/layers.idx")
	if err != nil {
		return "", err
	}
	changing := changingLibraries(layers)
	var classPath []string
	for _, name := range order {
		to, rel := c.dependencies, "../"+dependenciesLayer+"/"
		if c.isOwn(name) || changing[name] {
			to, rel = c.application, ""
		}
		place := path.Join(jarsDir, path.Base(name))
		if err := c.nested(nested[name], filepath.Join(to, place)); err != nil {
			return "", fmt.Errorf("taking apart %s: %w", filepath.Base(file), err)
		}
		classPath = append(classPath, escapePath(rel+place))
	}
	m := j.manifest.with("Main-Class", j.manifest.get("Start-Class"))
	for _, name := range []string{"Start-Class", "Spring-Boot-Classes", "Spring-Boot-Lib", "Spring-Boot-Classpath-Index", "Spring-Boot-Layers-Index"} {
		m = m.with(name, "")
	}
	app.texts[manifestName] = m.with("Class-Path", strings.Join(classPath, " ")).text()
	jarFile = "app.jar"
	return jarFile, app.write(filepath.Join(c.application, jarFile))
}

// indexed reads an index of Spring Boot: a list of quoted names.
func indexed(data []byte) []string {
	var names []string
	for line := range strings.Lines(string(data)) {
		name, found := strings.CutPrefix(strings.TrimSpace(line), "- ")
		if found {
			names = append(names, strings.Trim(name, `"`))
		}
	}
	return names
}

// changingLibraries are the jars that layers.idx counts among the layers behind
// the first, which change more often.
func changingLibraries(data []byte) map[string]bool {
	changing := map[string]bool{}
	current := ""
	for line := range strings.Lines(string(data)) {
		name, nested := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "  - ")
		if !nested {
			current = strings.Trim(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(line), "- "), ":"), `"`)
			continue
		}
		if current != "dependencies" {
			changing[strings.Trim(name, `"`)] = true
		}
	}
	return changing
}

// escapePath is a path as a Class-Path has it: relative addresses with blanks
// between them.
func escapePath(name string) string {
	return strings.NewReplacer("%", "%25", " ", "%20").Replace(name)
}

// nested brings a jar that is in another one. One of the app's own modules was made
// by this build.
func (c collector) nested(entry *zip.File, to string) error {
	if !c.own[path.Base(entry.Name)] {
		return extract(entry, to)
	}
	raw := c.b.Scratch.Path("nested.jar")
	if err := extract(entry, raw); err != nil {
		return err
	}
	return c.normal(raw, to)
}

// extract writes an entry to a file.
func extract(entry *zip.File, file string) (err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	data, err := readEntry(entry, maxToolBytes)
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}

// jar brings an executable jar into the layers. One with everything in it is
// taken apart into the app's own classes and all others; one that names others
// beside it has those brought too.
func (c collector) jar(file string) (jarFile string, err error) {
	j, err := openJar(file)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	jarFile = "app" + filepath.Ext(file)
	to := filepath.Join(c.application, jarFile)
	app := newJarWriter(c.b.date())
	if beside := j.manifest.get("Class-Path"); beside != "" {
		classPath, err := c.beside(filepath.Dir(file), beside)
		if err != nil {
			return "", err
		}
		for _, entry := range j.File {
			app.take(entry.Name, entry)
		}
		app.texts[manifestName] = j.manifest.with("Class-Path", classPath).text()
		return jarFile, app.write(to)
	}
	own, err := c.ownClasses()
	if err != nil {
		return "", err
	}
	rest := newJarWriter(c.b.date())
	if filepath.Ext(file) != ".jar" {
		own = nil
	}
	j.divide(own, app, rest)
	if len(rest.files) == 0 {
		if app.files[manifestName] == nil {
			app.texts[manifestName] = j.manifest.text()
		}
		return jarFile, app.write(to)
	}
	rest.texts[manifestName] = manifest{}.with("Multi-Release", j.manifest.get("Multi-Release")).text()
	const libraries = jarsDir + "/dependencies.jar"
	if err := os.MkdirAll(filepath.Join(c.dependencies, jarsDir), 0o755); err != nil {
		return "", err
	}
	if err := rest.write(filepath.Join(c.dependencies, libraries)); err != nil {
		return "", err
	}
	app.texts[manifestName] = j.manifest.with("Class-Path", "../"+dependenciesLayer+"/"+libraries).text()
	return jarFile, app.write(to)
}

// divide gives what the app owns to one jar and all else to another. Everything goes to the
// app's when it owns nothing, or the jar is signed.
func (j jar) divide(own map[string]bool, app, rest *jarWriter) {
	whole := len(own) == 0 || j.signed()
	for _, entry := range j.File {
		switch {
		case whole, own[entry.Name]:
			app.take(entry.Name, entry)
		case entry.Name == manifestName || strings.HasSuffix(entry.Name, "/"):
			// Directories are in neither: nothing looks for them in a jar that was
			// put together of others.
		default:
			rest.take(entry.Name, entry)
		}
	}
	if len(rest.files) == 0 {
		return
	}
	for _, entry := range j.File {
		// Frameworks look for packages by their directories.
		if strings.HasSuffix(entry.Name, "/") {
			rest.take(entry.Name, entry)
		}
	}
}

// ownClasses are the names of the app's own classes and resources, and of their
// directories, in all modules.
func (c collector) ownClasses() (map[string]bool, error) {
	own := map[string]bool{}
	for _, module := range c.b.app.modules {
		for _, name := range c.b.tool.outputs().classes {
			dir := filepath.Join(c.b.app.dir, module, name)
			err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
				if errors.Is(err, fs.ErrNotExist) {
					return nil
				}
				if err != nil {
					return err
				}
				rel, err := filepath.Rel(dir, file)
				if err != nil || rel == "." {
					return err
				}
				if entry.IsDir() {
					rel += "/"
				}
				own[filepath.ToSlash(rel)] = true
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
	}
	// Every jar has these, and that of the app must not take them for its own.
	delete(own, manifestName)
	return own, nil
}

// beside brings the jars that a manifest names, and returns the Class-Path by
// which they are found then. What is not there is passed over, as Java does.
func (c collector) beside(dir, names string) (classPath string, err error) {
	var all []string
	for name := range strings.FieldsSeq(names) {
		plain := strings.NewReplacer("%20", " ", "%25", "%").Replace(name)
		file := filepath.Join(dir, filepath.FromSlash(plain))
		info, err := os.Stat(file)
		if err != nil || !info.Mode().IsRegular() || path.Ext(plain) != ".jar" {
			continue
		}
		place := path.Join(jarsDir, path.Base(plain))
		if c.isOwn(plain) {
			err = c.normal(file, filepath.Join(c.application, place))
			all = append(all, escapePath(place))
		} else {
			err = c.whole(file, filepath.Join(c.dependencies, place))
			all = append(all, escapePath("../"+dependenciesLayer+"/"+place))
		}
		if err != nil {
			return "", err
		}
	}
	return strings.Join(all, " "), nil
}

// whole copies a file as it is, unless it was copied before.
func (c collector) whole(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := layer.CopyFile(from, to, 0o644); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// normal copies a jar that the build made, without what changes from build to
// build.
func (c collector) normal(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := normalise(from, to, c.b.date()); !errors.Is(err, zip.ErrFormat) {
		return err
	}
	return layer.CopyFile(from, to, 0o644)
}

// quarkus brings a fast jar of Quarkus: its libraries are the dependencies.
func (c collector) quarkus(dir string) (jarFile string, err error) {
	const home, libraries = "quarkus-app", "quarkus-app/lib"
	library := func(from, to string, mode fs.FileMode) error {
		// Its name begins with that of its group.
		for name := range c.own {
			if strings.HasSuffix(filepath.Base(from), "."+name) {
				return c.normal(from, to)
			}
		}
		return layer.CopyFile(from, to, mode)
	}
	if err := layer.CopyTree(filepath.Join(dir, "lib"), filepath.Join(c.dependencies, jarsDir), library, nil); err != nil {
		return "", err
	}
	err = layer.CopyTree(dir, filepath.Join(c.application, home), c.file, func(rel string) bool { return rel == "lib" })
	if err != nil {
		return "", err
	}
	return path.Join(home, "quarkus-run.jar"), os.Symlink("../../"+dependenciesLayer+"/"+jarsDir, filepath.Join(c.application, libraries))
}

// file copies a file that the build made.
func (c collector) file(from, to string, mode fs.FileMode) error {
	if ext := filepath.Ext(from); ext == ".jar" || ext == ".war" {
		return c.normal(from, to)
	}
	return layer.CopyFile(from, to, mode)
}

// installation brings a program of Gradle's application plugin. The jars of
// others become links to the dependencies.
func (c collector) installation(dir string) (script string, err error) {
	if err := os.MkdirAll(filepath.Join(c.dependencies, jarsDir), 0o755); err != nil {
		return "", err
	}
	const home = "program"
	err = layer.CopyTree(dir, filepath.Join(c.application, home), func(from, to string, mode fs.FileMode) error {
		name := filepath.Base(from)
		if filepath.Base(filepath.Dir(from)) != "lib" || filepath.Ext(name) != ".jar" || c.isOwn(name) {
			return c.file(from, to, mode)
		}
		if err := layer.CopyFile(from, filepath.Join(c.dependencies, jarsDir, name), 0o644); err != nil {
			return err
		}
		return os.Symlink("../../../"+dependenciesLayer+"/"+jarsDir+"/"+name, to)
	}, nil)
	if err != nil {
		return "", err
	}
	name, err := startScript(dir)
	return path.Join(home, "bin", name), err
}
