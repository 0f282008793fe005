package java

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
)

// outputTimestamp is the property by which Maven's plugins give files in jars
// one time (Maven, "Configuring for Reproducible Builds").
const outputTimestamp = "project.build.outputTimestamp"

// mavenPlaces are where Maven builds.
var mavenPlaces = outputPlaces{made: []string{"target"}, jars: "target", quarkus: "target/quarkus-app", classes: []string{"target/classes"}}

func (m *mavenTool) outputs() outputPlaces { return mavenPlaces }

// strictChecksums refuses what has another checksum than the repository says.
const strictChecksums = "--strict-checksums"

// patience is how long Maven waits for a repository that says nothing, in
// milliseconds.
const patience = "60000"

// arguments are those of mvn, without -o.
func (m *mavenTool) arguments() ([]string, error) {
	args := []string{"-B", "-Dmaven.repo.local=" + filepath.Join(m.packages.Layer.Path, "repository")}
	options, err := words("MAVEN_CUSTOM_OPTS", orElse(m.b.Env["MAVEN_CUSTOM_OPTS"], "-DskipTests"))
	if err != nil {
		return nil, err
	}
	// Older ones know no such option.
	if compareNumbers(m.version, "3.6.1") >= 0 {
		args = append(args, "--no-transfer-progress")
	}
	// Maven 3 by itself builds with what has another checksum than it should have,
	// and waits half an hour for a repository that says nothing.
	for _, name := range []string{"aether.connector.requestTimeout", "aether.transport.http.requestTimeout"} {
		args = append(args, "-D"+name+"="+patience)
	}
	if !slices.Contains(options, "-c") && !slices.Contains(options, "--lax-checksums") {
		args = append(args, strictChecksums)
	}
	if m.global != "" {
		args = append(args, "-gs", m.global)
	}
	if m.settings != "" {
		args = append(args, "-s", m.settings)
	}
	if root := m.b.app.poms[m.b.app.root]; root.Properties[outputTimestamp] == "" {
		args = append(args, "-D"+outputTimestamp+"="+m.b.date().Format(time.RFC3339))
	}
	if named := m.b.Env["BP_MAVEN_BUILD_ARGUMENTS"]; named != "" {
		words, err := words("BP_MAVEN_BUILD_ARGUMENTS", named)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(words, "-pl") && !slices.Contains(words, "--projects") {
			args = append(args, m.selected()...)
		}
		return append(args, words...), nil
	}
	goals, err := words("MAVEN_CUSTOM_GOALS", orElse(m.b.Env["MAVEN_CUSTOM_GOALS"], "package"))
	if err != nil {
		return nil, err
	}
	args = append(args, options...)
	args = append(args, m.selected()...)
	return append(args, goals...), nil
}

// selected are the arguments that name what is built of the reactor: a module that
// a setting names, or the app, each with the modules that it needs; none where the
// app is all of it.
func (m *mavenTool) selected() []string {
	a := m.b.app
	var modules []string
	if module := m.b.Env["BP_MAVEN_BUILT_MODULE"]; module != "" {
		// One that begins with a colon is an artifact.
		if !strings.HasPrefix(module, ":") {
			module = a.fromRoot(path.Join(a.member, module))
		}
		modules = []string{module}
	} else if a.member != a.root {
		for _, name := range a.modules {
			if a.isPart(name) {
				modules = append(modules, a.fromRoot(name))
			}
		}
	}
	if len(modules) == 0 {
		return nil
	}
	return []string{"-pl", strings.Join(modules, ","), "-am"}
}

// date is the time that files of jars get: that of SOURCE_DATE_EPOCH, else one
// that zip files can hold in every time zone.
func (b *build) date() time.Time {
	if seconds, err := time.ParseDuration(b.Env["SOURCE_DATE_EPOCH"] + "s"); err == nil && seconds > 0 {
		if date := time.Unix(int64(seconds.Seconds()), 0).UTC(); date.After(firstDate) {
			return date
		}
	}
	return firstDate
}

var firstDate = time.Date(1980, time.February, 1, 0, 0, 0, 0, time.UTC)

func orElse(text, other string) string {
	if strings.TrimSpace(text) == "" {
		return other
	}
	return text
}

