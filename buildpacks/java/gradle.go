package java

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/url"
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
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/runtime/maven"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// distributionsVariable names a mirror of Gradle's distributions: the directory
// in which gradle-VERSION-bin.zip lies.
const distributionsVariable = "SLUGC_GRADLE_DISTRIBUTIONS"

// gradlePlaces are where Gradle builds.
var gradlePlaces = outputPlaces{
	made: []string{"build", ".gradle"}, jars: "build/libs", quarkus: "build/quarkus-app", installed: "build/install",
	classes: []string{"build/classes/java/main", "build/classes/kotlin/main", "build/classes/groovy/main", "build/classes/scala/main", "build/resources/main"},
}

// gradleTool builds an app with Gradle.
type gradleTool struct {
	b *build
	gradleWrapper
	// file is the distribution in the app, "" when it is at an address.
	file      string
	address   *url.URL
	slot      layer.Slot
	described map[string]string
	// home is the layer of Gradle's user home.
	home layer.Slot
}

func (b *build) newGradle() (*gradleTool, error) {
	g := &gradleTool{b: b, gradleWrapper: b.app.gradle}
	if err := b.app.lockThere(); err != nil {
		return nil, err
	}
	if err := g.locate(); err != nil {
		return nil, err
	}
	g.described = map[string]string{"version": g.version, "stated": g.sha256}
	var err error
	if g.slot, err = layer.Open(b.Layers, toolLayer, libcnb.LayerTypes{Cache: true}, layout+"/gradle"); err != nil {
		return nil, err
	}
	g.home, err = layer.Open(b.Layers, repositoryLayer, libcnb.LayerTypes{Cache: true}, layout+"/gradle")
	return g, err
}

