package nodejs

import (
	"encoding/json"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/nodejs/lock"
)

// manifestFile is the file that says what an app is and needs.
const manifestFile = lock.ManifestFile

// manifest is a package.json, as far as a build needs it.
type manifest struct {
	Name                 string            `json:"name"`
	Main                 string            `json:"main"`
	Module               string            `json:"module"`
	Scripts              map[string]string `json:"scripts"`
	Dependencies         map[string]string `json:"dependencies"`
	DevDependencies      map[string]string `json:"devDependencies"`
	OptionalDependencies map[string]string `json:"optionalDependencies"`
	PeerDependencies     map[string]string `json:"peerDependencies"`
	Version              string            `json:"version"`
	PackageManager       string            `json:"packageManager"`
	DevEngines           devEngines        `json:"devEngines"`
	Engines              lock.Words        `json:"engines"`
	Volta                lock.Words        `json:"volta"`
	Workspaces           json.RawMessage   `json:"workspaces"`
	Overrides            json.RawMessage   `json:"overrides"`
	Resolutions          json.RawMessage   `json:"resolutions"`
	DependenciesMeta     json.RawMessage   `json:"dependenciesMeta"`
	PNPM                 json.RawMessage   `json:"pnpm"`
	TrustedDependencies  json.RawMessage   `json:"trustedDependencies"`
	InstallConfig        json.RawMessage   `json:"installConfig"`
	BundleDependencies   json.RawMessage   `json:"bundleDependencies"`
	BundledDependencies  json.RawMessage   `json:"bundledDependencies"`
	PeerDependenciesMeta json.RawMessage   `json:"peerDependenciesMeta"`
	AllowScripts         json.RawMessage   `json:"allowScripts"`
	CacheDirectories     json.RawMessage   `json:"cacheDirectories"`
	CacheDirectoriesOld  json.RawMessage   `json:"cache_directories"`
	Gypfile              *bool             `json:"gypfile"`
}

// readManifest reads the package.json of a directory.
func readManifest(dir, name string) (manifest, error) {
	data, err := appfile.Read(dir, name)
	if err != nil {
		return manifest{}, err
	}
	var m manifest
	return m, appfile.JSON(name, data, &m)
}

// needs are what it says of packages.
func (m manifest) needs() lock.Manifest {
	return lock.Manifest{
		Name: m.Name, Version: m.Version,
		Dependencies: m.Dependencies, DevDependencies: m.DevDependencies, OptionalDependencies: m.OptionalDependencies, PeerDependencies: m.PeerDependencies,
		Workspaces: m.Workspaces, Overrides: m.Overrides, Resolutions: m.Resolutions,
	}
}

// depends tells whether an app asks for a package, be it for development alone.
func (m manifest) depends(names ...string) bool {
	for _, name := range names {
		if m.needs().Spec(name) != "" {
			return true
		}
	}
	return false
}

// lifecycle are the scripts that npm runs after it has installed an app's
// packages, in npm's order.
var lifecycle = []string{"preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"}

// lifecycleScripts are those that an app has.
func (m manifest) lifecycleScripts() []string {
	var scripts []string
	for _, name := range lifecycle {
		if m.Scripts[name] != "" {
			scripts = append(scripts, name)
		}
	}
	return scripts
}

// buildScripts are the scripts that build an app, in order. As on Heroku,
// heroku-postbuild stands in for build, and heroku-build, which only newer
// apps have, stands before heroku-postbuild.
func (m manifest) buildScripts() []string {
	switch {
	case m.Scripts["heroku-build"] != "" && m.Scripts["heroku-postbuild"] != "":
		return []string{"heroku-build", "heroku-postbuild"}
	case m.Scripts["heroku-build"] != "":
		return []string{"heroku-build"}
	case m.Scripts["heroku-postbuild"] != "":
		return []string{"heroku-postbuild"}
	case m.Scripts["build"] != "":
		return []string{"build"}
	}
	return nil
}

// rawNames are the keys of a JSON object.
func rawNames(raw json.RawMessage) []string {
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil {
		return nil
	}
	return sortedKeys(object)
}
