package nodejs_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/buildpacks/nodejs"
)

func TestDetectAssets(t *testing.T) {
	for name, tt := range map[string]struct {
		files map[string]string
		// why is what is printed where Node.js has no part.
		why string
	}{
		"a build script":                 {files: map[string]string{"package.json": `{"scripts": {"build": "vite build"}}`}},
		"Heroku's build script":          {files: map[string]string{"package.json": `{"scripts": {"heroku-postbuild": "webpack"}}`}},
		"another language, then Node.js": {files: map[string]string{"package.json": `{"scripts": {"build": "cd web && A=1 npm run build"}}`}},
		"a process of Node.js":           {files: map[string]string{"package.json": `{}`, "Procfile": "web: bin/app\nworker: A=1 node worker.js\n"}},
		"a process of a package manager": {files: map[string]string{"package.json": `{}`, "Procfile": "worker: yarn worker\n"}},
		"what cannot be read":            {files: map[string]string{"package.json": `{`}},
		"nothing":                        {why: "no package.json"},
		"tools of who works on it": {
			files: map[string]string{"package.json": `{"scripts": {"lint": "eslint ."}, "devDependencies": {"eslint": "9"}}`, "Procfile": "web: python node.py\n"},
			why:   "npm pkg set scripts.build",
		},
		"a script of another language": {
			files: map[string]string{"package.json": `{"scripts": {"build": "CGO_ENABLED=0 go build ./... && echo done"}}`},
			why:   `the script "build" of package.json needs no Node.js: CGO_ENABLED=0 go build`,
		},
		"a lock file of Ruby, which may ask": {files: map[string]string{"Gemfile.lock": "GEM\n"}},
		"Maven does it": {
			files: map[string]string{"package.json": `{"scripts": {"build": "vite build"}}`, "pom.xml": "<artifactId>frontend-maven-plugin</artifactId>"},
			why:   "pom.xml has frontend-maven-plugin, which runs Node.js itself",
		},
	} {
		t.Run(name, func(t *testing.T) {
			result, says := languagetest.Detected(t, nodejs.DetectAssets, tt.files, nil)
			if result.Pass != (tt.why == "") || !strings.Contains(says, tt.why) || result.Pass && says != "" {
				t.Errorf("passed: %t, printed %q", result.Pass, says)
			}
		})
	}
}

// assistedSite is a site with an app of another language that asks for Node.js.
func assistedSite(t *testing.T, metadata string) *site {
	t.Helper()
	s := newFakeSite(t, fakeRegistry(t))
	s.assists = true
	s.Plan = "[[entries]]\nname = \"node\"\n[entries.metadata]\nfor = \"the gem terser\"\nbuild = true\n" + metadata
	return s
}

// An app without a package.json gets Node.js alone, when the buildpack of its
// language asks for it, and keeps it.
func TestNodeAlone(t *testing.T) {
	s := assistedSite(t, "launch = false\n")
	s.remove("package.json", "package-lock.json")
	s.write(map[string]string{".node-version": "22\n"})
	out := s.mustBuild()
	languagetest.Holds(t, out, "the gem terser runs it", "Node.js is left out of what starts", `Node.js 22.23.3 (.node-version "22")`)
	languagetest.Lacks(t, out, "npm", "Installing packages", "web:")
	languagetest.Holds(t, s.Read("layers", "node.toml"), "build = true", "cache = true")
	languagetest.Lacks(t, s.Read("layers", "node.toml"), "launch = true")
	before := s.Stamps("layers/node")
	languagetest.Holds(t, s.mustBuild(), "from the cache")
	if diff := cmp.Diff(before, s.Stamps("layers/node")); diff != "" {
		t.Error(diff)
	}

	s.Plan = strings.Replace(s.Plan, "launch = false", "launch = true", 1)
	languagetest.Holds(t, s.mustBuild(), "Node.js goes along")
	languagetest.Holds(t, s.Read("layers", "node.toml"), "launch = true")
	if !s.Has("layers", "node.sbom.cdx.json") {
		t.Error("what goes along has no bill of materials")
	}
}

// A language that runs the scripts which build itself gets the packages that they
// need, and is not run ahead of.
func TestScriptsOfTheLanguage(t *testing.T) {
	for name, test := range map[string]struct {
		scripts string
		ran     bool
	}{
		"its own":        {scripts: "scripts = true\n"},
		"nobody's":       {scripts: "scripts = false\n", ran: true},
		"nothing of any": {ran: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := assistedSite(t, test.scripts)
			s.write(map[string]string{
				"package.json": `{"engines": {"node": "22.x"}, "scripts": {"build": "x"}, "dependencies": {"left-pad": "^1.3.0"}, "devDependencies": {"jest": "29"}}`,
				"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {"dependencies": {"left-pad": "^1.3.0"}, "devDependencies": {"jest": "29"}}, ` +
					`"node_modules/left-pad": {"version": "1.3.0"}, "node_modules/jest": {"version": "29.0.0", "dev": true}}}`,
				"fake-build.sh": "touch made\n",
			})
			out := s.mustBuild()
			languagetest.Holds(t, out, "npm ci --include=dev", "Node.js and the packages are left out of what starts")
			if got := strings.Contains(out, `Running the script "build"`) && s.Has("app", "made"); got != test.ran {
				t.Errorf("it ran: %t\n%s", got, out)
			}
			if !s.Has("app", "node_modules", "jest", "jest.js") {
				t.Error("a package that the script needs is not there")
			}
		})
	}
}
