package static

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/sbom"
	"github.com/slugc/slugc/buildpacks/language/version"
	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// TOML is the buildpack.toml.
//
//go:embed buildpack.toml
var TOML []byte

// startScript starts nginx.
//
//go:embed launch/start-site.sh
var startScript []byte

// The layers.
const (
	nginxLayer = "nginx"
	siteLayer  = "site"
)

// layout is the version of what this buildpack puts into its layers.
const layout = "1"

// startName is the program of the process web.
const startName = "start-site"

// Build returns bin/build.
func Build(ctx context.Context, h language.Helpers) libcnb.BuildFunc {
	return language.Func(ctx, h, run)
}

func run(ctx context.Context, b *language.Build) (libcnb.BuildResult, error) {
	b.Print.Step("Finding the site")
	s, err := find(b)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	b.Print.Detail("%s is served (%s)", shown(s.root), s.by)
	for _, warning := range s.warnings {
		b.Print.Warn("%s", warning)
	}
	b.Print.Step("Installing nginx")
	nginx, err := install(ctx, b)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	b.Print.Step("Writing nginx.conf")
	layer, err := configure(ctx, b, s, nginx)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	catalog, err := b.Catalog()
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	result := libcnb.NewBuildResult()
	result.Layers = []libcnb.Layer{nginx.Layer, layer, catalog}
	result.Processes = []libcnb.Process{{Type: "web", Command: []string{startName}, Default: true}}
	b.Print.Step("Finding out how the app starts")
	b.Print.Detail("web: %s", startName)
	return result, nil
}

// find reads what is served.
func find(b *language.Build) (site, error) {
	s, err := readSite(b.App, b.Env)
	if err != nil {
		return site{}, err
	}
	for _, entry := range b.Plan.Entries {
		if entry.Name == planName {
			if err := s.inherit(entry.Metadata); err != nil {
				return site{}, err
			}
		}
	}
	if s.by == "" {
		found, err := indexed(b.App)
		if err != nil {
			return site{}, err
		}
		if len(found) == 0 {
			return site{}, appfile.Error("there is no index.html in the app's root, in public, dist or build\nname the directory that has the site:\n"+
				"  echo '{\"root\": \"DIRECTORY\"}' > %s", jsonFile)
		}
		s.root, s.by = found[0], "it has an index.html"
	}
	// A buildpack of a language that stands behind this one makes the directory.
	later, err := appfile.Exists(b.App, nodeFile)
	if err != nil {
		return site{}, err
	}
	return s, s.check(b.App, later)
}

// install brings nginx.
func install(ctx context.Context, b *language.Build) (language.Installed, error) {
	asked := version.First(version.Asked{Text: strings.TrimSpace(b.Env["BP_NGINX_VERSION"]), Name: "BP_NGINX_VERSION"})
	wanted, err := runtime.ParseConstraint(runtime.NPM, asked.Text)
	if err != nil {
		return language.Installed{}, appfile.Error("%s does not say which nginx to use\n%w", asked, err)
	}
	const hint = "ask for the one of the stack by not setting BP_NGINX_VERSION"
	if asked.Text == "" {
		asked.Name, wanted = "the one of the stack", runtime.Constraint{}
	}
	if err := b.Registries(); err != nil {
		return language.Installed{}, err
	}
	nginx, err := b.Install(ctx, language.Wish{
		Layer: nginxLayer, Types: libcnb.LayerTypes{Build: true, Cache: true, Launch: true}, Layout: layout,
		Request: runtime.Request{Runtime: "nginx", Constraint: wanted}, Asked: asked, Hint: hint, Finish: trim,
	})
	if err != nil {
		return language.Installed{}, err
	}
	var components []sbom.Component
	for _, p := range nginx.Release.Packages {
		components = append(components, sbom.Component{PURL: sbom.URL("deb", "debian", p.Name, p.Version), Name: p.Name, Version: p.Version})
	}
	return nginx, sbom.Write(nginx.Layer.SBOMPath(libcnb.CycloneDXJSON), components)
}

