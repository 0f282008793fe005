package java

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// outputPlaces are where a build tool puts what it builds, below a module.
type outputPlaces struct {
	// made are directories that hold nothing but what was built.
	made []string
	// jars is the directory of jars, quarkus that of Quarkus' fast jars, and
	// classes those of the app's own classes and resources.
	jars, quarkus string
	classes       []string
	// installed is the directory below which Gradle's application plugin puts
	// programs, "" for Maven.
	installed string
}

// kind is how an app is started that was built.
type kind string

// The kinds, the more certain first.
const (
	quarkusApp   kind = "a Quarkus application"
	bootJar      kind = "an executable jar of Spring Boot"
	executable   kind = "an executable jar"
	installation kind = "a program of Gradle's application plugin"
)

// launchable is something that was built and can be started.
type launchable struct {
	kind kind
	// path is that of the jar or directory in the app, module that of its module.
	path, module string
	size         int64
}

// sideProducts are the ends of the names of jars that are not meant to be
// started.
var sideProducts = []string{"-sources.jar", "-javadoc.jar", "-tests.jar", "-test.jar", "-test-sources.jar", "-plain.jar", "-client.jar"}

// launchables are what was built in the modules and can be started, the best of
// each module.
func (b *build) launchables() ([]launchable, error) {
	places := b.tool.outputs()
	modules := slices.DeleteFunc(slices.Clone(b.app.modules), func(module string) bool { return !b.app.isPart(module) })
	if named := orElse(b.Env["BP_MAVEN_BUILT_MODULE"], b.Env["BP_GRADLE_BUILT_MODULE"]); named != "" {
		module := path.Join(b.app.member, strings.Trim(strings.ReplaceAll(named, ":", "/"), "/"))
		if !slices.Contains(modules, module) {
			return nil, appfile.Error("there is no module %s to start\nthe app has %s", named, strings.Join(namesOf(modules), ", "))
		}
		modules = []string{module}
	}
	if pattern := orElse(b.Env["BP_MAVEN_BUILT_ARTIFACT"], b.Env["BP_GRADLE_BUILT_ARTIFACT"]); pattern != "" {
		return b.named(modules, pattern)
	}
	var all []launchable
	for _, module := range modules {
		best, err := b.best(module, places)
		if err != nil {
			return nil, err
		}
		if best.path != "" {
			all = append(all, best)
		}
	}
	return all, nil
}

func namesOf(modules []string) []string {
	names := slices.Clone(modules)
	for i, name := range names {
		if name == "" {
			names[i] = "the root"
		}
	}
	return names
}

// named is the one thing that a setting names.
func (b *build) named(modules []string, pattern string) ([]launchable, error) {
	var found []string
	for _, module := range append([]string{b.app.member}, modules...) {
		matches, err := filepath.Glob(filepath.Join(b.app.dir, module, pattern))
		if err != nil {
			return nil, appfile.Error("the pattern %q for what was built is not one: %w", pattern, err)
		}
		for _, match := range matches {
			if rel, err := filepath.Rel(b.app.dir, match); err == nil && !slices.Contains(found, rel) {
				found = append(found, rel)
			}
		}
	}
	if len(found) != 1 {
		what := "nothing"
		if len(found) > 1 {
			what = strings.Join(found, ", ")
		}
		return nil, appfile.Error("BP_MAVEN_BUILT_ARTIFACT or BP_GRADLE_BUILT_ARTIFACT is %q, which matches %s\nexpected one jar", pattern, what)
	}
	l, err := b.judge(found[0])
	if err != nil {
		return nil, err
	}
	if l.path == "" {
		return nil, appfile.Error("%s has no Main-Class in its manifest, so it cannot be started\nname another one in BP_MAVEN_BUILT_ARTIFACT or BP_GRADLE_BUILT_ARTIFACT", found[0])
	}
	return []launchable{l}, nil
}

// best is the best of what was built in a module, zero for none.
func (b *build) best(module string, places outputPlaces) (launchable, error) {
	fast := path.Join(module, places.quarkus, "quarkus-run.jar")
	there, err := appfile.Exists(b.app.dir, fast)
	if err != nil {
		return launchable{}, err
	}
	if there {
		return launchable{kind: quarkusApp, path: path.Dir(fast), module: module}, nil
	}
	var found []launchable
	jars, err := filepath.Glob(filepath.Join(b.app.dir, module, places.jars, "*.[jw]ar"))
	if err != nil {
		return launchable{}, err
	}
	for _, file := range jars {
		name := filepath.Base(file)
		if strings.HasPrefix(name, "original-") || slices.ContainsFunc(sideProducts, func(end string) bool { return strings.HasSuffix(name, end) }) {
			continue
		}
		l, err := b.judge(path.Join(module, places.jars, name))
		if err != nil {
			return launchable{}, err
		}
		if l.path != "" {
			l.module = module
			found = append(found, l)
		}
	}
	// Of a jar with all dependencies and one without, the larger one runs.
	slices.SortFunc(found, func(x, y launchable) int {
		if (x.kind == bootJar) != (y.kind == bootJar) {
			if x.kind == bootJar {
				return -1
			}
			return 1
		}
		return int(min(max(y.size-x.size, -1), 1))
	})
	program, err := b.program(module, places)
	if err != nil {
		return launchable{}, err
	}
	switch {
	case len(found) > 0 && (found[0].kind == bootJar || program.path == ""):
		return found[0], nil
	case program.path != "":
		return program, nil
	}
	return launchable{}, nil
}

// judge tells how a jar is started; the zero one is not.
func (b *build) judge(name string) (launchable, error) {
	file := filepath.Join(b.app.dir, name)
	info, err := os.Stat(file)
	if err != nil {
		return launchable{}, err
	}
	j, err := openJar(file)
	if err != nil {
		return launchable{}, fmt.Errorf("reading %s: %w", name, err)
	}
	defer j.Close()
	l := launchable{path: name, size: info.Size()}
	switch {
	case j.manifest.get("Main-Class") == "":
		return launchable{}, nil
	case j.manifest.get("Start-Class") != "" && j.has("BOOT-INF/classes/") && !strings.HasSuffix(j.manifest.get("Main-Class"), "PropertiesLauncher"):
		l.kind = bootJar
	default:
		l.kind = executable
	}
	return l, nil
}

// program is the directory that Gradle's installDist made.
func (b *build) program(module string, places outputPlaces) (launchable, error) {
	if places.installed == "" {
		return launchable{}, nil
	}
	entries, err := os.ReadDir(filepath.Join(b.app.dir, module, places.installed))
	if errors.Is(err, fs.ErrNotExist) {
		return launchable{}, nil
	}
	if err != nil {
		return launchable{}, err
	}
	for _, entry := range entries {
		dir := path.Join(module, places.installed, entry.Name())
		if script, err := startScript(filepath.Join(b.app.dir, dir)); err == nil && script != "" {
			return launchable{kind: installation, path: dir, module: module}, nil
		}
	}
	return launchable{}, nil
}

// startScript is the name of the one start script in an installation.
func startScript(dir string) (string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, "bin"))
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		if path.Ext(entry.Name()) != ".bat" && entry.Type().IsRegular() {
			return entry.Name(), nil
		}
	}
	return "", nil
}
