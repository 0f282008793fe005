package nodejs

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/limits"
	"github.com/slugc/slugc/buildpacks/language/version"
	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
)

// concurrency is the exec.d program of the node layer.
//
//go:embed launch/concurrency.sh
var concurrency string

// resolveNode settles the version of Node.js.
func (b *build) resolveNode(ctx context.Context, asked version.Asked) (runtime.Release, error) {
	wanted, preferred, err := nodeRange(asked, b.releases)
	if err != nil {
		return runtime.Release{}, err
	}
	request := runtime.Request{Runtime: "node", Constraint: runtime.Within(wanted), Arch: b.Arch, Prefer: []runtime.Constraint{}}
	for _, line := range preferred {
		request.Prefer = append(request.Prefer, runtime.Within(line))
	}
	r, err := b.Runtimes.Resolve(ctx, request)
	var missing *runtime.MissingError
	if errors.As(err, &missing) {
		return runtime.Release{}, appfile.Error("Node.js %s does not exist in %s; nearest are %s\n%s asks for it\n%s",
			missing.Constraint, strings.Join(missing.Where, ", "), strings.Join(missing.Nearest, ", "), asked.Source(), pinHint(b.releases))
	}
	if err != nil {
		return runtime.Release{}, err
	}
	if npm.Major(r.Version) < b.releases.Lines[0].Major {
		return runtime.Release{}, tooOld(r.Version, asked, b.releases)
	}
	for _, other := range asked.Passed {
		b.Print.Detail("Passing over %s: %s comes first", other, asked.Source())
	}
	if asked.Text != "" && b.releases.allowsNewer(wanted, r.Version) {
		b.Print.Detail("%s allows newer lines too; to choose one, say so:\n  npm pkg set engines.node=%d.x", asked, b.releases.Lines[len(b.releases.Lines)-1].Major)
	}
	if r.Stale != nil {
		b.Print.Warn("The registry cannot be asked, so Node.js is that of the last build:\n%s", language.FirstLine(r.Stale))
	}
	b.warnOfEnd(r.Version, asked)
	return r, nil
}

// warnOfEnd says that a version has no more fixes.
func (b *build) warnOfEnd(version string, asked version.Asked) {
	if asked.Text == "" {
		b.Print.Warn("To keep a build from moving to another release line one day, %s", pinHint(b.releases))
	}
	if l := b.releases.of(version); l.ended(b.Now()) {
		b.Print.Warn("Node.js %d has had no security fixes since %s.\nMove to a line that has: %s", l.Major, l.End, pinHint(b.releases))
	}
}

// nodePlan is what is to be done for the layers of Node.js.
type nodePlan struct {
	inputs, notes map[string]string
	node, headers layer.Slot
	keepNode      bool
	withHeaders   bool
	keepHeaders   bool
	why           string
}

// planNode decides whether the layers of an earlier build can stay. The headers
// are wanted only for an app that may compile native packages.
func (b *build) planNode(a app, m npm.Manifest, asked version.Asked) (nodePlan, error) {
	headers := a.mayCompile()
	p := nodePlan{
		inputs:      map[string]string{"package": m.Name, "version": m.Version, "integrity": m.Dist.Integrity},
		notes:       map[string]string{"asked": asked.String()},
		withHeaders: headers,
		keepHeaders: true,
	}
	var err error
	if p.node, err = layer.Open(b.Layers, nodeLayer, libcnb.LayerTypes{Build: true, Cache: true, Launch: a.launches()}, layout); err != nil {
		return nodePlan{}, err
	}
	p.keepNode, p.why = p.node.Keeps(p.inputs)
	if headers {
		if p.headers, err = layer.Open(b.Layers, headersLayer, libcnb.LayerTypes{Build: true, Cache: true}, layout); err != nil {
			return nodePlan{}, err
		}
		if p.keepHeaders, _ = p.headers.Keeps(p.inputs); !p.keepHeaders && p.keepNode {
			p.why = "its headers are not in the cache"
		}
	}
	if p.keepNode && p.keepHeaders {
		b.Print.Detail("Node.js %s (%s), from the cache", m.Version, asked)
	} else {
		b.Print.Detail("Node.js %s (%s)", m.Version, asked)
	}
	return p, nil
}

// installNode makes the layers of Node.js.
func (b *build) installNode(ctx context.Context, r runtime.Release, p nodePlan) (node, headers libcnb.Layer, err error) {
	node = p.node.Describe(p.inputs, p.notes)
	if p.withHeaders {
		headers = p.headers.Describe(p.inputs, p.notes)
	}
	if p.keepNode && p.keepHeaders {
		return node, headers, nil
	}
	if p.withHeaders {
		r.Parts = []string{"headers"}
	}
	fresh := filepath.Join(b.Scratch.Dir, nodeLayer)
	err = b.Download("Node.js", r.Version, p.why, func(progress func(done, total int64)) error {
		runtimes := b.Runtimes
		runtimes.Progress = progress
		_, err := runtimes.Install(ctx, r, fresh)
		return err
	})
	if err != nil {
		return libcnb.Layer{}, libcnb.Layer{}, err
	}
	if !p.keepHeaders {
		if err := b.Scratch.Replace(headers.Path, "include", filepath.Join(fresh, "include")); err != nil {
			return libcnb.Layer{}, libcnb.Layer{}, fmt.Errorf("installing Node.js's headers: %w", err)
		}
	}
	if p.keepNode {
		return node, headers, nil
	}
	if err := os.RemoveAll(filepath.Join(fresh, "include")); err != nil {
		return libcnb.Layer{}, libcnb.Layer{}, fmt.Errorf("installing Node.js: %w", err)
	}
	if err := layer.WriteBeside(filepath.Join(fresh, "exec.d", "concurrency"), limits.Script(concurrency), 0o755); err != nil {
		return libcnb.Layer{}, libcnb.Layer{}, fmt.Errorf("installing Node.js: %w", err)
	}
	if err := b.Scratch.Replace(node.Path, "", fresh); err != nil {
		return libcnb.Layer{}, libcnb.Layer{}, fmt.Errorf("installing Node.js: %w", err)
	}
	env := libcnb.Environment{}
	env.Default("NODE_ENV", "production")
	env.Override("NODE_HOME", node.Path)
	node = layer.WithLaunch(node, env)
	b.Whole(node)
	return node, headers, nil
}
