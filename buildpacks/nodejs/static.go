package nodejs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/nodejs/lock"
)

// site is an app that is files once it was built: a web server has to serve
// them, and Node.js has no part in it.
type site struct {
	// root is the directory of the files, "" where the app's own settings for a
	// web server say it.
	root string
	// fallback tells whether the page of the root answers for every path, since
	// the app in the browser reads it.
	fallback bool
}

// siteFiles are settings for a web server that an app may have.
var siteFiles = []string{"static.json", "Staticfile"}

// readSite tells whether an app is a site, by what its author wrote: a framework
// that makes one, with a build script, and nothing that starts a server.
func readSite(dir string, m manifest) (site, bool, error) {
	if starts, err := hasServer(dir, m); starts || err != nil || len(m.buildScripts()) == 0 {
		return site{}, false, err
	}
	own, err := appfile.Found(dir, siteFiles...)
	if err != nil {
		return site{}, false, err
	}
	for _, f := range frameworks {
		if !m.depends(f.packages...) {
			continue
		}
		s, is, err := f.site(dir, m)
		if len(own) > 0 {
			s, is = site{fallback: s.fallback}, true
		}
		return s, is, err
	}
	return site{}, len(own) > 0, nil
}

// hasServer tells whether an app says itself how a server starts: in a Procfile,
// by a start script, or by a file that npm would start.
func hasServer(dir string, m manifest) (bool, error) {
	data, err := os.ReadFile(filepath.Join(dir, "Procfile"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("looking for processes: %w", err)
	}
	if webProcess().Match(data) {
		return true, nil
	}
	if script := m.Scripts["start"]; script != "" && !developing(script) {
		return true, nil
	}
	return appfile.Exists(dir, "server.js")
}

var webProcess = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^web\s*:`) })

// developers are commands that serve an app to who works on it, and are none of
// a start in production.
var developers = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:(?:npx|cross-env|pnpm exec|yarn|bunx)\s+)?(?:\w+=\S*\s+)*(react-scripts start|react-app-rewired start|craco start|ng serve|ng s\b|` +
		`vite(?: dev| serve| preview)?(?:\s+-.*)?$|vue-cli-service serve|react-router dev|remix vite:dev|astro (?:dev|preview)|gatsby (?:develop|serve)|docusaurus start|` +
		`parcel(?: serve)?\s|webpack(?:-dev-server| serve)|nux[it] (?:dev|preview)|next dev|nest start|expo start)`)
})

// developing tells whether a script is for who works on the app.
func developing(script string) bool { return developers().MatchString(strings.TrimSpace(script)) }

// framework is one that makes apps which are files once they were built.
type framework struct {
	packages []string
	site     func(dir string, m manifest) (site, bool, error)
}

// at is a site in a directory that never changes.
func at(root string, fallback bool) func(string, manifest) (site, bool, error) {
	return func(string, manifest) (site, bool, error) { return site{root, fallback}, true, nil }
}

// frameworks are the known ones, those first that bring others along.
var frameworks = []framework{
	{[]string{"next"}, nextSite},
	{[]string{"nuxt"}, nuxtSite},
	{[]string{"@react-router/dev"}, reactRouterSite},
	{[]string{"@remix-run/dev"}, remixSite},
	{[]string{"astro"}, astroSite},
	{[]string{"@sveltejs/kit"}, svelteSite},
	{[]string{"@nestjs/core", "@solidjs/start", "@tanstack/react-start", "vinxi", "nitropack"}, func(string, manifest) (site, bool, error) { return site{}, false, nil }},
	{[]string{"@angular/cli", "@angular/build", "@angular-devkit/build-angular"}, angularSite},
	{[]string{"react-scripts"}, at("build", true)},
	{[]string{"@vue/cli-service"}, vueSite},
	{[]string{"gatsby"}, at("public", false)},
	{[]string{"@docusaurus/core"}, at("build", false)},
	{[]string{"@11ty/eleventy"}, at("_site", false)},
	{[]string{"vitepress"}, vitepressSite},
	{[]string{"vite"}, viteSite},
	{[]string{"parcel"}, at("dist", true)},
}

// configs are the names that a settings file of a tool may have.
func configs(dir, name string) (string, error) {
	for _, extension := range []string{".ts", ".mts", ".cts", ".js", ".mjs", ".cjs"} {
		data, err := os.ReadFile(filepath.Join(dir, name+extension))
		if err == nil {
			return string(data), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("looking for how the app is built: %w", err)
		}
	}
	return "", nil
}

// setting is a text that a settings file assigns to a name: these files are
// programs, but most of them say such a thing plainly.
func setting(config, name string) string {
	match := regexp.MustCompile(`(?m)^[^/\n]*\b` + name + `\s*:\s*['"` + "`" + `]([^'"` + "`" + `\n]+)['"` + "`" + `]`).FindStringSubmatch(config)
	if match == nil {
		return ""
	}
	return match[1]
}

// directory is a setting that names a directory of the app, or the usual one.
func directory(config, name, usual string) string {
	if dir := path.Clean(setting(config, name)); dir != "." && filepath.IsLocal(dir) {
		return dir
	}
	return usual
}

