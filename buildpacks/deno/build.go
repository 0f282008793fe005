package deno

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/buildpacks/libcnb/v2"
	"github.com/git-pkgs/purl"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/outcome"
	"github.com/slugc/slugc/buildpacks/language/sbom"
	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// TOML is the buildpack.toml.
//
//go:embed buildpack.toml
var TOML []byte

// The layers.
const (
	denoLayer     = "deno"
	cacheLayer    = "deno-cache"
	packagesLayer = "deno-packages"
	builtLayer    = "built"
)

// layout is the version of what this buildpack puts into its layers.
const layout = "1"

// systemCertificates is where Debian and its descendants keep the certificates
// that the machine trusts.
const systemCertificates = "/etc/ssl/certs/ca-certificates.crt"

// Build returns bin/build (CNB Buildpack API, "Phase #3: Build").
func Build(ctx context.Context, h language.Helpers) libcnb.BuildFunc {
	return language.Func(ctx, h, func(ctx context.Context, common *language.Build) (libcnb.BuildResult, error) {
		a, err := readApp(common.App)
		if err != nil {
			return libcnb.BuildResult{}, err
		}
		return (&build{Build: common, app: a}).run(ctx)
	})
}

// build is one run of bin/build.
type build struct {
	*language.Build
	app     app
	deno    language.Installed
	program string
}

func (b *build) run(ctx context.Context) (libcnb.BuildResult, error) {
	if err := b.installDeno(ctx); err != nil {
		return libcnb.BuildResult{}, err
	}
	layers, err := b.install(ctx)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	catalog, err := b.Catalog()
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	result := libcnb.NewBuildResult()
	result.Layers = append([]libcnb.Layer{b.deno.Layer, catalog}, layers...)
	b.Print.Step("Finding out how the app starts")
	start := b.app.start()
	if start == nil {
		b.Print.Warn("There is no task \"start\", and none of %s, so the app has no process web.\n"+
			"Unless a Procfile says how it starts, add a task:\n  {\"tasks\": {\"start\": \"deno run --allow-net --allow-env FILE.ts\"}}", strings.Join(mains, ", "))
		return result, nil
	}
	b.Print.Detail("web: %s", strings.Join(start, " "))
	result.Processes = []libcnb.Process{{Type: "web", Command: start, Default: true}}
	return result, nil
}

// installDeno brings Deno.
func (b *build) installDeno(ctx context.Context) error {
	asked, err := b.app.asks(b.Env)
	if err != nil {
		return err
	}
	wanted, err := runtime.ParseConstraint(runtime.NPM, asked.Text)
	if err != nil {
		return appfile.Error("%s does not say which Deno to use\n%w\n%s", asked, err, pinHint("2"))
	}
	if asked.Text == "" {
		asked.Name, wanted = "the default", runtime.Constraint{}
	}
	b.Print.Step("Installing Deno")
	if err := b.Registries(); err != nil {
		return err
	}
	b.deno, err = b.Install(ctx, language.Wish{
		Layer: denoLayer, Types: libcnb.LayerTypes{Build: true, Cache: true, Launch: true}, Layout: layout,
		Request: runtime.Request{Runtime: "deno", Constraint: wanted}, Asked: asked, Hint: pinHint("2"),
	})
	if err != nil {
		return err
	}
	b.program = filepath.Join(b.deno.Layer.Path, "deno")
	r := b.deno.Release
	return sbom.Write(b.deno.Layer.SBOMPath(libcnb.CycloneDXJSON), []sbom.Component{{PURL: r.PURL, Name: r.Title, Version: r.Version}})
}