// locksAll is how a build says that it locks the versions of all packages, and
// lockElsewhere that it does so in a file of another name.
var (
	locksAll      = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\blockAllConfigurations\s*\(\s*\)`) })
	lockElsewhere = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\blockFile\b`) })
	wantsPackages = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^\s*dependencies\s*\{`) })
)

// lockThere refuses an app that locks its versions, and whose lock file is not
// there: Gradle would take any.
func (a app) lockThere() error {
	text := withoutComments(a.buildText)
	if !locksAll().MatchString(text+a.builds.shared) || lockElsewhere().MatchString(text+a.builds.shared) || !wantsPackages().MatchString(text) {
		return nil
	}
	// Before Gradle 7 there was a file for each configuration.
	found, err := appfile.Found(a.ownDir(), "gradle.lockfile", "gradle/dependency-locks")
	if err != nil || len(found) > 0 {
		return err
	}
	return appfile.Error("there is no gradle.lockfile\n"+
		"%s locks the versions of packages, so the lock file is a part of the app. Make it and commit it:\n"+
		"  %s\n  git add gradle.lockfile\n  git commit -m \"Lock the versions of packages\"\n"+
		"if it is there on your machine, see whether .gitignore or .slugignore lists it", a.buildFile, a.writeLocks())
}

// locate finds where the distribution comes from: a mirror, a file of the app,
// or the wrapper's own address.
func (g *gradleTool) locate() error {
	u, err := url.Parse(g.url)
	if err != nil {
		return appfile.Error("distributionUrl in %s is not an address: %s\nexpected https://HOST/PATH/gradle-%s-bin.zip", wrapperFile, g.url, g.version)
	}
	switch {
	case u.Scheme == "":
		// As Gradle reads it, a path is one beside the wrapper's file.
		name := path.Join(path.Dir(wrapperFile), u.Path)
		if there, err := appfile.Exists(g.b.app.dir, name); err != nil || there {
			g.file = filepath.Join(g.b.app.dir, name)
			return err
		}
	case u.Scheme == "file":
		g.file = u.Path
		return nil
	case u.Scheme != "https" && u.Scheme != "http":
		return appfile.Error("distributionUrl in %s is not an address that can be asked: %s\nexpected https://HOST/PATH/gradle-%s-bin.zip", wrapperFile, download.Redacted(g.url), g.version)
	}
	if mirror := strings.TrimSpace(g.b.Env[distributionsVariable]); mirror != "" {
		m, err := url.Parse(mirror)
		if err != nil || m.Host == "" {
			return appfile.Error("%s is not an address: %s\nexpected https://HOST/PATH", distributionsVariable, download.Redacted(mirror))
		}
		g.address = m.JoinPath(path.Base(u.Path))
		return nil
	}
	if u.Scheme == "" {
		return appfile.Error("distributionUrl in %s is the path %s, and there is no such file\nadd it, write an address, or name a mirror that has it:\n  slugc build -e %s=https://HOST/PATH",
			wrapperFile, g.url, distributionsVariable)
	}
	g.address = u
	return nil
}

func (g *gradleTool) name() string { return "Gradle " + g.version }

func (g *gradleTool) outputs() outputPlaces { return gradlePlaces }

// inputs implements buildTool.
func (g *gradleTool) inputs(k *layer.Key) error {
	k.Add("gradle", g.version)
	return nil
}

func (g *gradleTool) layer() libcnb.Layer { return g.slot.Describe(g.described, nil) }

// keep implements buildTool.
func (g *gradleTool) keep() ([]libcnb.Layer, error) {
	return []libcnb.Layer{g.layer(), g.home.Describe(nil, g.home.Old)}, nil
}

// install implements buildTool.
func (g *gradleTool) install(ctx context.Context) error {
	from := fmt.Sprintf("distributionUrl in %s", wrapperFile)
	kept, why := g.slot.Keeps(g.described)
	if kept {
		g.b.Print.Detail("Gradle %s (%s), from the cache", g.version, from)
		return nil
	}
	g.b.Print.Detail("Gradle %s (%s)", g.version, from)
	archive := g.file
	if archive == "" {
		archive = g.b.Scratch.Path("gradle.zip")
		if err := g.b.Download("Gradle", g.version, why, func(progress func(done, total int64)) error { return g.save(ctx, archive, progress) }); err != nil {
			return err
		}
	} else if err := g.check(archive); err != nil {
		return err
	}
	fresh := g.b.Scratch.Path("gradle")
	if err := unpackTool(archive, fresh); err != nil {
		return &download.Error{Fault: download.Registry, Err: fmt.Errorf("unpacking Gradle %s: %w", g.version, err)}
	}
	if err := g.b.Scratch.Replace(g.slot.Layer.Path, "", fresh); err != nil {
		return fmt.Errorf("installing Gradle: %w", err)
	}
	g.b.Whole(g.layer())
	return nil
}

// check verifies a distribution that is a file of the app.
func (g *gradleTool) check(archive string) error {
	f, err := os.Open(archive)
	if err != nil {
		return appfile.Error("distributionUrl in %s names a file that cannot be read: %w", wrapperFile, err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return fmt.Errorf("reading Gradle %s: %w", g.version, err)
	}
	return maven.Stated("Gradle "+g.version, g.sha256, sum.Sum(nil))
}

// save downloads the distribution and checks it against the wrapper's checksum,
// else against the one that lies beside it.
func (g *gradleTool) save(ctx context.Context, archive string, progress func(done, total int64)) (err error) {
	fetcher := g.b.Fetcher
	if fetcher == nil {
		config, err := maven.Load(g.b.Env)
		if err != nil {
			return err
		}
		client, err := config.Network().Client()
		if err != nil {
			return err
		}
		fetcher = download.NewFetcher(client)
	}
	stated := g.sha256
	if stated == "" {
		data, err := fetcher.Document(ctx, download.Request{URL: g.address.String() + ".sha256", Limit: 1 << 10})
		if err != nil && !download.NotFound(err) {
			return g.unreachable(err)
		}
		stated, _, _ = strings.Cut(strings.TrimSpace(string(data)), " ")
		if stated == "" {
			return appfile.Error("there is no checksum of Gradle %s: neither distributionSha256Sum in %s, nor a file beside the distribution\n"+
				"state the one that Gradle publishes:\n  ./gradlew wrapper --gradle-version %s --gradle-distribution-sha256-sum CHECKSUM", g.version, wrapperFile, g.version)
		}
	}
	to, err := os.Create(archive)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	from, err := fetcher.Open(ctx, download.Request{URL: g.address.String(), Limit: maxToolBytes, Progress: progress})
	if err != nil {
		return g.unreachable(err)
	}
	defer from.Close()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(to, sum), from); err != nil {
		return g.unreachable(err)
	}
	return maven.Stated("Gradle "+g.version, stated, sum.Sum(nil))
}

// unreachable says what to do when the distribution cannot be had.
func (g *gradleTool) unreachable(err error) error {
	hint := fmt.Sprintf("%s names the address. Where a mirror has it, name the mirror's directory:\n  slugc build -e %s=https://HOST/PATH", wrapperFile, distributionsVariable)
	switch {
	case download.NotFound(err):
		return appfile.Error("there is no such distribution of Gradle: %w\n%s", err, hint)
	case download.FaultOf(err) == download.Passing:
		return &download.Error{Fault: download.Passing, Err: fmt.Errorf("downloading Gradle: %w\ntry again later. %s", err, hint)}
	}
	return err
}

// tasks are what Gradle is to do: what a setting says, the task stage, or what
// the plugins of the app offer.
func (g *gradleTool) tasks() ([]string, error) {
	if text := g.b.Env["BP_GRADLE_BUILD_ARGUMENTS"]; text != "" {
		return words("BP_GRADLE_BUILD_ARGUMENTS", text)
	}
	if text := g.b.Env["GRADLE_TASK"]; text != "" {
		return words("GRADLE_TASK", text)
	}
	a := g.b.app
	module := a.gradlePath
	if named := g.b.Env["BP_GRADLE_BUILT_MODULE"]; named != "" {
		module += ":" + strings.Trim(strings.ReplaceAll(named, "/", ":"), ":")
	}
	if module != "" {
		module += ":"
	}
	// What the files that all projects share have in them is of one of them.
	for _, text := range []string{a.builds.parts(a.whole), a.builds.shared} {
		text = a.builds.withPlugins(text)
		for _, known := range gradleTasks {
			if known.pattern.MatchString(text) {
				tasks := strings.Fields(known.tasks)
				tasks[0] = module + tasks[0]
				return tasks, nil
			}
		}
	}
	return []string{module + "build", "-x", "test"}, nil
}

// gradleTasks are the tasks by what a build file has in it, the more special
// first.
var gradleTasks = []struct {
	pattern *regexp.Regexp
	tasks   string
}{
	{regexp.MustCompile(`(?m)task\s*\(?\s*["']?stage\b|tasks\.(?:register|create)\s*[(<]?[^\n]*["']stage["']|val stage by tasks`), "stage"},
	{regexp.MustCompile(`io\.quarkus`), "quarkusBuild"},
	{regexp.MustCompile(`org\.springframework\.boot`), "bootJar"},
	{regexp.MustCompile(`com\.github\.johnrengelman\.shadow|com\.gradleup\.shadow|io\.ktor\.plugin`), "shadowJar"},
	{regexp.MustCompile("(?m)[\"'`]application[\"'`]|^\\s*application\\s*$|io\\.micronaut\\.application"), "installDist"},
}

