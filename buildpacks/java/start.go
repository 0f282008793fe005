package java

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/layer"
)

// framework is how a framework is told to which port to listen.
type framework struct {
	name string
	// marker is the beginning of the names of its classes, jars the beginning of
	// the name of its jar.
	marker, jars string
	// options are those of java.
	options string
}

// frameworks are those that slugc knows, the more special first. Others read
// PORT by themselves, or a Procfile tells them.
var frameworks = []framework{
	{"Quarkus", "io/quarkus/runtime/", "io.quarkus.quarkus-core-", "-Dquarkus.http.host=0.0.0.0 -Dquarkus.http.port=${PORT:-8080}"},
	{"Micronaut", "io/micronaut/http/server/", "micronaut-http-server-", "-Dmicronaut.server.port=${PORT:-8080}"},
	{"Helidon", "io/helidon/webserver/", "helidon-webserver-", "-Dserver.port=${PORT:-8080}"},
	{"Dropwizard", "io/dropwizard/core/", "dropwizard-core-", "'-Ddw.server.applicationConnectors[0].port='${PORT:-8080}"},
	{"Spring Boot", "org/springframework/boot/", "spring-boot-", "-Dserver.port=${PORT:-8080}"},
}

// start brings what starts the app into the layers, and returns the command of
// its web process. An app without one is an error unless its Procfile starts
// something else.
func (c collector) start() (string, error) {
	b := c.b
	found, err := b.launchables()
	if err != nil {
		return "", err
	}
	switch {
	case len(found) > 1:
		return "", severalToStart(b.app, found)
	case len(found) == 0 && len(b.app.starts) > 0:
		return "", nil
	case len(found) == 0:
		return "", c.nothingToStart()
	}
	l := found[0]
	b.Print.Detail("%s is %s", l.path, l.kind)
	from := filepath.Join(b.app.dir, l.path)
	var name string
	switch l.kind {
	case quarkusApp:
		name, err = c.quarkus(from)
	case bootJar:
		name, err = c.boot(from)
	case installation:
		name, err = c.installation(from)
	default:
		name, err = c.jar(from)
	}
	if err != nil {
		return "", fmt.Errorf("collecting %s: %w", l.path, err)
	}
	known, err := c.framework(l.kind)
	if err != nil {
		return "", err
	}
	return c.command(l.kind, known, filepath.Join(c.home, name))
}

// framework is the one that the app is written with, zero for none that is
// known.
func (c collector) framework(k kind) (framework, error) {
	switch k {
	case quarkusApp:
		return frameworks[0], nil
	case bootJar:
		return frameworks[len(frameworks)-1], nil
	}
	var jars []string
	for _, dir := range []string{c.application, c.dependencies} {
		for _, pattern := range []string{"*.jar", jarsDir + "/*.jar", "program/lib/*.jar"} {
			found, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil {
				return framework{}, err
			}
			jars = append(jars, found...)
		}
	}
	for _, known := range frameworks {
		for _, file := range jars {
			if strings.HasPrefix(filepath.Base(file), known.jars) {
				return known, nil
			}
			if info, err := os.Lstat(file); err != nil || !info.Mode().IsRegular() {
				continue
			}
			j, err := openJar(file)
			if err != nil {
				continue // something else that is called so
			}
			has := j.has(known.marker)
			if err := j.Close(); err != nil {
				return framework{}, err
			}
			if has {
				return known, nil
			}
		}
	}
	return framework{}, nil
}

// command is what starts the web process.
func (c collector) command(k kind, known framework, file string) (string, error) {
	if known.name != "" {
		c.b.Print.Detail("It is written with %s", known.name)
	}
	if k == installation {
		if known.options == "" {
			return file, nil
		}
		return "JAVA_OPTS=\"" + known.options + " $JAVA_OPTS\" " + file, nil
	}
	words := []string{"java", known.options, "$JAVA_OPTS -jar", file}
	if known.name == "Dropwizard" {
		config, err := appfile.Found(c.b.app.ownDir(), "config.yml", "config.yaml")
		if err != nil {
			return "", err
		}
		words = append(append(words, "server"), config...)
	}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " "), nil
}

func severalToStart(a app, found []launchable) error {
	var lines, modules []string
	for _, l := range found {
		lines = append(lines, "  "+a.fromApp(l.path))
		modules = append(modules, a.fromApp(l.module))
	}
	variable := "BP_MAVEN_BUILT_MODULE"
	if !a.isMaven() {
		variable = "BP_GRADLE_BUILT_MODULE"
	}
	return appfile.Error("several modules of the app can be started:\n%s\nsay which one is the web process, by its module:\n  slugc build -e %s=%s\n"+
		"or in a Procfile:\n  echo 'web: java $JAVA_OPTS -jar %s' > Procfile",
		strings.Join(lines, "\n"), variable, modules[0], a.fromApp(found[0].path))
}

