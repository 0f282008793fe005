//go:build acceptance

package runtime_test

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/buildpacks/runtime/goproxy"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian"
	"github.com/slugc/slugc/stack/debian/repository"
	"github.com/slugc/slugc/stack/download"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// certificates are those that the machine of the test trusts.
const certificates = "/etc/ssl/certs/ca-certificates.crt"

// Where a sandbox shows a runtime, and the directory that it may write.
const (
	runtimePath = "/layers/x"
	workPath    = "/work"
)

// limit ends a command that hangs.
const limit = 2 * time.Minute

// registries are those of the machine of the test, with one cache.
type registries struct {
	npm     *npm.Registry
	modules *goproxy.Proxy
	debian  repository.Repository
	cache   string
}

func realRegistries(t *testing.T) registries {
	t.Helper()
	env := launch.NewEnv(os.Environ())
	npmConfig, err := npm.Load(env, npm.Files(env, t.TempDir())...)
	if err != nil {
		t.Fatal(err)
	}
	goConfig, err := goproxy.Load(env, goDefaults(t), goproxy.Files(env)...)
	if err != nil {
		t.Fatal(err)
	}
	client, err := npmConfig.Network().Client()
	if err != nil {
		t.Fatal(err)
	}
	sources, err := repository.AptSources(os.DirFS("/"))
	if err != nil {
		t.Skipf("this machine names no Debian mirror: %v", err)
	}
	fetcher, cache := download.NewFetcher(client), t.TempDir()
	return registries{
		npm:     &npm.Registry{Config: npmConfig, Fetcher: fetcher},
		modules: &goproxy.Proxy{Config: goConfig, Fetcher: fetcher, Cache: filepath.Join(cache, "sumdb")},
		debian:  repository.Repository{Sources: sources, Fetcher: fetcher, Cache: filepath.Join(cache, "debian")},
		cache:   cache,
	}
}

// goDefaults are what the go command of this machine has built in.
func goDefaults(t *testing.T) goproxy.Defaults {
	t.Helper()
	command := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), "go", args...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	d := goproxy.Defaults{Proxy: command("env", "GOPROXY")}
	name := command("env", "GOSUMDB")
	source, err := os.ReadFile(filepath.Join(command("env", "GOROOT"), "src/cmd/go/internal/modfetch/key.go"))
	if err != nil {
		t.Fatal(err)
	}
	for field := range strings.SplitSeq(string(source), `"`) {
		if strings.HasPrefix(field, name+"+") {
			d.SumDB = field
		}
	}
	return d
}

// place is a stack, made, with what finds runtimes for it.
type place struct {
	resolver *runtime.Resolver
	stacks   map[string]stack.Stack
}

// place makes variants of a stack. The runtimes for it find the packages of its
// run variant there.
func (r registries) place(t *testing.T, id string, variants ...string) place {
	t.Helper()
	definition, err := stack.Find(id)
	if err != nil {
		t.Fatal(err)
	}
	catalogue, err := runtime.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := os.ReadFile(certificates)
	if err != nil {
		t.Fatal(err)
	}
	d := &runtime.Debian{Repository: r.debian, Suites: definition.Suites, Distribution: definition.DistroName + "-" + definition.DistroVersion}
	p := place{
		resolver: &runtime.Resolver{
			Catalogue: catalogue, NPM: r.npm, Modules: r.modules, Debian: d, Cache: r.cache, Certificates: bundle,
		},
		stacks: map[string]stack.Stack{},
	}
	maker := debian.Maker{Repository: r.debian}
	for _, variant := range variants {
		start := time.Now()
		image, err := maker.Resolve(t.Context(), definition, variant, goruntime.GOARCH)
		if err != nil {
			t.Fatal(err)
		}
		root := filepath.Join(t.TempDir(), "root")
		if _, err := maker.Make(t.Context(), definition, variant, image, root); err != nil {
			t.Fatal(err)
		}
		if variant == stack.Run {
			d.Base = image.Packages
		}
		p.stacks[variant] = stack.Stack{ID: id, Root: root, Target: definition.Target(goruntime.GOARCH)}
		t.Logf("%s %s made in %s", id, variant, time.Since(start).Round(time.Millisecond))
	}
	return p
}

// installed is a runtime for a stack, with a directory that its programs may
// write.
type installed struct {
	place
	release runtime.Release
	layout  runtime.Layout
	work    string
}

// install installs a runtime, to be run elsewhere.
func (p place) install(t *testing.T, q runtime.Request, text string) installed {
	t.Helper()
	var err error
	q.Arch = goruntime.GOARCH
	if q.Constraint, err = p.resolver.Catalogue.Constraint(q.Runtime, text); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	release, err := p.resolver.Resolve(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	resolved := time.Since(start)
	layout, err := p.resolver.Install(t.Context(), release, filepath.Join(t.TempDir(), "runtime"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %s, %d packages, %d MB; resolved in %s, installed in %s; %s", release, release.PURL, len(release.Packages), release.Size>>20,
		resolved.Round(time.Millisecond), (time.Since(start) - resolved).Round(time.Millisecond), release.Age(time.Now()))
	// What a sandbox writes belongs to another user.
	work, err := os.MkdirTemp("", "runtime")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sandbox.Remove(work); err != nil {
			t.Error(err)
		}
	})
	if err := sandbox.Give(work); err != nil {
		t.Fatal(err)
	}
	return installed{place: p, release: release, layout: layout, work: work}
}

// write makes a file in the working directory.
func (i installed) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(i.work, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// on runs a command with the runtime on a variant of the stack, without a
// network, and returns what it prints.
func (i installed) on(t *testing.T, variant string, args ...string) string {
	t.Helper()
	env := i.layout.Environ(map[string]string{"PATH": stack.DefaultPath, "HOME": workPath})
	return i.with(t, variant, env, []sandbox.Mount{{Source: i.layout.Dir, Target: runtimePath}}, args...)
}

// bare runs a command on a variant of the stack, without the runtime.
func (i installed) bare(t *testing.T, variant string, args ...string) string {
	t.Helper()
	return i.with(t, variant, map[string]string{"PATH": stack.DefaultPath, "HOME": workPath}, nil, args...)
}

func (i installed) with(t *testing.T, variant string, env map[string]string, mounts []sandbox.Mount, args ...string) string {
	t.Helper()
	// The runtime is somewhere else than where it was installed.
	elsewhere := strings.NewReplacer(i.layout.Dir, runtimePath, i.work, workPath)
	c := sandbox.Command{
		Stack: i.stacks[variant], Mounts: append(mounts, sandbox.Mount{Source: i.work, Target: workPath, Writable: true}),
		Dir: workPath, Timeout: limit,
	}
	for _, arg := range args {
		c.Args = append(c.Args, elsewhere.Replace(arg))
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		c.Env = append(c.Env, name+"="+elsewhere.Replace(env[name]))
	}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := (sandbox.Namespaces{}).Run(t.Context(), c); err != nil {
		t.Fatalf("%s on %s: %v\n%s", strings.Join(args, " "), variant, err, &out)
	}
	return out.String()
}