// install caches what the app imports and runs its task "build", or takes what an
// earlier build of the same app made.
func (b *build) install(ctx context.Context) ([]libcnb.Layer, error) {
	packages, err := layer.Open(b.Layers, packagesLayer, libcnb.LayerTypes{Cache: true, Launch: true}, layout)
	if err != nil {
		return nil, err
	}
	cache, err := layer.Open(b.Layers, cacheLayer, libcnb.LayerTypes{Cache: true}, layout)
	if err != nil {
		return nil, err
	}
	// Deno writes beside, and checks by the lock file what it reads.
	b.Whole(cache.Describe(nil, nil))
	made, err := outcome.Open(b.App, b.Layers, b.Scratch, builtLayer, layout)
	if err != nil {
		return nil, err
	}
	env, err := b.toolEnv(cache.Layer.Path)
	if err != nil {
		return nil, err
	}
	key := layer.Key{}
	key.Add("deno", b.deno.Release.Version)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		key.Add(name, env[name])
	}
	if err := b.AddAround(&key); err != nil {
		return nil, err
	}
	inputs := map[string]string{"key": key.Sum()}
	b.Print.Step("Installing packages")
	same, why := made.Keeps(inputs)
	if kept, _ := packages.Keeps(inputs); same && kept {
		b.Print.Detail("Reusing them (neither the source nor anything else that decides it changed)")
		built, err := made.Apply(inputs)
		if err != nil {
			return nil, err
		}
		return []libcnb.Layer{packages.Describe(inputs, nil), cache.Describe(nil, nil), built}, nil
	}
	if err := b.runAll(ctx, env, why); err != nil {
		return nil, err
	}
	if err := b.takePackages(cache.Layer.Path, packages.Layer.Path); err != nil {
		return nil, fmt.Errorf("collecting what processes need: %w", err)
	}
	described := layer.WithLaunch(packages.Describe(inputs, nil), launchEnv(packages.Layer.Path))
	if err := b.bill(described); err != nil {
		return nil, err
	}
	layers := []libcnb.Layer{described, cache.Describe(nil, nil)}
	built, ok, err := made.Keep(inputs)
	if err != nil || !ok {
		return layers, err
	}
	return append(layers, built), nil
}

// takePackages makes a layer of what processes need of the cache.
func (b *build) takePackages(cache, to string) error {
	fresh := b.Scratch.Path(packagesLayer)
	if err := b.collect(cache, fresh); err != nil {
		return err
	}
	return b.Scratch.Replace(to, "", fresh)
}

// launchEnv has processes find their packages, and ask nobody for anything.
func launchEnv(packages string) libcnb.Environment {
	env := libcnb.Environment{}
	env.Default("DENO_DIR", packages)
	env.Default("DENO_NO_UPDATE_CHECK", "1")
	env.Default("DENO_NO_PROMPT", "1")
	return env
}

// runAll runs Deno.
func (b *build) runAll(ctx context.Context, env map[string]string, why string) error {
	arguments := []string{"install"}
	if b.app.lock != nil {
		arguments = append(arguments, "--frozen")
	}
	entries := b.app.entries()
	if b.app.config != "" || len(b.app.npm) > 0 {
		b.Print.Detail("Running deno %s (%s)", strings.Join(arguments, " "), why)
		if err := b.runDeno(ctx, env, "deno install failed", nil, arguments...); err != nil {
			return err
		}
	}
	if len(entries) > 0 {
		arguments = append([]string{"cache"}, append(arguments[1:], entries...)...)
		b.Print.Detail("Running deno %s", strings.Join(arguments, " "))
		if err := b.runDeno(ctx, env, "deno cache failed", nil, arguments...); err != nil {
			return err
		}
	}
	if line := b.app.tasks["build"]; line != "" {
		b.Print.Step("Running the task \"build\"")
		return b.runDeno(ctx, env, "the app's task \"build\" failed", []string{fmt.Sprintf("%q in %s", line, b.app.config)}, "task", "build")
	}
	return nil
}

// runDeno runs Deno once.
func (b *build) runDeno(ctx context.Context, env map[string]string, what string, details []string, arguments ...string) error {
	lines := b.Print.Writer()
	output := tool.NewTail(lines)
	err := b.Runner.Run(ctx, tool.Command{Args: append([]string{b.program}, arguments...), Dir: b.App, Env: env, Output: output})
	lines.Flush()
	if err == nil {
		return nil
	}
	return failure.Explain(failure.Failure{What: what, Details: details, Err: err, Output: output}, append(causes(), failure.Common()...))
}

// causes are the reasons that Deno has to fail.
func causes() []failure.Cause {
	return []failure.Cause{
		{
			Pattern: regexp.MustCompile(`The lockfile is out of date`), Fault: download.App,
			Why: lockFile + " does not hold all that the app imports. Update it and commit it:\n  deno install\n  git add " + lockFile,
		},
		{
			Pattern: regexp.MustCompile(`(?i)integrity check failed|checksum mismatch|Tarball checksum did not match`), Fault: download.Registry,
			Why: "what was downloaded is not what " + lockFile + " has the checksum of. When that is right, lock it anew after a look at what changed:\n  deno install --reload\n  git add " + lockFile,
		},
		{
			Pattern: regexp.MustCompile(`(?:Import '|Download |sending request for url \()(https?://[^\s')]+)[^\n]*(?:failed|error)`), Fault: download.Passing,
			Why: "$1 cannot be reached from this build. Packages of jsr: and modules by address do not come from a mirror of npm: allow the address, name a mirror of JSR in JSR_URL,\n" +
				"or bring them along, with \"vendor\": true in deno.json:\n  deno install\n  git add vendor " + lockFile,
		},
		{
			Pattern: regexp.MustCompile(`JSR package manifest for '([^']+)' failed to load`), Fault: download.Passing,
			Why: "JSR, which has $1, cannot be reached from this build. Name a mirror of it in JSR_URL, or bring its packages along, with \"vendor\": true in deno.json:\n" +
				"  deno install\n  git add vendor " + lockFile,
		},
		{
			Pattern: regexp.MustCompile(`Module not found "([^"]+)"`), Fault: download.App,
			Why: "$1 is imported and is not in the app. See that .gitignore and .slugignore do not list it",
		},
	}
}

