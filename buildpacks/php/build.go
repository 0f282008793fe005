package php

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/sbom"
	"github.com/slugc/slugc/buildpacks/language/version"
	"github.com/slugc/slugc/buildpacks/php/launch"
	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/buildpacks/runtime/composer"
)

// The layers; see the package's documentation.
const (
	phpLayer      = "php"
	composerLayer = "composer"
	cacheLayer    = "composer-cache"
	madeLayer     = "made"
	nginxLayer    = "nginx"
	apacheLayer   = "apache"
	serversLayer  = "servers"
	settingsLayer = "settings"
)

// layout is the version of what this buildpack puts into its layers.
const layout = "1"

// Build returns bin/build (CNB Buildpack API, "Phase #3: Build").
func Build(ctx context.Context, h language.Helpers) libcnb.BuildFunc {
	return language.Func(ctx, h, func(ctx context.Context, common *language.Build) (libcnb.BuildResult, error) {
		b := &build{Build: common, registries: common.Registries}
		return b.run(ctx)
	})
}

// build is one run of bin/build.
type build struct {
	*language.Build
	// registries sets up where PHP comes from.
	registries func() error
	known      known
	// client is how servers of packages are reached.
	client composer.Config
}

// run is the build.
func (b *build) run(ctx context.Context) (result libcnb.BuildResult, err error) {
	if b.known, err = readKnown(); err != nil {
		return result, err
	}
	a, err := readApp(b.App, b.Env)
	if err != nil {
		return result, err
	}
	started := b.start(a)
	if _, err := b.settle(a); err != nil {
		return result, err
	}
	if err := b.settings(a); err != nil {
		return result, err
	}
	result = libcnb.NewBuildResult()
	php, err := b.installPHP(ctx, a)
	if err != nil {
		return result, err
	}
	result.Layers = append(result.Layers, php.Layer)
	servers, err := b.installServers(ctx, started)
	if err != nil {
		return result, err
	}
	result.Layers = append(result.Layers, servers...)
	packages, err := b.makeApp(ctx, a, php)
	if err != nil {
		return result, err
	}
	result.Layers = append(result.Layers, packages...)
	if err := a.writeVendorBin(); err != nil {
		return result, err
	}
	result.Processes = b.processes(a, started)
	catalog, err := b.Catalog()
	result.Layers = append(result.Layers, catalog)
	return result, err
}

// settings reads how servers of packages are reached, and sets up where PHP comes
// from.
func (b *build) settings(a app) (err error) {
	var files []string
	for _, kind := range []string{"composer", "composer-auth"} {
		if binding, found := b.Binding(kind); found {
			files = append(files, filepath.Join(binding.Path, composer.AuthFile), filepath.Join(binding.Path, composer.ConfigFile))
		}
	}
	if handed := b.Env[composer.ConfigVariable]; handed != "" {
		files = append(files, handed)
	}
	if b.client, err = composer.Load(b.Env, files...); err != nil {
		return appfile.Error("%w\nexpected credentials as in an auth.json, such as\n  {\"http-basic\": {\"HOST\": {\"username\": \"USER\", \"password\": \"TOKEN\"}}}", err)
	}
	if file := b.Env[composer.CAVariable]; file != "" {
		b.client.Trust(file)
	}
	if a.manifestName != "" && a.exists(composer.AuthFile) {
		b.Print.Warn("The app has a file %s: whoever has what is built can read the credentials in it.\nTake it out, and hand them to builds alone:\n"+
			"  git rm --cached %s\n  slugc build --secret COMPOSER_AUTH=\"$(cat %s)\"", composer.AuthFile, composer.AuthFile, composer.AuthFile)
	}
	return b.registries()
}

// phpWish is PHP as a layer.
func (b *build) phpWish(a app, asked version.Asked, packages []string) language.Wish {
	w := language.Wish{
		Layer:   phpLayer,
		Types:   libcnb.LayerTypes{Build: true, Cache: true, Launch: true},
		Request: runtime.Request{Runtime: "php", Packages: packages},
		Asked:   asked,
		Hint:    b.hint(asked),
		Layout:  layout,
	}
	if s := b.start(a); s.nginx || s.apache {
		w.Request.Parts = []string{"fpm"}
	}
	return w
}

// installPHP brings PHP with its extensions.
func (b *build) installPHP(ctx context.Context, a app) (language.Installed, error) {
	b.Print.Step("Installing PHP")
	release, wish, err := b.resolvePHP(ctx, a)
	if err != nil {
		return language.Installed{}, err
	}
	installed, err := b.InstallRelease(ctx, wish, release)
	if err != nil {
		return language.Installed{}, err
	}
	names := make([]string, len(wish.Request.Packages))
	for i, name := range wish.Request.Packages {
		_, names[i], _ = strings.Cut(name, "-")
	}
	b.Print.Detail("Extensions beside those built in: %s", strings.Join(names, ", "))
	return installed, bill(installed)
}

// bill writes which packages of Debian a layer is made of.
func bill(installed language.Installed) error {
	var components []sbom.Component
	for _, p := range installed.Release.Packages {
		components = append(components, sbom.Component{PURL: sbom.URL("deb", "debian", p.Name, p.Version), Name: p.Name, Version: p.Version})
	}
	return sbom.Write(installed.Layer.SBOMPath(libcnb.CycloneDXJSON), components)
}

// installServers brings the servers that the app is started with, and the programs
// that start them.
func (b *build) installServers(ctx context.Context, s start) ([]libcnb.Layer, error) {
	if !s.nginx && !s.apache {
		return nil, nil
	}
	b.Print.Step("Installing the web server")
	var layers []libcnb.Layer
	for _, server := range []struct {
		wanted     bool
		name, from string
	}{{s.nginx, nginxLayer, launch.Nginx}, {s.apache, apacheLayer, launch.Apache}} {
		if !server.wanted {
			continue
		}
		asked := version.Asked{Name: "for " + server.from}
		installed, err := b.Install(ctx, language.Wish{
			Layer: server.name, Types: libcnb.LayerTypes{Cache: true, Launch: true}, Layout: layout,
			Request: runtime.Request{Runtime: server.name}, Asked: asked, Hint: "choose another stack:\n  slugc build --stack slugc-13",
		})
		if err != nil {
			return nil, err
		}
		if err := bill(installed); err != nil {
			return nil, err
		}
		layers = append(layers, installed.Layer)
	}
	slot, err := layer.Open(b.Layers, serversLayer, libcnb.LayerTypes{Cache: true, Launch: true}, layout)
	if err != nil {
		return nil, err
	}
	inputs := map[string]string{"key": launch.Sum()}
	if kept, _ := slot.Keeps(inputs); !kept {
		fresh := b.Scratch.Path(serversLayer)
		if err := launch.Write(fresh); err != nil {
			return nil, fmt.Errorf("writing what starts the web server: %w", err)
		}
		if err := b.Scratch.Replace(slot.Layer.Path, "", fresh); err != nil {
			return nil, fmt.Errorf("writing what starts the web server: %w", err)
		}
	}
	return append(layers, slot.Describe(inputs, nil)), nil
}

// writeVendorBin makes the programs that start servers be where a Procfile has them,
// which names them as an app with Heroku's own package of them does.
func (a app) writeVendorBin() error {
	for _, name := range a.servers.vendorBin {
		if !filepath.IsLocal(name) {
			continue
		}
		if err := layer.WriteBeside(filepath.Join(a.dir, name), launch.VendorBin(filepath.Base(name)), 0o755); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}
