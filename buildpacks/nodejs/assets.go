package nodejs

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// AssetsTOML is the buildpack.toml of slugc/nodejs-assets, which stands before the
// buildpack of another language: it builds what that one takes along, such as
// pages and style sheets.
//
//go:embed assets.toml
var AssetsTOML []byte

// DetectAssets returns bin/detect of slugc/nodejs-assets: it passes where the
// app needs Node.js beside another language, and otherwise prints to out why that
// goes without.
func DetectAssets(out io.Writer) libcnb.DetectFunc {
	return func(c libcnb.DetectContext) (libcnb.DetectResult, error) {
		dir := c.ApplicationPath
		there, err := appfile.Exists(dir, manifestFile)
		if err != nil {
			return libcnb.DetectResult{}, fmt.Errorf("looking for %s: %w", manifestFile, err)
		}
		why := "no " + manifestFile + " in the app's root, so nothing is built with Node.js"
		if there {
			if why, err = whyNoAssets(dir); err != nil {
				return libcnb.DetectResult{}, err
			}
		}
		asked := libcnb.BuildPlan{Provides: []libcnb.BuildPlanProvide{{Name: nodeName}}}
		if why == "" {
			return libcnb.DetectResult{Pass: true, Plans: []libcnb.BuildPlan{asked, {}}}, nil
		}
		// The language may know better: it sees what of its own runs Node.js.
		others, err := appfile.Found(dir, mayAsk...)
		if err != nil {
			return libcnb.DetectResult{}, err
		}
		if len(others) > 0 {
			return libcnb.DetectResult{Pass: true, Plans: []libcnb.BuildPlan{asked}}, nil
		}
		_, err = fmt.Fprintln(out, why)
		return libcnb.DetectResult{}, err
	}
}

// nodeName is what other buildpacks call Node.js in the build plan. What they say
// of it there: "for", what of the app needs it; "launch", whether processes do;
// and "scripts", whether they run the script "build" themselves.
const nodeName = "node"

// mayAsk are the lock files of languages whose buildpacks ask for Node.js.
var mayAsk = []string{"Gemfile.lock", "gems.locked"}

// need is what the buildpack of another language says of Node.js.
type need struct {
	// by is what needs it, "" when that buildpack does not ask for it.
	by string
	// launch tells that processes need it, scripts that the language runs the
	// app's scripts that build.
	launch, scripts bool
}

// neededBy reads the build plan.
func neededBy(plan libcnb.BuildpackPlan) need {
	var n need
	for _, entry := range plan.Entries {
		if entry.Name != nodeName {
			continue
		}
		by, _ := entry.Metadata["for"].(string)
		launch, _ := entry.Metadata["launch"].(bool)
		scripts, _ := entry.Metadata["scripts"].(bool)
		n = need{by: cmp.Or(by, "another buildpack"), launch: n.launch || launch, scripts: n.scripts || scripts}
	}
	return n
}

// assisted is the app for whose language the build is one part.
func assisted(common *language.Build) (app, error) {
	n := neededBy(common.Plan)
	there, err := appfile.Exists(common.App, manifestFile)
	if err != nil {
		return app{}, fmt.Errorf("looking for %s: %w", manifestFile, err)
	}
	if !there && n.by != "" {
		a := app{dir: common.App, root: workspaceRoot{dir: common.App}, assists: true, need: n}
		err := appfile.RefuseMisspelled(a.dir, "which Node.js to use", versionNames...)
		return a, errors.Join(err, a.readAround())
	}
	a, err := readApp(common.App, common.Env[language.SourceVariable])
	if err != nil {
		return app{}, assistance(err)
	}
	a.assists, a.need = true, n
	if n.scripts {
		for _, name := range []string{"prebuild", "build", "postbuild"} {
			delete(a.manifest.Scripts, name)
		}
	}
	return a, nil
}

// alone tells whether Node.js is all that an app in another language needs: it
// has no package.json.
func (a *app) alone() bool { return a.assists && a.choice.manager == "" }

// nodeAlone brings Node.js and nothing else.
func (b *build) nodeAlone(ctx context.Context, a app) (libcnb.BuildResult, error) {
	asked, err := nodeVersion(a, b.Env, b.releases)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	if _, _, err := nodeRange(asked, b.releases); err != nil {
		return libcnb.BuildResult{}, err
	}
	b.Print.Step("Installing Node.js")
	release, err := b.resolveNode(ctx, asked)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	plan, err := b.planNode(a, *release.Manifest, asked)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	t := toolchain{node: *release.Manifest}
	if t.nodeLayer, _, err = b.installNode(ctx, release, plan); err != nil {
		return libcnb.BuildResult{}, err
	}
	if err := t.bills(); err != nil {
		return libcnb.BuildResult{}, err
	}
	result := libcnb.NewBuildResult()
	catalog, err := b.Catalog()
	result.Layers = append(t.layers(), catalog)
	return result, err
}