// run implements buildTool. Where nothing that decides the packages changed,
// Gradle is told to ask nobody.
func (g *gradleTool) run(ctx context.Context, jdk language.Installed) ([]libcnb.Layer, error) {
	b := g.b
	tasks, err := g.tasks()
	if err != nil {
		return nil, err
	}
	wanted, err := g.wanted()
	if err != nil {
		return nil, err
	}
	moving := b.app.moving()
	if len(moving) > 0 {
		b.Print.Warn("Some versions are not one version, so another build may take others:\n  %s\nName one version of each, or lock them:\n  %s", strings.Join(moving, "\n  "), b.app.writeLocks())
	}
	env, err := b.toolEnv(jdk, nil)
	if err != nil {
		return nil, err
	}
	env["GRADLE_USER_HOME"] = g.home.Layer.Path
	env["GRADLE_OPTS"] = strings.TrimSpace(env["GRADLE_OPTS"] + " -Duser.home=" + env["HOME"])
	args := append([]string{"--no-daemon", "--console=plain"}, tasks...)
	led, err := b.leadGradle()
	if err != nil {
		return nil, err
	}
	if led != "" {
		args = append([]string{"--init-script", led}, args...)
	}
	// What Gradle did not find it would not look for again.
	missed := g.home.Old[missedNote] != ""
	if missed {
		args = append([]string{"--refresh-dependencies"}, args...)
	}
	b.Whole(g.home.Describe(nil, noted(g.home, "wanted", missedNote)))
	start := b.Now()
	if g.home.There && len(moving) == 0 && !missed && g.home.Old["wanted"] == wanted {
		b.Print.Detail("Running gradle --offline %s (its files are those of the last build)", strings.Join(tasks, " "))
		output, err := g.gradle(ctx, env, append([]string{"--offline"}, args...))
		if err == nil {
			return g.built(start, wanted)
		}
		if exit, ended := failure.Ended(err); !ended || exit.Signal != 0 || !strings.Contains(output.Text(), "offline mode") {
			return nil, g.explain(err, output)
		}
		b.Print.Detail("Gradle wants something that it did not want last time, so it may ask for it")
	}
	why := "its files changed"
	if !g.home.There {
		why = "no packages are in the cache"
	}
	b.Print.Detail("Running gradle %s (%s)", strings.Join(tasks, " "), why)
	output, err := g.gradle(ctx, env, args)
	if err != nil {
		if strings.Contains(output.Text(), "Could not find ") {
			b.Whole(g.home.Describe(nil, map[string]string{missedNote: "true"}))
		}
		return nil, g.explain(err, output)
	}
	return g.built(start, wanted)
}