// word is one of a line as a shell reads it, with quotes.
var word = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?:[^\s"']|"[^"]*"|'[^']*')+`) })

// words are those of a setting.
func words(name, text string) ([]string, error) {
	if strings.Count(text, `"`)%2 == 1 || strings.Count(text, `'`)%2 == 1 {
		return nil, appfile.Error("%s has a quote without an end: %s", name, text)
	}
	found := word().FindAllString(text, -1)
	for i, w := range found {
		found[i] = strings.NewReplacer(`"`, "", `'`, "").Replace(w)
	}
	return found, nil
}

// run implements buildTool. Where the packages for the same poms are there, Maven
// is told to ask nobody.
func (m *mavenTool) run(ctx context.Context, jdk language.Installed) ([]libcnb.Layer, error) {
	b := m.b
	poms, err := m.poms()
	if err != nil {
		return nil, err
	}
	args, err := m.arguments()
	if err != nil {
		return nil, err
	}
	moving := b.app.moving()
	if len(moving) > 0 {
		b.Print.Warn("Some versions are not one version, so another build may take others:\n  %s\nName one version of each.", strings.Join(moving, "\n  "))
	}
	// Few builds are so long that Java's second compiler pays.
	options := orElse(b.Env["MAVEN_JAVA_OPTS"], "-XX:+UseSerialGC -XX:TieredStopAtLevel=1")
	env, err := b.toolEnv(jdk, map[string]string{"MAVEN_OPTS": options})
	if err != nil {
		return nil, err
	}
	b.Whole(m.packages.Describe(nil, noted(m.packages, "poms")))
	start := b.Now()
	had := m.packages.There
	// Whoever wants the newest snapshot has to ask for it.
	if had && len(moving) == 0 && m.packages.Old["poms"] == poms {
		b.Print.Detail("Running mvn -o %s (the poms are those of the last build)", shown(args))
		output, err := m.mvn(ctx, env, append([]string{"-o"}, args...))
		if err == nil {
			return m.built(start, poms)
		}
		if exit, ended := failure.Ended(err); !ended || exit.Signal != 0 || !needsNetwork().MatchString(output.Text()) {
			return nil, m.explain(err, output)
		}
		b.Print.Detail("Maven wants something that it did not want last time, so it may ask for it")
	}
	why := "the poms changed"
	switch {
	case !had:
		why = "no packages are in the cache"
	case len(moving) > 0:
		why = "some versions may have moved"
	}
	b.Print.Detail("Running mvn %s (%s)", shown(args), why)
	output, err := m.mvn(ctx, env, args)
	if err != nil {
		return nil, errors.Join(m.explain(err, output), m.forget())
	}
	return m.built(start, poms)
}

// forget removes the notes in Maven's repository about what could not be had:
// with them, Maven does not ask again until tomorrow.
func (m *mavenTool) forget() error {
	root := filepath.Join(m.packages.Layer.Path, "repository")
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(file) != ".lastUpdated" {
			return err
		}
		return os.Remove(file)
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("tidying Maven's repository: %w", err)
	}
	return nil
}

// needsNetwork is what Maven says when something is not in its repository and it
// must not ask.
var needsNetwork = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)in offline mode|system is offline|has not been downloaded from it before`)
})

func (m *mavenTool) built(start time.Time, poms string) ([]libcnb.Layer, error) {
	m.b.Print.Detail("Built in %s", report.Duration(m.b.Now().Sub(start).Round(10*time.Millisecond)))
	return []libcnb.Layer{m.layer(), m.packages.Describe(nil, map[string]string{"poms": poms})}, nil
}

// shown are arguments as a person would type them: without what says where
// things lie.
func shown(args []string) string {
	var kept []string
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-s" || args[i] == "-gs":
			i++
		case strings.HasPrefix(args[i], "-Daether."), args[i] == strictChecksums:
		case strings.HasPrefix(args[i], "-Dmaven.repo.local="), strings.HasPrefix(args[i], "-D"+outputTimestamp), args[i] == "-B", args[i] == "--no-transfer-progress":
		default:
			kept = append(kept, args[i])
		}
	}
	return strings.Join(kept, " ")
}

func (m *mavenTool) mvn(ctx context.Context, env map[string]string, args []string) (*tool.Tail, error) {
	lines := m.b.Print.Writer()
	output := tool.NewTail(lines)
	command := append([]string{filepath.Join(m.slot.Layer.Path, "bin", "mvn")}, args...)
	err := m.b.Runner.Run(ctx, tool.Command{Args: command, Dir: m.b.app.rootDir(), Env: env, Output: output})
	lines.Flush()
	return output, err
}

// toolEnv is the environment for a build tool: the build's own, with the JDK in
// front, and some settings for want of the person's.
func (b *build) toolEnv(jdk language.Installed, defaults map[string]string) (map[string]string, error) {
	env := jdk.Use.Environ(b.Env)
	home, err := b.Scratch.Home("")
	if err != nil {
		return nil, fmt.Errorf("making room for the build: %w", err)
	}
	env["HOME"] = home
	env["CI"] = "true"
	for name, value := range defaults {
		if env[name] == "" {
			env[name] = value
		}
	}
	// What Java calls the home is not HOME, but that of the user's entry.
	env["MAVEN_OPTS"] = strings.TrimSpace(env["MAVEN_OPTS"] + " -Duser.home=" + home)
	if env["LANG"] == "" && env["LC_ALL"] == "" {
		env["LANG"] = "C.UTF-8"
	}
	return env, os.MkdirAll(home, 0o700)
}