// nothingToStart says why there is nothing to be started.
func (c collector) nothingToStart() error {
	var jars, wars []string
	for _, module := range c.b.app.modules {
		for ext, list := range map[string]*[]string{"jar": &jars, "war": &wars} {
			found, err := filepath.Glob(filepath.Join(c.b.app.dir, module, c.b.tool.outputs().jars, "*."+ext))
			if err != nil {
				return err
			}
			for _, file := range found {
				if rel, err := filepath.Rel(c.b.app.ownDir(), file); err == nil {
					*list = append(*list, rel)
				}
			}
		}
	}
	how := "with Maven, let maven-shade-plugin or maven-assembly-plugin make a jar with a Main-Class and all dependencies, or use the plugin of the framework."
	if !c.b.app.isMaven() {
		how = "with Gradle, use the plugin application, Shadow's, or that of the framework."
	}
	procfile := "Or say how the app starts, in a Procfile:\n  echo 'web: java $JAVA_OPTS -cp target/classes com.example.Main' > Procfile"
	if !c.b.app.isMaven() {
		procfile = "Or say how the app starts, in a Procfile:\n  echo 'web: build/install/NAME/bin/NAME' > Procfile"
	}
	switch {
	case len(wars) > 0:
		return appfile.Error("%s needs a server to run in, and is no program itself\n"+
			"let the app bring its server: Spring Boot's plugin makes a war that can be started, and Jetty and Tomcat can be embedded.\n%s", strings.Join(wars, ", "), procfile)
	case len(jars) > 0:
		return appfile.Error("nothing that was built can be started: %s has no Main-Class in its manifest\n%s\n%s", strings.Join(jars, ", "), how, procfile)
	}
	return appfile.Error("the build made no jar\nexpected one in %s\n%s\n%s", c.b.tool.outputs().jars, how, procfile)
}

// buildCommand is a command of a Procfile that wants the build tool.
var buildCommand = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?:^|[\s;&|])(?:\./)?(mvnw?|gradlew?)\s`) })

// named brings the files that were built and that the Procfile names, and
// returns their paths.
func (c collector) named() ([]string, error) {
	made := map[string]bool{}
	for _, module := range c.b.app.modules {
		for _, name := range c.b.tool.outputs().made {
			made[path.Join(module, name)] = true
		}
	}
	var links []string
	for _, process := range sortedKeys(c.b.app.starts) {
		command := c.b.app.starts[process]
		if match := buildCommand().FindStringSubmatch(command + " "); match != nil {
			c.b.Print.Warn("the process %s in the Procfile starts %s, which is there only while the app is built.\nStart what it builds:\n  %s: java $JAVA_OPTS -jar %s/NAME.jar",
				process, match[1], process, c.b.tool.outputs().jars)
		}
		for _, name := range builtNames(c.b.app.member, command, made) {
			found, err := c.bring(name)
			if err != nil {
				return nil, err
			}
			links = append(links, found...)
		}
	}
	slices.Sort(links)
	return outermost(slices.Compact(links)), nil
}

// pathWord is what may be a path in a command: paths of class paths have colons
// between them.
var pathWord = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[^\s:;"'=$(){}<>|&]+`) })

// builtNames are the paths in a command of the app that lie below directories that
// the build made.
func builtNames(member, command string, made map[string]bool) []string {
	var names []string
	for _, text := range pathWord().FindAllString(command, -1) {
		name := path.Join(member, text)
		for dir := name; dir != "." && dir != "/"; dir = path.Dir(dir) {
			if made[dir] {
				names = append(names, name)
				break
			}
		}
	}
	return names
}

// bring copies what a name in a Procfile stands for to the layer of the app. A
// pattern as a class path has it, or a program in bin, stands for the directory.
func (c collector) bring(name string) ([]string, error) {
	switch {
	case path.Base(name) == "*":
		name = path.Dir(name)
	case path.Base(path.Dir(name)) == "bin":
		name = path.Dir(path.Dir(name))
	}
	matches, err := filepath.Glob(filepath.Join(c.b.app.dir, name))
	if err != nil {
		return nil, nil // no pattern of files
	}
	var brought []string
	for _, match := range matches {
		rel, err := filepath.Rel(c.b.app.dir, match)
		if err != nil {
			return nil, err
		}
		all := []string{rel}
		if filepath.Ext(match) == ".jar" {
			all = append(all, manifestPaths(c.b.app.dir, rel)...)
		}
		for _, one := range all {
			to := filepath.Join(c.application, "files", one)
			if there, err := appfile.Exists(filepath.Dir(to), filepath.Base(to)); err != nil || there {
				continue
			}
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				return nil, err
			}
			if err := layer.CopyTree(filepath.Join(c.b.app.dir, one), to, c.file, nil); err != nil {
				return nil, fmt.Errorf("collecting %s: %w", one, err)
			}
			brought = append(brought, one)
		}
	}
	return brought, nil
}

// manifestPaths are the files beside a jar that its manifest names.
func manifestPaths(dir, name string) []string {
	j, err := openJar(filepath.Join(dir, name))
	if err != nil {
		return nil
	}
	defer j.Close()
	var all []string
	for beside := range strings.FieldsSeq(j.manifest.get("Class-Path")) {
		rel := path.Join(path.Dir(name), beside)
		if info, err := os.Stat(filepath.Join(dir, rel)); err == nil && filepath.IsLocal(rel) && info.Mode().IsRegular() {
			all = append(all, rel)
		}
	}
	return all
}

// outermost leaves out what lies below another one. The names are sorted.
func outermost(names []string) []string {
	var kept []string
	for _, name := range names {
		if !slices.ContainsFunc(kept, func(above string) bool { return layer.Within(above, name) }) {
			kept = append(kept, name)
		}
	}
	return kept
}

// processes are how the app starts.
func (b *build) processes(made *artefacts) []libcnb.Process {
	b.Print.Step("Finding out how the app starts")
	if made.web == "" {
		b.Print.Detail("The Procfile says it")
		return nil
	}
	b.Print.Detail("web: %s", made.web)
	return []libcnb.Process{{Type: "web", Command: []string{"bash", "-c", made.web}, Default: true}}
}