// missedNote says of Gradle's user home that a build missed packages.
const missedNote = "missed"

// wanted is a checksum over what decides which packages Gradle wants.
func (g *gradleTool) wanted() (string, error) {
	k := &layer.Key{}
	k.Add("gradle", g.version)
	for _, module := range slices.Concat([]string{""}, g.b.app.modules, g.b.app.others) {
		for _, name := range []string{"build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts", "gradle.properties", "gradle.lockfile", "gradle", "buildSrc"} {
			if err := k.AddTree(g.b.app.dir, path.Join(module, name)); err != nil {
				return "", err
			}
		}
	}
	for _, name := range sortedKeys(g.b.Env) {
		if strings.HasPrefix(name, "GRADLE_") || strings.HasPrefix(name, "ORG_GRADLE_") || strings.HasPrefix(name, "BP_GRADLE_") {
			k.Add(name, g.b.Env[name])
		}
	}
	return k.Sum(), nil
}

func (g *gradleTool) built(start time.Time, wanted string) ([]libcnb.Layer, error) {
	g.b.Print.Detail("Built in %s", report.Duration(g.b.Now().Sub(start).Round(10*time.Millisecond)))
	return []libcnb.Layer{g.layer(), g.home.Describe(nil, map[string]string{"wanted": wanted})}, nil
}

func (g *gradleTool) gradle(ctx context.Context, env map[string]string, args []string) (*tool.Tail, error) {
	lines := g.b.Print.Writer()
	output := tool.NewTail(lines)
	command := append([]string{filepath.Join(g.slot.Layer.Path, "bin", "gradle")}, args...)
	err := g.b.Runner.Run(ctx, tool.Command{Args: command, Dir: g.b.app.rootDir(), Env: env, Output: output})
	lines.Flush()
	return output, err
}

