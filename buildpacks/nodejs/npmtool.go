package nodejs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/version"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/stack/download"
)

// npmHome is where npm lies in its layer. It is not below lib: that directory of
// a layer goes into LD_LIBRARY_PATH (CNB Buildpack API, "Layer Paths").
const npmHome = "share/npm"

// resolveNPM settles the version of npm: the one that the app asks for, else
// the one that comes with Node.js.
func (b *build) resolveNPM(ctx context.Context, a app, node string) (npm.Manifest, version.Asked, error) {
	line := b.releases.of(node)
	asked := npmVersion(a)
	text, ours := asked.Text, asked.Text == ""
	if ours {
		text = line.NPM
		asked = version.Asked{Name: fmt.Sprintf("the one for Node.js %d", line.Major)}
	}
	wanted, err := npm.ParseRange(text)
	if err != nil {
		return npm.Manifest{}, asked, appfile.Error("%s does not say which npm to use\n%w\nask for one that exists:\n  npm pkg set packageManager=npm@%s",
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
	m, stale, err := b.answers.Resolve(ctx, b.registry, "npm", exact)
	var missing *npm.MissingError
	if errors.As(err, &missing) && ours {
		// A mirror may lack the very version; its line will do.
		var major npm.Range
		if major, err = npm.ParseRange(fmt.Sprint(npm.Major(line.NPM))); err == nil {
			m, stale, err = b.answers.Resolve(ctx, b.registry, "npm", major)
		}
	}
	if errors.As(err, &missing) {
		return npm.Manifest{}, asked, appfile.Error("npm %s does not exist in %s; nearest are %s\n%s asks for it. Ask for one that exists:\n  npm pkg set packageManager=npm@%s",
			missing.Range, missing.Registry, strings.Join(missing.Nearest, ", "), asked.Source(), line.NPM)
	}
	if err != nil {
		return npm.Manifest{}, asked, fmt.Errorf("settling the version of npm: %w", err)
	}
	if stale != nil {
		b.Print.Warn("The registry cannot be asked, so npm is that of the last build")
	}
	return m, asked, nil
}

// installNPM makes the layer of npm, laid out as an installation prefix.
func (b *build) installNPM(ctx context.Context, a app, m npm.Manifest, asked version.Asked) (libcnb.Layer, error) {
	if !a.manages() {
		if err := noted(a, &m); err != nil {
			return libcnb.Layer{}, err
		}
	}
	inputs := map[string]string{"package": m.Name, "version": m.Version, "integrity": m.Dist.Integrity}
	notes := map[string]string{"asked": asked.String()}
	slot, err := layer.Open(b.Layers, npmLayer, libcnb.LayerTypes{Build: true, Cache: true, Launch: a.launchesNPM()}, layout)
	if err != nil {
		return libcnb.Layer{}, err
	}
	kept, why := slot.Keeps(inputs)
	if kept {
		b.Print.Detail("npm %s (%s), from the cache", m.Version, asked)
		return slot.Describe(inputs, notes), nil
	}
	b.Print.Detail("npm %s (%s)", m.Version, asked)
	fresh := filepath.Join(b.Scratch.Dir, npmLayer)
	if err := os.MkdirAll(filepath.Dir(filepath.Join(fresh, npmHome)), 0o755); err != nil {
		return libcnb.Layer{}, fmt.Errorf("installing npm: %w", err)
	}
	// The manuals are a third of it.
	selection := download.Selection{MaxFiles: maxRuntimeFiles, MaxBytes: maxRuntimeSize, Wants: func(name string) bool {
		return !strings.HasPrefix(name, "docs/") && !strings.HasPrefix(name, "man/")
	}}
	err = b.Download("npm", m.Version, why, func(progress func(done, total int64)) error {
		return b.registry.Install(ctx, m, filepath.Join(fresh, npmHome), selection, progress)
	})
	if err != nil {
		return libcnb.Layer{}, err
	}
	if !a.manages() {
		if err := b.checkNoted(ctx, a, m, filepath.Join(fresh, npmHome)); err != nil {
			return libcnb.Layer{}, err
		}
	}
	if err := linkCommands(fresh, filepath.Join(fresh, npmHome), m.Bin); err != nil {
		return libcnb.Layer{}, fmt.Errorf("installing npm: %w", err)
	}
	if err := b.Scratch.Replace(slot.Layer.Path, "", fresh); err != nil {
		return libcnb.Layer{}, fmt.Errorf("installing npm: %w", err)
	}
	fetched := slot.Describe(inputs, notes)
	b.Whole(fetched)
	return fetched, nil
}