func nextSite(dir string, _ manifest) (site, bool, error) {
	config, err := configs(dir, "next.config")
	return site{root: directory(config, "distDir", "out")}, setting(config, "output") == "export", err
}

func nuxtSite(dir string, m manifest) (site, bool, error) {
	config, err := configs(dir, "nuxt.config")
	generates := strings.Contains(m.Scripts[m.buildScripts()[0]], "generate")
	return site{root: ".output/public", fallback: ssrOff().MatchString(config)}, generates, err
}

var ssrOff = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^[^/\n]*\bssr\s*:\s*false`) })

func reactRouterSite(dir string, _ manifest) (site, bool, error) {
	config, err := configs(dir, "react-router.config")
	return site{root: path.Join(directory(config, "buildDirectory", "build"), "client"), fallback: true}, ssrOff().MatchString(config), err
}

func remixSite(dir string, _ manifest) (site, bool, error) {
	config, err := configs(dir, "vite.config")
	return site{root: "build/client", fallback: true}, ssrOff().MatchString(config), err
}

func astroSite(dir string, m manifest) (site, bool, error) {
	config, err := configs(dir, "astro.config")
	return site{root: directory(config, "outDir", "dist")}, !m.depends("@astrojs/node"), err
}

func svelteSite(_ string, m manifest) (site, bool, error) {
	return site{root: "build", fallback: true}, m.depends("@sveltejs/adapter-static"), nil
}

func vueSite(dir string, _ manifest) (site, bool, error) {
	config, err := configs(dir, "vue.config")
	return site{root: directory(config, "outputDir", "dist"), fallback: true}, true, err
}

func viteSite(dir string, m manifest) (site, bool, error) {
	config, err := configs(dir, "vite.config")
	builds := false
	for _, name := range m.buildScripts() {
		builds = builds || strings.Contains(m.Scripts[name], "vite")
	}
	return site{root: directory(config, "outDir", "dist"), fallback: true}, builds, err
}

func vitepressSite(_ string, m manifest) (site, bool, error) {
	// The command names the directory of the pages: vitepress build docs.
	for _, name := range m.buildScripts() {
		if match := vitepressBuild().FindStringSubmatch(m.Scripts[name]); match != nil && filepath.IsLocal(path.Join(".", match[1])) {
			return site{root: path.Join(match[1], ".vitepress/dist")}, true, nil
		}
	}
	return site{}, false, nil
}

var vitepressBuild = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`vitepress build(?:\s+([\w./-]+))?`) })

// angularSite reads angular.json: where the one project that is an app is put
// when it was built. One that is rendered on a server is none.
func angularSite(dir string, _ manifest) (site, bool, error) {
	data, err := os.ReadFile(filepath.Join(dir, "angular.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return site{}, false, nil
	}
	if err != nil {
		return site{}, false, fmt.Errorf("looking for how the app is built: %w", err)
	}
	name, p, err := readAngular(data)
	if err != nil || name == "" || p.rendersOnServer() {
		return site{}, false, err
	}
	return site{root: p.output(name), fallback: true}, true, nil
}

// angularProject is a project of an angular.json.
type angularProject struct {
	Type      string `json:"projectType"`
	Architect struct {
		Build struct {
			Builder string `json:"builder"`
			Options struct {
				OutputPath json.RawMessage `json:"outputPath"`
				SSR        json.RawMessage `json:"ssr"`
				Server     json.RawMessage `json:"server"`
				OutputMode string          `json:"outputMode"`
			} `json:"options"`
		} `json:"build"`
	} `json:"architect"`
}

// readAngular is the app of an angular.json: the default project, or the only
// app. Name is "" when there are several.
func readAngular(data []byte) (name string, p angularProject, err error) {
	var doc struct {
		Default  string                    `json:"defaultProject"`
		Projects map[string]angularProject `json:"projects"`
	}
	if err := appfile.JSON("angular.json", lock.PlainJSON(data), &doc); err != nil {
		return "", angularProject{}, err
	}
	if p, is := doc.Projects[doc.Default]; is {
		return doc.Default, p, nil
	}
	var apps []string
	for _, name := range sortedKeys(doc.Projects) {
		if doc.Projects[name].Type != "library" {
			apps = append(apps, name)
		}
	}
	if len(apps) != 1 {
		return "", angularProject{}, nil
	}
	return apps[0], doc.Projects[apps[0]], nil
}

func (p angularProject) rendersOnServer() bool {
	o := p.Architect.Build.Options
	ssr := string(o.SSR)
	return o.OutputMode == "server" || o.OutputMode == "" && (len(o.Server) > 0 || ssr != "" && ssr != "false" && ssr != "null")
}

// output is the directory of the files for browsers.
func (p angularProject) output(name string) string {
	base, browser := "dist/"+name, ""
	if strings.HasSuffix(p.Architect.Build.Builder, ":application") {
		browser = "browser"
	}
	raw := p.Architect.Build.Options.OutputPath
	var text string
	var object struct {
		Base    string  `json:"base"`
		Browser *string `json:"browser"`
	}
	switch {
	case json.Unmarshal(raw, &text) == nil && text != "":
		base = text
	case json.Unmarshal(raw, &object) == nil && object.Base != "":
		base = object.Base
		if object.Browser != nil {
			browser = *object.Browser
		}
	}
	return path.Join(base, browser)
}