// gradlew is how the app's author starts the wrapper of the build.
func (w whole) gradlew() string {
	if w.member == "" {
		return "./gradlew"
	}
	return w.fromApp("gradlew") + " -p " + w.fromApp("")
}

// writeLocks is the command that writes the lock file of the app.
func (w whole) writeLocks() string {
	task := "dependencies"
	if w.gradlePath != "" {
		task = w.gradlePath + ":" + task
	}
	return w.gradlew() + " " + task + " --write-locks"
}

func (g *gradleTool) explain(err error, output *tool.Tail) error {
	tasks, taskErr := g.tasks()
	if taskErr != nil {
		return taskErr
	}
	retry := g.b.app.gradlew() + " " + strings.Join(tasks, " ")
	causes := append([]failure.Cause{
		{
			// Before what is missing: Gradle says both.
			Pattern: regexp.MustCompile(`PKIX path building failed`), Fault: download.App,
			Why: "a repository's certificate is signed by an authority that this machine does not know, such as a company's own.\n" +
				"Name its certificate file:\n  export SSL_CERT_FILE=/path/to/ca.pem",
		},
		{
			Pattern: regexp.MustCompile(`Dependency lock state for configuration|Resolved '[^']+' which is not part of the dependency lock state|Did not resolve '([^']+)' which is part of the dependency lock state`), Fault: download.App,
			Why: "gradle.lockfile is out of step with the build file. Update it and commit it:\n  " + g.b.app.writeLocks() + "\n  git add gradle.lockfile\n  git commit -m \"Update gradle.lockfile\"",
		},
		{
			Pattern: regexp.MustCompile(`Cannot find a Java installation|No matching toolchains? (?:found|could)|No locally installed toolchains match`), Fault: download.App,
			Why: "the toolchain that the build file asks for is not there. The build has one JDK: ask for that release, or build with the one that the toolchain wants:\n" +
				"  echo java.runtime.version=RELEASE > system.properties\n  git add system.properties",
		},
		{
			Pattern: regexp.MustCompile(`Could not compile (?:build|settings|initialization|script) file|Script compilation errors?:|A problem occurred evaluating|startup failed`), Fault: download.App,
			Why: "Gradle does not accept a build file of the app. See what it says:\n  ./gradlew help",
		},
		{
			Pattern: regexp.MustCompile(`Task '([^']+)' (?:is ambiguous|not found)`), Fault: download.App,
			Why: "the app has no task $1. Add one that builds what is started, or name another one:\n  slugc build -e GRADLE_TASK=TASK",
		},
		{
			Pattern: regexp.MustCompile(`Plugin \[id: '([^']+)'[^\n]*was not found`), Fault: download.App,
			Why: "the plugin $1 is in none of the plugin repositories. Where a mirror has it, name the mirror in settings.gradle:\n  pluginManagement { repositories { maven { url = \"https://HOST/PATH\" } } }",
		},
		{
			Pattern: regexp.MustCompile(`Compilation failed; see the compiler|Compilation error`), Fault: download.App,
			Why: "the app does not compile. See it fail on your machine:\n  " + retry,
		},
	}, javaCauses()...)
	causes = append(causes, packageCauses(
		"Name them in the build file's repository by variables of the build, and give it those:\n  slugc build --secret ...\n"+
			"or, for a mirror, in a <server> of Maven's settings.xml, with the id of the mirror",
		"If it is a private one, name its repository in the build file. See what is missing:\n  ./gradlew dependencies")...)
	return failure.Explain(failure.Failure{
		What: "gradle failed", Err: err, Output: output, Unknown: "see it fail on your machine:\n  " + retry,
	}, append(causes, failure.Common()...))
}
