package nodejs

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/buildpacks/libcnb/v2"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/buildpacks/runtime/npm"
)

const (
	// maxRuntimeSize and maxRuntimeFiles bound what npm unpacks to.
	maxRuntimeSize  = 1 << 30
	maxRuntimeFiles = 50_000
)

// toolchain is Node.js, npm and the app's package manager, as layers. What an app
// does without has a layer without a name.
type toolchain struct {
	node, npm npm.Manifest
	// headers is the layer with Node.js's headers for native packages.
	nodeLayer, headers, npmLayer libcnb.Layer
	manager                      managerTool
}

func (t toolchain) layers() []libcnb.Layer {
	all := []libcnb.Layer{t.nodeLayer, t.npmLayer, t.headers, t.manager.layer}
	return slices.DeleteFunc(all, func(l libcnb.Layer) bool { return l.Name == "" })
}

// bills writes the bills of materials of the layers that go to processes.
func (t toolchain) bills() error {
	for _, tool := range []struct {
		layer    libcnb.Layer
		manifest npm.Manifest
	}{{t.nodeLayer, t.node}, {t.npmLayer, t.npm}, {t.manager.layer, t.manager.manifest}} {
		if !tool.layer.Launch {
			continue
		}
		if err := toolBill(tool.layer, tool.manifest.Name, tool.manifest.Version, tool.manifest.Dist.Integrity); err != nil {
			return err
		}
	}
	return nil
}

// path is what a PATH begins with to find them.
func (t toolchain) path() string {
	var dirs []string
	for _, l := range []libcnb.Layer{t.nodeLayer, t.manager.layer, t.npmLayer} {
		if l.Name != "" {
			dirs = append(dirs, filepath.Join(l.Path, "bin"))
		}
	}
	return strings.Join(dirs, string(os.PathListSeparator))
}

// tellTools begins the step in which the tools are installed.
func (b *build) tellTools(a app) {
	switch title := a.choice.manager.title(); {
	case !a.needsNode():
		b.Print.Step("Installing %s", title)
	case a.manages():
		b.Print.Step("Installing Node.js, npm and %s", title)
	default:
		b.Print.Step("Installing Node.js and npm")
	}
}

// installTools resolves and installs Node.js, npm and the app's package manager,
// side by side: npm's version is settled while Node.js is on its way. Meanwhile
// runs beside them.
func (b *build) installTools(ctx context.Context, a app, meanwhile func(ctx context.Context, toolsReady <-chan struct{}) error) (toolchain, error) {
	asked, err := nodeVersion(a, b.Env, b.releases)
	if err != nil {
		return toolchain{}, err
	}
	if a.needsNode() {
		// Before anything is fetched, as far as no registry has to be asked.
		if _, _, err := nodeRange(asked, b.releases); err != nil {
			return toolchain{}, err
		}
	}
	b.tellTools(a)
	var t toolchain
	versionKnown, toolsReady := make(chan struct{}), make(chan struct{})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return meanwhile(ctx, toolsReady) })
	group.Go(func() error {
		defer close(toolsReady)
		tools, ctx := errgroup.WithContext(ctx)
		if a.manages() {
			tools.Go(func() (err error) {
				t.manager, err = b.installManager(ctx, a)
				return err
			})
		}
		if !a.needsNode() {
			return tools.Wait()
		}
		tools.Go(func() (err error) {
			release, err := b.resolveNode(ctx, asked)
			if err != nil {
				return err
			}
			t.node = *release.Manifest
			plan, err := b.planNode(a, t.node, asked)
			if err != nil {
				return err
			}
			close(versionKnown)
			t.nodeLayer, t.headers, err = b.installNode(ctx, release, plan)
			return err
		})
		tools.Go(func() (err error) {
			select {
			case <-versionKnown:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			manifest, asked, err := b.resolveNPM(ctx, a, t.node.Version)
			if err != nil {
				return err
			}
			t.npm = manifest
			t.npmLayer, err = b.installNPM(ctx, a, manifest, asked)
			return err
		})
		return tools.Wait()
	})
	return t, group.Wait()
}
