package nodejs

import (
	"fmt"
	"path"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/version"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
)

// nodeVersion is what an app asks of Node.js. The order is that of Railpack and
// Paketo: a variable of the build, engines.node, .nvmrc, .node-version, and
// last volta.node, which pins the tools of developers. The root of a workspace
// stands behind the app.
func nodeVersion(a app, env map[string]string, r releases) (version.Asked, error) {
	var all []version.Asked
	if text := strings.TrimSpace(env["BP_NODE_VERSION"]); text != "" {
		all = append(all, version.Asked{Text: text, Name: "BP_NODE_VERSION"})
	}
	asked, err := a.asksNode()
	if err != nil {
		return version.Asked{}, err
	}
	all = append(all, asked...)
	if len(all) == 0 {
		return version.Asked{Name: "the default, " + r.Default}, nil
	}
	return version.First(all...), nil
}

// place is a directory that says which tools the app wants.
type place struct {
	dir, name string
	manifest  manifest
}

// at is the name of a file of it, for a person who is in the root.
func (p place) at(file string) string { return path.Join(p.name, file) }

// places are the app and, for a member of a workspace, the root behind it.
func (a *app) places() []place {
	all := []place{{a.dir, a.root.member, a.manifest}}
	if a.root.member != "" {
		all = append(all, place{a.root.dir, "", a.root.manifest})
	}
	return all
}

// versionNames are the files of version managers that count.
var versionNames = []string{".nvmrc", ".node-version"}

// asksNode are the wishes of the app's files for a version of Node.js.
func (a *app) asksNode() ([]version.Asked, error) {
	var all, pins []version.Asked
	for _, p := range a.places() {
		if text := strings.TrimSpace(p.manifest.Engines["node"]); text != "" {
			all = append(all, version.Asked{Text: text, Name: "engines.node", File: p.at(manifestFile)})
		}
		for _, name := range versionNames {
			there, err := appfile.Exists(p.dir, name)
			if err != nil {
				return nil, fmt.Errorf("looking for the version of Node.js: %w", err)
			}
			if !there {
				continue
			}
			data, err := appfile.Read(p.dir, name)
			if err != nil {
				return nil, err
			}
			if text := appfile.Word(data); text != "" {
				all = append(all, version.Asked{Text: text, Name: p.at(name)})
			}
		}
		if text := strings.TrimSpace(p.manifest.Volta["node"]); text != "" {
			pins = append(pins, version.Asked{Text: text, Name: "volta.node", File: p.at(manifestFile)})
		}
	}
	return append(all, pins...), nil
}

// nodeRange reads a wish for Node.js. Preferred are the lines to choose
// from where it allows several, best first.
func nodeRange(c version.Asked, r releases) (wanted npm.Range, preferred []npm.Range, err error) {
	text := c.Text
	if text == "" {
		text = r.Default
	}
	text, newest, err := r.alias(text)
	if err == nil {
		wanted, err = npm.ParseRange(text)
	}
	if err != nil {
		return npm.Range{}, nil, appfile.Error("%s does not say which Node.js to use\n%w\n%s", c, err, pinHint(r))
	}
	if newest {
		return wanted, nil, nil
	}
	if r.tooOld(wanted) {
		return npm.Range{}, nil, tooOld(text, c, r)
	}
	for _, text := range append([]string{r.Default}, r.longTerm()...) {
		line, err := npm.ParseRange(text)
		if err != nil {
			return npm.Range{}, nil, fmt.Errorf("reading buildpack.toml: %w", err)
		}
		preferred = append(preferred, line)
	}
	return wanted, preferred, nil
}

// tooOld refuses a Node.js that is older than what slugc installs.
func tooOld(number string, c version.Asked, r releases) error {
	return appfile.Error("Node.js %s is too old: slugc installs %d and later\n%s asks for it\n%s", number, r.Lines[0].Major, c.Source(), pinHint(r))
}

// pinHint is the command that pins the default line.
func pinHint(r releases) string {
	return fmt.Sprintf("ask for a release line:\n  npm pkg set engines.node=%s", r.Default)
}

// npmVersion is what an app asks of npm: packageManager, then engines.npm, and
// otherwise nothing.
func npmVersion(a app) version.Asked {
	if !a.manages() {
		return a.choice.asked
	}
	for _, p := range a.places() {
		text := strings.TrimSpace(p.manifest.Engines["npm"])
		if _, err := npm.ParseRange(text); err == nil && text != "" {
			return version.Asked{Text: text, Name: "engines.npm", File: p.at(manifestFile)}
		}
	}
	// "please use yarn", say some.
	return version.Asked{}
}
