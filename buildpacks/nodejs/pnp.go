package nodejs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slugc/slugc/buildpacks/language/layer"
)

// With Plug'n'Play, Yarn leaves packages in their archives. A layer then has
// these: the archives, the packages that have to be files, what leads Node.js to
// them, of which a copy goes into the app, where it has to be, and what Yarn
// knows of the installation when it runs a script
// (Yarn, "Plug'n'Play").
const (
	pnpArchives  = "cache"
	pnpUnplugged = "unplugged"
	pnpLoaders   = "pnp"
	pnpState     = "state.gz"
)

// pnpFiles are what leads Node.js to the packages, in the root of an app.
var pnpFiles = []string{".pnp.cjs", ".pnp.loader.mjs", ".pnp.data.json"}

// plugAndPlay has Yarn put packages into a layer.
func (t *moduleTree) plugAndPlay(env map[string]string, home string) {
	if !t.driver.pnp {
		return
	}
	// What lies elsewhere is copied from the cache of all builds.
	env["YARN_ENABLE_GLOBAL_CACHE"], env["YARN_ENABLE_MIRROR"] = "0", "1"
	env["YARN_CACHE_FOLDER"] = filepath.Join(home, pnpArchives)
	env["YARN_PNP_UNPLUGGED_FOLDER"] = filepath.Join(home, pnpUnplugged)
	env["YARN_INSTALL_STATE_PATH"] = filepath.Join(home, pnpState)
}

// installPnP brings the packages into the main layer. Their places are written
// down, so they cannot be moved there afterwards.
func (t *moduleTree) installPnP(ctx context.Context, run scripts) error {
	return t.freshPnP(t.main.Layer.Path, func() error {
		return run.install(ctx, append(t.arguments(), t.driver.quiet()...))
	})
}

// prunePnP brings the packages of production into the launch layer. The archives
// come from the cache, native ones are compiled once more.
func (t *moduleTree) prunePnP(ctx context.Context, run scripts) error {
	t.plugAndPlay(run.env, t.launch.Layer.Path)
	return t.freshPnP(t.launch.Layer.Path, func() error {
		// It tells apart the package.json with and without what development
		// needs by itself, and does not write either.
		which := "--all"
		if t.app.root.member != "" && t.app.manifest.Name != "" {
			which = t.app.manifest.Name
		}
		return run.install(ctx, []string{"workspaces", "focus", which, "--production"})
	})
}

// freshPnP empties a layer, lets Yarn fill it, and keeps what leads to it. When
// Yarn fails the layer stays empty, so that nobody takes the half for the whole.
func (t *moduleTree) freshPnP(home string, install func() error) (err error) {
	if err := t.b.Scratch.Discard(home); err != nil {
		return fmt.Errorf("emptying the layer of packages: %w", err)
	}
	if err := t.removePnP(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.b.Scratch.Discard(home))
		}
	}()
	if err := install(); err != nil {
		return err
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		return fmt.Errorf("keeping what leads to the packages: %w", err)
	}
	for _, name := range pnpFiles {
		data, err := os.ReadFile(filepath.Join(t.app.root.dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("keeping what leads to the packages: %w", err)
		}
		if err := layer.WriteBeside(filepath.Join(home, pnpLoaders, name), data, 0o755); err != nil {
			return fmt.Errorf("keeping what leads to the packages: %w", err)
		}
	}
	return nil
}

func (t *moduleTree) removePnP() error {
	for _, name := range pnpFiles {
		if err := os.Remove(filepath.Join(t.app.root.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing %s: %w", name, err)
		}
	}
	return nil
}

// linkPnP leads the app to the packages in a layer.
func (t *moduleTree) linkPnP(home string) error {
	if err := t.removePnP(); err != nil {
		return err
	}
	for _, name := range pnpFiles {
		from := filepath.Join(home, pnpLoaders, name)
		if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := replaceFile(from, filepath.Join(t.app.root.dir, name)); err != nil {
			return fmt.Errorf("leading the app to its packages: %w", err)
		}
	}
	return nil
}
