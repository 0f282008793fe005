package java

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/buildpacks/libcnb/v2"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/runtime"
)

// layout is the version of what this buildpack puts into its layers.
const layout = "1"

// The layers; see the package's documentation.
const (
	jdkLayer          = "jdk"
	jreLayer          = "jre"
	toolLayer         = "build-tool"
	repositoryLayer   = "packages"
	dependenciesLayer = "dependencies"
	applicationLayer  = "application"
)

// Build returns bin/build (CNB Buildpack API, "Phase #3: Build"); see
// language.Func for its errors.
func Build(ctx context.Context, h language.Helpers) libcnb.BuildFunc {
	return language.Func(ctx, h, func(ctx context.Context, common *language.Build) (libcnb.BuildResult, error) {
		known, err := readReleases(TOML)
		if err != nil {
			return libcnb.BuildResult{}, err
		}
		b := &build{Build: common, releases: known, registries: common.Registries}
		return b.run(ctx)
	})
}

// build is one run of bin/build.
type build struct {
	*language.Build
	releases releases
	// registries sets up where Java comes from.
	registries func() error
	app        app
	// tool builds the app: Maven or Gradle.
	tool buildTool
}

// buildTool is Maven or Gradle.
type buildTool interface {
	// name is the tool with its version, for people.
	name() string
	// inputs are what decides what the tool builds, besides the app.
	inputs(k *layer.Key) error
	// keep are the layers of the tool when there is nothing to be built.
	keep() ([]libcnb.Layer, error)
	// install brings the tool into its layer.
	install(ctx context.Context) error
	// run builds the app, of which a person was told, and returns the tool's layers.
	run(ctx context.Context, jdk language.Installed) ([]libcnb.Layer, error)
	// outputs are where the files of a module that were built lie below it, by
	// what they are.
	outputs() outputPlaces
}

// run is the build.
func (b *build) run(ctx context.Context) (libcnb.BuildResult, error) {
	var err error
	if b.app, err = readApp(b.App, b.Env[language.SourceVariable]); err != nil {
		return libcnb.BuildResult{}, err
	}
	for _, text := range []string{b.app.unlisted, b.app.parentElsewhere(b.Env[language.SourceVariable])} {
		if text != "" {
			b.Print.Warn("%s", text)
		}
	}
	wish, err := b.app.wishedJava(b.Env, b.releases)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	if err := b.setAside(); err != nil {
		return libcnb.BuildResult{}, err
	}
	if b.tool, err = b.chooseTool(); err != nil {
		return libcnb.BuildResult{}, err
	}
	if err := b.registries(); err != nil {
		return libcnb.BuildResult{}, err
	}
	b.Print.Step("Installing Java")
	release, err := b.resolveJava(ctx, wish)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	read, err := b.readFiles()
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	key, err := b.key(release, read)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	made, err := b.open(key, read)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	jdk, jre, toolLayers, err := b.make(ctx, made, release, wish)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	result := libcnb.NewBuildResult()
	result.Layers = slices.Concat([]libcnb.Layer{jdk, jre}, toolLayers, made.layers())
	if err := b.finish(made); err != nil {
		return libcnb.BuildResult{}, err
	}
	catalog, err := b.Catalog()
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	result.Layers = append(result.Layers, catalog)
	result.Processes = b.processes(made)
	return result, nil
}

// make brings what is needed: the app's files unless those of the last build
// are right, and beside them the runtime for its processes.
func (b *build) make(ctx context.Context, made *artefacts, release runtime.Release, wish javaWish) (jdk, jre libcnb.Layer, toolLayers []libcnb.Layer, err error) {
	var installed language.Installed
	tools, toolsCtx := errgroup.WithContext(ctx)
	tools.Go(func() (err error) {
		installed, err = b.installJDK(toolsCtx, release, wish)
		return err
	})
	if !made.kept {
		tools.Go(func() error { return b.tool.install(toolsCtx) })
	}
	if err := tools.Wait(); err != nil {
		return jdk, jre, nil, err
	}
	jdk = installed.Layer
	image, err := b.planJRE(installed)
	if err != nil {
		return jdk, jre, nil, err
	}
	// The runtime is made of a fixed set of modules, so it need not wait for
	// the app.
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		jre, err = image.make(ctx)
		return err
	})
	group.Go(func() (err error) {
		b.Print.Step("Building with %s", b.tool.name())
		if made.kept {
			b.Print.Detail("Reusing what was built (nothing changed)")
			toolLayers, err = b.tool.keep()
			return err
		}
		if made.besideChanged() {
			b.Print.Detail("The app is as it was, but something beside it in the source changed")
		}
		if toolLayers, err = b.tool.run(ctx, installed); err != nil {
			return err
		}
		return b.collect(made)
	})
	return jdk, jre, toolLayers, group.Wait()
}

// chooseTool reads what the app and the build say about its build tool.
func (b *build) chooseTool() (buildTool, error) {
	if b.app.isMaven() {
		return b.newMaven()
	}
	return b.newGradle()
}

// setAside takes away what was built elsewhere and came with the app: the tools
// would take it for their own.
func (b *build) setAside() error {
	places := mavenPlaces
	if !b.app.isMaven() {
		places = gradlePlaces
	}
	var found []string
	for _, module := range b.app.modules {
		for _, name := range places.made {
			found = append(found, filepath.Join(module, name))
		}
	}
	for _, name := range append(found, filepath.Join(b.app.member, ".jdk")) {
		there, err := isDir(filepath.Join(b.app.dir, name))
		if err != nil {
			return fmt.Errorf("looking for %s: %w", name, err)
		}
		if !there {
			continue
		}
		if err := b.Scratch.Discard(filepath.Join(b.app.dir, name)); err != nil {
			return fmt.Errorf("removing %s: %w", name, err)
		}
		what := "What it holds was built elsewhere, so it is built anew."
		if filepath.Base(name) == ".jdk" {
			what = "slugc installs Java from the stack's packages, so it is passed over. " + pinHint(b.releases.Default)
		}
		b.Print.Warn("%s came with the app. %s\nIf git has it, take it out:\n  git rm -r --cached %s\n  echo %s/ >> .gitignore", b.app.fromApp(name), what, b.app.fromApp(name), filepath.Base(name))
	}
	return nil
}

// key is a checksum over all that decides what the build makes: the app, the
// JDK, the tool, and the environment.
func (b *build) key(jdk runtime.Release, read files) (string, error) {
	k := &layer.Key{}
	k.Add("java", jdk.Integrity)
	k.Add("arch", b.Arch)
	k.Add("distro", b.Distro)
	if b.app.member != "" {
		k.Add("app", b.app.member)
	}
	if err := b.tool.inputs(k); err != nil {
		return "", err
	}
	for _, name := range slices.Sorted(maps.Keys(b.Env)) {
		if !passing(name) {
			k.Add("env "+name, b.Env[name])
		}
	}
	k.Add("files", read.app)
	k.Add("beside", read.beside)
	return k.Sum(), nil
}

// passing tells whether a variable has no say in what is built: where things
// are on this machine, and what only this buildpack reads.
func passing(name string) bool {
	for _, prefix := range []string{"CNB_", "SLUGC_", "npm_config_", "NPM_CONFIG_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	switch name {
	case "HOME", "PWD", "OLDPWD", "TMPDIR", "HOSTNAME", "TERM", "SHLVL", "_", "SSL_CERT_FILE", "GOENV",
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy":
		return true
	}
	return false
}