// BuildAssets returns bin/build of slugc/nodejs-assets: that of slugc/nodejs
// without a process, and without Node.js in what starts unless the Procfile
// starts it.
func BuildAssets(ctx context.Context, h language.Helpers) libcnb.BuildFunc {
	return language.Func(ctx, h, func(ctx context.Context, common *language.Build) (libcnb.BuildResult, error) {
		return run(ctx, common, true)
	})
}

// assistance adds to an error how the app is built without Node.js.
func assistance(err error) error {
	return fmt.Errorf("%w\nto build the app without Node.js, name its own buildpack: slugc build -b slugc/LANGUAGE", err)
}

// tellAssistance says what Node.js has to do with an app in another language.
func (b *build) tellAssistance(a app) {
	b.Print.Step("Node.js has a part in this app, which is one of another language")
	if a.need.by != "" {
		b.Print.Detail("%s runs it", a.need.by)
	}
	for _, name := range a.manifest.buildScripts() {
		b.Print.Detail("Before the app is built: the script %q of %s", name, manifestFile)
	}
	switch {
	case a.alone() && a.launches():
		b.Print.Detail("Node.js goes along")
	case a.alone():
		b.Print.Detail("Node.js is left out of what starts")
	case startsNode(a.procfile):
		b.Print.Detail("Node.js and the packages go along, since the Procfile starts them")
	case a.launches():
		b.Print.Detail("Node.js and the packages go along")
	default:
		b.Print.Detail("Node.js and the packages are left out of what starts")
	}
}

// whyNoAssets says why an app in another language that has a package.json goes
// without Node.js; "" when it does not.
func whyNoAssets(dir string) (string, error) {
	procfile, err := readProcfile(dir)
	if err != nil {
		return "", err
	}
	m, wrong := readManifest(dir, manifestFile)
	// What is wrong with it is for the build to say.
	if wrong != nil || startsNode(procfile) {
		return "", nil
	}
	scripts := m.buildScripts()
	if len(scripts) == 0 {
		return manifestFile + " has no build script, and no process starts Node.js, so its packages are not installed\n" +
			"if there is something to build with them, say how:\n  npm pkg set scripts.build=\"COMMAND\"", nil
	}
	if !slices.ContainsFunc(scripts, func(name string) bool { return buildsAssets(m.Scripts[name]) }) {
		return fmt.Sprintf("the script %q of %s needs no Node.js: %s", scripts[0], manifestFile, m.Scripts[scripts[0]]), nil
	}
	for _, own := range runsNodeItself {
		data, err := os.ReadFile(filepath.Join(dir, own.file))
		if err == nil && strings.Contains(string(data), own.plugin) {
			return own.file + " has " + own.plugin + ", which runs Node.js itself", nil
		}
	}
	return "", nil
}

// runsNodeItself are plugins of other build tools that bring Node.js and run the
// build script.
var runsNodeItself = []struct{ file, plugin string }{
	{"pom.xml", "frontend-maven-plugin"},
	{"build.gradle", "com.github.node-gradle.node"}, {"build.gradle.kts", "com.github.node-gradle.node"},
	{"build.gradle", "org.siouan.frontend"}, {"build.gradle.kts", "org.siouan.frontend"},
}

// startsNode tells whether a Procfile starts Node.js or a package manager of it.
func startsNode(procfile string) bool { return nodeProcess().MatchString(procfile) }

var nodeProcess = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^[A-Za-z0-9_-]+:?\s(?:.*[\s;&|(])?(?:node|np[mx]|yarn|pnpm|bunx?)\s`)
})

// otherTools are the commands of other languages, for which package.json is but
// a place to note them, and those that do nothing.
var otherTools = []string{
	"go", "cargo", "rustc", "python", "python3", "pip", "poetry", "uv", "manage.py", "./manage.py", "mvn", "./mvnw", "gradle", "./gradlew",
	"bundle", "rake", "rails", "bin/rails", "./bin/rails", "composer", "php", "docker", "docker-compose", "podman",
	"echo", "true", ":", "exit", "cd",
}

// buildsAssets tells whether a script has a command that may be one of Node.js.
func buildsAssets(script string) bool {
	for _, command := range shellCommands().Split(script, -1) {
		words := strings.Fields(command)
		for len(words) > 0 && settingWord().MatchString(words[0]) {
			words = words[1:]
		}
		if len(words) > 0 && !slices.Contains(otherTools, words[0]) {
			return true
		}
	}
	return false
}

var shellCommands = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`&&|\|\||[;|&]`) })
