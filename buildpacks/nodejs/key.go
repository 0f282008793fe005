package nodejs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// key is a checksum over all that decides what npm installs.
type key struct{ parts []string }

func (k *key) add(name string, value string) { k.parts = append(k.parts, name, value) }

func (k *key) sum() string {
	h := sha256.New()
	for _, part := range k.parts {
		// The length keeps two parts from reading as others.
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func textSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// modulesKey is the key of node_modules: the versions of Node.js and npm, the
// system that native packages are compiled on, the lock file, what package.json
// says about dependencies, npm's settings, and patches to packages.
func (t *moduleTree) modulesKey(tools toolchain) (string, error) {
	k := &key{}
	k.add("node", tools.node.Version)
	k.add("npm", tools.npm.Version)
	k.add("arch", t.b.arch)
	if tools.headers.Name != "" {
		k.add("distro", t.b.distro)
	}
	k.add("arguments", strings.Join(t.arguments(), " "))
	k.add("lock", t.lockSum)
	if err := addManifest(k, manifestFile, t.app.manifest); err != nil {
		return "", err
	}
	for _, dir := range sortedKeys(t.app.members) {
		if err := addManifest(k, dir, t.app.members[dir]); err != nil {
			return "", err
		}
	}
	for _, name := range []string{".npmrc", "patches"} {
		if err := addTree(k, t.app.dir, name); err != nil {
			return "", err
		}
	}
	for _, name := range sortedKeys(t.b.env) {
		setting, found := strings.CutPrefix(strings.ToLower(name), "npm_config_")
		if !found || passing(setting) {
			continue
		}
		k.add("npm_config_"+setting, t.b.env[name])
	}
	return k.sum(), nil
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
func addManifest(k *key, name string, m manifest) error {
	scripts := map[string]string{}
	for _, script := range m.lifecycleScripts() {
		scripts[script] = m.Scripts[script]
	}
	text, err := json.Marshal([]any{
		m.Name, m.Dependencies, m.DevDependencies, m.OptionalDependencies, m.PeerDependencies, m.PeerDependenciesMeta,
		m.BundleDependencies, m.BundledDependencies, m.Overrides, m.Workspaces, m.AllowScripts, m.Engines, scripts,
	})
	if err != nil {
		return fmt.Errorf("computing the key of node_modules: %s: %w", name, err)
	}
	k.add(name, string(text))
	return nil
}

// addTree adds the files of a directory, or one file.
func addTree(k *key, dir, name string) error {
	err := filepath.WalkDir(filepath.Join(dir, name), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		k.add(rel, textSum(data))
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("computing the key of node_modules: %w", err)
	}
	return nil
}
