package nodejs

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/layer"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// modulesKey is the key of node_modules: the versions of Node.js and the package
// manager, the system that native packages are compiled on, the lock file, what
// package.json says about dependencies, the package manager's settings, and
// patches to packages.
func (t *moduleTree) modulesKey(tools toolchain) (string, error) {
	k := &layer.Key{}
	k.Add("node", tools.node.Version)
	k.Add(string(t.driver.manager), t.driver.version)
	k.Add("tool", tools.manager.manifest.Dist.Integrity)
	k.Add("arch", t.b.Arch)
	if tools.headers.Name != "" {
		k.Add("distro", t.b.Distro)
	}
	k.Add("arguments", strings.Join(t.arguments(), " "))
	k.Add("lock", t.app.lockSum)
	if err := addManifest(k, manifestFile, t.app.root.manifest); err != nil {
		return "", err
	}
	if t.app.root.member != "" {
		k.Add("member", t.app.root.member)
	}
	for _, dir := range slices.Sorted(slices.Values(t.installed())) {
		if err := addManifest(k, dir, t.app.members[dir]); err != nil {
			return "", err
		}
	}
	for _, name := range t.driver.settings() {
		if err := k.AddTree(t.app.root.dir, name); err != nil {
			return "", err
		}
	}
	for _, name := range sortedKeys(t.b.Env) {
		setting, is := t.driver.variable(name)
		if !is || passing(setting) {
			continue
		}
		k.Add(strings.ToLower(name), t.b.Env[name])
	}
	return k.Sum(), nil
}

// passing tells whether a setting of npm has no say in what is installed:
// credentials, which change from build to build, and where things are.
func passing(setting string) bool {
	if strings.HasPrefix(setting, "//") {
		return true
	}
	for _, part := range []string{"auth", "token", "password", "username", "cache", "userconfig", "globalconfig",
		"cafile", "proxy", "loglevel", "fetch_", "tmp", "init_", "user_agent", "node_gyp", "local_prefix", "global_prefix"} {
		if strings.Contains(setting, part) {
			return true
		}
	}
	return false
}

// addManifest adds what a package.json says about dependencies.
func addManifest(k *layer.Key, name string, m manifest) error {
	scripts := map[string]string{}
	for _, script := range m.lifecycleScripts() {
		scripts[script] = m.Scripts[script]
	}
	text, err := json.Marshal([]any{
		m.Name, m.Dependencies, m.DevDependencies, m.OptionalDependencies, m.PeerDependencies, m.PeerDependenciesMeta,
		m.BundleDependencies, m.BundledDependencies, m.Overrides, m.Workspaces, m.AllowScripts, m.Engines, scripts,
		m.Resolutions, m.DependenciesMeta, m.PNPM, m.TrustedDependencies, m.InstallConfig, m.Version,
	})
	if err != nil {
		return fmt.Errorf("computing the key of node_modules: %s: %w", name, err)
	}
	k.Add(name, string(text))
	return nil
}
