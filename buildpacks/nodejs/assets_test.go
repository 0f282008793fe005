package nodejs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/buildpacks/libcnb/v2"

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
			dir := t.TempDir()
			for file, text := range tt.files {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			var out bytes.Buffer
			result, err := nodejs.DetectAssets(&out)(libcnb.DetectContext{ApplicationPath: dir})
			if err != nil {
				t.Fatal(err)
			}
			if result.Pass != (tt.why == "") || !strings.Contains(out.String(), tt.why) || result.Pass && out.Len() > 0 {
				t.Errorf("passed: %t, printed %q", result.Pass, out.String())
			}
		})
	}
}