// toolEnv is the environment for Deno: a person's registry and logins, and a place
// for what it caches.
func (b *build) toolEnv(cache string) (map[string]string, error) {
	env := maps.Clone(b.Env)
	env["PATH"] = strings.TrimRight(b.deno.Layer.Path+string(os.PathListSeparator)+env["PATH"], string(os.PathListSeparator))
	home := b.Scratch.Path("home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, fmt.Errorf("making a home for Deno: %w", err)
	}
	env["HOME"] = home
	for name, value := range map[string]string{"DENO_DIR": cache, "DENO_NO_UPDATE_CHECK": "1", "DENO_NO_PROMPT": "1", "NO_COLOR": "1", "CI": "true"} {
		env[name] = value
	}
	if env["DENO_CERT"] == "" {
		for _, file := range []string{env["SSL_CERT_FILE"], systemCertificates} {
			if _, err := os.Stat(file); file != "" && err == nil {
				env["DENO_CERT"] = file
				break
			}
		}
	}
	registry := b.Runtimes.NPM
	if registry == nil {
		return env, nil
	}
	from, err := registry.Config.Registry("")
	if err != nil {
		return nil, err
	}
	env["NPM_CONFIG_REGISTRY"] = from.URL.String()
	text, _ := registry.Config.Connection()
	if err := os.WriteFile(filepath.Join(home, ".npmrc"), []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("making a home for Deno: %w", err)
	}
	return env, nil
}

// collect makes a second tree of DENO_DIR with what processes need.
func (b *build) collect(cache, fresh string) error {
	if err := os.MkdirAll(fresh, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"npm", "remote", "deps"} {
		from := filepath.Join(cache, name)
		if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		err := layer.CopyTree(from, filepath.Join(fresh, name), layer.LinkFile, func(rel string) bool {
			return name == "npm" && (filepath.Base(rel) == "registry.json" || strings.HasPrefix(filepath.Base(rel), ".deno"))
		})
		if err != nil {
			return err
		}
	}
	if b.Runtimes.NPM == nil {
		return nil
	}
	from, err := b.Runtimes.NPM.Config.Registry("")
	if err != nil {
		return err
	}
	usual, err := url.Parse(purl.DefaultRegistry("npm"))
	if err != nil {
		return err
	}
	here, there := registryDir(fresh, from.URL), registryDir(fresh, usual)
	if here == there {
		return nil
	}
	if err := layer.Move(here, there); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// registryDir is where Deno keeps the packages of a registry.
func registryDir(dir string, u *url.URL) string {
	return filepath.Join(dir, "npm", strings.ReplaceAll(u.Host, ":", "_PORT"), filepath.FromSlash(strings.Trim(u.Path, "/")))
}

// bill writes the bill of materials of the packages in the lock file.
func (b *build) bill(l libcnb.Layer) error {
	var lock struct {
		NPM map[string]json.RawMessage `json:"npm"`
		JSR map[string]json.RawMessage `json:"jsr"`
	}
	if b.app.lock != nil {
		if err := appfile.JSON(lockFile, b.app.lock, &lock); err != nil {
			return err
		}
	}
	var components []sbom.Component
	for kind, packages := range map[string]map[string]json.RawMessage{"npm": lock.NPM, "jsr": lock.JSR} {
		for id := range packages {
			// What a package was resolved beside stands behind "_".
			id, _, _ = strings.Cut(id, "_")
			at := strings.LastIndex(id, "@")
			if at < 1 {
				continue
			}
			space, name := "", id[:at]
			if s, n, scoped := strings.Cut(id[:at], "/"); scoped {
				space, name = s, n
			}
			components = append(components, sbom.Component{PURL: sbom.URL(kind, space, name, id[at+1:]), Name: id[:at], Version: id[at+1:]})
		}
	}
	return sbom.Write(l.SBOMPath(libcnb.CycloneDXJSON), components)
}