// trim takes out of Debian's packages what only a system needs.
func trim(dir string) error {
	for _, name := range []string{"etc/default", "etc/init.d", "etc/logrotate.d", "etc/ufw", "lib/systemd", "usr/lib/systemd", "usr/share/doc",
		"usr/share/lintian", "usr/share/man", "usr/share/vim", "var"} {
		if err := os.RemoveAll(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	return nil
}

// configure writes the layer of the site, and has nginx read its configuration.
func configure(ctx context.Context, b *language.Build, s site, nginx language.Installed) (libcnb.Layer, error) {
	text := s.config()
	slot, err := layer.Open(b.Layers, siteLayer, libcnb.LayerTypes{Cache: true, Launch: true}, layout)
	if err != nil {
		return libcnb.Layer{}, err
	}
	var key layer.Key
	key.Add("nginx", nginx.Release.Integrity)
	key.Add("start", string(startScript))
	key.Add("settings", s.settings())
	key.Add("configuration", text)
	if s.include != "" {
		if err := key.AddTree(b.App, includes); err != nil {
			return libcnb.Layer{}, err
		}
	}
	inputs := map[string]string{"configuration": key.Sum()}
	kept, why := slot.Keeps(inputs)
	if kept {
		b.Print.Detail("Reusing it (nothing that decides it changed)")
		return slot.Describe(inputs, nil), nil
	}
	fresh := b.Scratch.Path(siteLayer)
	for name, data := range map[string][]byte{"nginx.conf": []byte(text), "site.txt": []byte(s.settings())} {
		if err := layer.WriteBeside(filepath.Join(fresh, name), data, 0o644); err != nil {
			return libcnb.Layer{}, fmt.Errorf("writing nginx.conf: %w", err)
		}
	}
	start := filepath.Join(fresh, "bin", startName)
	if err := layer.WriteBeside(start, startScript, 0o755); err != nil {
		return libcnb.Layer{}, fmt.Errorf("writing the program that starts nginx: %w", err)
	}
	if err := check(ctx, b, s, nginx, start); err != nil {
		return libcnb.Layer{}, err
	}
	if err := b.Scratch.Replace(slot.Layer.Path, "", fresh); err != nil {
		return libcnb.Layer{}, fmt.Errorf("writing nginx.conf: %w", err)
	}
	b.Print.Detail("nginx accepts it (%s)", why)
	return slot.Describe(inputs, nil), nil
}

// includes is where Cloud Foundry has files with more of nginx.conf.
const includes = "nginx/conf"

// check has nginx read its configuration, as it will when the site starts.
func check(ctx context.Context, b *language.Build, s site, nginx language.Installed, start string) error {
	if s.authFile != "" {
		if _, err := os.Stat(filepath.Join(b.App, filepath.FromSlash(s.authFile))); errors.Is(err, fs.ErrNotExist) {
			return appfile.Error("%s says that users and passwords are in %s, which is not in the app\nmake the file, and commit it or hand in BASIC_AUTH_USERNAME and BASIC_AUTH_PASSWORD when the site starts:\n"+
				"  printf 'NAME:%%s\\n' \"$(openssl passwd -6)\" > %s", s.by, s.authFile, s.authFile)
		}
	}
	env := nginx.Use.Environ(b.Env)
	env["TMPDIR"] = b.Scratch.Dir
	lines := b.Print.Writer()
	output := tool.NewTail(lines)
	err := b.Runner.Run(ctx, tool.Command{Args: []string{start, "--check"}, Dir: b.App, Env: env, Output: output})
	lines.Flush()
	if err == nil {
		return nil
	}
	return failure.Explain(failure.Failure{
		What: "nginx does not accept the configuration that was made of " + s.by, Err: err, Output: output,
		Unknown: "look at the setting that the line above names",
	}, []failure.Cause{{Pattern: missingInclude(), Fault: download.App, Why: "location_include names $1, which is not in the app. Commit it below " + includes + "/"}})
}

// settings are what the start script has to know beside nginx.conf: a word, a
// name, and the rest of the line.
func (s site) settings() string {
	var lines strings.Builder
	for _, name := range s.variables() {
		fmt.Fprintf(&lines, "variable %s %s\n", name, s.by)
	}
	for _, name := range s.origins() {
		fmt.Fprintf(&lines, "origin %s %s\n", name, s.by)
	}
	if s.root != "" {
		fmt.Fprintf(&lines, "root - %s\n", s.root)
	}
	if s.authFile != "" {
		fmt.Fprintf(&lines, "users - %s\n", s.authFile)
	}
	if s.basicAuth {
		lines.WriteString("auth -\n")
	}
	if s.accessLog {
		lines.WriteString("log -\n")
	}
	return lines.String()
}

// missingInclude is how nginx says that an included file is not there.
var missingInclude = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`open\(\) "([^"]+)" failed \(2:`) })
