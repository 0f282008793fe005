package apt

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/sbom"
	"github.com/slugc/slugc/buildpacks/language/version"
	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/stack/download"
)

// TOML is the buildpack.toml.
//
//go:embed buildpack.toml
var TOML []byte

// packagesLayer is the layer of the packages, and layout the version of what goes
// there.
const (
	packagesLayer = "packages"
	layout        = "1"
)

// Detect returns bin/detect: it passes for an app that names packages, and
// otherwise prints to out that it does not.
func Detect(out io.Writer) libcnb.DetectFunc {
	return func(c libcnb.DetectContext) (libcnb.DetectResult, error) {
		l, err := read(c.ApplicationPath)
		// What is wrong with them is for the build to say.
		if err != nil || len(l.files) > 0 {
			return libcnb.DetectResult{Pass: true}, nil
		}
		why, err := appfile.WhyNot(c.ApplicationPath, aptFile)
		if err != nil {
			return libcnb.DetectResult{}, err
		}
		// What is there instead says nothing of packages.
		first, rest, _ := strings.Cut(why, "\n")
		first, _, _ = strings.Cut(first, "; ")
		return language.Fails(out, strings.TrimRight(first+", and no [com.heroku.buildpacks.deb-packages] in "+projectFile+"\n"+rest, "\n"))
	}
}

// Build returns bin/build.
func Build(ctx context.Context, h language.Helpers) libcnb.BuildFunc {
	return language.Func(ctx, h, build)
}

func build(ctx context.Context, b *language.Build) (libcnb.BuildResult, error) {
	l, err := read(b.App)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	b.Print.Step("Installing Debian packages")
	asked := strings.Join(l.files, " and ")
	if len(l.packages) == 0 {
		b.Print.Detail("%s names none", asked)
		return libcnb.NewBuildResult(), nil
	}
	for _, what := range l.passed {
		b.Print.Warn("%s is passed over: what a package depends on is installed with it, unless the stack has it", what)
	}
	if err := b.Registries(); err != nil {
		return libcnb.BuildResult{}, err
	}
	key := layer.Key{}
	for _, name := range slices.Sorted(maps.Keys(l.env)) {
		key.Add(name, l.env[name])
	}
	installed, err := b.Install(ctx, language.Wish{
		Layer: packagesLayer, Types: libcnb.LayerTypes{Build: true, Cache: true, Launch: true}, Layout: layout + "/" + key.Sum(),
		Request: runtime.Request{Runtime: "packages", Packages: l.packages}, Asked: version.Asked{Name: asked},
	})
	if err != nil {
		return libcnb.BuildResult{}, explained(err, asked)
	}
	if !installed.Kept {
		l.addEnv(&installed.Layer)
	}
	if err := tell(b, l, installed); err != nil {
		return libcnb.BuildResult{}, err
	}
	catalog, err := b.Catalog()
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	result := libcnb.NewBuildResult()
	result.Layers = []libcnb.Layer{installed.Layer, catalog}
	return result, nil
}

// explained says in which file a package stands that cannot be had.
func explained(err error, files string) error {
	if download.FaultOf(err) != download.App {
		return err
	}
	return fmt.Errorf("%w\n%s asks for it. To look for the right name:\n  apt-cache search WORD", err, files)
}

// addEnv adds the variables of packages to a layer that was made anew.
func (l list) addEnv(to *libcnb.Layer) {
	for name, text := range l.env {
		text = strings.ReplaceAll(text, "{install_dir}", to.Path)
		to.LaunchEnvironment.Override(name, text)
		to.BuildEnvironment.Override(name, text)
	}
}

// tell lists what was installed, and writes the bill of materials.
func tell(b *language.Build, l list, installed language.Installed) error {
	wanted := map[string]bool{}
	for _, one := range l.packages {
		name, _, _ := strings.Cut(one, " ")
		wanted[name] = true
	}
	var components []sbom.Component
	more := 0
	for _, p := range installed.Release.Packages {
		components = append(components, sbom.Component{
			PURL: sbom.URL("deb", "debian", p.Name, p.Version), Name: p.Name, Version: p.Version, SHA256: p.SHA256,
		})
		if !wanted[p.Name] {
			more++
			continue
		}
		b.Print.Detail("%s %s", p.Name, p.Version)
		delete(wanted, p.Name)
	}
	if more > 0 {
		b.Print.Detail("and %d that they depend on", more)
	}
	if len(wanted) > 0 {
		b.Print.Detail("The stack has %s already", strings.Join(slices.Sorted(maps.Keys(wanted)), ", "))
	}
	return sbom.Write(installed.Layer.SBOMPath(libcnb.CycloneDXJSON), components)
}
