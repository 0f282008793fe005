package nodejs

import (
	"encoding/json"
	"sort"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// manifestFile is the file that says what an app is and needs.
const manifestFile = "package.json"

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
	Engines              words             `json:"engines"`
	Volta                words             `json:"volta"`
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

// words is an object of strings of which anything else is passed over, as npm
// passes over it.
type words map[string]string

// UnmarshalJSON implements json.Unmarshaler.
func (w *words) UnmarshalJSON(data []byte) error {
	*w = words{}
	var object map[string]any
	if json.Unmarshal(data, &object) != nil {
		return nil
	}
	for name, value := range object {
		if text, ok := value.(string); ok {
			(*w)[name] = text
		}
	}
	return nil
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

// empty tells whether nothing is to be installed.
func (m manifest) empty() bool {
	return len(m.Dependencies)+len(m.DevDependencies)+len(m.OptionalDependencies)+len(m.PeerDependencies) == 0 &&
		len(m.Workspaces) == 0
}

// wanted is a dependency of a package.json.
type wanted struct {
	name, spec string
	optional   bool
}

// wants are the dependencies that a lock file must hold, by name.
func (m manifest) wants() []wanted {
	specs := map[string]wanted{}
	for name, spec := range m.DevDependencies {
		specs[name] = wanted{name, spec, false}
	}
	for name, spec := range m.Dependencies {
		specs[name] = wanted{name, spec, false}
	}
	for name, spec := range m.OptionalDependencies {
		specs[name] = wanted{name, spec, true}
	}
	all := make([]wanted, 0, len(specs))
	for _, w := range specs {
		all = append(all, w)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].name < all[j].name })
	return all
}

// spec is what is wanted of one package, "" when it is not.
func (m manifest) spec(name string) string {
	for _, specs := range []map[string]string{m.OptionalDependencies, m.Dependencies, m.DevDependencies} {
		if spec, found := specs[name]; found {
			return spec
		}
	}
	return ""
}

// depends tells whether an app asks for a package, be it for development alone.
func (m manifest) depends(names ...string) bool {
	for _, name := range names {
		if m.spec(name) != "" {
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
