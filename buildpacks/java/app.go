package java

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// app is an app as its author wrote it, checked.
type app struct {
	whole
	// poms are those of an app of Maven and of all modules beside it, by directory;
	// nil for one of Gradle.
	poms project
	// gradle is the wrapper of an app of Gradle, build its build file with the
	// name, and builds all projects.
	gradle               gradleWrapper
	buildFile, buildText string
	builds               gradleBuild
	// modules are the directories that are built for the app, and others those of
	// modules that it does not need; both sorted.
	modules, others []string
	// starts are the commands of the Procfile by type.
	starts map[string]string
}

func (a app) isMaven() bool { return a.poms != nil }

// readApp reads an app and refuses what cannot be built, before anything is
// downloaded.
func readApp(dir, source string) (app, error) {
	var a app
	var err error
	if a.starts, err = readProcfile(dir); err != nil {
		return app{}, err
	}
	there, err := appfile.Exists(dir, pomFile)
	if err != nil {
		return app{}, fmt.Errorf("looking for %s: %w", pomFile, err)
	}
	wrapped, err := appfile.Found(dir, "gradlew", wrapperFile)
	if err != nil {
		return app{}, fmt.Errorf("looking for Gradle's wrapper: %w", err)
	}
	gradles, err := appfile.Found(dir, slices.Concat(gradleBuilds, gradleSettings)...)
	if err != nil {
		return app{}, fmt.Errorf("looking for Gradle's files: %w", err)
	}
	switch {
	case there && len(gradles) > 0 && len(wrapped) > 0 && !mavenWrapped(dir):
		return app{}, appfile.Error("there are build files of both Maven and Gradle: %s, %s\n"+
			"they may build different things, so slugc does not choose. Keep one:\n"+
			"  git rm %s gradlew gradlew.bat gradle/wrapper/*    # when Maven builds the app\n"+
			"  git rm %s    # when Gradle does", pomFile, strings.Join(gradles, ", "), strings.Join(gradles, " "), pomFile)
	case there:
		if a.whole, a.poms, err = findReactor(dir, source); err != nil {
			return app{}, err
		}
		if a.modules, err = a.needed(a.poms); err != nil {
			return app{}, err
		}
		a.others = without(sortedKeys(a.poms), a.modules)
		return a, nil
	}
	if a.whole, a.builds, err = findGradleBuild(dir, source); err != nil {
		return app{}, err
	}
	if a.gradle, err = readGradleWrapper(a.dir, a.fromApp(wrapperFile)); err != nil {
		return app{}, err
	}
	if a.buildFile, a.buildText, err = gradleFile(dir); err != nil {
		return app{}, err
	}
	a.modules = a.builds.needed(a.whole)
	a.others = without(a.builds.dirs(), a.modules)
	return a, nil
}

// without are the names that are not among others. Both are sorted.
func without(names, others []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, there := slices.BinarySearch(others, name)
		return there
	})
}

// mavenWrapped tells whether Maven's wrapper is there.
func mavenWrapped(dir string) bool {
	found, err := appfile.Found(dir, "mvnw", mavenWrapperFile)
	return err == nil && len(found) > 0
}

// procfileLine is a process type with its command (Heroku, "The Procfile").
var procfileLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^([A-Za-z0-9_-]+):\s*(.+?)\s*$`) })

// readProcfile reads how the app says that it starts. Whether it is in order is
// for the buildpack of Procfiles to say.
func readProcfile(dir string) (map[string]string, error) {
	data, err := appfile.ReadIfThere(dir, "Procfile")
	if err != nil {
		return nil, err
	}
	starts := map[string]string{}
	for _, match := range procfileLine().FindAllSubmatch(data, -1) {
		starts[string(match[1])] = string(match[2])
	}
	return starts, nil
}

// moving are the versions in the app's files that may be others tomorrow.
func (a app) moving() []string {
	var lines []string
	own := map[string]bool{}
	for _, p := range a.poms {
		own[p.ArtifactID] = true
	}
	for _, module := range a.modules {
		if p, is := a.poms[module]; is {
			lines = append(lines, p.moving(a.fromApp(path.Join(module, pomFile)), own)...)
		}
	}
	if a.buildText != "" {
		for _, match := range movingGradle().FindAllStringSubmatch(withoutComments(a.buildText), -1) {
			lines = append(lines, fmt.Sprintf("%s: %s wants %s", match[1], a.buildFile, match[2]))
		}
	}
	return lines
}

// movingGradle is a dependency of Gradle's with a version that stands for
// several.
var movingGradle = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`["']([A-Za-z0-9_.-]+:[A-Za-z0-9_.-]+):([^"':]*\+|latest\.[a-z]+|[^"':]*-SNAPSHOT)["']`)
})
