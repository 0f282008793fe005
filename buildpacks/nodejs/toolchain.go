package nodejs

import (
	"context"
	"os"
	"path/filepath"

	"github.com/buildpacks/libcnb/v2"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/buildpacks/runtime/npm"
)

const (
	// maxRuntimeSize and maxRuntimeFiles bound what npm unpacks to.
	maxRuntimeSize  = 1 << 30
	maxRuntimeFiles = 50_000
)

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
	asked, err := nodeVersion(a, b.Env, b.releases)
	if err != nil {
		return toolchain{}, err
	}
	b.Print.Step("Installing Node.js and npm")
	var t toolchain
	versionKnown, toolsReady := make(chan struct{}), make(chan struct{})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return meanwhile(ctx, toolsReady) })
	group.Go(func() error {
		defer close(toolsReady)
		tools, ctx := errgroup.WithContext(ctx)
		tools.Go(func() (err error) {
			release, err := b.resolveNode(ctx, asked)
			if err != nil {
				return err
			}
			t.node = *release.Manifest
			plan, err := b.planNode(t.node, asked, a.lock.mayCompile() || a.isNative())
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
			t.npmLayer, err = b.installNPM(ctx, manifest, asked)
			return err
		})
		return tools.Wait()
	})
	return t, group.Wait()
}
